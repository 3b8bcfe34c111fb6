"""Taking memory from VMs: whose turn it is, by balloon, by compression, by swap.

All functions work on the rows ``rows`` of a fleet and change it in place; amounts are MiB per row.
"""

from __future__ import annotations

import numpy as np

from vsphere_market.plant import laws, touch
from vsphere_market.plant.fleet import Fleet, Flows, Hosts
from vsphere_market.units import BoolArray, FloatArray, IndexArray


def sellable(fleet: Fleet, hosts: Hosts) -> FloatArray:
    """(H,) what a host can hand out to its VMs and still have minFree left."""
    overhead = laws.summed(fleet.overhead, fleet.host, len(hosts))
    return np.maximum(
        hosts.memory - hosts.vmkernel - hosts.incoming - hosts.min_free - overhead, 0.0
    )


def claims(fleet: Fleet, rows: IndexArray, wish: FloatArray) -> FloatArray:
    """What VMs would hold if nobody squeezed them: held, what the balloon took, and a wish.

    Swapped and compressed pages are no claim: they come back when they are touched, not before.
    """
    held = fleet.granted[rows] + laws.ZIP_RATIO * fleet.compressed[rows]
    return np.minimum(
        np.minimum(held + fleet.ballooned[rows] + wish, fleet.size[rows]), fleet.limit[rows]
    )


def balloon_wanted(
    fleet: Fleet, rows: IndexArray, goal: FloatArray, wish: FloatArray
) -> FloatArray:
    """Balloons that hold VMs to their targets: size less target [W02 §3.2], swapped pages apart.

    With such a balloon the guest cannot hold more than its target whatever it does, so balloons
    rest when targets do. A VM whose claim is met needs none.
    """
    stored = laws.ZIP_RATIO * fleet.compressed[rows]
    natural = fleet.granted[rows] + stored + fleet.ballooned[rows] + wish
    # The host's size of the VM counts, also while its guest has not yet brought it all online.
    wanted = fleet.size[rows] - fleet.swapped[rows] - stored - goal
    wanted = np.where(goal < np.minimum(natural, fleet.size[rows]) - _MET_MIB, wanted, 0.0)
    return np.minimum(np.maximum(wanted, 0.0), fleet.balloon_cap[rows])


#: A target that is no further below a claim meets it.
_MET_MIB = 1.0


def targets(fleet: Fleet, hosts: Hosts, rows: IndexArray, wish: FloatArray) -> FloatArray:
    """Memory targets by min-funding revocation with the idle-memory tax [W02 §5].

    Between its reservation (or less, if it claims less) and its claim, every VM of a host holds in
    proportion to shares / (f + k (1 - f)); ``rows`` must hold all VMs of the hosts they are on.
    """
    held = fleet.granted[rows] + laws.ZIP_RATIO * fleet.compressed[rows]
    high = claims(fleet, rows, wish)
    low = np.minimum(fleet.reservation[rows], high)
    where = fleet.host[rows]
    weight = laws.fair_weights(fleet.shares[rows], fleet.active[rows], held, hosts.idle_cost[where])
    return laws.waterfill(weight, low, high, where, sellable(fleet, hosts))


def inflate(fleet: Fleet, rows: IndexArray, want: FloatArray, seconds: float) -> FloatArray:
    """Grow balloons by up to ``want``; returns by how much they grew.

    The guest gives, in this order: memory it has freed (the host still backs it), memory it never
    touched (gains the host nothing), page cache, idle programs' memory paged out by the guest, and
    at last its working set. It gives slower and slower; without Tools it gives nothing.
    """
    size, taken = fleet.guest_size[rows], fleet.ballooned[rows]
    granted = fleet.granted[rows]
    present = granted + fleet.swapped[rows] + fleet.compressed[rows]
    room = np.maximum(size - taken, 0.0)
    cache = fleet.cache[rows]
    used = fleet.anon[rows] - fleet.paged[rows] + cache
    easy = np.maximum(room - used, 0.0) + cache
    fast = laws.BALLOON_FAST_MIBPS * seconds
    spare = room - laws.GUEST_FLOOR_SHARE * size - fleet.working[rows]
    reluctant = np.where(spare > easy, laws.BALLOON_SLOW_MIBPS, laws.BALLOON_HARD_MIBPS) * seconds
    pace = easy + reluctant * np.maximum(1.0 - easy / fast, 0.0)
    grow = np.minimum(np.minimum(want, fast), pace)
    grow = np.minimum(grow, fleet.balloon_cap[rows] - taken)
    grow = np.where(fleet.tools[rows], np.maximum(grow, 0.0), 0.0)

    unbacked = np.maximum(size - present - taken, 0.0)
    untouched = np.maximum(unbacked - np.maximum(used - present, 0.0), 0.0)
    freed = np.maximum(present - used, 0.0) * granted / np.maximum(present, 1e-9)
    from_untouched = np.clip(grow - freed, 0.0, untouched)
    from_granted = np.minimum(grow - from_untouched, granted)
    grow = from_untouched + from_granted
    fleet.granted[rows] = granted - from_granted
    fleet.ballooned[rows] = taken + grow
    touch.page_guests(fleet, rows, False)
    _trim_cache(fleet, rows)
    return grow


def _trim_cache(fleet: Fleet, rows: IndexArray) -> None:
    """Let the page cache shrink to what programs and balloon leave."""
    room = fleet.guest_size[rows] - fleet.ballooned[rows]
    room = np.maximum(room - (fleet.anon[rows] - fleet.paged[rows]), 0.0)
    fleet.cache[rows] = np.minimum(fleet.cache[rows], room)


def deflate(fleet: Fleet, rows: IndexArray, want: FloatArray, seconds: FloatArray) -> FloatArray:
    """Shrink balloons by up to ``want``; the pages come back untouched. Returns by how much."""
    give = np.minimum(want, laws.BALLOON_FAST_MIBPS * seconds)
    give = np.clip(give, 0.0, fleet.ballooned[rows])
    fleet.ballooned[rows] -= give
    return give


def page_out(
    fleet: Fleet,
    hosts: Hosts,
    flows: Flows,
    rows: IndexArray,
    want: FloatArray,
    seconds: float,
) -> FloatArray:
    """Take host memory by compression and swap; returns how much host memory came free.

    Pages are picked at random [W02 §3.3], so the working set is hit in proportion to its share of
    what is granted. Those that compress well enter the VM's compression cache; a full cache writes
    its oldest pages to swap. What the host's swap device can write in the step bounds it all.
    """
    granted = fleet.granted[rows]
    host = fleet.host[rows]
    space = hosts.zip_max[host] * fleet.size[rows] / laws.ZIP_RATIO - fleet.compressed[rows]
    # A cache that has outgrown the VM it serves gives way, oldest pages first.
    stored = fleet.compressed[rows]
    outgrown = laws.ZIP_MOST_OF_HELD * (granted + laws.ZIP_RATIO * stored) / laws.ZIP_RATIO
    evicted = np.minimum(np.maximum(stored - outgrown, 0.0), want / laws.ZIP_RATIO)
    want = want - laws.ZIP_RATIO * evicted
    space = np.maximum(np.minimum(space, outgrown - stored), 0.0)
    pages = want / (1.0 - laws.ZIP_COMPRESSIBLE * (1.0 - laws.ZIP_RATIO))
    overflow = laws.ZIP_COMPRESSIBLE * pages > space
    pages = np.where(overflow, want + (1.0 - laws.ZIP_RATIO) * space, pages)
    pages = np.clip(pages, 0.0, granted)
    zipped = np.minimum(laws.ZIP_COMPRESSIBLE * pages, space)

    written = laws.summed(pages - zipped + evicted, host, len(hosts))
    share = np.minimum(hosts.swap_mibps * seconds / np.maximum(written, 1e-9), 1.0)[host]
    pages, zipped, evicted = pages * share, zipped * share, evicted * share

    # What the guest pages itself is neither hot nor warm here: it is not in its memory.
    kept = resident(fleet, rows, fleet.working[rows])
    hot = np.minimum(np.maximum(kept - fleet.hot_out[rows], 0.0), granted)
    warm = resident(fleet, rows, fleet.warm[rows]) - kept - fleet.warm_out[rows]
    warm = np.minimum(np.maximum(warm, 0.0), granted - hot)
    chance = pages / np.maximum(granted, 1e-9)
    fleet.hot_out[rows] += chance * hot
    fleet.warm_out[rows] += chance * warm
    fleet.granted[rows] = granted - pages
    fleet.swapped[rows] += pages - zipped + evicted
    fleet.compressed[rows] += zipped - evicted
    flows.swap_out[rows] += pages - zipped + evicted
    return pages - laws.ZIP_RATIO * (zipped - evicted)


def resident(fleet: Fleet, rows: IndexArray, amount: FloatArray) -> FloatArray:
    """The part of an amount of pages that the guest keeps in memory and does not page itself."""
    room = (1.0 - laws.GUEST_FLOOR_SHARE) * fleet.guest_size[rows] - fleet.ballooned[rows]
    return np.minimum(amount, np.maximum(room, 0.0))


def enforce_limits(fleet: Fleet, hosts: Hosts, flows: Flows, seconds: float) -> bool:
    """Squeeze VMs that hold more than their limit, whatever the host's state.

    The balloon goes first; what it cannot take in time is paged out at once, because the limit
    is never exceeded. Returns whether anything was done.
    """
    held = fleet.held()
    rows = (held > fleet.limit + 1e-9).nonzero()[0]
    if not len(rows):
        return False
    excess = held[rows] - fleet.limit[rows]
    fleet.target[rows] = fleet.limit[rows]
    asked = np.where(fleet.tools[rows], balloon_wanted(fleet, rows, fleet.limit[rows], excess), 0.0)
    fleet.balloon_target[rows] = asked
    before = fleet.granted[rows].copy()
    inflate(fleet, rows, asked - fleet.ballooned[rows], seconds)
    excess = excess - (before - fleet.granted[rows])
    if excess.max() > 1e-9:
        page_out(fleet, hosts, flows, rows, np.maximum(excess, 0.0), seconds)
    return True


def balance(
    fleet: Fleet,
    hosts: Hosts,
    flows: Flows,
    pressed: BoolArray,
    wish: FloatArray,
) -> None:
    """One balance period for the hosts ``pressed``.

    Soft inflates balloons towards the targets; hard and low page out until the host is back in
    soft; everywhere balloons deflate as far as their VM's target allows, but not while the host
    is hard or low.
    """
    rows = (pressed[fleet.host] & fleet.on).nonzero()[0]
    if not len(rows):
        return
    goal = targets(fleet, hosts, rows, wish[rows])
    fleet.target[rows] = goal
    held = fleet.granted[rows] + laws.ZIP_RATIO * fleet.compressed[rows]
    excess = held - goal
    where, tools = fleet.host[rows], fleet.tools[rows]
    state = hosts.state[where]
    asked = balloon_wanted(fleet, rows, goal, wish[rows])
    # Without host pressure a balloon is never asked to grow; limits ask for themselves.
    asked = np.where(state >= laws.SOFT, asked, np.minimum(asked, fleet.ballooned[rows]))
    asked = np.where(tools, asked, fleet.ballooned[rows])
    fleet.balloon_target[rows] = asked
    change = asked - fleet.ballooned[rows]

    calm_enough = state < laws.HARD
    shrink = (calm_enough & (change < 0.0)).nonzero()[0]
    if len(shrink):
        # Calm hosts are looked at once a minute only, and then may give a minute's worth.
        seconds = np.where(state[shrink] < laws.SOFT, laws.SAMPLE_PERIOD_S, laws.STEP_S)
        deflate(fleet, rows[shrink], -change[shrink], seconds)
    grow = ((state == laws.SOFT) & (change > 0.0)).nonzero()[0]
    if len(grow):
        inflate(fleet, rows[grow], change[grow], laws.STEP_S)
    # Soft pages out only where ballooning is not possible [W02 §6.3].
    full = fleet.ballooned[rows] >= fleet.balloon_cap[rows] - _MET_MIB
    out = (excess > 0.0) & ((state >= laws.HARD) | ((state == laws.SOFT) & (full | ~tools)))
    if np.count_nonzero(out):
        hosts.free = hosts.memory - fleet.used_by_host(hosts)
        _page_out_to_line(fleet, hosts, flows, rows, np.where(out, excess, 0.0), laws.STEP_S)
    hard = state >= laws.HARD
    if np.count_nonzero(hard):
        # Once that has brought a host back to soft, its balloons go on within the same period.
        hosts.free = hosts.memory - fleet.used_by_host(hosts)
        hosts.state = laws.next_states(hosts.state, hosts.free, hosts.min_free)
        back = hard & (hosts.state[where] <= laws.SOFT)
        grow = (back & (change > 0.0)).nonzero()[0]
        if len(grow):
            inflate(fleet, rows[grow], change[grow], laws.STEP_S)


def _page_out_to_line(
    fleet: Fleet,
    hosts: Hosts,
    flows: Flows,
    rows: IndexArray,
    excess: FloatArray,
    seconds: float,
) -> None:
    """Page out in proportion to the excess, no more than brings hosts to their lines.

    Those are minFree for soft hosts, and for hard and low ones the line back to soft: a little
    past it, or rounding keeps them hard.
    """
    lines = np.where(hosts.state >= laws.HARD, laws.LEAVE_ABOVE[2] + 0.01, 1.0)
    lack = np.maximum(lines * hosts.min_free - hosts.free, 0.0)
    total = laws.summed(excess, fleet.host[rows], len(hosts))
    share = np.minimum(lack / np.maximum(total, 1e-9), 1.0)
    want = excess * share[fleet.host[rows]]
    some = (want > 0.0).nonzero()[0]
    if len(some):
        page_out(fleet, hosts, flows, rows[some], want[some], seconds)
