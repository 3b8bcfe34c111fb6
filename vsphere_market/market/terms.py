"""Trades of terms: limits, growth by hot-add, reservations, balloon caps.

Each offer is one changed setting of one VM, judged by the potential like a move: what the guest
gains against what its host's other buyers lose. The order within a cycle is the design's: mend
what was set wrong, then (after placement) grow, then guarantee, then free idle memory.
"""

from __future__ import annotations

import math

import numpy as np

from vsphere_market.market.eligibility import ROOM_REASONS, SLACK_MIB, Eligibility
from vsphere_market.market.goods import BALLOON_MAX_SHARE, Space
from vsphere_market.market.ledger import Ledger, Terms
from vsphere_market.market.plan import Reason
from vsphere_market.market.stores import lacks_swap_room
from vsphere_market.market.trades import Change, Trade
from vsphere_market.policy import Mode
from vsphere_market.port import ActionKind
from vsphere_market.units import BoolArray, FloatArray, IndexArray

#: vSphere wants memory sizes in multiples of 4 MB.
SIZE_UNIT_MIB = 4
#: Reservations are set in steps of this, so that noise does not change them.
RESERVATION_UNIT_MIB = 64
#: A Linux guest started with less than 3 GB cannot use memory hot-added beyond 3 GB.
LINUX_FLOOR_MIB = 3072.0


class TermsTrader:
    """Finds and does trades of settings on a ledger."""

    def __init__(self, ledger: Ledger, eligibility: Eligibility) -> None:
        self.ledger = ledger
        self.eligibility = eligibility

    # -- the four stages ---------------------------------------------------------------------

    def mend(self) -> list[Trade]:
        """Lift memory limits that squeeze their VM."""
        terms = self.ledger.terms
        rows = self._candidates(ActionKind.LIMIT) & (terms.limit < terms.size)
        rows &= terms.footprint > self.ledger.settings.balloon_from * terms.limit
        return self._each(np.flatnonzero(rows), ActionKind.LIMIT)

    def grow(self) -> list[Trade]:
        """Hot-add memory to VMs whose guests are full."""
        rows = self._candidates(ActionKind.HOT_ADD) & self.full()
        return self._each(np.flatnonzero(rows), ActionKind.HOT_ADD)

    def guarantee(self) -> list[Trade]:
        """Reserve what policy guarantees."""
        every = np.arange(len(self.ledger.host_of))
        due = self.ledger.guaranteed(every)
        band = 1.0 - self.ledger.settings.guarantee_band
        rows = self._candidates(ActionKind.RESERVATION) & (
            self.ledger.terms.reservation < band * due
        )
        # The dearest promises are kept first while there is room.
        order = np.flatnonzero(rows)
        order = order[np.argsort(-self.ledger.rulebook.priority[order], kind="stable")]
        return self._each(order, ActionKind.RESERVATION)

    def free_idle(self) -> list[Trade]:
        """Raise balloon caps that make a squeezed host swap although idle memory is there."""
        terms = self.ledger.terms
        rows = self._candidates(ActionKind.BALLOON_CAP) & ~np.isnan(terms.cap)
        order = np.flatnonzero(rows)
        order = order[np.argsort(self.ledger.rulebook.priority[order], kind="stable")]
        return self._each(order, ActionKind.BALLOON_CAP)

    # -- what is offered, and why not ---------------------------------------------------------

    def full(self) -> BoolArray:
        """(V,) VMs whose guests use so much of what they have that they should grow.

        A limit below the size is another matter, which growing would not mend.
        """
        ledger = self.ledger
        terms = ledger.terms
        full = ledger.demand.wanted >= self._full_from() * terms.size
        return full & (terms.limit >= terms.size)

    def offer(self, vm: int, kind: ActionKind) -> Change | Reason:
        """The change that would help, or why there is none. Room on the host is checked later."""
        reason = self.eligibility.why_not_trade(vm, kind)
        if reason is not None:
            return reason
        ledger, terms = self.ledger, self.ledger.terms
        match kind:
            case ActionKind.LIMIT:
                if terms.limit[vm] >= terms.size[vm]:
                    return Reason.NOT_DUE
                return Change(vm, kind, float(terms.limit[vm]), math.inf)
            case ActionKind.HOT_ADD:
                return self._growth(vm)
            case ActionKind.RESERVATION:
                if ledger.locked[vm]:
                    return Reason.LOCKED_TO_SIZE
                due = float(ledger.guaranteed(np.array([vm]))[0])
                # Rounded down: a reservation above the working set would pin idle memory.
                unit = RESERVATION_UNIT_MIB if due >= 16 * RESERVATION_UNIT_MIB else SIZE_UNIT_MIB
                due = math.floor(due / unit) * unit
                after = min(due, float(min(terms.size[vm], terms.limit[vm])))
                if after <= terms.reservation[vm]:
                    return Reason.NOT_DUE
                return Change(vm, kind, float(terms.reservation[vm]), after)
            case ActionKind.BALLOON_CAP:
                if not ledger.snapshot.vms.tools_running[vm]:
                    return Reason.TOOLS_NOT_RUNNING
                if np.isnan(terms.cap[vm]):
                    return Reason.NOT_DUE
                return self._freer_balloon(vm)
            case _:
                raise ValueError(f"the market makes no offer of the kind {kind}")

    def why_no_room(self, change: Change) -> Reason | None:
        """Why the host (or pool, or cluster) cannot back the change, or None."""
        ledger = self.ledger
        vm, host = change.vm, int(ledger.host_of[change.vm])
        after = changed_terms(ledger, change)
        if lacks_swap_room(ledger, vm, after):
            return Reason.NO_SWAP_ROOM
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
        return None

    def worth(self, change: Change) -> Trade:
        """What the change would save and cost, without doing it."""
        ledger, vm = self.ledger, change.vm
        row, host = np.array([vm]), int(ledger.host_of[vm])
        after = changed_terms(self.ledger, change)
        local = ledger.guest_cost(row, ledger.terms) + ledger.guarantee_cost(row, ledger.terms)
        local -= ledger.guest_cost(row, after) + ledger.guarantee_cost(row, after)
        load = ledger.load[host]
        changed = load - ledger.taken[vm] + ledger.amounts(row, after)[0]
        loads = np.stack([load, changed])
        now, then = ledger.supply.cost(loads, host)
        cost = ledger.settings.change_cost
        if change.kind is ActionKind.HOT_ADD:
            cost += ledger.settings.grow_cost * (change.after - change.before)
        return Trade(change, float(local[0] + now - then), cost, cost)

    # -- inside ------------------------------------------------------------------------------

    def _candidates(self, kind: ActionKind) -> BoolArray:
        ledger = self.ledger
        if not len(ledger.snapshot.hosts):
            return np.zeros(len(ledger.host_of), dtype=np.bool_)
        home = np.where(ledger.host_of >= 0, ledger.host_of, 0)
        return ledger.ours & ledger.supply.open[home] & (ledger.rulebook.modes[kind] > Mode.OFF)

    def _each(self, rows: IndexArray, kind: ActionKind) -> list[Trade]:
        done = []
        for vm in rows:
            change = self.offer(int(vm), kind)
            if isinstance(change, Reason) or self.why_no_room(change) is not None:
                continue
            trade = self.worth(change)
            if trade.worth_it:
                self.ledger.change(change.vm, changed_terms(self.ledger, change))
                done.append(trade)
        return done

    def _growth(self, vm: int) -> Change | Reason:
        ledger, terms = self.ledger, self.ledger.terms
        vms = ledger.snapshot.vms
        size = float(terms.size[vm])
        wanted = float(ledger.demand.wanted[vm])
        full_from = float(self._full_from()[vm])
        if wanted < full_from * size or terms.limit[vm] < size:
            return Reason.NOT_DUE
        if ledger.rulebook.never_grow[vm]:
            return Reason.POLICY_DIRECTION
        if vms.fault_tolerance[vm] or vms.passthrough[vm]:
            return Reason.NOT_RESIZABLE
        if not vms.hot_add_enabled[vm]:
            return Reason.HOT_ADD_DISABLED
        increment = vms.hot_add_increment_mib[vm]
        step = _common_step(float(ledger.rulebook.step_mib[vm]), float(increment))
        target = float(ledger.rulebook.size_target[vm])
        if math.isnan(target):
            target = min(ledger.settings.guest_target, full_from)
        due = wanted / target - size
        if due <= 0:
            return Reason.NOT_DUE
        due = min(due, max(ledger.settings.grow_most * size, step))
        more = math.ceil(due / step) * step
        ceilings = {
            Reason.HOT_ADD_CEILING: float(vms.hot_add_limit_mib[vm]),
            Reason.POLICY_MAXIMUM: float(ledger.rulebook.max_size_mib[vm]),
        }
        if _is_linux(vms.guest_os[vm]) and size < LINUX_FLOOR_MIB:
            ceilings[Reason.GUEST_CEILING] = LINUX_FLOOR_MIB
        for reason, ceiling in ceilings.items():
            if not math.isfinite(ceiling):
                continue
            room = math.floor((ceiling - size) / step) * step
            if room <= 0:
                return reason
            more = min(more, room)
        return Change(vm, ActionKind.HOT_ADD, size, size + more)

    def _full_from(self) -> FloatArray:
        """(V,) share of its size from which on a VM is full: policy's band, or the market's."""
        band = self.ledger.rulebook.usage_high
        full: FloatArray = np.where(np.isnan(band), self.ledger.settings.guest_full, band)
        return full

    def _freer_balloon(self, vm: int) -> Change | Reason:
        """The host's default cap, or the largest one that policy allows if that is less."""
        ledger, terms = self.ledger, self.ledger.terms
        before, share = float(terms.cap[vm]), float(ledger.rulebook.balloon_cap_max[vm])
        if share >= BALLOON_MAX_SHARE:
            return Change(vm, ActionKind.BALLOON_CAP, before, math.nan)
        after = math.floor(share * float(terms.size[vm]))
        if after <= before:
            return Reason.POLICY_CAP
        return Change(vm, ActionKind.BALLOON_CAP, before, float(after))

    def _pool_backs(self, vm: int, extra: float) -> bool:
        """The pool can back it: what vCenter said was left, less what this plan already took."""
        ledger = self.ledger
        pool = int(ledger.snapshot.vms.pool[vm])
        if pool < 0:
            return True
        left = ledger.snapshot.pools.unreserved_mib[pool]
        if math.isnan(left):
            return True
        vms = ledger.snapshot.vms
        mine = vms.pool == pool
        given = np.nan_to_num(vms.reservation_mib)
        taken = float((ledger.terms.reservation - given)[mine].sum())
        return bool(taken + extra <= left + SLACK_MIB)

    def _cluster_backs(self, vm: int, extra: float) -> bool:
        """HA admission control keeps its share of the cluster's memory free of reservations."""
        ledger = self.ledger
        clusters, hosts = ledger.snapshot.clusters, ledger.snapshot.hosts
        cluster = int(hosts.cluster[ledger.host_of[vm]])
        if cluster < 0 or not (
            clusters.ha_enabled[cluster] and clusters.ha_admission_control[cluster]
        ):
            return True
        mine = (hosts.cluster == cluster) & ledger.supply.fit
        physical = ledger.supply.space[:, Space.ADMITTED]
        total = float(physical[mine].sum())
        share = clusters.ha_reserve_memory_pct[cluster]
        level = clusters.ha_failover_level[cluster]
        kept = 0.0
        if not math.isnan(share):
            kept = total * float(share) / 100.0
        elif not math.isnan(level) and level > 0 and mine.any():
            kept = float(np.sort(physical[mine])[::-1][: int(level)].sum())
        return bool(
            float(ledger.occupied[mine, Space.ADMITTED].sum()) + extra <= total - kept + SLACK_MIB
        )


def changed_terms(ledger: Ledger, change: Change) -> Terms:
    """The terms of all VMs after a change; only the VM's own row differs. Nothing is done yet."""
    terms = ledger.terms
    vm = change.vm
    after = Terms(terms.size, terms.limit, terms.reservation, terms.cap, terms.footprint)
    match change.kind:
        case ActionKind.LIMIT:
            after.limit = _with(terms.limit, vm, change.after)
        case ActionKind.RESERVATION:
            after.reservation = _with(terms.reservation, vm, change.after)
        case ActionKind.BALLOON_CAP:
            after.cap = _with(terms.cap, vm, change.after)
        case ActionKind.HOT_ADD:
            grown = change.after - change.before
            after.size = _with(terms.size, vm, change.after)
            # A guest that is full touches what it is given.
            after.footprint = _with(terms.footprint, vm, terms.footprint[vm] + grown)
            if ledger.snapshot.vms.reservation_locked_to_max[vm]:
                after.reservation = _with(terms.reservation, vm, change.after)
        case _:
            raise ValueError(f"the market makes no trade of the kind {change.kind}")
    return after


def _with(column: FloatArray, vm: int, value: float) -> FloatArray:
    changed = column.copy()
    changed[vm] = value
    return changed


def _common_step(policy: float, increment: float) -> float:
    """Smallest step that suits policy, vCenter's hot-add increment and the 4 MB rule."""
    unit = SIZE_UNIT_MIB
    if not math.isnan(increment) and increment > 0:
        unit = math.lcm(unit, int(increment))
    return float(max(1, math.ceil(policy / unit)) * unit)


def _is_linux(guest_os: str) -> bool:
    """Guest ids of Linux distributions; what is unknown is taken as Linux, the stricter rule."""
    lowered = guest_os.lower()
    return not lowered or not any(
        word in lowered for word in ("win", "darwin", "solaris", "freebsd", "netware")
    )
