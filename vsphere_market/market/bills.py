"""What each VM pays, at the prices of now: its host for goods, and for limits that squeeze it.

A bill is price times amount, for every good, as of anything that is bought. A limit sells as a host
of its size would: what it makes ESXi balloon and swap has a price for each MiB, of the VM's own
limit and of that of each resource pool above it, and whoever holds memory below it pays for what
it holds. So a bill says how much of a VM's trouble is its host's, and how much a setting.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vsphere_market.market.ledger import Ledger
from vsphere_market.units import FloatArray


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
