"""What the journal remembers: cycles, plans, decisions, refusals and actions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from vsphere_market.control.journals import named_journal
from vsphere_market.errors import JournalError, UsageError
from vsphere_market.journal import (
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
