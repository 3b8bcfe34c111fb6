"""What history says about the size that a VM needs, with what it stands on.

``docs/design/demand.md`` says why each figure is as it is.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np

from vsphere_market.demand.buckets import bucket_end
from vsphere_market.units import FloatArray, IndexArray

WEEK_HOURS = 168
#: Days whose peaks are kept: a quarter, so that three month-ends are among them.
DAYS = 92
#: Growth is looked for in so many last days.
TREND_DAYS = 14
#: Fewer days with samples show no growth.
LEAST_TREND_DAYS = 4
#: The histogram's percentile that a size has to cover.
HIGH_PCT = 99.0


class Origin(IntEnum):
    """Where an hour of a VM's history comes from. Each has a sentence, :data:`ORIGINS`."""

    COUNTERS = 0
    VCENTER = 1


ORIGINS: dict[Origin, str] = {
    Origin.COUNTERS: "hours watched here, largest sample of 20 s each",
    Origin.VCENTER: "hours from vCenter's own history, averages that hide short peaks",
}


@dataclass(frozen=True, slots=True)
class SizeSettings:
    """How history is remembered for sizing.

    Attributes:
        half_life_days: an hour counts half as much after this time.
        raise_share: an hour in which a VM waited for memory is entered as this multiple …
        raise_mib: … or this much more, whichever is more.
        week_share: the peak of an hour of the week comes down by this share of the difference a
            week; up it goes at once.
        confident_days: with this many days of hours seen, confidence is complete: every day of
            the month was there twice. With half of them one month's end was.
        rolled_worth: an hour that vCenter has averaged counts so much of one seen.
        ahead_days: growth is counted so far ahead.
    """

    half_life_days: float = 14.0
    raise_share: float = 1.2
    raise_mib: float = 128.0
    week_share: float = 0.25
    confident_days: float = 60.0
    rolled_worth: float = 0.5
    ahead_days: float = 14.0


@dataclass(frozen=True, eq=False)
class Sizing:
    """History of V virtual machines for sizing them; MiB.

    All figures are of what guests want, without headroom. Where nothing is known of a VM its
    figures are NaN and its confidence is 0.

    Attributes:
        settings: how history was remembered.
        now: (V,) the largest want of this hour.
        weights: (V, B) decaying histogram over the buckets of ``buckets``.
        week: (V, 168) peak of each hour of the week, from Monday, midnight UTC.
        days: (V, 92) peak of each day, today first.
        hours: (V, origins) hours behind it, by :class:`Origin`.
        span_days: (V,) time since the first hour known, days.
    """

    settings: SizeSettings
    now: FloatArray
    weights: np.ndarray
    week: FloatArray
    days: FloatArray
    hours: IndexArray
    span_days: FloatArray

    @classmethod
    def unknown(cls, now: FloatArray) -> Sizing:
        """Of VMs that nothing is remembered of; they want ``now`` (V,)."""
        count = len(now)
        return cls(
            SizeSettings(),
            now,
            np.zeros((count, 1), dtype=np.float32),
            np.full((count, WEEK_HOURS), np.nan),
            np.full((count, DAYS), np.nan),
            np.zeros((count, len(Origin)), dtype=np.int64),
            np.zeros(count),
        )

    def only(self, row: int) -> Sizing:
        """The same of one VM."""
        return dataclasses.replace(
            self,
            **{
                name: getattr(self, name)[row : row + 1]
                for name in ("now", "weights", "week", "days", "hours", "span_days")
            },
        )

    def with_more_like(self, row: int, count: int) -> Sizing:
        """The same with ``count`` further VMs of which nothing is remembered but a like's want."""
        more = Sizing.unknown(np.repeat(self.now[row], count))
        weights = np.zeros((count, self.weights.shape[1]), dtype=np.float32)
        return dataclasses.replace(
            self,
            now=np.concatenate([self.now, more.now]),
            weights=np.concatenate([self.weights, weights]),
            week=np.concatenate([self.week, more.week]),
            days=np.concatenate([self.days, more.days]),
            hours=np.concatenate([self.hours, more.hours]),
            span_days=np.concatenate([self.span_days, more.span_days]),
        )

    def percentile(self, pct: float, last_days: int | None = None) -> FloatArray:
        """(V,) what hours do not exceed in ``pct`` percent of the time.

        Args:
            pct: 0 to 100.
            last_days: of the peaks of so many last days, exactly; None for all hours, recent ones
                weighing more, at most 5 % (or 16 MiB) above the exact figure.
        """
        if last_days is not None:
            return _percentile(self.days[:, :last_days], pct)
        total = self.weights.sum(axis=1, dtype=np.float64)
        heaped = np.cumsum(self.weights, axis=1, dtype=np.float64)
        enough = heaped >= (pct / 100.0) * total[:, None] * (1.0 - 1e-6)
        enough &= heaped > 0.0
        found: FloatArray = np.where(total > 0, bucket_end(np.argmax(enough, axis=1)), np.nan)
        return found

    def peak(self, last_days: int = DAYS) -> FloatArray:
        """(V,) the largest want of the last days, of the present hour, and of the usual week."""
        peak = np.fmax(_largest(self.days[:, :last_days]), self.now)
        return np.fmax(peak, _largest(self.week)) if last_days >= 7 else peak

    def trend(self) -> FloatArray:
        """(V,) MiB a day by which the daily peaks grow, 0 where they do not.

        The median slope between any two of the last 14 days (Theil–Sen), and only where three
        quarters of the slopes are positive: a leak grows nearly always, a busy week does not.
        """
        days = self.days[:, :TREND_DAYS]
        grown = np.zeros(len(days))
        enough = np.flatnonzero(np.isfinite(days).sum(axis=1) >= LEAST_TREND_DAYS)
        if not len(enough):
            return grown
        later, earlier = np.triu_indices(TREND_DAYS, k=1)
        slopes = (days[enough][:, later] - days[enough][:, earlier]) / (earlier - later)
        # The same as nanpercentile, which asks row by row.
        slopes.sort(axis=1)
        known = np.isfinite(slopes).sum(axis=1)
        lower, median = (_between(slopes, share * (known - 1)) for share in (0.25, 0.5))
        grown[enough] = np.where(lower > 0.0, median, 0.0)
        return grown

    @property
    def confidence(self) -> FloatArray:
        """(V,) 0 to 1: how much history stands behind the figures."""
        worth = self.hours[:, Origin.COUNTERS] + (
            self.settings.rolled_worth * self.hours[:, Origin.VCENTER]
        )
        sure: FloatArray = np.minimum(worth / (24.0 * self.settings.confident_days), 1.0)
        return sure

    def floor(self) -> FloatArray:
        """(V,) the least that a guest is to be left with so that nobody regrets it, MiB.

        The largest of the usual 99th percentile, widened by 1 + 1/days while history is short,
        the peaks of the week and the quarter, and what is wanted now; and the growth of two weeks
        where it grows. NaN where no hour is known: then no size is known to be enough.
        """
        return self._floor

    @cached_property
    def _floor(self) -> FloatArray:
        days = self.hours.sum(axis=1) / 24.0
        wider = 1.0 + 1.0 / np.maximum(days, 1.0 / 24.0)
        high = self.percentile(HIGH_PCT) * wider
        least = np.fmax(high, self.peak()) + self.trend() * self.settings.ahead_days
        found: FloatArray = np.where(days > 0, least, np.nan)
        return found


def _between(ordered: FloatArray, at: FloatArray) -> FloatArray:
    """Of each row (n, k) the value at place ``at`` (n,), from 0, in line between its neighbours."""
    rows, below = np.arange(len(ordered)), np.floor(at).astype(np.int64)
    low, high = ordered[rows, below], ordered[rows, np.ceil(at).astype(np.int64)]
    found: FloatArray = low + (at - below) * (high - low)
    return found


def _largest(values: FloatArray) -> FloatArray:
    """Largest of each row, NaN where there is none."""
    top = np.max(values, axis=1, initial=-np.inf, where=~np.isnan(values))
    largest: FloatArray = np.where(np.isfinite(top), top, np.nan)
    return largest


def _percentile(values: FloatArray, pct: float) -> FloatArray:
    """Percentile of each row without its NaN: the smallest value that so many do not exceed."""
    ordered = np.sort(values, axis=1)
    count = np.isfinite(values).sum(axis=1)
    at = np.maximum(np.ceil(count * pct / 100.0).astype(np.int64) - 1, 0)
    found: FloatArray = np.take_along_axis(ordered, at[:, None], axis=1)[:, 0]
    return found
