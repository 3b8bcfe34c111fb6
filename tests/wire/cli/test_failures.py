"""Everything that can be wrong with a vCenter: one clear sentence, its code, nothing changed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli import ROOT, command, reaching, vm
from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from tests.roads import automatic, hot_plant, write_json
from tests.vcsim import Simulator
from tests.wire.conftest import StartSimulator
from vsphere_market.errors import ExitCode
from vsphere_market.journal import open_journal
from vsphere_market.port import OutcomeKind

#: Everything that a reader needs, and nothing else.
READ_ONLY = ("System.Anonymous", "System.Read", "System.View")
CHANGING = {
    "MigrateVM_Task",
    "RelocateVM_Task",
    "ReconfigVM_Task",
    "UpdateConfig",
}


@pytest.fixture(scope="module")
def hot() -> Iterator[Simulator]:
    """A vCenter with one over-committed host, for tests that change nothing."""
    with Simulator.start(hot_plant().observe(), hold_samples=True) as simulator:
        yield simulator


@pytest.fixture
def env(hot: Simulator, tmp_path: Path) -> Iterator[dict[str, str]]:
    hot.clear_calls()
    yield reaching(hot, tmp_path)
    assert not {call.method for call in hot.calls()} & CHANGING


def test_a_wrong_password(hot: Simulator, env: dict[str, str]) -> None:
    ended = vm("prices", env={**env, "GOVC_PASSWORD": "not-the-pa55word"})
    ended.failed_with(ExitCode.NOT_PERMITTED, "password is wrong", hot.username)
    assert "not-the-pa55word" not in ended.err


def test_no_password_and_nobody_to_ask(env: dict[str, str]) -> None:
    nobody = {**env, "GOVC_PASSWORD": "", "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
    vm("prices", env=nobody).failed_with(ExitCode.NOT_PERMITTED, "no password was found")


def test_an_unknown_host(env: dict[str, str]) -> None:
    ended = vm("prices", env={**env, "GOVC_URL": "vcenter.invalid"})
    ended.failed_with(ExitCode.UNREACHABLE, "vcenter.invalid")


def test_a_closed_port(env: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    ended = vm("prices", env={**env, "GOVC_URL": address})
    ended.failed_with(ExitCode.UNREACHABLE, address)


def test_a_self_signed_certificate(hot: Simulator, env: dict[str, str]) -> None:
    trusting_nobody = {**env, "GOVC_TLS_CA_CERTS": ""}
    ended = vm("prices", env=trusting_nobody)
    ended.failed_with(ExitCode.UNREACHABLE, "--pin")
    fingerprint = hot.certificate_sha256.upper().replace(":", "")
    assert fingerprint in ended.err.upper().replace(":", "")
    # The cure that it names works.
    assert vm("prices", "--pin", hot.certificate_sha256, env=trusting_nobody).code == 0
    assert vm("prices", "--insecure", env=trusting_nobody).code == 0


def test_a_missing_privilege(hot: Simulator, env: dict[str, str], tmp_path: Path) -> None:
    hot.add_user("reader", "r3ader", READ_ONLY)
    reader = {**env, "GOVC_USERNAME": "reader", "GOVC_PASSWORD": "r3ader"}
    path = tmp_path / "plan.json"
    planned = vm("plan", "-o", path, env=reader)
    assert planned.code == 0, planned.err
    ended = vm("apply", path, "--yes", "--format", "json", env=reader)
    ended.failed_with(ExitCode.NOT_PERMITTED, "privilege")
    assert {item["outcome"] for item in ended.json["outcomes"]} <= {"refused", "failed", "skipped"}
    told = vm("doctor", "--format", "json", env=reader)
    assert told.code == ExitCode.FAILED
    wrong = [item for item in told.json["findings"] if item["severity"] == "error"]
    assert any("privilege" in item["code"] for item in wrong)
    assert all(item["cure"] for item in wrong)
    hot.reset()


def test_an_account_that_sees_nothing(hot: Simulator, env: dict[str, str]) -> None:
    hot.add_user("nobody", "n0body", ("System.Anonymous", "System.View"))
    blind = {**env, "GOVC_USERNAME": "nobody", "GOVC_PASSWORD": "n0body"}
    ended = vm("plan", env=blind)
    assert "Traceback" not in ended.err
    assert ended.code in (ExitCode.OK, ExitCode.NOT_PERMITTED), ended.err
    hot.reset()


def test_an_empty_inventory(start_simulator: StartSimulator, tmp_path: Path) -> None:
    env = reaching(start_simulator(snapshot_of()), tmp_path)
    ended = vm("plan", "--detailed-exitcode", env=env)
    assert ended.code == 0, ended.err
    assert "the inventory is empty" in ended.err
    assert vm("doctor", env=env).code == ExitCode.FAILED
    vm("explain", "web-01", env=env).failed_with(ExitCode.USAGE, "inventory is empty")


def test_a_disconnected_host_and_a_vm_without_counters(
    start_simulator: StartSimulator, tmp_path: Path
) -> None:
    estate = snapshot_of(
        clusters=[cluster_row()],
        hosts=[host_row("host-1", 65536), host_row("host-2", 65536), host_row("host-3", 65536)],
        vms=[
            *(vm_row(f"vm-{n}", "host-1", 8192, active_mib=6000) for n in range(10)),
            vm_row("away", "host-3", 8192),
            vm_row("mute", "host-2", 4096),
        ],
    )
    simulator = start_simulator(estate, hold_samples=True)
    simulator.set_host("host-3", connection="disconnected")
    simulator.forget_counters("mute")
    env = reaching(simulator, tmp_path)
    plan = vm("plan", "--format", "json", env=env)
    assert plan.code == 0, plan.err
    touched = {step["subject"]["name"] for step in plan.json["steps"]}
    assert touched and not touched & {"away", "mute"}
    targets = {step["to"]["moid"] for step in plan.json["steps"] if step["kind"] == "migrate"}
    assert targets == {"host-2"}
    refused = {item["subject"]["name"]: item["reason"] for item in plan.json["refusals"]}
    assert refused["mute"] == "no-counters"
    assert "no memory counters" in vm("explain", "mute", env=env).out


def test_a_stale_plan(start_simulator: StartSimulator, tmp_path: Path) -> None:
    three = [{"name": "esx-{n}", "count": 3, "memory_gib": 64}]
    simulator = start_simulator(hot_plant(hosts=three).observe(), hold_samples=True)
    env = reaching(simulator, tmp_path)
    path = tmp_path / "plan.json"
    assert vm("plan", "-o", path, env=env).code == 0
    steps = json.loads(path.read_text())["steps"]
    step = next(step for step in steps if step["kind"] == "migrate")
    ends = {step["from"]["moid"], step["to"]["moid"]}
    (third,) = set(simulator.state().hosts) - ends
    # Somebody else moves the VM to where the plan neither found it nor takes it.
    simulator.set_vm(step["subject"]["moid"], host=third)
    simulator.clear_calls()
    ended = vm("apply", path, "--yes", env=env)
    ended.failed_with(ExitCode.TRY_LATER, "has changed since the plan was made", "new plan")
    assert step["subject"]["name"] in ended.err
    simulator.advance(1900)
    vm("apply", path, "--yes", env=env).failed_with(ExitCode.TRY_LATER, "expired")
    assert not {call.method for call in simulator.calls()} & CHANGING


def test_a_plan_from_another_vcenter(hot: Simulator, env: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    assert vm("plan", "-o", path, env=env).code == 0
    document = json.loads(path.read_text())
    document["made_from"]["instance_uuid"] = "another"
    write_json(path, document)
    vm("apply", path, "--yes", env=env).failed_with(ExitCode.TRY_LATER, "not from")


def test_a_vcenter_that_is_starting(start_simulator: StartSimulator, tmp_path: Path) -> None:
    simulator = start_simulator(hot_plant().observe(), hold_samples=True)
    simulator.down("503")
    ended = vm("prices", env=reaching(simulator, tmp_path))
    ended.failed_with(ExitCode.UNREACHABLE, "503")


def test_a_journal_that_somebody_is_at_work_with(
    hot: Simulator, env: dict[str, str], tmp_path: Path
) -> None:
    from vsphere_market.journal import LOOP, Scope, open_journal

    policies = write_json(tmp_path / "policies.json", automatic("recommend"))
    vm("run", "--once", "-p", policies, env=env)
    with open_journal(Path(env["VSPHERE_MARKET_JOURNAL"])) as journal:
        scope = Scope(journal.cycles()[0].estate)
        with journal.own(scope, LOOP, who="alice", what="run"):
            ended = vm("run", "--once", "-p", policies, env=env)
    ended.failed_with(ExitCode.TRY_LATER, 'this vCenter has a loop already: "run" of alice')


def test_the_loop_stops_when_it_is_told_to(
    hot: Simulator, env: dict[str, str], tmp_path: Path
) -> None:
    policies = write_json(tmp_path / "policies.json", automatic("recommend"))
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
    assert json.loads(running.stdout.readline())["cycle"] == 1
    begun = time.monotonic()
    running.send_signal(signal.SIGTERM)
    _, err = running.communicate(timeout=30)
    assert running.returncode == 0, err
    assert time.monotonic() - begun < 10
    assert "stopping" in err


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_a_plan_that_is_interrupted_leaves_no_step_in_doubt(
    start_simulator: StartSimulator, tmp_path: Path, told: signal.Signals
) -> None:
    simulator = start_simulator(hot_plant().observe(), hold_samples=True)
    simulator.task_seconds(relocate=1.5)
    env = reaching(simulator, tmp_path)
    plan, journal = tmp_path / "plan.json", tmp_path / "journal.db"
    env["VSPHERE_MARKET_JOURNAL"] = str(journal)
    assert vm("plan", "-o", plan, env=env).code == 0
    running = subprocess.Popen(
        command("apply", plan, "--yes"),
        cwd=ROOT,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    ends = time.monotonic() + 60
    while not simulator.calls("RelocateVM_Task"):
        assert running.poll() is None and time.monotonic() < ends
        time.sleep(0.05)
    running.send_signal(told)
    running.communicate(timeout=60)
    sent = len(simulator.calls("RelocateVM_Task"))
    with open_journal(journal, read_only=True) as found:
        steps = found.steps()
        outcomes = {one.outcome for one in steps}
    assert outcomes <= {OutcomeKind.DONE, OutcomeKind.CANCELLED}, steps
    assert OutcomeKind.CANCELLED in outcomes
    assert sent == sum(one.outcome is OutcomeKind.DONE for one in steps) < len(steps)
