"""Recorded workloads: reading them, mending what is wrong with them, and carrying some along.

Two forms are read. Archives (``.npz``) hold evenly spaced shares of memory: in a byte each, as
``pack`` writes them (``traces/bitbrains.npz`` comes with the package), or as numbers ``working``
and ``footprint``. Tables (``.csv``, ``.csv.gz``, ``.parquet``)
hold one row per VM and instant, with the columns of the Bitbrains GWA-T-12 trace.
"""

from __future__ import annotations

import csv
import gzip
import importlib
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vsphere_market.errors import EstateError
from vsphere_market.plant.document import Node
from vsphere_market.plant.workload import Series
from vsphere_market.units import BoolArray, FloatArray, IndexArray

#: Columns that a table must have; cpu_cap_mhz is used where it is given.
COLUMNS = ("vm", "ts", "mem_granted_kib", "mem_active_kib")
#: Seconds between the samples of a read table.
GRID_S = 300.0
#: A VM that is missing for longer is off; what is shorter, or missing of all VMs at once, is a
#: fault of the recording, and the last value holds.
LONGEST_HOLD_S = 3600.0
#: Code of "off" in archives; shares are codes of 0 to 254.
_OFF, _FULL = 255, 254.0
#: Folder of the recordings that come with the package.
SHIPPED = Path(__file__).parent / "traces"
_KIB_PER_MIB = 1024.0
#: The median VM is smaller than this.
_HALF_TIB_KIB = float(1 << 29)


@dataclass(frozen=True, slots=True, eq=False)
class TraceSet:
    """Recorded VMs.

    Attributes:
        series: by the VM's label, in the order of the file.
        size_mib: per label, the most that was ever granted: a lower bound of the size.
        notes: one sentence for each thing that was mended.
    """

    series: Mapping[str, Series]
    size_mib: Mapping[str, float]
    notes: tuple[str, ...] = ()


class TraceLibrary:
    """Trace files by the names that estates use: the package's, and files beside an estate."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._loaded: dict[str, TraceSet] = {}

    def series(self, node: Node, source: str, label: str) -> Series:
        """One VM of a file."""
        found = self._load(node, source).series
        if label not in found:
            some = ", ".join(list(found)[:8])
            raise node.error(f"{source} has no VM {label}", f"it has {some}, …", at="vm")
        return found[label]

    def nth(self, node: Node, source: str, turn: int) -> Series:
        """The VM whose turn it is, round and round."""
        found = list(self._load(node, source).series.values())
        return found[turn % len(found)]

    def _load(self, node: Node, source: str) -> TraceSet:
        if source not in self._loaded:
            path = SHIPPED / f"{source}.npz"
            if not path.is_file() and self._folder is not None:
                path = self._folder / source
            if not path.is_file():
                raise node.error(
                    f"{source} is no trace", "name bitbrains, or a file beside the estate",
                    at="trace",
                )  # fmt: skip
            self._loaded[source] = read_traces(path)
        return self._loaded[source]


def read_traces(path: Path) -> TraceSet:
    """Read a trace file of either form, by the end of its name.

    Raises:
        EstateError: naming the file and what is wrong with it.
    """
    where = str(path)
    if not path.is_file():
        raise EstateError("there is no such file", where=where, cure="check the path")
    try:
        if path.suffix == ".npz":
            return _read_archive(path)
        if path.suffix == ".parquet":
            return from_table(_read_parquet(path), where=where)
        if path.name.endswith((".csv", ".csv.gz")):
            return from_table(_read_csv(path), where=where)
    except EstateError:
        raise
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as exc:
        raise EstateError(f"is no trace file ({exc})", where=where) from None
    raise EstateError(
        "is no trace file: its name must end in .npz, .csv, .csv.gz or .parquet", where=where
    )


# ---------------------------------------------------------------- archives


def pack(traces: TraceSet) -> dict[str, NDArray[Any]]:
    """The arrays of an archive: shares in a byte each, working sets finer where they are small."""
    series = list(traces.series.values())
    working = np.stack([item.working for item in series])
    held = np.stack([item.footprint for item in series])
    return {
        "labels": np.array(list(traces.series)),
        "step_s": np.array(series[0].step_s),
        "size_mib": np.array([traces.size_mib[label] for label in traces.series]),
        # Working sets are mostly small shares: the square root spends the codes on those.
        "working_sqrt": _coded(np.sqrt(np.clip(working, 0.0, 1.0))),
        "footprint": _coded(np.clip(held, 0.0, 1.0)),
    }


def _read_archive(path: Path) -> TraceSet:
    with np.load(path, allow_pickle=False) as archive:
        step_s = float(archive["step_s"])
        labels = [str(label) for label in archive["labels"]]
        size = dict(zip(labels, archive["size_mib"].tolist(), strict=True))
        if "working" in archive:
            working, held = (
                np.asarray(archive[name], dtype=np.float64) for name in ("working", "footprint")
            )
        else:
            working = _shares(archive["working_sqrt"]) ** 2
            held = _shares(archive["footprint"])
    if working.shape != held.shape or len(working) != len(labels) or step_s <= 0.0:
        raise ValueError("its arrays do not fit together")
    series = {
        label: Series(step_s, working[row], held[row]) for row, label in enumerate(labels)
    }  # fmt: skip
    return TraceSet(series, size)


def _coded(shares: FloatArray) -> NDArray[np.uint8]:
    codes = np.where(np.isnan(shares), _OFF, np.round(shares * _FULL))
    return codes.astype(np.uint8)


def _shares(codes: NDArray[np.uint8]) -> FloatArray:
    shares = codes.astype(np.float64) / _FULL
    shares[codes == _OFF] = np.nan
    return shares


# ---------------------------------------------------------------- tables


def _read_parquet(path: Path) -> dict[str, NDArray[Any]]:
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise EstateError(
            "is a Parquet file, and pyarrow is not installed", where=str(path),
            cure="run `pip install pyarrow`, or give the table as .csv",
        ) from None  # fmt: skip
    try:
        table = parquet.read_table(path)
    except Exception as exc:
        raise EstateError(f"is no Parquet file ({exc})", where=str(path)) from None
    return {name: table[name].to_numpy() for name in table.column_names}


def _read_csv(path: Path) -> dict[str, NDArray[Any]]:
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    rows = csv.reader(raw.decode("utf-8-sig").splitlines())
    header = [name.strip() for name in next(rows, [])]
    lines = [row for row in rows if row]
    if any(len(row) != len(header) for row in lines):
        raise ValueError("its lines have different numbers of fields")
    columns: dict[str, NDArray[Any]] = {}
    for at, name in enumerate(header):
        texts = np.array([row[at].strip() for row in lines])
        if name == "vm":
            columns[name] = texts
        else:
            columns[name] = np.where(texts == "", "nan", texts).astype(np.float64)
    return columns


def from_table(table: Mapping[str, NDArray[Any]], *, where: str) -> TraceSet:
    """Series out of a table of samples; each way it can be wrong is mended by rule or refused.

    Unsorted rows are sorted; of two rows for one VM and instant the later counts; rows with a
    missing number are dropped; active above granted raises granted. A VM that granted nothing, or
    is missing for more than an hour while others are there, is off. Times are brought to a grid of
    five minutes.

    Raises:
        EstateError: for missing columns, no rows, negative amounts, and amounts or times whose
            unit is plainly another.
    """
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise EstateError(
            f"has no column {', '.join(missing)}", where=where,
            cure=f"a trace has the columns {', '.join(COLUMNS)}",
        )  # fmt: skip
    notes: list[str] = []
    names, vm = np.unique(np.asarray(table["vm"]), return_inverse=True)
    ts, granted, active = (np.asarray(table[name], dtype=np.float64) for name in COLUMNS[1:])
    sound = np.isfinite(ts) & np.isfinite(granted) & np.isfinite(active)
    if not sound.all():
        notes.append(f"{(~sound).sum()} rows with a missing number were left out.")
    _check_units(ts[sound], granted[sound], active[sound], where)

    order = np.lexsort((np.arange(len(ts)), ts, vm))
    order = order[sound[order]]
    vm, ts, granted, active = vm[order], ts[order], granted[order], active[order]
    twin = (vm[1:] == vm[:-1]) & (ts[1:] == ts[:-1])
    if twin.any():
        notes.append(f"{twin.sum()} rows had a later one for the same VM and instant.")
    start = np.floor(ts.min() / GRID_S)
    slot = (np.floor(ts / GRID_S) - start).astype(np.int64)
    slots = int(slot.max()) + 1
    # Later rows overwrite earlier ones of their slot.
    held = np.full((len(names), slots), np.nan)
    touched = np.full((len(names), slots), np.nan)
    held[vm, slot] = np.maximum(granted, active) / _KIB_PER_MIB
    touched[vm, slot] = active / _KIB_PER_MIB

    size = np.nanmax(held, axis=1)
    nothing = ~(size > 0.0)
    if nothing.any():
        notes.append(f"{nothing.sum()} VMs never held any memory and were left out.")
    seen = ~np.isnan(held)
    last = _last_seen(seen)
    off = _off(seen, last) | (np.take_along_axis(held, np.maximum(last, 0), axis=1) <= 0.0)
    holes = int((~seen & ~off).sum())
    if holes:
        notes.append(f"{holes} missing samples hold the value before them.")
    series = {}
    for row in np.flatnonzero(~nothing).tolist():
        at = np.maximum(last[row], 0)
        working, footprint = touched[row, at] / size[row], held[row, at] / size[row]
        working[off[row]] = np.nan
        footprint[off[row]] = np.nan
        series[str(names[row])] = Series(GRID_S, working, footprint)
    if not series:
        raise EstateError("holds no VM that ever ran", where=where)
    sizes = {str(names[row]): float(size[row]) for row in np.flatnonzero(~nothing)}
    return TraceSet(series, sizes, tuple(notes))


def _check_units(ts: FloatArray, granted: FloatArray, active: FloatArray, where: str) -> None:
    """Refuse what cannot be KiB and Unix seconds."""
    if not len(ts):
        raise EstateError("has no rows", where=where)
    if min(granted.min(), active.min()) < 0.0:
        raise EstateError("has negative amounts of memory", where=where)
    if ts.max() > 1e11 or ts.min() < 0.0:
        raise EstateError(
            "has times that are no Unix seconds", where=where,
            cure="divide milliseconds by 1000",
        )  # fmt: skip
    largest = float(granted.max())
    usual = float(np.median(granted[granted > 0.0])) if largest > 0.0 else 0.0
    if usual > _HALF_TIB_KIB:
        raise EstateError(
            f"grants VMs {usual / _KIB_PER_MIB / 1024 / 1024:.1f} TiB each", where=where,
            cure="mem_granted_kib is in KiB; divide bytes by 1024",
        )  # fmt: skip
    if 0.0 < largest < 32.0 * _KIB_PER_MIB:
        raise EstateError(
            f"grants no VM more than {largest / _KIB_PER_MIB:.1f} MiB", where=where,
            cure="mem_granted_kib is in KiB; multiply MiB by 1024",
        )  # fmt: skip


def _last_seen(seen: BoolArray) -> IndexArray:
    """(V, slots) the latest slot with a sample at or before each slot, -1 before the first."""
    slots = np.where(seen, np.arange(seen.shape[1]), -1)
    return np.asarray(np.maximum.accumulate(slots, axis=1), dtype=np.int64)


def _off(seen: BoolArray, last: IndexArray) -> BoolArray:
    """(V, slots) whether a VM is off: not there yet, or missing for long while others are not."""
    anybody = np.cumsum(seen.any(axis=0))
    # Count only slots in which anybody was recorded.
    missed: IndexArray = anybody[None, :] - anybody[np.maximum(last, 0)]
    # A VM is off from its last sample before a long gap, not from an hour into the gap.
    gap = _gap_lengths(seen, missed)
    off: BoolArray = (last < 0) | (~seen & (gap * GRID_S > LONGEST_HOLD_S))
    return off


def _gap_lengths(seen: BoolArray, missed: IndexArray) -> IndexArray:
    """(V, slots) for slots without a sample, the length of the gap they are in."""
    length = np.where(seen, 0, missed)
    backwards = length[:, ::-1]
    # Within a gap the length only grows, so the largest up to the next sample is the gap's.
    gaps = np.zeros_like(backwards)
    running = np.zeros(len(backwards), dtype=backwards.dtype)
    for slot in range(backwards.shape[1]):
        here = backwards[:, slot]
        running = np.where(here == 0, 0, np.maximum(running, here))
        gaps[:, slot] = running
    return gaps[:, ::-1]
