"""The state of one step while an execution goes on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from vsphere_market.errors import ActionError
from vsphere_market.executor.jobs import Job
from vsphere_market.port import Cause, Outcome, OutcomeKind, TaskHandle


class Phase(Enum):
    """Where a step stands. The drawing is in ``docs/design/executor.md``."""

    #: For its wave, its predecessors, a free slot, or the end of a pause.
    WAITING = "waiting"
    #: The world is to be compared with the action, before anything is sent.
    COMPARING = "comparing"
    #: The other side is to be asked whether it would do it.
    CHECKING = "checking"
    #: To be submitted next.
    READY = "ready"
    #: Accepted; the task is open.
    RUNNING = "running"
    #: Sent without an answer: the task is to be looked for.
    SEARCHING = "searching"
    #: No task tells the end: the world is to be compared with the action.
    SETTLING = "settling"
    #: Success was reported and is to be read back.
    VERIFYING = "verifying"
    #: It has its outcome.
    ENDED = "ended"


class Doubt(Enum):
    """Why a step has to be settled by looking at the world."""

    #: The answer to the submission was lost.
    UNANSWERED = "unanswered"
    #: The task ended with a fault; a vMotion called timed out may still have moved the VM.
    TASK_FAILED = "task-failed"
    #: The other side has forgotten the task.
    TASK_LOST = "task-lost"
    #: The task does not end, not even after its cancellation was asked for.
    STUCK = "stuck"
    #: The task ended as cancelled, perhaps too late.
    CANCELLED = "cancelled"


#: Phases in which a step holds its claims (slots on hosts, its VM).
HOLDING = frozenset(Phase) - {Phase.WAITING, Phase.ENDED}
#: Phases in which nothing was sent that could still take effect.
UNSENT = frozenset({Phase.WAITING, Phase.COMPARING, Phase.CHECKING, Phase.READY})


@dataclass(slots=True)
class Run:
    """One step's state. Only the machine changes it.

    Attributes:
        job: what is to be done.
        phase: where it stands.
        not_before_s: nothing is done for it before that time.
        attempts: submissions so far.
        started_s: time of the first submission.
        earlier: submissions by earlier lives of the program.
        tried_s: time of the first submission in this life.
        intent_s: time of the last submission, as the port's clock told it.
        task: the last accepted task.
        known: ids of all accepted tasks, so that an old one is not taken for a new one.
        due_s: when the open task is overdue.
        cancel_cause: why its cancellation is wanted; None when it is not.
        cancel_sent_s: when it was asked for.
        doubt: why it is being settled.
        tries: looks of the current kind so far (searches, read-backs).
        unread: looks in a row that ended in a fault.
        error: the last fault.
        put_off: how often it was put off before anything was sent; only of what is owed.
        put_off_s: when that happened first.
        outcome: set once, at the end.
    """

    job: Job
    phase: Phase = Phase.WAITING
    not_before_s: float = 0.0
    attempts: int = 0
    started_s: float | None = None
    earlier: int = 0
    tried_s: float | None = None
    intent_s: float = 0.0
    task: TaskHandle | None = None
    known: list[TaskHandle] = field(default_factory=list)
    due_s: float = 0.0
    cancel_cause: Cause | None = None
    cancel_sent_s: float | None = None
    doubt: Doubt | None = None
    tries: int = 0
    unread: int = 0
    error: ActionError | None = None
    put_off: int = 0
    put_off_s: float | None = None
    outcome: Outcome | None = None

    def search_since_s(self, margin_s: float) -> float:
        """The time from which on to look for the task of the last submission.

        A little before the intent, since the other side may round its times down. Tasks of
        earlier attempts are excluded by time as well as by id: an implementation of the port may
        give the newest or the oldest one that fits.
        """
        earlier = [task.submitted_at_s + 0.001 for task in self.known]
        return max([self.intent_s - margin_s, *earlier])

    def enter(self, phase: Phase, *, not_before_s: float = 0.0) -> None:
        """Go to another phase; looks are counted anew when it is a different one."""
        if phase is not self.phase and phase not in (Phase.SEARCHING, Phase.SETTLING):
            self.tries = 0
        self.phase = phase
        self.not_before_s = not_before_s


def held_claims(runs: Iterable[Run], *, for_good: bool = False) -> dict[str, int]:
    """How many units of each claim are held now.

    What may still be going on at the other side without our knowing when it ends is held until
    the end of the execution. ``for_good`` counts only that.
    """
    held: dict[str, int] = {}
    for run in runs:
        lost = run.outcome is not None and run.outcome.kind is OutcomeKind.UNKNOWN
        if lost or (run.phase in HOLDING and not for_good):
            for claim in run.job.claims:
                held[claim] = held.get(claim, 0) + 1
    return held
