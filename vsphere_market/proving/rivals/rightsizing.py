"""Rightsizing alone: every VM gets the size that a percentile of its own past asks for.

Sources: the Vertical Pod Autoscaler's recommender (decaying histogram of hourly peaks with a
half-life of 24 hours, 90th percentile plus 15 %, a dead band of 10 %, and after an out-of-memory
event the larger of 1.2 times the use and 100 MiB more); VMware Aria Operations 8 (hot-add aware:
what runs can only grow). It places nothing, and shrinks nothing, because memory cannot be taken out
of a running VM.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vsphere_market.demand import identities
from vsphere_market.estate import POWERED_ON, Snapshot
from vsphere_market.market.budgets import PastMove
from vsphere_market.port import ActionKind, Entity, SetMemory
from vsphere_market.proving.controller import PERIOD_S, Order

_HOUR_S = 3600.0


class Rightsizing:
    """Percentile of the past plus a margin, by hot-add.

    Args:
        percentile: of hourly peaks of active memory, 0 to 100.
        margin: added share.
        dead_band: least relative change that is worth a change.
        half_life_h: after so many hours a peak counts half.
        bump: factor after a sign of shortness inside the guest (its own paging).
        every_min: least minutes between two changes of a VM.
    """

    def __init__(
        self,
        percentile: float = 90.0,
        margin: float = 0.15,
        dead_band: float = 0.1,
        half_life_h: float = 24.0,
        bump: float = 1.2,
        every_min: float = 60.0,
    ) -> None:
        self.period_s = PERIOD_S
        self._percentile = percentile / 100.0
        self._margin = margin
        self._dead_band = dead_band
        self._half_life_h = half_life_h
        self._bump = bump
        self._every_s = 60.0 * every_min
        self._peaks: dict[str, dict[int, float]] = {}
        self._changed: dict[str, float] = {}

    def decide(
        self, snapshot: Snapshot, now_s: float, moves: Sequence[PastMove]
    ) -> Sequence[Order]:
        """Grow what the past says is too small."""
        vms, hour = snapshot.vms, int(now_s // _HOUR_S)
        orders = []
        for row, vm in self._seen(snapshot, hour):
            size, peaks = float(vms.size_mib[row]), self._peaks[vm]
            wanted = (1.0 + self._margin) * self.estimate(peaks, hour)
            resting = now_s - self._changed.get(vm, -np.inf) < self._every_s
            if resting or wanted <= (1.0 + self._dead_band) * size:
                continue
            to_mib = grown(snapshot, row, wanted)
            if to_mib > size:
                self._changed[vm] = now_s
                # What it asked for is history once it has been given.
                peaks.clear()
                entity = Entity(vms.moid[row], vms.name[row])
                action = SetMemory(entity, ActionKind.HOT_ADD, round(size), round(to_mib))
                orders.append(Order(action))
        return orders

    def watch(self, snapshot: Snapshot, now_s: float) -> None:
        """Remember peaks."""
        self._seen(snapshot, int(now_s // _HOUR_S))

    def _seen(self, snapshot: Snapshot, hour: int) -> list[tuple[int, str]]:
        """Enter the peaks of an hour; rows and identities of the VMs that have any."""
        vms, found = snapshot.vms, []
        used = np.fmax(vms.active_mib, vms.active_peak_mib)
        for row, vm in enumerate(identities(vms)):
            if vms.power[row] != POWERED_ON or np.isnan(used[row]):
                continue
            size, peak = float(vms.size_mib[row]), float(used[row])
            if np.nan_to_num(vms.guest_swap_kibps[row]) > 0.0 and peak > 0.5 * size:
                peak = max(self._bump * size, size + 100.0)
            peaks = self._peaks.setdefault(vm, {})
            peaks[hour] = max(peaks.get(hour, 0.0), peak)
            found.append((row, vm))
        return found

    def estimate(self, peaks: dict[int, float], hour: int) -> float:
        """The percentile of hourly peaks, each weighing half as much per half-life of age."""
        for old in [at for at in peaks if at < hour - 8 * 24]:
            del peaks[old]
        order = sorted(peaks, key=lambda at: peaks[at])
        weight = np.array([0.5 ** ((hour - at) / self._half_life_h) for at in order])
        place = int(np.searchsorted(np.cumsum(weight), self._percentile * weight.sum() - 1e-12))
        return peaks[order[min(place, len(order) - 1)]]


def grown(snapshot: Snapshot, row: int, wanted_mib: float) -> float:
    """The size that hot-add can reach towards a wanted one, MiB; the present one if none."""
    vms = snapshot.vms
    size = float(vms.size_mib[row])
    if not vms.hot_add_enabled[row]:
        return size
    step = max(float(np.nan_to_num(vms.hot_add_increment_mib[row], nan=128.0)), 4.0)
    ceiling = float(np.nan_to_num(vms.hot_add_limit_mib[row], nan=size))
    more = np.ceil((min(wanted_mib, ceiling) - size) / step) * step
    return size + max(float(more), 0.0) if size + more <= ceiling else size
