"""Trades of terms: limits, sizes, reservations, shares, balloon caps, and pools' allocations.

Each offer is one changed setting of one VM, judged by the potential like a move: what the guest
gains against what its host's other buyers lose. The order within a cycle is the design's: mend
what was set wrong, then (after placement) grow and shrink, then guarantee, then free idle memory.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from vsphere_market.market import sizing
from vsphere_market.market.acts import (
    carry_out,
    change_worth,
    changed_terms,
    move_worth,
    worth_of,
)
from vsphere_market.market.eligibility import ROOM_REASONS, SLACK_MIB, Eligibility
from vsphere_market.market.goods import Space
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.modes import mode_of
from vsphere_market.market.plan import Reason
from vsphere_market.market.proposals import offer
from vsphere_market.market.reserves import spare_for_reservations, unreserved
from vsphere_market.market.stores import lacks_swap_room
from vsphere_market.market.trades import Change, Move, PoolChange, Trade, worth_it
from vsphere_market.policy import Mode
from vsphere_market.port import ActionKind, PoolSetting
from vsphere_market.units import BoolArray, IndexArray

#: A VM that cannot grow where it is asks so many other hosts: those that would quote it least.
HOSTS_ASKED = 3


class TermsTrader:
    """Finds and does trades of settings on a ledger."""

    def __init__(self, ledger: Ledger, eligibility: Eligibility) -> None:
        self.ledger = ledger
        self.eligibility = eligibility

    # -- the stages --------------------------------------------------------------------------

    def mend(self) -> list[Trade]:
        """Lift memory limits, of VMs and of pools, that squeeze."""
        terms = self.ledger.terms
        rows = self._candidates(ActionKind.LIMIT) & (terms.limit < terms.size)
        rows &= terms.footprint > self.ledger.settings.balloon_from * terms.limit
        done = self._each(np.flatnonzero(rows), ActionKind.LIMIT)
        for pool in self.ledger.charges.below:
            change = self.pool_offer(pool)
            if isinstance(change, PoolChange):
                trade = worth_of(self.ledger, change, self.ledger.settings.change_cost)
                if trade.worth_it:
                    carry_out(self.ledger, change)
                    done.append(trade)
        return done

    def grow(self) -> list[Trade]:
        """Give memory to VMs whose guests are full: here, elsewhere, or by a restart."""
        full = sizing.full(self.ledger)
        rows = self._candidates(ActionKind.HOT_ADD) & full
        done = self._each(np.flatnonzero(rows), ActionKind.HOT_ADD, elsewhere=True)
        rows = self._candidates(ActionKind.RESIZE) & full & self.ledger.rulebook.reboot_allowed
        return done + self._each(np.flatnonzero(rows), ActionKind.RESIZE)

    def shrink(self) -> list[Trade]:
        """Take memory from VMs that never use it, where they may be restarted."""
        ledger = self.ledger
        rows = self._candidates(ActionKind.RESIZE) & ledger.rulebook.reboot_allowed
        rows &= ~sizing.full(ledger)
        if not rows.any():
            return []
        order = np.flatnonzero(rows & sizing.candidates_to_shrink(ledger))
        idle = ledger.terms.size[order] - ledger.demand.wanted[order]
        return self._each(order[np.argsort(-idle, kind="stable")], ActionKind.RESIZE)

    def guarantee(self) -> list[Trade]:
        """Reserve what policy guarantees, and free what is reserved in vain."""
        ledger = self.ledger
        every = np.arange(len(ledger.host_of))
        due = ledger.guaranteed(every)
        rows = self._candidates(ActionKind.RESERVATION)
        hoards = rows & (ledger.terms.reservation > due)
        done = self._each(np.flatnonzero(hoards), ActionKind.RESERVATION)
        rows &= ledger.terms.reservation < (1.0 - ledger.settings.guarantee_band) * due
        # The dearest promises are kept first while there is room.
        order = np.flatnonzero(rows)
        order = order[np.argsort(-ledger.rulebook.priority[order], kind="stable")]
        return done + self._each(order, ActionKind.RESERVATION)

    def rank(self) -> list[Trade]:
        """Give shares to VMs that matter more than siblings with more shares."""
        rows = self._candidates(ActionKind.SHARES) & (self.ledger.charges.due_rate > 0)
        return self._each(np.flatnonzero(rows), ActionKind.SHARES)

    def free_idle(self) -> list[Trade]:
        """Raise balloon caps that make a squeezed host swap; lower those that make guests page."""
        ledger = self.ledger
        rows = self._candidates(ActionKind.BALLOON_CAP)
        rows &= ~np.isnan(ledger.terms.cap) | ledger.charges.paging
        order = np.flatnonzero(rows)
        order = order[np.argsort(ledger.rulebook.priority[order], kind="stable")]
        return self._each(order, ActionKind.BALLOON_CAP)

    # -- what is offered, and why not ---------------------------------------------------------

    def offer(self, vm: int, kind: ActionKind) -> Change | Reason:
        """The change that would help, or why there is none. Room on the host is checked later."""
        return offer(self.ledger, self.eligibility, vm, kind)

    def pool_offer(self, pool: int) -> PoolChange | Reason:
        """A pool's limit lifted, or why not."""
        ledger = self.ledger
        limit = float(ledger.pools[pool])
        if math.isinf(limit):
            return Reason.NOT_DUE
        change = PoolChange(pool, PoolSetting.LIMIT, limit, math.inf)
        return Reason.MODE_OFF if mode_of(ledger, change) == Mode.OFF else change

    def why_no_room(self, change: Change) -> Reason | None:
        """Why the host (or pool, or cluster, or datastore) cannot back the change, or None."""
        ledger = self.ledger
        vm, host = change.vm, int(ledger.host_of[change.vm])
        after = changed_terms(ledger, change)
        more = ledger.room(np.array([vm]), after)[0] - ledger.needs[vm]
        short = ledger.occupied[host] + more > ledger.supply.space[host] + SLACK_MIB
        # What does not ask for more is no worse than it was, also on a host that is over-full.
        short &= more > SLACK_MIB
        if short.any():
            return ROOM_REASONS[int(np.argmax(short))]
        extra = float(more[Space.ADMITTED])
        if extra > SLACK_MIB and not (
            self._pool_backs(vm, extra) and self._cluster_backs(vm, extra)
        ):
            return Reason.NO_RESERVATION_ROOM
        return Reason.NO_SWAP_ROOM if lacks_swap_room(ledger, vm, after) else None

    def worth(self, change: Change) -> Trade:
        """What the change would save and cost, without doing it."""
        return change_worth(self.ledger, change)

    # -- inside ------------------------------------------------------------------------------

    def _candidates(self, kind: ActionKind) -> BoolArray:
        ledger = self.ledger
        if not len(ledger.snapshot.hosts):
            return np.zeros(len(ledger.host_of), dtype=np.bool_)
        home = np.where(ledger.host_of >= 0, ledger.host_of, 0)
        willing: BoolArray = ledger.ours & ledger.on & ledger.supply.open[home]
        return willing & (ledger.rulebook.modes[kind] > Mode.OFF)

    def _each(self, rows: IndexArray, kind: ActionKind, *, elsewhere: bool = False) -> list[Trade]:
        done = []
        for vm in rows.tolist():
            change = self.offer(vm, kind)
            if isinstance(change, Reason):
                continue
            reason = self.why_no_room(change)
            if reason is None:
                trade = self.worth(change)
                if trade.worth_it:
                    carry_out(self.ledger, change)
                    done.append(trade)
                    continue
            if elsewhere:
                done += self._grow_elsewhere(change)
            elif reason is Reason.NO_RESERVATION_ROOM:
                done += self._reserve_with_room(change)
        return done

    def _grow_elsewhere(self, change: Change) -> list[Trade]:
        """Move and grow as one trade, where growing here is impossible or not worth it."""
        vm = change.vm
        home = int(self.ledger.host_of[vm])
        if self.eligibility.why_not_trade(vm, ActionKind.MIGRATE) is not None:
            return []
        for host in self._others(change)[:HOSTS_ASKED]:
            done = self._together([Move(vm, home, host), change])
            if done:
                return done
        return []

    def _others(self, change: Change) -> list[int]:
        """Other hosts that could have the VM, those that ask least for it when grown first."""
        ledger, vm = self.ledger, change.vm
        home = int(ledger.host_of[vm])
        hosts = np.flatnonzero(self.eligibility.sees(vm) & (ledger.market == ledger.market[home]))
        hosts = hosts[hosts != home]
        grown = ledger.amounts(np.array([vm]), changed_terms(ledger, change))[0]
        load = ledger.load[hosts]
        rise = ledger.supply.cost(load + grown, hosts) - ledger.supply.cost(load, hosts)
        order: list[int] = hosts[np.argsort(rise, kind="stable")].tolist()
        return order

    def why_not_elsewhere(self, change: Change) -> tuple[int, Reason] | None:
        """Why the VM does not move to the host that asks least and grow there: host and reason.

        None where no other host could have it at all.
        """
        ledger, vm = self.ledger, change.vm
        reason = self.eligibility.why_not_trade(vm, ActionKind.MIGRATE)
        hosts = self._others(change)
        if not hosts:
            return None
        if reason is not None:
            return hosts[0], reason
        reason = self.eligibility.why_not_move(vm, hosts[0])
        if reason is None:
            grown = ledger.room(np.array([vm]), changed_terms(ledger, change))[0]
            short = ledger.occupied[hosts[0]] + grown > ledger.supply.space[hosts[0]] + SLACK_MIB
            reason = ROOM_REASONS[int(np.argmax(short))] if short.any() else Reason.NOT_WORTH_IT
        return hosts[0], reason

    def why_no_lending(self, change: Change) -> tuple[int, Reason] | None:
        """Why no pool is given more to reserve for a guarantee: the pool above it, and why.

        None where the VM's pool can back the guarantee itself, or has none above it.
        """
        ledger, vm = self.ledger, change.vm
        pool, extra = int(ledger.snapshot.vms.pool[vm]), change.after - change.before
        parent = int(ledger.snapshot.pools.parent[pool]) if pool >= 0 else -1
        if parent < 0 or self._pool_backs(vm, extra):
            return None
        if not self._has_left(parent, extra):
            return parent, Reason.NO_RESERVATION_ROOM
        off = mode_of(ledger, self._lending(pool, extra)) == Mode.OFF
        return parent, Reason.MODE_OFF if off else Reason.NOT_WORTH_IT

    def _lending(self, pool: int, extra: float) -> PoolChange:
        """So much more for a pool to reserve."""
        had = float(self.ledger.snapshot.pools.reservation_mib[pool] + self.ledger.lent[pool])
        return PoolChange(pool, PoolSetting.RESERVATION, had, had + math.ceil(extra))

    def _reserve_with_room(self, change: Change) -> list[Trade]:
        """A guarantee with what makes room for it: others' hoards freed, or more for its pool."""
        ledger, vm = self.ledger, change.vm
        host, pool = int(ledger.host_of[vm]), int(ledger.snapshot.vms.pool[vm])
        extra = change.after - change.before
        if not self._pool_backs(vm, extra):
            parent = int(ledger.snapshot.pools.parent[pool])
            if parent < 0 or not self._has_left(parent, extra):
                return []
            more = self._lending(pool, extra)
            if mode_of(ledger, more) == Mode.OFF:
                return []
            return self._together([more, change])
        rows = self._candidates(ActionKind.RESERVATION) & (ledger.host_of == host)
        rows &= ledger.terms.reservation > 0
        rows[vm] = False
        order = np.flatnonzero(rows)
        freed: list[Change] = []
        for other in order[np.argsort(ledger.rulebook.priority[order], kind="stable")].tolist():
            given = self.offer(other, ActionKind.RESERVATION)
            if isinstance(given, Change) and given.after < given.before:
                freed.append(given)
                done = self._together([*freed, change])
                if done:
                    return done
        return []

    def _together(self, whats: Sequence[Move | Change | PoolChange]) -> list[Trade]:
        """Do several things as one group, if each is possible in turn and they pay; else none."""
        ledger = self.ledger
        before, done = ledger.mark(), list[Trade]()
        for what in whats:
            trade = self._possible(what)
            if trade is None:
                ledger.back(before)
                return []
            carry_out(ledger, what)
            done.append(trade)
        if not worth_it(done):
            ledger.back(before)
            return []
        group = next(ledger.groups)
        return [dataclasses.replace(trade, group=group) for trade in done]

    def _possible(self, what: Move | Change | PoolChange) -> Trade | None:
        match what:
            case Move():
                if self.eligibility.why_not_move(what.vm, what.target) is not None:
                    return None
                return move_worth(self.ledger, what)
            case Change():
                return None if self.why_no_room(what) is not None else self.worth(what)
            case PoolChange():
                return worth_of(self.ledger, what, self.ledger.settings.change_cost)

    def _pool_backs(self, vm: int, extra: float) -> bool:
        """The pool can back it: what vCenter said was left, less what this plan already took."""
        pool = int(self.ledger.snapshot.vms.pool[vm])
        return pool < 0 or self._has_left(pool, extra)

    def _has_left(self, pool: int, extra: float) -> bool:
        left = float(unreserved(self.ledger)[pool])
        return math.isnan(left) or extra <= left + SLACK_MIB

    def _cluster_backs(self, vm: int, extra: float) -> bool:
        """HA admission control keeps its share of the cluster's memory free of reservations."""
        ledger = self.ledger
        cluster = int(ledger.snapshot.hosts.cluster[ledger.host_of[vm]])
        return spare_for_reservations(ledger, cluster) >= extra - SLACK_MIB
