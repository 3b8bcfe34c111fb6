"""The ledger: who is where, on what terms, and what that costs the market.

It is the one place that knows the potential

    Φ = Σ_h Σ_k w_k C_hk F_k(L_hk / C_hk)      hosts, ``goods``
      + Σ_v guest cost of v                     a VM short of memory inside, or squeezed by a limit
      + Σ_v unbacked guarantee of v             policy's promise
      + charges                                 ``charges``: what else hurts a VM or a pool
      + rent of hosts that may be switched off  ``switchboard``
      + broken soft rules                       ``rules``

and the one place that changes it, trade by trade. Broken mandatory rules are counted apart, and
come first: :meth:`Ledger.breaches`. Settings are judged by the same Φ as moves, so
that "lift the limit", "move" and "grow" compete at the same prices.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np

from vsphere_market.demand import Demand
from vsphere_market.estate import CONNECTED, Snapshot
from vsphere_market.market.budgets import BudgetBoard, PastMove, lately_left
from vsphere_market.market.charges import Charges
from vsphere_market.market.curves import DelayCurve
from vsphere_market.market.goods import (
    BALLOON_MAX_SHARE,
    balloon_curve,
    crowded,
    guards,
    make_supply,
    swap_curve,
)
from vsphere_market.market.participants import awake, markets, wanted_on, with_sleepers
from vsphere_market.market.rules import RuleBoard
from vsphere_market.market.settings import MarketSettings
from vsphere_market.policy import Rulebook
from vsphere_market.units import BoolArray, FloatArray, IndexArray


@dataclass(slots=True)
class Terms:
    """Memory settings of all VMs, (V,) each, in MiB; what trades of settings change.

    Attributes:
        size: configured memory.
        limit: memory limit, +inf for none.
        reservation: memory reservation.
        cap: balloon cap, NaN for the host's default.
        footprint: what the VM would hold; grows with a hot-add.
        shares: memory shares, NaN where they are not known.
    """

    size: FloatArray
    limit: FloatArray
    reservation: FloatArray
    cap: FloatArray
    footprint: FloatArray
    shares: FloatArray

    def copy(self) -> Terms:
        """An independent copy."""
        return Terms(*(getattr(self, column.name).copy() for column in fields(self)))


#: Arrays of a ledger that trades change in place.
_STATE = (
    "on",
    "host_of",
    "taken",
    "needs",
    "present",
    "load",
    "occupied",
    "filled",
    "pools",
    "lent",
    "store",
)


class Ledger:
    """Mutable state of one market; V VMs, H hosts, K columns of goods.

    Attributes:
        groups: numbers for groups of trades.
        settling: rows of VMs that were given memory a short while ago.
        resting_stores: rows of datastores that files were copied from or to a short while ago.
        left: hosts that a VM has been moved away from not long ago, and does not go back to.
        on: (V,) VMs that run.
        host_of: (V,) host of each running VM, -1 for those that take no part.
        wanted_on: (V,) VMs that are off, and that policy wants started now.
        awake: (H,) hosts that are not in standby.
        market: (H,) which hosts trade with each other: those of one number that is not -1.
        discount: share of what staying costs by which a move must lower it.
        charges: what else hurts.
        pools: limits of resource pools, (P,) MiB.
        lent: (P,) reservation that trades gave to each pool, MiB.
        store: (V,) datastore of each VM's swap file, -1 for unknown.
        terms: memory settings.
        taken: (V, K) what each VM takes of each good, on whatever host.
        load: (H, K) sums of ``taken`` over the VMs of each host.
        needs: (V, 3) room that each VM needs, MiB, in the order of ``goods.Space``.
        occupied: (H, 3) sums of ``needs`` over the VMs of each host.
        ceiling: (H, 3) what moves may fill each host up to: ``supply.space``, or what the host
            would hold if it were as ``goods.crowded`` as others are.
        present: (V,) memory of each VM that is really there and travels with a vMotion, MiB.
        filled: (H,) sums of ``present`` over the VMs of each host.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        demand: Demand,
        rulebook: Rulebook,
        settings: MarketSettings,
        past: Sequence[PastMove] = (),
        now_s: float | None = None,
        settling: frozenset[int] = frozenset(),
        resting_stores: frozenset[int] = frozenset(),
    ) -> None:
        self.groups: Iterator[int] = itertools.count(1)
        self.snapshot = snapshot
        self.rulebook = rulebook
        self.settings = settings
        # CPU is what the demand says, which suppositions may have changed.
        beside = guards(snapshot, settings)[1:]
        self._guarded: tuple[FloatArray, ...] = (
            demand.cpu_mhz,
            *(guard.amount for guard in beside),
        )
        vms = snapshot.vms
        self.wanted_on: BoolArray = wanted_on(snapshot, demand, rulebook)
        demand = with_sleepers(demand, snapshot, self.wanted_on)
        self.demand = demand
        self.on: BoolArray = demand.running.copy()
        self.awake: BoolArray = awake(snapshot.hosts)
        self.market: IndexArray = markets(snapshot, rulebook)
        self.supply = make_supply(snapshot, demand, rulebook, settings, self.awake)
        present = float(demand.date_weight[0])
        before = 1.0 - present
        self.discount: float = present * settings.discount_now + before * settings.discount
        self.comfort: float = present * settings.comfort_now + before * settings.comfort_price
        reachable = np.array([link == CONNECTED for link in vms.connection], dtype=np.bool_)
        self.host_of: IndexArray = np.where(demand.running, vms.host, -1)
        self.ours: BoolArray = (
            demand.running
            & demand.known
            & reachable
            & ~vms.template
            & np.array([not owner for owner in vms.managed_by], dtype=np.bool_)
            & (self.host_of >= 0)
        )
        locked = vms.reservation_locked_to_max | vms.passthrough | vms.latency_sensitivity_high
        self.locked: BoolArray = locked
        self.terms = Terms(
            size=vms.size_mib.copy(),
            limit=np.where(np.isnan(vms.limit_mib), np.inf, vms.limit_mib),
            reservation=np.minimum(np.nan_to_num(vms.reservation_mib), vms.size_mib),
            cap=vms.balloon_cap_mib.copy(),
            footprint=demand.footprint.copy(),
            shares=vms.shares.copy(),
        )
        self.pools: FloatArray = np.where(
            np.isnan(snapshot.pools.limit_mib), np.inf, snapshot.pools.limit_mib
        )
        self.lent: FloatArray = np.zeros(len(snapshot.pools))
        self.store: IndexArray = vms.home_datastore.copy()
        self._delay = DelayCurve(settings.knee)
        self._balloon = balloon_curve(settings)
        self._swap = swap_curve(settings)
        self.rules = RuleBoard(
            (snapshot.rules, rulebook.rules),
            self.host_of,
            len(snapshot.hosts),
            settings,
            rulebook.crowds,
        )
        #: When breaches were counted last, for that is asked often, and how many there were.
        self._broken = -1, 0
        self.settling = settling
        self.resting_stores = resting_stores
        now_s = snapshot.taken_at_s if now_s is None else now_s
        self.left = lately_left(past, snapshot, now_s - settings.no_return_s)
        self.budgets = BudgetBoard(rulebook.budgets, snapshot, self.host_of, past, now_s)
        self.charges = Charges(snapshot, demand, rulebook, settings, self.ours, self.market)
        every = np.arange(len(vms))
        self.taken: FloatArray = self.amounts(every, self.terms)
        self.load: FloatArray = np.zeros_like(self.supply.capacity)
        self.needs: FloatArray = self.room(every, self.terms)
        self.occupied: FloatArray = np.zeros_like(self.supply.space)
        self.present: FloatArray = self._present(every, self.terms)
        self.filled: FloatArray = np.zeros(len(snapshot.hosts))
        self.recount()
        self._crowded = crowded(snapshot.hosts, self.occupied, self.market)
        self.ceiling: FloatArray = np.maximum(self.supply.space, self._crowded)

    # -- amounts -----------------------------------------------------------------------------

    def working(self, rows: IndexArray, terms: Terms) -> FloatArray:
        """Working set now of VMs ``rows`` on given terms: what is wanted, within what is given."""
        ceiling = np.minimum(terms.size[rows], terms.limit[rows])
        wanted = self.demand.working_set[rows] + self.demand.lacking[rows]
        working: FloatArray = np.minimum(wanted, ceiling)
        return working

    def room(self, rows: IndexArray, terms: Terms) -> FloatArray:
        """Room that VMs ``rows`` need on any host (len(rows), 3) on given terms."""
        kept = np.where(
            self.locked[rows],
            terms.size[rows],
            np.minimum(terms.reservation[rows], terms.size[rows]),
        )
        admitted = kept + self.demand.overhead[rows]
        need = np.stack([self._pinned(rows, terms), admitted, terms.size[rows]], axis=1)
        need[~self.on[rows]] = 0.0
        return need

    def amounts(self, rows: IndexArray, terms: Terms) -> FloatArray:
        """What VMs ``rows`` take of each good (len(rows), K) on given terms."""
        demand, kappa = self.demand, self.settings.idle_share
        ceiling = np.minimum(terms.size[rows], terms.limit[rows])
        held = np.minimum(terms.footprint[rows], terms.limit[rows])
        overhead = demand.overhead[rows]
        dates = demand.curve.shape[1]
        taken = np.empty((len(rows), self.supply.capacity.shape[1]))
        working = np.minimum(demand.curve[rows], ceiling[:, None])
        working[:, 0] = self.working(rows, terms)
        idle = np.maximum(held[:, None] - working, 0.0)
        taken[:, :dates] = working + kappa * idle + overhead[:, None]
        taken[:, dates] = np.maximum(held, working[:, 0]) + overhead
        taken[:, dates + 1 : 2 * dates + 1] = self._pinned_at(rows, terms, working)
        for at, amount in enumerate(self._guarded, start=2 * dates + 1):
            taken[:, at] = amount[rows]
        taken[~self.on[rows]] = 0.0
        return taken

    # -- the potential -----------------------------------------------------------------------

    def host_cost(self) -> FloatArray:
        """Points (H,) of each host's load."""
        return self.supply.cost(self.load)

    def guest_cost(self, rows: IndexArray, terms: Terms) -> FloatArray:
        """Points of VMs ``rows`` for being short inside: guests buying from their VM.

        The VM sells min(size, limit). Where a limit is below the size, what it forces the host to
        balloon or swap is charged as on a host of that capacity.
        """
        mine = self.ours[rows]
        give = np.maximum(np.minimum(terms.size[rows], terms.limit[rows]), 1.0)
        wanted = self.demand.wanted[rows]
        cost = give * self._delay.integral(wanted / give)
        limited = terms.limit[rows] < terms.size[rows]
        if limited.any():
            squeezed = give * self._balloon.integral(terms.footprint[rows] / give)
            hard = np.maximum(wanted, self.unballooned(rows, terms))
            squeezed += give * self._swap.integral(hard / give)
            cost = cost + np.where(limited, squeezed, 0.0)
        points: FloatArray = np.where(mine, self.rulebook.priority[rows] * cost, 0.0)
        return points

    def guarantee_cost(self, rows: IndexArray, terms: Terms) -> FloatArray:
        """Points of VMs ``rows`` for guarantees that are not backed by a reservation."""
        short = np.maximum(self.guaranteed(rows) - terms.reservation[rows], 0.0)
        weight = self.settings.guarantee_weight * self.rulebook.priority[rows]
        points: FloatArray = np.where(self.ours[rows], weight * short, 0.0)
        return points

    def guaranteed(self, rows: IndexArray) -> FloatArray:
        """What policy guarantees VMs ``rows``: its share of their working set, MiB.

        The mean over all dates counts, not the largest sample, which would only ever rise.
        """
        usual = self.demand.curve[rows] @ self.demand.date_weight
        amount: FloatArray = self.rulebook.guarantee[rows] * usual
        return amount

    def local_cost(self, rows: IndexArray, terms: Terms) -> FloatArray:
        """Points of VMs ``rows`` that depend on their own terms alone."""
        points: FloatArray = self.guest_cost(rows, terms) + self.guarantee_cost(rows, terms)
        return points + self.charges.of_vms(rows, terms)

    def standing_cost(self) -> float:
        """Points that depend neither on who lives where nor on one VM's terms alone."""
        every = np.arange(len(self.host_of))
        absent = np.flatnonzero(self.wanted_on & ~self.on)
        total = float(self.charges.rents[self.awake].sum())
        total += float(self.charges.absence(absent, self.terms).sum())
        total += self.charges.of_pools(self.pools, self.squeezable(every, self.terms))
        return total + self.charges.of_stores(self.store)

    def squeezable(self, rows: IndexArray, terms: Terms) -> FloatArray:
        """(n, 2) what VMs ``rows`` would hold, and what of it no balloon can free, MiB."""
        held = np.minimum(terms.footprint[rows], terms.limit[rows])
        both: FloatArray = np.stack([held, self._pinned(rows, terms)], axis=1)
        both[~self.on[rows]] = 0.0
        return both

    def potential(self) -> float:
        """Φ, in points."""
        rows = np.arange(len(self.host_of))
        local = float(self.local_cost(rows, self.terms).sum()) + self.standing_cost()
        return float(self.host_cost().sum()) + local + self.rules.potential(self.host_of)

    def breaches(self) -> int:
        """Violations of mandatory rules, which come before all points."""
        if self._broken[0] != self.rules.clock:
            self._broken = self.rules.clock, self.rules.breaches(self.host_of)
        return self._broken[1]

    def host_price(self, hosts: IndexArray | slice = slice(None)) -> FloatArray:
        """(n,) price of one more MiB of working set on hosts: all memory goods together."""
        price = self.supply.price(self.load[hosts], hosts)[:, self.supply.memory]
        return np.asarray(price.sum(axis=1))

    # -- changes -----------------------------------------------------------------------------

    def move(self, vm: int, target: int) -> None:
        """Put a VM on another host."""
        source = int(self.host_of[vm])
        self.load[source] -= self.taken[vm]
        self.load[target] += self.taken[vm]
        self.occupied[source] -= self.needs[vm]
        self.occupied[target] += self.needs[vm]
        self.filled[source] -= self.present[vm]
        self.filled[target] += self.present[vm]
        self.rules.move(vm, source, target)
        self.budgets.move(vm, source, target)
        self.host_of[vm] = target

    def change(self, vm: int, terms: Terms) -> None:
        """Give a VM the terms it has in ``terms``; other rows of ``terms`` are ignored."""
        host = int(self.host_of[vm])
        row = np.array([vm])
        taken, need, present = self.taken[vm].copy(), self.needs[vm].copy(), self.present[vm]
        for column in fields(terms):
            getattr(self.terms, column.name)[vm] = getattr(terms, column.name)[vm]
        self.taken[vm] = self.amounts(row, self.terms)[0]
        self.needs[vm] = self.room(row, self.terms)[0]
        self.present[vm] = self._present(row, self.terms)[0]
        if host >= 0:
            self.load[host] += self.taken[vm] - taken
            self.occupied[host] += self.needs[vm] - need
            self.filled[host] += self.present[vm] - present

    def power(self, vm: int, host: int) -> None:
        """Start a VM on a host, or stop it (-1)."""
        home, row = int(self.host_of[vm]), np.array([vm])
        if home >= 0:
            self.load[home] -= self.taken[vm]
            self.occupied[home] -= self.needs[vm]
            self.filled[home] -= self.present[vm]
        self.on[vm] = host >= 0
        self.taken[vm] = self.amounts(row, self.terms)[0]
        self.needs[vm] = self.room(row, self.terms)[0]
        self.present[vm] = self._present(row, self.terms)[0]
        self.rules.move(vm, home, host)
        self.host_of[vm] = host
        if host >= 0:
            self.load[host] += self.taken[vm]
            self.occupied[host] += self.needs[vm]
            self.filled[host] += self.present[vm]

    def switch(self, host: int, *, on: bool) -> None:
        """Let a host rest, or wake it; it must be empty."""
        self.awake = self.awake.copy()
        self.awake[host] = on
        self.supply = make_supply(
            self.snapshot, self.demand, self.rulebook, self.settings, self.awake
        )
        self.ceiling = np.maximum(self.supply.space, self._crowded)

    def mark(self) -> Ledger:
        """A copy of the state, to come :meth:`back` to."""
        state = copy.copy(self)
        state.terms = self.terms.copy()
        for name in _STATE:
            setattr(state, name, getattr(self, name).copy())
        return state

    def back(self, state: Ledger) -> None:
        """Be again as at a :meth:`mark`, to the last digit."""
        for vm in np.flatnonzero(self.host_of != state.host_of).tolist():
            home, host = int(self.host_of[vm]), int(state.host_of[vm])
            self.rules.move(vm, home, host)
            if home >= 0 and host >= 0:
                self.budgets.move(vm, home, host)
        self.terms, self.supply, self.awake = state.terms, state.supply, state.awake
        self.ceiling = state.ceiling
        for name in _STATE:
            setattr(self, name, getattr(state, name))

    def recount(self) -> None:
        """Sum loads and room afresh, so that rounding never piles up."""
        self.load[:] = 0.0
        self.occupied[:] = 0.0
        self.filled[:] = 0.0
        on = np.flatnonzero(self.host_of >= 0)
        np.add.at(self.load, self.host_of[on], self.taken[on])
        np.add.at(self.occupied, self.host_of[on], self.needs[on])
        np.add.at(self.filled, self.host_of[on], self.present[on])

    def _present(self, rows: IndexArray, terms: Terms) -> FloatArray:
        present = np.maximum(terms.footprint[rows] - self.demand.taken[rows], 0.0)
        there: FloatArray = np.where(self.on[rows], present + self.demand.overhead[rows], 0.0)
        return there

    def _pinned(self, rows: IndexArray, terms: Terms) -> FloatArray:
        """Memory of VMs ``rows`` that no balloon can free now, overhead included, MiB."""
        now = self.working(rows, terms)[:, None]
        pinned: FloatArray = self._pinned_at(rows, terms, now)[:, 0]
        return pinned

    def _pinned_at(self, rows: IndexArray, terms: Terms, working: FloatArray) -> FloatArray:
        """The same with working sets (n, S) at several dates.

        The balloon takes idle memory only, up to the VM's cap, and only where Tools run; reserved
        memory is never taken.
        """
        held = np.minimum(terms.footprint[rows], terms.limit[rows])
        free = np.minimum(
            self._largest_balloon(rows, terms)[:, None], np.maximum(held[:, None] - working, 0.0)
        )
        kept = np.minimum(terms.reservation[rows], terms.size[rows])
        pinned: FloatArray = (
            np.maximum(held[:, None] - free, kept[:, None]) + self.demand.overhead[rows][:, None]
        )
        return pinned

    def unballooned(self, rows: IndexArray, terms: Terms) -> FloatArray:
        """Footprint less what the balloon may take when a limit squeezes, MiB."""
        able = self._largest_balloon(rows, terms)
        left: FloatArray = np.maximum(terms.footprint[rows] - able, 0.0)
        return left

    def _largest_balloon(self, rows: IndexArray, terms: Terms) -> FloatArray:
        """How far the balloons of VMs ``rows`` can grow, MiB: none without Tools."""
        default = BALLOON_MAX_SHARE * terms.size[rows]
        cap = np.where(np.isnan(terms.cap[rows]), default, np.minimum(terms.cap[rows], default))
        able: FloatArray = np.where(self.snapshot.vms.tools_running[rows], cap, 0.0)
        return able
