"""Breaches that no single move mends: others make way first.

A VM that breaks a mandatory rule may find the hosts where it would not full, or taken by a VM that
it must be kept apart from. Then one or two others leave such a host first, places are changed, or
all VMs of a crowd leave one of too many hosts. That is one trade, a *group*, like those of
``together``, but worth it whatever it costs: fewer breaches come before all points. Each move in it
is possible at its place, and none adds a breach, so that a group that is not carried out to its end
leaves the rules no worse.

Where no such group ends with every rule kept, whatever makes fewer breaches is done.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from vsphere_market.market.acts import move_worth
from vsphere_market.market.eligibility import SLACK_MIB
from vsphere_market.market.route import Route
from vsphere_market.market.trades import Move, Trade, profit, worth_it
from vsphere_market.units import FloatArray, IndexArray

#: So many others make way at most.
MOST_BEFORE = 2
#: VMs asked to make way on a host, and hosts that each of them is asked to go to.
MOST_BLOCKERS, MOST_HOSTS = 8, 8
#: Moves tried for one VM, and for all of a cluster in one search.
MOST_TRIES, MOST_TRIES_TOGETHER = 400, 3000
#: Ways compared with each other for one VM.
MOST_WAYS = 16
#: A host that is left by all of a crowd holds so many of them at most.
MOST_LEAVING = 3

#: Moves in order: position of a VM, and the slot it goes to.
Way = list[tuple[int, int]]


class Mending:
    """Looks for such groups from where a route has come to.

    Args:
        route: its state is changed by what is done.
    """

    def __init__(self, route: Route) -> None:
        self._asking = route.asking
        self._home: IndexArray = self._asking.home
        self._moved: set[int] = set()
        self._left = self._tries = 0

    def mend(self) -> list[Trade]:
        """Do groups that mend, the best one for each VM in turn, until none is found."""
        asking = self._asking
        self._left = MOST_TRIES_TOGETHER
        done: list[Trade] = []
        while asking.ledger.breaches():
            ways = (way for row in self._wrong() if (way := self._best(self._for_vm(row))))
            way = next(ways, []) or self._best(self._leaving())
            if not way:
                break
            trades = [asking.do(row, slot) for row, slot in way]
            if len(trades) > 1:
                group = next(asking.ledger.groups)
                trades = [dataclasses.replace(trade, group=group) for trade in trades]
            done += trades
        return done

    def _wrong(self) -> list[int]:
        """Positions of VMs that have a part in a breach, and may move."""
        asking = self._asking
        wrong = asking.ledger.rules.in_breach(asking.ledger.host_of)
        return sorted(asking.row[vm] for vm in wrong if vm in asking.row)

    def _best(self, ways: Iterator[Way]) -> Way:
        """The way that mends most, of those the one that costs least; [] if none mends.

        Each is done on the ledger, without asking anybody, while it is looked at.
        """
        ledger = self._asking.ledger
        mark = ledger.mark()
        self._home, self._moved = self._asking.home.copy(), set()
        self._tries = min(MOST_TRIES, self._left)
        self._left -= self._tries
        found: list[tuple[tuple[int, float], Way]] = []
        for way in ways:
            moves = [(row, int(self._asking.home[row]), slot) for row, slot in way]
            # Judged move by move, as it would be done.
            for row, home, _ in reversed(moves):
                self._put(row, home)
            trades = []
            for row, home, slot in moves:
                trades.append(self._worth(row, home, slot))
                self._put(row, slot)
            if worth_it(trades) and profit(trades)[0] > 0:
                found.append((profit(trades), way))
            if len(found) == MOST_WAYS:
                break
        ledger.back(mark)
        self._left += max(self._tries, 0)
        return max(found, key=lambda item: item[0])[1] if found else []

    # -- ways --------------------------------------------------------------------------------

    def _for_vm(self, row: int) -> Iterator[Way]:
        """Ways for one VM to a host where it breaks less, those of fewer moves first."""
        home, breaches = int(self._home[row]), self._asking.breaches[:, row]
        # Where nobody can leave so many that it would break less there, nothing is tried.
        good = self._asking.static[:, row] & (breaches - MOST_BEFORE < breaches[home])
        good[home] = False
        slots = np.flatnonzero(good)
        order = np.lexsort((self._asking.enter[slots, row], breaches[slots]))
        for spare in range(1, MOST_BEFORE + 1):
            some = False
            for slot in slots[order].tolist():
                for way in self._ways(row, slot, spare, mend=True):
                    some = True
                    yield way
            if some:
                break

    def _leaving(self) -> Iterator[Way]:
        """Ways for all VMs of a crowd to leave one of too many hosts."""
        asking = self._asking
        for crowd in asking.ledger.rules.spread_out():
            members = np.array([asking.row.get(vm, -1) for vm in crowd], dtype=np.int64)
            mine = members[members >= 0]
            slots, counts = np.unique(self._home[mine], return_counts=True)
            for slot in slots[np.argsort(counts, kind="stable")].tolist():
                rows = mine[self._home[mine] == slot].tolist()
                on = int(np.sum(asking.ledger.host_of[list(crowd)] == asking.hosts[slot]))
                if len(rows) == on <= MOST_LEAVING:
                    yield from self._all_leave(rows, [other for other in slots if other != slot])

    def _all_leave(self, rows: list[int], slots: list[int]) -> Iterator[Way]:
        if not rows:
            yield []
            return
        enter = self._asking.enter[slots, rows[0]]
        for at in np.argsort(enter, kind="stable").tolist():
            for way in self._ways(rows[0], int(slots[at]), 0):
                for rest in self._all_leave(rows[1:], slots):
                    yield way + rest

    def _ways(self, row: int, slot: int, spare: int, *, mend: bool = False) -> Iterator[Way]:
        """Ways for a VM to a host, each done while it is looked at.

        Args:
            row: position of the VM.
            slot: where to.
            spare: so many others may make way.
            mend: its own move has to mend something.
        """
        self._tries -= 1
        asking = self._asking
        if self._tries < 0 or row in self._moved or not asking.static[slot, row]:
            return
        home = int(self._home[row])
        if self._possible(row, slot, mend=mend):
            self._do(row, slot)
            yield [(row, slot)]
            self._undo(row, home)
            return
        if not spare:
            return
        for other in self._blockers(row, slot):
            for there in self._elsewhere(other, slot, home):
                for way in self._ways(other, there, spare - 1):
                    for rest in self._ways(row, slot, spare - len(way), mend=mend):
                        yield way + rest

    def _possible(self, row: int, slot: int, *, mend: bool) -> bool:
        ledger, vm = self._asking.ledger, int(self._asking.vms[row])
        host, home = int(self._asking.hosts[slot]), int(ledger.host_of[vm])
        if not ledger.budgets.allows(vm, host) or self._short(row, slot).any():
            return False
        if vm not in ledger.rules.ruled:
            return not mend
        verdict = ledger.rules.verdict(vm, home)
        fewer = bool(verdict.breaches[host] < verdict.breaches[home])
        return bool(verdict.kept[host]) and (fewer or not mend)

    def _short(self, row: int, slot: int) -> FloatArray:
        """(3,) MiB of each kind of room that the host lacks for the VM, 0 where it has enough."""
        asking = self._asking
        ledger, host = asking.ledger, int(asking.hosts[slot])
        asked = ledger.occupied[host] + ledger.needs[asking.vms[row]]
        short: FloatArray = np.maximum(asked - ledger.ceiling[host] - SLACK_MIB, 0.0)
        return short

    def _blockers(self, row: int, slot: int) -> list[int]:
        """VMs on a host without which another could come there: by its rules, or for its room."""
        asking, ledger = self._asking, self._asking.ledger
        here = np.flatnonzero(self._home == slot)
        kin = {asking.row.get(vm, -1) for vm in ledger.rules.kin(int(asking.vms[row]))}
        tied = [other for other in here.tolist() if other in kin]
        short = self._short(row, slot)
        if not short.any():
            return tied[:MOST_BLOCKERS]
        gives = ledger.needs[asking.vms[here]]
        enough = (gives >= short).all(axis=1)
        size = gives.sum(axis=1)
        # The smallest that is enough alone; where none is, the largest first.
        order = here[np.lexsort((np.where(enough, size, -size), ~enough))][:MOST_BLOCKERS]
        return [int(other) for other in order]

    def _elsewhere(self, row: int, slot: int, wanted: int) -> list[int]:
        """Slots that a VM may leave a host for, the cheapest first, and the one that gets empty."""
        asking = self._asking
        slots = np.flatnonzero(asking.static[:, row])
        slots = slots[slots != slot]
        order: list[int] = slots[np.argsort(asking.enter[slots, row], kind="stable")].tolist()
        return order[:MOST_HOSTS] + [last for last in order[MOST_HOSTS:] if last == wanted]

    # -- trying ------------------------------------------------------------------------------

    def _worth(self, row: int, home: int, slot: int) -> Trade:
        asking = self._asking
        hosts = asking.hosts
        return move_worth(
            asking.ledger, Move(int(asking.vms[row]), int(hosts[home]), int(hosts[slot]))
        )

    def _do(self, row: int, slot: int) -> None:
        self._put(row, slot)
        self._home[row] = slot
        self._moved.add(row)

    def _undo(self, row: int, home: int) -> None:
        self._put(row, home)
        self._home[row] = home
        self._moved.discard(row)

    def _put(self, row: int, slot: int) -> None:
        asking = self._asking
        asking.ledger.move(int(asking.vms[row]), int(asking.hosts[slot]))
