"""Disruption budgets: which migrations of a plan may be done now, and which have to wait.

Counted by wall-clock time over the journal, so that a faster loop moves no more.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vsphere_market.estate import Snapshot, time_text
from vsphere_market.market.budgets import PastMove
from vsphere_market.market.plan import Plan, Step
from vsphere_market.policy import BudgetScope, DisruptionBudget, Rulebook
from vsphere_market.port import Migrate


@dataclass(frozen=True, slots=True)
class Deferred:
    """A step that has to wait for a budget.

    Attributes:
        step: the step.
        budget: the budget's name.
        until_s: Unix time at which the budget has room again; inf when it never has.
        sentence: the same for people.
    """

    step: Step
    budget: str
    until_s: float
    sentence: str


def affordable(
    plan: Plan,
    rulebook: Rulebook,
    snapshot: Snapshot,
    moves: Sequence[PastMove],
    now_s: float,
) -> tuple[frozenset[str], tuple[Deferred, ...]]:
    """Take steps in order as long as every budget has room for them.

    Args:
        plan: the plan.
        rulebook: gives the budgets; made for ``snapshot``.
        snapshot: the estate.
        moves: what was moved before, as far back as the longest window.
        now_s: Unix time at the source.

    Returns:
        The ids of the steps that may be done now, and those that must wait. A step that depends on
        a waiting one waits too, without being listed.
    """
    ledgers = [_Counter(budget, snapshot, moves, now_s) for budget in rulebook.budgets]
    may: set[str] = set()
    waiting: set[str] = set()
    deferred: list[Deferred] = []
    for step in plan.steps:
        if waiting & set(step.depends_on):
            waiting.add(step.id)
            continue
        action = step.action
        full = next(
            (
                counter
                for counter in ledgers
                if isinstance(action, Migrate) and not counter.has_room(action)
            ),
            None,
        )
        if full is not None:
            assert isinstance(action, Migrate)
            waiting.add(step.id)
            deferred.append(full.deferral(step, action))
            continue
        may.add(step.id)
        if isinstance(action, Migrate):
            for counter in ledgers:
                counter.spend(action)
    return frozenset(may), tuple(deferred)


class _Counter:
    """One budget with what was spent of it, per scope."""

    def __init__(
        self,
        budget: DisruptionBudget,
        snapshot: Snapshot,
        moves: Sequence[PastMove],
        now_s: float,
    ) -> None:
        self._budget = budget
        self._snapshot = snapshot
        self._now_s = now_s
        #: When each scope's moves were done, within the window.
        self._spent: dict[str, list[float]] = {}
        for move in moves:
            if move.ended_s > now_s - budget.window_s and self._counts(move.vm):
                for scope in self._scopes(move.vm, move.source, move.target):
                    self._spent.setdefault(scope, []).append(move.ended_s)

    def has_room(self, action: Migrate) -> bool:
        """One more migration fits."""
        if not self._counts(action.vm.moid):
            return True
        return all(
            len(self._spent.get(scope, ())) < self._allowed(scope)
            for scope in self._scopes(action.vm.moid, action.source.moid, action.target.moid)
        )

    def spend(self, action: Migrate) -> None:
        """Count a migration that is about to be done."""
        if self._counts(action.vm.moid):
            for scope in self._scopes(action.vm.moid, action.source.moid, action.target.moid):
                self._spent.setdefault(scope, []).append(self._now_s)

    def deferral(self, step: Step, action: Migrate) -> Deferred:
        """Why the step waits, and until when."""
        until_s = self._now_s
        most = math.inf
        for scope in self._scopes(action.vm.moid, action.source.moid, action.target.moid):
            spent, allowed = sorted(self._spent.get(scope, ())), self._allowed(scope)
            if len(spent) < allowed:
                continue
            most = min(most, allowed)
            free_s = spent[len(spent) - allowed] + self._budget.window_s if allowed else math.inf
            until_s = max(until_s, free_s)
        when = f"until {time_text(until_s)}" if math.isfinite(until_s) else "for good"
        sentence = (
            f"The budget {self._budget.name} allows {most:.0f} migrations in "
            f"{self._budget.window_s / 60:.4g} minutes and is spent, so it waits {when}."
        )
        return Deferred(step, self._budget.name, until_s, sentence)

    def _counts(self, vm: str) -> bool:
        row = self._snapshot.vms.row(vm)
        return row >= 0 and bool(self._budget.vms[row])

    def _scopes(self, vm: str, source: str, target: str) -> Iterator[str]:
        match self._budget.scope:
            case BudgetScope.VM:
                yield vm
            case BudgetScope.HOST:
                yield source
                yield target
            case BudgetScope.CLUSTER:
                row = self._snapshot.hosts.row(target)
                yield str(self._snapshot.hosts.cluster[row]) if row >= 0 else ""
            case BudgetScope.ESTATE:
                yield ""

    def _allowed(self, scope: str) -> int:
        """How many migrations the scope may have; a share that is not 0 allows one at least."""
        budget = self._budget
        allowed = budget.max_migrations
        if math.isfinite(budget.max_share):
            share = math.floor(budget.max_share * self._counted(scope) + 1e-9)
            allowed = min(allowed, max(share, 1) if budget.max_share > 0 else 0)
        return int(allowed) if math.isfinite(allowed) else 1 << 62

    def _counted(self, scope: str) -> int:
        """How many of the budget's VMs are in the scope now."""
        vms, hosts = self._snapshot.vms, self._snapshot.hosts
        mine = self._budget.vms
        match self._budget.scope:
            case BudgetScope.VM:
                return 1
            case BudgetScope.HOST:
                return int((mine & (vms.host == hosts.row(scope))).sum())
            case BudgetScope.CLUSTER:
                return int((mine & (vms.cluster == int(scope or -1))).sum())
            case BudgetScope.ESTATE:
                return int(mine.sum())
