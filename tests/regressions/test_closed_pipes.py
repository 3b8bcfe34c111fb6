"""Who piped a table into `head -1` once got exit code 1: rich ended the program by itself."""

from __future__ import annotations

import subprocess

from tests.cli import ROOT, command


def test_a_reader_that_goes_away_is_no_failure() -> None:
    with subprocess.Popen(
        command("policies", "validate", "policies", "--format", "table"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None and child.stderr is not None
        child.stdout.close()
        assert child.stderr.read() == ""
        assert child.wait(60) == 0
