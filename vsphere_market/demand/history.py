"""What is remembered of working sets: hourly maxima of the last days, per VM.

Kept as one array, so that a year-long run never grows: rows are VMs, columns hours on a ring.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

import numpy as np

from vsphere_market.units import BoolArray, FloatArray

HOUR_S = 3600.0
#: Dates kept: two days of hours, so that yesterday's same hour is always among them.
HOURS = 48


class DemandHistory:
    """Hourly maxima of working sets in MiB; NaN where nothing was seen.

    A VM that has not been seen for all :data:`HOURS` hours is forgotten.
    """

    def __init__(self, hours: int = HOURS) -> None:
        self._span = hours
        self._rows: dict[str, int] = {}
        self._maxima: FloatArray = np.full((0, hours), np.nan)
        self._hour: int | None = None

    def __len__(self) -> int:
        return len(self._rows)

    def update(self, at_s: float, ids: Sequence[str], working_set: FloatArray) -> None:
        """Remember the working sets (V,) of the VMs ``ids`` at Unix time ``at_s``.

        Samples older than the hour last seen are ignored: a clock that jumps back must not
        rewrite history. NaN entries are no sample.
        """
        hour = int(at_s // HOUR_S)
        if self._hour is not None and hour < self._hour:
            return
        self._advance(hour)
        fresh = [vm for vm in ids if vm not in self._rows]
        if fresh:
            for vm in fresh:
                self._rows[vm] = len(self._rows)
            grown = np.full((len(self._rows) - len(self._maxima), self._span), np.nan)
            self._maxima = np.concatenate([self._maxima, grown])
        rows = np.fromiter((self._rows[vm] for vm in ids), dtype=np.int64, count=len(ids))
        column = hour % self._span
        self._maxima[rows, column] = np.fmax(self._maxima[rows, column], working_set)

    def hours(self, ids: Sequence[str]) -> FloatArray:
        """Maxima (V, S) of the hours remembered, the present one first.

        S is the number of hours in which any VM was seen.
        """
        if self._hour is None or not self._rows:
            return np.empty((len(ids), 0))
        order = [(self._hour - back) % self._span for back in range(self._span)]
        ring = self._maxima[:, order]
        order = [column for at, column in enumerate(order) if np.isfinite(ring[:, at]).any()]
        past = np.full((len(ids), len(order)), np.nan)
        rows = np.fromiter((self._rows.get(vm, -1) for vm in ids), dtype=np.int64, count=len(ids))
        seen = rows >= 0
        past[seen] = self._maxima[rows[seen]][:, order]
        return past

    def to_bytes(self) -> bytes:
        """Everything, compactly; :meth:`from_bytes` reads it back."""
        buffer = io.BytesIO()
        ids = np.array(list(self._rows), dtype=np.str_)
        hour = np.int64(-1 if self._hour is None else self._hour)
        np.savez_compressed(buffer, ids=ids, maxima=self._maxima.astype(np.float32), hour=hour)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> DemandHistory:
        """Read what :meth:`to_bytes` wrote. Raises ValueError when it is something else."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as kept:
                ids, maxima, hour = kept["ids"], kept["maxima"], int(kept["hour"])
        except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as exc:
            raise ValueError("not a demand history") from exc
        if maxima.ndim != 2 or len(ids) != len(maxima) or maxima.shape[1] < 1:
            raise ValueError("not a demand history")
        history = cls(maxima.shape[1])
        history._rows = {str(vm): row for row, vm in enumerate(ids)}
        history._maxima = maxima.astype(np.float64)
        history._hour = None if hour < 0 else hour
        return history

    def _advance(self, hour: int) -> None:
        """Clear the columns of hours that begin now, and forget VMs without any sample left."""
        if self._hour is None or hour == self._hour:
            self._hour = hour
            return
        steps = min(hour - self._hour, self._span)
        for back in range(steps):
            self._maxima[:, (hour - back) % self._span] = np.nan
        self._hour = hour
        alive: BoolArray = np.any(np.isfinite(self._maxima), axis=1)
        if not alive.all():
            kept = [vm for vm, row in self._rows.items() if alive[row]]
            self._maxima = self._maxima[alive]
            self._rows = {vm: row for row, vm in enumerate(kept)}
