"""What goes into the state machine and what comes out: events and instructions, all plain values.

The machine (``core``) does no I/O. It is handed events and asked for the next instruction; a
driver carries instructions out and turns what happens into events.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vsphere_market.errors import ActionError
from vsphere_market.executor.jobs import Job
from vsphere_market.port import Cause, Finding, Outcome, Standing, TaskHandle, TaskStatus

# ---------------------------------------------------------------- events


@dataclass(frozen=True, slots=True)
class Stood:
    """An :class:`AskStanding` was answered."""

    step: str
    standing: Standing


@dataclass(frozen=True, slots=True)
class Prechecked:
    """An :class:`AskPrecheck` was answered."""

    step: str
    findings: Sequence[Finding]


@dataclass(frozen=True, slots=True)
class Submitted:
    """The other side accepted a :class:`Submit`."""

    step: str
    task: TaskHandle


@dataclass(frozen=True, slots=True)
class Faulted:
    """Whatever was asked for this step ended in ``error``, retries of reads included."""

    step: str
    error: ActionError


@dataclass(frozen=True, slots=True)
class Found:
    """A :class:`FindTask` was answered; None when there is no such task."""

    step: str
    task: TaskHandle | None


@dataclass(frozen=True, slots=True)
class Polled:
    """A :class:`Poll` was answered, one status per step asked about, in order."""

    steps: tuple[str, ...]
    statuses: Sequence[TaskStatus]


@dataclass(frozen=True, slots=True)
class CancelSent:
    """A :class:`CancelTask` was carried out, or could not be; the task's state will tell."""

    step: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Submit nothing more.

    Attributes:
        cause: STOPPED, NOT_PERMITTED, JOURNAL or PLAN_BREAKER.
        why: the sentence given to every step that is not tried because of it.
        cancel_running: also cancel what runs.
    """

    cause: Cause
    why: str
    cancel_running: bool = False


@dataclass(frozen=True, slots=True)
class Lost:
    """The other side cannot be reached, or asked, any more: nothing further can be learned.

    Attributes:
        cause: UNREACHABLE or NOT_PERMITTED.
        why: the sentence that tells it.
    """

    cause: Cause
    why: str


Event = Stood | Prechecked | Submitted | Faulted | Found | Polled | CancelSent | Stop | Lost

# ---------------------------------------------------------------- instructions


@dataclass(frozen=True, slots=True)
class AskStanding:
    """Compare the step's action with the world."""

    job: Job


@dataclass(frozen=True, slots=True)
class AskPrecheck:
    """Ask the other side whether it would do it."""

    job: Job


@dataclass(frozen=True, slots=True)
class Submit:
    """Write the intent down, then send the request once."""

    job: Job
    attempt: int


@dataclass(frozen=True, slots=True)
class FindTask:
    """Look for the task of a request that was never answered."""

    job: Job
    since_s: float


@dataclass(frozen=True, slots=True)
class Poll:
    """Look at these tasks in one request."""

    steps: tuple[str, ...]
    tasks: tuple[TaskHandle, ...]


@dataclass(frozen=True, slots=True)
class CancelTask:
    """Ask for the cancellation of a task."""

    step: str
    task: TaskHandle


@dataclass(frozen=True, slots=True)
class Record:
    """Write an outcome down; the step has ended."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class SleepUntil:
    """Nothing to do before that time, by :attr:`~.core.Machine.now_s`."""

    at_s: float


@dataclass(frozen=True, slots=True)
class Finish:
    """Every step has its outcome, and every outcome was handed out."""


Instruction = (
    AskStanding | AskPrecheck | Submit | FindTask | Poll | CancelTask | Record | SleepUntil | Finish
)
