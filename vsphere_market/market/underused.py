"""Memory that is bound without being used: who holds it, and what freeing it buys today.

Each VM is listed under one heading, the first that fits. What freeing it buys is exact at the
prices of now: the fall of the potential if the VM were off, smaller, or reserved less. It is worth
much on a full host and next to nothing on an empty one, which is what tells where to begin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from vsphere_market.estate import POWERED_ON
from vsphere_market.market.diagnosis import host_entity
from vsphere_market.market.ledger import Ledger, Terms
from vsphere_market.port import Entity
from vsphere_market.units import BoolArray, FloatArray, gib_text

#: A VM is idle below this share of its memory and this use of a CPU, and when it holds this much.
IDLE_SHARE, IDLE_MHZ, IDLE_HELD_MIB = 0.02, 60.0, 512.0
#: It is a zombie when it has been idle on each of so many days, and not above this share.
ZOMBIE_DAYS, ZOMBIE_SHARE = 14, 0.05
#: A VM is oversized when even this multiple of its active memory leaves much of it unused.
SPARE_FACTOR = 4.0
#: Waiting beyond this share of the time is taken for this.
MOST_WAITING = 0.75
#: Nothing is proposed below this size, and nothing smaller than this is worth a word …
LEAST_SIZE_MIB, LEAST_GAIN_MIB = 4096.0, 2048.0
#: … nor less than this share of the size.
LEAST_GAIN_SHARE = 0.25
#: A reservation is hoarded where it is this much above the working set, and by this share.
HOARD_MIB, HOARD_SHARE = 1024.0, 0.25
_SIZE_STEP_MIB = 1024.0
#: With this confidence a month has been seen, its end included.
KNOWN_WELL = 0.5


class Waste(StrEnum):
    """Why memory is bound without need. :data:`WASTE_WORDS` has the words."""

    ZOMBIE = "zombie"
    IDLE = "idle"
    OVERSIZED = "oversized"
    HOARDED = "over-reserved"
    OFF_RESERVED = "off-reserved"


WASTE_WORDS: dict[Waste, str] = {
    Waste.ZOMBIE: "has done nothing for two weeks or more: archive it, or find its owner",
    Waste.IDLE: "does nothing now: ask its owner, then switch it off",
    Waste.OVERSIZED: "is larger than it needs: make it smaller at its next restart",
    Waste.HOARDED: "reserves more than it uses: lower the reservation",
    Waste.OFF_RESERVED: "is off and claims its reservation when it starts: take it off",
}


@dataclass(frozen=True, slots=True)
class Underused:
    """One VM that binds memory without need.

    Attributes:
        row: row in the snapshot's VM table.
        vm: the VM.
        host: where it is, or is registered.
        cluster: name of its cluster, "" for none.
        waste: why.
        held_mib: host memory that it holds now.
        freed_mib: what its host would not have to keep for it any more.
        reserved_mib: reservation that would be given back.
        worth: points by which the estate's cost would fall; 0 for what is off.
        days: days of history behind it; 0 for the present only.
        note: the numbers, in words.
    """

    row: int
    vm: Entity
    host: Entity
    cluster: str
    waste: Waste
    held_mib: float
    freed_mib: float
    reserved_mib: float
    worth: float
    days: float
    note: str


def underused(ledger: Ledger) -> tuple[Underused, ...]:
    """Every VM that binds memory without need, what is worth most first."""
    look = _Look.at(ledger)
    masks = {
        Waste.ZOMBIE: zombies(ledger),
        Waste.IDLE: idle(ledger),
        Waste.OVERSIZED: surplus_size(ledger) > 0,
        Waste.HOARDED: look.hoarded > 0,
        Waste.OFF_RESERVED: reserved_while_off(ledger) > 0,
    }
    left = np.ones(len(ledger.host_of), dtype=np.bool_)
    found: list[Underused] = []
    for waste, mask in masks.items():
        found += [_item(look, row, waste) for row in np.flatnonzero(mask & left).tolist()]
        left &= ~mask
    found.sort(key=lambda item: (-item.worth, -item.freed_mib, -item.reserved_mib, item.row))
    return tuple(found)


def together(ledger: Ledger, items: Sequence[Underused]) -> float:
    """Points that freeing all of these buys at once.

    Less than their sum: what is freed first makes a host cheaper, and the next buys less there.
    """
    look = _Look.at(ledger)
    load = ledger.load.copy()
    local = 0.0
    for item in items:
        host = int(ledger.host_of[item.row])
        if host < 0:
            continue
        then, guest = _then(ledger, item.row, _after(look, item.row, item.waste))
        load[host] += then - ledger.taken[item.row]
        local += guest
    after = ledger.supply.cost(np.maximum(load, 0.0))
    return float((ledger.host_cost() - after).sum() + local)


def active(ledger: Ledger) -> FloatArray:
    """(V,) what guests touch, or would if they did not wait, MiB; 0 if unknown.

    The largest sample, by the time that is left to a VM beside waiting for its pages: it shows no
    less for waiting, but who knows what it would get to then?
    """
    vms = ledger.snapshot.vms
    sample = np.fmax(np.nan_to_num(vms.active_mib), np.nan_to_num(vms.active_peak_mib))
    largest = np.maximum(sample, np.where(ledger.ours, ledger.demand.wanted, 0.0))
    waiting = np.minimum(np.nan_to_num(vms.latency_pct) / 100.0, MOST_WAITING)
    touched: FloatArray = largest / (1.0 - waiting)
    return touched


def idle(ledger: Ledger) -> BoolArray:
    """(V,) running VMs that touch hardly any of their memory, and hardly a CPU, now."""
    vms = ledger.snapshot.vms
    quiet = np.nan_to_num(vms.active_mib) < IDLE_SHARE * vms.size_mib
    still = np.isnan(vms.cpu_demand_mhz) | (vms.cpu_demand_mhz < IDLE_MHZ)
    large = np.nan_to_num(vms.consumed_mib) >= IDLE_HELD_MIB
    found: BoolArray = ledger.ours & quiet & still & large
    return found


def zombies(ledger: Ledger) -> BoolArray:
    """(V,) those that were idle on every day of two weeks."""
    sizing = ledger.demand.sizing
    days = np.isfinite(sizing.days).sum(axis=1)
    dead = sizing.peak() <= ZOMBIE_SHARE * ledger.snapshot.vms.size_mib
    found: BoolArray = idle(ledger) & (days >= ZOMBIE_DAYS) & dead
    return found


def proper_size(ledger: Ledger) -> FloatArray:
    """(V,) a size that nobody would regret, MiB, in whole GiB.

    Where months are known well, their floor with the headroom that growth aims at; else four times
    what is touched now.
    """
    sizing = ledger.demand.sizing
    known = (sizing.confidence >= KNOWN_WELL) & np.isfinite(sizing.floor())
    least = np.where(
        known,
        np.nan_to_num(sizing.floor()) / ledger.settings.guest_target,
        SPARE_FACTOR * active(ledger),
    )
    proper: FloatArray = np.ceil(np.maximum(least, LEAST_SIZE_MIB) / _SIZE_STEP_MIB)
    return proper * _SIZE_STEP_MIB


def surplus_size(ledger: Ledger) -> FloatArray:
    """(V,) MiB by which VMs are larger than they need, 0 where it is not worth a word."""
    size = ledger.snapshot.vms.size_mib
    gain = size - proper_size(ledger)
    here = ledger.ours & ~idle(ledger) & (gain >= LEAST_GAIN_MIB)
    found: FloatArray = np.where(here & (gain >= LEAST_GAIN_SHARE * size), gain, 0.0)
    return found


def held_reservation(ledger: Ledger) -> FloatArray:
    """(V,) reservation as it counts, MiB: the whole size where it is locked to it."""
    vms = ledger.snapshot.vms
    held = np.where(vms.reservation_locked_to_max, vms.size_mib, vms.reservation_mib)
    found: FloatArray = np.minimum(np.nan_to_num(held), vms.size_mib)
    return found


def hoarded(ledger: Ledger) -> FloatArray:
    """(V,) MiB reserved beyond what is used, 0 where it is not worth a word."""
    vms = ledger.snapshot.vms
    held = held_reservation(ledger)
    surplus = held - ledger.demand.used
    here = ledger.ours & ~vms.latency_sensitivity_high & ~vms.passthrough
    here &= (surplus > HOARD_MIB) & (surplus > HOARD_SHARE * held)
    found: FloatArray = np.where(here, surplus, 0.0)
    return found


def reserved_while_off(ledger: Ledger) -> FloatArray:
    """(V,) reservation of VMs that do not run, MiB."""
    vms = ledger.snapshot.vms
    off = np.array([power != POWERED_ON for power in vms.power], dtype=np.bool_)
    owned = np.array([bool(owner) for owner in vms.managed_by], dtype=np.bool_)
    found: FloatArray = np.where(off & ~vms.template & ~owned, held_reservation(ledger), 0.0)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """What is worked out once for all VMs; (V,) each."""

    ledger: Ledger
    active: FloatArray
    proper: FloatArray
    reserved: FloatArray
    hoarded: FloatArray
    days: FloatArray
    peak: FloatArray

    @classmethod
    def at(cls, ledger: Ledger) -> _Look:
        sizing = ledger.demand.sizing
        return cls(
            ledger,
            active(ledger),
            proper_size(ledger),
            held_reservation(ledger),
            hoarded(ledger),
            np.isfinite(sizing.days).sum(axis=1).astype(np.float64),
            sizing.peak(),
        )


def _item(look: _Look, row: int, waste: Waste) -> Underused:
    ledger = look.ledger
    snapshot = ledger.snapshot
    vms, host = snapshot.vms, int(snapshot.vms.host[row])
    cluster = int(snapshot.hosts.cluster[host]) if host >= 0 else -1
    freed, worth = _freed(ledger, row, _after(look, row, waste))
    reserved = float(look.reserved[row])
    if waste is Waste.HOARDED:
        reserved = float(look.hoarded[row])
    elif waste is Waste.OVERSIZED:
        reserved = max(reserved - float(look.proper[row]), 0.0)
    return Underused(
        row=row,
        vm=Entity(vms.moid[row], vms.name[row]),
        host=host_entity(ledger, host),
        cluster=snapshot.clusters.name[cluster] if cluster >= 0 else "",
        waste=waste,
        held_mib=float(np.nan_to_num(vms.consumed_mib[row])),
        freed_mib=freed,
        reserved_mib=reserved,
        worth=worth,
        days=float(look.days[row]),
        note=_note(look, row, waste),
    )


def _after(look: _Look, row: int, waste: Waste) -> Terms | None:
    """The VM's terms once it is mended; None when it is off then."""
    if waste not in (Waste.OVERSIZED, Waste.HOARDED):
        return None
    terms = look.ledger.terms.copy()
    if waste is Waste.OVERSIZED:
        terms.size[row] = min(float(look.proper[row]), terms.size[row])
        terms.footprint[row] = min(terms.footprint[row], terms.size[row])
        terms.reservation[row] = min(terms.reservation[row], terms.size[row])
    else:
        terms.reservation[row] = look.ledger.demand.used[row]
    return terms


def _then(ledger: Ledger, row: int, after: Terms | None) -> tuple[FloatArray, float]:
    """What a VM takes of each good once it is mended (K,), and points its guest saves."""
    rows = np.array([row])
    local = float(ledger.guest_cost(rows, ledger.terms)[0])
    if after is None:
        return np.zeros_like(ledger.taken[row]), local
    return ledger.amounts(rows, after)[0], local - float(ledger.guest_cost(rows, after)[0])


def _freed(ledger: Ledger, row: int, after: Terms | None) -> tuple[float, float]:
    """MiB that the host need not keep any more, and points that the estate saves."""
    host = int(ledger.host_of[row])
    if host < 0:
        return 0.0, 0.0
    taken = ledger.taken[row]
    then, local = _then(ledger, row, after)
    load = ledger.load[host]
    pair = np.stack([load, np.maximum(load - taken + then, 0.0)])
    before, later = ledger.supply.cost(pair, host)
    memory = ledger.supply.goods[1].columns.start
    return float(taken[memory] - then[memory]), float(before - later + local)


def _note(look: _Look, row: int, waste: Waste) -> str:
    vms = look.ledger.snapshot.vms
    size, used = gib_text(vms.size_mib[row]), gib_text(look.active[row])
    held = gib_text(float(np.nan_to_num(vms.consumed_mib[row])))
    match waste:
        case Waste.ZOMBIE:
            most = gib_text(look.peak[row])
            return f"holds {held}, never wanted more than {most} in {look.days[row]:.0f} days"
        case Waste.IDLE:
            return f"holds {held}, touches {used}"
        case Waste.OVERSIZED:
            return f"{size}, touches {used}; {gib_text(look.proper[row])} would do"
        case Waste.HOARDED:
            working = gib_text(float(look.ledger.demand.used[row]))
            return f"{gib_text(look.reserved[row])} reserved, uses {working}"
        case Waste.OFF_RESERVED:
            return f"{gib_text(look.reserved[row])} reserved, powered off"
