"""Restarts, hosts at rest and DRS over SOAP, carried out by the executor with its journal."""

from __future__ import annotations

import contextlib
import dataclasses
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.executions import Killed, Mortal
from tests.fakes import plan, step
from tests.vcsim import Simulator
from tests.wire.adapter.small import connect, document
from tests.wire.conftest import StartSimulator
from vsphere_market.adapter import PyVmomiVCenter, Timeouts
from vsphere_market.estate import Snapshot
from vsphere_market.executor import (
    Backoff,
    Deadlines,
    ExecutionResult,
    MemoryRecorder,
    Polling,
    Settings,
    execute,
    recover,
)
from vsphere_market.journal import estate_key, open_journal
from vsphere_market.market.plan import Origin, Plan, Step
from vsphere_market.port import (
    ActionKind,
    ApplyRecommendation,
    Cause,
    Entity,
    Migrate,
    OutcomeKind,
    ProvisionHost,
    SetMemory,
    Start,
    Stop,
    SuspendHost,
)

#: Real time passes here, so pauses are short.
QUICK = Settings(
    retry=Backoff(first_s=0.1, longest_s=0.3, attempts=4, overall_s=30.0),
    owed=Backoff(first_s=0.1, longest_s=0.3, attempts=30, overall_s=30.0),
    outage=Backoff(first_s=0.1, longest_s=0.3, attempts=100, overall_s=20.0),
    deadlines=Deadlines(power_s=6.0, cancel_grace_s=0.5, execution_s=100.0),
    polling=Polling(shortest_s=0.02, longest_s=0.1),
    search_grace_s=0.2,
    search_margin_s=0.5,
    verify_pause_s=0.1,
)
VM = Entity("vm-1", "web 50%/a")
H1, H2, H3 = (Entity(f"host-{n}", f"host-{n}.example.com") for n in (1, 2, 3))
OFF, ON = "poweredOff", "poweredOn"


@pytest.fixture
def simulator(start_simulator: StartSimulator) -> Simulator:
    return start_simulator(document())


@pytest.fixture
def vcenter(simulator: Simulator) -> Iterator[PyVmomiVCenter]:
    with connect(simulator, timeouts=Timeouts(probe_s=5, request_s=2)) as port:
        yield port


def bound(snapshot: Snapshot, *steps: Step) -> Plan:
    """A plan for this simulator."""
    source = snapshot.source
    return dataclasses.replace(
        plan(*steps),
        created_at_s=snapshot.taken_at_s,
        expires_at_s=snapshot.taken_at_s + 900.0,
        made_from=Origin(
            source.kind, source.name, source.instance_uuid, snapshot.taken_at_s, "", ""
        ),
    )


def restart(snapshot: Snapshot, *, hard: bool = False) -> Plan:
    return bound(
        snapshot,
        step(1, Stop(VM, hard)),
        step(2, SetMemory(VM, ActionKind.RESIZE, 4096, 2048), after=["s1"]),
        step(3, Start(VM), after=["s1"]),
    )


def run(vcenter: PyVmomiVCenter, todo: Plan, **more: object) -> ExecutionResult:
    return execute(
        todo,
        vcenter,
        MemoryRecorder(),
        settings=QUICK,
        rng=random.Random(5),
        **more,  # type: ignore[arg-type] # options of execute
    )


def kinds(result: ExecutionResult) -> list[OutcomeKind]:
    return [one.kind for one in result.outcomes]


def vm_state(vcenter: PyVmomiVCenter) -> tuple[str, float]:
    vms = vcenter.observe().vms
    row = vms.row("vm-1")
    return vms.power[row], float(vms.size_mib[row])


@pytest.mark.parametrize("hard", [False, True])
def test_a_resize_with_a_restart(simulator: Simulator, vcenter: PyVmomiVCenter, hard: bool) -> None:
    simulator.task_seconds(shutdown=0.5, power=0.2)
    result = run(vcenter, restart(vcenter.observe(), hard=hard))
    assert kinds(result) == [OutcomeKind.DONE] * 3, result.outcomes
    assert vm_state(vcenter) == (ON, 2048)
    assert len(simulator.calls("PowerOffVM_Task")) == int(hard)


def test_the_resize_fails_and_the_vm_comes_back(
    simulator: Simulator, vcenter: PyVmomiVCenter
) -> None:
    simulator.add_fault(method="ReconfigVM_Task", fault="InvalidArgument", detail={})
    result = run(vcenter, restart(vcenter.observe()))
    assert kinds(result) == [OutcomeKind.DONE, OutcomeKind.FAILED, OutcomeKind.DONE]
    assert vm_state(vcenter) == (ON, 4096)


def test_a_full_host_is_waited_for(simulator: Simulator, vcenter: PyVmomiVCenter) -> None:
    simulator.add_fault(
        where="task", method="PowerOnVM_Task", fault="InsufficientMemoryResourcesFault", count=3
    )
    result = run(vcenter, restart(vcenter.observe()))
    assert kinds(result) == [OutcomeKind.DONE] * 3
    assert result.outcome_of("s3").attempts == 4


def test_told_to_stop_while_the_guest_shuts_down(
    simulator: Simulator, vcenter: PyVmomiVCenter
) -> None:
    simulator.task_seconds(shutdown=1.5)
    told = threading.Event()
    result = run(vcenter, restart(vcenter.observe()), cancel=told, watch=lambda _: told.set())
    assert kinds(result) == [OutcomeKind.DONE, OutcomeKind.CANCELLED, OutcomeKind.DONE]
    assert vm_state(vcenter) == (ON, 4096)


def test_a_guest_that_never_goes_down(simulator: Simulator, vcenter: PyVmomiVCenter) -> None:
    simulator.task_seconds(shutdown=3600.0)
    quick = dataclasses.replace(QUICK, deadlines=Deadlines(power_s=1.0, cancel_grace_s=0.3))
    todo = restart(vcenter.observe())
    result = execute(todo, vcenter, MemoryRecorder(), settings=quick, rng=random.Random(5))
    assert kinds(result) == [OutcomeKind.UNKNOWN, OutcomeKind.SKIPPED, OutcomeKind.SKIPPED]
    # It runs, yet its guest may still follow: the start is not done with.
    assert result.outcome_of("s3").cause is Cause.OWED
    assert vm_state(vcenter) == (ON, 4096)
    assert len(simulator.calls("ShutdownGuest")) == 1


@pytest.mark.parametrize("writes", range(1, 11))
def test_death_at_any_write_and_the_next_life_starts_the_vm(
    simulator: Simulator, vcenter: PyVmomiVCenter, tmp_path: Path, writes: int
) -> None:
    snapshot = vcenter.observe()
    estate = estate_key(snapshot.source)
    with open_journal(tmp_path / "journal.db") as journal:
        mortal = Mortal(journal.recorder(estate=estate), writes, written=True)
        with contextlib.suppress(Killed):
            execute(restart(snapshot), vcenter, mortal, settings=QUICK, rng=random.Random(5))
        left = journal.unsettled(estate)
        recover(
            left, vcenter, journal.recorder(estate=estate), settings=QUICK, rng=random.Random(6)
        )
        assert journal.unsettled(estate) == ()
        assert journal.verify().intact
    assert vm_state(vcenter)[0] == ON
    assert len(simulator.calls("ShutdownGuest")) <= 1
    assert len(simulator.calls("ReconfigVM_Task")) <= 1


def test_a_host_is_emptied_rests_and_is_woken_for_more(
    simulator: Simulator, vcenter: PyVmomiVCenter
) -> None:
    five = Entity("vm-5", "vm-5")
    todo = bound(
        vcenter.observe(),
        step(1, Migrate(five, H3, H2)),
        step(2, SuspendHost(H3), wave=2, after=["s1"]),
    )
    assert kinds(run(vcenter, todo)) == [OutcomeKind.DONE] * 2
    asleep = vcenter.observe()
    assert asleep.hosts.power[asleep.hosts.row("host-3")] == "standBy"
    back = bound(
        asleep,
        step(1, ProvisionHost(H3)),
        step(2, Migrate(five, H2, H3), wave=2, after=["s1"]),
    )
    assert kinds(run(vcenter, back)) == [OutcomeKind.DONE] * 2
    hosts = simulator.state().vms
    assert hosts["vm-5"].host == "host-3"


def test_a_move_that_fails_keeps_its_host_awake(
    simulator: Simulator, vcenter: PyVmomiVCenter
) -> None:
    simulator.add_fault(method="RelocateVM_Task", fault="VMotionNotSupported", detail={})
    todo = bound(
        vcenter.observe(),
        step(1, Migrate(Entity("vm-5", "vm-5"), H3, H2)),
        step(2, SuspendHost(H3), wave=2, after=["s1"]),
    )
    result = run(vcenter, todo)
    assert result.outcome_of("s2").cause is Cause.PREDECESSOR
    assert not simulator.calls("PowerDownHostToStandBy_Task")


def test_a_recommendation_of_drs_is_applied(simulator: Simulator, vcenter: PyVmomiVCenter) -> None:
    key = simulator.recommend("domain-c1", {"vm-1": "host-3"})
    action = ApplyRecommendation(Entity("domain-c1", "gold"), key, (Migrate(VM, H1, H3),))
    assert kinds(run(vcenter, bound(vcenter.observe(), step(1, action)))) == [OutcomeKind.DONE]
    assert simulator.state().vms["vm-1"].host == "host-3"
