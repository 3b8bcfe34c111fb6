"""`.ci/run` writes the bill of materials, audits the locks, and then tests."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("audited", "code", "ran"),
    [
        (0, 0, ["make sbom", "audit", "make test"]),
        # Nobody could be asked, which the audit says; a fork without a network is tested as well.
        (75, 0, ["make sbom", "audit", "make test"]),
        (1, 1, ["make sbom", "audit"]),
    ],
)
def test_a_vulnerable_lock_is_not_even_tested(
    tmp_path: Path, audited: int, code: int, ran: list[str]
) -> None:
    log = tmp_path / "log"
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    program(tmp_path / "bin" / "make", f'echo "make $*" >>{log}')
    program(
        tmp_path / ".venv" / "bin" / "python",
        f'[ "$*" = "tools/supply_chain.py audit" ] && echo audit >>{log}; exit {audited}',
    )
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [tmp_path / ".ci" / "run"], env={**os.environ, "PATH": path}, check=False, cwd="/"
    )
    assert done.returncode == code
    assert log.read_text().splitlines() == ran
