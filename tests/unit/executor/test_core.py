"""The state machine alone, driven by hand-made events: no port, no clock."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from tests.fakes import START_S, change, error_finding, move, plan, step, vcenter
from vsphere_market.errors import FinalFault, OutcomeUnknown, PlanError, TransientFault
from vsphere_market.executor.core import Machine
from vsphere_market.executor.jobs import jobs_of
from vsphere_market.executor.settings import Deadlines, Limits, Settings
from vsphere_market.executor.signals import (
    AskPrecheck,
    AskStanding,
    CancelSent,
    CancelTask,
    Faulted,
    FindTask,
    Finish,
    Found,
    Instruction,
    Poll,
    Polled,
    Prechecked,
    Record,
    SleepUntil,
    Stood,
    Stop,
    Submit,
    Submitted,
)
from vsphere_market.market.plan import Step
from vsphere_market.port import (
    ActionKind,
    Cause,
    Finding,
    OutcomeKind,
    Severity,
    Standing,
    TaskHandle,
    TaskState,
    TaskStatus,
)

RUNNING = TaskStatus(TaskState.RUNNING, 10.0)
SUCCESS = TaskStatus(TaskState.SUCCESS, 100.0)


class Hand:
    """Plays the driver by hand: answers questions well unless told otherwise."""

    def __init__(self, *steps: Step, settings: Settings | None = None) -> None:
        settings = settings or Settings()
        jobs = jobs_of(plan(*steps), vcenter(4, 6).observe(), settings)
        self.machine = Machine(jobs, settings, random.Random(7))
        self.now_s = START_S
        self.submitted: list[str] = []
        self.recorded: list[str] = []

    def next(self) -> Instruction:
        return self.machine.next(self.now_s)

    def tell(self, *events: object) -> None:
        for event in events:
            self.machine.handle(event, self.now_s)  # type: ignore[arg-type] # events of all kinds

    def until_poll(self) -> Poll | SleepUntil | Finish:
        """Let everything be asked, answered well and submitted, up to the first poll."""
        while True:
            instruction = self.next()
            match instruction:
                case AskStanding(job=job):
                    self.tell(Stood(job.step, Standing.BEFORE))
                case AskPrecheck(job=job):
                    self.tell(Prechecked(job.step, []))
                case Submit(job=job):
                    self.submitted.append(job.step)
                    number = len(self.submitted)
                    task = TaskHandle(f"task-{number}", job.action, self.now_s)
                    self.tell(Submitted(job.step, task))
                case Record(outcome=outcome):
                    self.recorded.append(outcome.step)
                case Poll() | SleepUntil() | Finish():
                    return instruction
                case _:
                    raise AssertionError(f"did not expect {instruction}")

    def finish(self, *steps: str) -> None:
        """Let the tasks of these steps succeed and be read back."""
        poll = self.until_poll()
        assert isinstance(poll, Poll)
        statuses = [SUCCESS if name in steps else RUNNING for name in poll.steps]
        self.tell(Polled(poll.steps, statuses))
        for _ in steps:
            instruction = self.next()
            while isinstance(instruction, Record):
                self.recorded.append(instruction.outcome.step)
                instruction = self.next()
            assert isinstance(instruction, AskStanding)
            self.tell(Stood(instruction.job.step, Standing.AFTER))
        self.now_s += 1.0

    def kinds(self) -> dict[str, tuple[OutcomeKind, Cause]]:
        return {
            name: (run.outcome.kind, run.outcome.cause)
            for name, run in self.machine.runs.items()
            if run.outcome
        }


def three_moves(**extra: Sequence[str]) -> list[Step]:
    return [
        step(1, move("vm-1", "host-1", "host-2")),
        step(2, move("vm-2", "host-2", "host-3")),
        step(3, move("vm-3", "host-3", "host-4"), after=extra.get("after", ())),
    ]


def test_a_step_is_compared_checked_submitted_polled_and_read_back() -> None:
    hand = Hand(step(1, move("vm-1", "host-1", "host-2")))
    assert isinstance(hand.next(), AskStanding)
    hand.tell(Stood("s1", Standing.BEFORE))
    assert isinstance(hand.next(), AskPrecheck)
    hand.tell(Prechecked("s1", []))
    submit = hand.next()
    assert isinstance(submit, Submit) and submit.attempt == 1
    hand.tell(Submitted("s1", TaskHandle("task-1", submit.job.action, START_S)))
    poll = hand.next()
    assert isinstance(poll, Poll) and poll.tasks[0].task == "task-1"
    hand.tell(Polled(("s1",), [SUCCESS]))
    assert isinstance(hand.next(), AskStanding)
    hand.tell(Stood("s1", Standing.AFTER))
    record = hand.next()
    assert isinstance(record, Record) and record.outcome.kind is OutcomeKind.DONE
    assert isinstance(hand.next(), Finish)


def test_the_next_instruction_stays_the_same_until_an_event_comes_in() -> None:
    hand = Hand(*three_moves())
    for event in (Stood("s1", Standing.BEFORE), Prechecked("s1", [])):
        assert hand.next() == hand.next()
        hand.tell(event)
    assert isinstance(hand.next(), Submit)
    assert hand.next() == hand.next()


def test_a_wave_begins_when_the_one_before_has_ended() -> None:
    hand = Hand(
        step(1, move("vm-1", "host-1", "host-2"), wave=1),
        step(2, move("vm-2", "host-3", "host-4"), wave=2),
    )
    hand.until_poll()
    assert hand.submitted == ["s1"]
    hand.finish("s1")
    hand.until_poll()
    assert hand.submitted == ["s1", "s2"]


def test_a_step_waits_for_those_that_it_depends_on() -> None:
    hand = Hand(*three_moves(after=("s1",)))
    hand.until_poll()
    assert hand.submitted == ["s1", "s2"]
    hand.finish("s2")
    hand.until_poll()
    assert hand.submitted == ["s1", "s2"]
    hand.finish("s1")
    hand.until_poll()
    assert hand.submitted == ["s1", "s2", "s3"]


def test_dependents_of_a_failure_are_skipped_and_say_which() -> None:
    hand = Hand(
        *three_moves(after=("s1",)), step(4, move("vm-4", "host-4", "host-1"), after=("s3",))
    )
    poll = hand.until_poll()
    assert isinstance(poll, Poll)
    failed = TaskStatus(TaskState.ERROR, error=FinalFault("no", fault="RuleViolation"))
    hand.tell(Polled(poll.steps, [failed, SUCCESS]))
    while isinstance(instruction := hand.next(), AskStanding | Record):
        if isinstance(instruction, AskStanding):
            answer = Standing.AFTER if instruction.job.step == "s2" else Standing.BEFORE
            hand.tell(Stood(instruction.job.step, answer))
    assert hand.kinds() == {
        "s1": (OutcomeKind.FAILED, Cause.FAULT),
        "s2": (OutcomeKind.DONE, Cause.NONE),
        "s3": (OutcomeKind.SKIPPED, Cause.PREDECESSOR),
        "s4": (OutcomeKind.SKIPPED, Cause.PREDECESSOR),
    }
    outcome = hand.machine.runs["s3"].outcome
    assert outcome is not None and "step s1, which it needs, was failed" in outcome.sentence


def test_a_host_takes_part_in_two_migrations_at_most() -> None:
    hand = Hand(
        step(1, move("vm-1", "host-1", "host-2")),
        step(2, move("vm-2", "host-2", "host-3")),
        step(3, move("vm-3", "host-4", "host-2")),
        step(4, move("vm-4", "host-4", "host-3")),
    )
    hand.until_poll()
    assert hand.submitted == ["s1", "s2", "s4"], "in and out of host-2 count together"
    hand.finish("s1")
    hand.until_poll()
    assert hand.submitted[-1] == "s3"


def test_a_vm_has_one_action_at_a_time() -> None:
    hand = Hand(
        step(1, move("vm-1", "host-1", "host-2")),
        step(2, change("vm-1", ActionKind.LIMIT, None, 4096)),
    )
    hand.until_poll()
    assert hand.submitted == ["s1"]
    hand.finish("s1")
    hand.until_poll()
    assert hand.submitted == ["s1", "s2"]


def test_reconfigurations_have_a_limit_of_their_own() -> None:
    hand = Hand(
        *(step(n, change(f"vm-{n}", ActionKind.LIMIT, None, 4096)) for n in range(1, 5)),
        step(5, move("vm-5", "host-1", "host-2")),
        settings=Settings(limits=Limits(reconfigurations=2)),
    )
    hand.until_poll()
    assert hand.submitted == ["s1", "s2", "s5"]


def test_a_cluster_can_have_a_limit_of_its_own() -> None:
    hand = Hand(*three_moves(), settings=Settings(limits=Limits(migrations_per_cluster=1)))
    hand.until_poll()
    assert hand.submitted == ["s1"]


def test_one_execution_does_so_many_steps_and_no_more() -> None:
    hand = Hand(*three_moves(), settings=Settings(limits=Limits(steps=2)))
    hand.until_poll()
    assert hand.submitted == ["s1", "s2"]
    assert hand.kinds()["s3"] == (OutcomeKind.SKIPPED, Cause.STEP_LIMIT)


def test_nothing_is_submitted_after_a_stop_even_if_it_was_ready() -> None:
    hand = Hand(*three_moves())
    hand.next()
    hand.tell(Stood("s1", Standing.BEFORE), Prechecked("s1", []))
    assert isinstance(hand.next(), Submit)
    hand.tell(Stop(Cause.STOPPED, "told to stop"))
    assert [type(hand.next()) for _ in range(4)] == [Record, Record, Record, Finish]
    assert set(hand.kinds().values()) == {(OutcomeKind.CANCELLED, Cause.STOPPED)}


def test_a_transient_failure_after_a_stop_is_not_tried_again() -> None:
    hand = Hand(step(1, move("vm-1", "host-1", "host-2")))
    hand.until_poll()
    hand.tell(Stop(Cause.STOPPED, "told to stop"))
    failed = TaskStatus(TaskState.ERROR, error=TransientFault("busy"))
    hand.tell(Polled(("s1",), [failed]), Stood("s1", Standing.BEFORE))
    assert isinstance(hand.next(), Record)
    assert isinstance(hand.next(), Finish)
    assert hand.kinds()["s1"] == (OutcomeKind.CANCELLED, Cause.STOPPED)


def test_a_stop_lets_running_tasks_finish_or_cancels_them() -> None:
    hand = Hand(step(1, move("vm-1", "host-1", "host-2")))
    hand.until_poll()
    hand.tell(Stop(Cause.STOPPED, "told to stop"))
    assert isinstance(hand.next(), Poll)

    hand = Hand(step(1, move("vm-1", "host-1", "host-2")))
    hand.until_poll()
    hand.tell(Stop(Cause.STOPPED, "told to stop", cancel_running=True))
    cancel = hand.next()
    assert isinstance(cancel, CancelTask) and cancel.task.task == "task-1"
    hand.tell(CancelSent("s1"))
    assert isinstance(hand.next(), Poll)


def test_a_request_without_an_answer_is_looked_for_before_all_else() -> None:
    hand = Hand(step(1, move("vm-1", "host-1", "host-2")))
    hand.next()
    hand.tell(Stood("s1", Standing.BEFORE), Prechecked("s1", []))
    hand.next()
    hand.tell(Faulted("s1", OutcomeUnknown("connection reset")))
    find = hand.next()
    assert isinstance(find, FindTask)
    assert START_S - 1 < find.since_s <= START_S
    hand.tell(Found("s1", None), Stood("s1", Standing.BEFORE))
    # Once is no proof: it looks again after a pause, and only then sends the request again.
    sleep = hand.next()
    assert isinstance(sleep, SleepUntil) and sleep.at_s == START_S + 10.0
    hand.now_s += 10.0
    assert isinstance(hand.next(), FindTask)
    hand.tell(Found("s1", None), Stood("s1", Standing.BEFORE))
    assert isinstance(hand.next(), SleepUntil)
    hand.now_s += 60.0
    assert isinstance(hand.next(), AskStanding)


def test_the_task_of_an_earlier_attempt_is_not_taken_for_the_last_one() -> None:
    hand = Hand(step(1, move("vm-1", "host-1", "host-2")))
    hand.until_poll()
    failed = TaskStatus(TaskState.ERROR, error=TransientFault("busy"))
    hand.tell(Polled(("s1",), [failed]), Stood("s1", Standing.BEFORE))
    hand.now_s += 60.0
    for event in (Stood("s1", Standing.BEFORE), Prechecked("s1", [])):
        hand.next()
        hand.tell(event)
    submit = hand.next()
    assert isinstance(submit, Submit) and submit.attempt == 2
    hand.tell(Faulted("s1", OutcomeUnknown("connection reset")))
    find = hand.next()
    assert isinstance(find, FindTask) and find.since_s > START_S
    hand.tell(Found("s1", TaskHandle("task-1", submit.job.action, START_S)))
    assert isinstance(hand.next(), AskStanding), "task-1 has ended; it is no answer"


def test_what_a_lost_task_takes_up_stays_taken_up() -> None:
    hand = Hand(
        step(1, move("vm-1", "host-1", "host-2")),
        step(2, move("vm-2", "host-1", "host-3")),
        settings=Settings(
            limits=Limits(migrations_per_host=1), deadlines=Deadlines(execution_s=1e9)
        ),
    )
    hand.until_poll()
    hand.now_s += 100_000.0
    hand.tell(Polled(("s1",), [RUNNING]))
    assert isinstance(hand.next(), CancelTask)
    hand.tell(CancelSent("s1"))
    hand.now_s += 1000.0
    hand.tell(Polled(("s1",), [RUNNING]))
    hand.next()
    hand.tell(Stood("s1", Standing.BEFORE))
    hand.until_poll()
    assert hand.kinds() == {
        "s1": (OutcomeKind.UNKNOWN, Cause.DEADLINE),
        "s2": (OutcomeKind.SKIPPED, Cause.SLOT_HELD),
    }


def test_a_host_that_fails_often_is_left_alone() -> None:
    hand = Hand(
        step(1, move("vm-1", "host-1", "host-2")),
        step(2, move("vm-2", "host-3", "host-2")),
        step(3, move("vm-3", "host-4", "host-2"), wave=2),
        step(4, move("vm-4", "host-4", "host-3"), wave=2),
        settings=Settings(limits=Limits(host_failures=2)),
    )
    poll = hand.until_poll()
    assert isinstance(poll, Poll)
    failed = TaskStatus(TaskState.ERROR, error=FinalFault("link down", fault="MigrationFault"))
    hand.tell(Polled(poll.steps, [failed, failed]))
    hand.tell(Stood("s1", Standing.BEFORE), Stood("s2", Standing.BEFORE))
    hand.until_poll()
    assert hand.kinds()["s3"] == (OutcomeKind.SKIPPED, Cause.HOST_BREAKER)
    assert hand.submitted == ["s1", "s2", "s4"]


def test_many_failures_in_a_row_end_the_execution() -> None:
    steps = [step(n, change(f"vm-{n}", ActionKind.LIMIT, None, 4096), wave=n) for n in range(1, 6)]
    hand = Hand(*steps, settings=Settings(limits=Limits(failures_in_a_row=3)))
    for number in range(1, 4):
        hand.until_poll()
        failed = TaskStatus(TaskState.ERROR, error=FinalFault("no"))
        hand.tell(Polled((f"s{number}",), [failed]), Stood(f"s{number}", Standing.BEFORE))
    assert isinstance(hand.until_poll(), Finish)
    assert hand.submitted == ["s1", "s2", "s3"]
    assert hand.kinds()["s5"] == (OutcomeKind.SKIPPED, Cause.PLAN_BREAKER)


def test_a_refused_precheck_ends_the_step_with_its_sentence() -> None:
    hand = Hand(step(1, move("vm-1", "host-1", "host-2")))
    hand.next()
    hand.tell(Stood("s1", Standing.BEFORE))
    hand.next()
    hand.tell(Prechecked("s1", [error_finding("The host has no room.")]))
    record = hand.next()
    assert isinstance(record, Record)
    assert record.outcome.kind is OutcomeKind.REFUSED
    assert record.outcome.sentence == (
        "Move web-1 from esx-1 to esx-2: vCenter would refuse: The host has no room."
    )


def test_a_missing_privilege_found_beforehand_refuses_the_step_alone() -> None:
    hand = Hand(*three_moves()[:2])
    hand.next()
    lacking = Finding("NoPermission", Severity.ERROR, "web-1", "x lacks Resource.HotMigrate")
    hand.tell(Stood("s1", Standing.BEFORE), Prechecked("s1", [lacking]))
    hand.until_poll()
    assert hand.kinds() == {"s1": (OutcomeKind.REFUSED, Cause.NOT_PERMITTED)}
    assert hand.submitted == ["s2"]


def test_polls_come_soon_after_a_change_and_seldom_when_nothing_happens() -> None:
    hand = Hand(step(1, move("vm-1", "host-1", "host-2")))
    hand.until_poll()
    pauses = []
    for _ in range(10):
        assert isinstance(hand.next(), Poll)
        hand.tell(Polled(("s1",), [RUNNING]))
        sleep = hand.next()
        assert isinstance(sleep, SleepUntil)
        pauses.append(sleep.at_s - hand.now_s)
        hand.now_s = sleep.at_s
    assert pauses == sorted(pauses) and pauses[0] < 1.0 and pauses[-1] == 10.0


def test_a_clock_that_is_set_back_does_not_stop_the_polls() -> None:
    hand = Hand(step(1, move("vm-1", "host-1", "host-2")))
    hand.until_poll()
    hand.tell(Polled(("s1",), [RUNNING]))
    hand.now_s -= 3600.0
    sleep = hand.next()
    assert isinstance(sleep, SleepUntil)
    assert sleep.at_s - hand.machine.now_s < 1.0
    hand.now_s += 1.0
    assert isinstance(hand.next(), Poll)


def test_a_plan_whose_order_cannot_be_kept_is_refused() -> None:
    one, two = step(1, move("vm-1", "host-1", "host-2")), step(2, move("vm-2", "host-2", "host-3"))
    for steps, said in (
        ((one, one), "there twice"),
        ((step(1, one.action, after=("s9",)),), "not in the plan"),
        ((step(1, one.action, after=("s2",)), two), "comes later"),
        ((step(1, one.action, wave=2), step(2, two.action, wave=1, after=("s1",))), "comes later"),
        ((step(1, one.action, after=("s1",)),), "comes later"),
    ):
        with pytest.raises(PlanError, match=said):
            jobs_of(plan(*steps), vcenter().observe(), Settings())
