"""The seam between the market and whatever it acts on.

A vCenter (``adapter``) and the ESXi memory plant (``plant``) both implement :class:`VCenterPort`;
one contract test suite runs against both, and against the simulator over the wire.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from vsphere_market.errors import ActionError
from vsphere_market.estate import Snapshot
from vsphere_market.port.actions import Action


class Severity(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    INFO = "info"
    WARNING = "warning"
    #: The action, or the product, cannot work like this.
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact found by a check, with its cure.

    Attributes:
        code: stable short name, e.g. ``clock-skew``.
        severity: how much it matters.
        subject: the object's name, or "".
        what: one sentence.
        cure: what to do, or "".
    """

    code: str
    severity: Severity
    subject: str
    what: str
    cure: str = ""


@dataclass(frozen=True, slots=True)
class TaskHandle:
    """A request that the other side has accepted.

    Attributes:
        task: the other side's id of the task, e.g. ``task-42``.
        action: what it does.
        submitted_at_s: Unix time at the source.
    """

    task: str
    action: Action
    submitted_at_s: float


class TaskState(StrEnum):
    """Where a task stands. The last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCESS = "success"
    ERROR = "error"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """One look at a task.

    Attributes:
        state: where it stands.
        progress_pct: 0 to 100.
        error: why it failed, of the class that says what to do next; only with ERROR.
    """

    state: TaskState
    progress_pct: float = 0.0
    error: ActionError | None = None

    @property
    def final(self) -> bool:
        """It will not change any more."""
        return self.state in (TaskState.SUCCESS, TaskState.ERROR, TaskState.CANCELLED)


class Standing(StrEnum):
    """How the world stands to an action."""

    #: As the action expects to find it.
    BEFORE = "before"
    #: As the action would leave it.
    AFTER = "after"
    #: Neither: somebody else changed it, or the object is gone.
    OTHER = "other"


class Clock(Protocol):
    """Time. The plant's clock moves its simulation when asked to sleep."""

    def now_s(self) -> float:
        """Unix time, seconds."""

    def sleep(self, seconds: float) -> None:
        """Return after that many seconds of this clock."""


class VCenterPort(Protocol):
    """What the market needs of a vCenter.

    All methods raise ``UnreachableError``, ``CertificateError`` or ``NotPermittedError`` when the
    other side cannot be talked to; none of them retries a change by itself.
    """

    @property
    def clock(self) -> Clock:
        """The clock to wait by between polls."""

    def observe(self) -> Snapshot:
        """Read the estate: a few bulk requests, never one per object."""

    def checkup(self) -> Sequence[Finding]:
        """Look for what would keep the product from working; each finding with its cure."""

    def standing(self, action: Action) -> Standing:
        """Compare what ``action`` changes with the world, by a fresh read of that one object."""

    def precheck(self, action: Action) -> Sequence[Finding]:
        """Ask the other side whether it would do it. ERROR findings are reasons why not."""

    def submit(self, action: Action) -> TaskHandle:
        """Send the request once.

        Raises:
            ActionError: as ``TransientFault``, ``StaleFault`` or ``FinalFault`` when refused; as
                ``OutcomeUnknown`` when the connection was lost after it may have been received.
        """

    def poll(self, tasks: Sequence[TaskHandle]) -> Sequence[TaskStatus]:
        """Look at several tasks in one request; one status per handle, in order."""

    def find_task(self, action: Action, since_s: float) -> TaskHandle | None:
        """Find the task of a request whose answer was lost, submitted at or after ``since_s``.

        Returns None when the other side never saw it.
        """

    def cancel(self, task: TaskHandle) -> None:
        """Ask for cancellation; the task's own state says whether that came in time."""

    def close(self) -> None:
        """Log out and let go. Never raises; may be called twice."""
