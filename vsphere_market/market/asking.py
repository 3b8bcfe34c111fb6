"""The quotes of one cluster, kept true while VMs move.

Quotes are matrices, hosts × VMs. A move changes two hosts, so two rows of them, and for the VMs of
these two hosts what they would gain anywhere else: nothing else is asked again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vsphere_market.market.book import QuoteBook
from vsphere_market.market.disruption import disruption
from vsphere_market.market.eligibility import SLACK_MIB
from vsphere_market.market.hurdle import comfort_points, content, hurdle, pressed
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.trades import Move, Trade
from vsphere_market.units import BoolArray, FloatArray, IndexArray

#: Asking about one move at a time is quicker up to one move for so many hosts.
FEW = 4
#: So many hosts are asked at once, so that what is worked out on the way stays small beside the
#: answers. vSphere's largest cluster has fewer; snapshot files may have what they like.
AT_ONCE = 128


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """A state to come back to: quotes, and what the ledger says of the hosts.

    Attributes:
        home: (vms,) slot of each VM.
        pay: (hosts, vms) disruption of each move from there.
        load: (H, K) as in the ledger, of all its hosts; so are the next two.
        occupied: (H, 3).
        filled: (H,).
        quotes: enter, leave, rule cost, breaches and merit.
        flags: VMs in the wrong place, rules kept, room, and hosts that are pressed.
    """

    home: IndexArray
    pay: FloatArray
    load: FloatArray
    occupied: FloatArray
    filled: FloatArray
    quotes: tuple[FloatArray, ...]
    flags: tuple[BoolArray, ...]


class Asking:
    """All that is asked in one cluster; matrices are (hosts, vms) by slot and position.

    Args:
        ledger: the market's state; moves are done on it.
        vms: rows of the VMs that may move.
        hosts: rows of the cluster's hosts.
        static: (hosts, vms) where VMs may go as far as no trade changes it.
        least: a move must save so many points more than it has to.

    Attributes:
        home: (vms,) slot of each VM's host.
        enter: rise of the hosts' cost when the VM arrives; on its own host, when it leaves.
        leave: (vms,) fall of its own host's cost when it leaves.
        rule_cost: points of soft rules with the VM there.
        breaches: of mandatory rules that it would have a part in there.
        wrong: (vms,) VMs that have a part in fewer breaches on some other host.
        rule_ok: rules let it go there.
        room: the host has room for it.
        pay: disruption of moving it there.
        merit: saving less hurdle and threshold, for each point of disturbance; not above 0 where
            a move is not worth its cost, -inf where the VM cannot go. What a move mends is not in
            it, and counts first: :meth:`best`.
        book: costs of hosts.
        comfort: (vms,) points that leaving frees up to which each VM may be content.
        pressed: (hosts,) those that ask a surcharge for something.
        heard: the rules' clock when all of them were asked last.
        bound: rules cost points, or forbid a move, here, or have done so before.
    """

    def __init__(
        self, ledger: Ledger, vms: IndexArray, hosts: IndexArray, static: BoolArray, least: float
    ) -> None:
        self.ledger = ledger
        self.vms = vms
        self.hosts = hosts
        self.static = static
        self.least = least
        self.slot: IndexArray = np.full(len(ledger.snapshot.hosts) + 1, -1, dtype=np.int64)
        self.slot[hosts] = np.arange(len(hosts))
        self.row = {vm: at for at, vm in enumerate(vms.tolist())}
        self.ruled = sorted(ledger.rules.ruled & self.row.keys())
        costs = ledger.settings
        self.free = not (costs.move_cost or costs.landing_cost or costs.move_fixed)
        self.comfort: FloatArray = comfort_points(ledger, vms)
        self.may_be_content = bool(self.comfort.any())
        self.ask_all()

    def ask_all(self) -> None:
        """Ask for all quotes afresh."""
        ledger, shape = self.ledger, (len(self.hosts), len(self.vms))
        self.book = QuoteBook(ledger.supply, self.hosts, ledger.taken[self.vms])
        self._needs = np.ascontiguousarray(ledger.needs[self.vms].T)
        self.home: IndexArray = self.slot[ledger.host_of[self.vms]]
        self.enter: FloatArray = np.empty(shape)
        self.leave: FloatArray = np.zeros(len(self.vms))
        self.pressed: BoolArray = np.zeros(len(self.hosts), dtype=np.bool_)
        self.rule_cost: FloatArray = np.zeros(shape)
        self.breaches: FloatArray = np.zeros(shape)
        self.wrong: BoolArray = np.zeros(len(self.vms), dtype=np.bool_)
        self.rule_ok: BoolArray = np.ones(shape, dtype=np.bool_)
        self.room: BoolArray = np.ones(shape, dtype=np.bool_)
        self.pay: FloatArray = np.zeros(shape)
        self.merit: FloatArray = np.zeros(shape)
        for at in range(0, len(self.hosts), AT_ONCE):
            self._ask(np.arange(at, min(at + AT_ONCE, len(self.hosts))))
        self.bound = False
        self._ask_rules([self.row[vm] for vm in self.ruled])
        self.heard = ledger.rules.clock
        self.regain()

    def hear(self, least: float) -> None:
        """Hear again what others may have changed: rules and budgets reach over clusters.

        Args:
            least: a move must save so many points more than it has to, from now on.
        """
        self.least = least
        rules = self.ledger.rules
        self._ask_rules([self.row[vm] for vm in rules.changed(self.ruled, self.heard)])
        self.heard = rules.clock
        self.regain()

    def savings(self) -> FloatArray:
        """(hosts, vms) fall of the potential by each move; 0 for staying."""
        every = np.arange(len(self.vms))
        saving = self.here(every) - self.enter - self.rule_cost
        saving[self.home, every] = 0.0
        return saving

    def profits(self) -> FloatArray:
        """(hosts, vms) what each move saves beyond what it disturbs; -inf if not worth its cost."""
        if self.ledger.budgets.tight:
            self.regain()
        every = np.arange(len(self.vms))
        profit = self.here(every) - self.enter - self.rule_cost - self.pay
        profit[~(self.merit > 0.0)] = -np.inf
        return profit

    def held_back(self) -> bool:
        """Some move would be worth its cost, and budgets alone are in its way."""
        if not self.ledger.budgets.tight:
            return False
        every = np.arange(len(self.vms))
        possible = self._possible() & ~self.content(every)
        possible &= ~self.ledger.budgets.mask(self.vms, self.hosts).T
        return bool((self._gain()[possible] > 0.0).any())

    def too_content(self) -> BoolArray:
        """(vms,) those of which a move would be worth its cost if they were not content."""
        stay = self.content(np.arange(len(self.vms)))
        if not stay.any():
            return stay
        possible = self._possible() & stay
        possible &= self.ledger.budgets.mask(self.vms, self.hosts).T
        possible[self.home, np.arange(len(self.vms))] = False
        possible &= self._gain() > 0.0
        would: BoolArray = np.logical_or.reduce(possible, axis=0)
        return would

    def _gain(self) -> FloatArray:
        """(hosts, vms) what each move saves beyond its hurdle and the least."""
        here = self.here(np.arange(len(self.vms)))
        gain: FloatArray = here - self.enter - self.rule_cost - self.least
        gain -= hurdle(self.ledger, here, self.pay)
        return gain

    def _possible(self) -> BoolArray:
        """(hosts, vms) moves that nothing but budgets may be against."""
        possible: BoolArray = self.static & self.room & self.rule_ok
        return possible

    def here(self, rows: IndexArray) -> FloatArray:
        """(n,) what each VM's place costs: what leaving it frees."""
        cost: FloatArray = self.leave[rows]
        if self.bound:
            cost += self.rule_cost[self.home[rows], rows]
        return cost

    def content(self, rows: IndexArray) -> BoolArray:
        """(n,) VMs that pay so little at home, and break no rule, that they look no further."""
        home = self.home[rows]
        points = self.rule_cost[home, rows] if self.bound else 0.0
        return content(self.leave[rows], self.comfort[rows], self.pressed[home], points)

    def best(self, goal: IndexArray | None = None) -> tuple[int, int] | None:
        """The next move, VM and slot: what mends most breaches, of those what pays most.

        Args:
            goal: (vms,) only moves to these slots.
        """
        rows = np.flatnonzero(self.wrong if goal is None else self.wrong & (goal != self.home))
        if len(rows):
            merit, mends = self._offers(rows, goal)
            mends[np.isneginf(merit)] = 0.0
            most = float(mends.max())
            if most > 0.0:
                first = int(np.argmax(np.where(mends == most, merit, -np.inf)))
                slot, at = divmod(first, len(rows))
                row = int(rows[at])
                return row, slot if goal is None else int(goal[row])
        if goal is None:
            slot, row = divmod(int(np.argmax(self.merit)), len(self.vms))
        else:
            pending = np.flatnonzero(goal != self.home)
            if not len(pending):
                return None
            row = int(pending[np.argmax(self.merit[goal[pending], pending])])
            slot = int(goal[row])
        return (row, slot) if self.merit[slot, row] > 0.0 else None

    def _offers(self, rows: IndexArray, goal: IndexArray | None) -> tuple[FloatArray, FloatArray]:
        """Merit of moves of some VMs, and what they mend; (hosts, n), or (1, n) with a goal."""
        here = self.breaches[self.home[rows], rows]
        if goal is None:
            return self.merit[:, rows], here - self.breaches[:, rows]
        slots = goal[rows]
        return self.merit[slots, rows][None, :], (here - self.breaches[slots, rows])[None, :]

    def do(self, row: int, slot: int) -> Trade:
        """Do one move, and ask again what it changed."""
        ledger, vm, home = self.ledger, int(self.vms[row]), int(self.home[row])
        here = float(self.leave[row] + self.rule_cost[home, row])
        saving = here - float(self.enter[slot, row] + self.rule_cost[slot, row])
        mends = round(float(self.breaches[home, row] - self.breaches[slot, row]))
        pay = float(self.pay[slot, row])
        least = float(hurdle(ledger, np.array([here]), np.array([pay]))[0])
        stays = bool(self.content(np.array([row]))[0])
        source, target = int(self.hosts[home]), int(self.hosts[slot])
        ledger.move(vm, target)
        self.home[row] = slot
        self._ask(np.array([home, slot]))
        changed = (self.home == home) | (self.home == slot)
        if vm in ledger.rules.ruled:
            kin = [self.row[other] for other in ledger.rules.kin(vm) if other in self.row]
            changed[kin] = True
            self._ask_rules([row, *kin])
        if not self.free:
            self.pay[:, row] = disruption(ledger, self.vms[row : row + 1], self.hosts)[0]
        self._regain(np.array([home, slot]), slice(None))
        self._regain(slice(None), np.flatnonzero(changed))
        return Trade(Move(vm, source, target), saving, pay, least, mends=mends, content=stays)

    def mark(self) -> Mark:
        """The present state, to come back to."""
        ledger = self.ledger
        return Mark(
            self.home.copy(),
            self.pay.copy(),
            ledger.load.copy(),
            ledger.occupied.copy(),
            ledger.filled.copy(),
            tuple(
                part.copy()
                for part in (self.enter, self.leave, self.rule_cost, self.breaches, self.merit)
            ),
            (self.wrong.copy(), self.rule_ok.copy(), self.room.copy(), self.pressed.copy()),
        )

    def back(self, mark: Mark) -> None:
        """Undo all moves since a mark."""
        ledger = self.ledger
        self.put(mark.home)
        # Exactly as it was: adding and taking away again leaves rounding behind.
        ledger.load[:] = mark.load
        ledger.occupied[:] = mark.occupied
        ledger.filled[:] = mark.filled
        self.home, self.pay = mark.home.copy(), mark.pay.copy()
        quotes = (part.copy() for part in mark.quotes)
        self.enter, self.leave, self.rule_cost, self.breaches, self.merit = quotes
        flags = (part.copy() for part in mark.flags)
        self.wrong, self.rule_ok, self.room, self.pressed = flags

    def put(self, homes: IndexArray) -> None:
        """Put VMs on slots (vms,) without asking anything, before or after."""
        for row in np.flatnonzero(homes != self.home).tolist():
            self.ledger.move(int(self.vms[row]), int(self.hosts[homes[row]]))

    def come(self, homes: IndexArray) -> None:
        """Put VMs on slots (vms,), and ask what has changed."""
        rows = np.flatnonzero(homes != self.home)
        if len(rows) <= len(self.hosts) // FEW:
            for row in rows.tolist():
                self.do(row, int(homes[row]))
        else:
            self.put(homes)
            self.ask_all()

    def regain(self) -> None:
        """Work out all gains again: what is allowed may have changed everywhere."""
        for at in range(0, len(self.hosts), AT_ONCE):
            self._regain(slice(at, at + AT_ONCE), slice(None))

    def _ask(self, slots: IndexArray) -> None:
        """Renew the quotes of some hosts, and the room they have."""
        ledger, hosts = self.ledger, self.hosts[slots]
        inverse = np.full(len(self.hosts), -1, dtype=np.int64)
        inverse[slots] = np.arange(len(slots))
        at = inverse[self.home]
        rows = np.flatnonzero(at >= 0)
        load = ledger.load[hosts]
        if self.may_be_content:
            self.pressed[slots] = pressed(ledger, load, hosts)
        rise = self.book.rise(load, slots, at[rows], rows)
        self.enter[slots] = rise
        self.leave[rows] = -rise[at[rows], rows]
        spare = ledger.ceiling[hosts] - ledger.occupied[hosts] + SLACK_MIB
        room: BoolArray = self._needs[0] <= spare[:, :1]
        for kind in range(1, spare.shape[1]):
            room &= self._needs[kind] <= spare[:, kind : kind + 1]
        self.room[slots] = room
        if not self.free:
            self.pay[slots] = disruption(ledger, self.vms, hosts).T

    def _ask_rules(self, rows: list[int]) -> None:
        if not rows:
            return
        vms = self.vms[rows].tolist()
        verdict = self.ledger.rules.verdicts(vms, self.hosts, self.home[rows])
        self.rule_cost[:, rows] = verdict.points
        self.breaches[:, rows] = verdict.breaches
        here = verdict.breaches[self.home[rows], np.arange(len(rows))]
        self.wrong[rows] = (verdict.breaches < here).any(axis=0)
        self.rule_ok[:, rows] = verdict.kept
        self.bound |= bool(verdict.points.any()) or not verdict.kept.all()

    def _regain(self, slots: IndexArray | slice, rows: IndexArray | slice) -> None:
        """Work out what is gained by moves of some VMs to some hosts; one of them is all."""
        every = np.arange(len(self.vms))[rows]
        here = self.here(every)
        part: tuple[IndexArray | slice, IndexArray | slice] = (slots, rows)
        gain = here - self.enter[part]
        allowed = self.static[part] & self.room[part]
        if self.bound:
            gain -= self.rule_cost[part]
            allowed &= self.rule_ok[part]
        gain -= hurdle(self.ledger, here, np.zeros(1) if self.free else self.pay[part])
        gain -= self.least
        if self.may_be_content:
            # Who is content goes nowhere, but not because it could not.
            stay = self.content(every)
            gain[:, stay] = np.minimum(gain[:, stay], 0.0)
        if self.ledger.budgets.tight:
            vms, hosts = self.vms[rows], self.hosts[slots]
            allowed &= self.ledger.budgets.mask(vms, hosts).T
        gain[~allowed] = -np.inf
        if not self.free:
            # Most saving for what it disturbs, not most saving: on the proving ground that copies
            # up to two fifths less for less pain, since busy VMs with little to copy go first.
            gain = np.where(gain > 0.0, gain / np.maximum(self.pay[part], 1.0), gain)
        self.merit[part] = gain
        self.merit[self.home[every], every] = -np.inf
