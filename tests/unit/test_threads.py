"""Linear algebra uses one thread, unless it is told otherwise."""

from __future__ import annotations

import os
import subprocess
import sys

from vsphere_market import threads


def test_one_where_nothing_is_said() -> None:
    environment = {"PATH": "x"}
    threads.one_unless_told(environment)
    assert environment == {"PATH": "x"} | dict.fromkeys(threads.NAMES, "1")


def test_whoever_says_something_is_obeyed() -> None:
    environment = {"OPENBLAS_NUM_THREADS": "4"}
    threads.one_unless_told(environment)
    assert environment == {"OPENBLAS_NUM_THREADS": "4"}


def test_it_is_said_before_numpy_is_there() -> None:
    code = "import sys, vsphere_market.cli; sys.exit('numpy' in sys.modules)"
    kept = {name: value for name, value in os.environ.items() if name not in threads.NAMES}
    assert subprocess.run([sys.executable, "-c", code], env=kept, check=False).returncode == 0
