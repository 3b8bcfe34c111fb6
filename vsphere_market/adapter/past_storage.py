"""vCenter's own history of requests to storage, where its statistics level keeps any.

What hosts and VMs tell of each datastore is kept from that level on which a counter has for devices
(``perDeviceLevel``, 3 for these); at level 1, the default, there is nothing.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from vsphere_market.adapter.bulk import Facts, PyVmomiReader, Series
from vsphere_market.adapter.counters import (
    EACH_FACTORS,
    IO_COUNTERS,
    CounterInfo,
    Counters,
    numbers_in_time,
)
from vsphere_market.adapter.past import HOUR_S, Interval, intervals, utc
from vsphere_market.adapter.session import Session
from vsphere_market.adapter.storage import Io, instance_of, io_of
from vsphere_market.estate import CONNECTED, POWERED_ON, Snapshot
from vsphere_market.port import PastStorage
from vsphere_market.units import FloatArray

log = logging.getLogger(__name__)

#: Column of ``IO_COUNTERS`` -> counter.
_Kept = Mapping[str, CounterInfo]
#: Column -> value, as ``storage.io_of`` takes it.
_Part = dict[str, float]


def past_storage(
    session: Session, reader: PyVmomiReader, counters: Counters, snapshot: Snapshot, days: float
) -> PastStorage:
    """Hourly means of the last days, finer intervals before coarser ones."""
    vms, hosts, stores = snapshot.vms, snapshot.hosts, snapshot.datastores
    last = int(snapshot.taken_at_s // HOUR_S)
    hours = np.arange(last - math.ceil(days * 24), last + 1)
    known = [(one, _kept(one, counters.catalogue())) for one in reversed(intervals(session))]
    if not any(kept for _, kept in known) or not len(stores):
        return PastStorage.nothing(snapshot)
    names = [instance_of(one) for one in _urls(reader, stores.moid)]
    of_vms, of_stores = _Laid(len(vms), len(hours)), _Laid(len(stores), len(hours))
    live_hosts = _live(hosts.moid, hosts.power, hosts.connection)
    live_vms = _live(vms.moid, vms.power, vms.connection)
    used: list[str] = []
    # The coarsest come first, and finer ones are laid over them.
    for interval, kept in known:
        if not kept:
            continue

        def ask(
            kind: str, moids: Sequence[str], one: Interval = interval, keys: _Kept = kept
        ) -> Iterable[Series]:
            span_s = min(one.kept_s, days * 24 * HOUR_S)
            window = utc(snapshot.taken_at_s - span_s), utc(snapshot.taken_at_s)
            each = sorted({info.key for info in keys.values()})
            for at in range(0, len(moids), counters.batch()):
                batch = moids[at : at + counters.batch()]
                yield from reader.past(kind, batch, [], one.period_s, window, each)

        told: dict[tuple[int, int], list[_Part]] = {}
        for series in ask("HostSystem", live_hosts):
            for name, texts in series.parts.items():
                if name in names:
                    for at, part in _by_hour(series, texts, kept, interval, hours):
                        told.setdefault((names.index(name), at), []).append(part)
        found = of_stores.lay({place: io_of(parts) for place, parts in told.items()})
        own: dict[tuple[int, int], Io] = {}
        for series in ask("VirtualMachine", live_vms):
            row = vms.row(series.moid)
            home = int(vms.home_datastore[row])
            texts = series.parts.get(names[home], {}) if home >= 0 else {}
            for at, part in _by_hour(series, texts, kept, interval, hours):
                own[row, at] = io_of([part])
        found += of_vms.lay(own)
        log.info("requests every %d s: %d figures", interval.period_s, found)
        if found:
            used.append(f"{kept['reads'].name} and its like every {interval.period_s} s")
    return PastStorage(
        hours,
        of_vms.iops,
        of_vms.kibps,
        of_stores.iops,
        of_stores.kibps,
        of_stores.latency_ms,
        tuple(used),
    )


class _Laid:
    """Figures by row and hour, (n, N) each; what comes later lies on top."""

    def __init__(self, rows: int, hours: int) -> None:
        self.iops: FloatArray = np.full((rows, hours), np.nan)
        self.kibps: FloatArray = np.full((rows, hours), np.nan)
        self.latency_ms: FloatArray = np.full((rows, hours), np.nan)

    def lay(self, figures: Mapping[tuple[int, int], Io]) -> int:
        for place, one in figures.items():
            self.iops[place], self.kibps[place] = one.iops, one.kibps
            self.latency_ms[place] = one.latency_ms
        return len(figures)


def _kept(interval: Interval, catalogue: Mapping[str, CounterInfo]) -> _Kept:
    """What an interval keeps of each datastore; {} without requests, which everything hangs on."""
    kept = {
        want.column: info
        for want in IO_COUNTERS
        if (info := catalogue.get(want.counter)) is not None
        and info.unit in EACH_FACTORS
        and 0 < info.device_level <= interval.level
    }
    return kept if {"reads", "writes"} <= kept.keys() else {}


def _by_hour(
    series: Series,
    texts: Mapping[int, str],
    kept: _Kept,
    interval: Interval,
    hours: np.ndarray,
) -> list[tuple[int, _Part]]:
    """Place of an hour in ``hours`` and means of its samples, of one instance of one entity."""
    first = int(hours[0])
    sums: dict[tuple[int, str], tuple[float, int]] = {}
    for column, info in kept.items():
        times, values = numbers_in_time(series.sample_info, texts.get(info.key, ""))
        for end_s, value in zip(times, values, strict=True):
            if value < 0:  # not sampled
                continue
            begin = math.floor((end_s - interval.period_s) / HOUR_S) - first
            end = math.ceil(end_s / HOUR_S) - first
            for at in range(max(begin, 0), min(end, len(hours))):
                total, count = sums.get((at, column), (0.0, 0))
                sums[at, column] = total + value * EACH_FACTORS[info.unit], count + 1
    parts: dict[int, _Part] = {}
    for (at, column), (total, count) in sums.items():
        parts.setdefault(at, {})[column] = total / count
    return list(parts.items())


def _urls(reader: PyVmomiReader, moids: Sequence[str]) -> list[Facts]:
    """The datastores with their URLs, in the order of ``moids``; one that is gone has none."""
    found = {one.moid: one for one in reader.objects("Datastore", moids, ["summary.url"])}
    return [found.get(moid, Facts("Datastore", moid, {})) for moid in moids]


def _live(moids: Sequence[str], power: Sequence[str], connection: Sequence[str]) -> list[str]:
    return [
        moid
        for moid, on, link in zip(moids, power, connection, strict=True)
        if on == POWERED_ON and link == CONNECTED
    ]
