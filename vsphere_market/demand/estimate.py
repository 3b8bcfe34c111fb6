"""From one snapshot, and what is remembered of earlier ones, to demand.

Facts used (sources in ``docs/design/demand.md``): *active* is a sampled estimate of memory
touched in a minute of the VM's own time; *granted* does not fall without pressure; swapped and
compressed pages come back only when touched, so a rate of swap-in or decompression is touching of
memory that the VM lacks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vsphere_market.demand.history import PEAK_SHARE, DemandHistory, identities, share_of_day
from vsphere_market.demand.model import Demand
from vsphere_market.demand.sizes import SizeHistory
from vsphere_market.demand.sizing import Sizing
from vsphere_market.demand.storage import Usual
from vsphere_market.estate import POWERED_ON, Snapshot, VmTable
from vsphere_market.units import KIB_PER_MIB, BoolArray, FloatArray

#: A VM that waits for its pages for more than this share of its time is held back, percent.
WAITS_PCT = 1.0
#: Pages that ESXi samples of each VM a period [Waldspurger 2002, section 5.3].
SAMPLED_PAGES = 100


@dataclass(frozen=True, slots=True)
class DemandSettings:
    """How demand is read from counters.

    Attributes:
        headroom: factor on the active memory: sampling error and growth until the next look.
        refault_window_s: pages coming back from swap or compression during this time are taken
            for a part of the working set.
        chance: so many standard errors of active are taken for chance where its largest sample is
            above its mean.
        unknown_active_share: working set of a VM without counters, as share of its footprint.
        guest_window_s: what a guest pages in during this time is taken for memory that it lacks.
        guest_most: at most this share of its size.
        guest_busy_share: a guest that uses less than this share of its size and pages nevertheless
            reads back what it paged out earlier.
        guest_robbed_share: a guest of which more than this share of its size was taken away pages
            because of that.
        present_weight: least weight of the present in the curve. It stands for so much of the
            coming day as demand was seen to persist, and for those of its hours that were never
            seen; the remembered hours share the rest.
        peak_share: how far from its mean towards its largest sample a working set is taken to be:
            maxima of many VMs never come together, and sampling alone makes maxima large.
    """

    headroom: float = 1.1
    refault_window_s: float = 300.0
    chance: float = 3.0
    unknown_active_share: float = 0.5
    guest_window_s: float = 60.0
    guest_most: float = 0.25
    guest_busy_share: float = 0.85
    guest_robbed_share: float = 0.01
    present_weight: float = 0.1
    peak_share: float = PEAK_SHARE


def estimate_demand(
    snapshot: Snapshot,
    history: DemandHistory | None = None,
    settings: DemandSettings | None = None,
    sizes: SizeHistory | None = None,
    storage: Usual | None = None,
) -> Demand:
    """Estimate the demand of every VM of a snapshot.

    Args:
        snapshot: the estate now.
        history: what earlier snapshots showed, already updated with this one; None for none.
        settings: how to read the counters.
        sizes: what months showed, already updated likewise; None for nothing.
        storage: what storage usually does; None for what the snapshot shows.
    """
    settings = settings or DemandSettings()
    vms = snapshot.vms
    running = np.array([power == POWERED_ON for power in vms.power], dtype=np.bool_)
    size = vms.size_mib
    resident = np.where(np.isnan(vms.granted_mib), vms.consumed_mib, vms.granted_mib)
    known = running & ~np.isnan(vms.active_mib) & ~np.isnan(resident)
    taken = _zero(vms.ballooned_mib) + _zero(vms.swapped_mib) + _zero(vms.compressed_mib)
    taken = np.minimum(taken, size)
    stand_in = _stand_in(snapshot, running, known)
    footprint = np.minimum(np.where(known, resident + taken, stand_in), size)

    # Active is a share of what can be sampled. When a balloon lets go, the share is remembered for
    # a while and what it is of grows: more seems touched then than there is.
    peak = np.fmin(np.fmax(vms.active_mib, vms.active_peak_mib), footprint)
    mean = np.where(np.isnan(vms.active_mib), peak, np.fmin(vms.active_mib, footprint))
    wanted = _zero(mean + above_chance(mean, peak - mean, size, settings.chance))
    wanted = np.where(known, wanted, settings.unknown_active_share * footprint)
    # What comes back was touched, if not in every minute.
    missing = _zero(vms.swapped_mib) + _zero(vms.compressed_mib)
    coming_back = _zero(vms.swap_in_kibps) + _zero(vms.decompress_kibps)
    refaulted = np.minimum(coming_back * (settings.refault_window_s / KIB_PER_MIB), missing)
    level = _zero(mean + settings.peak_share * (peak - mean)) + refaulted
    level = np.minimum(level, footprint)
    working = np.where(known, settings.headroom * level, wanted)
    # Paging says that a VM is too small only where nothing else explains it: under a balloon the
    # host is to blame, and after growth or a balloon the guest fetches old pages for a while.
    paged = _zero(vms.guest_swap_kibps) * (settings.guest_window_s / KIB_PER_MIB)
    robbed = taken > settings.guest_robbed_share * size
    paged[robbed | (wanted < settings.guest_busy_share * size)] = 0.0
    wanted = np.where(known, wanted + np.minimum(paged, settings.guest_most * size), wanted)
    # A guest's own word, where somebody asks it, counts what active memory cannot see: programs'
    # pages that are rarely touched, and cache that is worth keeping.
    wanted = np.where(known, np.fmax(wanted, vms.guest_needed_mib), wanted)
    # With headroom a VM may come to hold more than it does.
    footprint = np.minimum(np.maximum(footprint, working), size)
    now = np.minimum(working, footprint)

    idle_vm = ~running
    for column in (footprint, wanted, now, taken):
        column[idle_vm] = 0.0
    curve, weight, hours = _curve(vms, now, running, history, settings)
    overhead = np.where(np.isnan(vms.overhead_mib), typical_overhead(size), vms.overhead_mib)
    return Demand(
        footprint=footprint,
        wanted=wanted,
        lacking=np.maximum(wanted - size, 0.0),
        curve=curve,
        date_weight=weight,
        overhead=np.where(running, overhead, 0.0),
        taken=taken,
        cpu_mhz=np.where(running, _zero(vms.cpu_demand_mhz), 0.0),
        known=known,
        running=running,
        confidence=_confidence(vms.samples, hours, known),
        sizing=Sizing.unknown(wanted) if sizes is None else sizes.sizing(identities(vms), wanted),
        storage=storage,
    )


def above_chance(
    mean: FloatArray, excess: FloatArray, size: FloatArray, errors: float
) -> FloatArray:
    """What of active memory's rise above its mean is no chance of sampling, (V,) MiB.

    ESXi looks at :data:`SAMPLED_PAGES` random pages a period, so that a guest which steadily uses
    four fifths of its memory shows nine tenths now and then. What is real and what is chance add
    up in squares: a rise within chance is none, one that is far beyond it counts in full.

    Args:
        mean: active memory, MiB.
        excess: of its largest sample over that, MiB.
        size: configured memory, MiB.
        errors: so many standard errors are chance.
    """
    share = np.clip(mean / np.maximum(size, 1.0), 0.0, 1.0)
    chance = errors * size * np.sqrt(share * (1.0 - share) / SAMPLED_PAGES)
    rise: FloatArray = np.sqrt(np.maximum(excess**2 - chance**2, 0.0))
    return rise


def held_back(vms: VmTable, rows: slice | int = slice(None)) -> BoolArray:
    """(n,) VMs that wait for pages that were taken from them: they show less than they want."""
    # What is not told is not more than anything.
    coming_back = (vms.swap_in_kibps[rows] > 0) | (vms.decompress_kibps[rows] > 0)
    found: BoolArray = coming_back & (vms.latency_pct[rows] > WAITS_PCT)
    return found


def typical_overhead(size_mib: FloatArray) -> FloatArray:
    """Overhead of a VM whose counter is missing, MiB.

    A line through the power-on overheads that the vSphere 6.5 Resource Management guide prints
    for one and two vCPUs: 25.9 MB at 1 GiB, 139.6 MB at 16 GiB.
    """
    overhead: FloatArray = 18.3 + 7.58 * size_mib / 1024.0
    return overhead


def _zero(column: FloatArray) -> FloatArray:
    """A counter that may be missing, as an amount to add: nothing is known to be there."""
    filled: FloatArray = np.nan_to_num(column, nan=0.0)
    return filled


def _stand_in(snapshot: Snapshot, running: BoolArray, known: BoolArray) -> FloatArray:
    """Footprint of running VMs without counters.

    The host's own consumed memory, less VMkernel and the VMs that are known, is what the unknown
    ones hold together; it is shared out by size. Where the host gives no figure either, the whole
    size is assumed: too careful beats too bold.
    """
    vms, hosts = snapshot.vms, snapshot.hosts
    size = vms.size_mib.copy()
    unknown = running & ~known
    if not unknown.any():
        return size
    for host in np.unique(vms.host[unknown]):
        if host < 0 or np.isnan(hosts.consumed_mib[host]):
            continue
        here = running & (vms.host == host)
        held = _zero(vms.consumed_mib[here & known]).sum()
        held += _zero(vms.overhead_mib[here & known]).sum()
        left = hosts.consumed_mib[host] - _zero(hosts.vmkernel_mib)[host] - held
        mine = here & unknown
        share = max(left, 0.0) / max(size[mine].sum(), 1.0)
        size[mine] *= min(1.0, share)
    return size


def _curve(
    vms: VmTable,
    now: FloatArray,
    running: BoolArray,
    history: DemandHistory | None,
    settings: DemandSettings,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The dated curve (V, S), its weights (S,), and hours of history per VM (V,)."""
    if history is None or not len(history):
        return now[:, None].copy(), np.ones(1), np.zeros(len(vms))
    past = history.dates(identities(vms))
    hours = np.isfinite(past.level).sum(axis=1).astype(np.float64)
    # An hour in which nothing is known of a VM says what the present says.
    level = np.where(np.isfinite(past.level), past.level, now[:, None])
    level = np.minimum(level, vms.size_mib[:, None]) * running[:, None]
    # Hours ahead that were never seen before: as now, as far as demand persists, else like those
    # that were seen.
    present = max(settings.present_weight, share_of_day(past.persistence))
    present += (1.0 - present) * past.unknown * past.persistence
    weight = np.concatenate([[present], (1.0 - present) * past.weight / past.weight.sum()])
    return np.concatenate([now[:, None], level], axis=1), weight, hours


def _confidence(samples: FloatArray, hours: FloatArray, known: BoolArray) -> FloatArray:
    """Grows with samples now (15 make five minutes) and with hours remembered (a day is enough)."""
    now = np.minimum(samples / 15.0, 1.0)
    past = np.minimum(hours / 24.0, 1.0)
    return np.where(known, 0.5 * now + 0.5 * past, 0.0)
