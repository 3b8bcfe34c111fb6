"""How a benchmark tells what it found: JSON in a file, with what it ran on."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


def tell(benchmark: str, found: Mapping[str, Any], output: Path | None = None) -> str:
    """Write what was found to a file, and return it as text.

    Args:
        benchmark: its name.
        found: figures.
        output: the file; None for that of the benchmark's name under ``build/benchmarks``.
    """
    document = {
        "benchmark": benchmark,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "machine": platform.machine(),
        **found,
    }
    text = json.dumps(document, indent=1)
    output = output or Path("build/benchmarks") / f"{benchmark}.json"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text + "\n", encoding="utf-8")
    return text
