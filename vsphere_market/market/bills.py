"""What each VM pays, at the prices of now: its host for goods, and for limits that squeeze it.

A bill is price times amount, for every good, as of anything that is bought. A limit sells as a host
of its size would: what it makes ESXi balloon and swap has a price for each MiB, of the VM's own
limit and of that of each resource pool above it, and whoever holds memory below it pays for what
it holds. So a bill says how much of a VM's trouble is its host's, and how much a setting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vsphere_market.market.ledger import Ledger
from vsphere_market.units import FloatArray


@dataclass(frozen=True, slots=True)
class Bill:
    """What somebody pays, points.

    Attributes:
        goods: for every good at the prices of the hosts where it is taken.
        limit: for memory limits of VMs.
        pool: for limits of resource pools.
    """

    goods: float
    limit: float
    pool: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.goods + self.limit + self.pool


@dataclass(frozen=True, slots=True)
class PoolBill:
    """What a resource pool's VMs pay; pools within pools are part of it.

    Attributes:
        pool: its row in the snapshot's table of pools.
        rows: the VMs that run in it or below it.
        bill: what they pay, of limits of pools for its own alone.
    """

    pool: int
    rows: tuple[int, ...]
    bill: Bill


@dataclass(frozen=True, slots=True, eq=False)
class Bills:
    """Points, (V,) each; 0 where a VM pays nothing.

    Attributes:
        goods: for what it takes of every good at the prices of its host.
        limit: for its own memory limit.
        pool: for the limits of resource pools that it runs below.
    """

    goods: FloatArray
    limit: FloatArray
    pool: FloatArray

    @property
    def total(self) -> FloatArray:
        """All of it."""
        total: FloatArray = self.goods + self.limit + self.pool
        return total

    def of(self, rows: Sequence[int]) -> Bill:
        """What VMs ``rows`` pay together."""
        at = np.array(rows, dtype=np.int64)
        return Bill(*(float(part[at].sum()) for part in (self.goods, self.limit, self.pool)))


def goods_paid(ledger: Ledger, vm: int) -> tuple[tuple[str, float], ...]:
    """The goods that a VM pays for, by name, with the points for each; the dearest first."""
    host = int(ledger.host_of[vm])
    if host < 0:
        return ()
    paid = ledger.supply.price(ledger.load)[host] * ledger.taken[vm]
    parts = [(good.name, float(paid[good.columns].sum())) for good in ledger.supply.goods]
    return tuple(sorted(parts, key=lambda part: -part[1]))


def pool_bills(ledger: Ledger, bills: Bills) -> tuple[PoolBill, ...]:
    """The bills of resource pools that have a VM running in or below them, the dearest first.

    Root pools are left out: theirs is that of the cluster.
    """
    pools = ledger.snapshot.pools
    held = ledger.squeezable(np.arange(len(ledger.host_of)), ledger.terms)
    running: dict[int, list[int]] = {}
    for vm in np.flatnonzero(ledger.host_of >= 0).tolist():
        pool = int(ledger.snapshot.vms.pool[vm])
        passed: set[int] = set()
        # A file may have pools that are their own ancestors.
        while pool >= 0 and pools.parent[pool] >= 0 and pool not in passed:
            running.setdefault(pool, []).append(vm)
            passed.add(pool)
            pool = int(pools.parent[pool])
    found = []
    for pool, rows in running.items():
        below = ledger.charges.below.get(pool)
        own = 0.0
        if below is not None and len(below):
            asked = ledger.charges.pool_price(pool, float(ledger.pools[pool]), held)
            own = float((held[below] @ asked).sum())
        of_vms = bills.of(rows)
        found.append(PoolBill(pool, tuple(rows), Bill(of_vms.goods, of_vms.limit, own)))
    return tuple(sorted(found, key=lambda one: (-one.bill.total, one.pool)))


def bills_of(ledger: Ledger) -> Bills:
    """The bills of all VMs that run; of one without a host there is none."""
    on = ledger.host_of >= 0
    price = ledger.supply.price(ledger.load)
    if not len(price):
        nothing = np.zeros(len(on))
        return Bills(nothing, nothing, nothing)
    home = np.where(on, ledger.host_of, 0)
    goods = (price[home] * ledger.taken).sum(axis=1)
    every = np.arange(len(on))
    held = ledger.squeezable(every, ledger.terms)
    limit, pool = np.zeros(len(on)), np.zeros(len(on))
    terms = ledger.terms
    limited = np.flatnonzero(ledger.ours & (terms.limit < terms.size))
    hard = np.maximum(ledger.demand.wanted[limited], ledger.unballooned(limited, terms))
    for row, kept in zip(limited.tolist(), hard.tolist(), strict=True):
        # Not what the limit lets it hold, but what it would hold without.
        wants = np.array([terms.footprint[row], kept])
        asked = ledger.charges.limit_price(float(terms.limit[row]), wants)
        limit[row] = ledger.rulebook.priority[row] * float(wants @ asked)
    for row, below in ledger.charges.below.items():
        asked = ledger.charges.pool_price(row, float(ledger.pools[row]), held)
        pool[below] += held[below] @ asked
    return Bills(*(np.where(on, part, 0.0) for part in (goods, limit, pool)))
