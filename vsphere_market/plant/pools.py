"""Resource pools: their settings divided among their VMs, and what can still be reserved in them.

Hosts know nothing of a cluster's pools; DRS hands each VM its part. Shares are divided among
siblings, level by level; a pool's reservation is divided among its VMs as far as they can use it,
its limit so that together they never exceed it.
"""

from __future__ import annotations

import numpy as np

from vsphere_market.plant import laws, reclaim
from vsphere_market.plant.fleet import Fleet
from vsphere_market.plant.inventory import Inventory
from vsphere_market.units import BoolArray, FloatArray


class Pools:
    """The pool trees of an estate.

    Attributes:
        divided: whether any pool has a limit or a reservation to divide.
    """

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self.regroup()
        self.reread()

    def _below(self, row: int) -> BoolArray:
        """(V,) VMs in a pool or in pools beneath it."""
        parent, inside = self._inventory.pool_parent, {row}
        # Parents come before their children.
        for child in range(row + 1, len(parent)):
            if int(parent[child]) in inside:
                inside.add(child)
        return np.isin(self._inventory.vm_pool, sorted(inside))

    def regroup(self) -> None:
        """Take anew which VMs are in which pool, after any of them went to another."""
        self._members = [self._below(row) for row in range(len(self._inventory.pools))]

    def reread(self) -> None:
        """Take the settings of the inventory's pools anew, after any of them changed."""
        pools = self._inventory.pools
        self._reservation = np.array([pool.reservation_mib for pool in pools])
        self._limit = np.array([pool.limit_mib for pool in pools])
        self._shares = np.array([pool.shares for pool in pools])
        self.divided = bool((self._reservation > 0.0).any() or np.isfinite(self._limit).any())

    def share_out(self, fleet: Fleet) -> None:
        """Set the fleet's shares: comparable among all VMs of a cluster."""
        inventory = self._inventory
        own = inventory.settings.shares * fleet.on
        siblings = laws.summed(own, inventory.vm_pool, len(self._shares))
        for row, parent in enumerate(inventory.pool_parent):
            # An empty pool competes with nobody.
            if parent >= 0 and (fleet.on & self._members[row]).any():
                siblings[parent] += self._shares[row]
        worth = np.zeros(len(self._shares))
        for row, parent in enumerate(inventory.pool_parent):
            if parent < 0:
                worth[row] = siblings[row]
            else:
                part = self._shares[row] / siblings[parent] if siblings[parent] > 0.0 else 0.0
                worth[row] = worth[parent] * part
        # In a pool without running VMs nothing is divided.
        per_share = np.where(siblings > 0.0, worth / np.maximum(siblings, 1e-9), 1.0)
        fleet.shares[:] = np.maximum(inventory.settings.shares * per_share[inventory.vm_pool], 1.0)

    def divide(self, fleet: Fleet, wish: FloatArray | None = None) -> None:
        """Set the fleet's reservations and limits from the VMs' own and their pools'."""
        settings = self._inventory.settings
        fleet.reservation[:] = settings.reservation
        fleet.limit[:] = settings.limit
        if not self.divided:
            return
        extra = np.zeros(len(fleet)) if wish is None else wish
        for row in range(len(self._shares) - 1, -1, -1):
            rows = np.flatnonzero(self._members[row] & fleet.on)
            if not len(rows):
                continue
            high = reclaim.claims(fleet.take(rows), extra[rows])
            low = np.minimum(fleet.reservation[rows], high)
            held = fleet.held()[rows]
            weight = laws.fair_weights(fleet.shares[rows], fleet.active[rows], held)
            one = np.zeros(len(rows), dtype=np.int64)
            if self._reservation[row] > low.sum():
                given = laws.waterfill(weight, low, high, one, self._reservation[row : row + 1])
                fleet.reservation[rows] = np.maximum(fleet.reservation[rows], given)
                low = np.minimum(fleet.reservation[rows], high)
            limit = self._limit[row]
            if np.isfinite(limit):
                given = laws.waterfill(weight, low, high, one, self._limit[row : row + 1])
                # What is left of the limit is headroom to grow into until the next division.
                spare = max(limit - float(given.sum()), 0.0)
                given = given + spare * weight / weight.sum()
                fleet.limit[rows] = np.minimum(fleet.limit[rows], given)

    def committed(self, fleet: Fleet) -> FloatArray:
        """(P,) what is reserved from each pool: by its VMs with overhead, and by child pools.

        A child takes its own reservation from its parent; an expandable one also what its members
        reserve beyond that.
        """
        inventory = self._inventory
        per_vm = (inventory.settings.reservation + fleet.overhead) * fleet.on
        used = laws.summed(per_vm, inventory.vm_pool, len(self._shares))
        for row in range(len(self._shares) - 1, -1, -1):
            parent = inventory.pool_parent[row]
            if parent >= 0:
                claim = self._reservation[row]
                if inventory.pools[row].expandable:
                    claim = max(claim, used[row])
                used[parent] += claim
        return used

    def unreserved(self, fleet: Fleet, cluster_mib: FloatArray) -> FloatArray:
        """(P,) what a VM in each pool can still reserve.

        Args:
            fleet: the VMs.
            cluster_mib: (C,) what each cluster can reserve in all.
        """
        inventory = self._inventory
        used = self.committed(fleet)
        free = np.zeros(len(self._shares))
        for row, parent in enumerate(inventory.pool_parent):
            if parent < 0:
                free[row] = cluster_mib[inventory.pool_cluster[row]] - used[row]
                continue
            own = max(self._reservation[row] - used[row], 0.0)
            free[row] = own
            if inventory.pools[row].expandable:
                free[row] += max(free[parent], 0.0)
            # A pool's limit bounds what can be reserved in it, borrowed or not.
            free[row] = min(free[row], self._limit[row] - used[row])
        return np.maximum(free, 0.0)
