"""Guests touching their memory: growth, refaults from swap, guest paging, and the wait for them."""

from __future__ import annotations

import numpy as np

from vsphere_market.plant import laws
from vsphere_market.plant.fleet import Fleet, Flows, Hosts
from vsphere_market.units import FloatArray, IndexArray

#: Share of missing working-set pages that is touched in one step.
_HOT_TOUCH = 1.0 - np.exp(-laws.STEP_S / laws.HOT_TOUCH_S)
_CACHE_GAIN = 1.0 - np.exp(-laws.STEP_S / laws.CACHE_FILL_S)
_TOUCH_STEP = laws.TOUCH_MIBPS * laws.STEP_S


def growth(fleet: Fleet, scratch: FloatArray) -> FloatArray:
    """What guests want to touch anew in this step, MiB per VM; lets page caches fill up.

    A guest uses its programs' memory and its page cache, as far as the balloon leaves room; what
    of that the host does not hold yet, in memory or swapped, is touched for the first time.
    """
    room = fleet.guest_size - fleet.ballooned
    cache = fleet.cache
    np.subtract(fleet.cache_want, cache, out=scratch)
    scratch *= _CACHE_GAIN
    cache += scratch
    resident = np.minimum(fleet.anon, room)
    np.subtract(room, resident, out=scratch)
    np.minimum(cache, scratch, out=cache)
    np.maximum(cache, 0.0, out=cache)
    resident += cache
    resident -= fleet.granted
    resident -= fleet.swapped
    resident -= fleet.compressed
    np.clip(resident, 0.0, _TOUCH_STEP, out=resident)
    return resident


def refault(
    fleet: Fleet, hosts: Hosts, rows: IndexArray, before: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Touches of swapped and compressed pages by the VMs ``rows``; nothing is changed but hot_out.

    The working set moves first: what it gained since ``before`` (the working sets of the last
    step) and what drifts into it was idle until now, and may be out. Then each missing page of the
    working set is touched within about half a minute, each idle one as seldom as its guest does.
    A fault holds up one virtual CPU until the page is there, so a VM that faults L times a second
    at full speed, waiting w seconds each, gets 1 / (1 + L w / vcpus) of its work done.

    Returns:
        Per row: pages coming from swap, from the compression cache (both MiB), the share of
        them that belongs to the working set, and the share of time spent waiting.
    """
    swapped, zipped = fleet.swapped[rows], fleet.compressed[rows]
    out = swapped + zipped
    working, earlier = fleet.working[rows], before[rows]
    present = fleet.granted[rows] + out
    hot = fleet.hot_out[rows]
    idle = np.maximum(present - earlier, 1e-9)
    idle_out = np.clip((out - hot) / idle, 0.0, 1.0)
    gained = np.maximum(np.minimum(working, present) - earlier, 0.0)
    hot = hot * np.minimum(working / np.maximum(earlier, 1e-9), 1.0) + gained * idle_out
    exchanged = working * fleet.drift[rows]
    hot += exchanged * (idle_out - np.clip(hot / np.maximum(working, 1e-9), 0.0, 1.0))
    hot = np.clip(hot, 0.0, np.minimum(out, working))
    fleet.hot_out[rows] = hot

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
    with np.errstate(divide="ignore", invalid="ignore"):
        served = np.where(read > 0.0, hosts.swap_mibps * laws.STEP_S / read, 1.0)
    pace = pace * np.minimum(served, 1.0)[host]
    came = touched * pace
    hot_share = hot_touched / np.maximum(touched, 1e-9)
    return came * (1.0 - zip_share), came * zip_share, hot_share, 1.0 - pace


def guest_paging(fleet: Fleet, flows: Flows, stall: FloatArray, scratch: FloatArray) -> None:
    """Let guests page: to a page file of their own, least recently used first.

    Because a guest knows what it uses, its working set suffers only when nothing else is left: it
    misses what exceeds its memory less balloon less a floor. The coldest pages go, and each is
    missed about once per sample period. Programs' idle memory that does not fit is paged out too,
    and costs what the guest's sweeps (garbage collection, scans) touch of it.

    Raises ``stall`` to the share of time lost, in place.
    """
    size = fleet.guest_size
    np.multiply(size, 1.0 - laws.GUEST_FLOOR_SHARE, out=scratch)
    scratch -= fleet.ballooned
    missing = np.subtract(fleet.working, scratch, out=scratch)
    flows.guest_paging.fill(0.0)
    homeless = fleet.anon + fleet.ballooned - size
    rows = np.flatnonzero((missing > 0.0) | (homeless > 0.0))
    if not len(rows):
        return
    lost = np.clip(missing[rows], 0.0, fleet.working[rows])
    idle = np.maximum(homeless[rows] - lost, 0.0)
    touched = lost * (laws.STEP_S / laws.SAMPLE_PERIOD_S) + idle * fleet.idle_touch[rows]
    wait = touched * (laws.PAGES_PER_MIB / laws.STEP_S * laws.SWAP_LATENCY_S)
    pace = fleet.vcpus[rows] / (fleet.vcpus[rows] + wait)
    flows.guest_paging[rows] = touched * pace
    stall[rows] = 1.0 - (1.0 - stall[rows]) * pace
