"""Taking memory from VMs: whose turn it is, by balloon, by compression, by swap.

All functions work on a whole fleet or on a part taken from one, and change it in place; amounts
are MiB per VM of it.
"""

from __future__ import annotations

import numpy as np

from vsphere_market.plant import laws, touch
from vsphere_market.plant.fleet import Fleet, Flows, Hosts
from vsphere_market.units import BoolArray, FloatArray

_ZERO, _ONE = laws.constant(0.0), laws.constant(1.0)
#: A target that is no further below a claim meets it.
_MET_MIB = laws.constant(1.0)
_ZIP_RATIO = laws.constant(laws.ZIP_RATIO)
_FLOOR_SHARE = laws.constant(laws.GUEST_FLOOR_SHARE)
_ABOVE_FLOOR = laws.constant(1.0 - laws.GUEST_FLOOR_SHARE)
_ZIP_MOST = laws.constant(laws.ZIP_MOST_OF_HELD)
_COMPRESSIBLE = laws.constant(laws.ZIP_COMPRESSIBLE)
#: Host memory that a page frees when it is compressed, and on the average of all pages.
_FREED_BY_ZIP = laws.constant(1.0 - laws.ZIP_RATIO)
_FREED_BY_PAGE = laws.constant(1.0 - laws.ZIP_COMPRESSIBLE * (1.0 - laws.ZIP_RATIO))
#: Free memory, as a share of minFree, up to which hosts in hard and low page out: a little more
#: than the line that ends hard, or rounding keeps them in it.
_ENOUGH = laws.constant(laws.LEAVE_ABOVE[2] + 0.01)
_STATES = np.arange(5)
_IS_CALM, _IS_SOFT, _IS_HARD = (
    _STATES < laws.SOFT, _STATES == laws.SOFT, _STATES >= laws.HARD
)  # fmt: skip
#: What balloons may at most deflate by, by the state of the host. Calm hosts are looked at once a
#: minute only, and then may give back a minute's worth; hard and low ones give nothing back.
_DEFLATE = -laws.BALLOON_FAST_MIBPS * np.array(
    [laws.SAMPLE_PERIOD_S, laws.SAMPLE_PERIOD_S, laws.STEP_S, 0.0, 0.0]
)


def claims(part: Fleet, wish: FloatArray) -> FloatArray:
    """What VMs would hold if nobody squeezed them: held, what the balloon took, and a wish.

    Swapped and compressed pages are no claim: they come back when they are touched, not before.
    """
    return np.minimum(_natural(part, part.held(), wish), part.limit)


def _natural(part: Fleet, held: FloatArray, wish: FloatArray) -> FloatArray:
    """Claims, limits apart."""
    natural = held + part.ballooned
    natural += wish
    return np.minimum(natural, part.size, out=natural)


def targets(part: Fleet, hosts: Hosts, wish: FloatArray) -> FloatArray:
    """Memory targets by min-funding revocation with the idle-memory tax [W02 §5].

    Between its reservation (or less, if it claims less) and its claim, every VM of a host holds in
    proportion to shares / (f + k (1 - f)). ``part`` must hold all VMs of the hosts they are on.
    """
    held = part.held()
    return _targets(part, hosts, held, _natural(part, held, wish))


def _targets(part: Fleet, hosts: Hosts, held: FloatArray, natural: FloatArray) -> FloatArray:
    """The same, what VMs hold and claim being known."""
    high = np.minimum(natural, part.limit)
    low = np.minimum(part.reservation, high)
    cost = hosts.idle_cost[part.host]
    weight = laws.fair_weights(part.shares, part.active, held, cost)
    # What a host can hand out is what its VMs hold and what is free, but for minFree.
    room = laws.summed(held, part.host, len(hosts))
    room += hosts.free
    room -= hosts.min_free
    return laws.waterfill(weight, low, high, part.host, np.maximum(room, _ZERO, out=room))


def _balloon_wanted(part: Fleet, goal: FloatArray, natural: FloatArray) -> FloatArray:
    """Balloons that hold VMs to their targets: size less target [W02 §3.2], swapped pages apart.

    With such a balloon the guest cannot hold more than its target whatever it does, so balloons
    rest when targets do. A VM whose claim is met needs none.
    """
    # The host's size of the VM counts, also while its guest has not yet brought it all online.
    wanted = part.size - part.swapped
    wanted -= _ZIP_RATIO * part.compressed
    wanted -= goal
    wanted *= goal < natural - _MET_MIB
    np.maximum(wanted, part.nothing, out=wanted)
    return np.minimum(wanted, part.balloon_cap, out=wanted)


def inflate(part: Fleet, want: FloatArray, seconds: float) -> None:
    """Grow balloons by up to ``want``, where that is above 0.

    The guest gives, in this order: memory it has freed (the host still backs it), memory it never
    touched (gains the host nothing), page cache, idle programs' memory paged out by the guest, and
    at last its working set. It gives slower and slower; without Tools it gives nothing.
    """
    size, taken, granted, cache = part.guest_size, part.ballooned, part.granted, part.cache
    nothing, fast = part.nothing, laws.constant(laws.BALLOON_FAST_MIBPS * seconds)
    present = granted + part.swapped
    present += part.compressed
    room = size - taken
    np.maximum(room, nothing, out=room)
    used = part.anon - part.paged
    used += cache
    easy = room - used
    np.maximum(easy, nothing, out=easy)
    easy += cache
    spare = room - _FLOOR_SHARE * size
    spare -= part.working
    reluctant = np.where(
        spare > easy, laws.BALLOON_SLOW_MIBPS * seconds, laws.BALLOON_HARD_MIBPS * seconds
    )
    pace = easy / fast
    np.subtract(_ONE, pace, out=pace)
    np.maximum(pace, nothing, out=pace)
    pace *= reluctant
    pace += easy
    grow = np.minimum(want, fast)
    np.minimum(grow, pace, out=grow)
    np.minimum(grow, part.balloon_cap - taken, out=grow)
    np.maximum(grow, nothing, out=grow)
    grow *= part.tools

    present_more = present - used
    untouched = size - present
    untouched -= taken
    np.maximum(untouched, nothing, out=untouched)
    untouched += np.minimum(present_more, nothing)
    np.maximum(untouched, nothing, out=untouched)
    freed = np.maximum(present_more, nothing, out=present_more)
    freed *= granted
    freed /= np.maximum(present, laws.TINY, out=present)
    from_untouched = grow - freed
    np.maximum(from_untouched, nothing, out=from_untouched)
    np.minimum(from_untouched, untouched, out=from_untouched)
    grow -= from_untouched
    from_granted = np.minimum(grow, granted, out=grow)
    granted -= from_granted
    taken += from_untouched
    taken += from_granted
    # Programs' memory that does not fit any more is paged out by the guest, and the page cache
    # shrinks to what programs and balloon leave.
    left = size - taken
    anon, paged = part.anon, part.paged
    np.copyto(paged, touch.fitting(anon, paged, left))
    left -= anon - paged
    np.maximum(left, nothing, out=left)
    np.minimum(cache, left, out=cache)


def page_out(part: Fleet, hosts: Hosts, want: FloatArray, seconds: float) -> FloatArray:
    """Take ``want`` of host memory by compression and swap; returns what was written to swap.

    Pages are picked at random [W02 §3.3], so the working set is hit in proportion to its share of
    what is granted. Those that compress well enter the VM's compression cache; a full cache writes
    its oldest pages to swap. What the host's swap device can write in the step bounds it all.
    """
    granted, stored, host = part.granted, part.compressed, part.host
    # A cache that has outgrown the VM it serves gives way, oldest pages first.
    nothing = part.nothing
    outgrown = _ZIP_MOST * (granted / _ZIP_RATIO + stored)
    evicted = np.minimum(np.maximum(stored - outgrown, nothing), want / _ZIP_RATIO)
    want = want - _ZIP_RATIO * evicted
    space = np.minimum(hosts.zip_max[host] * part.size / _ZIP_RATIO, outgrown) - stored
    space = np.maximum(space, nothing)
    pages = want / _FREED_BY_PAGE
    overflow = _COMPRESSIBLE * pages > space
    pages = np.where(overflow, want + _FREED_BY_ZIP * space, pages)
    pages = np.minimum(np.maximum(pages, nothing), granted)
    zipped = np.minimum(_COMPRESSIBLE * pages, space)

    written = pages - zipped + evicted
    total = laws.summed(written, host, len(hosts))
    share = np.minimum(hosts.swap_mibps * seconds / np.maximum(total, laws.TINY), _ONE)[host]
    pages, zipped, evicted, written = (
        pages * share,
        zipped * share,
        evicted * share,
        written * share,
    )

    # What the guest pages itself is neither hot nor warm here: it is not in its memory.
    room = np.maximum(_ABOVE_FLOOR * part.guest_size - part.ballooned, nothing)
    kept = np.minimum(part.working, room)
    hot = np.minimum(np.maximum(kept - part.hot_out, nothing), granted)
    warm = np.minimum(part.warm, room) - kept - part.warm_out
    warm = np.minimum(np.maximum(warm, nothing), granted - hot)
    chance = pages / np.maximum(granted, laws.TINY)
    part.hot_out += chance * hot
    part.warm_out += chance * warm
    granted -= pages
    part.swapped += written
    stored += zipped - evicted
    return written


def enforce_limits(fleet: Fleet, hosts: Hosts, flows: Flows) -> None:
    """Squeeze VMs that hold more than their limit, whatever the host's state.

    The balloon goes first; what it cannot take in time is paged out at once, because the limit
    is never exceeded.
    """
    rows = (fleet.held() > fleet.limit + 1e-9).nonzero()[0]
    if not len(rows):
        return
    part = fleet.take(rows)
    held, limit = part.held(), part.limit
    fleet.target[rows] = limit
    asked = _balloon_wanted(part, limit, _natural(part, held, held - limit)) * part.tools
    fleet.balloon_target[rows] = asked
    inflate(part, asked - part.ballooned, laws.STEP_S)
    excess = part.held() - limit
    if excess.max() > 1e-9:
        flows.swap_out[rows] += page_out(part, hosts, np.maximum(excess, 0.0), laws.STEP_S)
    fleet.put(rows, part)
    hosts.free = hosts.free + laws.summed(held - part.held(), part.host, len(hosts))


def balance(fleet: Fleet, hosts: Hosts, flows: Flows, pressed: BoolArray, wish: FloatArray) -> None:
    """One balance period for the hosts ``pressed``.

    Soft inflates balloons towards the targets; hard and low page out until the host is back in
    soft; everywhere balloons deflate as far as their VM's target allows, but not while the host
    is hard or low.
    """
    rows = (pressed[fleet.host] & fleet.on).nonzero()[0]
    if not len(rows):
        return
    part, wish, count = fleet.take(rows), wish[rows], len(hosts)
    host, balloon, before = part.host, part.ballooned, part.held()
    state, no_tools = hosts.state[host], ~part.tools
    soft, calm, hard = _IS_SOFT[state], _IS_CALM[state], _IS_HARD[state]
    natural = _natural(part, before, wish)
    goal = _targets(part, hosts, before, natural)
    fleet.target[rows] = goal
    asked = _balloon_wanted(part, goal, natural)
    # Without host pressure a balloon is never asked to grow; limits ask for themselves.
    if np.count_nonzero(calm):
        np.minimum(asked, balloon, out=asked, where=calm)
    if np.count_nonzero(no_tools):
        np.copyto(asked, balloon, where=no_tools)
    fleet.balloon_target[rows] = asked
    change = asked - balloon

    most = _DEFLATE[state]
    np.maximum(most, change, out=most)
    balloon += np.minimum(most, part.nothing, out=most)
    if np.count_nonzero(hard):
        # Paged out until the host is back in soft; then its balloons go on within the period.
        out = np.maximum(before - goal, part.nothing) * hard
        flows.swap_out[rows] += _page_out_to(_ENOUGH * hosts.min_free, part, hosts, hosts.free, out)
        free = hosts.free + laws.summed(before - part.held(), host, count)
        hosts.state = laws.next_states(hosts.state, free, hosts.min_free)
        soft = _IS_SOFT[hosts.state][host]
    change *= soft
    if np.count_nonzero(change > _ZERO):
        inflate(part, change, laws.STEP_S)
    after = part.held()
    free = hosts.free + laws.summed(before - after, host, count)
    short = free < hosts.min_free
    short &= _IS_SOFT[hosts.state]
    if np.count_nonzero(short):
        # Soft pages out only where ballooning is not possible [W02 §6.3].
        stuck = balloon >= part.balloon_cap - _MET_MIB
        stuck |= no_tools
        stuck &= short[host]
        stuck &= before > goal
        out = np.minimum(before, after)
        out -= goal
        np.maximum(out, part.nothing, out=out)
        out *= stuck
        flows.swap_out[rows] += _page_out_to(hosts.min_free, part, hosts, free, out)
        free = hosts.free + laws.summed(before - part.held(), host, count)
    fleet.put(rows, part)
    hosts.free = free


def _page_out_to(
    line: FloatArray, part: Fleet, hosts: Hosts, free: FloatArray, excess: FloatArray
) -> FloatArray:
    """Page out in proportion to the excess, no more than brings hosts from ``free`` to ``line``.

    A little more than the line that ends a state is asked for, or rounding keeps the host in it.
    Returns what was written to swap.
    """
    total = laws.summed(excess, part.host, len(hosts))
    share = np.maximum(line - free, _ZERO)
    share /= np.maximum(total, laws.TINY)
    np.minimum(share, _ONE, out=share)
    want = excess * share[part.host]
    if not np.count_nonzero(want):
        return want
    return page_out(part, hosts, want, laws.STEP_S)
