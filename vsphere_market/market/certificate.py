"""The lower bound: no placement of these VMs costs less.

The host part of the potential is a convex function f of the load matrix, and loads are linear in
the placement x (x_vh = share of VM v on host h). At any loads L, whether a placement has them or
not, convexity gives

    f(y) ≥ f(L) + ∇f(L)·(y − L)   for every placement y,

and the right side is least when each VM goes to the host with the lowest price for what it takes:
one question per VM. So every L gives a valid bound, and the search is for the L that gives the
highest. Broken-rule points are never negative and the guest and guarantee points do not depend on
placement.

Two searches, the second only where the first leaves a gap. First, L as if every good could be cut
and poured by itself (``spread``): its prices are equal wherever VMs have a choice, and where VMs
are of many mixes nothing is higher. Second, the best fractional placement: shares rise on hosts
that ask less than others and fall on those that ask more, all VMs at once (exponentiated
gradient). It is spared where a fractional placement is seen at once that comes to the poured loads.
``docs/design/certificate.md``.
"""

from __future__ import annotations

import numpy as np

from vsphere_market.market.goods import Supply
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.placement import Marketplace
from vsphere_market.market.spread import spread
from vsphere_market.units import BoolArray, FloatArray, IndexArray

#: Further rounds are not worth it when the bound is this near to what the hosts cost now.
CLOSE_ENOUGH = 5e-4
#: Or when a fractional placement has been found that costs so little more than the bound.
TIGHT_ENOUGH = 3e-4
#: Mixes of goods that differ by less than this share are one.
ALIKE = 1e-6
#: First step of the shares against relative differences of what hosts ask, and its bounds.
FIRST_STEP, LEAST_STEP, MOST_STEP = 2.0, 1e-4, 4.0
#: What asks more than so many times the usual is as dear as that.
MOST_DEARER = 50.0
#: How much longer a step is tried after one that was good.
GROW = 1.3


def lower_bound(ledger: Ledger, places: list[Marketplace], rounds: int = 60) -> float:
    """A number that the potential of no allowed placement is below, in points.

    Args:
        ledger: state whose VMs, sizes and settings are meant.
        places: the marketplaces of this ledger, which say who may live where.
        rounds: steps of the second search per cluster.
    """
    rows = np.arange(len(ledger.host_of))
    bound = float(ledger.local_cost(rows, ledger.terms).sum()) + ledger.standing_cost()
    cost = ledger.host_cost()
    inside = np.zeros(len(cost), dtype=np.bool_)
    for place in places:
        inside[place.hosts] = True
        bound += _Fractional(ledger, place).bound(rounds)
    return bound + float(cost[~inside].sum())


class _Fractional:
    """One cluster whose VMs may be cut."""

    def __init__(self, ledger: Ledger, place: Marketplace) -> None:
        self.hosts: IndexArray = place.hosts
        self.supply: Supply = ledger.supply
        self.taken: FloatArray = ledger.taken[place.vms]
        self.allowed: BoolArray = place.possible()
        self.load: FloatArray = ledger.load[self.hosts]
        home = np.searchsorted(self.hosts, ledger.host_of[place.vms])
        mobile = np.zeros_like(self.load)
        np.add.at(mobile, home, self.taken)
        self.fixed: FloatArray = np.maximum(self.load - mobile, 0.0)

    def bound(self, rounds: int) -> float:
        """Points that no placement of the cluster's hosts costs less than."""
        now = self._cost(self.load)
        near = now - CLOSE_ENOUGH * abs(now)
        poured = spread(self.supply, self.hosts, self.fixed, self.taken, self.allowed)
        best = max(self._at(poured)[0], self._at(self.load)[0])
        if best >= near or self._in_reach(poured):
            return best
        share = self.allowed * self.supply.usable[self.hosts]
        share /= share.sum(axis=1, keepdims=True)
        step, last = FIRST_STEP, np.inf
        for _ in range(rounds):
            load = self.fixed + share.T @ self.taken
            bound, asked = self._at(load)
            best = max(best, bound)
            cost = self._cost(load)
            if best >= near or cost - best <= TIGHT_ENOUGH * max(abs(cost), 1.0):
                break
            step = min(step * GROW, MOST_STEP) if cost <= last else max(step * 0.5, LEAST_STEP)
            last = cost
            least = asked.min(axis=1, keepdims=True)
            typical = (share * np.where(self.allowed, asked, 0.0)).sum(axis=1, keepdims=True)
            typical = np.maximum(typical, np.finfo(np.float64).tiny)
            dearer = np.minimum(asked - least, MOST_DEARER * typical) / typical
            share = share * np.exp(-step * dearer)
            share /= share.sum(axis=1, keepdims=True)
        return best

    def _in_reach(self, poured: FloatArray) -> bool:
        """Some fractional placement is seen to come to these loads: nothing beats them.

        Where all VMs may live on the same hosts, each gets the usual share of every host and a
        little more or less of it according to its mix of goods, so that every column comes to its
        poured load. That is a placement if no share gets negative.
        """
        sold = self.taken.sum(axis=0) > 0.0
        if not sold.any() or not (self.allowed == self.allowed[0]).all():
            return False
        amounts = self.taken[:, sold]
        wanted = (poured - self.fixed)[:, sold] / amounts.sum(axis=0)
        usual = wanted.mean(axis=1)
        mix = np.linalg.pinv(amounts / amounts.sum(axis=0), rcond=ALIKE)
        share = usual + mix.T @ (wanted - usual[:, None]).T
        cost = self._cost(poured)
        load = self.fixed + share.T @ self.taken
        extra = self._cost(np.maximum(load, 0.0)) - cost
        return bool((share >= 0.0).all()) and extra <= TIGHT_ENOUGH * max(abs(cost), 1.0)

    def _cost(self, load: FloatArray) -> float:
        return float(self.supply.cost(load, self.hosts).sum())

    def _at(self, load: FloatArray) -> tuple[float, FloatArray]:
        """The bound at loads (hosts, K), and what each host asks of each VM (vms, hosts)."""
        price = self.supply.price(load, self.hosts)
        asked: FloatArray = np.where(self.allowed, self.taken @ price.T, np.inf)
        paid = float(asked.min(axis=1).sum()) + float((price * self.fixed).sum())
        return self._cost(load) - float((price * load).sum()) + paid, asked
