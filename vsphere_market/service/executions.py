"""Carrying plans out on behalf of callers: one execution at a time, watched step by step."""

from __future__ import annotations

import logging
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from vsphere_market.control.apply import apply, review
from vsphere_market.control.cycle import Road
from vsphere_market.errors import MarketError
from vsphere_market.executor import ExecutionResult, Progress
from vsphere_market.port import Outcome
from vsphere_market.port.brief import action_text
from vsphere_market.service import words
from vsphere_market.service.plans import Kept
from vsphere_market.service.problems import HttpProblem, missing, problem_of, unexpected
from vsphere_market.service.words import Document

log = logging.getLogger(__name__)

#: Executions that are kept at hand; the journal has all of them.
_KEPT = 200


class State(StrEnum):
    """Where an execution stands. All but the first two are final."""

    STARTING = "starting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(slots=True)
class StepState:
    """How one step goes."""

    step: str
    text: str
    progress_pct: float = 0.0
    outcome: Outcome | None = None

    def document(self) -> Document:
        """As it is sent."""
        found = self.outcome
        return {
            "step": self.step,
            "text": self.text,
            "progress_pct": round(self.progress_pct, 1),
            "outcome": found.kind.value if found else None,
            "cause": found.cause.value if found else None,
            "sentence": found.sentence if found else None,
            "task": (found.task or None) if found else None,
            "ended_at": words.moment(found.ended_s) if found else None,
        }


@dataclass(slots=True)
class Execution:
    """One carrying-out of a plan. Changed by its own thread only, under the desk's lock.

    Attributes:
        id: names it.
        plan: number of the plan.
        who: on whose behalf.
        dry_run: ask everything, submit nothing.
        started_s: Unix time by the source's clock.
        state: where it stands.
        ended_s: likewise, None before the end.
        steps: chosen steps by id, in the plan's order.
        number: in the journal, None while it is not known.
        problem: what ended it early.
        cancel: somebody wants it to stop.
    """

    id: str
    plan: int
    who: str
    dry_run: bool
    started_s: float
    state: State = State.STARTING
    ended_s: float | None = None
    steps: OrderedDict[str, StepState] = field(default_factory=OrderedDict)
    number: int | None = None
    problem: Document | None = None
    cancel: threading.Event = field(default_factory=threading.Event)

    @property
    def over(self) -> bool:
        """It will not change any more."""
        return self.state not in (State.STARTING, State.RUNNING)

    def document(self) -> Document:
        """As it is sent."""
        ended = [item for item in self.steps.values() if item.outcome is not None]
        good = [item for item in ended if item.outcome is not None and item.outcome.kind.good]
        return {
            "id": self.id,
            "plan": str(self.plan),
            "who": self.who,
            "dry_run": self.dry_run,
            "state": self.state.value,
            "cancelling": self.cancel.is_set() and not self.over,
            "started_at": words.moment(self.started_s),
            "ended_at": words.moment(self.ended_s),
            "number": self.number,
            "total": len(self.steps),
            "ended": len(ended),
            "good": len(good),
            "steps": [item.document() for item in self.steps.values()],
            "problem": self.problem,
        }


class _Token:
    """Told to stop, by whoever wants this one stopped or all of them."""

    def __init__(self, own: threading.Event, stopped: Callable[[], bool]) -> None:
        self._own = own
        self._stopped = stopped

    def is_set(self) -> bool:
        """See ``executor.CancelToken``."""
        return self._own.is_set() or self._stopped()


class ExecutionDesk:
    """Carries plans out.

    Args:
        road: what to work with.
        acting: held while anything is carried out.
        stopped: whether the stop switch is pulled.
        tell: told of every change: the event's name and its document.
        ended: called after each execution, to have the estate looked at again.
        counted: told the outcome of each step.
    """

    def __init__(
        self,
        road: Road,
        acting: threading.Lock,
        *,
        stopped: Callable[[], bool],
        tell: Callable[[str, Document], None],
        ended: Callable[[], None],
        counted: Callable[[str], None],
    ) -> None:
        self._road = road
        self._acting = acting
        self._stopped = stopped
        self._tell = tell
        self._ended = ended
        self._counted = counted
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Execution] = OrderedDict()
        self._threads: list[threading.Thread] = []

    def start(self, kept: Kept, who: str, *, dry_run: bool) -> Execution:
        """Begin to carry out the approved steps of a plan.

        Raises:
            HttpProblem: nothing is approved, or something else is being carried out.
        """
        chosen = kept.approved
        if not chosen:
            raise HttpProblem(
                409,
                "nothing-approved",
                "no step of the plan is approved, so there is nothing to carry out",
                where=f"plan {kept.number}",
                cure=f"POST /v1/plans/{kept.number}/approve first",
            )
        if self._stopped():
            raise HttpProblem(
                409,
                "stopped",
                "the stop switch is pulled, so nothing is carried out",
                cure="an operator can release it: DELETE /v1/stop",
            )
        if not self._acting.acquire(blocking=False):
            raise HttpProblem(
                409,
                "busy",
                "something else is being carried out",
                cure="wait for its end: GET /v1/executions",
                headers={"Retry-After": "5"},
            )
        ids = set(chosen)
        steps = OrderedDict(
            (step.id, StepState(step.id, action_text(step.action)))
            for step in kept.plan.steps
            if step.id in ids
        )
        begun_s = self._road.port.clock.now_s()
        execution = Execution(
            f"x-{secrets.token_hex(6)}", kept.number, who, dry_run, begun_s, steps=steps
        )
        with self._lock:
            self._known[execution.id] = execution
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        thread = threading.Thread(
            target=self._run, args=(execution, kept), name=execution.id, daemon=True
        )
        self._threads = [*(old for old in self._threads if old.is_alive()), thread]
        self._say(execution, "execution")
        thread.start()
        return execution

    def get(self, wanted: str) -> Document:
        """An execution's document.

        Raises:
            HttpProblem: there is none.
        """
        with self._lock:
            found = self._known.get(wanted)
            if found is None:
                raise missing("there is no such execution (any more)", wanted[:40])
            return found.document()

    def all(self) -> list[Document]:
        """Documents of all executions of this run of the service, newest first."""
        with self._lock:
            return [item.document() for item in reversed(self._known.values())]

    def running(self, plan: int | None = None) -> str | None:
        """Id of the execution that goes on, of that plan if one is named."""
        with self._lock:
            for item in self._known.values():
                if not item.over and plan in (None, item.plan):
                    return item.id
        return None

    def cancel(self, wanted: str) -> Document:
        """Ask an execution to stop: nothing more is begun, and what runs is watched to its end.

        Raises:
            HttpProblem: there is none.
        """
        with self._lock:
            found = self._known.get(wanted)
            if found is None:
                raise missing("there is no such execution (any more)", wanted[:40])
            found.cancel.set()
            return found.document()

    def close(self) -> None:
        """Stop what goes on, and wait for it."""
        with self._lock:
            for item in self._known.values():
                item.cancel.set()
        for thread in self._threads:
            thread.join()

    # ------------------------------------------------------------ its thread

    def _run(self, execution: Execution, kept: Kept) -> None:
        road = replace(self._road, who=execution.who)
        token = _Token(execution.cancel, self._stopped)
        try:
            with review(
                road,
                kept.plan,
                only=tuple(execution.steps),
                dry_run=execution.dry_run,
                cancel=token,
            ) as reviewed:
                self._change(execution, State.RUNNING)
                result = apply(
                    road,
                    reviewed,
                    dry_run=execution.dry_run,
                    cancel=token,
                    watch=lambda progress: self._progress(execution, progress),
                    number=execution.plan,
                )
            self._finish(execution, result)
        except MarketError as error:
            self._fail(execution, error)
        except Exception as error:
            log.exception("execution %s failed", execution.id)
            self._fail(execution, unexpected(error))
        finally:
            self._acting.release()
            self._say(execution, "execution")
            self._ended()

    def _progress(self, execution: Execution, progress: Progress) -> None:
        with self._lock:
            item = execution.steps.get(progress.step)
            if item is None:
                return
            item.progress_pct = progress.progress_pct
            item.outcome = progress.outcome or item.outcome
            document = {"execution": execution.id, "plan": str(execution.plan), **item.document()}
        self._tell("execution.step", document)

    def _finish(self, execution: Execution, result: ExecutionResult) -> None:
        ended_s = self._road.port.clock.now_s()
        with self._lock:
            for outcome in result.outcomes:
                item = execution.steps.get(outcome.step)
                if item is not None:
                    item.outcome, item.progress_pct = outcome, 100.0
                    self._counted(outcome.kind.value)
            number = result.execution
            execution.number = int(number) if number.isdecimal() else None
            if result.error is not None:
                execution.problem = problem_of(result.error)
            cancelled = execution.cancel.is_set() or self._stopped()
            execution.state = (
                State.CANCELLED if cancelled else State.DONE if result.succeeded else State.FAILED
            )
            execution.ended_s = ended_s

    def _fail(self, execution: Execution, error: MarketError) -> None:
        ended_s = self._road.port.clock.now_s()
        with self._lock:
            execution.state, execution.ended_s = State.FAILED, ended_s
            execution.problem = problem_of(error)

    def _change(self, execution: Execution, state: State) -> None:
        with self._lock:
            execution.state = state
        self._say(execution, "execution")

    def _say(self, execution: Execution, name: str) -> None:
        with self._lock:
            document = execution.document()
        del document["steps"]
        self._tell(name, document)
