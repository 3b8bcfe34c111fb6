"""Datastores sell requests: what waiting for them costs, by how many each serves and could serve.

A datastore is taken for a station that serves ``side_by_side`` requests at once. From what it is
seen to serve (λ, requests per second) and how long that takes (L), Little's law gives how many wait
in it, N = λL, and the delay curve of ``curves`` (of an M/M/1 server) gives at which load ρ as many
wait, q F(ρ) = N; so what it could serve is μ = λ / ρ. With other requests λ' it then has q F(λ'/μ)
waiting. Latency and IOPS are thus one good with one price, and throughput is counted in: ESXi
counts a request of more than 32 KiB as several.

Where latency is told and requests are not, latency is what it is, whoever comes or goes. Where
latency is not told, nothing is sold. λ and L are what is usual, as far as that is remembered
(``demand.storage``), else what the last minutes showed. ``docs/design/price.md``, *Storage*.
"""

from __future__ import annotations

import numpy as np

from vsphere_market.demand import Usual, usual_storage
from vsphere_market.demand.storage import swapping
from vsphere_market.estate import Snapshot
from vsphere_market.market.curves import DelayCurve
from vsphere_market.market.settings import MarketSettings
from vsphere_market.units import KIB_PER_MIB, BoolArray, FloatArray, IndexArray

#: Swap moves pages, one a request.
PAGE_KIB = 4.0
#: No datastore answers sooner than this, ms.
LEAST_MS = 0.05


class StoreBoard:
    """Requests to the datastores of one estate; D datastores, V VMs.

    Args:
        snapshot: the estate; what it shows does not change while it is traded.
        settings: what waiting costs.
        ours: (V,) VMs that are traded.
        priority: (V,) how much they matter.
        usual: what storage usually does; None for what the snapshot shows. VMs beyond those that
            it knows ask what the snapshot shows.

    Attributes:
        usual: what was said of that.
        home: (V,) the home datastore of each VM before any trade; -1 for unknown.
        swap_mibps: (V,) what comes back from swap there or is written to it, MiB/s.
        asks: (V,) requests per second to what a VM has there, which come and go with it.
        seen: (D,) requests per second that are served; 0 where that is not told.
        latency_ms: (D,) that is seen; NaN for unknown.
        capacity: (D,) requests per second that could be served; NaN for unknown.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        settings: MarketSettings,
        ours: BoolArray,
        priority: FloatArray,
        usual: Usual | None = None,
    ) -> None:
        vms = snapshot.vms
        self._settings = settings
        self._curve = DelayCurve(settings.knee)
        self._priority = priority
        self.home: IndexArray = vms.home_datastore
        self.swap_mibps: FloatArray = np.where(ours, swapping(vms), 0.0)
        seen = usual_storage(snapshot)
        self.usual = usual = usual or seen
        own = np.concatenate([usual.asked, seen.asked[len(usual.asked) :]])
        swaps = self.swap_mibps * (KIB_PER_MIB / PAGE_KIB)
        self.asks: FloatArray = np.where(ours, np.nan_to_num(own), 0.0) + swaps
        told = np.isfinite(usual.served)
        self.seen: FloatArray = np.nan_to_num(usual.served)
        self.latency_ms: FloatArray = np.maximum(usual.latency_ms, LEAST_MS)
        self.capacity: FloatArray = np.where(told, self._capacity(), np.nan)

    def load(self, store: IndexArray) -> FloatArray:
        """(D,) requests per second with the files of VMs on datastores ``store`` (V,)."""
        load = self.seen.copy()
        moved = np.flatnonzero((store != self.home) & (store >= 0) & (self.home >= 0))
        np.subtract.at(load, self.home[moved], self.asks[moved])
        np.add.at(load, store[moved], self.asks[moved])
        kept: FloatArray = np.maximum(load, 0.0)
        return kept

    def latency(self, load: FloatArray) -> FloatArray:
        """(D,) ms that a request takes at loads (D,): as seen where requests are not told."""
        return self._wait(load, np.arange(len(load)))[1]

    def price(self, load: FloatArray) -> FloatArray:
        """(D,) points for one more request per second; NaN where it cannot be told."""
        settings = self._settings
        each = settings.request_cost * settings.side_by_side / self.capacity
        price: FloatArray = each * self._curve.price(load / self.capacity)
        return price

    def cost(self, store: IndexArray) -> float:
        """Points of all waiting with the files of VMs on datastores ``store`` (V,)."""
        if not len(self.seen):
            return 0.0
        return float(self._points(self.load(store), self._swap(store)).sum())

    def cost_of_homes(self, store: IndexArray, vm: int) -> FloatArray:
        """(D,) points of all waiting with one VM's files on each datastore in turn."""
        elsewhere = store.copy()
        home, now = int(self.home[vm]), int(store[vm])
        load, swap = self.load(store), self._swap(store)
        load[now] -= self.asks[vm]
        load, weight = np.maximum(load, 0.0), float(self._priority[vm] * self.swap_mibps[vm])
        swap[now] = max(swap[now] - weight, 0.0)
        without = self._points(load, swap)
        more = np.full(len(load), self.asks[vm])
        with_it = self._points(load + more, swap + weight)
        points: FloatArray = without.sum() - without + with_it
        # At home exactly what is seen, not what the sum of parts comes to.
        for row in {home, now}:
            elsewhere[vm] = row
            points[row] = self.cost(elsewhere)
        return points

    def relief(self, store: IndexArray) -> FloatArray:
        """(V,) points that a VM's leaving its datastore would save at most."""
        if not len(self.seen):
            return np.zeros(len(store))
        load, swap = self.load(store), self._swap(store)
        at = np.maximum(store, 0)
        left = np.maximum(load[at] - self.asks, 0.0)
        weight = np.maximum(swap[at] - self._priority * self.swap_mibps, 0.0)
        now = self._points(load, swap)[at]
        saved = now - self._points_at(left, weight, at)
        relief: FloatArray = np.where((store >= 0) & np.isfinite(self.latency_ms[at]), saved, 0.0)
        return relief

    # -- inside ------------------------------------------------------------------------------

    def _capacity(self) -> FloatArray:
        """(D,) requests per second, from what is served and how long it takes."""
        queue = self._settings.side_by_side
        waiting = self.seen * self.latency_ms / 1000.0 / queue
        used = self._curve.load_at(waiting)
        idle = 1000.0 * queue / self.latency_ms
        some = used > 1e-9
        capacity: FloatArray = np.where(some, self.seen / np.where(some, used, 1.0), idle)
        return capacity

    def _swap(self, store: IndexArray) -> FloatArray:
        """(D,) MiB/s of swapping to each datastore, by how much the VMs matter."""
        there = store >= 0
        weights = (self._priority * self.swap_mibps)[there]
        swap = np.bincount(store[there], weights=weights, minlength=len(self.seen))
        return swap.astype(np.float64)

    def _points(self, load: FloatArray, swap: FloatArray) -> FloatArray:
        return self._points_at(load, swap, np.arange(len(load)))

    def _points_at(self, load: FloatArray, swap: FloatArray, at: IndexArray) -> FloatArray:
        """(n,) points of datastores ``at`` (n,) with loads (n,) and swapping (n,)."""
        waiting, latency = self._wait(load, at)
        points: FloatArray = self._settings.request_cost * waiting
        return points + self._settings.slow_swap_cost * swap * np.nan_to_num(latency)

    def _wait(self, load: FloatArray, at: IndexArray) -> tuple[FloatArray, FloatArray]:
        """(n,) requests that wait in datastores ``at`` (n,) at loads (n,), and ms that each takes.

        None wait, for all that is known, where requests are not told.
        """
        queue, capacity = self._settings.side_by_side, self.capacity[at]
        known = np.isfinite(capacity)
        used = np.where(known, load / np.where(known, capacity, 1.0), 0.0)
        waiting = queue * self._curve.integral(used)
        # Requests that find nobody take 1/μ each, q at once.
        some = used > 1e-9
        slower = np.where(some, waiting / (queue * np.where(some, used, 1.0)), 1.0)
        modelled = 1000.0 * queue * slower / np.where(known, capacity, 1.0)
        return waiting, np.where(known, modelled, self.latency_ms[at])
