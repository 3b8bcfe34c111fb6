"""What each answer does to a step: the edges of the state machine.

The rule behind all of them: a request is sent again only when the last one provably ended, or
provably never arrived. Everything else is settled by looking, at tasks first and at the world then.
"""

from __future__ import annotations

import random
from typing import Protocol

from vsphere_market.errors import (
    ActionError,
    FinalFault,
    OutcomeUnknown,
    StaleFault,
    TransientFault,
)
from vsphere_market.executor.run import Doubt, Phase, Run
from vsphere_market.executor.settings import Settings
from vsphere_market.executor.signals import (
    CancelSent,
    Faulted,
    Found,
    Prechecked,
    Stood,
    Stop,
    Submitted,
)
from vsphere_market.port import (
    Action,
    ApplyRecommendation,
    Cause,
    Finding,
    OutcomeKind,
    Severity,
    Standing,
    TaskHandle,
    TaskState,
    TaskStatus,
)
from vsphere_market.port import Stop as StopVm

Answer = Stood | Prechecked | Submitted | Faulted | Found | CancelSent


#: Said of a start that is owed and cannot be done.
_STAYS_OFF = " It was stopped for a change and stays off: start it by hand."
#: Faults that say that vCenter lost sight of the work, not that the work ended: after a restart
#: vCenter calls the tasks of before failed, while the hosts finish them.
_SIGHT_LOST = frozenset(
    {"SystemError", "Timedout", "HostCommunication", "HostNotConnected", "HostNotReachable"}
)


def may_go_on(
    error: ActionError | None, task: TaskHandle, now_s: float, settings: Settings
) -> bool:
    """Whether hosts may still be at a task that vCenter calls failed, however long that takes.

    A task that vCenter itself has ended (``Timedout`` and its like) is over by its deadline. One
    that it knows nothing of any more is not: nobody has told the hosts to stop.
    """
    return (
        isinstance(error, FinalFault)
        and error.fault in _SIGHT_LOST
        and now_s < task.submitted_at_s + settings.deadlines.lost_s
    )


def guest_stays_up(task: TaskHandle | None, now_s: float, settings: Settings) -> bool:
    """Whether a guest that was asked to shut down, and has not, can be taken to have refused.

    vCenter has no task for that and nothing to cancel: a guest that installs updates first may
    follow hours later, and until then nobody can tell.
    """
    return (
        task is not None
        and isinstance(task.action, StopVm)
        and not task.action.hard
        and now_s >= task.submitted_at_s + settings.deadlines.lost_s
    )


def may_be_under_way(action: Action, standing: Standing) -> bool:
    """Whether what the world shows leaves it open that the action is being carried out.

    A recommendation that is being applied is on no list any more, and its VMs are here and there.
    """
    under_way = isinstance(action, ApplyRecommendation) and standing is Standing.OTHER
    return under_way or standing is Standing.BEFORE


class Machine(Protocol):
    """What the edges need of :class:`~.core.Machine`."""

    settings: Settings
    rng: random.Random
    dry_run: bool
    now_s: float
    stopped: Stop | None

    def accept(self, run: Run, task: TaskHandle) -> None:
        """The other side has taken the request on."""

    def owed(self, run: Run) -> bool:
        """It must be done, whatever becomes of the rest."""

    def may_yet_stop(self, run: Run) -> bool:
        """It starts a VM again that a request of unknown end may still switch off."""

    def leave_open(self, run: Run, why: str) -> None:
        """End what is owed without an outcome in the journal, so that recovery takes it up."""

    def end(self, run: Run, kind: OutcomeKind, cause: Cause, why: str, fault: str = "") -> None:
        """Give the step its one outcome."""


def answered(machine: Machine, run: Run, event: Answer) -> None:
    """Apply an event about one step."""
    if run.phase is Phase.READY:
        # Something was sent, whatever the answer says.
        run.attempts += 1
        run.started_s = run.intent_s if run.started_s is None else run.started_s
        run.tried_s = run.intent_s if run.tried_s is None else run.tried_s
    if not isinstance(event, Faulted):
        run.unread = 0
    match event:
        case Stood(standing=standing):
            _stood(machine, run, standing)
        case Prechecked(findings=findings):
            _prechecked(machine, run, list(findings))
        case Submitted(task=task):
            machine.accept(run, task)
        case Found(task=task):
            # The task of an earlier attempt has ended: the last request made none.
            if task is None or task.task in {known.task for known in run.known}:
                run.enter(Phase.SETTLING)
            else:
                machine.accept(run, task)
        case CancelSent():
            run.cancel_sent_s = machine.now_s
        case Faulted(error=error):
            _faulted(machine, run, error)


def search(machine: Machine, run: Run) -> None:
    """The request may or may not have arrived: look for its task."""
    run.doubt = Doubt.UNANSWERED
    run.tries = 0
    run.enter(Phase.SEARCHING)


def polled(machine: Machine, run: Run, status: TaskStatus) -> bool:
    """Apply one look at the step's task. True when it does not run any more."""
    if run.phase is not Phase.RUNNING:
        return False
    match status.state:
        case TaskState.SUCCESS:
            run.enter(Phase.VERIFYING)
        case TaskState.CANCELLED:
            run.doubt = Doubt.CANCELLED
            run.enter(Phase.SETTLING)
        case TaskState.ERROR:
            _task_failed(run, status.error)
        case _:
            return _still_running(machine, run)
    return True


def _still_running(machine: Machine, run: Run) -> bool:
    now_s = machine.now_s
    grace_s = machine.settings.deadlines.cancel_grace_s
    if run.cancel_cause is None and now_s >= run.due_s:
        run.cancel_cause = Cause.DEADLINE
    elif run.cancel_sent_s is not None and now_s >= run.cancel_sent_s + grace_s:
        run.doubt = Doubt.STUCK
        run.enter(Phase.SETTLING)
    return run.phase is not Phase.RUNNING


def _task_failed(run: Run, error: ActionError | None) -> None:
    run.error = error = error or FinalFault("the task failed without saying why")
    if isinstance(error, OutcomeUnknown):
        run.doubt = Doubt.TASK_LOST
    elif error.fault == "RequestCanceled" or (
        run.cancel_cause is not None and isinstance(error, TransientFault)
    ):
        # vCenter may report a cancelled task as failed.
        run.doubt = Doubt.CANCELLED
    else:
        run.doubt = Doubt.TASK_FAILED
    run.enter(Phase.SETTLING)


def try_again(machine: Machine, run: Run, error: ActionError) -> None:
    """The last attempt provably had no effect: pause and begin anew, unless enough is enough."""
    owed = machine.owed(run)
    retry = machine.settings.owed if owed else machine.settings.retry_of(error.fault)
    tries = run.attempts - run.earlier
    elapsed_s = machine.now_s - (run.tried_s if run.tried_s is not None else machine.now_s)
    run.error = error
    if machine.stopped is not None and not owed:
        cancelled = machine.stopped.cause in (Cause.STOPPED, Cause.INTERRUPTED)
        kind = OutcomeKind.CANCELLED if cancelled else OutcomeKind.FAILED
        why = f"{error.sentence()} Not tried again: {machine.stopped.why}"
        machine.end(run, kind, machine.stopped.cause, why, error.fault)
    elif retry.spent(tries, elapsed_s):
        tried = f"{run.attempts} attempts" if run.attempts > 1 else "one attempt"
        why = f"given up after {tried}: {error.sentence()}{_STAYS_OFF if owed else ''}"
        machine.end(run, OutcomeKind.FAILED, Cause.FAULT, why, error.fault)
    else:
        pause_s = retry.pause_s(max(1, tries), machine.rng)
        # Claims are given back meanwhile: one busy VM must not hold up its hosts.
        run.enter(Phase.WAITING, not_before_s=machine.now_s + pause_s)


def _put_off(machine: Machine, run: Run, error: ActionError) -> bool:
    """Try something owed again later, although nothing was sent. False when it is spent."""
    run.put_off += 1
    run.put_off_s = machine.now_s if run.put_off_s is None else run.put_off_s
    patience, tries = machine.settings.owed, run.attempts - run.earlier + run.put_off
    if not machine.owed(run) or patience.spent(tries, machine.now_s - run.put_off_s):
        return False
    run.error = error
    pause_s = patience.pause_s(tries, machine.rng)
    run.enter(Phase.WAITING, not_before_s=machine.now_s + pause_s)
    return True


def _prechecked(machine: Machine, run: Run, findings: list[Finding]) -> None:
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    if not errors:
        run.enter(Phase.READY)
        return
    said = "; ".join(
        f"{finding.what.removesuffix('.')}{f' ({finding.cure})' if finding.cure else ''}"
        for finding in errors[:3]
    )
    if machine.dry_run and run.job.after:
        # Its predecessors were not carried out, so this answer is about another world.
        why = f"would be done if vCenter agrees after {', '.join(run.job.after)}; as of now: {said}"
        machine.end(run, OutcomeKind.WOULD_DO, Cause.PRECHECK, why)
    else:
        # Rights may differ from folder to folder, so this says nothing of the other steps.
        denied = any(finding.code == "NoPermission" for finding in errors)
        if not denied and _put_off(machine, run, TransientFault(said)):
            return
        cause = Cause.NOT_PERMITTED if denied else Cause.PRECHECK
        machine.end(run, OutcomeKind.REFUSED, cause, f"vCenter would refuse: {said}")


# ---------------------------------------------------------------- comparing with the world


def _stood(machine: Machine, run: Run, standing: Standing) -> None:
    match run.phase:
        case Phase.COMPARING:
            _compared(machine, run, standing)
        case Phase.VERIFYING:
            _verified(machine, run, standing)
        case Phase.SETTLING:
            _settled(machine, run, standing)
        case _:
            raise AssertionError(f"step {run.job.step} was not being compared")


def _compared(machine: Machine, run: Run, standing: Standing) -> None:
    if standing is Standing.BEFORE:
        run.enter(Phase.CHECKING)
    elif standing is Standing.OTHER:
        why = "somebody else changed it, or it is gone; a new plan is needed"
        machine.end(run, OutcomeKind.SKIPPED, Cause.STALE, why)
    elif run.attempts:
        # vCenter may call a move timed out that it finishes all the same.
        _found_done(machine, run)
    elif machine.may_yet_stop(run):
        machine.leave_open(run, "it runs, but its guest may still shut down as it was asked to")
    else:
        why = "nothing to do, it is so already"
        machine.end(run, OutcomeKind.ALREADY_DONE, Cause.NONE, why)


def _verified(machine: Machine, run: Run, standing: Standing) -> None:
    settings = machine.settings
    if standing is Standing.AFTER:
        if machine.dry_run:
            machine.end(run, OutcomeKind.WOULD_DO, Cause.NONE, "would be done")
            return
        took_s = machine.now_s - (run.started_s or machine.now_s)
        machine.end(run, OutcomeKind.DONE, Cause.NONE, f"done in {took_s:.0f} s")
        return
    run.tries += 1
    if run.tries < settings.verify_tries:
        run.not_before_s = machine.now_s + settings.verify_pause_s
        return
    seen = "it is still as before" if standing is Standing.BEFORE else "it is something else now"
    why = f"vCenter reported success, but read back {seen}"
    machine.end(run, OutcomeKind.FAILED, Cause.NOT_VERIFIED, why)


def _settled(machine: Machine, run: Run, standing: Standing) -> None:
    if standing is Standing.AFTER:
        _found_done(machine, run)
        return
    match run.doubt:
        case Doubt.TASK_FAILED:
            _failed(machine, run, standing)
        case Doubt.UNANSWERED:
            _never_arrived(machine, run, standing)
        case Doubt.TASK_LOST:
            _task_lost(machine, run, standing)
        case Doubt.CANCELLED:
            _cancelled(machine, run)
        case Doubt.STUCK if guest_stays_up(run.task, machine.now_s, machine.settings):
            why = "its guest was asked to shut down and runs on, so it will not any more"
            machine.end(run, OutcomeKind.FAILED, Cause.DEADLINE, why)
        case Doubt.STUCK | None:
            task = run.task.task if run.task else "its task"
            cause = run.cancel_cause or Cause.DEADLINE
            why = f"{task} neither ends nor can be cancelled; look at it in vCenter"
            machine.end(run, OutcomeKind.UNKNOWN, cause, why)


def _found_done(machine: Machine, run: Run) -> None:
    took_s = machine.now_s - (run.started_s or machine.now_s)
    said = f", though vCenter said: {run.error.sentence()}" if run.error else ""
    fault = run.error.fault if run.error else ""
    why = f"found done after {took_s:.0f} s{said}"
    machine.end(run, OutcomeKind.DONE, Cause.NONE, why, fault)


def _failed(machine: Machine, run: Run, standing: Standing) -> None:
    """Its task ended with a fault, and the world does not show it done."""
    assert run.error is not None
    open_ = may_be_under_way(run.job.action, standing)
    watched = run.error.fault in _SIGHT_LOST and open_
    if watched and machine.now_s < run.due_s:
        _look_again_later(machine, run)
        return
    if watched and run.task and may_go_on(run.error, run.task, machine.now_s, machine.settings):
        said = run.error.sentence().removesuffix(".")
        why = f"vCenter lost sight of {run.task.task} ({said}); the hosts may still be at it"
        machine.end(run, OutcomeKind.UNKNOWN, Cause.FAULT, why, run.error.fault)
        return
    again = TransientFault | StaleFault if machine.owed(run) else TransientFault
    if isinstance(run.error, again) and standing is Standing.BEFORE:
        try_again(machine, run, run.error)
        return
    stale = isinstance(run.error, StaleFault) or standing is Standing.OTHER
    cause = Cause.STALE if stale else Cause.FAULT
    machine.end(run, OutcomeKind.FAILED, cause, run.error.sentence(), run.error.fault)


def _never_arrived(machine: Machine, run: Run, standing: Standing) -> None:
    """No task, and the world is not as the action would leave it."""
    settings = machine.settings
    run.tries += 1
    if run.tries < settings.searches:
        # A request that was on its way when the line broke may still become a task.
        run.enter(Phase.SEARCHING, not_before_s=machine.now_s + settings.search_grace_s)
    elif standing is Standing.OTHER:
        why = "the request never arrived, and somebody else changed the VM meanwhile"
        machine.end(run, OutcomeKind.SKIPPED, Cause.STALE, why)
    else:
        error = TransientFault("the connection was lost and the request never arrived")
        try_again(machine, run, error)


def _task_lost(machine: Machine, run: Run, standing: Standing) -> None:
    """It was accepted, so the hosts may still be at it: watch until its deadline."""
    if not may_be_under_way(run.job.action, standing):
        why = "vCenter forgot the task, and the VM is something else now"
        machine.end(run, OutcomeKind.FAILED, Cause.STALE, why)
    elif machine.now_s >= run.due_s:
        why = "vCenter forgot the task, and nothing has changed since"
        machine.end(run, OutcomeKind.FAILED, Cause.FAULT, why)
    else:
        _look_again_later(machine, run)


def _look_again_later(machine: Machine, run: Run) -> None:
    pause_s = machine.settings.polling.longest_s
    run.enter(Phase.SETTLING, not_before_s=min(machine.now_s + pause_s, run.due_s))


def _cancelled(machine: Machine, run: Run) -> None:
    if run.cancel_cause is None:
        why = "somebody cancelled the task in vCenter, so the VM is left alone"
        machine.end(run, OutcomeKind.CANCELLED, Cause.FOREIGN_CANCEL, why)
    elif run.cancel_cause is Cause.DEADLINE:
        why = f"cancelled after {run.job.deadline_s:.0f} s, longer than it may take"
        machine.end(run, OutcomeKind.FAILED, Cause.DEADLINE, why)
    else:
        stop = machine.stopped
        why = f"cancelled while it ran: {stop.why if stop else 'told to stop'}"
        machine.end(run, OutcomeKind.CANCELLED, run.cancel_cause, why)


# ---------------------------------------------------------------- faults


def _faulted(machine: Machine, run: Run, error: ActionError) -> None:
    match run.phase:
        case Phase.READY:
            _submission_refused(machine, run, error)
        case Phase.COMPARING | Phase.CHECKING:
            if isinstance(error, TransientFault | StaleFault) and _put_off(machine, run, error):
                return
            if isinstance(error, StaleFault):
                kind, cause = OutcomeKind.SKIPPED, Cause.STALE
            elif run.phase is Phase.CHECKING and not isinstance(error, TransientFault):
                kind, cause = OutcomeKind.REFUSED, Cause.PRECHECK
            else:
                kind, cause = OutcomeKind.FAILED, Cause.FAULT
            machine.end(run, kind, cause, error.sentence(), error.fault)
        case _:
            # Something was sent, and now it cannot even be asked what became of it.
            run.unread += 1
            if run.unread < machine.settings.verify_tries:
                run.not_before_s = machine.now_s + machine.settings.verify_pause_s
                return
            task = run.task.task if run.task else "a request without an answer"
            why = f"what became of {task} cannot be read: {error.sentence()}"
            machine.end(run, OutcomeKind.UNKNOWN, Cause.FAULT, why, error.fault)


def _submission_refused(machine: Machine, run: Run, error: ActionError) -> None:
    if isinstance(error, OutcomeUnknown):
        run.error = error
        search(machine, run)
    elif isinstance(error, TransientFault) or (isinstance(error, StaleFault) and machine.owed(run)):
        try_again(machine, run, error)
    else:
        cause = Cause.STALE if isinstance(error, StaleFault) else Cause.FAULT
        machine.end(run, OutcomeKind.FAILED, cause, error.sentence(), error.fault)
