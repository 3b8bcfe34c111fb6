"""An hour and a half of the loop under random faults; `make soak` makes a day of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_nothing_leaks_and_nothing_is_lost() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.soak", "--cycles", "90", "--seed", "3"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["wrong"] == [] and found["unaccounted"] == 0
    assert found["turns"] == 90 and found["steps_done"] > 0
    assert found["troubles"].keys() >= {"move", "squeeze", "sessions"}
    # What Python's allocator keeps for later is not a leak; a leak per turn would be far more.
    assert found["memory_growth_mib"] < 10.0, found
    assert found["handles_growth"] <= 2, found
