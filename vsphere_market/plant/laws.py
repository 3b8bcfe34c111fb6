"""The laws of ESXi memory scheduling that are pure functions, and every constant of the model.

Each constant names its origin: [W02] Waldspurger, OSDI 2002; [RM] vSphere Resource Management
guide; [OVT] open-vm-tools; [OPS] VMware Operations Guide; [EPP] Epping's table of memory states;
[ASM] an assumption of this model, for want of a published figure. ``docs/design/plant.md`` tells
more about each.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vsphere_market.units import FloatArray, IndexArray

#: Seconds per step: Mem.BalancePeriod [RM].
STEP_S = 15.0
#: Pages of 4 KiB in a MiB.
PAGES_PER_MIB = 256.0

# ------------------------------------------------------------------ host states
#: A state is entered when free memory falls below this share of minFree [EPP], worst last:
#: clear, soft, hard, low. The state number is the count of lines crossed, 0 is high.
ENTER_BELOW = (1.00, 0.64, 0.32, 0.16)
#: A state is left only above the line of the state before it; [W02] has such hysteresis without
#: figures, so the lines are reused and the first is [ASM].
LEAVE_ABOVE = (1.20, 1.00, 0.64, 0.32)
HIGH, CLEAR, SOFT, HARD, LOW = range(5)
#: All lines upwards, and for each state and number of lines that are kept, the state to come;
#: and where the row of a state begins.
_LINES = np.array(sorted({*ENTER_BELOW, *LEAVE_ABOVE}))
_NEXT = np.array(
    [
        max(
            sum(kept <= list(_LINES).index(line) for line in ENTER_BELOW),
            min(state, sum(kept <= list(_LINES).index(line) for line in LEAVE_ABOVE)),
        )
        for state in range(5)
        for kept in range(len(_LINES) + 1)
    ]
)
_ROW = np.arange(5) * (len(_LINES) + 1)
#: Below this share of minFree nothing is handed out any more; what the VMkernel needs to page.
LAST_SHARE = 0.04

# ------------------------------------------------------------------ idle-memory tax
#: Mem.IdleTax [RM, W02].
IDLE_TAX = 0.75
#: Cost of an idle page against an active one, k = 1 / (1 - tax) [W02 §5.2].
IDLE_COST = 1.0 / (1.0 - IDLE_TAX)

# ------------------------------------------------------------------ balloon
#: Mem.CtlMaxPercent [RM].
BALLOON_MAX_SHARE = 0.65
#: 16,384 pages/s while the guest gives freely, inflating or deflating [OVT].
BALLOON_FAST_MIBPS = 64.0
#: 2,048 pages/s when the guest has to page out idle memory [OVT].
BALLOON_SLOW_MIBPS = 8.0
#: 512 pages/s when it has to page out what it uses [OVT].
BALLOON_HARD_MIBPS = 2.0

# ------------------------------------------------------------------ compression and swap
#: Mem.MemZipMaxPct: the compression cache as a share of the VM's size [RM].
ZIP_MAX_SHARE = 0.10
#: A compressed page takes half a page [RM: compresses to 2 KB or less].
ZIP_RATIO = 0.5
#: The most of what a VM holds that its compression cache may be [ASM].
ZIP_MOST_OF_HELD = 0.5
#: Share of the pages chosen for swap that compress that well [ASM].
ZIP_COMPRESSIBLE = 0.5
#: Time to decompress one page [ASM].
ZIP_LATENCY_S = 30e-6
#: Time to read one page from a swap file or a guest's page file [ASM: flash behind a SAN].
SWAP_LATENCY_S = 1e-3
#: What one host can write to, or read from, swap [ASM].
SWAP_MIBPS = 200.0

# ------------------------------------------------------------------ touching
#: Mem.SamplePeriod [RM].
SAMPLE_PERIOD_S = 60.0
#: Pages sampled per period [W02 §5.3].
SAMPLE_PAGES = 100
#: Gains of the fast and the slow average per period [ASM; W02 gives the idea, no figures].
FAST_GAIN = 0.5
SLOW_GAIN = 0.1
#: Mean time between two touches of a page of the working set: the working set is what is
#: touched within a sample period, so it must be below that [ASM].
HOT_TOUCH_S = 30.0
#: How long a page that left the working set is the more likely to come back [ASM].
WARM_S = 86400.0
#: What a guest keeps for itself before it begins to page, as a share of its memory: VMware's
#: "needed memory" leaves the same 5 % [OPS, OVT].
GUEST_FLOOR_SHARE = 0.05
#: Fastest growth of a VM by touching new memory [ASM].
TOUCH_MIBPS = 256.0
#: Time constant of a page cache that fills up again [ASM].
CACHE_FILL_S = 600.0

# ------------------------------------------------------------------ vMotion
#: Share of the link that migrations get out of it [ASM; 18 of 40 Gb/s by one adapter, nearly
#: all of 10 Gb/s].
LINK_EFFICIENCY = 0.9
#: Preparing, checking and handing over [ASM].
VMOTION_SETUP_S = 8.0
#: Longest stun at switch-over that is aimed at.
SWITCHOVER_S = 0.5
#: Share of its time that a VM loses while its writes are traced [ASM].
PRECOPY_STALL = 0.02
#: Pages written per second as a share of the link above which the VM is slowed down (SDPS).
DIRTY_CEILING = 0.8
#: A migration that has to do with less, for want of memory on the target, makes no progress: it
#: is the 250 Mb/s that VMware asks for each concurrent one.
VMOTION_LEAST_MIBPS = 250e6 / 8 / (1 << 20)
#: A migration that makes no progress for this long is given up [ASM].
VMOTION_TIMEOUT_S = 120.0

#: (amount in MiB, share kept free of it) of the sliding scale of minFree; the rest is 1 %.
_MIN_FREE_BANDS = ((4096.0, 0.06), (8192.0, 0.04), (16384.0, 0.02))


def constant(value: float) -> FloatArray:
    """A number as an array without dimensions.

    NumPy works with it as with the number, but needs not find out first what it is: a third to
    a half of the time of a call on a short array, of which a step has hundreds.
    """
    number = np.array(value, dtype=np.float64)
    number.setflags(write=False)
    return number


#: What divisors are at least, where nothing divided by nothing is to be nothing.
TINY = constant(1e-9)
_ONE = constant(1.0)
#: A slope below this is what rounding has left: the weights of a segment add up to 1.
_STEEP = constant(1e-10)


def min_free_mib(memory_mib: FloatArray) -> FloatArray:
    """minFree of hosts with that much memory: 6 % of the first 4 GiB, 4 % of the next 8, …."""
    left = np.asarray(memory_mib, dtype=np.float64).copy()
    total = np.zeros_like(left)
    for amount, share in _MIN_FREE_BANDS:
        part = np.minimum(left, amount)
        total += share * part
        left -= part
    return total + 0.01 * left


def overhead_mib(size_mib: FloatArray | float, vcpus: FloatArray | float) -> FloatArray:
    """Memory a host needs to run a VM: a plane through the four published points, within 0.2 MB.

    25.9 MB at 1 GB and 1 vCPU, 52.7 at 4 and 2, 139.6 at 16 and 1, 168.6 at 16 and 8 [RM 6.5].
    """
    size, cpus = np.asarray(size_mib, np.float64), np.asarray(vcpus, np.float64)
    return np.asarray(14.18 + 7.58 / 1024.0 * size + 4.14 * cpus)


def summed(values: FloatArray, segment: IndexArray, count: int) -> FloatArray:
    """(count,) sums of values per segment: of VMs per host, for the most part."""
    sums: NDArray[Any] = np.bincount(segment, values, count)
    return sums


def next_states(state: IndexArray, free_mib: FloatArray, min_free: FloatArray) -> IndexArray:
    """States after a look at free memory: worse at once, better only past the line above."""
    # How many of all lines lie at or below the share.
    place = _LINES.searchsorted(free_mib / min_free, "right")
    place += _ROW[state]
    states: IndexArray = _NEXT[place]
    return states


def fair_weights(
    shares: FloatArray,
    active_mib: FloatArray,
    held_mib: FloatArray,
    idle_cost: FloatArray | float = IDLE_COST,
) -> FloatArray:
    """What a VM may hold per unit of price: shares / (f + k (1 - f)), f the active share.

    The inverse of [W02 §5.2]'s shares-per-page ratio at one page: equal prices mean allocations
    in proportion to these.

    Args:
        shares: (n,) shares.
        active_mib: (n,) estimate of active memory.
        held_mib: (n,) memory held; what of it is not active is idle.
        idle_cost: k, what an idle page costs against an active one.
    """
    f = active_mib / np.maximum(held_mib, _ONE)
    np.minimum(f, _ONE, out=f)
    cost = _ONE - f
    cost *= idle_cost
    cost += f
    return np.divide(shares, cost, out=cost)


def waterfill(
    weight: FloatArray,
    low: FloatArray,
    high: FloatArray,
    segment: IndexArray,
    capacity: FloatArray,
) -> FloatArray:
    """Share capacity out in proportion to weights, between bounds, in every segment at once.

    This is where min-funding revocation comes to rest: pages have gone from whoever paid least
    per page until all that are between their bounds pay the same. Solved exactly: what a segment
    hands out at a level is piecewise linear in it, with a kink where an entry leaves its lower
    bound and one where it reaches its upper; sorting the kinks and summing up between them finds
    the piece on which the capacity lies.

    Args:
        weight: (n,) positive.
        low: (n,) never less; kept even when the lows alone exceed the capacity.
        high: (n,) never more, at least ``low``.
        segment: (n,) which capacity an entry draws on.
        capacity: (segments,).

    Returns:
        (n,) allocations; they add up to the capacity where it is between the sums of the bounds.
    """
    count, entries = len(capacity), len(weight)
    if not entries:
        return np.zeros(0)
    # Only proportions within a segment matter; sums to 1 keep the rounding of all alike.
    weight = weight / summed(weight, segment, count)[segment]
    kinks = np.empty((2, entries))
    np.divide(low, weight, out=kinks[0])
    np.divide(high, weight, out=kinks[1])
    # One sort by segment, then level: levels are spread so that segments do not overlap.
    order = (kinks + segment * (1.001 * kinks.max() + 1.0)).ravel().argsort()
    kink, where = kinks.ravel()[order], np.concatenate((segment, segment))[order]
    slope = np.concatenate((weight, -weight))[order]
    np.add.accumulate(slope, out=slope)
    # What is handed out between a kink and the one before it, and one more entry: kinks of a
    # segment begin at ``first``; of one without entries, where those of the next one do, or at the
    # end, where there is nothing any more.
    first = where.searchsorted(np.arange(count))
    handed = np.empty(2 * entries + 1)
    np.subtract(kink[1:], kink[:-1], out=handed[1:-1])
    handed[1:-1] *= slope[:-1]
    handed[first] = 0.0
    handed[-1] = 0.0
    np.add.accumulate(handed, out=handed)
    begun = handed[first]
    handed = handed[:-1]
    handed += (summed(low, segment, count) - begun)[where]
    reached = np.bincount(where[handed <= capacity[where]], minlength=count)
    # Where not even the lows fit, this is the kink before the segment's; it is not used.
    last = first + reached - 1
    # Where nothing rises, any level of the piece will do; rounding must not choose one far off.
    steep = slope[last]
    level = np.zeros(count)
    np.divide(capacity - handed[last], steep, out=level, where=steep > _STEEP)
    level += kink[last]
    level *= reached > 0
    share: FloatArray = weight * level[segment]
    np.maximum(share, low, out=share)
    return np.minimum(share, high, out=share)
