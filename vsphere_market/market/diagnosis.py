"""Root causes: by which mechanism a VM is short of memory, and how hard a host is pressed.

The same symptom, ballooned or swapped memory, has causes with opposite cures: a limit is lifted,
an over-committed host is relieved, stale swap is left to time. So cause comes before trade.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from vsphere_market.market.ledger import Ledger
from vsphere_market.port import Entity

#: Less than this share of a VM's size taken away is not worth a word.
NOTICEABLE_SHARE = 0.005


class Cause(StrEnum):
    """Why a VM is short of memory."""

    NONE = "none"
    #: Its limit is below what it holds, whatever the host has free.
    LIMIT = "limit"
    #: Its host has sold more than it has.
    HOST_OVERCOMMIT = "host-overcommit"
    #: Its guest uses all the memory it was given.
    GUEST_FULL = "guest-full"
    #: Pages swapped or compressed in the past, not touched since; the host has room now.
    STALE_SWAP = "stale-swap"
    #: The balloon is filled although neither limit nor host explains it now.
    BALLOON_WITHOUT_PRESSURE = "balloon-without-pressure"


CAUSE_WORDS: dict[Cause, str] = {
    Cause.NONE: "not short of memory",
    Cause.LIMIT: "its memory limit is below what it holds",
    Cause.HOST_OVERCOMMIT: "its host is over-committed",
    Cause.GUEST_FULL: "its guest uses all the memory it has",
    Cause.STALE_SWAP: "old swap that nobody has touched since",
    Cause.BALLOON_WITHOUT_PRESSURE: "a balloon left over from earlier pressure",
}


class Pressure(StrEnum):
    """How hard a host is pressed, by what is seen and by what is sold."""

    CALM = "calm"
    #: It has sold more than it has, but nothing has been taken yet.
    FULL = "full"
    BALLOONING = "ballooning"
    #: Compressing or swapping: this hurts.
    SWAPPING = "swapping"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class VmDiagnosis:
    """One VM that is short of memory.

    Attributes:
        row: row in the snapshot's VM table.
        vm: the VM.
        host: its host.
        cause: by which mechanism.
        taken_mib: ballooned + swapped + compressed.
        swap_in_kibps: swap-in and decompression.
        latency_pct: NaN if unknown.
        hurts: pages come back from swap now, or its guest is short: not only a figure.
    """

    row: int
    vm: Entity
    host: Entity
    cause: Cause
    taken_mib: float
    swap_in_kibps: float
    latency_pct: float
    hurts: bool


def diagnose(ledger: Ledger) -> tuple[VmDiagnosis, ...]:
    """Every VM that is short of memory, the most hurt first."""
    snapshot, demand, terms = ledger.snapshot, ledger.demand, ledger.terms
    vms = snapshot.vms
    rates = np.nan_to_num(vms.swap_in_kibps) + np.nan_to_num(vms.decompress_kibps)
    latency = np.nan_to_num(vms.latency_pct)
    full = demand.wanted >= ledger.settings.guest_full * terms.size
    squeezed = (demand.taken > NOTICEABLE_SHARE * terms.size) | (rates > 0) | (latency > 0)
    rows = np.flatnonzero(ledger.ours & (squeezed | full))
    found = []
    for row in rows:
        cause = _cause(ledger, int(row), bool(full[row]))
        if cause is Cause.NONE:
            continue
        found.append(
            VmDiagnosis(
                row=int(row),
                vm=Entity(vms.moid[row], vms.name[row]),
                host=host_entity(ledger, int(ledger.host_of[row])),
                cause=cause,
                taken_mib=float(demand.taken[row]),
                swap_in_kibps=float(rates[row]),
                latency_pct=float(vms.latency_pct[row]),
                hurts=bool(rates[row] > 0 or latency[row] > 0 or cause is Cause.GUEST_FULL),
            )
        )
    found.sort(key=lambda item: (-item.hurts, -item.swap_in_kibps, -item.taken_mib, item.row))
    return tuple(found)


def _cause(ledger: Ledger, row: int, full: bool) -> Cause:
    vms, demand, terms = ledger.snapshot.vms, ledger.demand, ledger.terms
    taken = demand.taken[row] > NOTICEABLE_SHARE * terms.size[row]
    limited = terms.limit[row] < terms.size[row]
    if limited and terms.footprint[row] > ledger.settings.balloon_from * terms.limit[row]:
        return Cause.LIMIT
    host = int(ledger.host_of[row])
    footprint = ledger.supply.goods[1].columns.start
    if taken and ledger.load[host, footprint] > ledger.supply.usable[host]:
        return Cause.HOST_OVERCOMMIT
    if full:
        return Cause.GUEST_FULL
    if not taken:
        rates = np.nan_to_num(vms.swap_in_kibps[row]) + np.nan_to_num(vms.decompress_kibps[row])
        return Cause.STALE_SWAP if rates > 0 else Cause.NONE
    swapped = np.nan_to_num(vms.swapped_mib[row]) + np.nan_to_num(vms.compressed_mib[row])
    ballooned = np.nan_to_num(vms.ballooned_mib[row])
    return Cause.STALE_SWAP if swapped >= ballooned else Cause.BALLOON_WITHOUT_PRESSURE


def pressure(ledger: Ledger, host: int) -> Pressure:
    """How hard a host is pressed."""
    hosts, vms = ledger.snapshot.hosts, ledger.snapshot.vms
    if not ledger.supply.open[host] and not ledger.supply.fit[host]:
        return Pressure.UNKNOWN
    here = ledger.host_of == host
    rates = hosts.swap_in_kibps[host] + hosts.swap_out_kibps[host]
    if np.isnan(rates):
        rates = np.nan_to_num(vms.swap_in_kibps[here]).sum()
        rates += np.nan_to_num(vms.swap_out_kibps[here]).sum()
    footprint = ledger.supply.goods[1].columns.start
    over = ledger.load[host, footprint] > ledger.supply.usable[host]
    if rates > 0:
        return Pressure.SWAPPING
    if over and np.nan_to_num(vms.ballooned_mib[here]).sum() > 0:
        return Pressure.BALLOONING
    return Pressure.FULL if over else Pressure.CALM


def host_entity(ledger: Ledger, host: int) -> Entity:
    """A host as machines and people know it."""
    hosts = ledger.snapshot.hosts
    return Entity(hosts.moid[host], hosts.name[host]) if host >= 0 else Entity("", "")
