"""A size history as bytes and back: two bytes per remembered peak, used buckets only.

The hour in progress is all that changes from one look to the next, so it is written by itself; the
rest when an hour is over.
"""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
import zlib

import numpy as np

from vsphere_market.demand.buckets import BUCKETS, from_codes, to_codes
from vsphere_market.demand.sizes import SizeHistory
from vsphere_market.demand.sizing import DAYS, WEEK_HOURS, Origin, SizeSettings

_NO_HOUR = -1
#: Histogram weights are kept as 16-bit shares of the VM's largest one: 0.002 % of it are lost.
_FULL = 65535.0
_FLOAT = np.dtype("<f4")


def pack_sizes(history: SizeHistory) -> bytes:
    """Everything, compactly; :func:`unpack_sizes` reads it back.

    0.6 kB per VM before compression: 520 bytes of peaks, and 3 for each bucket in use.
    """
    weights = history.weights
    top = weights.max(axis=1, initial=0.0)
    shares = np.rint(weights / np.where(top > 0, top, 1.0)[:, None] * _FULL).astype(np.uint16)
    rows, columns = np.nonzero(shares)
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        ids=np.array(list(history.rows), dtype=np.str_),
        clock=np.array(
            [
                _NO_HOUR if value is None else value
                for value in (history.hour, history.reference, history.day)
            ],
            dtype=np.int64,
        ),
        settings=np.array(dataclasses.astuple(history.settings), dtype=np.float64),
        pending=history.pending.astype(np.float32),
        top=top.astype(np.float32),
        filled=np.bincount(rows, minlength=len(weights)).astype(np.uint8),
        bucket=columns.astype(np.uint8),
        share=shares[rows, columns],
        week=to_codes(history.week),
        days=to_codes(history.days),
        hours=history.hours.astype(np.int32),
        first=history.first,
    )
    return buffer.getvalue()


def unpack_sizes(data: bytes) -> SizeHistory:
    """Read what :func:`pack_sizes` wrote. Raises ValueError when it is something else."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as kept:
            history = SizeHistory(SizeSettings(*(float(x) for x in kept["settings"])))
            ids = [str(vm) for vm in kept["ids"]]
            clock = [None if value == _NO_HOUR else int(value) for value in kept["clock"]]
            history.hour, history.reference, history.day = clock
            history.rows = {vm: row for row, vm in enumerate(ids)}
            history.pending = kept["pending"].astype(np.float64)
            rows = np.repeat(np.arange(len(ids)), kept["filled"])
            weights = np.zeros((len(ids), BUCKETS), dtype=np.float32)
            weights[rows, kept["bucket"]] = kept["share"] / _FULL * kept["top"][rows]
            history.weights = weights
            history.week, history.days = from_codes(kept["week"]), from_codes(kept["days"])
            history.hours = kept["hours"].astype(np.int64)
            history.first = kept["first"].astype(np.int64)
    except (OSError, KeyError, ValueError, TypeError, IndexError, EOFError) as exc:
        raise ValueError("not a size history") from exc
    except zipfile.BadZipFile as exc:
        raise ValueError("not a size history") from exc
    shapes = (history.week.shape, history.days.shape, history.hours.shape)
    count = len(ids)
    if shapes != ((count, WEEK_HOURS), (count, DAYS), (count, len(Origin))):
        raise ValueError("not a size history")
    history.stale, history.stamp, history.kept = False, zlib.crc32(data), count
    return history


def pack_hour(history: SizeHistory) -> bytes:
    """The hour in progress of a history that is not stale, and who is new in it."""
    newcomers = list(history.rows)[history.kept :]
    head = json.dumps([history.stamp, history.hour, newcomers], separators=(",", ":")).encode()
    return head + b"\n" + history.pending.astype(_FLOAT).tobytes()


def add_hour(history: SizeHistory, data: bytes) -> None:
    """Add what :func:`pack_hour` wrote to a history as :func:`unpack_sizes` read it.

    Nothing happens when it was written after another history than this.

    Raises:
        ValueError: it is something else.
    """
    head, newline, body = data.partition(b"\n")
    try:
        stamp, hour, newcomers = json.loads(head)
        pending = np.frombuffer(body, dtype=_FLOAT).astype(np.float64)
        names = [str(vm) for vm in newcomers]
    except (ValueError, TypeError) as exc:
        raise ValueError("not an hour of a size history") from exc
    if stamp != history.stamp:
        return
    if not newline or len(pending) != len(history) + len(names):
        raise ValueError("not an hour of a size history")
    history.add_rows(names)
    history.hour, history.pending = hour, pending
