"""Plans carried out over SOAP, with the journal on disk, while things go wrong on the way.

What the simulator says that it did is the truth; outcomes and journal are held against it.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import plan, step
from tests.vcsim import Simulator
from tests.wire.adapter.small import connect, document
from tests.wire.conftest import StartSimulator
from vsphere_market.adapter import PyVmomiVCenter, Timeouts
from vsphere_market.errors import ExitCode, StaleError
from vsphere_market.estate import Snapshot
from vsphere_market.executor import (
    Backoff,
    Deadlines,
    ExecutionResult,
    Polling,
    Settings,
    execute,
    recover,
)
from vsphere_market.journal import Journal, estate_key, open_journal
from vsphere_market.market.plan import Origin, Plan, Step
from vsphere_market.port import (
    Action,
    ActionKind,
    Cause,
    Entity,
    Migrate,
    OutcomeKind,
    SetMemory,
)

#: Real time passes here, so pauses are short.
QUICK = Settings(
    retry=Backoff(first_s=0.1, longest_s=0.3, attempts=4, overall_s=30.0),
    outage=Backoff(first_s=0.1, longest_s=0.3, attempts=100, overall_s=20.0),
    deadlines=Deadlines(
        reconfigure_s=2.0, migrate_base_s=2.0, slack=0.0, cancel_grace_s=2.0, execution_s=100.0
    ),
    polling=Polling(shortest_s=0.02, longest_s=0.1),
    search_grace_s=0.2,
    search_margin_s=0.5,
    verify_pause_s=0.1,
)
METHODS = {"s1": "RelocateVM_Task", "s2": "ReconfigVM_Task"}


@pytest.fixture
def simulator(start_simulator: StartSimulator) -> Simulator:
    return start_simulator(document())


@pytest.fixture
def vcenter(simulator: Simulator) -> Iterator[PyVmomiVCenter]:
    with connect(simulator, timeouts=Timeouts(probe_s=5, request_s=2)) as port:
        yield port


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with open_journal(tmp_path / "journal.db") as opened:
        yield opened


def entity(snapshot: Snapshot, moid: str) -> Entity:
    for table in (snapshot.vms, snapshot.hosts):
        row = table.row(moid)
        if row >= 0:
            return Entity(moid, table.name[row])
    raise LookupError(moid)


def a_plan(snapshot: Snapshot, *steps: Step) -> Plan:
    """A plan bound to the simulator; by default one vMotion, then one change of a limit."""
    if not steps:
        vm, other = entity(snapshot, "vm-1"), entity(snapshot, "vm-3")
        source, target = entity(snapshot, "host-1"), entity(snapshot, "host-2")
        lifted = SetMemory(other, ActionKind.LIMIT, 2048, None)
        steps = (step(1, Migrate(vm, source, target)), step(2, lifted))
    made = plan(*steps)
    origin = Origin(
        snapshot.source.kind,
        snapshot.source.name,
        snapshot.source.instance_uuid,
        snapshot.taken_at_s,
        "",
        "1",
    )
    return Plan(
        created_at_s=snapshot.taken_at_s,
        expires_at_s=snapshot.taken_at_s + 900.0,
        made_from=origin,
        certificate=made.certificate,
        steps=made.steps,
        refusals=(),
    )


def carry_out(
    vcenter: PyVmomiVCenter, journal: Journal, todo: Plan | None = None, **options: Any
) -> ExecutionResult:
    snapshot = vcenter.observe()
    todo = todo or a_plan(snapshot)
    number = journal.write_plan(todo, "{}")
    recorder = journal.recorder(estate=estate_key(snapshot.source), plan=number, who="test")
    settings = options.pop("settings", QUICK)
    return execute(todo, vcenter, recorder, settings=settings, rng=random.Random(4), **options)


def agree(simulator: Simulator, journal: Journal, result: ExecutionResult) -> None:
    """Outcomes, journal and the simulator's own history tell the same story."""
    state = simulator.state()
    is_so = {"s1": state.vms["vm-1"].host == "host-2", "s2": state.vms["vm-3"].limit_mib == -1}
    done = [task for task in simulator.ended_tasks() if task.done and task.kind != "check"]
    for outcome in result.outcomes:
        assert is_so[outcome.step] is (outcome.kind is OutcomeKind.DONE), outcome.sentence
        kind = "relocate" if outcome.step == "s1" else "reconfigure"
        assert len([task for task in done if task.kind == kind]) == int(is_so[outcome.step])
    written = {one.step: one for one in journal.steps()}
    for outcome in result.outcomes:
        mine = written[outcome.step]
        assert (mine.outcome, mine.task) == (outcome.kind, outcome.task)
    # What is given up as unknown stays open, for the next start to learn more.
    left = journal.unsettled(journal.executions()[0].estate)
    unknown = {one.step for one in result.outcomes if one.kind is OutcomeKind.UNKNOWN}
    assert {one.step for one in left} == unknown and all(one.was_unknown for one in left)
    assert journal.verify().intact


def test_a_plan_is_carried_out(
    simulator: Simulator, vcenter: PyVmomiVCenter, journal: Journal
) -> None:
    result = carry_out(vcenter, journal)
    assert [one.kind for one in result.outcomes] == [OutcomeKind.DONE] * 2, result.outcomes
    assert result.exit_code is ExitCode.OK
    agree(simulator, journal, result)
    # Replaying the plan finds nothing to do.
    again = carry_out(vcenter, journal, a_plan(vcenter.observe(), *_steps(journal)))
    assert [one.kind for one in again.outcomes] == [OutcomeKind.ALREADY_DONE] * 2


def _steps(journal: Journal) -> list[Step]:
    actions: dict[str, Action] = {one.step: one.action for one in journal.steps()}
    return [step(int(name[1:]), action) for name, action in sorted(actions.items())]


def test_a_dry_run_changes_nothing(
    simulator: Simulator, vcenter: PyVmomiVCenter, journal: Journal
) -> None:
    result = carry_out(vcenter, journal, dry_run=True)
    assert [one.kind for one in result.outcomes] == [OutcomeKind.WOULD_DO] * 2
    assert not [call for name in METHODS.values() for call in simulator.calls(name)]
    assert simulator.state().vms["vm-1"].host == "host-1"


@pytest.mark.parametrize("victim", ["s1", "s2"])
@pytest.mark.parametrize(
    ("rule", "kind", "cause"),
    [
        ({"where": "drop_before"}, OutcomeKind.DONE, Cause.NONE),
        ({"where": "drop_after"}, OutcomeKind.DONE, Cause.NONE),
        ({"where": "http"}, OutcomeKind.DONE, Cause.NONE),
        ({"where": "call", "fault": "NotAuthenticated"}, OutcomeKind.DONE, Cause.NONE),
        ({"where": "call", "fault": "TaskInProgress"}, OutcomeKind.DONE, Cause.NONE),
        ({"where": "call", "fault": "InvalidState"}, OutcomeKind.FAILED, Cause.STALE),
        ({"where": "call", "fault": "NotSupported"}, OutcomeKind.FAILED, Cause.FAULT),
        ({"where": "task", "fault": "MigrationNotReady"}, OutcomeKind.DONE, Cause.NONE),
        ({"where": "task", "fault": "Timedout"}, OutcomeKind.DONE, Cause.NONE),
        ({"where": "task", "fault": "RuleViolation"}, OutcomeKind.FAILED, Cause.FAULT),
        ({"where": "task_after", "fault": "Timedout"}, OutcomeKind.DONE, Cause.NONE),
        ({"where": "task_after", "fault": "NotSupported"}, OutcomeKind.DONE, Cause.NONE),
    ],
    ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else None,
)
def test_faults_of_a_submission_and_of_its_task(
    simulator: Simulator,
    vcenter: PyVmomiVCenter,
    journal: Journal,
    victim: str,
    rule: dict[str, Any],
    kind: OutcomeKind,
    cause: Cause,
) -> None:
    simulator.add_fault(method=METHODS[victim], count=1, **rule)
    result = carry_out(vcenter, journal)
    outcome = result.outcome_of(victim)
    assert (outcome.kind, outcome.cause) == (kind, cause), outcome.sentence
    agree(simulator, journal, result)


@pytest.mark.parametrize(
    ("victim", "kind"), [("s1", OutcomeKind.FAILED), ("s2", OutcomeKind.UNKNOWN)]
)
def test_a_task_that_hangs_is_cancelled_if_it_can_be(
    simulator: Simulator,
    vcenter: PyVmomiVCenter,
    journal: Journal,
    victim: str,
    kind: OutcomeKind,
) -> None:
    """A vMotion can be cancelled; a reconfiguration cannot, and so is named as open."""
    simulator.add_fault(where="task_hang", method=METHODS[victim], count=1)
    result = carry_out(vcenter, journal)
    outcome = result.outcome_of(victim)
    assert (outcome.kind, outcome.cause) == (kind, Cause.DEADLINE), outcome.sentence
    if kind is OutcomeKind.UNKNOWN:
        (running,) = simulator.state().tasks
        assert running.task == outcome.task and running.task in outcome.sentence
    agree(simulator, journal, result)


def test_a_request_that_hangs_is_found_again(
    simulator: Simulator, vcenter: PyVmomiVCenter, journal: Journal
) -> None:
    rule = simulator.add_fault(where="hang_after", method="RelocateVM_Task", count=1)
    result = carry_out(vcenter, journal)
    simulator.remove_fault(rule)
    assert result.outcome_of("s1").kind is OutcomeKind.DONE
    assert len(simulator.calls("RelocateVM_Task")) == 1
    agree(simulator, journal, result)


def test_a_precheck_that_finds_an_error_refuses(
    simulator: Simulator, vcenter: PyVmomiVCenter, journal: Journal
) -> None:
    snapshot = vcenter.observe()
    # A mandatory rule keeps vm-4 on host-1 and host-2.
    forbidden = Migrate(
        entity(snapshot, "vm-4"), entity(snapshot, "host-2"), entity(snapshot, "host-3")
    )
    result = carry_out(vcenter, journal, a_plan(snapshot, step(1, forbidden)))
    assert result.outcome_of("s1").kind is OutcomeKind.REFUSED, result.outcomes
    assert not simulator.calls("RelocateVM_Task")


def test_a_missing_privilege_ends_the_plan(simulator: Simulator, journal: Journal) -> None:
    simulator.add_user("reader", "pw", ["System.Anonymous", "System.View", "System.Read"])
    with connect(simulator, user="reader", password="pw") as port:
        result = carry_out(port, journal)
    assert result.exit_code is ExitCode.NOT_PERMITTED
    assert all(one.kind is OutcomeKind.REFUSED for one in result.outcomes)
    assert "lacks the privilege Resource.HotMigrate" in result.outcomes[0].sentence
    assert simulator.state().vms["vm-1"].host == "host-1"


def test_somebody_who_moves_the_vm_first_makes_the_plan_stale(
    simulator: Simulator, vcenter: PyVmomiVCenter, journal: Journal
) -> None:
    todo = a_plan(vcenter.observe())
    simulator.set_vm("vm-1", host="host-3")
    with pytest.raises(StaleError, match="is on host-3"):
        carry_out(vcenter, journal, todo)
    assert not simulator.calls("RelocateVM_Task")


@pytest.mark.parametrize("how", ["drop", "503"])
def test_an_outage_in_the_middle_is_waited_out(
    simulator: Simulator, vcenter: PyVmomiVCenter, journal: Journal, how: Any
) -> None:
    simulator.task_seconds(relocate=0.5)

    def outage(_: object) -> None:
        if not timers:
            simulator.down(how)
            timers.append(threading.Timer(0.8, simulator.up))
            timers[0].start()

    timers: list[threading.Timer] = []
    result = carry_out(vcenter, journal, watch=outage)
    assert [one.kind for one in result.outcomes] == [OutcomeKind.DONE] * 2, result.outcomes
    agree(simulator, journal, result)


def test_a_restart_of_vcenter_in_the_middle_of_a_move(
    simulator: Simulator, vcenter: PyVmomiVCenter, journal: Journal
) -> None:
    """vCenter says that the task failed, and the hosts finish it: it must not be sent again."""
    simulator.task_seconds(relocate=1.0)
    timer = threading.Timer(0.6, simulator.restart)
    timer.start()
    result = carry_out(vcenter, journal)
    timer.join()
    assert result.outcome_of("s1").kind is OutcomeKind.DONE, result.outcomes
    assert len(simulator.calls("RelocateVM_Task")) == 1
    agree(simulator, journal, result)


def test_a_vcenter_that_never_comes_back_leaves_a_trace_for_the_next_start(
    simulator: Simulator, vcenter: PyVmomiVCenter, journal: Journal
) -> None:
    simulator.task_seconds(relocate=0.5)
    estate = estate_key(vcenter.observe().source)
    todo = a_plan(vcenter.observe())
    recorder = journal.recorder(estate=estate, who="test")

    class Died(BaseException):
        pass

    def die(_: object) -> None:
        if simulator.calls("RelocateVM_Task"):
            raise Died

    with pytest.raises(Died):
        execute(todo, vcenter, recorder, settings=QUICK, rng=random.Random(4), watch=die)
    assert {one.step for one in journal.unsettled(estate)} == {"s1", "s2"}
    with connect(simulator) as port:
        (result,) = recover(
            journal.unsettled(estate), port, recorder, settings=QUICK, rng=random.Random(4)
        )
    assert result.outcome_of("s1").kind is OutcomeKind.DONE
    assert result.outcome_of("s2").kind is OutcomeKind.CANCELLED
    assert len(simulator.calls("RelocateVM_Task")) == 1
    agree(simulator, journal, result)


def test_told_to_stop_it_cancels_what_runs(
    simulator: Simulator, vcenter: PyVmomiVCenter, journal: Journal
) -> None:
    simulator.task_seconds(relocate=30)
    token = threading.Event()
    threading.Timer(0.8, token.set).start()
    settings = Settings(
        polling=QUICK.polling, deadlines=Deadlines(cancel_grace_s=5.0), cancel_running=True
    )
    result = carry_out(vcenter, journal, cancel=token, settings=settings)
    outcome = result.outcome_of("s1")
    assert (outcome.kind, outcome.cause) == (OutcomeKind.CANCELLED, Cause.STOPPED)
    agree(simulator, journal, result)
