"""What else hurts, beside dear hosts and guests that are short: charges of the potential.

None of them depends on where a VM lives, so quotes of hosts stay exact. Each is about a fact that
is seen now, is charged once, and falls when the one setting that causes it is put right:

* *guest paging under a balloon*: a guest pages while its balloon is filled. Each MiB that the
  balloon may still take beyond half of what it holds is charged;
* *shares against priorities*: on a host that lacks memory, ESXi takes from those with the fewest
  shares for what they hold. A VM that policy values more than a sibling in its pool, and that has
  fewer shares per MiB, is charged for what it stands to lose;
* *pools squeezed by their limit*: as for a VM with a limit, over all that run below the pool;
* *waiting for storage*: requests that wait in datastores, and what comes back from swap, times the
  latency of where it lies (``storage``);
* *rent* of hosts that are awake and may rest, and *absence* of VMs that are off and wanted on.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from vsphere_market.demand import Demand
from vsphere_market.estate import Snapshot
from vsphere_market.market.goods import BALLOON_MAX_SHARE, balloon_curve, swap_curve
from vsphere_market.market.settings import MarketSettings
from vsphere_market.market.storage import StoreBoard
from vsphere_market.policy import Rulebook
from vsphere_market.units import BoolArray, FloatArray, IndexArray

if TYPE_CHECKING:
    from vsphere_market.market.ledger import Terms

#: Ballooned less than this share of the size does not make a guest page.
NOTICEABLE_SHARE = 0.01


class Charges:
    """The charges of one estate; what is seen of it does not change while it is traded.

    Args:
        snapshot: the estate.
        demand: of its VMs.
        rulebook: how much VMs matter.
        settings: what is charged.
        ours: (V,) VMs that are traded.
        market: (H,) which hosts trade with each other.

    Attributes:
        paging: (V,) guests that page while their balloon is filled.
        due_rate: (V,) shares per MiB that a VM should have at least; 0 where nothing is wrong.
        below: for each pool with a limit, the rows of the VMs that run in it or below it.
        stores: what datastores sell.
        rents: (H,) points of each host while it is awake; 0 where it may not rest.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        demand: Demand,
        rulebook: Rulebook,
        settings: MarketSettings,
        ours: BoolArray,
        market: IndexArray,
    ) -> None:
        vms = snapshot.vms
        self._settings = settings
        self._priority = rulebook.priority
        self._balloon = balloon_curve(settings)
        self._swap = swap_curve(settings)
        self.ballooned: FloatArray = np.nan_to_num(vms.ballooned_mib)
        paging = np.nan_to_num(vms.guest_swap_kibps) > 0
        self.paging: BoolArray = ours & paging & (self.ballooned > NOTICEABLE_SHARE * vms.size_mib)
        self.due_rate: FloatArray = _due_rates(snapshot, demand, rulebook, ours, market)
        self.below = {
            pool: _running_below(snapshot, demand, pool)
            # The limit of a root pool is what the cluster has, and nobody's setting.
            for pool in np.flatnonzero(
                np.isfinite(snapshot.pools.limit_mib) & (snapshot.pools.parent >= 0)
            ).tolist()
        }
        switchable = rulebook.host_may_suspend | rulebook.host_may_provision
        self.rents: FloatArray = settings.host_rent * snapshot.hosts.memory_mib * switchable
        self.stores = StoreBoard(snapshot, settings, ours, rulebook.priority, demand.storage)

    def of_vms(self, rows: IndexArray, terms: Terms) -> FloatArray:
        """Points (n,) of VMs ``rows`` for paging under a balloon and for shares too few."""
        settings, size = self._settings, terms.size[rows]
        default = BALLOON_MAX_SHARE * size
        cap = np.where(np.isnan(terms.cap[rows]), default, np.minimum(terms.cap[rows], default))
        over = np.maximum(np.minimum(cap, self.ballooned[rows]) - 0.5 * self.ballooned[rows], 0.0)
        points = np.where(self.paging[rows], settings.paging_cost * over, 0.0)
        due = self.due_rate[rows]
        rate = np.nan_to_num(terms.shares[rows]) / np.maximum(size, 1.0)
        short = np.maximum(1.0 - rate / np.where(due > 0.0, due, 1.0), 0.0)
        points = points + np.where(due > 0.0, settings.shares_cost * short * size, 0.0)
        charged: FloatArray = self._priority[rows] * points
        return charged

    def absence(self, rows: IndexArray, terms: Terms) -> FloatArray:
        """Points (n,) of VMs ``rows`` while they are off and wanted on."""
        points: FloatArray = self._settings.absent_cost * self._priority[rows] * terms.size[rows]
        return points

    def of_pools(self, limits: FloatArray, squeezable: FloatArray) -> float:
        """Points of pools whose ``limits`` (P,) are below what runs in them, (V, 2) MiB."""
        return sum(self.of_pool(pool, float(limits[pool]), squeezable) for pool in self.below)

    def of_pool(self, pool: int, limit: float, squeezable: FloatArray) -> float:
        """The same of one pool."""
        rows = self.below.get(pool)
        if rows is None or math.isinf(limit) or not len(rows):
            return 0.0
        give = max(limit, 1.0)
        held, pinned = squeezable[rows].sum(axis=0)
        load = np.array([held / give, pinned / give])
        weight = self._pool_weight(rows, squeezable)
        points = self._balloon.integral(load[:1])[0] + self._swap.integral(load[1:])[0]
        return weight * give * float(points)

    def _pool_weight(self, rows: IndexArray, squeezable: FloatArray) -> float:
        """How much what a pool holds matters; VMs that were stopped hold nothing."""
        held = squeezable[rows, 0]
        total = float(held.sum())
        return float(held @ self._priority[rows]) / total if total > 0.0 else 0.0

    def limit_price(self, limit: float, held: FloatArray) -> FloatArray:
        """(2,) points a MiB of what is held under a limit, (2,) MiB in all and beyond balloons."""
        give = max(limit, 1.0)
        price: FloatArray = np.concatenate(
            [self._balloon.price(held[:1] / give), self._swap.price(held[1:] / give)]
        )
        return price

    def pool_price(self, pool: int, limit: float, squeezable: FloatArray) -> FloatArray:
        """(2,) the same of a pool, whose VMs hold (V, 2) MiB; 0 where nothing limits it."""
        rows = self.below.get(pool)
        if rows is None or math.isinf(limit) or not len(rows):
            return np.zeros(2)
        weight = self._pool_weight(rows, squeezable)
        price: FloatArray = weight * self.limit_price(limit, squeezable[rows].sum(axis=0))
        return price

    def of_stores(self, store: IndexArray) -> float:
        """Points of waiting for datastores with VMs' files on datastores ``store`` (V,)."""
        return self.stores.cost(store)


def _due_rates(
    snapshot: Snapshot,
    demand: Demand,
    rulebook: Rulebook,
    ours: BoolArray,
    market: IndexArray,
) -> FloatArray:
    """(V,) shares per MiB for VMs that matter more than a sibling and have no more than it has."""
    vms, priority = snapshot.vms, rulebook.priority
    due: FloatArray = np.zeros(len(vms))
    known = ours & np.isfinite(vms.shares) & (vms.shares > 0) & (vms.size_mib > 0)
    lacking = _lacking(snapshot, demand, market)
    home = np.where(vms.host >= 0, vms.host, -1)
    # Host -1 finds the entry appended last.
    known &= np.append(lacking, False)[home]
    if not known.any() or np.ptp(priority[known]) == 0.0:
        return due
    rate = vms.shares / np.maximum(vms.size_mib, 1.0)
    for pool in np.unique(vms.pool[known]).tolist():
        rows = np.flatnonzero(known & (vms.pool == pool))
        order = rows[np.argsort(priority[rows], kind="stable")]
        worth = np.maximum.accumulate(rate[order] / priority[order])
        top = np.maximum.accumulate(rate[order])
        for at, vm in enumerate(order.tolist()):
            less = int(np.searchsorted(priority[order], priority[vm], side="left"))
            if less and at >= less and top[less - 1] >= rate[vm]:
                due[vm] = worth[less - 1] * priority[vm]
    return due


def _lacking(snapshot: Snapshot, demand: Demand, market: IndexArray) -> BoolArray:
    """(H,) hosts from whose VMs something is taken now, and those that such VMs may move to."""
    lacking = np.zeros(len(snapshot.hosts), dtype=np.bool_)
    taken = demand.running & (demand.taken > NOTICEABLE_SHARE * snapshot.vms.size_mib)
    homes = snapshot.vms.host[taken & (snapshot.vms.host >= 0)]
    lacking[homes] = True
    trading = np.unique(market[lacking])
    return lacking | np.isin(market, trading[trading >= 0])


def _running_below(snapshot: Snapshot, demand: Demand, pool: int) -> IndexArray:
    """Rows of the running VMs in a pool or in one below it."""
    parent = snapshot.pools.parent
    inside = np.zeros(len(parent) + 1, dtype=np.bool_)
    inside[pool] = True
    for _ in range(len(parent)):
        grown = inside.copy()
        grown[:-1] |= inside[parent] & (parent >= 0)
        if np.array_equal(grown, inside):
            break
        inside = grown
    return np.flatnonzero(demand.running & inside[snapshot.vms.pool] & (snapshot.vms.pool >= 0))
