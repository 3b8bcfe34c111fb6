"""What is offered to one VM of each kind of change of its terms, or why there is nothing to offer.

Room and worth are judged later (``terms``); an offer is the value that would put a thing right.
"""

from __future__ import annotations

import math

import numpy as np

from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.goods import BALLOON_MAX_SHARE
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.plan import Reason
from vsphere_market.market.sizing import SIZE_UNIT_MIB, growth, restart_size
from vsphere_market.market.trades import Change
from vsphere_market.port import ActionKind

#: Reservations are set in steps of this, so that noise does not change them.
RESERVATION_UNIT_MIB = 64
#: Less than this confidence in demand, and a reservation is not lowered.
SURE_ENOUGH = 0.5


def offer(ledger: Ledger, eligibility: Eligibility, vm: int, kind: ActionKind) -> Change | Reason:
    """The change that would help, or why there is none."""
    reason = eligibility.why_not_trade(vm, kind)
    if reason is not None:
        return reason
    match kind:
        case ActionKind.LIMIT:
            terms = ledger.terms
            if terms.limit[vm] >= terms.size[vm]:
                return Reason.NOT_DUE
            return Change(vm, kind, float(terms.limit[vm]), math.inf)
        case ActionKind.HOT_ADD:
            return growth(ledger, vm)
        case ActionKind.RESIZE:
            return restart_size(ledger, vm)
        case ActionKind.RESERVATION:
            return _reservation(ledger, vm)
        case ActionKind.SHARES:
            return _shares(ledger, vm)
        case ActionKind.BALLOON_CAP:
            return _balloon_cap(ledger, vm)
        case _:
            raise ValueError(f"{kind} is no change of a VM's terms")


def _reservation(ledger: Ledger, vm: int) -> Change | Reason:
    """Up to the guarantee; or down to it, or to all that the VM works with, if that is more."""
    terms = ledger.terms
    if ledger.locked[vm]:
        return Reason.LOCKED_TO_SIZE
    now = float(terms.reservation[vm])
    due = float(ledger.guaranteed(np.array([vm]))[0])
    # Rounded down: a reservation above the working set would pin idle memory.
    unit = RESERVATION_UNIT_MIB if due >= 16 * RESERVATION_UNIT_MIB else SIZE_UNIT_MIB
    after = min(math.floor(due / unit) * unit, float(min(terms.size[vm], terms.limit[vm])))
    if after > now:
        return Change(vm, ActionKind.RESERVATION, now, after)
    working = max(float(ledger.demand.curve[vm].max()), float(ledger.demand.wanted[vm]), due)
    enough = math.ceil(working / RESERVATION_UNIT_MIB) * RESERVATION_UNIT_MIB
    if now <= enough * (1.0 + ledger.settings.guarantee_band):
        return Reason.NOT_DUE
    if ledger.demand.confidence[vm] < SURE_ENOUGH:
        return Reason.LITTLE_HISTORY
    return Change(vm, ActionKind.RESERVATION, now, float(enough))


def _host_lacks(ledger: Ledger, vm: int) -> bool:
    """Its host has sold more than it has, also after what was traded before."""
    host = int(ledger.host_of[vm])
    footprint = ledger.supply.goods[1].columns.start
    return bool(ledger.load[host, footprint] > ledger.supply.usable[host])


def _shares(ledger: Ledger, vm: int) -> Change | Reason:
    """So many for each MiB that a sibling that matters less has no more.

    Shares decide only on a host that lacks memory; where trades before have given it room, they
    are left as they are.
    """
    if not _host_lacks(ledger, vm):
        return Reason.NOT_DUE
    due = float(ledger.charges.due_rate[vm])
    now, size = float(ledger.terms.shares[vm]), float(ledger.terms.size[vm])
    if due <= 0.0 or now >= due * size:
        return Reason.NOT_DUE
    return Change(vm, ActionKind.SHARES, now, float(math.ceil(due * size)))


def _balloon_cap(ledger: Ledger, vm: int) -> Change | Reason:
    """Lower where the balloon makes the guest page, else as large as the host and policy allow.

    On a host with room a balloon empties by itself, so that no cap has to be lowered there. A cap
    is raised for memory that is idle, never for what the guest works with: it would page, and the
    cap would come back.
    """
    terms, charges = ledger.terms, ledger.charges
    if not ledger.snapshot.vms.tools_running[vm]:
        return Reason.TOOLS_NOT_RUNNING
    size, before = float(terms.size[vm]), float(terms.cap[vm])
    if charges.paging[vm]:
        if not _host_lacks(ledger, vm):
            return Reason.NOT_DUE
        least = float(ledger.rulebook.balloon_cap_min[vm]) * size
        after = math.floor(max(0.5 * float(charges.ballooned[vm]), least))
        if after >= (BALLOON_MAX_SHARE * size if math.isnan(before) else before):
            return Reason.POLICY_CAP if least > 0.5 * charges.ballooned[vm] else Reason.NOT_DUE
        return Change(vm, ActionKind.BALLOON_CAP, before, float(after))
    idle = float(terms.footprint[vm] - ledger.demand.used[vm])
    if math.isnan(before) or idle <= before:
        return Reason.NOT_DUE
    share = float(ledger.rulebook.balloon_cap_max[vm])
    if share >= BALLOON_MAX_SHARE:
        return Change(vm, ActionKind.BALLOON_CAP, before, math.nan)
    after = math.floor(share * size)
    if after <= before:
        return Reason.POLICY_CAP
    return Change(vm, ActionKind.BALLOON_CAP, before, float(after))
