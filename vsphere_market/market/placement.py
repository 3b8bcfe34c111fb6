"""Trading places: every VM asks every host of its cluster for a quote, and the best trade is done.

A quote is the rise of the potential when the VM lives there, so the saving of a move, what leaving
frees less what arriving costs, is the fall of the potential exactly. A trade must save more than
its disruption; the potential falls by more than a positive amount each time, and there are finitely
many placements: trading ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from vsphere_market.market.asking import Asking
from vsphere_market.market.disruption import disruption
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.few import MOST_VMS
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.limited import Limited
from vsphere_market.market.mending import Mending
from vsphere_market.market.route import Route
from vsphere_market.market.spread import spread
from vsphere_market.market.together import Together
from vsphere_market.market.trades import Trade
from vsphere_market.units import BoolArray, FloatArray, IndexArray

__all__ = ["Marketplace", "disruption", "marketplaces"]

#: How often a sequence is led to where exchanges would end; each begins where the last one did.
LOOKS = 4
#: What saves less than this share of a cluster's cost is rounding.
ROUNDING = 1e-12


class Marketplace:
    """Quotes of one cluster.

    Args:
        ledger: the market's state; trades are done on it.
        eligibility: what is possible.
        vms: rows of the VMs that may move, all in this cluster.
        hosts: rows of the cluster's hosts, fit or not.

    Attributes:
        static: (hosts, vms) where each may go as far as no trade changes it.
        asked: quotes, kept true since the first trade was asked for; None before.
    """

    def __init__(
        self, ledger: Ledger, eligibility: Eligibility, vms: IndexArray, hosts: IndexArray
    ) -> None:
        self.ledger = ledger
        self.eligibility = eligibility
        self.vms = vms
        self.hosts = hosts
        self.asked: Asking | None = None
        self.static: BoolArray = np.ascontiguousarray(eligibility.seen(vms)[:, hosts].T)

    def savings(self) -> FloatArray:
        """(vms, hosts) fall of the potential by each move; 0 for staying."""
        return np.ascontiguousarray(self._asking(0.0).savings().T)

    def possible(self) -> BoolArray:
        """(vms, hosts) where each VM may ever live: what it sees, and where it is."""
        possible = np.ascontiguousarray(self.static.T)
        home = np.searchsorted(self.hosts, self.ledger.host_of[self.vms])
        possible[np.arange(len(self.vms)), home] = True
        return possible

    def trade(self, least: float, limit: int | None = None) -> list[Trade]:
        """Do the best trade again and again until none is worth it.

        Without a limit each VM moves once, straight to where it ends, wherever such a sequence is
        found in which each trade pays for itself; and where more is to be gained than
        ``settings.look_ahead``, exchanges are looked for that single moves would not find, and
        groups of moves that pay only together.

        Args:
            least: savings must exceed disruption by this many points.
            limit: at most so many trades, and the best of so many that are found; None for no
                limit. The same is done with as many as disruption budgets leave.
        """
        if not len(self.vms) or len(self.hosts) < 2:
            return []
        ledger = self.ledger
        least = max(least, ROUNDING * self._cost())
        if self.asked is None:
            self.asked = self._asking(least)
        else:
            self.asked.hear(least)
        if limit is None and self.asked.best() is None and self._nothing_further():
            return []
        route = Route(self.asked)
        trades = route.descend(limit)
        if limit is not None:
            return Limited(route).better(trades, limit)
        if trades and self.asked.held_back():
            trades = Limited(route, hurry=True).better(trades, len(trades))
        trades = route.once_each(trades)
        floor = self._floor()
        far = self._far(floor)
        for _ in range(LOOKS):
            if not trades or self._cost() - floor <= far or ledger.rulebook.budgets:
                break
            before, trades = trades, route.look_ahead(trades, floor)
            if trades is before:
                break
        if self._few or self._cost() - floor > far:
            trades = Together(route).extend(trades)
        return trades + Mending(route).mend()

    def go_on(self, others: Iterable[Marketplace]) -> None:
        """Take over the quotes of the one of the others that asks the same VMs and hosts.

        Nothing but trades of theirs must have been done since they were made.
        """
        for other in others:
            parts = (
                (self.vms, other.vms),
                (self.hosts, other.hosts),
                (self.static, other.static),
            )
            if all(np.array_equal(mine, its) for mine, its in parts):
                self.asked = other.asked

    @property
    def _few(self) -> bool:
        return len(self.vms) <= MOST_VMS

    def _nothing_further(self) -> bool:
        """Where no single move pays, no others are looked for: near enough, and no rule broken."""
        floor = self._floor()
        near = self._cost() - floor <= self._far(floor)
        return near and not self._few and not self.ledger.breaches()

    def few(self, least: float, most: int) -> list[list[Trade]]:
        """The best plan found of one move, of up to two, and so on; none is done."""
        if not len(self.vms) or len(self.hosts) < 2:
            return []
        route = Route(self._asking(max(least, ROUNDING * self._cost())))
        limited = Limited(route)
        plans = [limited.go(way) for way in limited.ways(most)]
        route.asking.back(route.start)
        return plans

    def descend(self, least: float, most: int) -> list[Trade]:
        """Do the best trade again and again, at most so many times, and look no further."""
        if not len(self.vms) or len(self.hosts) < 2:
            return []
        return Route(self._asking(max(least, ROUNDING * self._cost()))).descend(most)

    def _asking(self, least: float) -> Asking:
        return Asking(self.ledger, self.vms, self.hosts, self.static, least)

    def _far(self, floor: float) -> float:
        """Points above the floor from which on looking further is worth it.

        A share of the potential. Where the cluster is within that share of its own cost, or of all
        hosts' together, the rest, which is never negative and long to sum, need not be known.
        """
        share, gap = self.ledger.settings.look_ahead, self._cost() - floor
        if gap <= share * self._cost():
            return share * self._cost()
        hosts = float(self.ledger.host_cost().sum())
        return share * (hosts if gap <= share * hosts else self.ledger.potential())

    def _cost(self) -> float:
        return float(self.ledger.supply.cost(self.ledger.load[self.hosts], self.hosts).sum())

    def _floor(self) -> float:
        """What no placement of these VMs costs less than, roughly told."""
        ledger, hosts = self.ledger, self.hosts
        taken = ledger.taken[self.vms]
        fixed = ledger.load[hosts].copy()
        np.subtract.at(fixed, np.searchsorted(hosts, ledger.host_of[self.vms]), taken)
        fixed = np.maximum(fixed, 0.0)
        load = spread(ledger.supply, hosts, fixed, taken, self.possible())
        return float(ledger.supply.cost(load, hosts).sum())


def marketplaces(
    ledger: Ledger, eligibility: Eligibility, before: Sequence[Marketplace] = ()
) -> list[Marketplace]:
    """One marketplace per cluster, or clusters merged by policy, that has something to trade.

    Args:
        ledger: the market's state.
        eligibility: what is possible.
        before: those of before, if nothing but trades of theirs has been done since; what they
            know of quotes is not asked again.
    """
    able = eligibility.movers()
    home = np.where(ledger.host_of >= 0, ledger.host_of, 0)
    places = []
    for market in range(len(ledger.snapshot.clusters)):
        rows = np.flatnonzero(ledger.market == market)
        if len(rows) < 2:
            continue
        vms = np.flatnonzero(able & (ledger.market[home] == market))
        if len(vms):
            places.append(Marketplace(ledger, eligibility, vms, rows))
            places[-1].go_on(before)
    return places
