"""Carries the machine's instructions out on a vCenter port, and records before and after.

Single-threaded by design: pyVmomi gets slower, not faster, by threads on one connection, and an
order that cannot vary is an order that can be tested. Long things are tasks on the other side.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from vsphere_market.errors import (
    ActionError,
    FinalFault,
    MarketError,
    NotPermittedError,
    OutcomeUnknown,
    UnreachableError,
)
from vsphere_market.estate import Snapshot
from vsphere_market.executor.breakers import Breakers
from vsphere_market.executor.core import Machine
from vsphere_market.executor.dryrun import DryRunPort
from vsphere_market.executor.jobs import jobs_of
from vsphere_market.executor.recorder import Recorder
from vsphere_market.executor.result import ExecutionResult
from vsphere_market.executor.retry import read_patiently
from vsphere_market.executor.revalidate import require_fresh
from vsphere_market.executor.settings import Settings
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
    Lost,
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
from vsphere_market.market.plan import Plan
from vsphere_market.port import (
    Action,
    Cause,
    Outcome,
    TaskHandle,
    TaskState,
    TaskStatus,
    VCenterPort,
)

T = TypeVar("T")
#: Sleeps are cut into pieces of this many seconds, so that a request to stop is soon heard.
_SLICE_S = 1.0
#: A reading of the estate is as good as a new one for so many seconds.
_FRESH_S = 30.0


class CancelToken(Protocol):
    """Tells that somebody wants us to stop; a ``threading.Event`` is one."""

    def is_set(self) -> bool:
        """True from the moment on at which we are to stop."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Something for a progress bar.

    Attributes:
        step: the step's id.
        action: what is done.
        progress_pct: 0 when it was submitted, 100 when it has ended.
        outcome: set when it has ended.
    """

    step: str
    action: Action
    progress_pct: float
    outcome: Outcome | None = None


def execute(  # noqa: PLR0913 - one call for all who execute plans; the options are keywords
    plan: Plan,
    port: VCenterPort,
    recorder: Recorder,
    *,
    settings: Settings | None = None,
    rng: random.Random | None = None,
    chosen: Collection[str] | None = None,
    dry_run: bool = False,
    cancel: CancelToken | None = None,
    snapshot: Snapshot | None = None,
    occupied: Mapping[str, str] | None = None,
    breakers: Breakers | None = None,
    watch: Callable[[Progress], None] | None = None,
) -> ExecutionResult:
    """Carry a plan out, and say what became of each step.

    Args:
        plan: what to do.
        port: where to do it. Its clock is the only one that is used.
        recorder: written to before and after everything that changes something.
        settings: limits, pauses, deadlines; None for the defaults.
        rng: jitter of the pauses; None for one seeded by the operating system.
        chosen: ids of the steps to carry out (those whose mode or approval allows it); None for
            all. The others end as skipped.
        dry_run: ask everything for real, submit nothing.
        cancel: looked at between all instructions and while sleeping.
        snapshot: the estate, if the caller has just read it. It is read again when it is older
            than half a minute: somebody may have thought about a yes for long.
        occupied: managed object ids that a request or task of an earlier execution may still be at,
            with its name; steps on them are skipped.
        breakers: failures of earlier executions that are counted on (``breakers_of``).
        watch: called when a step is submitted, progresses and ends. Must not raise.

    Returns:
        One outcome per step. Failed steps, a lost vCenter, a missing privilege or a full disk in
        the middle are part of the result, not exceptions.

    Raises:
        StaleError: the plan expired, belongs elsewhere, or the estate has moved on.
        PlanError: the plan's order cannot be kept.
        UnreachableError: the estate cannot be read.
        NotPermittedError: nor may it be.
        MarketError: the recorder cannot write even the beginning.
    """
    settings = settings or Settings()
    driver = Driver(
        DryRunPort(port) if dry_run else port,
        recorder,
        settings,
        rng or random.Random(),  # noqa: S311 - jitter, not secrets
        cancel=cancel,
        watch=watch,
    )
    if snapshot is None or port.clock.now_s() - snapshot.taken_at_s > _FRESH_S:
        snapshot = port.observe()
    now_s = port.clock.now_s()
    jobs = jobs_of(plan, snapshot, settings, chosen)
    require_fresh(plan, snapshot, now_s, chosen)
    machine = Machine(
        jobs, settings, driver.rng, dry_run=dry_run, occupied=occupied, breakers=breakers
    )
    steps = [(job.step, job.action) for job in jobs]
    execution = recorder.begin(steps, now_s, dry_run=dry_run)
    return driver.run(machine, execution)


class Driver:
    """Runs machines on a port. One driver runs one machine at a time.

    Args:
        port: the other side.
        recorder: written to before and after everything that changes something.
        settings: pauses of the reads.
        rng: jitter of the reads' pauses.
        cancel: somebody who may want us to stop.
        watch: told of progress.
    """

    def __init__(
        self,
        port: VCenterPort,
        recorder: Recorder,
        settings: Settings,
        rng: random.Random,
        *,
        cancel: CancelToken | None = None,
        watch: Callable[[Progress], None] | None = None,
    ) -> None:
        self.rng = rng
        self._port = port
        self._clock = port.clock
        self._recorder = recorder
        self._settings = settings
        self._cancel = cancel
        self._watch = watch
        self._stop_heard = False
        self._error: MarketError | None = None
        self._recorded = True

    def run(self, machine: Machine, execution: str) -> ExecutionResult:
        """Run ``machine`` until every step has its outcome."""
        started_s = self._clock.now_s()
        while True:
            self._hear(machine)
            instruction = machine.next(self._clock.now_s())
            match instruction:
                case Finish():
                    break
                case SleepUntil(at_s=at_s):
                    self._nap(at_s - machine.now_s)
                case Record(outcome=outcome):
                    self._record(machine, execution, outcome)
                case Submit():
                    self._submit(machine, execution, instruction)
                case _:
                    self._ask(machine, execution, instruction)
        ended_s = self._clock.now_s()
        error = self._error.sentence() if self._error else ""
        self._write(machine, lambda: self._recorder.end(execution, ended_s, error))
        return ExecutionResult(
            execution=execution,
            dry_run=machine.dry_run,
            started_s=started_s,
            ended_s=ended_s,
            outcomes=tuple(run.outcome for run in machine.runs.values() if run.outcome),
            pinned=dict(machine.pinned),
            error=self._error,
            recorded=self._recorded,
        )

    def read(self, question: Callable[[], T]) -> T:
        """Ask something that changes nothing, patiently."""
        return read_patiently(question, self._settings, self._clock, self.rng, self._nap)

    # ------------------------------------------------------------ instructions

    def _record(self, machine: Machine, execution: str, outcome: Outcome) -> None:
        self._write(machine, lambda: self._recorder.outcome(execution, outcome))
        self._tell(Progress(outcome.step, outcome.action, 100.0, outcome))

    def _submit(self, machine: Machine, execution: str, submit: Submit) -> None:
        """Intent first, then the request, then what was answered."""
        step, action = submit.job.step, submit.job.action
        now_s = self._clock.now_s()
        intent = lambda: self._recorder.intent(execution, step, submit.attempt, now_s)  # noqa: E731
        if not self._write(machine, intent):
            return
        self._tell(Progress(step, action, 0.0))
        try:
            task = self._port.submit(action)
        except NotPermittedError as error:
            self._setback(machine, execution, step, error)
            self._forbidden(machine, step, error)
        except ActionError as error:
            self._setback(machine, execution, step, error)
            machine.handle(Faulted(step, error), self._clock.now_s())
        except UnreachableError as error:
            # Most likely it never left, but only a look at the other side's tasks proves it.
            self._setback(machine, execution, step, error)
            unknown = OutcomeUnknown(error.what, where=error.where, cure=error.cure)
            machine.handle(Faulted(step, unknown), self._clock.now_s())
        else:
            # The machine must know of the task even if it cannot be written down.
            machine.handle(Submitted(step, task), self._clock.now_s())
            self._write(machine, lambda: self._recorder.accepted(execution, step, task))

    def _ask(self, machine: Machine, execution: str, instruction: Instruction) -> None:
        """Carry out what changes nothing, and a cancellation, which changes nothing new."""
        step = ""
        try:
            match instruction:
                case AskStanding(job=job):
                    step = job.step
                    standing = self.read(lambda: self._port.standing(job.action))
                    machine.handle(Stood(step, standing), self._clock.now_s())
                case AskPrecheck(job=job):
                    step = job.step
                    findings = self.read(lambda: self._port.precheck(job.action))
                    machine.handle(Prechecked(step, findings), self._clock.now_s())
                case FindTask(job=job, since_s=since_s):
                    step = job.step
                    found = self.read(lambda: self._port.find_task(job.action, since_s))
                    machine.handle(Found(step, found), self._clock.now_s())
                    if found is not None:
                        self._write(
                            machine, lambda: self._recorder.accepted(execution, step, found)
                        )
                case Poll(steps=steps, tasks=tasks):
                    statuses = self._poll(tasks)
                    machine.handle(Polled(steps, statuses), self._clock.now_s())
                    for one, task, status in zip(steps, tasks, statuses, strict=True):
                        if not status.final:
                            self._tell(Progress(one, task.action, status.progress_pct))
                case CancelTask(step=cancelled, task=task):
                    self._cancel_task(machine, cancelled, lambda: self._port.cancel(task))
                case _:
                    raise AssertionError(f"unknown instruction {instruction}")
        except NotPermittedError as error:
            self._forbidden(machine, step, error)
        except ActionError as error:
            machine.handle(Faulted(step, error), self._clock.now_s())
        except UnreachableError as error:
            self._lose(machine, Cause.UNREACHABLE, error)

    def _poll(self, tasks: Sequence[TaskHandle]) -> Sequence[TaskStatus]:
        """Look at all tasks at once, or one by one if one of them spoils it for the others."""
        try:
            return self.read(lambda: self._port.poll(tasks))
        except ActionError:
            if len(tasks) > 1:
                return [status for task in tasks for status in self._poll([task])]
            # Nothing is known, so nothing has changed; its deadline goes on running. That a task
            # is not known any more would be a status of its own.
            return [TaskStatus(TaskState.RUNNING)]

    def _cancel_task(self, machine: Machine, step: str, cancel: Callable[[], None]) -> None:
        # If it cannot be cancelled, or has ended: its state tells, and its deadline bounds it.
        with contextlib.suppress(ActionError, NotPermittedError):
            self.read(cancel)
        machine.handle(CancelSent(step), self._clock.now_s())

    # ------------------------------------------------------------ trouble

    def _hear(self, machine: Machine) -> None:
        if self._cancel is None or self._stop_heard or not self._cancel.is_set():
            return
        self._stop_heard = True
        stop = Stop(Cause.STOPPED, "told to stop", self._settings.cancel_running)
        machine.handle(stop, self._clock.now_s())

    def _forbidden(self, machine: Machine, step: str, error: NotPermittedError) -> None:
        """A missing privilege will be missing for the next step too: end the execution."""
        if not step:
            self._lose(machine, Cause.NOT_PERMITTED, error)
            return
        self._error = self._error or error
        now_s = self._clock.now_s()
        machine.handle(Faulted(step, FinalFault(error.what, where=error.where)), now_s)
        machine.handle(Stop(Cause.NOT_PERMITTED, f"not permitted: {error.what}"), now_s)

    def _lose(self, machine: Machine, cause: Cause, error: MarketError) -> None:
        self._error = self._error or error
        said = "vCenter could not be asked" if cause is Cause.NOT_PERMITTED else "vCenter was lost"
        why = f"{said} ({error.sentence().removesuffix('.')})"
        machine.handle(Lost(cause, why), self._clock.now_s())

    def _setback(self, machine: Machine, execution: str, step: str, error: MarketError) -> None:
        now_s = self._clock.now_s()
        said = error.sentence()
        self._write(machine, lambda: self._recorder.setback(execution, step, now_s, said))

    def _write(self, machine: Machine, write: Callable[[], None]) -> bool:
        """Record something; when that fails nothing more is submitted, and False is returned."""
        try:
            write()
        except MarketError as error:
            self._error = self._error or error
            self._recorded = False
            stop = Stop(Cause.JOURNAL, f"the journal cannot be written ({error.what})")
            machine.handle(stop, self._clock.now_s())
            return False
        return True

    def _tell(self, progress: Progress) -> None:
        if self._watch is not None:
            self._watch(progress)

    def _nap(self, seconds: float) -> None:
        """Sleep, but wake up early when told to stop."""
        left_s = seconds
        while left_s > 0:
            waiting = self._cancel is not None and not self._stop_heard
            slice_s = min(left_s, _SLICE_S) if waiting else left_s
            self._clock.sleep(slice_s)
            if waiting and self._cancel is not None and self._cancel.is_set():
                return
            left_s -= slice_s
