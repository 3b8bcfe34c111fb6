"""The console's benchmark measures what it says, on an estate that is smaller than its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.tools.test_console_build import MOST_BYTES

ROOT = Path(__file__).resolve().parents[2]

# A service with a plant of its own starts beside the browser.
pytestmark = pytest.mark.timeout(400)


def test_of_thousands_of_vms_only_those_in_sight_are_in_the_page() -> None:
    # A process of its own: a browser is driven from one thread of one process only.
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.console", "--vms=2000", "--loads=1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=380,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["rows_told"] == 2000
    assert 10 < found["rows_in_the_page"] < 80
    assert found["interactive_ms"] == [found["interactive_median_ms"]]
    assert found["wheel"]["frames"] == found["dragged"]["frames"] == 239
    assert found["bundle_gzip_bytes"] < MOST_BYTES
