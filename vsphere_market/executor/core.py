"""The state machine over the steps of a plan: events in, instructions out, no I/O, no clock.

It is asked for one instruction at a time (:meth:`Machine.next`), so that nothing which was decided
before an event is carried out after it: once :class:`~.signals.Stop` came in, no submission can be
waiting in a queue. What each event does to a step is in ``transitions``; here is the order in which
steps get their turn.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping, Sequence

from vsphere_market.executor import transitions
from vsphere_market.executor.breakers import PINNING, Breakers, hosts_of, is_failure
from vsphere_market.executor.jobs import Capacity, Job
from vsphere_market.executor.run import UNSENT, Phase, Run, held_claims
from vsphere_market.executor.settings import Settings
from vsphere_market.executor.signals import (
    AskPrecheck,
    AskStanding,
    CancelTask,
    Event,
    FindTask,
    Finish,
    Instruction,
    Lost,
    Poll,
    Polled,
    Record,
    SleepUntil,
    Stop,
    Submit,
)
from vsphere_market.executor.words import describe
from vsphere_market.port import Cause, Outcome, OutcomeKind, TaskHandle

#: When the execution ends for these, what is owed is left to the next start of the program.
_HANDS_BOUND = frozenset({Cause.UNREACHABLE, Cause.JOURNAL})
#: After these the VM is left alone for the rest of the execution.
_PINNING = frozenset({OutcomeKind.FAILED, OutcomeKind.UNKNOWN})


class Machine:
    """Decides what happens next in the execution of some jobs.

    Args:
        jobs: what is to be done, in the plan's order (``jobs.jobs_of``).
        settings: limits, pauses and deadlines.
        rng: jitter of the pauses.
        dry_run: nothing is submitted for real, and success is called WOULD_DO.
        occupied: managed object ids that something of an earlier execution may still be at -> what
            it is. Steps on them are skipped.
        breakers: failures of earlier executions that are counted on; None for none.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        settings: Settings,
        rng: random.Random,
        *,
        dry_run: bool = False,
        occupied: Mapping[str, str] | None = None,
        breakers: Breakers | None = None,
    ) -> None:
        self.settings = settings
        self.rng = rng
        self.dry_run = dry_run
        self.runs: dict[str, Run] = {job.step: Run(job) for job in jobs}
        #: Seconds; as the port's clock tells it, but never running backwards.
        self.now_s = 0.0
        #: What the port's clock last said, and how far it has been set back so far.
        self._clock_s = 0.0
        self._behind_s = 0.0
        #: Managed object ids of VMs that are left alone from now on.
        self.pinned: dict[str, str] = {}
        #: Set once nothing more may be submitted.
        self.stopped: Stop | None = None
        self._begun_s: float | None = None
        self._capacity = Capacity.of(settings.limits)
        self._outcomes: deque[Outcome] = deque()
        self._poll_at_s = 0.0
        self._poll_pause_s = settings.polling.shortest_s
        breakers = breakers or Breakers()
        self._host_failures: dict[str, int] = dict(breakers.hosts)
        self._failures_in_a_row = breakers.in_a_row
        self._occupied = occupied or {}

    # ------------------------------------------------------------ what comes in

    def handle(self, event: Event, now_s: float) -> None:
        """Take note of what happened at ``now_s``."""
        self._tick(now_s)
        match event:
            case Stop():
                self._stop(event)
            case Lost():
                self._lose(event)
            case Polled():
                changed = [
                    transitions.polled(self, self.runs[step], status)
                    for step, status in zip(event.steps, event.statuses, strict=True)
                ]
                self._pace(any(changed))
            case _:
                transitions.answered(self, self.runs[event.step], event)

    def adopt(
        self,
        step: str,
        attempts: int,
        intent_s: float,
        task: TaskHandle | None,
        now_s: float,
        *,
        late: bool = False,
    ) -> None:
        """Continue a step of an earlier execution that was submitted, or nearly so.

        A ``late`` one was waited for once already, so its task's time counts from its beginning.
        """
        self._tick(now_s)
        run = self.runs[step]
        run.attempts, run.intent_s, run.started_s = attempts, intent_s, intent_s
        # A start that is owed gets its patience anew: nobody else will start the VM.
        run.earlier = attempts
        if task is None:
            transitions.search(self, run)
        else:
            self.accept(run, task)
            if late:
                run.due_s = max(now_s, task.submitted_at_s + run.job.deadline_s)

    def conclude(self, step: str, why: str, now_s: float) -> None:
        """Give a step of an earlier execution its outcome: something else proves it done."""
        self._tick(now_s)
        self.end(self.runs[step], OutcomeKind.DONE, Cause.NONE, why)

    # ------------------------------------------------------------ what goes out

    def next(self, now_s: float) -> Instruction:
        """The next thing to do. Except for records it is the same until an event comes in."""
        self._tick(now_s)
        patience = self.settings.polling.longest_s
        while True:
            if self._outcomes:
                return Record(self._outcomes.popleft())
            instruction = (
                self._submit()
                or self._cancel()
                # Polls give way to new work, so that a wave is started in one go, but not for long.
                or self._poll(overdue_s=patience)
                or self._ask()
            )
            if instruction:
                return instruction
            if not self._admit():
                return self._poll(overdue_s=0.0) or self._rest()

    def _submit(self) -> Submit | None:
        for run in self.runs.values():
            if run.phase is Phase.READY:
                run.intent_s = self._clock_s
                return Submit(run.job, run.attempts + 1)
        return None

    def _cancel(self) -> CancelTask | None:
        for run in self._in(Phase.RUNNING):
            if run.cancel_cause is not None and run.cancel_sent_s is None:
                assert run.task is not None
                return CancelTask(run.job.step, run.task)
        return None

    def _poll(self, overdue_s: float) -> Poll | None:
        running = self._in(Phase.RUNNING)
        if not running or self.now_s < self._poll_at_s + overdue_s:
            return None
        tasks = tuple(run.task for run in running if run.task is not None)
        return Poll(tuple(run.job.step for run in running), tasks)

    def _ask(self) -> AskStanding | AskPrecheck | FindTask | None:
        for run in self.runs.values():
            if run.not_before_s > self.now_s:
                continue
            match run.phase:
                case Phase.COMPARING | Phase.SETTLING | Phase.VERIFYING:
                    return AskStanding(run.job)
                case Phase.CHECKING:
                    return AskPrecheck(run.job)
                case Phase.SEARCHING:
                    return FindTask(run.job, run.search_since_s(self.settings.search_margin_s))
                case _:
                    continue
        return None

    def _rest(self) -> SleepUntil | Finish:
        wakes = [
            run.not_before_s
            for run in self.runs.values()
            if run.phase not in (Phase.RUNNING, Phase.ENDED) and run.not_before_s > self.now_s
        ]
        if self._in(Phase.RUNNING):
            wakes.append(self._poll_at_s)
        if wakes:
            return SleepUntil(min(wakes))
        # jobs_of refuses plans whose order cannot be kept, so something always can go on.
        assert all(run.phase is Phase.ENDED for run in self.runs.values()), "steps wait for nothing"
        return Finish()

    # ------------------------------------------------------------ turns

    def _tick(self, now_s: float) -> None:
        """Follow the port's clock; when it is set back, time stands still and then goes on."""
        self._behind_s += max(0.0, self._clock_s - now_s)
        self._clock_s = now_s
        self.now_s = now_s + self._behind_s
        if self._begun_s is None:
            self._begun_s = now_s
            self._leave_out()
            self._break()

    def _leave_out(self) -> None:
        """End what is not to be tried at all: not chosen, occupied, or beyond the step limit."""
        tried = 0
        for run in self.runs.values():
            if not run.job.chosen:
                self.end(run, OutcomeKind.SKIPPED, Cause.NOT_CHOSEN, "was not chosen to be done")
                continue
            if run.job.subject in self._occupied:
                why = f"{self._occupied[run.job.subject]} may still be at work on it"
                self.end(run, OutcomeKind.SKIPPED, Cause.SLOT_HELD, why)
                continue
            if run.job.needless:
                why = "nothing to do, what it would be stopped for is so already"
                self.end(run, OutcomeKind.ALREADY_DONE, Cause.NONE, why)
                continue
            if run.job.obliged:
                continue
            tried += 1
            if tried > (most := self.settings.limits.steps):
                why = f"one execution does {most} steps at most"
                self.end(run, OutcomeKind.SKIPPED, Cause.STEP_LIMIT, why)

    def _admit(self) -> bool:
        """Let waiting steps begin, or end those that never will. True if anything changed."""
        waiting = [run for run in self._in(Phase.WAITING) if run.not_before_s <= self.now_s]
        if not waiting:
            return False
        most_s = self.settings.deadlines.execution_s
        if self.stopped is None and self.now_s >= (self._begun_s or 0.0) + most_s:
            self._stop(Stop(Cause.PLAN_DEADLINE, f"one execution takes {most_s:.0f} s at most"))
            return True
        wave = min(run.job.wave for run in self.runs.values() if run.phase is not Phase.ENDED)
        held = held_claims(self.runs.values())
        gone = held_claims(self.runs.values(), for_good=True)
        changed = False
        for run in waiting:
            if self._hopeless(run, gone):
                changed = True
            elif (run.job.wave == wave or self.owed(run)) and self._ready(run, held, gone):
                run.enter(Phase.COMPARING)
                for claim in run.job.claims:
                    held[claim] = held.get(claim, 0) + 1
                changed = True
        return changed

    def _hopeless(self, run: Run, gone: dict[str, int]) -> bool:
        """End a step that cannot be tried any more. ``gone`` are claims that stay held."""
        if run.job.obliged:
            return self._not_owed(run)
        for needed in run.job.after:
            outcome = self.runs[needed].outcome
            if outcome is not None and not outcome.kind.good:
                why = f"step {needed}, which it needs, was {outcome.kind.value}"
                self.end(run, OutcomeKind.SKIPPED, Cause.PREDECESSOR, why)
                return True
        if run.job.subject in self.pinned:
            step = self.pinned[run.job.subject]
            why = f"step {step} on the same VM did not succeed, so it is left alone"
            self.end(run, OutcomeKind.SKIPPED, Cause.VM_PINNED, why)
            return True
        most = self.settings.limits.host_failures
        if any(self._host_failures.get(host, 0) >= most for host in run.job.hosts):
            why = f"{most} migrations with one of its hosts failed, so the host is left alone"
            self.end(run, OutcomeKind.SKIPPED, Cause.HOST_BREAKER, why)
            return True
        if not self._capacity.allows(run.job.claims, gone):
            why = "what it needs is taken up by a task whose end is not known"
            self.end(run, OutcomeKind.SKIPPED, Cause.SLOT_HELD, why)
            return True
        return False

    def owed(self, run: Run) -> bool:
        """It must be done, whatever becomes of the rest: its VM was, or is being, stopped."""
        if run.job.owed or not run.job.restores:
            return run.job.owed
        stop = self.runs[run.job.restores]
        return stop.attempts > 0 or stop.phase not in (*UNSENT, Phase.ENDED)

    def may_yet_stop(self, run: Run) -> bool:
        """It starts a VM again that a request of unknown end may still switch off."""
        stop = self.runs[run.job.restores].outcome if run.job.restores else None
        return stop is not None and stop.kind is OutcomeKind.UNKNOWN

    def leave_open(self, run: Run, why: str) -> None:
        """End what is owed without an outcome in the journal, so that recovery takes it up."""
        why = f"{why}; it is owed, and done when the program runs again"
        self._ended(run, OutcomeKind.SKIPPED, Cause.OWED, why)

    def _not_owed(self, run: Run) -> bool:
        """End a start that has nothing to restore, since the stop before it was not sent."""
        stop = run.job.restores
        if self.owed(run) or self.runs[stop].phase is not Phase.ENDED:
            return False
        why = f"step {stop}, which it follows, did not stop it"
        self.end(run, OutcomeKind.SKIPPED, Cause.PREDECESSOR, why)
        return True

    def _ready(self, run: Run, held: dict[str, int], gone: dict[str, int]) -> bool:
        """True when its predecessors have ended well and everything that it claims is free."""
        if not all(self.runs[needed].phase is Phase.ENDED for needed in run.job.after):
            return False
        if not self.owed(run):
            return self._capacity.allows(run.job.claims, held)
        # What was to be done while the VM is off comes first, however it ends; and a task that
        # nobody knows the end of must not keep the VM off.
        for other in self.runs.values():
            if other is run:
                break
            if other.job.subject == run.job.subject and other.phase is not Phase.ENDED:
                return False
        free = {claim: units - gone.get(claim, 0) for claim, units in held.items()}
        return self._capacity.allows(run.job.claims, free)

    def _in(self, phase: Phase) -> list[Run]:
        return [run for run in self.runs.values() if run.phase is phase]

    def _pace(self, changed: bool) -> None:
        """Poll soon after a change, and less often the longer nothing changes."""
        polling = self.settings.polling
        if changed:
            self._poll_pause_s = polling.shortest_s
        else:
            self._poll_pause_s = min(polling.longest_s, self._poll_pause_s * polling.growth)
        self._poll_at_s = self.now_s + self._poll_pause_s

    # ------------------------------------------------------------ endings

    def accept(self, run: Run, task: TaskHandle) -> None:
        """The other side has taken the request on."""
        run.task = task
        run.known.append(task)
        run.cancel_cause = run.cancel_sent_s = None
        run.due_s = self.now_s + run.job.deadline_s
        run.enter(Phase.RUNNING)
        self._poll_at_s = self.now_s
        self._poll_pause_s = self.settings.polling.shortest_s

    def end(self, run: Run, kind: OutcomeKind, cause: Cause, why: str, fault: str = "") -> None:
        """Give a step its one outcome. ``why`` goes on after the action and a colon."""
        self._outcomes.append(self._ended(run, kind, cause, why, fault))
        self._learn(run, kind, cause)

    def _ended(
        self, run: Run, kind: OutcomeKind, cause: Cause, why: str, fault: str = ""
    ) -> Outcome:
        assert run.outcome is None, f"step {run.job.step} ended twice"
        text = describe(run.job.action)
        run.enter(Phase.ENDED)
        run.outcome = Outcome(
            step=run.job.step,
            action=run.job.action,
            kind=kind,
            cause=cause,
            sentence=f"{text[0].upper()}{text[1:]}: {why.removesuffix('.')}.",
            started_s=run.started_s,
            ended_s=self.now_s,
            task=run.task.task if run.task else "",
            attempts=run.attempts,
            fault=fault,
        )
        return run.outcome

    def _learn(self, run: Run, kind: OutcomeKind, cause: Cause) -> None:
        """Pin the VM and count failures, so that trouble is not met twice."""
        if kind in PINNING or cause is Cause.STALE:
            self.pinned.setdefault(run.job.subject, run.job.step)
        if kind is OutcomeKind.DONE:
            self._failures_in_a_row = 0
            for host in hosts_of(run.job.action):
                self._host_failures.pop(host, None)
        if not is_failure(kind, cause):
            return
        for host in hosts_of(run.job.action):
            self._host_failures[host] = self._host_failures.get(host, 0) + 1
        self._failures_in_a_row += 1
        self._break()

    def _break(self) -> None:
        """End the execution when too many steps have failed in a row, earlier ones included."""
        most = self.settings.limits.failures_in_a_row
        if self._failures_in_a_row >= most and self.stopped is None:
            self._stop(Stop(Cause.PLAN_BREAKER, f"{most} steps failed one after the other"))

    def _stop(self, stop: Stop) -> None:
        self.stopped = self.stopped or stop
        kind = (
            OutcomeKind.CANCELLED
            if stop.cause in (Cause.STOPPED, Cause.INTERRUPTED)
            else OutcomeKind.SKIPPED
        )
        for run in self.runs.values():
            if run.phase is Phase.ENDED:
                continue
            if self.owed(run):
                if run.phase in UNSENT and stop.cause in _HANDS_BOUND:
                    self.leave_open(run, stop.why)
            elif run.phase in UNSENT:
                why, fault = stop.why, ""
                if run.error is not None:
                    why, fault = f"{why}; before that: {run.error.sentence()}", run.error.fault
                self.end(run, kind, stop.cause, why, fault)
            elif run.phase is Phase.RUNNING and stop.cancel_running and not run.cancel_cause:
                run.cancel_cause = stop.cause

    def _lose(self, lost: Lost) -> None:
        self._stop(Stop(lost.cause, lost.why))
        for run in self.runs.values():
            if run.phase in UNSENT:
                # A start: whatever else was not sent has ended just now.
                self.leave_open(run, lost.why)
            elif run.phase is not Phase.ENDED:
                task = f"task {run.task.task}" if run.task else "a request without an answer"
                why = f"{lost.why} while {task} was open; look for it there"
                self.end(run, OutcomeKind.UNKNOWN, lost.cause, why)
