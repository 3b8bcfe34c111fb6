"""Several programs at one vCenter with one journal in PostgreSQL, as processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli import ROOT, command, reaching, vm
from tests.postgres import Server
from tests.roads import automatic, hot_plant, write_json
from tests.vcsim import Simulator
from vsphere_market.errors import ExitCode


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator.start(hot_plant().observe(), hold_samples=True) as started:
        yield started


@pytest.fixture
def env(simulator: Simulator, tmp_path: Path, postgres: Server) -> dict[str, str]:
    """The vCenter, and a journal in a database, by the environment alone."""
    return {
        **reaching(simulator, tmp_path),
        "VSPHERE_MARKET_JOURNAL": str(postgres.place()),
        "VSPHERE_MARKET_STOP_FILE": str(tmp_path / "stop"),
    }


def loop(env: dict[str, str], policies: Path) -> subprocess.Popen[str]:
    """A loop that has done its first turn."""
    running = subprocess.Popen(
        command("run", "--interval", "1h", "-p", policies, "--format", "json"),
        cwd=ROOT,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    first = running.stdout.readline()
    assert first, running.communicate()[1]
    assert json.loads(first)["cycle"] == 1
    return running


def test_one_loop_acts_others_wait_and_look_and_the_next_follows_the_dead(
    simulator: Simulator, env: dict[str, str], tmp_path: Path
) -> None:
    policies = write_json(tmp_path / "policies.json", automatic())
    first = loop(env, policies)
    try:
        refused = vm("run", "--once", "-p", policies, env=env)
        refused.failed_with(
            ExitCode.TRY_LATER, "has a loop already", '"run" of', f"process {first.pid}"
        )
        assert vm("run", "--once", "--shadow", "-p", policies, env=env).code == 0
        # A person may act between two turns, and anybody may look.
        plan = tmp_path / "plan.json"
        assert vm("plan", "-o", plan, env=env).code == 0
        assert vm("apply", plan, "--yes", "--wait", "1m", env=env).code == 0
        done = vm("history", "--format", "json", env=env).json
        assert done and {row["outcome"] for row in done} == {"done"}
        assert {row["source"] for row in done} == {f"{simulator.host}:{simulator.port}"}
    finally:
        os.kill(first.pid, signal.SIGKILL)
        first.communicate()
    second = loop(env, policies)
    second.send_signal(signal.SIGTERM)
    _, err = second.communicate(timeout=60)
    assert second.returncode == 0, err
    verdict = vm("history", "verify", "--format", "json", env=env)
    assert verdict.json["intact"] is True
    deeds = vm("history", "audit", "--format", "json", env=env).json
    assert {deed["from"].split()[0] for deed in deeds if deed["event"] == "approval"} <= {
        "policy",
        "cli",
    }


def test_stop_is_heard_by_all_who_share_the_journal(env: dict[str, str], tmp_path: Path) -> None:
    policies = write_json(tmp_path / "policies.json", automatic())
    vm("stop", env=env).failed_with(ExitCode.USAGE, "nobody would hear it")
    plan = tmp_path / "plan.json"
    assert vm("plan", "-o", plan, env=env).code == 0
    assert vm("stop", "--reason", "storage", env=env).code == 0
    vm("apply", plan, "--yes", env=env).failed_with(ExitCode.TRY_LATER, "stopped by", "storage")
    (turn,) = vm("run", "--once", "-p", policies, "--format", "json", env=env).lines
    assert turn["steps"] > 0 and turn["done"] == 0 and "storage" in turn["stopped"]
    assert vm("resume", env=env).code == 0
    (turn,) = vm("run", "--once", "-p", policies, "--format", "json", env=env).lines
    assert turn["done"] > 0
