"""Guests touching their memory: growth, refaults from swap, guest paging, and the wait for them."""

from __future__ import annotations

import numpy as np

from vsphere_market.plant import laws
from vsphere_market.plant.fleet import Fleet, Flows, Hosts
from vsphere_market.units import BoolArray, FloatArray, IndexArray

#: Share of missing working-set pages that is touched in one step.
_HOT_TOUCH = 1.0 - np.exp(-laws.STEP_S / laws.HOT_TOUCH_S)
#: Share of the pages that a guest misses of its working set, its coldest, touched in one step.
_COLD_TOUCH = laws.STEP_S / laws.SAMPLE_PERIOD_S
#: Steps between two looks at what is warm.
WARM_STEPS = round(laws.SAMPLE_PERIOD_S / laws.STEP_S)
#: Share of the warm set beyond the working set that fades from look to look.
_FADE = 1.0 - np.exp(-laws.SAMPLE_PERIOD_S / laws.WARM_S)
_CACHE_GAIN = 1.0 - np.exp(-laws.STEP_S / laws.CACHE_FILL_S)
_TOUCH_STEP = laws.TOUCH_MIBPS * laws.STEP_S


def growth(fleet: Fleet, page_in: bool, scratch: FloatArray) -> FloatArray:
    """What guests want to touch anew in this step, MiB per VM; lets page caches fill up.

    A guest uses its programs' memory, but for what is in its page file, and its page cache, as far
    as the balloon leaves room; what of that the host does not hold yet, in memory or swapped, is
    touched for the first time. ``page_in`` says that it is time to look at page files as well.
    """
    room = fleet.guest_size - fleet.ballooned
    cache = fleet.cache
    np.subtract(fleet.cache_want, cache, out=scratch)
    scratch *= _CACHE_GAIN
    cache += scratch
    used = fleet.anon - fleet.paged
    np.subtract(room, used, out=scratch)
    page_in = page_in and bool(fleet.paged.any())
    moving = scratch < 0.0
    if page_in or np.count_nonzero(moving):
        if page_in:
            moving |= fleet.paged > 0.0
        page_guests(fleet, moving.nonzero()[0], page_in)
        np.subtract(fleet.anon, fleet.paged, out=used)
        np.subtract(room, used, out=scratch)
    np.minimum(cache, scratch, out=cache)
    np.maximum(cache, 0.0, out=cache)
    used += cache
    used -= fleet.granted
    used -= fleet.swapped
    used -= fleet.compressed
    np.maximum(used, 0.0, out=used)
    np.minimum(used, _TOUCH_STEP, out=used)
    return used


def page_guests(fleet: Fleet, rows: IndexArray, back: bool) -> None:
    """Let guests page their programs' memory out, where it does not fit, and (``back``) in again.

    Least recently used goes first, so the working set is in the page file only when nothing else
    is left. What is there comes back when it is touched and fits, the page cache giving way: the
    working set within a sample period, idle memory as seldom as the guest's sweeps touch it. That
    is looked at once a minute.
    """
    anon = fleet.anon[rows]
    room = np.maximum(fleet.guest_size[rows] - fleet.ballooned[rows], 0.0)
    paged = np.minimum(fleet.paged[rows], anon)
    if back:
        hot = np.minimum(np.maximum(paged - (anon - fleet.working[rows]), 0.0), paged)
        touched = (hot * _COLD_TOUCH + _idle_touches(fleet, rows, paged - hot)) * WARM_STEPS
        space = room - laws.GUEST_FLOOR_SHARE * fleet.guest_size[rows] - (anon - paged)
        paged = paged - np.minimum(touched, np.maximum(space, 0.0))
    fleet.paged[rows] = np.maximum(paged, anon - room)


def _idle_touches(fleet: Fleet, rows: IndexArray, idle: FloatArray) -> FloatArray:
    """Touches of that much idle memory in page files: by sweeps, and by working sets that grow.

    What a working set takes in that is not even warm is any of the idle pages.
    """
    cold = np.maximum(fleet.anon[rows] - fleet.warm[rows], idle)
    return idle * fleet.idle_touch[rows] + fleet.fresh[rows] * _ratio(idle, cold)


class Warmth:
    """Which pages guests come back to: the working set, and what lately was in it.

    A working set that swells takes first what it has let go of lately (the warm set), then pages
    that were idle; whether a page is out decides what that costs. Warm pages fade to idle ones.
    All that is told anew once a minute, as demand is.
    """

    __slots__ = ("_warm", "_working")

    def __init__(self, count: int) -> None:
        self._working: FloatArray = np.zeros(count)
        self._warm: FloatArray = np.zeros(count)

    def settle(self, fleet: Fleet) -> None:
        """Begin: nothing but the working set is warm."""
        fleet.warm[:] = fleet.working
        np.copyto(self._working, fleet.working)
        np.copyto(self._warm, fleet.warm)

    def move(self, fleet: Fleet, rows: IndexArray, scratch: FloatArray) -> None:
        """Let warm sets follow the working sets; tell anew what of the VMs ``rows`` is out."""
        np.subtract(fleet.working, fleet.warm, out=scratch)
        scratch *= _FADE
        fleet.warm += scratch
        np.maximum(fleet.warm, fleet.working, out=fleet.warm)
        np.subtract(fleet.working, self._warm, out=fleet.fresh)
        np.maximum(fleet.fresh, 0.0, out=fleet.fresh)
        fleet.fresh *= 1.0 / WARM_STEPS
        np.multiply(fleet.working, fleet.drift, out=scratch)
        fleet.fresh += scratch
        if len(rows):
            self._sort_out(fleet, rows)
        np.copyto(self._working, fleet.working)
        np.copyto(self._warm, fleet.warm)

    def _sort_out(self, fleet: Fleet, rows: IndexArray) -> None:
        """Tell anew which pages that are out are hot and which are warm, for these VMs."""
        working, warm = fleet.working[rows], fleet.warm[rows]
        was_working, was_warm = self._working[rows], self._warm[rows]
        hot_out, warm_out = fleet.hot_out[rows], fleet.warm_out[rows]
        out = fleet.swapped[rows] + fleet.compressed[rows]
        present = fleet.granted[rows] + out
        idle_share = _ratio(out - hot_out - warm_out, present - was_warm)
        warm_share = _ratio(warm_out, was_warm - was_working)

        let_go = hot_out * np.maximum(1.0 - working / np.maximum(was_working, 1e-9), 0.0)
        gained = np.maximum(np.minimum(working, present) - was_working, 0.0)
        from_warm = np.minimum(gained, was_warm - was_working)
        back = from_warm * warm_share
        hot_out += (gained - from_warm) * idle_share + back - let_go
        warm_out += let_go - back
        # The warm set beyond the working set fades, and those pages are idle again.
        warm_out *= _ratio(warm - working, was_warm - working)
        # Drift exchanges pages of the working set for idle ones.
        exchanged = working * fleet.drift[rows] * WARM_STEPS
        hot_out += exchanged * (idle_share - _ratio(hot_out, working))
        hot_out = np.maximum(np.minimum(hot_out, np.minimum(out, working)), 0.0)
        fleet.hot_out[rows] = hot_out
        room = np.minimum(out - hot_out, warm - working)
        fleet.warm_out[rows] = np.maximum(np.minimum(warm_out, room), 0.0)


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """A share between 0 and 1; of nothing it is 0."""
    share: FloatArray = np.minimum(np.maximum(part, 0.0) / np.maximum(whole, 1e-9), 1.0)
    return share


def refault(
    fleet: Fleet, hosts: Hosts, rows: IndexArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Touches of swapped and compressed pages by the VMs ``rows``; nothing is changed.

    Each missing page of the working set is touched within about half a minute, each other one as
    seldom as its guest's sweeps do. A fault holds up one virtual CPU until the page is there, so a
    VM that faults L times a second at full speed, waiting w seconds each, gets only
    1 / (1 + L w / vcpus) of its work done.

    Returns:
        Per row: pages coming from swap, from the compression cache (both MiB), the share of
        them that belongs to the working set, and the share of time spent waiting.
    """
    zipped, hot = fleet.compressed[rows], fleet.hot_out[rows]
    out = fleet.swapped[rows] + zipped
    # The last page is touched as a whole, or exponential decay would never end.
    hot_touched = np.where(hot > 1.0 / laws.PAGES_PER_MIB, hot * _HOT_TOUCH, hot)
    touched = hot_touched + (out - hot) * fleet.idle_touch[rows]
    zip_share = zipped / np.maximum(out, 1e-9)
    host = fleet.host[rows]
    per_page = (1.0 - zip_share) * hosts.swap_latency_s[host] + zip_share * laws.ZIP_LATENCY_S
    wait = touched * (laws.PAGES_PER_MIB / laws.STEP_S) * per_page
    pace = fleet.vcpus[rows] / (fleet.vcpus[rows] + wait)
    # A saturated swap device makes everybody on the host wait longer.
    read = laws.summed(touched * pace * (1.0 - zip_share), host, len(hosts))
    served = np.minimum(hosts.swap_mibps * laws.STEP_S / np.maximum(read, 1e-9), 1.0)
    pace = pace * served[host]
    came = touched * pace
    hot_share = hot_touched / np.maximum(touched, 1e-9)
    return came * (1.0 - zip_share), came * zip_share, hot_share, 1.0 - pace


def bring_back(
    fleet: Fleet,
    flows: Flows,
    rows: IndexArray,
    swap_in: FloatArray,
    unzip: FloatArray,
    hot_share: FloatArray,
) -> None:
    """Let pages of the VMs ``rows`` come back from swap and from the compression cache."""
    swapped = np.maximum(fleet.swapped[rows] - swap_in, 0.0)
    zipped = np.maximum(fleet.compressed[rows] - unzip, 0.0)
    hot = np.maximum(fleet.hot_out[rows] - (swap_in + unzip) * hot_share, 0.0)
    fleet.swapped[rows] = swapped
    fleet.compressed[rows] = zipped
    fleet.granted[rows] += swap_in + unzip
    fleet.hot_out[rows] = hot
    # Sweeps touch warm pages as they touch all others.
    fleet.warm_out[rows] = np.minimum(fleet.warm_out[rows], np.maximum(swapped + zipped - hot, 0.0))
    flows.swap_in[rows] = swap_in
    flows.unzip[rows] = unzip


def pages_itself(fleet: Fleet) -> BoolArray:
    """(V,) guests that touch what is in their own page files. Holds for a minute."""
    touched = fleet.paged > fleet.anon - fleet.working
    touched |= (fleet.paged > 0.0) & (fleet.idle_touch + fleet.fresh > 0.0)
    return touched


def guest_paging(fleet: Fleet, flows: Flows, paging: BoolArray, scratch: FloatArray) -> None:
    """The wait of guests for their own page files; adds it to ``fleet.stall``.

    Because a guest knows what it uses, its working set suffers only when nothing else is left: it
    misses what exceeds its memory less balloon less a floor. The coldest pages go, and each is
    missed about once per sample period. Idle memory in the page file costs what the guest's sweeps
    (garbage collection, scans) touch of it. ``paging`` are the guests that :func:`pages_itself`.
    """
    size = fleet.guest_size
    np.multiply(size, 1.0 - laws.GUEST_FLOOR_SHARE, out=scratch)
    scratch -= fleet.ballooned
    np.subtract(fleet.working, scratch, out=scratch)
    rows = ((scratch > 0.0) | paging).nonzero()[0]
    if not len(rows):
        return
    working, paged = fleet.working[rows], fleet.paged[rows]
    hot = np.maximum(paged - (fleet.anon[rows] - working), 0.0)
    lost = np.minimum(np.maximum(scratch[rows], hot), working)
    idle = np.maximum(paged - lost, 0.0)
    touched = lost * _COLD_TOUCH + _idle_touches(fleet, rows, idle)
    wait = touched * (laws.PAGES_PER_MIB / laws.STEP_S * laws.SWAP_LATENCY_S)
    pace = fleet.vcpus[rows] / (fleet.vcpus[rows] + wait)
    flows.guest_paging[rows] = touched * pace
    fleet.stall[rows] = 1.0 - (1.0 - fleet.stall[rows]) * pace
