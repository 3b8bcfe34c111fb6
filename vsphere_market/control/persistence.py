"""Patience: automatic actions that policy wants to see wished for over several cycles first.

A peak of five minutes makes a wish as well as a shortage of five hours. The journal knows what the
cycles before wanted, so a restart forgets none of it.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

import numpy as np

from vsphere_market.estate import Snapshot
from vsphere_market.journal import Filter, Journal, estate_key
from vsphere_market.market import Plan
from vsphere_market.policy import Rulebook
from vsphere_market.units import FloatArray

#: More steps than this no plan has.
_MOST_STEPS = 50_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """A step that is not done yet.

    Attributes:
        step: its id.
        seen: cycles in a row that wanted it, the present one counted.
        wanted: cycles that policy asks for.
    """

    step: str
    seen: int
    wanted: int


def waiting_steps(
    plan: Plan,
    chosen: Set[str],
    rulebook: Rulebook,
    snapshot: Snapshot,
    journal: Journal,
    kind: str,
    scope: str = "",
) -> tuple[Waiting, ...]:
    """Those of the chosen steps that too few cycles in a row have wanted.

    Args:
        plan: the decision, written to the journal already.
        chosen: ids of the steps that would be carried out.
        rulebook: says how many cycles; made for ``snapshot``.
        snapshot: the estate.
        journal: knows the cycles before.
        kind: of cycle; others, such as a person's ``plan``, do not count.
        scope: the clusters that the cycle is about (``Scope.text``); loops of others do not count.

    Raises:
        StorageError, BusyError: the journal cannot be read.
    """
    asked = {
        step.id: int(_cycles_of(rulebook.persist_cycles, snapshot, step.action.subject.moid))
        for step in plan.steps
        if step.id in chosen
    }
    longest = max(asked.values(), default=1)
    if longest <= 1:
        return ()
    before = _wishes_before(journal, estate_key(snapshot.source), kind, scope, longest - 1)
    waiting = []
    for step in plan.steps:
        wanted = asked.get(step.id, 1)
        if wanted <= 1:
            continue
        subject = (step.action.subject.moid, step.action.kind.value)
        seen = 1
        for wishes in before:
            if subject not in wishes:
                break
            seen += 1
        if seen < wanted:
            waiting.append(Waiting(step.id, seen, wanted))
    return tuple(waiting)


def without(plan: Plan, chosen: Set[str], waiting: tuple[Waiting, ...]) -> frozenset[str]:
    """The chosen steps less those that wait, those that need one of these, and their groups."""
    out = {item.step for item in waiting}
    before = -1
    while len(out) != before:
        before = len(out)
        for step in plan.steps:
            if out & {*step.depends_on, *step.together}:
                out.add(step.id)
    return frozenset(chosen) - out


def _cycles_of(persist: FloatArray, snapshot: Snapshot, moid: str) -> float:
    row = snapshot.vms.row(moid)
    return float(persist[row]) if row >= 0 and not np.isnan(persist[row]) else 1.0


def _wishes_before(
    journal: Journal, estate: str, kind: str, scope: str, most: int
) -> list[set[tuple[str, str]]]:
    """What the last cycles before the present one wanted: VM and kind of action, newest first."""
    # Cycles of other kinds lie between; past this many the wish is too old to count anyway.
    depth = 100 + 20 * most
    alike = [
        cycle.id
        for cycle in journal.cycles(Filter(estate=estate, limit=depth))
        if cycle.kind == kind and cycle.scope == scope
    ][1 : most + 1]
    plans = {
        plan.cycle: plan.id
        for plan in journal.plans(Filter(estate=estate, limit=depth))
        if plan.cycle is not None
    }
    found = []
    for cycle in alike:
        number = plans.get(cycle)
        if number is None:  # it failed before it decided anything
            found.append(set[tuple[str, str]]())
            continue
        decided = journal.decisions(Filter(plan=number, limit=_MOST_STEPS))
        found.append({(one.vm_moid, one.kind) for one in decided})
    return found
