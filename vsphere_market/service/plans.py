"""Plans on the desk: who approved or skipped which step, kept with the journal.

A plan itself never changes. What people say about its steps is kept beside it, in the journal, so
that a restart forgets none of it; and written into the audit trail as it is said.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from anyio import to_thread

from vsphere_market.control.scoping import Scope
from vsphere_market.journal import Filter, Journal, PlanRecord
from vsphere_market.market import Plan, Step
from vsphere_market.market.planfile import plan_from_json
from vsphere_market.policy import Mode
from vsphere_market.service import words
from vsphere_market.service.problems import HttpProblem, missing
from vsphere_market.service.ready import Shelf

_BLOB = "service/plan/{number}"
_VERSION = 1
#: Plans that are kept at hand; others are read from the journal. Those of large estates are large.
_AT_HAND = 16


class Mark(StrEnum):
    """What was said about a step."""

    APPROVED = "approved"
    SKIPPED = "skipped"


class Origin(StrEnum):
    """What a plan was made for."""

    #: A turn of the loop.
    LOOP = "loop"
    #: Somebody asked.
    REQUEST = "request"
    #: An alert came in.
    ALERT = "alert"


@dataclass(frozen=True, slots=True)
class Said:
    """A mark, who made it and when (Unix time at the source), and why."""

    mark: Mark
    who: str
    at_s: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """How a plan came to be.

    Attributes:
        origin: what for.
        who: on whose behalf.
        note: in their words.
        scope: on what it may act.
    """

    origin: Origin = Origin.LOOP
    who: str = ""
    note: str = ""
    scope: Scope = Scope()


@dataclass(frozen=True, eq=False)
class Kept:
    """A plan with all that was said about it; replaced as a whole when more is said.

    Attributes:
        number: in the journal.
        plan: the decision.
        made: how it came to be.
        said: marks by id of the step.
        executions: ids of its executions, oldest first.
        shelf: answers that are ready.
    """

    number: int
    plan: Plan
    made: Made = Made()
    said: Mapping[str, Said] = field(default_factory=dict)
    executions: tuple[str, ...] = ()
    shelf: Shelf = field(default_factory=lambda: Shelf(64))

    @property
    def approved(self) -> tuple[str, ...]:
        """Ids of approved steps, in the plan's order."""
        return self._with(Mark.APPROVED)

    @property
    def skipped(self) -> tuple[str, ...]:
        """Ids of skipped steps, in the plan's order."""
        return self._with(Mark.SKIPPED)

    def step(self, wanted: str) -> Step:
        """A step.

        Raises:
            HttpProblem: there is none.
        """
        for step in self.plan.steps:
            if step.id == wanted:
                return step
        raise missing("the plan has no such step", wanted[:40])

    def _with(self, mark: Mark) -> tuple[str, ...]:
        said = self.said
        return tuple(s.id for s in self.plan.steps if s.id in said and said[s.id].mark is mark)


class PlanDesk:
    """All plans of a journal.

    Args:
        journal: where they are.
        now_s: the source's time.
        tell: told when something was said about a plan.
    """

    def __init__(
        self,
        journal: Journal,
        now_s: Callable[[], float],
        tell: Callable[[Kept], None],
    ) -> None:
        self._journal = journal
        self._now_s = now_s
        self._tell = tell
        self._lock = threading.RLock()
        self._at_hand: OrderedDict[int, Kept] = OrderedDict()

    def put(self, number: int, plan: Plan, made: Made) -> Kept:
        """A plan was made and is in the journal."""
        kept = Kept(number, plan, made)
        with self._lock:
            if made.origin is not Origin.LOOP:
                self._write(kept)
            self._hold(kept)
        self._tell(kept)
        return kept

    def get(self, wanted: str) -> Kept:
        """A plan by its number.

        Raises:
            HttpProblem: there is none.
        """
        number = int(wanted) if wanted.isascii() and wanted.isdecimal() and len(wanted) < 16 else 0
        with self._lock:
            kept = self._at_hand.get(number)
            if kept is not None:
                self._at_hand.move_to_end(number)
                return kept
            document = self._journal.plan_document(number) if number else None
            if document is None:
                raise missing("there is no such plan (any more)", wanted[:40])
            plan = plan_from_json(json.loads(document), where=f"plan {number} of the journal")
            kept = self._read(Kept(number, plan))
            self._hold(kept)
            return kept

    async def find(self, wanted: str) -> Kept:
        """The same from an event loop, which must not wait for a disk.

        Raises:
            HttpProblem: there is none.
        """
        kept = self._at_hand.get(int(wanted)) if wanted.isascii() and wanted.isdecimal() else None
        return kept if kept is not None else await to_thread.run_sync(self.get, wanted)

    def records(self, wanted: Filter) -> Sequence[PlanRecord]:
        """Plans as the journal lists them, newest first."""
        return self._journal.plans(wanted)

    def approve(self, wanted: str, steps: Sequence[str] | None, who: str) -> Kept:
        """Approve steps, and what has to be done before them; None for all that may be.

        Raises:
            HttpProblem: there is no such plan or step, it has expired, policy only recommends a
                step, or one before it was skipped.
        """
        with self._lock:
            kept = self._open(wanted)
            if steps is None:
                chosen = [
                    step.id
                    for step in kept.plan.steps
                    if step.mode >= Mode.APPROVE and step.id not in kept.skipped
                ]
                if not chosen and kept.plan.steps:
                    raise _not_now("policy lets none of its steps be approved", kept)
            else:
                chosen = _with_predecessors(kept, steps)
            for number in chosen:
                self._approvable(kept, kept.step(number))
            fresh = self._said(kept, chosen, Mark.APPROVED, who, "")
            self._journal.approve(
                kept.number, who=who, steps=chosen, at_s=self._now_s(), origin={"via": "api"}
            )
        self._tell(fresh)
        return fresh

    def skip(self, wanted: str, step: str, who: str, why: str = "") -> Kept:
        """Skip a step, and all that need it.

        Raises:
            HttpProblem: there is no such plan or step, or it has expired.
        """
        with self._lock:
            kept = self._open(wanted)
            kept.step(step)
            chosen = _with_successors(kept, step)
            fresh = self._said(kept, chosen, Mark.SKIPPED, who, why)
        self._tell(fresh)
        return fresh

    def executed(self, number: int, execution: str) -> None:
        """An execution of a plan has begun."""
        with self._lock:
            kept = self.get(str(number))
            fresh = _again(kept, executions=(*kept.executions, execution))
            self._write(fresh)
            self._hold(fresh)

    def expired(self, kept: Kept) -> bool:
        """Nothing of it can be done any more."""
        return self._now_s() > kept.plan.expires_at_s

    # ------------------------------------------------------------ the parts

    def _open(self, wanted: str) -> Kept:
        kept = self.get(wanted)
        if self.expired(kept):
            raise _not_now(f"the plan expired at {words.moment(kept.plan.expires_at_s)}", kept)
        return kept

    def _approvable(self, kept: Kept, step: Step) -> None:
        if step.mode < Mode.APPROVE:
            raise HttpProblem(
                409,
                "only-recommended",
                f"policy only recommends step {step.id}, so nobody can approve it",
                where=f"plan {kept.number}",
                cure="change the policy's mode to approve or automatic, and plan again",
            )

    def _said(self, kept: Kept, steps: Iterable[str], mark: Mark, who: str, why: str) -> Kept:
        said = Said(mark, who, self._now_s(), why)
        fresh = _again(kept, said={**kept.said, **dict.fromkeys(steps, said)})
        self._write(fresh)
        self._hold(fresh)
        return fresh

    def _hold(self, kept: Kept) -> None:
        self._at_hand[kept.number] = kept
        self._at_hand.move_to_end(kept.number)
        if len(self._at_hand) > _AT_HAND:
            self._at_hand.popitem(last=False)

    def _write(self, kept: Kept) -> None:
        made = kept.made
        document = {
            "origin": made.origin.value,
            "who": made.who,
            "note": made.note,
            "scope": {name: list(getattr(made.scope, name)) for name in _SCOPE},
            "said": {
                step: [said.mark.value, said.who, said.at_s, said.why]
                for step, said in kept.said.items()
            },
            "executions": list(kept.executions),
        }
        name = _BLOB.format(number=kept.number)
        data = json.dumps(document).encode()
        self._journal.put_blob(name, data, version=_VERSION, at_s=self._now_s())

    def _read(self, kept: Kept) -> Kept:
        blob = self._journal.get_blob(_BLOB.format(number=kept.number))
        if blob is None or blob.version != _VERSION:
            return kept
        found: dict[str, Any] = json.loads(blob.data)
        scope = Scope(**{name: tuple(found["scope"][name]) for name in _SCOPE})
        return _again(
            kept,
            made=Made(Origin(found["origin"]), found["who"], found["note"], scope),
            said={
                step: Said(Mark(mark), who, at_s, why)
                for step, (mark, who, at_s, why) in found["said"].items()
            },
            executions=tuple(found["executions"]),
        )


_SCOPE = ("vms", "hosts", "clusters")


def _again(kept: Kept, **what: Any) -> Kept:
    """The same plan after something was said; answers are made anew."""
    return replace(kept, shelf=Shelf(64), **what)


def _with_predecessors(kept: Kept, steps: Sequence[str]) -> list[str]:
    """These steps and all before them that they need, in the plan's order."""
    wanted = {kept.step(step).id for step in steps}
    for step in reversed(kept.plan.steps):
        if step.id in wanted:
            wanted |= set(step.depends_on)
    skipped = [step for step in kept.skipped if step in wanted and step not in steps]
    if skipped:
        raise HttpProblem(
            409,
            "needs-skipped",
            f"the steps need {', '.join(skipped)}, which was skipped",
            where=f"plan {kept.number}",
            cure=f"approve {' and '.join(skipped)} as well",
        )
    return [step.id for step in kept.plan.steps if step.id in wanted]


def _with_successors(kept: Kept, wanted: str) -> list[str]:
    """This step and all that cannot be done without it."""
    out = {wanted}
    for step in kept.plan.steps:
        if out & set(step.depends_on):
            out.add(step.id)
    return [step.id for step in kept.plan.steps if step.id in out]


def _not_now(what: str, kept: Kept) -> HttpProblem:
    return HttpProblem(409, "stale", what, where=f"plan {kept.number}", cure="make a new plan")
