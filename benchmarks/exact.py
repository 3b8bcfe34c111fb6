"""The true optimum of small estates, found by HiGHS.

The potential is not linear in the placement, so the exact problem is a set partitioning: one binary
variable for every host and every set of VMs that could live there, with that set's exact cost; each
VM is in one chosen set, each host chooses one. 2**VMs sets per host: for up to about a dozen VMs.
"""

from __future__ import annotations

import itertools
from typing import Any

import highspy
import numpy as np

from vsphere_market.market.ledger import Ledger
from vsphere_market.market.placement import Marketplace


def optimum(ledger: Ledger, place: Marketplace) -> float:
    """The least potential of the estate over all placements of one cluster's VMs, in points.

    The cluster must be the whole market; rules and room are not looked at, so a plan can only be
    further away than this says.
    """
    hosts, vms = place.hosts, place.vms
    allowed = place.possible()
    taken = ledger.taken[vms]
    fixed = ledger.load[hosts].copy()
    np.subtract.at(fixed, np.searchsorted(hosts, ledger.host_of[vms]), taken)
    now = float(ledger.supply.cost(ledger.load[hosts], hosts).sum())
    sets = np.array(list(itertools.product((False, True), repeat=len(vms))), dtype=np.bool_)
    loads = sets @ taken
    solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("mip_rel_gap", 0.0)
    solver.setOptionValue("mip_abs_gap", 0.0)
    of_host: list[list[Any]] = [[] for _ in hosts]
    of_vm: list[list[Any]] = [[] for _ in vms]
    for slot, host in enumerate(hosts.tolist()):
        cost = ledger.supply.cost(np.maximum(fixed[slot] + loads, 0.0), host)
        # Costs are never negative: a set dearer than the whole cluster now is in no optimum.
        good = (cost <= now * (1 + 1e-9)) & ~(sets & ~allowed[:, slot]).any(axis=1)
        for at in np.flatnonzero(good).tolist():
            chosen = solver.addBinary(obj=float(cost[at]) / now)
            of_host[slot].append(chosen)
            for vm in np.flatnonzero(sets[at]).tolist():
                of_vm[vm].append(chosen)
    for group in (*of_host, *of_vm):
        solver.addConstr(solver.qsum(group) == 1)
    solver.minimize()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        raise RuntimeError(f"HiGHS ended with {solver.getModelStatus()}")
    return ledger.potential() - now + float(solver.getObjectiveValue()) * now
