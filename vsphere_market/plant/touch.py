"""Guests touching their memory: growth, refaults from swap, guest paging, and the wait for them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vsphere_market.plant import laws
from vsphere_market.plant.fleet import Fleet, Flows, Hosts
from vsphere_market.units import FloatArray, IndexArray

#: Share of missing working-set pages that is touched in one step.
_HOT_TOUCH = laws.constant(1.0 - np.exp(-laws.STEP_S / laws.HOT_TOUCH_S))
#: Share of the pages that a guest misses of its working set, its coldest, touched in one step.
_COLD_TOUCH = laws.constant(laws.STEP_S / laws.SAMPLE_PERIOD_S)
#: Steps between two looks at what is warm.
WARM_STEPS = round(laws.SAMPLE_PERIOD_S / laws.STEP_S)
#: Share of the warm set beyond the working set that fades from look to look.
_FADE = laws.constant(1.0 - np.exp(-laws.SAMPLE_PERIOD_S / laws.WARM_S))
_CACHE_GAIN = laws.constant(1.0 - np.exp(-laws.STEP_S / laws.CACHE_FILL_S))
_TOUCH_STEP = laws.constant(laws.TOUCH_MIBPS * laws.STEP_S)
_ZERO, _ONE, _STEPS = laws.constant(0.0), laws.constant(1.0), laws.constant(WARM_STEPS)
_STEP_S = laws.constant(laws.STEP_S)
_PER_STEP = laws.constant(1.0 / WARM_STEPS)
_PAGE_MIB = laws.constant(1.0 / laws.PAGES_PER_MIB)
#: Pages per second, of MiB per step.
_PAGES_PER_S = laws.constant(laws.PAGES_PER_MIB / laws.STEP_S)
_ZIP_LATENCY_S = laws.constant(laws.ZIP_LATENCY_S)
#: Host memory that a page takes when it leaves the compression cache.
_UNZIPPED = laws.constant(1.0 - laws.ZIP_RATIO)
_FLOOR_SHARE = laws.constant(laws.GUEST_FLOOR_SHARE)


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
    page_in = page_in and bool(np.count_nonzero(fleet.paged))
    moving = scratch < _ZERO
    if page_in or np.count_nonzero(moving):
        if page_in:
            moving |= fleet.paged > _ZERO
            rows = moving.nonzero()[0]
            fleet.paged[rows] = _paged_in(fleet, rows)
        else:
            # Where programs do not fit, what is too much is paged out; the rest stays as it is.
            rows = moving.nonzero()[0]
            fleet.paged[rows] = fitting(fleet.anon[rows], fleet.paged[rows], room[rows])
        np.subtract(fleet.anon, fleet.paged, out=used)
        np.subtract(room, used, out=scratch)
    np.minimum(cache, scratch, out=cache)
    np.maximum(cache, fleet.nothing, out=cache)
    used += cache
    used -= fleet.granted
    used -= fleet.swapped
    used -= fleet.compressed
    np.maximum(used, fleet.nothing, out=used)
    return np.minimum(used, _TOUCH_STEP, out=used)


def _paged_in(fleet: Fleet, rows: IndexArray) -> FloatArray:
    """What of some guests is in page files after they paged out what does not fit, and in again.

    Least recently used goes first, so the working set is in the page file only when nothing else
    is left. What is there comes back when it is touched and fits, the page cache giving way: the
    working set within a sample period, idle memory as seldom as the guest's sweeps touch it. That
    is looked at once a minute.
    """
    anon, size = fleet.anon[rows], fleet.guest_size[rows]
    room = np.maximum(size - fleet.ballooned[rows], _ZERO)
    paged = np.minimum(fleet.paged[rows], anon)
    hot = np.minimum(np.maximum(paged - (anon - fleet.working[rows]), _ZERO), paged)
    touched = (hot * _COLD_TOUCH + _idle_touches(fleet, rows, paged - hot)) * _STEPS
    space = room - _FLOOR_SHARE * size - (anon - paged)
    paged -= np.minimum(touched, np.maximum(space, _ZERO))
    return np.maximum(paged, anon - room, out=paged)


def fitting(anon: FloatArray, paged: FloatArray, room: FloatArray) -> FloatArray:
    """What is in page files when programs' memory has that room, of what is there already."""
    least = np.maximum(room, _ZERO)
    np.subtract(anon, least, out=least)
    kept: FloatArray = np.minimum(paged, anon)
    return np.maximum(kept, least, out=kept)


def _idle_touches(fleet: Fleet, rows: IndexArray, idle: FloatArray) -> FloatArray:
    """Some VMs' touches of idle memory in page files: by sweeps, and by working sets that grow.

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
        np.maximum(fleet.fresh, fleet.nothing, out=fleet.fresh)
        fleet.fresh *= _PER_STEP
        np.multiply(fleet.working, fleet.drift, out=scratch)
        fleet.fresh += scratch
        if len(rows):
            self._sort_out(fleet, rows)
        np.copyto(self._working, fleet.working)
        np.copyto(self._warm, fleet.warm)

    def _sort_out(self, fleet: Fleet, rows: IndexArray) -> None:
        """Tell anew which pages that are out are hot and which are warm."""
        working, was_working = fleet.working[rows], self._working[rows]
        warm, was_warm = fleet.warm[rows], self._warm[rows]
        hot_out, warm_out = fleet.hot_out[rows], fleet.warm_out[rows]
        out = fleet.swapped[rows] + fleet.compressed[rows]
        present = fleet.granted[rows] + out
        idle_share = _ratio(out - hot_out - warm_out, present - was_warm)
        warm_share = _ratio(warm_out, was_warm - was_working)

        let_go = _ONE - working / np.maximum(was_working, laws.TINY)
        let_go = hot_out * np.maximum(let_go, _ZERO, out=let_go)
        gained = np.maximum(np.minimum(working, present) - was_working, _ZERO)
        from_warm = np.minimum(gained, was_warm - was_working)
        back = from_warm * warm_share
        hot_out += (gained - from_warm) * idle_share + back - let_go
        warm_out += let_go - back
        # The warm set beyond the working set fades, and those pages are idle again.
        warm_out *= _ratio(warm - working, was_warm - working)
        # Drift exchanges pages of the working set for idle ones.
        exchanged = working * fleet.drift[rows] * _STEPS
        hot_out += exchanged * (idle_share - _ratio(hot_out, working))
        np.minimum(hot_out, np.minimum(out, working), out=hot_out)
        fleet.hot_out[rows] = np.maximum(hot_out, _ZERO, out=hot_out)
        np.minimum(warm_out, np.minimum(out - hot_out, warm - working), out=warm_out)
        fleet.warm_out[rows] = np.maximum(warm_out, _ZERO, out=warm_out)


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """A share between 0 and 1; of nothing it is 0."""
    share = np.maximum(part, _ZERO)
    share /= np.maximum(whole, laws.TINY)
    return np.minimum(share, _ONE, out=share)


@dataclass(frozen=True, slots=True, eq=False)
class Faults:
    """Touches of pages that are out, of some VMs.

    Attributes:
        swap_in: pages to come from swap, MiB.
        unzip: pages to come from the compression cache, MiB.
        hot_share: the share of them that belongs to the working set.
        waiting: share of the time spent waiting for them.
    """

    swap_in: FloatArray
    unzip: FloatArray
    hot_share: FloatArray | float
    waiting: FloatArray

    @property
    def want(self) -> FloatArray:
        """Host memory that they need, MiB."""
        want = self.unzip * _UNZIPPED
        want += self.swap_in
        return want


def refault(pages: FloatArray, host: IndexArray, hosts: Hosts, sweeping: bool) -> Faults:
    """What VMs touch of their swapped and compressed pages; nothing is changed.

    Each missing page of the working set is touched within about half a minute, each other one as
    seldom as its guest's sweeps do. A fault holds up one virtual CPU until the page is there, so a
    VM that faults L times a second at full speed, waiting w seconds each, gets only
    1 / (1 + L w / vcpus) of its work done.

    Args:
        pages: (7, n) what ``Fleet.pages`` gives of them.
        host: (n,) where they are.
        hosts: the hosts.
        sweeping: whether any of them may sweep its idle memory.
    """
    idle_touch, vcpus, _, zipped, hot, _, swapped = pages
    out = swapped + zipped
    # The last page is touched as a whole, or exponential decay would never end.
    touched = np.where(hot > _PAGE_MIB, hot * _HOT_TOUCH, hot)
    hot_share: FloatArray | float = 1.0
    if sweeping:
        hot_touched = touched
        touched = hot_touched + (out - hot) * idle_touch
        hot_share = hot_touched / np.maximum(touched, laws.TINY)
    zip_share = zipped / np.maximum(out, laws.TINY, out=out)
    swap_share = _ONE - zip_share
    per_page = swap_share * hosts.swap_latency_s[host]
    per_page += zip_share * _ZIP_LATENCY_S
    wait = touched * _PAGES_PER_S
    wait *= per_page
    wait += vcpus
    pace = vcpus / wait
    came = touched * pace
    swap_in = came * swap_share
    # A saturated swap device makes everybody on the host wait longer.
    read, most = laws.summed(swap_in, host, len(hosts)), hosts.swap_mibps * _STEP_S
    if np.count_nonzero(read > most):
        pace *= np.minimum(most / np.maximum(read, laws.TINY), _ONE)[host]
        came = touched * pace
        swap_in = came * swap_share
    came *= zip_share
    return Faults(swap_in, came, hot_share, _ONE - pace)


def bring_back(
    pages: FloatArray, swap_in: FloatArray, unzip: FloatArray, hot_share: FloatArray | float
) -> None:
    """Let pages come back from swap and from the compression cache."""
    _, _, granted, zipped, hot, warm, swapped = pages
    came = swap_in + unzip
    granted += came
    came *= hot_share
    swapped -= swap_in
    zipped -= unzip
    hot -= came
    left = pages[3:]
    np.maximum(left, _ZERO, out=left)
    # Sweeps touch warm pages as they touch all others.
    cold = swapped + zipped
    cold -= hot
    np.minimum(warm, cold, out=warm)
    np.maximum(warm, _ZERO, out=warm)


class GuestPaging:
    """The wait of guests for their own page files.

    Because a guest knows what it uses, its working set suffers only when nothing else is left: it
    misses what exceeds its memory less balloon less a floor. The coldest pages go, and each is
    missed about once per sample period. Idle memory in the page file costs what the guest's sweeps
    (garbage collection, scans) touch of it. That is worked out once a minute and holds till then.
    """

    __slots__ = ("_any", "_pace", "_read")

    def __init__(self, flows: Flows) -> None:
        self._read = flows.guest_paging
        self._pace: FloatArray = np.ones(len(self._read))
        self._any = False

    def forget(self, row: int) -> None:
        """A VM was switched on or off: it pages nothing."""
        self._pace[row] = 1.0
        self._read[row] = 0.0

    def look(self, fleet: Fleet) -> None:
        """Work out who waits, and what they read: the flow till the next look."""
        lost = fleet.guest_size * (laws.GUEST_FLOOR_SHARE - 1.0)
        lost += fleet.ballooned
        np.maximum(lost, fleet.paged - fleet.anon, out=lost)
        lost += fleet.working
        rows = ((lost > _ZERO) | (fleet.paged > _ZERO)).nonzero()[0]
        if self._any:
            self._pace.fill(1.0)
            self._read.fill(0.0)
        self._any = len(rows) > 0
        if not self._any:
            return
        lost = np.minimum(np.maximum(lost[rows], _ZERO), fleet.working[rows])
        idle = np.maximum(fleet.paged[rows] - lost, _ZERO)
        touched = lost * _COLD_TOUCH + _idle_touches(fleet, rows, idle)
        wait = touched * (laws.PAGES_PER_MIB / laws.STEP_S * laws.SWAP_LATENCY_S)
        vcpus = fleet.vcpus[rows]
        pace = vcpus / (vcpus + wait)
        self._pace[rows] = pace
        self._read[rows] = touched * pace

    def add(self, stall: FloatArray) -> None:
        """Add the wait of one step to ``stall``, in place."""
        if not self._any:
            return
        np.subtract(_ONE, stall, out=stall)
        stall *= self._pace
        np.subtract(_ONE, stall, out=stall)
