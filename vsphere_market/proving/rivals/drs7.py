"""DRS since vSphere 7.0: every VM is scored on every host, every minute.

Sources: "vSphere 7 - A Closer Look at the VM DRS Score", VMware vSphere blog, May 2020 (a score per
VM and host once a minute; cost of memory is reclamation and want of headroom for bursts; the
cost of moving is part of it; a VM moves when another host scores better); the client lists granted,
swapped and ballooned memory as what the score of memory stands on.

The formula itself is not published. It is read here as: what share of the memory that the host's
VMs hold would the host have to take back, and how much of its headroom is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from vsphere_market.estate import Snapshot
from vsphere_market.market.budgets import PastMove
from vsphere_market.proving.controller import Order
from vsphere_market.proving.ground import Ground
from vsphere_market.units import FloatArray


class Drs7:
    """DRS 7 style VM scores.

    Args:
        margin: points, of 100, by which another host must be better; the migration threshold.
        metric: ``granted`` is what the host gave; ``demand`` adds what was taken by balloon and
            swap; ``active`` counts active memory alone.
        headroom_from: load of a host above which bursts no longer find room.
        headroom_points: points lost between there and a full host.
        cost_per_gib: points that moving a GiB costs.
        moves: migrations per round at most.
    """

    WORDS: ClassVar = {"metric": ("granted", "demand", "active")}

    def __init__(
        self,
        margin: float = 5.0,
        metric: str = "granted",
        headroom_from: float = 0.7,
        headroom_points: float = 20.0,
        cost_per_gib: float = 0.02,
        moves: float = 4,
    ) -> None:
        self.period_s = 60.0
        self._margin = margin
        self._metric = metric
        self._from = headroom_from
        self._points = headroom_points
        self._cost = cost_per_gib
        self._moves = int(moves)

    def decide(
        self, snapshot: Snapshot, now_s: float, moves: Sequence[PastMove]
    ) -> Sequence[Order]:
        """Move the VMs that gain most, each at most once."""
        ground = Ground(snapshot)
        amount = self._amount(snapshot)
        threshold = np.nan_to_num(snapshot.hosts.low_free_threshold_mib)
        capacity = np.maximum(ground.capacity - threshold, 1.0)
        cost = self._cost * np.nan_to_num(snapshot.vms.granted_mib) / 1024.0
        orders: list[Order] = []
        vms = np.flatnonzero(ground.movable & (ground.host_of >= 0))
        while len(orders) < self._moves and len(vms):
            load = ground.total(amount)
            here = self.score(load / capacity)[ground.host_of[vms]]
            there = self.score((load + amount[vms, None]) / capacity)
            there[~ground.reach(vms)] = -np.inf
            best = there.argmax(axis=1)
            gain = there[np.arange(len(vms)), best] - here - cost[vms]
            at = int(gain.argmax())
            if not gain[at] > self._margin:
                break
            orders.append(ground.move(int(vms[at]), int(best[at])))
            vms = np.delete(vms, at)
        return orders

    def score(self, load: FloatArray | float) -> FloatArray:
        """Points of 100 that a VM has on a host with that load, its own share included."""
        share = np.asarray(load, dtype=np.float64)
        kept = np.minimum(1.0, 1.0 / np.maximum(share, 1e-9))
        gone = np.clip((share - self._from) / (1.0 - self._from), 0.0, 1.0)
        points: FloatArray = 100.0 * kept * (1.0 - self._points / 100.0 * gone)
        return points

    def _amount(self, snapshot: Snapshot) -> FloatArray:
        vms = snapshot.vms
        overhead = np.nan_to_num(vms.overhead_mib)
        if self._metric == "active":
            return np.nan_to_num(vms.active_mib) + overhead
        granted = np.nan_to_num(vms.granted_mib) + overhead
        if self._metric == "granted":
            return granted
        return granted + np.nan_to_num(vms.ballooned_mib) + np.nan_to_num(vms.swapped_mib)
