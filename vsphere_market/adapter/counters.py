"""Counters: which ones fill which columns, and how samples become one number.

Realtime samples of 20 s, the last five minutes of them by default. What a number means decides how
samples are put together: a level (ballooned, swapped, granted) is the last one, a rate is the mean,
active memory is both mean and peak. A sample of -1 is vCenter's word for "none"; a counter without
any sample stays NaN, and its column takes a fallback only where ``docs/counters.md`` says so.

Counters are known by ``group.name.rollup``; their ids differ between servers and versions, and ids
that the catalogue does not list are ignored.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from vsphere_market.adapter.bulk import REALTIME_S, BulkReader, Series
from vsphere_market.adapter.session import Session
from vsphere_market.units import KIB_PER_MIB

log = logging.getLogger(__name__)

NAN = float("nan")
#: vCenter's word for a sample that was not taken.
_NO_SAMPLE = -1.0
#: The cap on entities per query of vSphere 6.5 and later, used where the server names none.
MAX_BATCH = 256
MAX_QUERY_METRICS = "config.vpxd.stats.maxQueryMetrics"


class How(Enum):
    """How samples become one number."""

    LAST = "last"
    MEAN = "mean"
    PEAK = "peak"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A column and the counter that fills it.

    Attributes:
        column: name of the column.
        counter: ``group.name.rollup``.
        how: how samples become one number.
        each: it is asked of each instance: of each datastore that the entity uses.
    """

    column: str
    counter: str
    how: How
    each: bool = False


def _wanted(how: How, *, each: bool = False, **columns: str) -> tuple[Wanted, ...]:
    return tuple(Wanted(column, counter, how, each) for column, counter in columns.items())


#: What hosts and VMs tell of each datastore they use. ``storage`` puts it together.
IO_COUNTERS: tuple[Wanted, ...] = _wanted(
    How.MEAN,
    each=True,
    reads="datastore.numberReadAveraged.average",
    writes="datastore.numberWriteAveraged.average",
    read_kibps="datastore.read.average",
    write_kibps="datastore.write.average",
    read_ms="datastore.totalReadLatency.average",
    write_ms="datastore.totalWriteLatency.average",
)
#: What Storage I/O Control measures of a datastore over all hosts, told by each of them.
SIOC_COUNTERS: tuple[Wanted, ...] = _wanted(
    How.MEAN,
    each=True,
    sioc_iops="datastore.datastoreIops.average",
    sioc_ms="datastore.sizeNormalizedDatastoreLatency.average",
)


VM_COUNTERS: tuple[Wanted, ...] = (
    *_wanted(
        How.LAST,
        granted_mib="mem.granted.average",
        consumed_mib="mem.consumed.average",
        shared_mib="mem.shared.average",
        overhead_mib="mem.overhead.average",
        ballooned_mib="mem.vmmemctl.average",
        balloon_target_mib="mem.vmmemctltarget.average",
        swapped_mib="mem.swapped.average",
        compressed_mib="mem.compressed.average",
        entitlement_mib="mem.entitlement.average",
    ),
    *_wanted(
        How.MEAN,
        active_mib="mem.active.average",
        swap_in_kibps="mem.swapinRate.average",
        swap_out_kibps="mem.swapoutRate.average",
        decompress_kibps="mem.decompressionRate.average",
        latency_pct="mem.latency.average",
        cpu_demand_mhz="cpu.demand.average",
        net_kibps="net.usage.average",
        # Milliseconds of each sample's interval, summed over vCPUs; made a share in `read`.
        cpu_ready_pct="cpu.ready.summation",
    ),
    *_wanted(How.PEAK, active_peak_mib="mem.active.average"),
)

HOST_COUNTERS: tuple[Wanted, ...] = (
    *_wanted(
        How.LAST,
        consumed_mib="mem.consumed.average",
        vmkernel_mib="mem.sysUsage.average",
        low_free_threshold_mib="mem.lowfreethreshold.average",
        reserved_mib="mem.reservedCapacity.average",
        memory_state="mem.state.latest",
        ballooned_mib="mem.vmmemctl.average",
        swapped_mib="mem.swapused.average",
        compressed_mib="mem.compressed.average",
    ),
    *_wanted(
        How.MEAN,
        swap_in_kibps="mem.swapinRate.average",
        swap_out_kibps="mem.swapoutRate.average",
        latency_pct="mem.latency.average",
        cpu_used_mhz="cpu.usagemhz.average",
    ),
)

#: Unit on the wire -> factor to the column's unit. A counter in any other unit is left out. Amounts
#: of memory are then rounded down to whole MiB.
FACTORS: Mapping[str, float] = {
    "kiloBytes": 1 / KIB_PER_MIB,
    "megaBytes": 1.0,
    "kiloBytesPerSecond": 1.0,
    "megaHertz": 1.0,
    "number": 1.0,
    # Percent counters are hundredths of a percent.
    "percent": 1 / 100,
    # CPU readiness: a share of the sample's interval.
    "millisecond": 100 / (REALTIME_S * 1000),
}
#: The same for counters of each instance.
EACH_FACTORS: Mapping[str, float] = {
    "number": 1.0,
    "kiloBytesPerSecond": 1.0,
    "millisecond": 1.0,
    "microsecond": 1 / 1000,
}


@dataclass(frozen=True, slots=True)
class CounterInfo:
    """One entry of the server's catalogue.

    Attributes:
        key: the id on this server.
        name: ``group.name.rollup``.
        unit: unit on the wire, vSphere's own word.
        level: statistics level from which on it is kept in history.
        device_level: the same for its instances; 0 for not told.
    """

    key: int
    name: str
    unit: str
    level: int
    device_level: int = 0


@dataclass(frozen=True, slots=True)
class CounterSettings:
    """How counters are read.

    Attributes:
        samples: realtime samples per entity; 15 are five minutes, vCenter keeps 180.
        batch: entities per request at most; the server's own limit may lower it.
    """

    samples: int = 15
    batch: int = MAX_BATCH


@dataclass(frozen=True, slots=True)
class Figures:
    """What the counters of one entity came to.

    Attributes:
        values: column -> number; a column without a sample is not there.
        sampled_at_s: time of the last sample, Unix time.
        samples: how many sample times stand behind them.
        parts: instance -> column -> number, for columns that are asked of each instance.
    """

    values: Mapping[str, float] = field(default_factory=dict)
    sampled_at_s: float = NAN
    samples: int = 0
    parts: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


class Counters:
    """Reads counters for one session; the catalogue is read once.

    Args:
        session: the login.
        reader: what carries the bulk reads.
        settings: window and batch.
    """

    def __init__(self, session: Session, reader: BulkReader, settings: CounterSettings) -> None:
        self._session = session
        self._reader = reader
        self._settings = settings
        self._catalogue: dict[str, CounterInfo] | None = None
        self._batch: int | None = None

    def catalogue(self) -> Mapping[str, CounterInfo]:
        """The server's counters by ``group.name.rollup``."""
        if self._catalogue is None:
            infos = self._session.read(lambda content: content.perfManager.perfCounter)
            self._catalogue = {info.name: info for info in map(_info, infos or ())}
        return self._catalogue

    def batch(self) -> int:
        """Entities per request: the setting, or the server's own limit when that is lower."""
        if self._batch is None:
            limit = self._server_limit()
            self._batch = min(self._settings.batch, limit) if limit else self._settings.batch
        return self._batch

    def read(self, kind: str, moids: Sequence[str], wanted: Sequence[Wanted]) -> dict[str, Figures]:
        """The figures of the named entities; who gave no sample is not in the answer.

        Args:
            kind: managed type, e.g. ``VirtualMachine``.
            moids: managed object ids.
            wanted: the columns to fill.
        """
        catalogue = self.catalogue()
        known = [
            (want, info)
            for want in wanted
            if (info := catalogue.get(want.counter)) is not None
            and info.unit in (EACH_FACTORS if want.each else FACTORS)
        ]
        keys = sorted({info.key for want, info in known if not want.each})
        each = sorted({info.key for want, info in known if want.each})
        if not keys or not moids:
            return {}
        figures: dict[str, Figures] = {}
        size = self.batch()
        for at in range(0, len(moids), size):
            asked = moids[at : at + size]
            for series in self._reader.counters(kind, asked, keys, self._settings.samples, each):
                one = figures_from(series, known)
                if one.samples:
                    figures[series.moid] = one
        return figures

    def _server_limit(self) -> int:
        """``maxQueryMetrics``, or 0 when it is unset, unlimited or not to be seen."""

        def ask(content: Any) -> list[Any]:
            from vsphere_market.adapter.soap import MethodFault

            try:
                return list(content.setting.QueryOptions(MAX_QUERY_METRICS) or ())
            except MethodFault:
                return []

        for option in self._session.read(ask):
            try:
                return max(0, int(option.value))
            except (TypeError, ValueError):
                continue
        return 0


def figures_from(series: Series, known: Sequence[tuple[Wanted, CounterInfo]]) -> Figures:
    """Put the samples of one entity together.

    Args:
        series: as vCenter gave them, in whatever order of time.
        known: columns, each with the counter that fills it.
    """
    times = sample_times(series.sample_info)
    # vCenter gives the oldest first, simulators the newest.
    order = sorted(range(len(times)), key=times.__getitem__)
    whole = [(want, info, FACTORS[info.unit]) for want, info in known if not want.each]
    values = _values(series.values, whole, order)
    if not values:
        return Figures()
    each = [(want, info, EACH_FACTORS[info.unit]) for want, info in known if want.each]
    parts = {instance: _values(texts, each, order) for instance, texts in series.parts.items()}
    return Figures(values, max(times), len(times), parts)


def _values(
    texts: Mapping[int, str],
    known: Iterable[tuple[Wanted, CounterInfo, float]],
    order: Sequence[int],
) -> dict[str, float]:
    """Columns from the samples of an entity, or of one of its instances."""
    values: dict[str, float] = {}
    numbers: dict[int, list[float]] = {}
    for want, info, factor in known:
        text = texts.get(info.key)
        if text is None:
            continue
        if info.key not in numbers:
            numbers[info.key] = _in_order(text, order)
        given = [number for number in numbers[info.key] if number != _NO_SAMPLE]
        if given:
            value = _together(given, want.how) * factor
            values[want.column] = math.floor(value) if info.unit == "kiloBytes" else value
    return values


def sample_times(sample_info: str) -> list[float]:
    """Unix times out of ``20,2026-11-23T06:47:40Z,20,2026-11-23T06:48:00Z``; [] if unreadable."""
    if not sample_info:
        return []
    try:
        return [datetime.fromisoformat(text).timestamp() for text in sample_info.split(",")[1::2]]
    except ValueError:
        log.debug("unreadable sample times: %.60s", sample_info)
        return []


def numbers_in_time(sample_info: str, text: str) -> tuple[list[float], list[float]]:
    """Times and samples of one counter, oldest first; -1 where none was taken.

    Args:
        sample_info: ``interval,timestamp`` pairs.
        text: the counter's values in the same order.
    """
    times = sample_times(sample_info)
    order = sorted(range(len(times)), key=times.__getitem__)
    numbers = _in_order(text, order)
    return ([times[at] for at in order], numbers) if numbers else ([], [])


def _in_order(text: str, order: Sequence[int]) -> list[float]:
    """Samples by time, oldest first. [] when they do not match the sample times."""
    parts = text.split(",") if text else []
    if len(parts) != len(order):
        if parts:
            log.debug("%d samples for %d times", len(parts), len(order))
        return []
    try:
        numbers = [float(part) if part else _NO_SAMPLE for part in parts]
    except ValueError:
        log.debug("unreadable samples: %.60s", text)
        return []
    return [numbers[at] if math.isfinite(numbers[at]) else _NO_SAMPLE for at in order]


def _together(given: Sequence[float], how: How) -> float:
    match how:
        case How.LAST:
            return given[-1]
        case How.MEAN:
            return sum(given) / len(given)
        case How.PEAK:
            return max(given)


def _info(entry: Any) -> CounterInfo:
    return CounterInfo(
        key=int(entry.key),
        name=f"{entry.groupInfo.key}.{entry.nameInfo.key}.{entry.rollupType}",
        unit=str(entry.unitInfo.key),
        level=int(entry.level or 0),
        device_level=int(getattr(entry, "perDeviceLevel", None) or 0),
    )
