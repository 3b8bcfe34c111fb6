"""The example playbook, as an administrator runs it, against stock vcsim."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli import limit_vm, reaching, vm
from tests.roads import automatic, write_json
from tests.vcsim import StockVcsim

ROOT = Path(__file__).resolve().parents[3]
BIN = Path(sys.executable).parent

pytestmark = pytest.mark.wire


def _playbook(folder: Path, env: dict[str, str], *more: str) -> str:
    done = subprocess.run(
        [str(BIN / "ansible-playbook"), str(folder / "playbook.yml"), *more],
        env={
            **os.environ,
            **env,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "ANSIBLE_HOME": str(folder / "ansible"),
            "ANSIBLE_LOCALHOST_WARNING": "False",
            "ANSIBLE_NOCOLOR": "1",
            "LC_ALL": "C.UTF-8",
        },
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_playbook_shows_a_plan_and_carries_it_out_when_told_to(
    stock_vcsim: StockVcsim, tmp_path: Path
) -> None:
    env = dict(reaching(stock_vcsim, tmp_path))
    limit_vm(env, "DC0_C0_RP0_VM0", 16)
    shutil.copy(ROOT / "deploy" / "ansible" / "playbook.yml", tmp_path)
    (tmp_path / "policies").mkdir()
    write_json(tmp_path / "policies" / "all.json", automatic())
    # Stock vcsim draws its counters anew at each look, and a VM that holds next to nothing is not
    # squeezed by its limit; what matters is what was planned.
    planned: list[object] = []
    for _ in range(5):
        shown = _playbook(tmp_path, env)
        assert "Carry it out" in shown
        assert "skipping: [localhost]" in shown
        planned = json.loads((tmp_path / "plan.json").read_text())["steps"]
        if planned:
            break
    assert planned, "a limit below the size is something to do"
    done = _playbook(tmp_path, env, "-e", "carry_out=true")
    assert "failed=0" in done
    actions = vm("history", "--format", "json", env=env).json
    plans = json.loads((tmp_path / "plan.json").read_text())["steps"]
    assert len(actions) == len(plans)
    assert {action["outcome"] for action in actions} <= {"done"}
