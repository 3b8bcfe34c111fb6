"""A demand history in parts, of which only those that have changed are written again.

A part is one hour: a byte that says which, then little-endian 32-bit floats by row. An hour that
is over has its figure; the one that is going on has what figures are made of, so that the next look
can go on with it. Whose row is whose is a part of its own, written when somebody moved in or out.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping

import numpy as np

from vsphere_market.demand.history import HOURS, PEAK_SHARE, DemandHistory
from vsphere_market.units import BoolArray, FloatArray

_GOING_ON, _OVER = b"R", b"C"
_FLOAT = np.dtype("<f4")


def pack_rows(history: DemandHistory) -> bytes:
    """Whose row is whose."""
    names = [""] * len(history.level)
    for vm, row in history.rows.items():
        names[row] = vm
    return zlib.compress(json.dumps(names, separators=(",", ":")).encode(), 1)


def pack_hour(history: DemandHistory, hour: int) -> bytes:
    """What is known of an hour that is remembered."""
    if hour == history.hour:
        return _GOING_ON + history.open.astype(_FLOAT).tobytes()
    return _OVER + history.level[:, hour % history.span].astype(_FLOAT).tobytes()


def hours_to_write(history: DemandHistory) -> list[int]:
    """The hours that have changed since the history was read, as far as they are remembered."""
    if history.hour is None:
        return []
    kept = range(history.hour - history.span + 1, history.hour + 1)
    if history.whole:
        known: BoolArray = np.any(np.isfinite(history.level), axis=0)
        return [hour for hour in kept if known[hour % history.span]]
    return sorted(history.changed.intersection(kept))


def unpack_history(
    rows: bytes,
    hours: Mapping[int, bytes],
    edition: int,
    span: int = HOURS,
    peak_share: float = PEAK_SHARE,
) -> DemandHistory:
    """Read what :func:`pack_rows` and :func:`pack_hour` wrote.

    Args:
        rows: whose row is whose.
        hours: hour since 1970 -> what was written of it.
        edition: which writing of the rows this is.
        span: how many hours to remember, up to the newest.
        peak_share: as it was when it was written.

    Raises:
        ValueError: it is something else.
    """
    history = DemandHistory(span, peak_share)
    try:
        names = json.loads(zlib.decompress(rows))
        history.rows = {str(vm): row for row, vm in enumerate(names) if vm}
    except (zlib.error, ValueError, TypeError) as exc:
        raise ValueError("not a demand history") from exc
    history.free = [row for row, vm in enumerate(names) if not vm]
    history.edition, history.whole = edition, False
    history.level = np.full((len(names), span), np.nan)
    history.open = np.zeros((3, len(names)))
    if not hours:
        return history
    history.hour = max(hours)
    for hour, data in hours.items():
        if hour <= history.hour - span:
            continue
        part = _read_hour(data, len(names))
        if len(part) == 1:
            history.level[: part.shape[1], hour % span] = part[0]
            continue
        history.level[: part.shape[1], hour % span] = history.figure(part)
        if hour == history.hour:
            history.open[:, : part.shape[1]] = part
    return history


def _read_hour(data: bytes, rows: int) -> FloatArray:
    """(1, n) figures or (3, n) what they are made of, of the first n ``rows``."""
    depth = {_GOING_ON: 3, _OVER: 1}.get(data[:1])
    if depth is None or (len(data) - 1) % (depth * _FLOAT.itemsize):
        raise ValueError("not a demand history")
    part = np.frombuffer(data, dtype=_FLOAT, offset=1).reshape(depth, -1)
    if part.shape[1] > rows:
        raise ValueError("not a demand history")
    return part.astype(np.float64)


def unpack_whole(data: bytes) -> DemandHistory:
    """Read the one piece that was written before there were parts.

    Raises:
        ValueError: it is something else.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as kept:
            ids, level, hour = kept["ids"], kept["level"], int(kept["hour"])
            going_on = kept["open"]
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as exc:
        raise ValueError("not a demand history") from exc
    if (
        level.ndim != 2
        or level.shape[0] != len(ids)
        or level.shape[1] < 1
        or going_on.shape != (3, len(ids))
    ):
        raise ValueError("not a demand history")
    history = DemandHistory(level.shape[1])
    history.rows = {str(vm): row for row, vm in enumerate(ids)}
    history.level = level.astype(np.float64)
    history.open = going_on.astype(np.float64)
    history.hour = None if hour < 0 else hour
    return history
