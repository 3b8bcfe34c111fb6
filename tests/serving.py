"""``vsphere-market serve`` as a process of its own, as an administrator starts it."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.cli import ROOT, command, vm

#: Until the plant is warm and the first decision is made, on a busy machine.
_PATIENCE_S = 100.0


@dataclass(frozen=True)
class Served:
    """A running service.

    Attributes:
        url: its address.
        fingerprint: SHA-256 of its certificate, as it printed it.
        tokens: its file of tokens.
    """

    url: str
    fingerprint: str
    tokens: Path

    def token(self, role: str) -> str:
        """A new token."""
        made = vm("tokens", "create", f"a-{role}", "--role", role, "--tokens", self.tokens)
        assert made.code == 0, made.err
        (found,) = re.findall(r"vsm_[0-9a-z]+_[A-Za-z0-9_-]+", made.out)
        return str(found)


@contextlib.contextmanager
def serving(folder: Path, *options: object, plant: str = "demo") -> Iterator[Served]:
    """Start the service on a free port of loopback; it ends with the block.

    Args:
        folder: for its journal, tokens and certificate.
        options: further options of ``serve``.
        plant: the estate.
    """
    tokens = folder / "tokens.json"
    arguments = ["serve", "--plant", plant, "--listen", "127.0.0.1:0", "--tokens", tokens]
    process = subprocess.Popen(
        command(*arguments, "--journal", folder / "journal.db", *options),
        cwd=ROOT,
        env={**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": "", "XDG_DATA_HOME": ""},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    lines: list[str] = []
    ready = threading.Event()

    def read() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            lines.append(line)
            if "#token=" in line:
                ready.set()
        ready.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        assert ready.wait(_PATIENCE_S), "".join(lines)
        said = "".join(lines)
        url = re.search(r"https://[0-9.]+:[0-9]+", said)
        pin = re.search(r"SHA-256 ([0-9A-F:]{95})", said)
        assert url, said
        assert pin, said
        yield Served(url.group(), pin.group(1), tokens)
    finally:
        process.terminate()
        process.wait(timeout=30)
        reader.join(timeout=5)
        process.stderr.close()
