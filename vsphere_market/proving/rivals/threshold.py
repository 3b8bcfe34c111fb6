"""Threshold spreading, the ProxLB way.

ProxLB (github.com/gyptazy/ProxLB, version 2) compares the hosts' used memory in percent; while
fullest and emptiest differ by more than ``balanciness`` (10 points by default), it takes the guest
that uses most from the fullest host to the emptiest. It has no cool-down and asks for no benefit;
its guard against filling the target is a reserve of memory on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from vsphere_market.estate import Snapshot
from vsphere_market.market.budgets import PastMove
from vsphere_market.proving.controller import PERIOD_S, Order
from vsphere_market.proving.ground import Ground, held
from vsphere_market.proving.rivals.drs import demand_of
from vsphere_market.units import FloatArray


class Threshold:
    """Largest VM from fullest to emptiest host until their spread is below a bound.

    Args:
        bound_pct: largest tolerated difference between the fullest and the emptiest host.
        metric: what "used" is: ``consumed``, ``active`` or ``assigned`` (ProxLB's methods
            "memory used" by the host's view, by the guest's, and "assigned"), or ``demand``, active
            plus a quarter of idle.
        moves: at most so many per round; ProxLB has no such limit, so 1000 is none.
    """

    WORDS: ClassVar = {"metric": ("consumed", "active", "assigned", "demand")}

    def __init__(
        self, bound_pct: float = 10.0, metric: str = "consumed", moves: float = 1000
    ) -> None:
        self.period_s = PERIOD_S
        self._bound = bound_pct / 100.0
        self._metric = metric
        self._moves = int(moves)

    def decide(
        self, snapshot: Snapshot, now_s: float, moves: Sequence[PastMove]
    ) -> Sequence[Order]:
        """Spread until the bound is kept or no VM fits."""
        ground = Ground(snapshot)
        used = self._used(snapshot)
        orders: list[Order] = []
        for cluster in range(len(snapshot.clusters)):
            rows = np.flatnonzero(ground.fit & (snapshot.hosts.cluster == cluster))
            if len(rows) > 1:
                self._spread(ground, used, rows, orders)
        return orders

    def _spread(
        self, ground: Ground, used: FloatArray, rows: np.ndarray, orders: list[Order]
    ) -> None:
        memory = ground.snapshot.hosts.memory_mib
        base = np.nan_to_num(ground.snapshot.hosts.vmkernel_mib)
        moved = np.zeros(len(used), dtype=np.bool_)
        while len(orders) < self._moves:
            filled = base + ground.total(used)
            share = (filled / memory)[rows]
            full, empty = int(rows[share.argmax()]), int(rows[share.argmin()])
            if share.max() - share.min() <= self._bound:
                return
            here = np.flatnonzero((ground.host_of == full) & ground.movable & ~moved)
            for vm in here[np.argsort(-used[here], kind="stable")].tolist():
                # A move that would make the emptiest host fuller than the fullest mends nothing.
                over = (filled[empty] + used[vm]) / memory[empty] >= filled[full] / memory[full]
                if not over and empty in ground.targets(vm):
                    orders.append(ground.move(vm, empty))
                    moved[vm] = True
                    break
            else:
                return

    def _used(self, snapshot: Snapshot) -> FloatArray:
        vms = snapshot.vms
        match self._metric:
            case "active":
                return np.nan_to_num(vms.active_mib)
            case "assigned":
                return vms.size_mib.copy()
            case "demand":
                return demand_of(snapshot)
            case _:
                return np.nan_to_num(held(snapshot))
