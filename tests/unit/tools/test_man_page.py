"""The manual page and the completions say what the command line says, and shells can use them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import man_page

BIN = Path(sys.executable).parent


def test_what_is_shipped_is_what_the_command_line_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert man_page.main(["check"]) == 0, capsys.readouterr().err


def test_a_stale_page_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old = tmp_path / "old.1"
    old.write_text(man_page.MAN.read_text() + "more\n")
    monkeypatch.setattr(man_page, "MAN", old)
    monkeypatch.setattr(man_page, "ROOT", tmp_path)
    assert man_page.main(["check"]) == 1
    assert "run make man" in capsys.readouterr().err


def test_every_verb_and_option_has_its_place() -> None:
    page = man_page.manual()
    for words in ("vsphere\\-market plan", "\\-\\-policies", "vsphere\\-market policies validate"):
        assert words in page
    assert "\\-\\-debug" in page


def test_no_line_is_mistaken_for_a_request() -> None:
    requests = {".TH", ".SH", ".SS", ".PP", ".TP", ".B", ".I"}
    for line in man_page.manual().splitlines():
        assert not line.startswith("'")
        if line.startswith("."):
            assert line.split()[0] in requests, line


def test_bash_completes_verbs(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    assert bash, "bash is needed: install it"
    script = (
        f"source {man_page.COMPLETIONS['bash']}\n"
        "COMP_WORDS=(vsphere-market pl); COMP_CWORD=1\n"
        "_vsphere_market_completion vsphere-market\n"
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(
        [bash, "--norc", "-c", script],
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert done.stdout.split() == ["plan", "plugin"]
