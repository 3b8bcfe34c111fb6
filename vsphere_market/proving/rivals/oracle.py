"""An oracle: it knows what every guest will really want from now on.

It is no rival but a yardstick: what it cannot cure, nobody is blamed for. It does not share the
market's engine, prices or estimates. Its measure of a placement is the true demand beyond a filling
level of each host, squared, over the time it looks ahead; it does the single move that lowers this
most per memory copied, again and again, as long as a move pays for itself. By default it looks one
hour ahead; tuning may let it look further, which makes it a stronger judge of what can be cured.

Where it may do more than move, it also lifts limits that squeeze, and gives a guest that is going
to outgrow its memory what it is going to want.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vsphere_market.estate import POWERED_ON, Snapshot
from vsphere_market.market.budgets import PastMove
from vsphere_market.port import ActionKind, Entity, SetMemory
from vsphere_market.proving.controller import PERIOD_S, Circumstances, Order
from vsphere_market.proving.foresight import Foresight
from vsphere_market.proving.ground import Ground
from vsphere_market.proving.rivals.rightsizing import grown
from vsphere_market.units import FloatArray

#: Seconds between the dates that it weighs, or more where it looks far ahead.
_DATE_S, _DATES = 300.0, 48
#: Share of a guest's memory that it keeps free before it pages, by the plant's own law.
_GUEST_FLOOR = 0.05


class Oracle:
    """Placement, and if allowed sizes, on true future demand.

    Args:
        circumstances: must hold the foresight.
        horizon_min: minutes that it looks ahead.
        fill: level, as a share of a host's usable memory, above which demand counts as pain.
        cost: what copying a MiB costs, in points; a point is a MiB of demand at 100 % of a host.
        landing: what a MiB costs besides when the target has no free memory for it.
        rest_min: minutes for which it leaves a VM alone that it has moved.
        moves: migrations per round at most.
    """

    def __init__(
        self,
        circumstances: Circumstances,
        horizon_min: float = 60.0,
        fill: float = 0.85,
        cost: float = 0.01,
        landing: float = 0.05,
        rest_min: float = 60.0,
        moves: float = 30,
    ) -> None:
        assert circumstances.foresight is not None, "an oracle is given the future"
        self.period_s = PERIOD_S
        self._kinds = circumstances.kinds
        self._future: Foresight = circumstances.foresight
        self._horizon_s = 60.0 * horizon_min
        self._fill = fill
        self._cost = cost
        self._landing = landing
        self._rest_s = 60.0 * rest_min
        self._moves = int(moves)

    def decide(
        self, snapshot: Snapshot, now_s: float, moves: Sequence[PastMove]
    ) -> Sequence[Order]:
        """Settings first, then moves."""
        working, _ = self._future.window(now_s, self._horizon_s)
        orders = self._settings(snapshot, working.max(axis=0))
        resting = {move.vm for move in moves if now_s - move.ended_s < self._rest_s}
        ground = Ground(snapshot)
        demand = dated(working) + np.nan_to_num(snapshot.vms.overhead_mib)
        demand = np.minimum(demand, snapshot.vms.size_mib) * (ground.host_of >= 0)
        for cluster in range(len(snapshot.clusters)):
            rows = np.flatnonzero(ground.fit & (snapshot.hosts.cluster == cluster))
            if len(rows) > 1:
                orders += self._place(ground, demand, rows, resting)
        return orders

    def pain(self, load: FloatArray, capacity: FloatArray) -> FloatArray:
        """Points of loads (T, …) on hosts of that capacity, averaged over the dates."""
        over = np.maximum(load / capacity - self._fill, 0.0) / (1.0 - self._fill)
        points: FloatArray = capacity * (over**2).mean(axis=0)
        return points

    def _place(
        self, ground: Ground, demand: FloatArray, rows: np.ndarray, resting: set[str]
    ) -> list[Order]:
        """Best moves first, ``demand`` being (T, V)."""
        snapshot = ground.snapshot
        hosts, vms = snapshot.hosts, snapshot.vms
        threshold = np.nan_to_num(hosts.low_free_threshold_mib)
        capacity = np.maximum(ground.capacity - threshold, 1.0)[rows]
        free = np.nan_to_num(hosts.memory_mib - hosts.consumed_mib - threshold)[rows]
        copied = np.nan_to_num(vms.consumed_mib + vms.overhead_mib)
        movable = [
            vm
            for vm in np.flatnonzero(ground.movable & np.isin(ground.host_of, rows)).tolist()
            if vms.moid[vm] not in resting
        ]
        load = np.stack([demand[:, ground.host_of == host].sum(axis=1) for host in rows], axis=1)
        orders: list[Order] = []
        while len(orders) < self._moves:
            now = self.pain(load, capacity)
            best: tuple[float, int, int] | None = None
            for vm in movable:
                source = int(np.flatnonzero(rows == ground.host_of[vm])[0])
                if now[source] <= 0.0:
                    continue
                left = self.pain(load[:, source] - demand[:, vm], capacity[source])
                then = self.pain(load + demand[:, vm : vm + 1], capacity)
                saved = float(now[source] - left) - (then - now)
                lacking = np.clip(copied[vm] - np.maximum(free, 0.0), 0.0, copied[vm])
                gain = saved - self._cost * copied[vm] - self._landing * lacking
                gain[~np.isin(rows, ground.targets(vm))] = -np.inf
                slot = int(gain.argmax())
                rate = float(gain[slot]) / max(copied[vm], 1.0)
                if gain[slot] > 0.0 and (best is None or rate > best[0]):
                    best = (rate, vm, slot)
            if best is None:
                break
            _, vm, slot = best
            source = int(np.flatnonzero(rows == ground.host_of[vm])[0])
            load[:, source] -= demand[:, vm]
            load[:, slot] += demand[:, vm]
            free[source] += copied[vm]
            free[slot] -= copied[vm]
            movable.remove(vm)
            orders.append(ground.move(vm, int(rows[slot])))
        return orders

    def _settings(self, snapshot: Snapshot, peak: FloatArray) -> list[Order]:
        """Lift limits, and grow what will be too small."""
        vms = snapshot.vms
        orders = []
        for row in range(len(vms)):
            if vms.power[row] != POWERED_ON:
                continue
            entity, size = Entity(vms.moid[row], vms.name[row]), float(vms.size_mib[row])
            if ActionKind.LIMIT in self._kinds and vms.limit_mib[row] < size:
                before = round(float(vms.limit_mib[row]))
                orders.append(Order(SetMemory(entity, ActionKind.LIMIT, before, None)))
            wanted = float(peak[row]) / (1.0 - 2.0 * _GUEST_FLOOR)
            if ActionKind.HOT_ADD in self._kinds and wanted > size:
                to_mib = grown(snapshot, row, wanted)
                if to_mib > size:
                    action = SetMemory(entity, ActionKind.HOT_ADD, round(size), round(to_mib))
                    orders.append(Order(action))
        return orders


def dated(working: FloatArray) -> FloatArray:
    """(T, V) largest values in equal parts of the time of (minutes, V)."""
    parts = min(max(len(working) * 60 // int(_DATE_S), 1), _DATES)
    return np.stack([part.max(axis=0) for part in np.array_split(working, parts)])
