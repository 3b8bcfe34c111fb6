"""What is remembered of each VM for sizing it: a decaying histogram, a week, a quarter.

Trading needs to know the next hours (``history``); a size must do for months. So three memories
are kept of the hourly maxima of what each guest wants, each for a question of its own:

* *usual*: a decaying histogram of all hours: percentiles of what is usual lately;
* *week*: the peak of each of the 168 hours of the week, quickly up and slowly down: Saturday's
  backup is not forgotten on Friday;
* *days*: the peak of each of the last 92 days: the quarter's and the month's end are seen, and
  growth shows (a leak).

An hour in which a VM had to wait for its memory shows less than it would have used, so it is
entered with a raise, as the Kubernetes autoscaler does after an out-of-memory kill. Everything is
vectorised over V virtual machines, and kept in about 0.6 kB per VM (``sizes_file``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vsphere_market.demand.buckets import BUCKETS, bucket_of
from vsphere_market.demand.sizing import DAYS, WEEK_HOURS, Origin, SizeSettings, Sizing
from vsphere_market.units import BoolArray, FloatArray, IndexArray

HOUR_S = 3600.0
HOURS_A_DAY = 24
#: Unix time began on a Thursday; with this many hours added, an hour's number modulo 168 counts
#: from Monday, midnight UTC.
_MONDAY = 72
#: Weights are kept relative to an hour; it is moved when they would grow beyond 2 to this power.
_LARGEST_EXPONENT = 40.0
_NONE = np.iinfo(np.int64).min


class SizeHistory:
    """Hourly maxima of what VMs want, remembered for sizing. Amounts are MiB.

    Args:
        settings: half-life and the like.
    """

    def __init__(self, settings: SizeSettings | None = None) -> None:
        self.settings = settings or SizeSettings()
        self.rows: dict[str, int] = {}
        #: The hour in progress, and the largest want in it (V,), raised where it hurt.
        self.hour: int | None = None
        self.pending: FloatArray = np.empty(0)
        #: The hour in which a weight of 1 was given.
        self.reference: int | None = None
        self.weights: np.ndarray = np.empty((0, BUCKETS), dtype=np.float32)
        self.week: FloatArray = np.empty((0, WEEK_HOURS))
        self.days: FloatArray = np.empty((0, DAYS))
        self.day: int | None = None
        #: (V, origins) hours entered, by where they come from.
        self.hours: IndexArray = np.empty((0, len(Origin)), dtype=np.int64)
        #: (V,) number of the first hour entered.
        self.first: IndexArray = np.empty(0, dtype=np.int64)
        #: Whether more than the hour in progress changed since it was read; if not, a check sum of
        #: what it was read from, and how many VMs there were in it.
        self.stale = True
        self.stamp = self.kept = 0

    def __len__(self) -> int:
        return len(self.rows)

    # -- what comes in -----------------------------------------------------------------------

    def observe(
        self, at_s: float, ids: Sequence[str], wanted: FloatArray, hurt: BoolArray | None = None
    ) -> None:
        """See what the VMs ``ids`` want (V,) at Unix time ``at_s``.

        The hour counts when it is over, with its maximum. NaN entries are no sample, and samples
        of an hour that is over are ignored, as when a clock jumps back.

        Args:
            at_s: Unix time.
            ids: what the VMs are remembered by.
            wanted: (V,) what their guests want, MiB.
            hurt: (V,) they wait for memory, so that they want more than they show.
        """
        hour = int(at_s // HOUR_S)
        if self.hour is not None and hour < self.hour:
            return
        if self.hour is not None and hour > self.hour:
            self._close()
        self.hour = hour
        rows = self._rows_of(ids, wanted)
        amount = np.array(wanted, dtype=np.float64)
        if hurt is not None:
            raised = np.maximum(
                amount * self.settings.raise_share, amount + self.settings.raise_mib
            )
            amount = np.where(hurt, raised, amount)
        seen = rows >= 0
        self.pending[rows[seen]] = np.fmax(self.pending[rows[seen]], amount[seen])

    def backfill(self, hours: IndexArray, ids: Sequence[str], wanted: FloatArray) -> int:
        """Enter hours from before we looked, as vCenter remembers them.

        Only hours before the first one known of each VM are taken, so that nothing counts twice
        and asking again changes nothing.

        Args:
            hours: (N,) hours since 1970, rising.
            ids: what the VMs are remembered by.
            wanted: (V, N) MiB, NaN where vCenter has none.

        Returns:
            How many hours of VMs were entered.
        """
        rows = self._rows_of(ids, wanted.max(axis=1, initial=-np.inf, where=~np.isnan(wanted)))
        limit = np.full(len(ids), np.iinfo(np.int64).max)
        had = np.flatnonzero(rows >= 0)
        had = had[self.first[rows[had]] != _NONE]
        limit[had] = self.first[rows[had]]
        if self.hour is not None:
            limit = np.minimum(limit, self.hour)
        entered = 0
        for at in range(len(hours) - 1, -1, -1):
            hour = int(hours[at])
            fresh = (rows >= 0) & (hour < limit) & np.isfinite(wanted[:, at])
            if fresh.any():
                self._enter(hour, rows[fresh], wanted[fresh, at], Origin.VCENTER)
                entered += int(fresh.sum())
        return entered

    # -- what it says ------------------------------------------------------------------------

    def sizing(self, ids: Sequence[str], now: FloatArray) -> Sizing:
        """What is known for sizing the VMs ``ids``, which want ``now`` (V,) at present."""
        rows = np.fromiter((self.rows.get(vm, -1) for vm in ids), dtype=np.int64, count=len(ids))
        known = rows >= 0
        count = len(ids)
        weights = np.zeros((count, BUCKETS), dtype=np.float32)
        week = np.full((count, WEEK_HOURS), np.nan)
        days = np.full((count, DAYS), np.nan)
        hours = np.zeros((count, len(Origin)), dtype=np.int64)
        first = np.full(count, _NONE, dtype=np.int64)
        pending = np.full(count, np.nan)
        weights[known] = self.weights[rows[known]]
        week[known] = self.week[rows[known]]
        if self.day is not None:
            newest_first = [(self.day - back) % DAYS for back in range(DAYS)]
            days[known] = self.days[rows[known]][:, newest_first]
        hours[known] = self.hours[rows[known]]
        first[known] = self.first[rows[known]]
        pending[known] = self.pending[rows[known]]
        span = np.zeros(count)
        if self.hour is not None:
            span = np.where(first == _NONE, 0.0, (self.hour - first) / HOURS_A_DAY)
        return Sizing(
            settings=self.settings,
            now=np.fmax(now, pending),
            weights=weights,
            week=week,
            days=days,
            hours=hours,
            span_days=np.maximum(span, 0.0),
        )

    # -- inside ------------------------------------------------------------------------------

    def _rows_of(self, ids: Sequence[str], figure: FloatArray) -> IndexArray:
        """Rows of VMs; those with a figure get one if they have none. -1 where there is none."""
        fresh = [
            vm
            for vm, given in zip(ids, np.isfinite(figure), strict=True)
            if given and vm not in self.rows
        ]
        if fresh:
            self.add_rows(fresh)
        return np.fromiter((self.rows.get(vm, -1) for vm in ids), dtype=np.int64, count=len(ids))

    def add_rows(self, fresh: Sequence[str]) -> None:
        """Rows for VMs of which nothing is known yet."""
        for vm in fresh:
            self.rows[vm] = len(self.rows)
        more = len(self.rows) - len(self.pending)
        self.pending = np.concatenate([self.pending, np.full(more, np.nan)])
        self.weights = np.concatenate([self.weights, np.zeros((more, BUCKETS), np.float32)])
        self.week = np.concatenate([self.week, np.full((more, WEEK_HOURS), np.nan)])
        self.days = np.concatenate([self.days, np.full((more, DAYS), np.nan)])
        self.hours = np.concatenate([self.hours, np.zeros((more, len(Origin)), np.int64)])
        self.first = np.concatenate([self.first, np.full(more, _NONE, dtype=np.int64)])

    def _close(self) -> None:
        """The hour in progress is over: its maxima count."""
        assert self.hour is not None
        seen = np.flatnonzero(np.isfinite(self.pending))
        if len(seen):
            self._enter(self.hour, seen, self.pending[seen], Origin.COUNTERS)
        self.pending[:] = np.nan
        self._forget()

    def _enter(self, hour: int, rows: IndexArray, wanted: FloatArray, origin: Origin) -> None:
        """One hour of some VMs counts. Hours may come in any order."""
        self.stale = True
        self._histogram(hour, rows, wanted)
        slot = (hour + _MONDAY) % WEEK_HOURS
        old = self.week[rows, slot]
        if origin is Origin.COUNTERS:
            slower = old - (old - wanted) * self.settings.week_share
            self.week[rows, slot] = np.where(wanted < old, slower, wanted)
        else:
            self.week[rows, slot] = np.fmax(old, wanted)
        day = hour // HOURS_A_DAY
        self._turn(day)
        assert self.day is not None
        if day > self.day - DAYS:
            self.days[rows, day % DAYS] = np.fmax(self.days[rows, day % DAYS], wanted)
        self.hours[rows, origin] += 1
        first = self.first[rows]
        self.first[rows] = np.where(first == _NONE, hour, np.minimum(first, hour))

    def _histogram(self, hour: int, rows: IndexArray, wanted: FloatArray) -> None:
        half_life = self.settings.half_life_days * HOURS_A_DAY
        if self.reference is None:
            self.reference = hour
        exponent = (hour - self.reference) / half_life
        if exponent > _LARGEST_EXPONENT:
            # Only ratios of weights matter.
            self.weights *= np.float32(2.0**-exponent)
            self.reference, exponent = hour, 0.0
        self.weights[rows, bucket_of(wanted)] += np.float32(2.0**exponent)

    def _turn(self, day: int) -> None:
        """Clear the columns of days that begin now."""
        if self.day is None:
            self.day = day
            return
        for back in range(min(max(day - self.day, 0), DAYS)):
            self.days[:, (day - back) % DAYS] = np.nan
        self.day = max(self.day, day)

    def _forget(self) -> None:
        """Drop VMs that were not seen for all :data:`DAYS` days."""
        alive = np.isfinite(self.days).any(axis=1) | np.isfinite(self.pending)
        if alive.all():
            return
        self.stale = True
        kept = [vm for vm, row in self.rows.items() if alive[row]]
        self.rows = {vm: row for row, vm in enumerate(kept)}
        self.pending, self.weights = self.pending[alive], self.weights[alive]
        self.week, self.days = self.week[alive], self.days[alive]
        self.hours, self.first = self.hours[alive], self.first[alive]
