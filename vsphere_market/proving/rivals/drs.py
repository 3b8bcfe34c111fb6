"""DRS as it was up to vSphere 6.7: spread by the standard deviation of host loads.

Sources: A. Gulati, A. Holler, M. Ji, G. Shanmuganathan, C. Waldspurger, X. Zhu, "VMware
Distributed Resource Management: Design, Implementation, and Lessons Learned", VMware Technical
Journal 1(1), 2012 (greedy hill-climbing over single moves, cost-benefit filter, MinGoodness);
VMware KB 1007485 (priority of a recommendation from the host load standard deviation); F.
Denneman, 2018 (memory demand is active memory plus 25 % of idle consumed memory); vSphere Resource
Management guide 6.7 (rounds of five minutes, thresholds 1 to 5).

What is not published, and read here as follows: the *goodness* of a move is the fall of the
standard deviation, and must be ``min_goodness`` of it; the *cost* of a move is the memory held on
both hosts while it is copied, the *benefit* the demand beyond capacity that it saves over
``stable_s``, or where no host is over-full the memory it evens out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from vsphere_market.estate import Snapshot
from vsphere_market.market.budgets import PastMove
from vsphere_market.proving.controller import PERIOD_S, Order
from vsphere_market.proving.ground import Ground, held
from vsphere_market.units import FloatArray, IndexArray

#: PercentIdleMBInMemDemand.
IDLE_SHARE = 0.25
_MIBPS_PER_MBPS = 1e6 / 8 / (1 << 20)


class Drs:
    """DRS up to 6.7, fully automated.

    Args:
        level: migration threshold as the client shows it: 1 does mandatory moves only, 5 takes
            every slight gain.
        idle: share of idle consumed memory that counts as demand; 1 is the later option to
            balance by consumed memory.
        min_goodness: least fall of the standard deviation by a move, as a share of it.
        stable_s: how long the load is expected to stay as it is.
        moves: migrations per round at most.
    """

    def __init__(
        self,
        level: float = 3,
        idle: float = IDLE_SHARE,
        min_goodness: float = 0.01,
        stable_s: float = 900.0,
        moves: float = 20,
    ) -> None:
        self.period_s = PERIOD_S
        self._level = level
        self._idle = idle
        self._min_goodness = min_goodness
        self._stable_s = stable_s
        self._moves = int(moves)

    def decide(
        self, snapshot: Snapshot, now_s: float, moves: Sequence[PastMove]
    ) -> Sequence[Order]:
        """One round of hill-climbing per cluster."""
        ground = Ground(snapshot)
        demand = demand_of(snapshot, self._idle)
        orders: list[Order] = []
        if self._level <= 1:
            return orders
        for cluster in range(len(snapshot.clusters)):
            rows = np.flatnonzero(ground.fit & (snapshot.hosts.cluster == cluster))
            if len(rows) > 1:
                self._climb(ground, demand, rows, orders)
        return orders

    def target_deviation(self, hosts: int) -> float:
        """The deviation that a cluster of so many hosts may have.

        KB 1007485: priority = 6 - ceil(deviation / 0.1 * sqrt(hosts)); a threshold applies
        recommendations of its own priority and more urgent ones.
        """
        return max(5.0 - self._level, 0.0) * 0.1 / math.sqrt(hosts)

    def _climb(
        self, ground: Ground, demand: FloatArray, rows: IndexArray, orders: list[Order]
    ) -> None:
        capacity = usable(ground)[rows]
        target = self.target_deviation(len(rows))
        copied = np.nan_to_num(held(ground.snapshot))
        moved: set[int] = set()
        for _ in range(self._moves):
            load = ground.total(demand)[rows]
            now = float((load / capacity).std())
            if now <= target:
                return
            best: tuple[float, int, int] | None = None
            for vm in np.flatnonzero(ground.movable & np.isin(ground.host_of, rows)).tolist():
                if vm in moved or demand[vm] <= 0.0:
                    continue
                able = np.isin(rows, ground.targets(vm))
                if not able.any():
                    continue
                source = int(np.flatnonzero(rows == ground.host_of[vm])[0])
                after = self._deviations(load, capacity, source, demand[vm])
                after[~able] = np.inf
                slot = int(after.argmin())
                gain = now - float(after[slot])
                if gain <= max(self._min_goodness * now, 1e-9) or (best and gain <= best[0]):
                    continue
                if self._pays(ground, load, capacity, (source, slot), demand[vm], copied[vm]):
                    best = (gain, vm, int(rows[slot]))
            if best is None:
                return
            moved.add(best[1])
            orders.append(ground.move(best[1], best[2]))

    @staticmethod
    def _deviations(
        load: FloatArray, capacity: FloatArray, source: int, amount: float
    ) -> FloatArray:
        """(H,) deviation after the VM has gone to each host."""
        share = load / capacity
        share[source] -= amount / capacity[source]
        count, total, squares = len(share), share.sum(), (share**2).sum()
        more = amount / capacity
        mean = (total + more) / count
        square = (squares - share**2 + (share + more) ** 2) / count
        deviation: FloatArray = np.sqrt(np.maximum(square - mean**2, 0.0))
        return deviation

    def _pays(
        self,
        ground: Ground,
        load: FloatArray,
        capacity: FloatArray,
        ends: tuple[int, int],
        amount: float,
        copied: float,
    ) -> bool:
        """The cost-benefit filter: MiB times seconds on both sides."""
        source, target = ends
        short = max(load[source] - capacity[source], 0.0) + max(load[target] - capacity[target], 0)
        left = max(load[source] - amount - capacity[source], 0.0)
        left += max(load[target] + amount - capacity[target], 0.0)
        saved = short - left
        if saved < 0.0:
            return False
        if short == 0.0:
            # Nobody goes without: the good of the move is the headroom that it evens out.
            saved = min(amount, 0.5 * abs(load[source] - load[target]))
        speeds = ground.snapshot.hosts.vmotion_mbps
        speed = float(np.nan_to_num(speeds, nan=10_000.0).min()) * _MIBPS_PER_MBPS
        cost = 2.0 * copied * (copied / max(speed, 1.0))
        return bool(saved * self._stable_s > cost)


def demand_of(snapshot: Snapshot, idle: float = IDLE_SHARE) -> FloatArray:
    """(V,) memory demand: active, a share of what is consumed idle, and overhead, MiB."""
    vms = snapshot.vms
    active = np.nan_to_num(vms.active_mib)
    consumed = np.nan_to_num(vms.consumed_mib)
    demand = active + idle * np.maximum(consumed - active, 0.0)
    # An entitlement is within reservation and limit [Gulati et al., §3.1].
    demand = np.minimum(demand, vms.limit_mib)
    return demand + np.nan_to_num(vms.overhead_mib)


def usable(ground: Ground) -> FloatArray:
    """(H,) capacity that DRS balances against: what is left of the host for VMs, MiB."""
    return np.maximum(ground.capacity, 1.0)
