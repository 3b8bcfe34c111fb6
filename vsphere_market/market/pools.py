"""Resource pools whose limits are below what their VMs hold."""

from __future__ import annotations

import numpy as np

from vsphere_market.market.ledger import Ledger
from vsphere_market.units import FloatArray, IndexArray


def held_in_pools(ledger: Ledger) -> FloatArray:
    """(P,) what the running VMs in each pool, and in those beneath it, would hold, MiB."""
    pools, vms = ledger.snapshot.pools, ledger.snapshot.vms
    held = np.where(ledger.host_of >= 0, ledger.terms.footprint + ledger.demand.overhead, 0.0)
    inside = np.zeros(len(pools))
    mine = vms.pool >= 0
    own = np.bincount(vms.pool[mine], weights=held[mine], minlength=len(pools))
    for pool in np.flatnonzero(own > 0).tolist():
        inside[_above(pools.parent, pool)] += own[pool]
    return inside


def pools_short(ledger: Ledger, inside: FloatArray) -> FloatArray:
    """(P,) what pools hold beyond what their limit lets them without ballooning; 0 for none.

    The root pool of a cluster stands for the cluster itself, and is left out.
    """
    pools = ledger.snapshot.pools
    over = inside - ledger.settings.balloon_from * pools.limit_mib
    limited = np.isfinite(pools.limit_mib) & (pools.limit_mib > 0) & (pools.parent >= 0)
    short: FloatArray = np.where(limited, np.maximum(over, 0.0), 0.0)
    return short


def limiting_pools(ledger: Ledger) -> IndexArray:
    """(V,) the pool, its own or one above, whose limit squeezes each VM most; -1 for none."""
    pools, vms = ledger.snapshot.pools, ledger.snapshot.vms
    if not np.isfinite(pools.limit_mib).any():
        return np.full(len(vms), -1)
    short = pools_short(ledger, held_in_pools(ledger))
    tightest = np.full(len(pools), -1)
    for pool in range(len(pools)):
        limiting = [one for one in _above(pools.parent, pool) if short[one] > 0]
        if limiting:
            tightest[pool] = max(limiting, key=lambda one: short[one])
    found: IndexArray = np.where(vms.pool >= 0, tightest[vms.pool], -1)
    return found


def _above(parent: np.ndarray, row: int) -> list[int]:
    """A pool and those above it; torn data may go round in a circle."""
    chain: list[int] = []
    while row >= 0 and row not in chain:
        chain.append(row)
        row = int(parent[row])
    return chain
