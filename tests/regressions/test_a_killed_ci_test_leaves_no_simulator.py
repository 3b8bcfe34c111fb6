"""A test of the CI files that was killed left its simulator on port 8989, in the next one's way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
_KILLED = """
import os, signal, sys
from pathlib import Path
from tests.wire.cli.test_ci_files import runner

with runner(Path(sys.argv[1]), {}) as ci:
    print(ci.step("sleep 600 >/dev/null 2>&1 & echo $!").stdout, end="", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_step_left_in_the_background_ends_with_the_test(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    left = int(done.stdout)
    for _ in range(200):
        try:
            os.kill(left, 0)
        except ProcessLookupError:
            return
        if Path(f"/proc/{left}/stat").read_text().split(") ")[1].startswith("Z"):
            return
        time.sleep(0.05)
    raise AssertionError(f"process {left} still runs")
