"""Root causes among VMs: limits, reservations, sizes, sensitivity, hot-add, balloons.

Each check takes the scene and gives a finding, without rows when there is nothing to find. The
numbers that a check uses are named here, in one place.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vsphere_market.assess.model import Basis, Finding, Level, Row
from vsphere_market.assess.scene import Scene
from vsphere_market.assess.words import amount, counted, per_cent, verb
from vsphere_market.market import Cause, diagnose
from vsphere_market.market.diagnosis import NOTICEABLE_SHARE, full_guests, squeezed_by_limit
from vsphere_market.market.underused import (
    IDLE_SHARE,
    LEAST_GAIN_MIB,
    LEAST_SIZE_MIB,
    SPARE_FACTOR,
    active,
    held_reservation,
    hoarded,
    proper_size,
    reserved_while_off,
    surplus_size,
)
from vsphere_market.market.underused import idle as idle_now
from vsphere_market.units import BoolArray, FloatArray

#: Swapped pages of a VM below this are not worth a word.
LEAST_SWAP_MIB = 64.0


def vm_checks() -> tuple[Callable[[Scene], Finding], ...]:
    """All checks of this module."""
    return (
        limits,
        guests_full,
        hot_add_missing,
        sensitive_unreserved,
        reservations_hoarded,
        oversized,
        idle,
        off_reserved,
        old_swap,
        no_balloon,
    )


def limits(scene: Scene) -> Finding:
    """Limits below the size of their VM."""
    vms = scene.snapshot.vms
    limit, size = vms.limit_mib, vms.size_mib
    here = scene.running & scene.listed & ~vms.template & (limit < size)
    squeezed = here & squeezed_by_limit(scene.before)
    taken = np.where(here, scene.taken, 0.0)
    rows = _rows(
        here,
        np.where(here, size - limit, 0.0),
        lambda at: (
            f"size {amount(size[at])}, limit {amount(limit[at])}"
            + (f", {amount(taken[at])} taken from it" if taken[at] > 0 else "")
        ),
    )
    count, hit = int(here.sum()), int(squeezed.sum())
    what = (
        f"{counted(count, 'running VM')} {verb(count, 'has', 'have')} a memory limit below "
        f"{verb(count, 'its', 'their')} size. "
    )
    what += (
        f"{hit:,} of them {verb(hit, 'holds', 'hold')} as much as the limit allows or more: ESXi "
        f"has taken {amount(float(taken.sum()))} from them by balloon and swap."
        if hit
        else "None of them has reached it yet."
    )
    return Finding(
        "limit-below-size",
        "Memory limits below the VM's size",
        Level.HURTS if hit else Level.RISK,
        Basis.SETTING,
        what,
        "A limit makes ESXi balloon and swap the VM even when its host has memory to spare, and "
        "the guest cannot see why it is slow. Most come from a template.",
        "Lift the limit; if the VM should be smaller, make its size smaller.",
        "size less limit, over the VMs listed",
        rows,
    )


def guests_full(scene: Scene) -> Finding:
    """Guests that use all they were given."""
    vms = scene.snapshot.vms
    full = _full(scene)
    wanted = scene.before.demand.wanted
    rows = _rows(
        full,
        _growth(scene, full),
        lambda at: f"uses {amount(wanted[at])} of {amount(vms.size_mib[at])}",
    )
    count = int(full.sum())
    return Finding(
        "guest-full",
        "Guests that use nearly all their memory",
        Level.HURTS,
        Basis.COUNTER,
        f"{counted(count, 'guest')} {verb(count, 'uses', 'use')} "
        f"{per_cent(scene.before.settings.guest_full)} of {verb(count, 'its', 'their')} memory or "
        "more, so that a little more load makes them page inside.",
        "A guest that pages to its own disk is slow, and nothing at the host shows it.",
        "Give it more memory, by hot-add where that is enabled.",
        "what brings each VM to "
        f"{per_cent(scene.before.settings.guest_target)} of its memory, over the VMs listed",
        rows,
    )


def hot_add_missing(scene: Scene) -> Finding:
    """Growth is due, and needs a power cycle."""
    vms = scene.snapshot.vms
    here = _full(scene) & ~vms.hot_add_enabled
    rows = _rows(
        here, _growth(scene, here), lambda at: f"{amount(vms.size_mib[at])}, hot-add is off"
    )
    count = int(here.sum())
    return Finding(
        "hot-add-missing",
        "Hot-add is off where growth is due",
        Level.RISK,
        Basis.SETTING,
        f"{counted(count, 'VM')} of those that need more memory cannot be given any while "
        f"{verb(count, 'it runs', 'they run')}: memory hot-add is not enabled.",
        "The cure for a full guest then needs a maintenance window.",
        "Enable memory hot-add at the next restart, and in the templates.",
        f"what brings each VM to {per_cent(scene.before.settings.guest_target)} of its memory, "
        "over the VMs listed",
        rows,
    )


def sensitive_unreserved(scene: Scene) -> Finding:
    """Latency-sensitive VMs without full reservation."""
    vms = scene.snapshot.vms
    held = np.where(vms.reservation_locked_to_max, vms.size_mib, vms.reservation_mib)
    here = scene.running & vms.latency_sensitivity_high & (held < vms.size_mib)
    rows = _rows(
        here,
        np.where(here, vms.size_mib - held, 0.0),
        lambda at: f"{amount(held[at])} of {amount(vms.size_mib[at])} reserved",
    )
    count = int(here.sum())
    return Finding(
        "latency-unreserved",
        "Latency-sensitive VMs without full reservation",
        Level.RISK,
        Basis.SETTING,
        f"{counted(count, 'VM')} {verb(count, 'is', 'are')} set to high latency sensitivity, but "
        f"not all of {verb(count, 'its', 'their')} memory is reserved.",
        "vSphere asks for a full reservation there; without one their memory can be taken, and "
        "the setting does not hold what it promises.",
        "Reserve all memory of these VMs, or set the sensitivity back to normal.",
        "size less reservation, over the VMs listed",
        rows,
    )


def reservations_hoarded(scene: Scene) -> Finding:
    """Reservations far above what is used."""
    held = held_reservation(scene.before)
    surplus = hoarded(scene.before)
    here = scene.ours & (surplus > 0)
    rows = _rows(
        here,
        np.where(here, surplus, 0.0),
        lambda at: f"{amount(held[at])} reserved, {amount(scene.working[at])} in use",
    )
    count = int(here.sum())
    return Finding(
        "reservation-hoarded",
        "Reservations far above use",
        Level.ROOM,
        Basis.COUNTER,
        f"{counted(count, 'VM')} {verb(count, 'reserves', 'reserve')} "
        f"{amount(sum(row.mib for row in rows))} more than {verb(count, 'it uses', 'they use')}.",
        "Reserved memory is not shared with others when memory is short, counts against failover "
        "capacity, and can keep other VMs from starting.",
        "Lower each reservation to its working set, or take it off where nobody asked for it.",
        "reservation less working set, over the VMs listed",
        rows,
    )


def oversized(scene: Scene) -> Finding:
    """Memory that VMs were given and do not touch."""
    vms = scene.snapshot.vms
    touched, proper = active(scene.before), proper_size(scene.before)
    gain = surplus_size(scene.before)
    here = scene.ours & (gain > 0)
    rows = _rows(
        here,
        np.where(here, gain, 0.0),
        lambda at: (
            f"size {amount(vms.size_mib[at])}, active {amount(touched[at])}, "
            f"{amount(proper[at])} would do"
        ),
    )
    count = int(here.sum())
    return Finding(
        "oversized",
        "VMs larger than they need",
        Level.ROOM,
        Basis.COUNTER,
        f"{counted(count, 'VM')} would keep {amount(sum(row.mib for row in rows))} unused even if "
        f"{verb(count, 'it touched', 'each touched')} {SPARE_FACTOR:.0f} times what "
        f"{verb(count, 'it touches', 'it touches')} now.",
        "Unused memory of a guest that touches all of it at boot, as Windows does, fills the host "
        "all the same and has to be ballooned away when memory is short.",
        "Look at a month of each VM before shrinking it; begin with the largest. Shrinking needs "
        "a power cycle.",
        f"size less {SPARE_FACTOR:.0f} × active memory (at least "
        f"{amount(LEAST_SIZE_MIB)} stay), over the VMs listed",
        rows,
    )


def idle(scene: Scene) -> Finding:
    """VMs that run and do nothing."""
    vms = scene.snapshot.vms
    here = scene.ours & idle_now(scene.before)
    held = np.nan_to_num(vms.consumed_mib)
    rows = _rows(
        here,
        np.where(here, held, 0.0),
        lambda at: (
            f"holds {amount(held[at])}, active {amount(float(vms.active_mib[at]))}"
            + (
                f", CPU {vms.cpu_demand_mhz[at]:.0f} MHz"
                if np.isfinite(vms.cpu_demand_mhz[at])
                else ""
            )
        ),
    )
    count = int(here.sum())
    return Finding(
        "idle",
        "VMs that seem to do nothing",
        Level.ROOM,
        Basis.COUNTER,
        f"{counted(count, 'running VM')} {verb(count, 'touches', 'touch')} less than "
        f"{per_cent(IDLE_SHARE)} of {verb(count, 'its', 'their')} memory and hardly any CPU, and "
        f"{verb(count, 'holds', 'hold')} {amount(sum(row.mib for row in rows))}.",
        "Forgotten VMs hold memory, licences and somebody's attention.",
        "Ask the owner; one quiet instant proves nothing. Then switch off or archive.",
        "memory consumed, over the VMs listed",
        rows,
    )


def off_reserved(scene: Scene) -> Finding:
    """Reservations of VMs that do not run."""
    held = reserved_while_off(scene.before)
    here = scene.listed & (held > 0)
    rows = _rows(
        here, np.where(here, held, 0.0), lambda at: f"{amount(held[at])} reserved, powered off"
    )
    count = int(here.sum())
    return Finding(
        "off-reserved",
        "Reservations of powered-off VMs",
        Level.ROOM,
        Basis.SETTING,
        f"{counted(count, 'VM')} that {verb(count, 'is', 'are')} off "
        f"{verb(count, 'has', 'have')} {amount(sum(row.mib for row in rows))} reserved.",
        "It costs nothing while they are off. Whoever starts them claims it all at once, and may "
        "be refused, or leave too little for a failover.",
        "Take the reservation off before it is forgotten, or plan for it.",
        "reservation, over the VMs listed",
        rows,
    )


def old_swap(scene: Scene) -> Finding:
    """Swapped memory on hosts that have room now."""
    vms = scene.snapshot.vms
    swapped = np.nan_to_num(vms.swapped_mib) + np.nan_to_num(vms.compressed_mib)
    here = np.zeros(len(vms), dtype=np.bool_)
    here[[item.row for item in diagnose(scene.before) if item.cause is Cause.STALE_SWAP]] = True
    here &= scene.ours & (swapped >= LEAST_SWAP_MIB) & (swapped > NOTICEABLE_SHARE * vms.size_mib)
    rows = _rows(
        here, np.where(here, swapped, 0.0), lambda at: f"{amount(swapped[at])} swapped, host calm"
    )
    count = int(here.sum())
    return Finding(
        "old-swap",
        "Old swap on hosts that have room now",
        Level.RISK,
        Basis.COUNTER,
        f"{counted(count, 'VM')} {verb(count, 'has', 'have')} "
        f"{amount(sum(row.mib for row in rows))} in swap from earlier pressure, though "
        f"{verb(count, 'its host has', 'their hosts have')} room now.",
        "ESXi brings such pages back only when the guest touches them, one by one and from disk: "
        "the next backup or month's end is slow.",
        "Leave it if nobody complains; a vMotion or a restart brings it back at a time of your "
        "choosing. Then remove what caused it.",
        "memory swapped or compressed, over the VMs listed",
        rows,
    )


def no_balloon(scene: Scene) -> Finding:
    """VMs whose balloon cannot work."""
    vms = scene.snapshot.vms
    idle_mib = np.maximum(scene.footprint - scene.working, 0.0)
    here = scene.ours & ~vms.tools_running & (idle_mib >= LEAST_GAIN_MIB)
    rows = _rows(
        here,
        np.where(here, idle_mib, 0.0),
        lambda at: f"{amount(idle_mib[at])} idle, VMware Tools do not run",
    )
    count = int(here.sum())
    return Finding(
        "tools-not-running",
        "VMware Tools do not run, so no balloon",
        Level.RISK,
        Basis.SETTING,
        f"{counted(count, 'running VM')} {verb(count, 'has', 'have')} no running VMware Tools; "
        f"{amount(sum(row.mib for row in rows))} of idle memory in "
        f"{verb(count, 'it', 'them')} can only be swapped.",
        "When the host is short, ESXi cannot ask these guests for idle memory and takes pages at "
        "random, used ones among them.",
        "Install or start VMware Tools.",
        "footprint less working set, over the VMs listed",
        rows,
    )


def _full(scene: Scene) -> BoolArray:
    vms = scene.snapshot.vms
    full = scene.ours & full_guests(scene.before)
    here: BoolArray = full & (vms.limit_mib >= vms.size_mib)
    return here


def _growth(scene: Scene, here: BoolArray) -> FloatArray:
    wanted = scene.before.demand.wanted / scene.before.settings.guest_target
    growth: FloatArray = np.where(here, np.maximum(wanted - scene.snapshot.vms.size_mib, 0.0), 0.0)
    return growth


def _rows(here: BoolArray, mib: FloatArray, note: Callable[[int], str]) -> tuple[Row, ...]:
    found = np.flatnonzero(here)
    found = found[np.argsort(-mib[found], kind="stable")]
    return tuple(Row("vms", int(at), float(mib[at]), note(int(at))) for at in found)
