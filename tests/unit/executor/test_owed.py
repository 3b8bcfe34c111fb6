"""A VM that a plan stops is started again, whatever happens in between."""

from __future__ import annotations

import random
import threading

import pytest

from tests.fakes import (
    OFF,
    START_S,
    FakeVCenter,
    Fate,
    OnSubmit,
    OnTask,
    change,
    error_finding,
    move,
    plan,
    start,
    step,
    stop,
    vcenter,
)
from vsphere_market.errors import JournalError, UnreachableError
from vsphere_market.estate import POWERED_ON
from vsphere_market.executor import (
    Backoff,
    Deadlines,
    ExecutionResult,
    Limits,
    MemoryRecorder,
    Settings,
    execute,
    recover,
)
from vsphere_market.market.plan import Plan
from vsphere_market.port import ActionKind, Cause, Outcome, OutcomeKind, Start, Unsettled

QUICK = Settings(
    retry=Backoff(attempts=3, overall_s=600.0),
    deadlines=Deadlines(reconfigure_s=100.0, migrate_base_s=100.0, cancel_grace_s=20.0),
)


def resize(vm: str = "vm-1") -> Plan:
    """A resize with a restart: stop, resize, start; the start depends on the stop alone."""
    return plan(
        step(1, stop(vm)),
        step(2, change(vm, ActionKind.RESIZE, 8192, 4096), after=["s1"]),
        step(3, start(vm), after=["s1"]),
    )


def run(
    vc: FakeVCenter, todo: Plan | None = None, settings: Settings = QUICK, **more: object
) -> dict[str, tuple[OutcomeKind, Cause]]:
    result = execute(
        todo or resize(),
        vc,
        MemoryRecorder(),
        settings=settings,
        rng=random.Random(3),
        **more,  # type: ignore[arg-type] # options of execute
    )
    return ends(result)


def ends(result: ExecutionResult) -> dict[str, tuple[OutcomeKind, Cause]]:
    return {one.step: (one.kind, one.cause) for one in result.outcomes}


def test_a_resize_with_a_restart() -> None:
    vc = vcenter()
    assert {kind for kind, _ in run(vc).values()} == {OutcomeKind.DONE}
    assert (vc.vms["vm-1"].power, vc.vms["vm-1"].size_mib) == (POWERED_ON, 4096)
    assert [action.kind.value for action in vc.sent] == ["stop", "resize", "start"]


@pytest.mark.parametrize("fate", [Fate(OnSubmit.FINAL), Fate(task=OnTask.FINAL)])
def test_the_vm_is_started_although_its_resize_failed(fate: Fate) -> None:
    vc = vcenter()
    vc.fates["vm-1"] = [Fate(), fate]
    result = run(vc)
    assert result["s2"] == (OutcomeKind.FAILED, Cause.FAULT)
    assert result["s3"] == (OutcomeKind.DONE, Cause.NONE)
    assert vc.vms["vm-1"].power == POWERED_ON


@pytest.mark.parametrize("sent", [1, 2])
def test_the_vm_is_started_although_we_were_told_to_stop(sent: int) -> None:
    vc = vcenter()
    told = threading.Event()

    def when_sent() -> None:
        if len(vc.sent) >= sent:
            told.set()

    vc.clock.then = when_sent
    result = run(vc, cancel=told)
    assert result["s1"][0] is OutcomeKind.DONE
    assert result["s2"][0] is (OutcomeKind.CANCELLED if sent == 1 else OutcomeKind.DONE)
    assert result["s3"] == (OutcomeKind.DONE, Cause.NONE)
    assert vc.vms["vm-1"].power == POWERED_ON


def test_nothing_is_started_that_was_not_stopped() -> None:
    vc = vcenter()
    vc.findings["vm-1"] = [error_finding("a snapshot is being taken")]
    result = run(vc)
    assert result["s1"][0] is OutcomeKind.REFUSED
    assert result["s3"] == (OutcomeKind.SKIPPED, Cause.PREDECESSOR)
    assert not vc.sent


def test_a_vm_that_somebody_else_had_switched_off_stays_off() -> None:
    vc = vcenter()
    vc.vms["vm-1"].power = OFF
    result = run(vc)
    assert result["s1"][0] is OutcomeKind.ALREADY_DONE
    assert result["s3"] == (OutcomeKind.SKIPPED, Cause.PREDECESSOR)
    assert vc.vms["vm-1"].power == OFF


def test_a_breaker_does_not_keep_it_off() -> None:
    vc = vcenter()
    vc.fates = {"vm-1": [Fate(takes_s=1.0)], "vm-2": [Fate(task=OnTask.FINAL, takes_s=0.5)]}
    todo = plan(
        step(1, change("vm-2", ActionKind.LIMIT, None, 4096)),
        step(2, stop("vm-1")),
        step(3, change("vm-1", ActionKind.RESIZE, 8192, 4096), after=["s2"]),
        step(4, start("vm-1"), after=["s2"]),
    )
    result = run(vc, todo, Settings(limits=Limits(failures_in_a_row=1)))
    assert result["s3"] == (OutcomeKind.SKIPPED, Cause.PLAN_BREAKER)
    assert result["s4"] == (OutcomeKind.DONE, Cause.NONE)


def test_no_room_now_is_no_reason_to_leave_it_off() -> None:
    vc = vcenter()
    vc.fates["vm-1"] = [Fate(), Fate(), *[Fate(OnSubmit.STALE)] * 8, *[Fate(task=OnTask.STALE)] * 8]
    assert run(vc)["s3"] == (OutcomeKind.DONE, Cause.NONE)
    assert sum(isinstance(action, Start) for action in vc.sent) == 17


def test_a_start_that_cannot_be_is_said_aloud() -> None:
    vc = vcenter()
    vc.fates["vm-1"] = [Fate(), Fate(), *[Fate(task=OnTask.STALE)] * 100]
    result = execute(resize(), vc, MemoryRecorder(), settings=QUICK, rng=random.Random(3))
    outcome = result.outcome_of("s3")
    assert outcome.kind is OutcomeKind.FAILED
    assert "start it by hand" in outcome.sentence


def test_a_stop_of_unknown_end_does_not_keep_the_vm_off() -> None:
    vc = vcenter()
    vc.fates["vm-1"] = [Fate(task=OnTask.STUCK)]
    # The guest goes down long after its deadline, while nobody can tell.
    vc.clock.then = lambda: (
        setattr(vc.vms["vm-1"], "power", OFF) if vc.clock.at_s > START_S + 900.0 else None
    )
    settings = Settings(deadlines=Deadlines(power_s=895.0, cancel_grace_s=20.0))
    result = execute(resize(), vc, MemoryRecorder(), settings=settings, rng=random.Random(3))
    assert result.outcome_of("s1").kind in (OutcomeKind.UNKNOWN, OutcomeKind.DONE)
    # The fake still counts the stuck task as open, so the start is refused as busy for a while.
    assert any(isinstance(action, Start) for action in vc.sent)


def test_who_chooses_a_stop_has_chosen_its_start() -> None:
    vc = vcenter()
    result = run(vc, chosen=["s1", "s2"])
    assert {kind for kind, _ in result.values()} == {OutcomeKind.DONE}


@pytest.mark.parametrize("chosen", [["s1"], ["s1", "s3"], ["s3"]])
def test_a_vm_is_not_stopped_for_nothing(chosen: list[str]) -> None:
    vc = vcenter()
    result = run(vc, chosen=chosen)
    assert {cause for _, cause in result.values()} == {Cause.NOT_CHOSEN}
    assert not vc.sent


def test_a_later_wave_does_not_keep_it_off() -> None:
    vc = vcenter()
    vc.fates["vm-2"] = [Fate(takes_s=80.0)]
    todo = plan(
        step(1, move("vm-2", "host-2", "host-3")),
        step(2, stop("vm-1")),
        step(3, change("vm-1", ActionKind.RESIZE, 8192, 4096), after=["s2"]),
        step(4, start("vm-1"), wave=2, after=["s2"]),
    )
    result = execute(todo, vc, MemoryRecorder(), settings=QUICK, rng=random.Random(3))
    assert result.outcome_of("s4").ended_s < result.outcome_of("s1").ended_s


def test_when_vcenter_is_lost_the_start_stays_open_for_the_next_life() -> None:
    vc = vcenter()
    recorder = MemoryRecorder()
    lost = UnreachableError("no answer")
    vc.fates["vm-1"] = [Fate(), Fate(takes_s=50.0)]

    def when_resizing() -> None:
        if len(vc.sent) == 2:
            vc.broken.setdefault("poll", [lost] * 10_000)

    vc.clock.then = when_resizing
    result = execute(resize(), vc, recorder, settings=QUICK, rng=random.Random(3))
    assert result.outcome_of("s3").cause is Cause.OWED
    written = [line[2] for line in recorder.lines if line[0] == "outcome"]
    assert "s3" not in {one.step for one in written if isinstance(one, Outcome)}
    vc.broken, vc.clock.then = {}, lambda: None
    assert vc.vms["vm-1"].power == OFF
    left = Unsettled("1", "s3", start("vm-1"), 0, None, "", None, owed=True)
    (again,) = recover([left], vc, recorder, settings=QUICK, rng=random.Random(4))
    assert ends(again) == {"s3": (OutcomeKind.DONE, Cause.NONE)}
    assert vc.vms["vm-1"].power == POWERED_ON


def test_when_the_journal_is_lost_nothing_is_sent_and_the_start_is_owed() -> None:
    class Broken(MemoryRecorder):
        def intent(self, execution: str, step: str, attempt: int, at_s: float) -> None:
            if step != "s1":
                raise JournalError("the disk is full")
            super().intent(execution, step, attempt, at_s)

    vc = vcenter()
    result = execute(resize(), vc, Broken(), settings=QUICK, rng=random.Random(3))
    assert [action.kind.value for action in vc.sent] == ["stop"]
    assert result.outcome_of("s3").cause is Cause.OWED


def test_a_stop_that_was_open_when_the_program_died_is_settled_and_its_vm_started() -> None:
    vc = vcenter()
    task = vc.submit(stop("vm-1"))
    open_ = Unsettled("1", "s1", stop("vm-1"), 1, START_S, task.task, START_S)
    rest = [
        Unsettled("1", "s2", change("vm-1", ActionKind.RESIZE, 8192, 4096), 0, None, "", None),
        Unsettled("1", "s3", start("vm-1"), 0, None, "", None),
    ]
    (result,) = recover([open_, *rest], vc, MemoryRecorder(), rng=random.Random(4))
    assert ends(result) == {
        "s1": (OutcomeKind.DONE, Cause.NONE),
        "s2": (OutcomeKind.CANCELLED, Cause.INTERRUPTED),
        "s3": (OutcomeKind.DONE, Cause.NONE),
    }


def test_a_plan_that_was_never_begun_is_closed_without_a_start() -> None:
    vc = vcenter()
    items = [Unsettled("1", one.id, one.action, 0, None, "", None) for one in resize().steps]
    (result,) = recover(items, vc, MemoryRecorder(), rng=random.Random(4))
    assert {kind for kind, _ in ends(result).values()} == {OutcomeKind.CANCELLED}
    assert not vc.sent


def test_a_dry_run_goes_through_all_three() -> None:
    vc = vcenter()
    result = run(vc, dry_run=True)
    assert {kind for kind, _ in result.values()} == {OutcomeKind.WOULD_DO}
    assert not vc.sent
