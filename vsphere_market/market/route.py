"""From where VMs are to where they had better be, by trades that each pay for themselves.

The best trade first, again and again, ends where no single move helps, with VMs that changed their
mind on the way. Here such a sequence is made straight, each VM moving once; and where more is to
be gained, it is led to where exchanges would end.
"""

from __future__ import annotations

import numpy as np

from vsphere_market.market.asking import Asking, Mark
from vsphere_market.market.disruption import move_price
from vsphere_market.market.eligibility import SLACK_MIB
from vsphere_market.market.exchange import Standing, better_homes
from vsphere_market.market.goods import Space
from vsphere_market.market.hurdle import content, hurdle, pressed
from vsphere_market.market.trades import Move, Trade, profit
from vsphere_market.units import BoolArray, FloatArray, IndexArray

#: How often a sequence in which VMs move twice is put together anew.
MAX_REVISIONS = 4
#: Exchanges come no nearer than this share of the cost to what nothing could be below.
ENOUGH = 2e-4
#: More than any move gains.
DEAREST = float(np.finfo(np.float64).max)


class Route:
    """Sequences of trades from one state of a cluster.

    Args:
        asking: its quotes; the state is the one it is in now.
    """

    def __init__(self, asking: Asking) -> None:
        self.asking = asking
        self.start: Mark = asking.mark()

    def descend(self, limit: int | None = None, goal: IndexArray | None = None) -> list[Trade]:
        """The best trade again and again until none is worth it.

        Args:
            limit: stop after so many.
            goal: (vms,) only moves straight to these slots.
        """
        asking = self.asking
        done: list[Trade] = []
        tight = False
        while limit is None or len(done) < limit:
            # A budget that is spent, or no longer, concerns moves all over the cluster.
            if asking.ledger.budgets.tight or tight:
                asking.regain()
            tight = asking.ledger.budgets.tight
            move = asking.best(goal)
            if move is None:
                break
            done.append(asking.do(*move))
        return done

    def once_each(self, trades: list[Trade]) -> list[Trade]:
        """To about the same end by a sequence in which each VM moves once, if one is found."""
        for _ in range(MAX_REVISIONS):
            order = [self.asking.row[trade.what.vm] for trade in trades]
            if len(set(order)) == len(order):
                break
            # Each VM at the place of its last move: there it was possible and worth it.
            order = list(dict.fromkeys(reversed(order)))[::-1]
            trades = self._straight(order, self.asking.home.copy())
        return trades

    def look_ahead(self, trades: list[Trade], floor: float) -> list[Trade]:
        """A sequence that ends lower, or the given one, at whose end the state is, again.

        Args:
            trades: what was found so far.
            floor: points that no placement costs less than, to know when it is enough.
        """
        asking = self.asking
        plain = asking.mark()
        goal = better_homes(self.standing(), floor * (1.0 + ENOUGH))
        asking.come(goal)
        others = self._straight(self._order(), goal)
        others = self.once_each(others)
        if profit(others) > profit(trades):
            return others
        asking.back(plain)
        return trades

    def _straight(self, order: list[int], goal: IndexArray) -> list[Trade]:
        """From the start straight to where VMs are to come, ``goal`` (vms,), and on from there.

        Moves that do not pay at their place are tried after all others; what does not pay then is
        left to the search for single moves.
        """
        asking, home = self.asking, self.start.home
        ledger = asking.ledger
        order = [row for row in order if goal[row] != home[row]]
        trades: list[Trade] = []
        if not ledger.rulebook.budgets and ledger.rules.ruled.isdisjoint(
            asking.vms[order].tolist()
        ):
            again = False
            while order:
                trades, good = self._judged(np.array(order, dtype=np.int64), goal)
                if good.all():
                    break
                fine = [row for row, ok in zip(order, good.tolist(), strict=True) if ok]
                order = fine if again else fine + [row for row in order if row not in set(fine)]
                again, trades = True, []
        if trades:
            homes = home.copy()
            homes[order] = goal[order]
            asking.come(homes)
        else:
            asking.back(self.start)
        trades += self.descend(goal=goal)
        return trades + self.descend()

    def _judged(self, rows: IndexArray, goal: IndexArray) -> tuple[list[Trade], BoolArray]:
        """Moves of VMs ``rows``, in order, to their ``goal``: and which are possible and pay.

        All are judged at once: what a move saves depends on its two hosts alone, as they are at
        its place in the sequence. Rules and budgets have no say here.
        """
        asking, start = self.asking, self.start
        ledger, hosts = asking.ledger, asking.hosts
        source, target = start.home[rows], goal[rows]
        load, occupied, filled = start.load[hosts], start.occupied[hosts], start.filled[hosts]
        space = ledger.ceiling[hosts] + SLACK_MIB
        loads = np.empty((len(rows), 4, load.shape[1]))
        roomy = np.empty(len(rows), dtype=np.bool_)
        full, pinned = np.empty(len(rows)), np.empty(len(rows))
        vms = asking.vms[rows]
        ends = zip(source.tolist(), target.tolist(), strict=True)
        for at, (vm, (here, there)) in enumerate(zip(vms.tolist(), ends, strict=True)):
            loads[at, 0], loads[at, 2] = load[here], load[there]
            load[here] -= ledger.taken[vm]
            load[there] += ledger.taken[vm]
            loads[at, 1], loads[at, 3] = load[here], load[there]
            pinned[at] = occupied[there, Space.PINNED]
            occupied[here] -= ledger.needs[vm]
            occupied[there] += ledger.needs[vm]
            roomy[at] = (occupied[there] <= space[there]).all()
            full[at] = filled[there]
            filled[here] -= ledger.present[vm]
            filled[there] += ledger.present[vm]
        np.maximum(loads, 0.0, out=loads)
        slots = np.stack([source, source, target, target], axis=1).reshape(-1)
        cost = asking.book.cost(loads.reshape(len(slots), -1), slots).reshape(-1, 4)
        leaving, arriving = cost[:, 0] - cost[:, 1], cost[:, 3] - cost[:, 2]
        pay = np.zeros(len(rows))
        if not asking.free:
            pay = move_price(ledger, vms, hosts[source], hosts[target], full, pinned)
        least = hurdle(ledger, leaving, pay)
        saving = leaving - arriving
        moves = map(Move, vms.tolist(), hosts[source].tolist(), hosts[target].tolist())
        trades = list(map(Trade, moves, saving.tolist(), pay.tolist(), least.tolist()))
        hot = pressed(ledger, loads[:, 0], hosts[source])
        stay = content(leaving, asking.comfort[rows], hot)
        return trades, roomy & (saving - least - asking.least > 0.0) & ~stay

    def _order(self) -> list[int]:
        """An order in which VMs can come from the start to where they are, move by move.

        It is found from the end: of all moves that could come last, the one that saves least does.
        Near the end almost every move saves something, so that few are left over; the other way
        round the best moves come first and leave many behind that save nothing alone.
        """
        asking = self.asking
        pending = np.flatnonzero(self.start.home != asking.home)
        if asking.ledger.rules.ruled.isdisjoint(asking.vms[pending].tolist()):
            return self._order_by_price(pending)
        return self._order_by_doing(pending)

    def _order_by_doing(self, pending: IndexArray) -> list[int]:
        """The order of :meth:`_order`, found by moving VMs ``pending`` back, one by one."""
        asking, origin = self.asking, self.start.home
        ledger = asking.ledger
        order = []
        while len(pending):
            to, at = origin[pending], asking.home[pending]
            freed, points = asking.enter[to, pending], asking.rule_cost[to, pending]
            then = freed + points
            saving = then - asking.here(pending)
            gain = saving - hurdle(ledger, then, self.start.pay[at, pending]) - asking.least
            with_it = ledger.load[asking.hosts[to]] + ledger.taken[asking.vms[pending]]
            hot = pressed(ledger, with_it, asking.hosts[to])
            stay = content(freed, asking.comfort[pending], hot, points)
            gain[(gain <= 0.0) | stay] = np.inf
            # What must be mended is worth it whatever it costs, and comes first.
            gain[asking.breaches[to, pending] > asking.breaches[at, pending]] = DEAREST
            last = int(np.argmin(gain))
            if not np.isfinite(gain[last]):
                break
            row = int(pending[last])
            order.append(row)
            asking.do(row, int(origin[row]))
            pending = np.delete(pending, last)
        return order[::-1]

    def _order_by_price(self, pending: IndexArray) -> list[int]:
        """The same where no rule has a say, asking only what concerns these VMs. Nothing moves."""
        asking = self.asking
        ledger, hosts = asking.ledger, asking.hosts
        to, at = self.start.home[pending], asking.home[pending]
        taken, load = ledger.taken[asking.vms[pending]], ledger.load[hosts]
        comfort, pay = asking.comfort[pending], self.start.pay[at, pending]
        # What going back saves, less what it has to; inf where it is not worth it, or done.
        gain: FloatArray = np.full(len(pending), np.inf)
        ask, left = np.arange(len(pending)), np.ones(len(pending), dtype=np.bool_)
        order: list[int] = []
        while left.any():
            here, there, amount = at[ask], to[ask], taken[ask]
            with_it = load[there] + amount
            loads = [with_it, load[there], load[here], np.maximum(load[here] - amount, 0.0)]
            slots = np.concatenate([there, there, here, here])
            cost = asking.book.cost(np.concatenate(loads), slots).reshape(4, -1)
            freed = cost[0] - cost[1]
            found = freed - (cost[2] - cost[3]) - hurdle(ledger, freed, pay[ask]) - asking.least
            stay = content(freed, comfort[ask], pressed(ledger, with_it, hosts[there]))
            found[(found <= 0.0) | stay] = np.inf
            gain[ask] = found
            last = int(np.argmin(gain))
            if not np.isfinite(gain[last]):
                break
            order.append(int(pending[last]))
            gain[last], left[last] = np.inf, False
            ends = [at[last], to[last]]
            load[ends[0]] -= taken[last]
            load[ends[1]] += taken[last]
            ask = np.flatnonzero(left & (np.isin(at, ends) | np.isin(to, ends)))
        return order[::-1]

    def standing(self) -> Standing:
        """A copy of the present state to try exchanges on; VMs under rules stay where they are."""
        asking = self.asking
        ledger, hosts = asking.ledger, asking.hosts
        every = np.arange(len(asking.vms))
        allowed = asking.static.copy()
        allowed[:, [asking.row[vm] for vm in asking.ruled]] = False
        allowed[asking.home, every] = True
        # A VM that goes elsewhere pays once, from where it was at first.
        pay = self.start.pay.copy()
        pay[self.start.home, every] = 0.0
        taken = ledger.taken[asking.vms]
        load = ledger.load[hosts]
        around = np.maximum(taken.mean(axis=0), 1.0)
        rise = ledger.supply.price(load + around, hosts)
        rise -= ledger.supply.price(np.maximum(load - around, 0.0), hosts)
        return Standing(
            book=asking.book,
            load=load.copy(),
            occupied=ledger.occupied[hosts].copy(),
            space=ledger.ceiling[hosts] + SLACK_MIB,
            home=asking.home.copy(),
            taken=taken,
            needs=ledger.needs[asking.vms],
            allowed=allowed,
            pay=pay,
            slope=rise / (2.0 * around),
        )
