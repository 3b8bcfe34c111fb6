"""What was recorded of an estate, as an estate that the plant can live through again.

A journal keeps, for every cycle, what each VM held and touched. From that follow an estate file and
a recording beside it: the VMs with the sizes and on the hosts that they had at the beginning, and
what they held and touched since. Controllers then begin where the record begins; what was moved or
resized since is not repeated, for it is what they are to decide.

What counters cannot tell, this cannot either: a VM that was held down wanted more than it touched.
The notes say how often that was so.
"""

from __future__ import annotations

import glob
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vsphere_market.errors import StorageError, UsageError
from vsphere_market.estate import Snapshot
from vsphere_market.estate.snapshot_file import time_text
from vsphere_market.journal import Filter, HostSample, Place, VmSample, journal_exists, open_journal
from vsphere_market.proving.known import rules_of, settings_of
from vsphere_market.units import BoolArray, FloatArray, IndexArray

_DAY_S = 86400.0
#: Bounds of the seconds between the entries of the recording; the usual distance of cycles else.
_STEP_S = (60.0, 3600.0)
#: Fewer cycles, or a shorter time, say nothing about a policy.
_LEAST_CYCLES, _LEAST_S = 3, 900.0
#: A silence of the journal that is longer is told of; values hold across it.
_SILENCE_S = 3600.0
#: What of the record passes before anybody acts, at most.
_WARM_UP_S = 1800.0
#: A VM that lost more of its time to waiting was held down.
_WAITING_PCT = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """What a journal kept of one vCenter.

    Attributes:
        name: of the vCenter.
        times: (T,) Unix time of each cycle, rising.
        samples: one per cycle.
        hosts: one per host, the first that tells its memory.
    """

    name: str
    times: FloatArray
    samples: tuple[VmSample, ...]
    hosts: tuple[HostSample, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """A record as files for the plant.

    Attributes:
        estate: the estate file; its recording lies beside it.
        hours: how much of it can be lived through.
        notes: a sentence for each thing that was decided by rule, or cannot be known.
    """

    estate: Path
    hours: float
    notes: tuple[str, ...]


def read_record(place: Place, *, days: float, source: str = "") -> Record:
    """Read the last days of a journal.

    Args:
        place: where it is.
        days: how far back, from its newest cycle.
        source: name of the vCenter; "" where the journal knows one only.

    Raises:
        UsageError: it is not there, knows several vCenters or not this one, or has too little.
        JournalError, StorageError, BusyError: it cannot be read.
    """
    where = str(place)
    if not journal_exists(place):
        raise UsageError(
            "there is no journal", where=where,
            cure="name one with --journal; `run` and `plan` begin one",
        )  # fmt: skip
    with open_journal(place, read_only=True) as journal:
        cycles = journal.cycles(Filter(source=source, limit=1_000_000))
        names = sorted({cycle.source for cycle in cycles})
        if not cycles:
            known = sorted({cycle.source for cycle in journal.cycles(Filter(limit=1_000_000))})
            raise UsageError(
                f"knows nothing of {source}" if source else "is empty", where=where,
                cure=f"it knows {', '.join(known)}" if known else "let `run` watch for a while",
            )  # fmt: skip
        if len(names) > 1:
            raise UsageError(
                f"knows {len(names)} vCenters: {', '.join(names)}", where=where,
                cure="name one of them with --source",
            )  # fmt: skip
        newest = max(cycle.started_s for cycle in cycles)
        wanted = sorted(
            (c for c in cycles if c.started_s >= newest - days * _DAY_S and not c.scope),
            key=lambda cycle: cycle.started_s,
        )
        times: list[float] = []
        samples: list[VmSample] = []
        for cycle in wanted:
            sample = journal.vm_sample(cycle.id)
            if sample is not None and (not times or cycle.started_s > times[-1]):
                times.append(cycle.started_s)
                samples.append(sample)
        ids = {cycle.id for cycle in wanted}
        since = Filter(since_s=newest - days * _DAY_S - _DAY_S, limit=10_000_000)
        hosts: dict[str, HostSample] = {}
        for seen in journal.host_samples(since):
            if seen.cycle in ids and seen.memory_mib > 0.0:
                hosts.setdefault(seen.host, seen)
    if len(times) < _LEAST_CYCLES or times[-1] - times[0] < _LEAST_S:
        raise UsageError(
            f"has {len(times)} cycles with counters in the last {days:g} days, over "
            f"{(times[-1] - times[0]) / 60.0 if times else 0.0:.0f} minutes", where=where,
            cure=f"at least {_LEAST_CYCLES} over {_LEAST_S / 60:.0f} minutes are needed; let `run` "
            "watch for longer",
        )  # fmt: skip
    return Record(names[0], np.array(times), tuple(samples), tuple(hosts.values()))


def write_recorded(record: Record, folder: Path, known: Snapshot | None = None) -> Recorded:
    """Write a record as an estate file with its recording.

    Args:
        record: what was kept.
        folder: where the two files go.
        known: a snapshot that gives what journals do not keep: vCPUs, shares, hot-add, rules, tags.

    Raises:
        UsageError: no VM of it has counters.
        StorageError: the files cannot be written.
    """
    lives, notes = _lives(record)
    step_s = _step(record.times)
    placed = _grid(record.times, step_s)
    notes += _silences(record.times)
    warm_up_s = 60.0 * int(min(_WARM_UP_S, 0.1 * len(placed) * step_s) // 60.0)
    document = {
        "format": "vsphere-market/estate/1",
        "name": record.name,
        "about": f"{record.name} as recorded from {time_text(record.times[0])} to "
        f"{time_text(record.times[-1])}",
        "start": time_text(float(record.times[0])),
        "warm_up_min": warm_up_s / 60.0,
        "clusters": _clusters(record, lives, known),
    }
    working = np.stack([life.working[placed] / life.size_mib for life in lives])
    held = np.stack([life.held[placed] / life.size_mib for life in lives])
    estate = folder / "recorded.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(
            folder / "recorded.npz",
            labels=np.array([life.name for life in lives]),
            step_s=np.array(step_s),
            size_mib=np.array([life.size_mib for life in lives]),
            working=working.astype(np.float32),
            footprint=held.astype(np.float32),
        )
        estate.write_text(json.dumps(document, indent=1), encoding="utf-8")
    except OSError as problem:
        raise StorageError(
            f"the record cannot be written ({problem.strerror})", where=str(folder)
        ) from None
    hours = (len(placed) * step_s - warm_up_s) / 3600.0
    return Recorded(estate, hours, (*notes, *_unknown(lives, known)))


# ---------------------------------------------------------------- VMs


@dataclass(frozen=True, slots=True, eq=False)
class _Life:
    """One VM over all cycles; NaN where it was off or not there.

    Attributes:
        moid, name, host: as first seen with counters; the name is its own in the estate.
        size_mib, reservation_mib, limit_mib, balloon_cap_mib: likewise.
        working: (T,) touched, what it lost to waiting made up for, MiB.
        held: (T,) what it would hold if nobody squeezed it, MiB.
        squeezed: (T,) it was ballooned, swapped, or waited for memory.
        resized: its size changed.
        hosts: how many it was on.
    """

    moid: str
    name: str
    host: str
    size_mib: float
    reservation_mib: float
    limit_mib: float
    balloon_cap_mib: float
    working: FloatArray
    held: FloatArray
    squeezed: BoolArray
    resized: bool
    hosts: int


def _lives(record: Record) -> tuple[list[_Life], list[str]]:
    """All VMs that ever had counters on a host whose memory is known."""
    order: dict[str, int] = {}
    for sample in record.samples:
        for moid in sample.moids:
            order.setdefault(moid, len(order))
    places = [np.array([order[moid] for moid in s.moids], dtype=np.int64) for s in record.samples]

    def column(name: str, missing: float = np.nan) -> FloatArray:
        """(T, V) of all VMs that were ever there."""
        found: FloatArray = np.full((len(places), len(order)), np.nan)
        for at, (sample, place) in enumerate(zip(record.samples, places, strict=True)):
            if name in sample.columns:
                found[at, place] = sample.columns[name]
        found[np.isnan(found)] = missing
        return found

    granted, active, size = column("granted_mib"), column("active_mib"), column("size_mib")
    seen = ~np.isnan(granted) & ~np.isnan(active) & (size > 0.0)
    waiting = np.minimum(column("latency_pct", 0.0), 95.0)
    taken = column("ballooned_mib", 0.0)
    taken += column("swapped_mib", 0.0)
    taken += column("compressed_mib", 0.0)
    squeezed = seen & ((taken > 0.0) | (waiting > _WAITING_PCT))
    held = np.where(seen, np.minimum(np.maximum(granted + taken, active), size), np.nan)
    working = np.minimum(active / (1.0 - waiting / 100.0), np.maximum(size, active))
    working[~seen] = np.nan
    first = seen.argmax(axis=0)
    settings = {
        "size_mib": size, "reservation_mib": column("reservation_mib", 0.0),
        "limit_mib": column("limit_mib", np.inf), "balloon_cap_mib": column("balloon_cap_mib"),
    }  # fmt: skip

    known = {host.host for host in record.hosts}
    homes: list[set[str]] = [set() for _ in order]
    for sample, place in zip(record.samples, places, strict=True):
        for at, host in zip(place.tolist(), sample.hosts, strict=True):
            homes[at].add(host)
    names: set[str] = set()
    lives: list[_Life] = []
    homeless = silent = 0
    for moid, at in order.items():
        if not seen[:, at].any():
            silent += 1
            continue
        begin = int(first[at])
        sample = record.samples[begin]
        row = sample.moids.index(moid)
        if sample.hosts[row] not in known:
            homeless += 1
            continue
        name = sample.names[row]
        name = name if name not in names else f"{name} ({moid})"
        names.add(name)
        lives.append(
            _Life(
                moid=moid,
                name=name,
                host=sample.hosts[row],
                **{key: float(values[begin, at]) for key, values in settings.items()},
                working=working[:, at],
                held=held[:, at],
                squeezed=squeezed[:, at],
                resized=bool(np.ptp(size[seen[:, at], at]) > 0.0),
                hosts=len(homes[at] - {""}),
            )
        )
    notes = []
    if silent:
        notes.append(f"{silent} VMs never had counters and were left out.")
    if homeless:
        notes.append(f"{homeless} VMs were on hosts whose memory was not told and were left out.")
    if not lives:
        raise UsageError("no VM of the record has counters", where=record.name)
    return lives, notes


# ---------------------------------------------------------------- time


def _step(times: FloatArray) -> float:
    """Seconds between entries: the usual distance of two cycles, in whole minutes."""
    usual = 60.0 * round(float(np.median(np.diff(times))) / 60.0)
    return min(max(usual, _STEP_S[0]), _STEP_S[1])


def _grid(times: FloatArray, step_s: float) -> IndexArray:
    """For each entry the latest cycle at or before it."""
    entries = int((times[-1] - times[0]) // step_s) + 1
    at = times[0] + step_s * np.arange(entries)
    # Cycles come a little late now and then; a second is not another cycle.
    latest = np.searchsorted(times, at + 1.0, side="right") - 1
    return np.asarray(np.maximum(latest, 0), dtype=np.int64)


def _silences(times: FloatArray) -> list[str]:
    gaps = np.diff(times)
    silent = gaps[gaps > _SILENCE_S]
    if not len(silent):
        return []
    return [
        f"The journal is silent for more than an hour {len(silent)} times, "
        f"{silent.sum() / 3600.0:.1f} hours in all; the values before hold across that."
    ]


# ---------------------------------------------------------------- the estate file


def _clusters(
    record: Record, lives: Sequence[_Life], known: Snapshot | None
) -> list[dict[str, Any]]:
    cluster_of = {host.host: host.cluster or "(no cluster)" for host in record.hosts}
    named: dict[str, dict[str, Any]] = {}
    for host in record.hosts:
        cluster = named.setdefault(
            cluster_of[host.host], {"name": cluster_of[host.host], "hosts": [], "vms": []}
        )
        cluster["hosts"].append({"name": host.host, "memory_gib": _gib(host.memory_mib)})
    for life in lives:
        named[cluster_of[life.host]]["vms"].append(_vm(life, known))
    if known is not None:
        for name, cluster in named.items():
            vms = {life.moid: life.name for life in lives if cluster_of[life.host] == name}
            hosts = {host.host for host in record.hosts if cluster_of[host.host] == name}
            cluster["rules"] = rules_of(known, vms, hosts)
    return list(named.values())


def _vm(life: _Life, known: Snapshot | None) -> dict[str, Any]:
    size = life.size_mib
    settings: Mapping[str, Any] = {} if known is None else settings_of(known, life.moid, size)
    limit = life.limit_mib if life.limit_mib >= 4.0 else np.inf
    entry: dict[str, Any] = {
        "name": life.name,
        "host": glob.escape(life.host),
        "memory_gib": _gib(size),
        "workload": {"shapes": [{"kind": "trace", "trace": "recorded.npz", "vm": life.name}]},
        **settings,
    }
    if settings.get("passthrough"):
        # All its memory is reserved, whatever else is said.
        return entry
    if np.isfinite(limit):
        entry["limit_gib"] = _gib(limit)
    if life.reservation_mib > 0.0:
        entry["reservation_gib"] = _gib(min(life.reservation_mib, size, limit))
    if not np.isnan(life.balloon_cap_mib):
        entry["balloon_cap_gib"] = _gib(life.balloon_cap_mib)
    return entry


def _gib(mib: float) -> float:
    return float(mib) / 1024.0


def _unknown(lives: Sequence[_Life], known: Snapshot | None) -> list[str]:
    """What this cannot tell, and how much of the record that is."""
    there = sum(int((~np.isnan(life.held)).sum()) for life in lives)
    squeezed = sum(int(life.squeezed.sum()) for life in lives)
    resized = sum(life.resized for life in lives)
    moved = sum(life.hosts > 1 for life in lives)
    notes = [
        f"Counters tell what VMs touched and held, not what they wanted: in {squeezed} of {there} "
        f"samples ({100.0 * squeezed / max(there, 1):.1f} %) a VM was ballooned, swapped or "
        "waiting, and its demand there is a lower bound. What guests paged by themselves is not in "
        "it.",
        "Everybody begins where the record begins, and sizes are those of then: what was moved "
        f"({moved} VMs) or resized ({resized} VMs) since is not repeated, not for none either.",
        "Bursts between two samples are not in the record, so pain here is less than it was.",
    ]
    if known is None:
        notes.append(
            "The journal does not keep vCPUs, shares, hot-add, pools, rules and tags: two vCPUs, "
            "normal shares, no hot-add and none of the others are assumed. With --snapshot FILE "
            "they are taken from there, pools apart."
        )
    else:
        missing = sum(known.vms.row(life.moid) < 0 for life in lives)
        notes.append(
            "vCPUs, shares, hot-add, rules and tags are those of the snapshot"
            + (f", which lacks {missing} of the VMs" if missing else "")
            + "; pools are left out."
        )
    return notes
