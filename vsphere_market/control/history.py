"""What the journal remembers: cycles, plans, decisions, refusals and actions."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from vsphere_market.control.calibration import BAND_POINTS, Calibration, calibrate
from vsphere_market.control.journals import named_journal
from vsphere_market.control.trust import Score, Thresholds, scorecard
from vsphere_market.errors import JournalError, UsageError
from vsphere_market.journal import (
    Aftermath,
    AuditRecord,
    CycleRecord,
    DecisionRecord,
    Filter,
    Journal,
    Place,
    PlanRecord,
    RefusalRecord,
    StepRecord,
    Verdict,
)
from vsphere_market.policy.problems import did_you_mean
from vsphere_market.port import ActionKind

Record = CycleRecord | PlanRecord | DecisionRecord | RefusalRecord | StepRecord


class Kind(StrEnum):
    """What can be asked for."""

    #: Steps that were carried out, or tried.
    ACTIONS = "actions"
    #: Steps that were decided, whether or not carried out.
    DECISIONS = "decisions"
    REFUSALS = "refusals"
    PLANS = "plans"
    CYCLES = "cycles"


#: What each kind can be filtered by, besides times and the limit.
FILTERS: dict[Kind, frozenset[str]] = {
    Kind.ACTIONS: frozenset({"vm", "host", "kind", "outcomes", "plan"}),
    Kind.DECISIONS: frozenset({"vm", "host", "kind", "plan"}),
    Kind.REFUSALS: frozenset({"vm", "plan"}),
    Kind.PLANS: frozenset({"plan"}),
    Kind.CYCLES: frozenset(),
}
_OPTIONS = {
    "vm": "--vm",
    "host": "--host",
    "kind": "--kind",
    "outcomes": "--outcome",
    "plan": "--plan",
}
#: Cycles looked through for names that were perhaps meant.
_LOOKED_AT = 20


@dataclass(frozen=True, slots=True)
class History:
    """An answer.

    Attributes:
        kind: what was asked for.
        records: newest first.
        more: there are more than the limit let through.
        where: the journal, None when there is none yet.
    """

    kind: Kind
    records: Sequence[Record]
    more: bool
    where: str | None


def ask(kind: Kind, wanted: Filter, place: Place | None = None) -> History:
    """Ask the journal.

    Args:
        kind: what for.
        wanted: the filter.
        place: the journal that the user named, or None for the usual one.

    Raises:
        UsageError: a filter that the kind does not have, or a VM or host that nobody ever saw.
        JournalError, BusyError: it cannot be read.
    """
    for name in ("vm", "host", "kind", "outcomes", "plan"):
        if getattr(wanted, name) and name not in FILTERS[kind]:
            fitting = sorted(_OPTIONS[item] for item in FILTERS[kind])
            cure = f"it takes {', '.join(fitting)}" if fitting else "leave it out"
            raise UsageError(f"{kind} are not filtered by it", where=_OPTIONS[name], cure=cure)
    with named_journal(place) as journal:
        if journal is None:
            return History(kind, (), False, None)
        # One more than asked for tells whether there are more.
        found = _ask(journal, kind, replace(wanted, limit=wanted.limit + 1))
        if not found:
            _known_names(journal, wanted)
        return History(kind, found[: wanted.limit], len(found) > wanted.limit, str(journal.place))


def verify(place: Place | None = None, kept: str = "") -> Verdict:
    """Check the seals of the journal's audit trail.

    Args:
        place: the journal that the user named, or None for the usual one.
        kept: a row's number and seal that were noted down elsewhere, ``NUMBER:SEAL``.

    Raises:
        UsageError: ``kept`` is no such pair.
        JournalError: there is no journal, or it cannot be read.
    """
    pair: tuple[int, str] | None = None
    if kept:
        found = re.fullmatch(r"([0-9]{1,18}):([0-9a-f]{64})", kept.strip().lower())
        if found is None:
            raise UsageError(
                "is no seal", where="--seal", cure="write NUMBER:SEAL as `history verify` shows it"
            )
        pair = (int(found[1]), found[2])
    with named_journal(place) as journal:
        if journal is None:
            raise JournalError("there is no journal yet", cure="`run`, `apply` or `plan` begin one")
        return journal.verify(pair)


def past_outcomes(
    since_s: float, place: Place | None = None, *, on: str = "", band_points: float = BAND_POINTS
) -> tuple[tuple[Calibration, ...] | None, tuple[Aftermath, ...]]:
    """What came of steps done since a time, summed up and one by one; None without a journal.

    Raises:
        UsageError: no vCenter of that name was ever seen.
        JournalError, BusyError: it cannot be read.
    """
    with named_journal(place) as journal:
        if journal is None:
            return None, ()
        past = journal.aftermaths(since_s, _estate_named(journal, on))
        return calibrate(past, band_points), past


def past_scores(
    now_s: float, asked: Thresholds, place: Place | None = None, *, on: str = ""
) -> tuple[Score, ...] | None:
    """The scorecard of every kind of action; None without a journal.

    Raises:
        UsageError: no vCenter of that name was ever seen.
        JournalError, BusyError: it cannot be read.
    """
    kinds = [kind.value for kind in ActionKind]
    with named_journal(place) as journal:
        if journal is None:
            return None
        return scorecard(journal, kinds, now_s, asked, _estate_named(journal, on))


def _estate_named(journal: Journal, name: str) -> str:
    """The identity of a vCenter by its name; "" for no name."""
    if not name:
        return ""
    found = journal.cycles(Filter(source=name, limit=1))
    if not found:
        raise UsageError(
            f"the journal has never seen a vCenter {name}",
            where="--on",
            cure="`history cycles` tells which",
        )
    return found[0].estate


#: What is shown when nothing else is asked for: what people did, and what was done for them.
AUDITED = ("approval", "begin", "stop", "resume", "service.")


@dataclass(frozen=True, slots=True)
class Deed:
    """A row of the audit trail in its parts.

    Attributes:
        row: its number.
        at_s: Unix time.
        event: what happened.
        who: who did it, "" if the row does not tell.
        origin: from where, in words.
        plan: number of the plan, None if it is about none.
        execution: number of the execution, likewise.
        steps: ids of the steps.
        sentence: what else the row says for people.
        body: all of it.
    """

    row: int
    at_s: float
    event: str
    who: str
    origin: str
    plan: int | None
    execution: int | None
    steps: tuple[str, ...]
    sentence: str
    body: Mapping[str, Any]


def audit_trail(
    wanted: Filter, events: Sequence[str] = (), place: Place | None = None
) -> tuple[Deed, ...] | None:
    """Who did what, newest first; None without a journal.

    Args:
        wanted: times and limit.
        events: only these; ``any`` for all; none for :data:`AUDITED`.
        place: the journal that the user named, or None for the usual one.

    Raises:
        JournalError, BusyError: it cannot be read.
    """
    asked = () if "any" in events else tuple(events) or AUDITED
    with named_journal(place) as journal:
        if journal is None:
            return None
        return tuple(_deed(row) for row in journal.audit_newest(events=asked, wanted=wanted))


def _deed(row: AuditRecord) -> Deed:
    body: dict[str, Any] = json.loads(row.body)
    origin = body.get("from") or {}
    said = [str(origin[key]) for key in ("via", "client", "host") if origin.get(key)]
    steps = body.get("steps") or ([body["step"]] if body.get("step") else [])
    sentence = str(body.get("sentence") or body.get("reason") or body.get("error") or "")
    if body.get("stopped_by"):
        sentence = f"It was stopped by {body['stopped_by']}."
    if body.get("dry_run"):
        sentence = "A dry run."
    plan, execution = body.get("plan"), body.get("execution")
    return Deed(
        row=row.id,
        at_s=row.at_s,
        event=row.event,
        who=str(body.get("who") or ""),
        origin=" ".join(said) if isinstance(origin, dict) else str(origin),
        plan=plan if isinstance(plan, int) else None,
        execution=execution if isinstance(execution, int) else None,
        steps=tuple(map(str, steps)),
        sentence=sentence,
        body=body,
    )


def _ask(journal: Journal, kind: Kind, wanted: Filter) -> Sequence[Record]:
    match kind:
        case Kind.ACTIONS:
            return journal.steps(wanted)
        case Kind.DECISIONS:
            return journal.decisions(wanted)
        case Kind.REFUSALS:
            return journal.refusals(wanted)
        case Kind.PLANS:
            return journal.plans(wanted)
        case Kind.CYCLES:
            return journal.cycles(wanted)


def _known_names(journal: Journal, wanted: Filter) -> None:
    """Tell a VM or host without history from one that is misspelt."""
    if not (wanted.vm or wanted.host):
        return
    vms: set[str] = set()
    hosts: set[str] = set()
    for cycle in journal.cycles(Filter(limit=_LOOKED_AT)):
        sample = journal.vm_sample(cycle.id)
        if sample is not None:
            vms |= {*sample.moids, *sample.names}
            hosts |= set(sample.hosts)
    for option, asked, known in (("--vm", wanted.vm, vms), ("--host", wanted.host, hosts - {""})):
        if asked and known and asked not in known:
            raise UsageError(
                f"the journal has never seen {asked}", where=option, cure=did_you_mean(asked, known)
            )
