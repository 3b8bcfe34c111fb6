"""How far an action may go by itself, whatever it is about.

Modes are kept per VM. What concerns a host, a pool or a cluster concerns all VMs there, so the most
cautious of their modes holds for it.
"""

from __future__ import annotations

import numpy as np

from vsphere_market.estate import Snapshot
from vsphere_market.policy.rulebook import Mode, Rulebook, default_mode
from vsphere_market.port import (
    Action,
    ApplyRecommendation,
    ProvisionHost,
    SetPool,
    SuspendHost,
)
from vsphere_market.units import BoolArray


def concerned(action: Action, snapshot: Snapshot) -> BoolArray:
    """(V,) the VMs whose modes bear on an action: its own, or all of its cluster or pool."""
    vms = snapshot.vms
    match action:
        case SetPool():
            return np.isin(vms.pool, _beneath(action.pool.moid, snapshot))
        case SuspendHost() | ProvisionHost():
            row = snapshot.hosts.row(action.host.moid)
            cluster = int(snapshot.hosts.cluster[row]) if row >= 0 else -1
            here: BoolArray = (vms.cluster == cluster) & (cluster >= 0)
            # A host outside of clusters concerns the VMs that are registered there.
            return here if cluster >= 0 else (vms.host == row) & (row >= 0)
        case ApplyRecommendation():
            row = snapshot.clusters.row(action.cluster.moid)
            found: BoolArray = (vms.cluster == row) & (row >= 0)
            return found
        case _:
            mask = np.zeros(len(vms), dtype=np.bool_)
            row = vms.row(action.vm.moid)
            if row >= 0:
                mask[row] = True
            return mask


def mode_of(action: Action, rulebook: Rulebook, snapshot: Snapshot) -> Mode:
    """The most cautious mode for an action among the VMs that it concerns.

    Where it concerns none, such as an empty cluster, what holds without documents does.
    """
    modes = rulebook.modes[action.kind][concerned(action, snapshot)]
    return Mode(int(modes.min())) if len(modes) else default_mode(action.kind)


def _beneath(pool: str, snapshot: Snapshot) -> list[int]:
    """Rows of a pool and of all pools beneath it."""
    pools = snapshot.pools
    inside = {pools.row(pool)} - {-1}
    while True:
        more = {
            row
            for row in range(len(pools))
            if int(pools.parent[row]) in inside and row not in inside
        }
        if not more:
            return sorted(inside)
        inside |= more
