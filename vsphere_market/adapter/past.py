"""vCenter's own history of demand, where its statistics level keeps it.

vCenter rolls samples of 20 s up to means of 5 minutes (kept a day), 30 minutes (a week) and 2 hours
(a month), each interval with a level of its own that says which counters are kept. Active memory
is of level 2, its peak of level 4, and both are off by default; the share of the size that is
active, ``mem.usage.average``, is of level 1, so that some history is nearly always there. The
levels are asked at run time: they differ between versions, and administrators change them.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from vsphere_market.adapter.bulk import PyVmomiReader, Series
from vsphere_market.adapter.counters import CounterInfo, Counters, numbers_in_time
from vsphere_market.adapter.session import Session
from vsphere_market.estate import CONNECTED, POWERED_ON, Snapshot
from vsphere_market.port import PastDemand
from vsphere_market.units import KIB_PER_MIB, FloatArray

log = logging.getLogger(__name__)

HOUR_S = 3600.0
_DAY_S = 86_400.0
#: Rollups over more than this hide too much to be a peak of an hour.
_LONGEST_S = 7200
#: Best first: the largest sample of each interval, its mean, its mean as a share of the size.
_PREFERRED = ("mem.active.maximum", "mem.active.average", "mem.usage.average")


@dataclass(frozen=True, slots=True)
class Interval:
    """One of vCenter's historical intervals.

    Attributes:
        period_s: seconds that one value covers.
        kept_s: how long values are kept.
        level: statistics level: counters up to it are kept.
    """

    period_s: int
    kept_s: float
    level: int


def intervals(session: Session) -> list[Interval]:
    """The historical intervals that are switched on, the finest first."""
    found = session.read(lambda content: list(content.perfManager.historicalInterval or ()))
    kept = [
        Interval(int(one.samplingPeriod), float(one.length), int(one.level or 1))
        for one in found
        if one.enabled and int(one.samplingPeriod) <= _LONGEST_S
    ]
    return sorted(kept, key=lambda one: one.period_s)


def counter_for(interval: Interval, catalogue: Mapping[str, CounterInfo]) -> CounterInfo | None:
    """The best counter of active memory that an interval keeps, or None."""
    for name in _PREFERRED:
        info = catalogue.get(name)
        if info is not None and 0 < info.level <= interval.level:
            return info
    return None


def past_demand(
    session: Session, reader: PyVmomiReader, counters: Counters, snapshot: Snapshot, days: float
) -> PastDemand:
    """Hourly maxima of active memory of the last days, finer intervals before coarser ones."""
    vms = snapshot.vms
    last = int(snapshot.taken_at_s // HOUR_S)
    hours = np.arange(last - math.ceil(days * 24), last + 1)
    active: FloatArray = np.full((len(vms), len(hours)), np.nan)
    running = [
        moid
        for moid, power, link in zip(vms.moid, vms.power, vms.connection, strict=True)
        if power == POWERED_ON and link == CONNECTED
    ]
    used: list[str] = []
    # The coarsest come first, and finer ones are laid over them.
    for interval in reversed(intervals(session)):
        info = counter_for(interval, counters.catalogue())
        if info is None or not running:
            continue
        span_s = min(interval.kept_s, days * _DAY_S)
        window = utc(snapshot.taken_at_s - span_s), utc(snapshot.taken_at_s)
        found = 0
        size = counters.batch()
        for at in range(0, len(running), size):
            series = reader.past(
                "VirtualMachine", running[at : at + size], [info.key], interval.period_s, window
            )
            found += sum(
                _lay(one, info, interval, snapshot, active, int(hours[0])) for one in series
            )
        log.info("%s every %d s: %d VMs", info.name, interval.period_s, found)
        if found:
            used.append(f"{info.name} every {interval.period_s} s")
    return PastDemand(hours, active, tuple(used))


def _lay(
    series: Series,
    info: CounterInfo,
    interval: Interval,
    snapshot: Snapshot,
    active: FloatArray,
    first_hour: int,
) -> bool:
    """Put one VM's series into its row; returns whether there was anything."""
    row = snapshot.vms.row(series.moid)
    text = series.values.get(info.key)
    if row < 0 or text is None:
        return False
    times, values = numbers_in_time(series.sample_info, text)
    size = float(snapshot.vms.size_mib[row])
    scale = size / 10_000.0 if info.unit == "percent" else 1.0 / KIB_PER_MIB
    fresh = np.full(active.shape[1], np.nan)
    for end_s, value in zip(times, values, strict=True):
        if value < 0:  # not sampled
            continue
        begin = math.floor((end_s - interval.period_s) / HOUR_S) - first_hour
        end = math.ceil(end_s / HOUR_S) - first_hour
        for at in range(max(begin, 0), min(end, len(fresh))):
            fresh[at] = np.fmax(fresh[at], value * scale)
    given = np.isfinite(fresh)
    active[row, given] = fresh[given]
    return bool(given.any())


def utc(at_s: float) -> datetime:
    """A Unix time as vCenter takes it."""
    return datetime.fromtimestamp(at_s, tz=UTC)
