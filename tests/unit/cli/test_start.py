"""Starting is cheap: nothing heavy is imported before a verb needs it."""

from __future__ import annotations

import subprocess
import sys

from tests.cli import ROOT

HEAVY = ("numpy", "pyVmomi", "jsonschema", "keyring", "sqlite3", "rich.table")


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys, contextlib, io\n"
        "from vsphere_market.cli.frame import run\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        "    run(['--help']); run(['plan', '--help'])\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_a_plant_needs_no_vcenter_library() -> None:
    program = (
        "import sys, contextlib, io\n"
        "from vsphere_market.cli.frame import run\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        "    run(['prices', '--plant', 'demo'])\n"
        "print([name for name in ('pyVmomi', 'keyring') if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "[]"
