"""Plans carried out on the fake vCenter: what each fault becomes, and what is written down."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence

import pytest

from tests.fakes import (
    START_S,
    FakeVCenter,
    Fate,
    OnSubmit,
    OnTask,
    change,
    error_finding,
    move,
    plan,
    simple_plan,
    step,
    vcenter,
)
from vsphere_market.errors import (
    ExitCode,
    FinalFault,
    NotPermittedError,
    StaleError,
    StorageError,
    TransientFault,
    UnreachableError,
)
from vsphere_market.executor import (
    Backoff,
    Deadlines,
    ExecutionResult,
    MemoryRecorder,
    Progress,
    Settings,
    execute,
)
from vsphere_market.market.plan import Plan
from vsphere_market.port import (
    Action,
    ActionKind,
    Cause,
    Finding,
    Outcome,
    OutcomeKind,
    Severity,
    TaskHandle,
)

MOVE = move("vm-1", "host-1", "host-2")
LIMIT = change("vm-2", ActionKind.LIMIT, None, 4096)


def run(
    vc: FakeVCenter, todo: Plan, recorder: MemoryRecorder | None = None, **options: object
) -> ExecutionResult:
    recorder = recorder or MemoryRecorder()
    return execute(todo, vc, recorder, rng=random.Random(3), **options)  # type: ignore[arg-type]


def one_move(*fates: Fate) -> tuple[FakeVCenter, Outcome]:
    """What becomes of a single vMotion whose submissions have these fates."""
    vc = vcenter()
    vc.fates["vm-1"] = list(fates)
    settings = Settings(deadlines=Deadlines(migrate_base_s=100.0))
    (outcome,) = run(vc, simple_plan(MOVE), settings=settings).outcomes
    return vc, outcome


def test_a_plan_is_carried_out() -> None:
    vc, recorder = vcenter(), MemoryRecorder()
    result = run(vc, simple_plan(MOVE, LIMIT), recorder)
    assert [outcome.kind for outcome in result.outcomes] == [OutcomeKind.DONE] * 2
    assert (vc.vms["vm-1"].host, vc.vms["vm-2"].limit_mib) == ("host-2", 4096)
    assert result.succeeded and result.exit_code is ExitCode.OK and not result.stale
    first = result.outcome_of("s1")
    assert first.sentence == "Move web-1 from esx-1 to esx-2: done in 7 s."
    assert (first.task, first.attempts) == ("task-1", 1)


def test_intents_are_written_ahead_and_outcomes_last() -> None:
    recorder = MemoryRecorder()
    run(vcenter(), simple_plan(MOVE), recorder)
    assert [what for what, _, _ in recorder.lines] == [
        "begin",
        "intent",
        "accepted",
        "outcome",
        "end",
    ]


@pytest.mark.parametrize(
    ("fates", "kind", "cause", "submits", "said"),
    [
        ([Fate()], OutcomeKind.DONE, Cause.NONE, 1, "done in 7 s"),
        ([Fate(OnSubmit.TRANSIENT)], OutcomeKind.DONE, Cause.NONE, 2, "done in"),
        ([Fate(OnSubmit.STALE)], OutcomeKind.FAILED, Cause.STALE, 1, "it has changed"),
        ([Fate(OnSubmit.FINAL)], OutcomeKind.FAILED, Cause.FAULT, 1, "it cannot be done"),
        ([Fate(OnSubmit.LOST_AFTER)], OutcomeKind.DONE, Cause.NONE, 1, "done in"),
        ([Fate(OnSubmit.LOST_LATE)], OutcomeKind.DONE, Cause.NONE, 1, "done in"),
        ([Fate(OnSubmit.LOST_BEFORE)], OutcomeKind.DONE, Cause.NONE, 2, "done in"),
        ([Fate(OnSubmit.UNREACHABLE)], OutcomeKind.DONE, Cause.NONE, 2, "done in"),
        ([Fate(task=OnTask.TRANSIENT)], OutcomeKind.DONE, Cause.NONE, 2, "done in"),
        (
            [Fate(task=OnTask.TRANSIENT)] * 5,
            OutcomeKind.FAILED,
            Cause.FAULT,
            5,
            "given up after 5 attempts: a host is not ready",
        ),
        ([Fate(task=OnTask.STALE)], OutcomeKind.FAILED, Cause.STALE, 1, "no room any more"),
        ([Fate(task=OnTask.FINAL)], OutcomeKind.FAILED, Cause.FAULT, 1, "a rule forbids it"),
        ([Fate(task=OnTask.LATE_TRUTH)], OutcomeKind.DONE, Cause.NONE, 1, "it timed out"),
        ([Fate(task=OnTask.TIMED_OUT)], OutcomeKind.DONE, Cause.NONE, 2, "done in 1"),
        ([Fate(task=OnTask.ORPHANED, takes_s=60.0)], OutcomeKind.DONE, Cause.NONE, 1, "internal"),
        ([Fate(task=OnTask.LIES)], OutcomeKind.FAILED, Cause.NOT_VERIFIED, 1, "still as before"),
        ([Fate(task=OnTask.HANGS)], OutcomeKind.FAILED, Cause.DEADLINE, 1, "cancelled after"),
        ([Fate(task=OnTask.STUCK)], OutcomeKind.UNKNOWN, Cause.DEADLINE, 1, "task-1 neither"),
        (
            [Fate(task=OnTask.CANCELLED)],
            OutcomeKind.CANCELLED,
            Cause.FOREIGN_CANCEL,
            1,
            "somebody cancelled the task",
        ),
        ([Fate(task=OnTask.FORGOTTEN)], OutcomeKind.DONE, Cause.NONE, 1, "found done"),
        (
            [Fate(task=OnTask.FORGOTTEN_UNDONE)],
            OutcomeKind.FAILED,
            Cause.FAULT,
            1,
            "vCenter forgot the task, and nothing has changed since",
        ),
    ],
)
def test_each_fault_has_its_outcome(
    fates: list[Fate], kind: OutcomeKind, cause: Cause, submits: int, said: str
) -> None:
    vc, outcome = one_move(*fates)
    assert (outcome.kind, outcome.cause) == (kind, cause), outcome.sentence
    assert said in outcome.sentence
    assert vc.calls.count("submit") == submits
    done = [truth for truth in vc.truth if truth.what == "done"]
    assert len(done) == (1 if kind is OutcomeKind.DONE else 0)


def test_the_fault_of_the_other_side_is_named() -> None:
    _, outcome = one_move(Fate(task=OnTask.FINAL))
    assert outcome.fault == "RuleViolation"


def test_pauses_between_attempts_grow_and_are_jittered_in_the_ports_time() -> None:
    vc = vcenter()
    vc.fates["vm-1"] = [Fate(OnSubmit.TRANSIENT)] * 4
    (outcome,) = run(vc, simple_plan(MOVE)).outcomes
    pauses = vc.clock.slept_s[:4]
    for number, pause in enumerate(pauses):
        assert 2.0**number <= pause <= 2.0 ** (number + 1)
    assert len({pause / 2.0**number for number, pause in enumerate(pauses)}) == 4
    assert outcome.attempts == 5


def test_the_world_already_being_so_is_success_without_a_submission() -> None:
    vc = vcenter()
    vc.vms["vm-1"].host = "host-2"
    (outcome,) = run(vc, simple_plan(MOVE)).outcomes
    assert outcome.kind is OutcomeKind.ALREADY_DONE
    assert "submit" not in vc.calls


def test_a_vm_that_is_moved_by_others_meanwhile_is_skipped_and_its_steps_with_it() -> None:
    vc = vcenter()
    todo = plan(
        step(1, LIMIT, wave=1),
        step(2, MOVE, wave=2),
        step(3, change("vm-1", ActionKind.LIMIT, None, 4096), wave=3),
    )

    def drs() -> None:
        vc.vms["vm-1"].host = "host-3"

    vc.clock.then = drs
    result = run(vc, todo)
    assert result.outcome_of("s1").kind is OutcomeKind.DONE
    assert result.outcome_of("s2").cause is Cause.STALE
    assert result.outcome_of("s3").cause is Cause.VM_PINNED
    assert result.stale and result.exit_code is ExitCode.TRY_LATER
    assert result.pinned == {"vm-1": "s2"}


def test_a_precheck_with_an_error_refuses_and_one_with_a_warning_does_not() -> None:
    vc = vcenter()
    vc.findings["vm-1"] = [error_finding("The host has no room")]
    vc.findings["vm-2"] = [Finding("slow", Severity.WARNING, "web-2", "It may take long.")]
    result = run(vc, simple_plan(MOVE, LIMIT))
    assert result.outcome_of("s1").kind is OutcomeKind.REFUSED
    assert result.outcome_of("s2").kind is OutcomeKind.DONE
    assert result.exit_code is ExitCode.FAILED and not result.succeeded


def test_a_missing_privilege_ends_the_whole_plan() -> None:
    vc = vcenter()
    vc.fates["vm-1"] = [Fate(OnSubmit.FORBIDDEN)]
    result = run(vc, simple_plan(MOVE, LIMIT))
    assert result.outcome_of("s1").kind is OutcomeKind.FAILED
    assert result.outcome_of("s2").cause is Cause.NOT_PERMITTED
    assert result.exit_code is ExitCode.NOT_PERMITTED
    assert isinstance(result.error, NotPermittedError)
    assert vc.calls.count("submit") == 1


def test_a_privilege_lost_while_tasks_run_leaves_them_named() -> None:
    vc = vcenter()
    vc.broken["poll"] = [NotPermittedError("System.Read is missing")]
    (outcome,) = run(vc, simple_plan(MOVE)).outcomes
    assert outcome.kind is OutcomeKind.UNKNOWN and outcome.cause is Cause.NOT_PERMITTED
    assert "task-1" in outcome.sentence


def test_an_outage_is_waited_out() -> None:
    vc = vcenter()
    vc.broken["poll"] = [UnreachableError("no answer", where="vc.test")] * 12
    (outcome,) = run(vc, simple_plan(MOVE)).outcomes
    assert outcome.kind is OutcomeKind.DONE
    assert sum(vc.clock.slept_s) > 60.0


def test_an_outage_without_end_ends_the_execution_and_names_the_open_tasks() -> None:
    vc = vcenter()
    vc.broken["poll"] = [UnreachableError("no answer", where="vc.test")] * 10_000
    settings = Settings(outage=Backoff(attempts=1000, overall_s=300.0))
    todo = plan(step(1, MOVE, wave=1), step(2, LIMIT, wave=2))
    result = run(vc, todo, settings=settings)
    assert result.outcome_of("s1").kind is OutcomeKind.UNKNOWN
    assert "task-1" in result.outcome_of("s1").sentence
    assert result.outcome_of("s2").kind is OutcomeKind.SKIPPED
    assert result.exit_code is ExitCode.UNREACHABLE


def test_one_task_that_cannot_be_polled_does_not_spoil_the_others() -> None:
    vc = vcenter()
    vc.broken["poll"] = [TransientFault("busy") for _ in range(10)]
    result = run(vc, simple_plan(MOVE, LIMIT))
    assert [outcome.kind for outcome in result.outcomes] == [OutcomeKind.DONE] * 2


def test_a_task_that_is_long_too_busy_to_be_polled_is_not_given_up() -> None:
    vc = vcenter()
    vc.fates["vm-1"] = [Fate(takes_s=200.0)]
    vc.broken["poll"] = [TransientFault("busy") for _ in range(10)]
    (outcome,) = run(vc, simple_plan(MOVE)).outcomes
    assert outcome.kind is OutcomeKind.DONE


def test_a_look_that_is_refused_is_no_news_of_the_task() -> None:
    vc = vcenter()
    vc.broken["poll"] = [FinalFault("the datastore is gone") for _ in range(2)]
    vc.fates["vm-1"] = [Fate(takes_s=20.0)]
    (outcome,) = run(vc, simple_plan(MOVE)).outcomes
    assert outcome.kind is OutcomeKind.DONE and "done in 2" in outcome.sentence


def test_an_unreadable_estate_is_told_at_once() -> None:
    vc = vcenter()
    vc.broken["observe"] = [UnreachableError("no answer", where="vc.test")]
    with pytest.raises(UnreachableError):
        run(vc, simple_plan(MOVE))
    assert not vc.clock.slept_s


class FullDisk(MemoryRecorder):
    """A recorder that cannot write any more after so many writes."""

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        super().__init__()
        self.left = left

    def _write(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise StorageError("the disk is full", where="journal.db")

    def intent(self, execution: str, step: str, attempt: int, at_s: float) -> None:
        self._write()
        super().intent(execution, step, attempt, at_s)

    def accepted(self, execution: str, step: str, task: TaskHandle) -> None:
        self._write()
        super().accepted(execution, step, task)

    def outcome(self, execution: str, outcome: Outcome) -> None:
        self._write()
        super().outcome(execution, outcome)


@pytest.mark.parametrize(("writes", "submitted"), [(0, 0), (1, 1), (2, 1), (3, 2)])
def test_a_full_disk_stops_submissions_but_not_the_watch_over_what_runs(
    writes: int, submitted: int
) -> None:
    vc = vcenter()
    result = run(vc, simple_plan(MOVE, LIMIT), FullDisk(writes))
    assert vc.calls.count("submit") == submitted
    assert result.exit_code is ExitCode.FAILED and not result.recorded
    kinds = [outcome.kind for outcome in result.outcomes]
    assert kinds.count(OutcomeKind.DONE) == submitted
    assert all(
        outcome.cause is Cause.JOURNAL
        for outcome in result.outcomes
        if outcome.kind is not OutcomeKind.DONE
    )


def steps_until(vc: FakeVCenter, seconds: float, token: threading.Event) -> None:
    """Set ``token`` when so many seconds have passed."""
    begin = vc.clock.now_s()

    def look() -> None:
        if vc.clock.now_s() >= begin + seconds:
            token.set()

    vc.clock.then = look


def two_waves() -> Plan:
    return plan(step(1, MOVE, wave=1), step(2, LIMIT, wave=2))


def test_told_to_stop_it_lets_what_runs_finish_and_begins_nothing() -> None:
    vc, token = vcenter(), threading.Event()
    vc.fates["vm-1"] = [Fate(takes_s=60.0)]
    steps_until(vc, 3.0, token)
    result = run(vc, two_waves(), cancel=token)
    assert result.outcome_of("s1").kind is OutcomeKind.DONE
    assert result.outcome_of("s2").kind is OutcomeKind.CANCELLED
    assert result.outcome_of("s2").cause is Cause.STOPPED


def test_told_to_stop_it_can_cancel_what_runs() -> None:
    vc, token = vcenter(), threading.Event()
    vc.fates["vm-1"] = [Fate(takes_s=60.0)]
    steps_until(vc, 3.0, token)
    result = run(vc, two_waves(), cancel=token, settings=Settings(cancel_running=True))
    assert [outcome.kind for outcome in result.outcomes] == [OutcomeKind.CANCELLED] * 2
    assert result.ended_s - result.started_s < 10.0
    assert vc.vms["vm-1"].host == "host-1"


def test_a_stop_is_heard_during_long_sleeps() -> None:
    vc, token = vcenter(), threading.Event()
    vc.fates["vm-1"] = [Fate(OnSubmit.TRANSIENT)] * 4
    steps_until(vc, 0.0, token)
    result = run(vc, simple_plan(MOVE), cancel=token)
    assert result.outcome_of("s1").cause is Cause.STOPPED
    assert max(vc.clock.slept_s) <= 1.0


def test_steps_that_were_not_chosen_are_left_out_with_what_needs_them() -> None:
    todo = plan(step(1, MOVE), step(2, LIMIT, after=("s1",)))
    result = run(vcenter(), todo, chosen={"s2"})
    assert result.outcome_of("s1").cause is Cause.NOT_CHOSEN
    assert result.outcome_of("s2").cause is Cause.PREDECESSOR


def test_a_stale_plan_is_refused_before_anything_is_recorded() -> None:
    vc, recorder = vcenter(), MemoryRecorder()
    vc.vms["vm-2"].limit_mib = 2048
    with pytest.raises(StaleError):
        run(vc, simple_plan(MOVE, LIMIT), recorder)
    assert not recorder.lines and "submit" not in vc.calls


def test_an_estate_that_was_read_long_ago_is_read_again() -> None:
    vc = vcenter()
    old = vc.observe()
    vc.clock.sleep(20.0)
    run(vc, simple_plan(LIMIT), snapshot=old)
    assert vc.calls.count("observe") == 1
    vc.clock.sleep(20.0)
    vc.vms["vm-1"].host = "host-3"
    with pytest.raises(StaleError, match="web-1 is on esx-3"):
        run(vc, simple_plan(MOVE), snapshot=old)


def test_a_plan_is_not_worked_on_for_ever() -> None:
    vc = vcenter()
    vc.fates["vm-1"] = [Fate(takes_s=90.0)]
    settings = Settings(deadlines=Deadlines(execution_s=60.0))
    result = run(vc, two_waves(), settings=settings)
    assert result.outcome_of("s1").kind is OutcomeKind.DONE
    assert result.outcome_of("s2").cause is Cause.PLAN_DEADLINE


def test_progress_is_told() -> None:
    told: list[Progress] = []
    vc = vcenter()
    vc.fates["vm-1"] = [Fate(takes_s=30.0)]
    run(vc, simple_plan(MOVE), watch=told.append)
    assert told[0].progress_pct == 0.0 and told[0].outcome is None
    between = [progress.progress_pct for progress in told[1:-1]]
    assert between == sorted(between) and between
    assert told[-1].outcome is not None and told[-1].progress_pct == 100.0


def test_an_empty_plan_is_carried_out_at_once() -> None:
    result = run(vcenter(), plan())
    assert result.outcomes == () and result.succeeded


# ---------------------------------------------------------------- dry run


def dry(vc: FakeVCenter, *actions: Action) -> Sequence[Outcome]:
    steps = [step(at + 1, action, wave=at + 1) for at, action in enumerate(actions)]
    return run(vc, plan(*steps), dry_run=True).outcomes


def test_a_dry_run_asks_everything_and_submits_nothing() -> None:
    vc = vcenter()
    outcomes = dry(vc, MOVE, LIMIT)
    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.WOULD_DO] * 2
    assert "submit" not in vc.calls and vc.calls.count("precheck") == 2
    assert vc.vms["vm-1"].host == "host-1" and not vc.truth
    assert not vc.clock.slept_s, "nothing has to be waited for"


def test_a_dry_run_remembers_what_its_steps_would_have_left() -> None:
    vc = vcenter()
    first = change("vm-1", ActionKind.HOT_ADD, 8192, 9216)
    second = change("vm-1", ActionKind.HOT_ADD, 9216, 10240)
    back = move("vm-1", "host-2", "host-3")
    outcomes = dry(vc, first, second, MOVE, back)
    assert [outcome.kind for outcome in outcomes] == [OutcomeKind.WOULD_DO] * 4


def test_a_dry_run_shows_what_a_precheck_refuses() -> None:
    vc = vcenter()
    vc.findings["vm-1"] = [error_finding("The host has no room")]
    (outcome,) = dry(vc, MOVE)
    assert outcome.kind is OutcomeKind.REFUSED


def test_a_dry_run_does_not_hold_the_unrealised_past_against_a_step() -> None:
    vc = vcenter()
    vc.findings["vm-1"] = [error_finding("The host has no room")]
    todo = plan(step(1, LIMIT), step(2, MOVE, after=("s1",)))
    outcome = run(vc, todo, dry_run=True).outcome_of("s2")
    assert outcome.kind is OutcomeKind.WOULD_DO
    assert "after s1; as of now: The host has no room" in outcome.sentence


def test_nothing_is_asked_of_a_vm_that_an_earlier_task_may_be_at() -> None:
    vc = vcenter()
    todo = simple_plan(MOVE, change("vm-2", ActionKind.LIMIT, None, 4096))
    result = execute(todo, vc, MemoryRecorder(), rng=random.Random(1), occupied={"vm-1": "task-77"})
    first, second = result.outcomes
    assert (first.kind, first.cause) == (OutcomeKind.SKIPPED, Cause.SLOT_HELD)
    assert "task-77 may still be at work on it" in first.sentence
    assert first.ended_s >= START_S, "what is left out ends at the beginning, not in 1970"
    assert second.kind is OutcomeKind.DONE
