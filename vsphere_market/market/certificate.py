"""The lower bound: no placement of these VMs costs less.

The host part of the potential is a convex function f of the load matrix, and loads are linear in
the placement x (x_vh = share of VM v on host h). At any x, convexity gives

    f(y) ≥ f(x) + ∇f(x)·(y − x)   for every placement y,

and the right side is least when each VM goes to the host with the lowest price for what it takes:
one question per VM. Fractional points are allowed for x, so a few Frank-Wolfe steps raise the
bound; each step's bound is valid and the best is kept. Broken-rule points are never negative and
the guest and guarantee points do not depend on placement. ``docs/design/certificate.md``.
"""

from __future__ import annotations

import numpy as np

from vsphere_market.market.goods import Supply
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.placement import Marketplace
from vsphere_market.units import FloatArray, IndexArray

#: Further rounds would raise the bound by less than this share.
TIGHT_ENOUGH = 1e-5
#: The step need not be exact: any point gives a valid bound, a good one a good bound.
HALVINGS = 10


def lower_bound(ledger: Ledger, places: list[Marketplace], rounds: int = 60) -> float:
    """A number that the potential of no allowed placement is below, in points.

    Args:
        ledger: state whose VMs, sizes and settings are meant.
        places: the marketplaces of this ledger, which say who may live where.
        rounds: Frank-Wolfe steps per cluster.
    """
    rows = np.arange(len(ledger.host_of))
    local = ledger.guest_cost(rows, ledger.terms) + ledger.guarantee_cost(rows, ledger.terms)
    bound = float(local.sum())
    cost = ledger.host_cost()
    inside = np.zeros(len(cost), dtype=np.bool_)
    for place in places:
        inside[place.hosts] = True
        bound += _cluster_bound(ledger, place, rounds)
    return bound + float(cost[~inside].sum())


def _cluster_bound(ledger: Ledger, place: Marketplace, rounds: int) -> float:
    hosts, supply = place.hosts, ledger.supply
    taken = ledger.taken[place.vms]
    home = np.searchsorted(hosts, ledger.host_of[place.vms])
    allowed = place.possible()
    load: FloatArray = ledger.load[hosts].copy()
    mobile = np.zeros_like(load)
    np.add.at(mobile, home, taken)
    fixed = load - mobile
    best = -np.inf
    for _ in range(rounds):
        here = float(supply.cost(load, hosts).sum())
        price = supply.price(load, hosts)
        asked = np.where(allowed, taken @ price.T, np.inf)
        choice = np.argmin(asked, axis=1)
        target = np.zeros_like(load)
        np.add.at(target, choice, taken)
        target += fixed
        slack = float((price * (load - target)).sum())
        best = max(best, here - slack)
        if slack <= TIGHT_ENOUGH * max(abs(here), 1.0):
            break
        load = load + _best_step(supply, hosts, load, target - load) * (target - load)
    return best


def _best_step(supply: Supply, hosts: IndexArray, load: FloatArray, way: FloatArray) -> float:
    """Where on the way from ``load`` the cost is least: bisection on its slope, which rises."""
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        slope = float((supply.price(load + middle * way, hosts) * way).sum())
        if slope > 0.0:
            high = middle
        else:
            low = middle
    return 0.5 * (low + high)
