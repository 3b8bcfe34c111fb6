"""What VMs ask of datastores and how long that takes: in these minutes, and as it usually is.

Five minutes of counters cannot tell a backup that lasts an hour from any other load. So hours are
remembered as working sets are (``history``), of each datastore and of each VM, and what is usual is
their mean *without the busiest tenth of them*: a backup every night is left out, working hours are
not. That follows a change within days. Where memory is being swapped to a datastore nobody has
days: hours with swapping are never left out, and while it lasts the last minutes count, if they
are worse. So it is fast up and slow down where it hurts.

Where nothing is remembered, the last minutes are all there is, and ``Usual.hours`` says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vsphere_market.demand.history import HOUR_S, DemandHistory, identities
from vsphere_market.estate import POWERED_ON, DatastoreTable, Snapshot, VmTable
from vsphere_market.units import KIB_PER_MIB, BoolArray, FloatArray

#: A request larger than this counts as several (ESXi's ``Disk.SchedCostUnit``).
REQUEST_KIB = 32.0
#: Requests per second below which a datastore serves nobody: a few an hour say nothing of how long
#: they take.
LEAST_REQUESTS = 1e-3
#: This share of what is remembered of a datastore, the busiest hours, is not what is usual.
BUSY_SHARE = 0.1
#: What is remembered of each datastore, by the hour: requests per second, how many of them wait,
#: how long each takes where nobody counts them (ms), what is swapped there (MiB/s), and whether we
#: saw it (1) or vCenter's own history told it (0).
_SERVED, _WAITING, _LATENCY, _SWAP, _SEEN = "served", "waiting", "latency", "swap", "seen"


@dataclass(frozen=True, slots=True, eq=False)
class Usual:
    """What is taken for usual; D datastores, V virtual machines.

    Attributes:
        asked: (V,) requests per second to the files in a VM's home datastore; NaN for not told.
        served: (D,) requests per second; NaN for not told.
        latency_ms: (D,) how long each takes; NaN for not told.
        hours: (D,) hours that stand behind it; 0 for the last minutes alone.
        told: (D,) those of them that vCenter's own history told.
        hurried: (D,) the last minutes count, for they are worse and memory is swapped there.
    """

    asked: FloatArray
    served: FloatArray
    latency_ms: FloatArray
    hours: FloatArray
    told: FloatArray
    hurried: BoolArray


def new_storage_history() -> DemandHistory:
    """A history for storage: of each hour its mean, since requests of many add up."""
    return DemandHistory(peak_share=0.0)


def requests_of(iops: FloatArray, kibps: FloatArray) -> FloatArray:
    """Requests per second of at most 32 KiB, as made or as the bytes make; NaN where none is told.

    Fewer than :data:`LEAST_REQUESTS` are none.

    Args:
        iops: requests per second of any size.
        kibps: throughput, KiB/s.
    """
    requests = np.fmax(iops, kibps / REQUEST_KIB)
    some: FloatArray = np.where(requests < LEAST_REQUESTS, 0.0, requests)
    return some


def waiting_of(served: FloatArray, latency_ms: FloatArray) -> FloatArray:
    """How many requests wait in each datastore (Little's law); none where none is served."""
    waiting: FloatArray = np.where(served > 0.0, served * latency_ms / 1000.0, 0.0 * served)
    return waiting


def asked_at_home(vms: VmTable) -> FloatArray:
    """(V,) requests per second to what a VM has in its home datastore; NaN for not told."""
    alone = np.array([len(where) <= 1 for where in vms.datastores], dtype=np.bool_)
    iops = np.where(alone & np.isnan(vms.home_iops), vms.iops, vms.home_iops)
    kibps = np.where(alone & np.isnan(vms.home_io_kibps), vms.io_kibps, vms.home_io_kibps)
    return requests_of(iops, kibps)


def swapping(vms: VmTable) -> FloatArray:
    """(V,) MiB/s to and from the swap file in a VM's home datastore."""
    rate = np.nan_to_num(vms.swap_in_kibps) + np.nan_to_num(vms.swap_out_kibps)
    there: FloatArray = np.where(vms.swap_with_host, 0.0, rate / KIB_PER_MIB)
    return there


def remember_storage(history: DemandHistory, snapshot: Snapshot) -> None:
    """Add what a snapshot shows to what is remembered of storage."""
    vms, stores = snapshot.vms, snapshot.datastores
    running = np.array([power == POWERED_ON for power in vms.power], dtype=np.bool_)
    asked = np.where(running, asked_at_home(vms), np.nan)
    served, waiting, latency = _now(stores)
    told = np.isfinite(waiting) | np.isfinite(latency)
    swap = np.where(told, _swapped_to(snapshot), np.nan)
    ids: list[str] = [_vm(name) for name in identities(vms)]
    values = [asked]
    for what, column in (
        (_SERVED, np.where(np.isfinite(waiting), served, np.nan)),
        (_WAITING, waiting),
        (_LATENCY, latency),
        (_SWAP, swap),
        (_SEEN, np.where(told, 1.0, np.nan)),
    ):
        ids += [_store(moid, what) for moid in stores.moid]
        values.append(column)
    history.update(snapshot.taken_at_s, ids, np.concatenate(values))


def enter_past(
    history: DemandHistory,
    hour: int,
    asked: Mapping[str, float],
    stores: Mapping[str, tuple[float, float]],
) -> int:
    """Add an hour that a source's own history tells; older than all that is remembered.

    Args:
        history: what is remembered.
        hour: since 1970.
        asked: identity of a VM -> requests per second.
        stores: managed object id of a datastore -> requests per second, and how many wait.

    Returns:
        How many figures were entered.
    """
    figures = {_vm(name): value for name, value in asked.items()}
    for moid, (served, waiting) in stores.items():
        figures[_store(moid, _SERVED)] = served
        figures[_store(moid, _WAITING)] = waiting
        figures[_store(moid, _SEEN)] = 0.0
    values = np.array(list(figures.values()), dtype=np.float64)
    history.update(hour * HOUR_S, list(figures), values)
    return len(figures)


def usual_storage(
    snapshot: Snapshot,
    history: DemandHistory | None = None,
    copied: Mapping[str, float] | None = None,
) -> Usual:
    """What storage usually does.

    Args:
        snapshot: the estate now.
        history: what is remembered, this snapshot included; None for nothing.
        copied: managed object id of a datastore -> Unix time at which files were last copied from
            or to it: what was remembered before was another load.
    """
    vms, stores = snapshot.vms, snapshot.datastores
    asked = asked_at_home(vms)
    served, waiting, latency = _now(stores)
    nothing = np.zeros(len(stores))
    if history is None or history.hour is None:
        return Usual(asked, served, latency, nothing, nothing, nothing > 0)

    past = _mean_of(history.recent([_vm(name) for name in identities(vms)]))
    asked = np.where(np.isfinite(past), past, asked)

    newest = history.hour

    def hours(what: str) -> FloatArray:
        level = history.recent([_store(moid, what) for moid in stores.moid])
        for row, moid in enumerate(stores.moid):
            if copied and moid in copied:
                level[row, max(newest - int(copied[moid] // HOUR_S), 0) :] = np.nan
        return level

    swap = _swapped_to(snapshot)
    kept = np.nan_to_num(hours(_SWAP)) > 0.0
    queue = hours(_WAITING)
    weight = _weights(queue, kept)
    count = weight.sum(axis=1)
    counted = count > 0.0
    each = np.where(counted, count, 1.0)[:, None]
    mean_served = (weight * np.nan_to_num(hours(_SERVED)) / each).sum(axis=1)
    mean_waiting = (weight * np.nan_to_num(queue) / each).sum(axis=1)
    mean_latency = _mean_of(hours(_LATENCY), kept)
    # Requests weigh their latency; of a datastore that nobody uses, what it took when it was used.
    busy = counted & (mean_served > 0.0)
    of_requests = 1000.0 * mean_waiting / np.where(busy, mean_served, 1.0)
    usual_latency = np.where(busy, of_requests, np.where(counted, latency, mean_latency))
    usual_latency = np.where(np.isfinite(usual_latency), usual_latency, latency)
    worse = np.where(counted, np.nan_to_num(waiting) > mean_waiting, latency > usual_latency)
    hurried = (swap > 0.0) & worse
    seen = hours(_SEEN)
    known = np.isfinite(seen) & (np.isfinite(queue) | ~counted[:, None])
    number = np.where(hurried, 0.0, known.sum(axis=1))
    usual = ~hurried & (number > 0.0)
    return Usual(
        asked=asked,
        served=np.where(usual & counted, mean_served, served),
        latency_ms=np.where(usual, usual_latency, latency),
        hours=number,
        told=np.where(hurried, 0.0, (known & (seen == 0.0)).sum(axis=1)),
        hurried=hurried,
    )


# -- inside ------------------------------------------------------------------------------------


def _now(stores: DatastoreTable) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(D,) requests per second, requests that wait, and latency, ms; NaN for not told."""
    served = requests_of(stores.iops, stores.io_kibps)
    return served, waiting_of(served, stores.latency_ms), stores.latency_ms


def _swapped_to(snapshot: Snapshot) -> FloatArray:
    """(D,) MiB/s to and from swap files."""
    vms = snapshot.vms
    there = vms.home_datastore >= 0
    return np.bincount(
        vms.home_datastore[there], swapping(vms)[there], minlength=len(snapshot.datastores)
    ).astype(np.float64)


def _weights(level: FloatArray, kept: BoolArray | None = None) -> FloatArray:
    """(n, H) how much each hour counts: 1, but 0 of the busiest tenth and of those not known.

    Args:
        level: (n, H) how busy each hour was; NaN for not known.
        kept: (n, H) hours that count however busy they were.
    """
    known = np.isfinite(level)
    may_go = known if kept is None else known & ~kept
    out = np.minimum(BUSY_SHARE * known.sum(axis=1), may_go.sum(axis=1))
    busiest_first = np.argsort(-np.where(may_go, level, -np.inf), axis=1, kind="stable")
    # Of the hour in which the tenth ends, the rest counts.
    counts = np.clip(np.arange(level.shape[1])[None, :] + 1.0 - out[:, None], 0.0, 1.0)
    weight = np.zeros(level.shape)
    np.put_along_axis(weight, busiest_first, counts, axis=1)
    return weight * known


def _mean_of(level: FloatArray, kept: BoolArray | None = None) -> FloatArray:
    """(n,) mean of hours (n, H) without the busiest; NaN where none is known."""
    weight = _weights(level, kept)
    total = weight.sum(axis=1)
    mean = (weight * np.nan_to_num(level)).sum(axis=1) / np.where(total > 0.0, total, 1.0)
    usual: FloatArray = np.where(total > 0.0, mean, np.nan)
    return usual


def _vm(identity: str) -> str:
    return f"vm/{identity}"


def _store(moid: str, what: str) -> str:
    return f"{what}/{moid}"
