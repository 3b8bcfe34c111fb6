"""What pools and clusters have left to reserve, as vCenter's admission control counts it."""

from __future__ import annotations

import numpy as np

from vsphere_market.market.goods import Space
from vsphere_market.market.ledger import Ledger
from vsphere_market.units import FloatArray


def unreserved(ledger: Ledger) -> FloatArray:
    """(P,) MiB that each pool has left to reserve, NaN where vCenter did not tell."""
    vms, pools = ledger.snapshot.vms, ledger.snapshot.pools
    left: FloatArray = pools.unreserved_mib + ledger.lent
    nested = pools.parent >= 0
    np.subtract.at(left, pools.parent[nested], ledger.lent[nested])
    inside = vms.pool >= 0
    given = ledger.terms.reservation - np.nan_to_num(vms.reservation_mib)
    np.subtract.at(left, vms.pool[inside], given[inside])
    return left


def spare_for_reservations(ledger: Ledger, cluster: int) -> float:
    """MiB of a cluster that may still be reserved; HA admission control keeps its share."""
    clusters, hosts = ledger.snapshot.clusters, ledger.snapshot.hosts
    if cluster < 0 or not (clusters.ha_enabled[cluster] and clusters.ha_admission_control[cluster]):
        return float("inf")
    mine = (hosts.cluster == cluster) & ledger.supply.fit
    physical = ledger.supply.space[:, Space.ADMITTED]
    total = float(physical[mine].sum())
    share = clusters.ha_reserve_memory_pct[cluster]
    level = clusters.ha_failover_level[cluster]
    kept = 0.0
    if not np.isnan(share):
        kept = total * float(share) / 100.0
    elif not np.isnan(level) and level > 0 and mine.any():
        kept = float(np.sort(physical[mine])[::-1][: int(level)].sum())
    return total - kept - float(ledger.occupied[mine, Space.ADMITTED].sum())
