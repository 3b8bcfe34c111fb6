"""What became of an action: words that the executor writes and the journal keeps.

They live beside the actions because executor and journal do not know each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from vsphere_market.port.actions import Action


class OutcomeKind(StrEnum):
    """How a step ended. Every step of an execution ends with exactly one of these."""

    #: Submitted, ended well, and read back.
    DONE = "done"
    #: The world was already as the step would leave it; nothing was submitted.
    ALREADY_DONE = "already-done"
    #: Not tried; the cause says why.
    SKIPPED = "skipped"
    #: The other side's pre-check says that it would not work; nothing was submitted.
    REFUSED = "refused"
    #: Tried without success.
    FAILED = "failed"
    #: Given up on request, before or while it ran.
    CANCELLED = "cancelled"
    #: It may or may not have happened; the sentence names the task to look at.
    UNKNOWN = "unknown"
    #: Dry run: everything short of submitting it succeeded.
    WOULD_DO = "would-do"

    @property
    def good(self) -> bool:
        """Steps that depend on this one may go on."""
        return self in (OutcomeKind.DONE, OutcomeKind.ALREADY_DONE, OutcomeKind.WOULD_DO)


class Cause(StrEnum):
    """Why a step ended as it did, for machines; the outcome's sentence is for people."""

    #: Nothing to explain: it went as planned.
    NONE = "none"
    #: The caller did not choose this step (its mode, or an approval, does not allow it).
    NOT_CHOSEN = "not-chosen"
    #: A step that it depends on did not succeed.
    PREDECESSOR = "predecessor"
    #: An earlier step on the same VM failed, so the VM is left alone.
    VM_PINNED = "vm-pinned"
    #: A host of this step failed others too often in this execution.
    HOST_BREAKER = "host-breaker"
    #: What it would need is taken up by a task that nobody knows the end of.
    SLOT_HELD = "slot-held"
    #: Too many steps failed in a row; the execution was ended.
    PLAN_BREAKER = "plan-breaker"
    #: The execution may not do more steps than this.
    STEP_LIMIT = "step-limit"
    #: The world is not as the plan assumed: make a new plan.
    STALE = "stale"
    #: The other side's pre-check found an error.
    PRECHECK = "precheck"
    #: The other side reported a fault.
    FAULT = "fault"
    #: It took longer than this kind of action may.
    DEADLINE = "deadline"
    #: The execution has taken as long as it may; nothing more is begun.
    PLAN_DEADLINE = "plan-deadline"
    #: Success was reported, but the world does not show it.
    NOT_VERIFIED = "not-verified"
    #: A privilege is missing. When a request was refused for it, the execution was ended.
    NOT_PERMITTED = "not-permitted"
    #: The other side cannot be reached any more; the execution was ended.
    UNREACHABLE = "unreachable"
    #: The journal cannot be written; the execution was ended.
    JOURNAL = "journal"
    #: We were told to stop.
    STOPPED = "stopped"
    #: Somebody else cancelled the task.
    FOREIGN_CANCEL = "foreign-cancel"
    #: It must be done still, and is when the program runs again: a VM that was stopped for a
    #: change is started.
    OWED = "owed"
    #: The program ended in the middle; found out at the next start.
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one step ended.

    Attributes:
        step: the step's id within its plan.
        action: what was to be done.
        kind: how it ended.
        cause: why, for machines.
        sentence: why, for people.
        started_s: Unix time of the first submission; None when nothing was submitted.
        ended_s: Unix time at which the outcome was known.
        task: the other side's id of the last task, "" if there was none.
        attempts: how many times it was submitted.
        fault: vSphere's name of the fault behind it, "" if none.
    """

    step: str
    action: Action
    kind: OutcomeKind
    cause: Cause
    sentence: str
    started_s: float | None
    ended_s: float
    task: str = ""
    attempts: int = 0
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A step of an earlier execution that has no definite outcome, as the journal remembers it.

    Attributes:
        execution: the execution's id in the journal.
        step: the step's id within its plan.
        action: what was to be done.
        attempts: how many intents were written.
        intent_s: Unix time of the last intent; None when it was never going to be submitted yet.
        task: id of the last task that was accepted, "" if none was.
        submitted_s: Unix time at the source of that task, None if there is none.
        owed: it starts a VM that an earlier step of the same execution stopped, or may have.
        was_unknown: it has an outcome, which is UNKNOWN; vCenter may be able to tell by now.
        restarted: it stops a VM that a later step of the same execution has started, so the VM was
            off.
    """

    execution: str
    step: str
    action: Action
    attempts: int
    intent_s: float | None
    task: str
    submitted_s: float | None
    owed: bool = False
    was_unknown: bool = False
    restarted: bool = False
