"""Who takes part: hosts that are awake, hosts that trade with each other, VMs that are to start."""

from __future__ import annotations

import dataclasses

import numpy as np

from vsphere_market.demand import Demand
from vsphere_market.demand.estimate import typical_overhead
from vsphere_market.estate import CONNECTED, HostTable, Snapshot
from vsphere_market.policy import Rulebook
from vsphere_market.units import BoolArray, FloatArray, IndexArray

STANDBY = "standBy"
#: A VM that is off is taken to use this share of its size once it runs, when nothing is remembered.
UNKNOWN_USE = 0.5
#: And to hold this share: a guest that has just started has not touched all that it has.
UNKNOWN_HOLD = 0.75


def awake(hosts: HostTable) -> BoolArray:
    """(H,) hosts that are not in standby."""
    return np.array([power != STANDBY for power in hosts.power], dtype=np.bool_)


def markets(snapshot: Snapshot, rulebook: Rulebook) -> IndexArray:
    """(H,) number of the market that each host sells on: its cluster, or clusters merged by policy.

    -1 for standalone hosts, which sell to their own VMs only.
    """
    number = np.arange(len(snapshot.clusters))
    for merged in rulebook.merged_clusters:
        rows = list(merged.clusters)
        if len(rows) > 1:
            number[np.isin(number, number[rows])] = number[rows].min()
    # Row -1, no cluster, finds the entry appended last.
    of_host: IndexArray = np.append(number, -1)[snapshot.hosts.cluster]
    return of_host


def wanted_on(snapshot: Snapshot, demand: Demand, rulebook: Rulebook) -> BoolArray:
    """(V,) VMs that are off although policy lets them be started, and not stopped, now."""
    vms = snapshot.vms
    off = np.array([power == "poweredOff" for power in vms.power], dtype=np.bool_)
    off &= np.array([link == CONNECTED for link in vms.connection], dtype=np.bool_)
    off &= np.array([not owner for owner in vms.managed_by], dtype=np.bool_)
    wanted: BoolArray = off & ~vms.template & (vms.cluster >= 0) & (vms.size_mib > 0)
    return wanted & rulebook.may_start & ~rulebook.may_stop & ~demand.running


def with_sleepers(demand: Demand, snapshot: Snapshot, wanted: BoolArray) -> Demand:
    """Demand that says of VMs that are off, and wanted on, what they will want once they run.

    They are not running in it, so that they take nothing yet.
    """
    rows = np.flatnonzero(wanted)
    if not len(rows):
        return demand
    size = snapshot.vms.size_mib[rows]
    known = demand.sizing.percentile(95.0)[rows]
    use = np.minimum(np.where(np.isnan(known), UNKNOWN_USE * size, known), size)
    hold = np.maximum(UNKNOWN_HOLD * size, use)

    def put(column: FloatArray, values: FloatArray) -> FloatArray:
        changed = column.copy()
        changed[rows] = values
        return changed

    return dataclasses.replace(
        demand,
        footprint=put(demand.footprint, hold),
        curve=put(demand.curve, use[:, None]),
        overhead=put(demand.overhead, typical_overhead(size)),
    )
