"""Which size a VM had better have: larger by hot-add or by a restart, smaller by a restart.

Growth answers what the guest wants now. A smaller size answers what it wanted for as long as
anybody remembers, for taking memory away in vain costs a restart, and one more to give it back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from vsphere_market.demand import held_back
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.licences import host_licensed
from vsphere_market.market.plan import Reason
from vsphere_market.market.trades import Change
from vsphere_market.policy import Mode
from vsphere_market.port import ActionKind
from vsphere_market.units import BoolArray, FloatArray

#: vSphere wants memory sizes in multiples of 4 MB.
SIZE_UNIT_MIB = 4
#: A Linux guest started with less than 3 GB cannot use memory hot-added beyond 3 GB.
LINUX_FLOOR_MIB = 3072.0
#: What stands in the way of hot-add, and of nothing but hot-add.
TAKES_A_RESTART = (
    Reason.HOT_ADD_DISABLED,
    Reason.NO_HOT_ADD_LICENCE,
    Reason.HOT_ADD_CEILING,
    Reason.GUEST_CEILING,
)
_SECONDS_PER_DAY = 86_400.0
#: All VMs, or one.
Rows = slice | int
_ALL = slice(None)


@dataclass(frozen=True, slots=True)
class Need:
    """What a VM needs for good.

    Attributes:
        least_mib: a smaller size has to be ``target`` of this at most; NaN where nothing is known.
        percentile: 0 to 1, that policy asks for; NaN where the whole memory counts.
        days: how far back policy looks; NaN likewise.
        confidence: 0 to 1.
    """

    least_mib: float
    percentile: float
    days: float
    confidence: float


def full(ledger: Ledger) -> BoolArray:
    """(V,) VMs whose guests use so much of what they have that they should grow.

    A limit below the size is another matter, which growing would not mend.
    """
    terms = ledger.terms
    enough: BoolArray = ledger.demand.wanted >= full_from(ledger) * terms.size
    return enough & (terms.limit >= terms.size)


def full_from(ledger: Ledger, rows: Rows = _ALL) -> FloatArray:
    """(n,) share of its size from which on a VM is full: policy's band, or the market's."""
    band = ledger.rulebook.usage_high[rows]
    share: FloatArray = np.where(np.isnan(band), ledger.settings.guest_full, band)
    return share


def growth(ledger: Ledger, vm: int) -> Change | Reason:
    """A larger size by hot-add, or why not."""
    vms = ledger.snapshot.vms
    reason = _not_growing(ledger, vm)
    if reason is not None:
        return reason
    if vms.fault_tolerance[vm] or vms.passthrough[vm]:
        return Reason.NOT_RESIZABLE
    if not vms.hot_add_enabled[vm]:
        return Reason.HOT_ADD_DISABLED
    if not host_licensed(ledger.snapshot, int(ledger.host_of[vm]), "hotplug"):
        return Reason.NO_HOT_ADD_LICENCE
    size = float(ledger.terms.size[vm])
    step = _common_step(float(ledger.rulebook.step_mib[vm]), float(vms.hot_add_increment_mib[vm]))
    ceilings = {
        Reason.HOT_ADD_CEILING: float(vms.hot_add_limit_mib[vm]),
        Reason.POLICY_MAXIMUM: float(ledger.rulebook.max_size_mib[vm]),
    }
    if _is_linux(vms.guest_os[vm]) and size < LINUX_FLOOR_MIB:
        ceilings[Reason.GUEST_CEILING] = LINUX_FLOOR_MIB
    return _larger(ledger, vm, ActionKind.HOT_ADD, step, ceilings)


def restart_size(ledger: Ledger, vm: int) -> Change | Reason:
    """A size that takes a restart: larger where hot-add cannot do it, or smaller; or why not."""
    if vm in ledger.settling:
        return Reason.SETTLING
    reason = _not_growing(ledger, vm)
    if reason is None:
        hot = growth(ledger, vm)
        if isinstance(hot, Change):
            return Reason.NOT_DUE
        if hot not in TAKES_A_RESTART:
            return hot
        reason = _no_restart(ledger, vm)
        if reason is not None:
            return reason
        step = _common_step(float(ledger.rulebook.step_mib[vm]), math.nan)
        ceilings = {Reason.POLICY_MAXIMUM: float(ledger.rulebook.max_size_mib[vm])}
        return _larger(ledger, vm, ActionKind.RESIZE, step, ceilings)
    return reason if reason is Reason.POLICY_DIRECTION else _smaller(ledger, vm)


def need_of(ledger: Ledger, vm: int) -> Need:
    """What a VM needs for good.

    Without a policy's word the least size that nobody would regret (``Sizing.floor``). A policy
    that names a percentile or a window is taken at its word: that percentile of the daily peaks of
    that window, and never less than what is wanted now.
    """
    sizing, rulebook = ledger.demand.sizing, ledger.rulebook
    least, pct, days = float(sizing.floor()[vm]), math.nan, math.nan
    alone = sizing.only(vm)
    said = (rulebook.sources.get(name, ()) for name in ("size_percentile", "size_window_s"))
    if any(texts and texts[vm] for texts in said):
        pct = float(rulebook.size_percentile[vm])
        days = max(1.0, float(rulebook.size_window_s[vm]) / _SECONDS_PER_DAY)
        seen = float(alone.percentile(100.0 * pct, math.ceil(days))[0])
        least = max(seen, float(ledger.demand.wanted[vm])) if math.isfinite(seen) else math.nan
    return Need(least, pct, days, float(alone.confidence[0]))


def candidates_to_shrink(ledger: Ledger, rows: Rows = _ALL) -> BoolArray:
    """(n,) VMs that use little of what they have, as far as is known.

    Who waits for his pages is none of them: what he would use is not seen.
    """
    wanted = np.fmax(ledger.demand.wanted[rows], ledger.demand.working_set[rows])
    little: BoolArray = wanted < low_until(ledger, rows) * ledger.terms.size[rows]
    return little & ~held_back(ledger.snapshot.vms, rows)


def low_until(ledger: Ledger, rows: Rows = _ALL) -> FloatArray:
    """(n,) share of its size below which a VM is too large: policy's band, or the market's."""
    band = ledger.rulebook.usage_low[rows]
    share: FloatArray = np.where(np.isnan(band), ledger.settings.guest_idle, band)
    return share


# -- inside --------------------------------------------------------------------------------------


def _not_growing(ledger: Ledger, vm: int) -> Reason | None:
    size = float(ledger.terms.size[vm])
    if ledger.demand.wanted[vm] < full_from(ledger, vm) * size or ledger.terms.limit[vm] < size:
        return Reason.NOT_DUE
    if ledger.rulebook.never_grow[vm]:
        return Reason.POLICY_DIRECTION
    return None


def _larger(
    ledger: Ledger, vm: int, kind: ActionKind, step: float, ceilings: dict[Reason, float]
) -> Change | Reason:
    size = float(ledger.terms.size[vm])
    target = float(ledger.rulebook.size_target[vm])
    if math.isnan(target):
        target = min(ledger.settings.guest_target, float(full_from(ledger, vm)))
    due = float(ledger.demand.wanted[vm]) / target - size
    if due <= 0:
        return Reason.NOT_DUE
    if kind is ActionKind.HOT_ADD:  # a restart gives all at once, to be the only one
        due = min(due, max(ledger.settings.grow_most * size, step))
    more = math.ceil(due / step) * step
    for reason, ceiling in ceilings.items():
        if not math.isfinite(ceiling):
            continue
        room = math.floor((ceiling - size) / step) * step
        if room <= 0:
            return reason
        more = min(more, room)
    return Change(vm, kind, size, size + more)


def _smaller(ledger: Ledger, vm: int) -> Change | Reason:
    rulebook, settings = ledger.rulebook, ledger.settings
    size = float(ledger.terms.size[vm])
    if not candidates_to_shrink(ledger, vm):
        return Reason.NOT_DUE
    if rulebook.never_shrink[vm]:
        return Reason.NEVER_SHRINK
    reason = _no_restart(ledger, vm)
    if reason is not None:
        return reason
    need = need_of(ledger, vm)
    if math.isnan(need.least_mib) or need.confidence < settings.shrink_confidence:
        return Reason.LITTLE_HISTORY
    if need.least_mib >= low_until(ledger, vm) * size:
        return Reason.NEEDED_AT_TIMES
    target = float(rulebook.size_target[vm])
    target = settings.guest_target if math.isnan(target) else target
    step = _common_step(float(rulebook.step_mib[vm]), math.nan)
    locked = ledger.snapshot.vms.reservation_locked_to_max[vm]
    kept = 0.0 if locked else float(ledger.terms.reservation[vm])
    least = max(need.least_mib / target, kept)
    smallest = max(least, float(rulebook.min_size_mib[vm]))
    less = math.floor((size - smallest) / step) * step
    if less <= 0:
        return Reason.POLICY_MINIMUM if smallest > least else Reason.NOT_DUE
    return Change(vm, ActionKind.RESIZE, size, size - less)


def _no_restart(ledger: Ledger, vm: int) -> Reason | None:
    vms, modes = ledger.snapshot.vms, ledger.rulebook.modes
    if not ledger.rulebook.reboot_allowed[vm]:
        return Reason.NO_RESTART
    if min(modes[ActionKind.STOP][vm], modes[ActionKind.START][vm]) == Mode.OFF:
        return Reason.MODE_OFF
    if not vms.tools_running[vm]:
        return Reason.NO_SHUTDOWN
    if vms.fault_tolerance[vm]:
        return Reason.NOT_RESIZABLE
    return None


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
