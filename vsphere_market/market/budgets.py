"""Disruption budgets while the market trades: no plan holds more migrations than may be done.

What counts against a budget are the migrations that the journal knows within the budget's window,
and the VMs that the plan leaves on another host than they began on. A VM that changes its mind
while prices move counts once, and not at all when it ends where it was.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from vsphere_market.estate import Snapshot
from vsphere_market.policy import BudgetScope, DisruptionBudget
from vsphere_market.units import BoolArray, FloatArray, IndexArray


@dataclass(frozen=True, slots=True)
class PastMove:
    """A migration that we did, or may have done.

    Attributes:
        vm: managed object id.
        source: managed object id of the host it left.
        target: of the host it went to.
        ended_s: Unix time.
    """

    vm: str
    source: str
    target: str
    ended_s: float


class BudgetBoard:
    """All budgets with what is spent of them, kept true while VMs move.

    Args:
        budgets: made for this snapshot.
        snapshot: the estate.
        host_of: (V,) where each VM is before the plan, -1 for nowhere.
        past: migrations done before.
        now_s: Unix time at which windows end.
    """

    def __init__(
        self,
        budgets: Sequence[DisruptionBudget],
        snapshot: Snapshot,
        host_of: IndexArray,
        past: Sequence[PastMove],
        now_s: float,
    ) -> None:
        self._home = host_of.copy()
        self._at = host_of.copy()
        # Budgets of the same VMs in the same scopes (per hour, per day) are spent alike.
        alike: dict[tuple[BudgetScope, bytes], list[DisruptionBudget]] = {}
        for budget in budgets:
            alike.setdefault((budget.scope, budget.vms.tobytes()), []).append(budget)
        self._purses = [_Purse(same, snapshot, past, now_s) for same in alike.values()]
        #: The few that are spent for somebody: the others need not be asked, thousands of times.
        self._tight = [purse for purse in self._purses if purse.tight]
        #: The purses that count a VM; looked up once for each that moves.
        self._counting: dict[int, list[_Purse]] = {}

    @property
    def tight(self) -> bool:
        """Some budget is spent for somebody, so that :meth:`mask` may rule something out."""
        return bool(self._tight)

    def allows(self, vm: int, host: int) -> bool:
        """One entry of :meth:`mask`."""
        home, here = int(self._home[vm]), int(self._at[vm])
        if host in (home, here):
            return True
        return all(purse.allows(vm, host, home, here) for purse in self._tight if purse.counted[vm])

    def mask(self, vms: IndexArray, hosts: IndexArray) -> BoolArray:
        """(vms, hosts) moves that every budget has room for; staying always has."""
        good: BoolArray = np.ones((len(vms), len(hosts)), dtype=np.bool_)
        home = self._home[vms]
        away = self._at[vms] != home
        for purse in self._tight:
            good &= ~purse.counted[vms][:, None] | purse.room(vms, hosts, home, away)
        # Going home frees what the VM had spent.
        good |= home[:, None] == hosts[None, :]
        good |= self._at[vms][:, None] == hosts[None, :]
        return good

    def move(self, vm: int, source: int, target: int) -> None:
        """Keep the counts true."""
        self._at[vm] = target
        if not self._purses:
            return
        counting = self._counting.get(vm)
        if counting is None:
            counting = [purse for purse in self._purses if purse.flags[vm]]
            self._counting[vm] = counting
        home, changed = int(self._home[vm]), False
        for purse in counting:
            was = purse.tight
            purse.move(vm, home, source, target)
            changed |= purse.tight != was
        if changed:
            self._tight = [purse for purse in self._purses if purse.tight]


class _Purse:
    """What each scope has left of one budget, or of several that count the same: of the tightest.

    Args:
        budgets: of one scope and the same VMs.
        snapshot: the estate.
        past: migrations done before.
        now_s: Unix time at which windows end.
    """

    def __init__(
        self,
        budgets: Sequence[DisruptionBudget],
        snapshot: Snapshot,
        past: Sequence[PastMove],
        now_s: float,
    ) -> None:
        scope = budgets[0].scope
        self.counted: BoolArray = budgets[0].vms
        #: The same, quicker to ask about one VM.
        self.flags: bytes = self.counted.tobytes()
        self._by_host = scope is BudgetScope.HOST
        self._scope_of = _scopes(scope, snapshot)
        scopes = max(_number(scope, snapshot), 1)
        least: FloatArray = np.full(scopes, np.inf)
        for budget in budgets:
            left = _allowed(budget, self._scope_of, scopes)
            for spot in self._spent(budget, snapshot, past, now_s):
                left[spot] -= 1.0
            np.minimum(least, left, out=least)
        # A list: it is read and written number by number.
        self._left: list[float] = least.tolist()
        self._full: BoolArray = least < 1.0
        # Most are not spent for anybody, and then nobody has to ask them.
        self.tight = bool(self._full.any())

    def _spent(
        self, budget: DisruptionBudget, snapshot: Snapshot, past: Sequence[PastMove], now_s: float
    ) -> Iterator[int]:
        """The scopes that migrations done before count in, once for each."""
        for move in past:
            row = snapshot.vms.row(move.vm)
            if row < 0 or not budget.vms[row] or move.ended_s <= now_s - budget.window_s:
                continue
            if self._by_host:
                ends = (snapshot.hosts.row(move.source), snapshot.hosts.row(move.target))
                yield from (host for host in ends if host >= 0)
            elif self._scope_of[row] >= 0:
                yield int(self._scope_of[row])

    def allows(self, vm: int, host: int, home: int, here: int) -> bool:
        """Whether one more migration of a counted VM to a host that is not its own fits."""
        if self._by_host:
            return not self._full[host] and (here != home or not self._full[home])
        scope = self._scope_of[vm]
        return bool(here != home or scope < 0 or not self._full[scope])

    def room(
        self, vms: IndexArray, hosts: IndexArray, home: IndexArray, away: BoolArray
    ) -> BoolArray:
        """(vms, hosts) whether one more migration of each VM to each host fits."""
        free = ~self._full
        if self._by_host:
            leaves = away | free[home]
            both: BoolArray = leaves[:, None] & free[hosts][None, :]
            return both
        scope = self._scope_of[vms]
        may: BoolArray = away | (scope < 0) | free[scope]
        return np.broadcast_to(may[:, None], (len(vms), len(hosts)))

    def move(self, vm: int, home: int, source: int, target: int) -> None:
        """Count that a VM, at home on one host, has gone from another to a third."""
        # It counts once, wherever it has gone; on hosts, where it left and where it is.
        times = int(target != home) - int(source != home)
        if not self._by_host:
            scope = self._scope_of.item(vm)
            if times and scope >= 0:
                self._spend(scope, times)
            return
        if times:
            self._spend(home, times)
        if source != home:
            self._spend(source, -1)
        if target != home:
            self._spend(target, 1)

    def _spend(self, scope: int, times: int) -> None:
        before = self._left[scope]
        left = self._left[scope] = before - times
        if (left < 1.0) != (before < 1.0):
            self._full[scope] = left < 1.0
            self.tight = bool(self._full.any())


def _scopes(scope: BudgetScope, snapshot: Snapshot) -> IndexArray:
    """(V,) which scope's members each VM is one of; -1 for none."""
    count = len(snapshot.vms)
    match scope:
        case BudgetScope.VM:
            return np.arange(count)
        case BudgetScope.HOST:
            return snapshot.vms.host
        case BudgetScope.CLUSTER:
            return snapshot.vms.cluster
        case BudgetScope.ESTATE:
            return np.zeros(count, dtype=np.int64)


def _number(scope: BudgetScope, snapshot: Snapshot) -> int:
    match scope:
        case BudgetScope.VM:
            return len(snapshot.vms)
        case BudgetScope.HOST:
            return len(snapshot.hosts)
        case BudgetScope.CLUSTER:
            return len(snapshot.clusters)
        case BudgetScope.ESTATE:
            return 1


def _allowed(budget: DisruptionBudget, scope_of: IndexArray, scopes: int) -> FloatArray:
    """How many migrations each scope may have; a share that is not 0 allows one at least."""
    allowed: FloatArray = np.full(scopes, budget.max_migrations)
    if math.isfinite(budget.max_share):
        rows = np.flatnonzero(budget.vms & (scope_of >= 0))
        members = np.bincount(scope_of[rows], minlength=scopes)
        share = np.floor(budget.max_share * members + 1e-9)
        least = 1.0 if budget.max_share > 0 else 0.0
        allowed = np.minimum(allowed, np.maximum(share, least))
    return allowed


def lately_left(
    past: Sequence[PastMove], snapshot: Snapshot, since_s: float
) -> dict[int, set[int]]:
    """Rows of VMs -> rows of the hosts that each was moved away from after ``since_s``."""
    left: dict[int, set[int]] = {}
    for move in past:
        vm, host = snapshot.vms.row(move.vm), snapshot.hosts.row(move.source)
        if vm >= 0 and host >= 0 and move.ended_s > since_s:
            left.setdefault(vm, set()).add(host)
    return left
