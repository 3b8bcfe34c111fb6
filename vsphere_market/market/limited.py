"""The best plans of few moves, where only so many may be made.

The best trade first, again and again, is a good way to a good end, and its beginning is a good plan
of few moves, but not the best one: of two VMs that could relieve a host, the one that relieves it
most may take the place that two others had better shared. So several ways are followed side by side
(a beam): of all their next moves those that come lowest are followed further, ways that differ in
order alone being one. Each VM moves once, and each move is possible and pays for itself at its
place in its way, so that a way is a plan like any other.

How near that comes to the best that anybody could do with so many moves: ``benchmarks.fewest``.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from vsphere_market.market.route import Route
from vsphere_market.market.trades import Trade, profit

#: Ways followed side by side, and next moves looked at of each, at most.
MOST_WAYS = 24
#: What a search in a hurry may take: ways, times moves, times amounts that VMs take of goods.
WORK = 1 << 20


@dataclass(frozen=True, slots=True)
class Way:
    """Moves that have been found to go well together.

    Attributes:
        profit: what they save beyond what they disturb, points.
        moves: position of a VM and the slot it goes to, in order.
    """

    profit: float
    moves: tuple[tuple[int, int], ...]


class Limited:
    """Looks for the best few moves from where a route begins.

    Args:
        route: its state is changed by what is done.
        hurry: follow fewer ways in large clusters, so that it takes about a second.
    """

    def __init__(self, route: Route, *, hurry: bool = False) -> None:
        self._route = route
        self._asking = route.asking
        self._hurry = hurry
        self._width = MOST_WAYS

    def better(self, trades: list[Trade], most: int) -> list[Trade]:
        """So many moves that gain more than the given ones, at whose end the state is, or these."""
        asking = self._asking
        if any(trade.mends for trade in trades):
            # What must be mended comes first, in what order is not a matter of points.
            return trades
        plain = asking.mark()
        ways = self.ways(most)
        others = self.go(ways[-1]) if ways else []
        if profit(others) > profit(trades):
            return others
        asking.back(plain)
        return trades

    def ways(self, most: int) -> list[Way]:
        """The best way found of one move, of up to two, and so on up to ``most``."""
        if self._hurry:
            amounts = len(self._asking.vms) * self._asking.ledger.load.shape[1]
            self._width = min(MOST_WAYS, max(1, WORK // max(amounts * most, 1)))
        found: list[Way] = []
        ways = [Way(0.0, ())]
        while len(found) < most:
            # Those of the same moves in another order are one.
            further = {
                frozenset(way.moves): way for before in ways for way in self._further(before)
            }
            if not further:
                break
            ways = heapq.nlargest(self._width, further.values(), key=lambda way: way.profit)
            # The best one may be at its end where others go on.
            found.append(max([*found[-1:], ways[0]], key=lambda way: way.profit))
        return found

    def go(self, way: Way) -> list[Trade]:
        """The moves of a way as trades, done from where the route begins."""
        self._asking.back(self._route.start)
        return [self._asking.do(row, slot) for row, slot in way.moves]

    def _further(self, way: Way) -> list[Way]:
        """The ways with one more move that come lowest."""
        asking, homes = self._asking, self._route.start.home.copy()
        rows = [row for row, _ in way.moves]
        homes[rows] = [slot for _, slot in way.moves]
        asking.come(homes)
        gains = asking.profits()
        gains[:, rows] = -np.inf
        flat = gains.reshape(-1)
        number = min(self._width, len(flat))
        first = np.argpartition(flat, len(flat) - number)[len(flat) - number :]
        return [
            Way(way.profit + float(flat[at]), (*way.moves, (at % len(homes), at // len(homes))))
            for at in first.tolist()
            if np.isfinite(flat[at])
        ]
