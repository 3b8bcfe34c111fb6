"""Trades that pay only together: VMs that change places, two that make room for one, chains.

When no single move pays, the next better placement may be two or three moves away, and each of them
alone raises the potential. Such moves are one trade, a *group*: in an order in which each is
possible, all of them or none, and worth it when together they save more than all that they disturb.
The potential falls by each group as by each single trade, so trading still ends.

Where better placements are looked for: clusters with few VMs are solved exactly (``few``); in
small ones every two hosts are, with some of their VMs, again and again; in large ones any two VMs
may change places.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable

import numpy as np

from vsphere_market.market.disruption import move_price
from vsphere_market.market.exchange import best_exchange
from vsphere_market.market.few import MOST_VMS, best_homes
from vsphere_market.market.hurdle import hurdle
from vsphere_market.market.prospects import ROUNDING, Prospects
from vsphere_market.market.route import Route
from vsphere_market.market.trades import Trade, profit, worth_it
from vsphere_market.units import BoolArray, IndexArray

#: Every two hosts are looked at in clusters up to this size; in larger ones, exchanges only.
MOST_HOSTS = 8
#: Sweeps over all pairs of hosts.
MAX_SWEEPS = 8
#: Groups of exchanges looked for in a large cluster.
MAX_EXCHANGES = 32
#: Groups are put together from at most so many pending moves; more are tried as a whole only.
FEW_PENDING = 14


class Together:
    """Looks for groups from where a route has come to.

    Args:
        route: its sequences begin where groups begin, too.
    """

    def __init__(self, route: Route) -> None:
        self._route = route
        self._asking = route.asking
        ruled = np.zeros(len(self._asking.vms), dtype=np.bool_)
        ruled[[self._asking.row[vm] for vm in self._asking.ruled]] = True
        self._free: BoolArray = ~ruled

    def extend(self, trades: list[Trade]) -> list[Trade]:
        """A sequence that ends lower than the given one, at whose end the state is, or that one."""
        asking = self._asking
        plain = asking.mark()
        if len(asking.hosts) > MOST_HOSTS:
            return trades + self._exchanges()
        goal = self._better()
        if np.array_equal(goal, plain.home):
            return trades
        others = self._lead(goal)
        if profit(others) > profit(trades):
            return others
        asking.back(plain)
        return trades

    # -- where to ------------------------------------------------------------------------------

    def _better(self) -> IndexArray:
        """Better homes (vms,) than the present ones; these, if none are found. The state stays."""
        asking, start = self._asking, self._route.start
        here = asking.mark()
        rows = np.flatnonzero(self._free)
        if len(rows) <= MOST_VMS:
            goal = asking.home.copy()
            goal[rows] = best_homes(asking, start, rows, np.arange(len(asking.hosts)))
            return goal
        every = stale = set(range(len(asking.hosts)))
        for _ in range(MAX_SWEEPS):
            # Two hosts that nobody came to or left since they were looked at would end as before.
            changed: set[int] = set()
            for pair in itertools.combinations(range(len(asking.hosts)), 2):
                if stale.isdisjoint(pair) and changed.isdisjoint(pair):
                    continue
                before = asking.home.copy()
                self._settle(pair, 1 if changed or stale is not every else 2)
                if not np.array_equal(before, asking.home):
                    changed |= set(pair)
            if not changed:
                break
            stale = changed
        goal = asking.home.copy()
        asking.back(here)
        return goal

    def _settle(self, pair: tuple[int, int], moves: int) -> None:
        """Let some VMs of two hosts live where they live best on the two.

        Args:
            pair: slots of the hosts.
            moves: so many it takes at least; where single moves have ended, one is not enough.
        """
        asking, start = self._asking, self._route.start
        slots = np.array(pair)
        here = np.flatnonzero(((asking.home == pair[0]) | (asking.home == pair[1])) & self._free)
        if not self._worth_a_look(slots, here, moves):
            return
        left = list(self._some(here))
        while left:
            prospects = Prospects(asking, start, left, slots)
            for at in prospects.promising:
                homes = asking.home.copy()
                homes[left[at]] = prospects.best_homes(at)
                if not np.array_equal(homes, asking.home):
                    asking.come(homes)
                    left = left[at + 1 :]
                    break
            else:
                break

    def _worth_a_look(self, slots: IndexArray, rows: IndexArray, moves: int) -> bool:
        """Two hosts could gain more than the moves that have to save least.

        No exchange between them gains more than if all could be cut and both came to the same load.
        """
        asking = self._asking
        supply, hosts = asking.ledger.supply, asking.hosts[slots]
        if asking.free or len(rows) < moves:
            return len(rows) >= moves
        load = asking.ledger.load[hosts]
        gain = float(supply.cost(load, hosts).sum()) - supply.even_cost(load.sum(axis=0), hosts)
        pay = asking.pay[np.where(asking.home[rows] == slots[0], slots[1], slots[0]), rows]
        least = np.sort(hurdle(asking.ledger, asking.here(rows), pay))[:moves]
        return gain > float(least.sum()) + asking.least

    def _some(self, rows: IndexArray) -> Iterable[IndexArray]:
        """Choices of VMs that are looked at together: like sizes, and all sizes mixed."""
        if not len(rows):
            return
        memory = self._asking.ledger.taken[self._asking.vms[rows]].sum(axis=1)
        rows = rows[np.argsort(-memory, kind="stable")]
        if len(rows) <= MOST_VMS:
            yield rows
            return
        for begin in range(0, len(rows), MOST_VMS // 2):
            yield rows[begin : begin + MOST_VMS]
        step = -(-len(rows) // MOST_VMS)
        for begin in range(step):
            yield rows[begin::step]

    # -- how to get there ----------------------------------------------------------------------

    def _lead(self, goal: IndexArray) -> list[Trade]:
        """From the start to a goal: single moves that pay, then groups of the others."""
        asking, route = self._asking, self._route
        asking.back(route.start)
        trades = route.descend(goal=goal)
        while True:
            pending = np.flatnonzero(goal != asking.home).tolist()
            group = self._group(pending, goal)
            if not group:
                break
            trades += group
            trades += route.descend(goal=goal)
        return trades

    def _group(self, pending: list[int], goal: IndexArray) -> list[Trade]:
        """The smallest group of pending moves that pays, done; none if there is none."""
        if len(pending) < 2:
            return []
        sizes: Iterable[int] = (2, 3) if len(pending) <= FEW_PENDING else (2,)
        if len(pending) <= 2 * FEW_PENDING:
            for size in sizes:
                groups = itertools.combinations(pending, size)
                tied = [rows for rows in groups if self._tied(rows, goal)]
                for rows in itertools.compress(tied, self._may_pay(tied, goal)):
                    done = self._together(list(rows), goal)
                    if done:
                        return done
        return self._together(pending, goal)

    def _may_pay(self, groups: list[tuple[int, ...]], goal: IndexArray) -> list[bool]:
        """Whether groups of as many moves each can save more than the copying alone disturbs.

        In whatever order, and whether or not they are possible. What it says no to would be done
        in vain: first all moves, with all quotes asked again, and then back.
        """
        if not groups:
            return []
        asking = self._asking
        ledger, hosts, rows = asking.ledger, asking.hosts, np.array(groups)
        source, target = asking.home[rows], goal[rows]
        # What each group does to each host, with which of its VMs: they come, or leave, or neither.
        slots = np.arange(len(hosts))[None, :, None]
        does = (target[:, None, :] == slots).astype(np.float64) - (source[:, None, :] == slots)
        group, slot = np.nonzero(does.any(axis=2))
        change = np.einsum("tn,tnk->tk", does[group, slot], ledger.taken[asking.vms[rows]][group])
        load = ledger.load[hosts]
        saves = asking.book.cost(load, slots.ravel())[slot]
        slack = ROUNDING * float(saves.max())
        saves -= asking.book.cost(np.maximum(load[slot] + change, 0.0), slot)
        gain = np.bincount(group, saves, len(groups))
        empty = np.zeros(1)
        pay = move_price(ledger, asking.vms[rows], hosts[source], hosts[target], empty, empty)
        good = gain - pay.sum(axis=1) > asking.least - slack
        # What breaks rules may be worth it whatever it saves.
        good |= ~self._free[rows].all(axis=1)
        found: list[bool] = good.tolist()
        return found

    def _tied(self, rows: tuple[int, ...], goal: IndexArray) -> bool:
        """Each of the moves begins or ends on a host that another one ends or begins on."""
        home = self._asking.home
        left = {int(home[row]) for row in rows}
        reached = {int(goal[row]) for row in rows}
        return bool(left & reached)

    def _together(self, rows: list[int], goal: IndexArray) -> list[Trade]:
        """Moves as one group, if they are possible in some order and pay; else nothing is done."""
        asking = self._asking
        before = asking.mark()
        left, done = list(rows), list[Trade]()
        while left:
            merit = asking.merit[goal[left], left]
            at = int(np.argmax(merit))
            if not np.isfinite(merit[at]):
                break
            row = left.pop(at)
            done.append(asking.do(row, int(goal[row])))
        if left or not worth_it(done, asking.least):
            asking.back(before)
            return []
        group = next(asking.ledger.groups)
        return [dataclasses.replace(trade, group=group) for trade in done]

    def _exchanges(self) -> list[Trade]:
        """In a large cluster, VMs that have not been moved change places, two by two."""
        asking, start = self._asking, self._route.start
        trades: list[Trade] = []
        if asking.ledger.rulebook.budgets:
            return trades
        still = self._free.copy()
        for _ in range(MAX_EXCHANGES):
            still &= asking.home == start.home
            pair = best_exchange(self._route.standing(), still)
            if pair is None:
                break
            goal = asking.home.copy()
            goal[list(pair)] = goal[list(reversed(pair))]
            done = self._together(list(pair), goal)
            if not done:
                break
            trades += done
        return trades
