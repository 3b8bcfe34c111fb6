"""What is remembered of working sets for placing VMs: the hours of the last week, per VM.

Kept as one array, so that a year-long run never grows: rows are VMs, columns hours on a ring. Of
each hour one figure is kept, between its mean and its largest sample: sums of largest samples
would overstate what VMs want together, sums of means would forget that they swing within the hour.

A VM keeps its row for as long as it is remembered, and no other has had it in any hour that is
kept. So what is written down of an hour stays true, and only what has changed is written again
(``history_file``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vsphere_market.estate import VmTable
from vsphere_market.units import BoolArray, FloatArray, IndexArray

HOUR_S = 3600.0
#: Hours kept: a week, so that the same day of last week is among them.
HOURS = 168
#: Hours of a day, which is how far ahead trades look.
DAY = 24
#: So many hours of two days must be known before one is held against the other.
ENOUGH_HOURS = 6
#: How far an hour's figure is from its mean towards its largest sample.
PEAK_SHARE = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Dates:
    """What the coming day's hours were like before; V virtual machines, S dates.

    Attributes:
        level: (V, S) working sets, MiB; NaN where nothing was seen of a VM.
        weight: (S,) share of the coming day that each date stands for.
        unknown: share of the coming day of which nothing is remembered.
        persistence: how much of what is unusual now will be so an hour later, 0 to 1.
    """

    level: FloatArray
    weight: FloatArray
    unknown: float
    persistence: float


class DemandHistory:
    """Working sets by the hour, in MiB; NaN where nothing was seen.

    A VM that has not been seen for all hours is forgotten.

    Args:
        hours: how many to keep.
        peak_share: how far from an hour's mean (0) to its largest sample (1) its figure is.
    """

    def __init__(self, hours: int = HOURS, peak_share: float = PEAK_SHARE) -> None:
        self.span = hours
        self.peak_share = peak_share
        #: VM -> row, and rows that are free.
        self.rows: dict[str, int] = {}
        self.free: list[int] = []
        self.level: FloatArray = np.full((0, hours), np.nan)
        #: Largest sample, sum and number of samples of the hour that is going on, (3, rows).
        self.open: FloatArray = np.zeros((3, 0))
        #: That hour, since 1970.
        self.hour: int | None = None
        #: Since it was read: hours that changed, and whether rows changed hands.
        self.changed: set[int] = set()
        self.moved_in = False
        #: Which writing of the rows it was read from, 0 for none; whether all has to be written.
        self.edition = 0
        self.whole = True

    def __len__(self) -> int:
        return len(self.rows)

    def update(self, at_s: float, ids: Sequence[str], working_set: FloatArray) -> None:
        """Remember the working sets (V,) of the VMs ``ids`` at Unix time ``at_s``.

        Samples older than the hour last seen are ignored: a clock that jumps back must not
        rewrite history. NaN entries are no sample.
        """
        hour = int(at_s // HOUR_S)
        if self.hour is not None and hour < self.hour:
            return
        self._advance(hour)
        there = np.isfinite(working_set)
        fresh = [vm for vm, seen in zip(ids, there, strict=True) if seen and vm not in self.rows]
        if fresh:
            self._move_in(fresh)
        rows = self._rows_of(ids)[there]
        largest, total, count = self.open
        largest[rows] = np.maximum(largest[rows], working_set[there])
        total[rows] += working_set[there]
        count[rows] += 1.0
        self.level[rows, hour % self.span] = self.figure(self.open)[rows]
        self.changed.add(hour)

    def figure(self, samples: FloatArray) -> FloatArray:
        """The figure (rows,) of an hour from largest sample, sum and number (3, rows)."""
        largest, total, count = samples
        with np.errstate(invalid="ignore", divide="ignore"):
            mean: FloatArray = total / count
        figure: FloatArray = mean + self.peak_share * (largest - mean)
        return figure

    def dates(self, ids: Sequence[str]) -> Dates:
        """What the coming day's hours were like: yesterday, the day before, a week ago.

        Each hour of the coming day has the same weight, shared by the times it was seen. Hours of
        all VMs are taken together: what rose together will do so again.
        """
        chosen: list[int] = []
        weight: list[float] = []
        unknown = 0
        for back in range(min(DAY, self.span)):
            # So many hours ago it was the same hour of the day, the last time of the same weekday.
            lags = (back, DAY + back, HOURS - DAY + back)
            known = [lag for lag in lags if self._seen(lag)]
            unknown += not known
            chosen += known
            weight += [1.0 / (DAY * len(known)) for _ in known]
        order = np.argsort(np.array(chosen, dtype=np.int64), kind="stable")
        newest_first = [chosen[at] for at in order]
        shares = np.array(weight, dtype=np.float64)[order]
        level = self._past(ids, newest_first)
        recent = self._past(ids, range(min(2 * DAY, self.span)))
        return Dates(level, shares, unknown / DAY, persistence(recent))

    def recent(self, ids: Sequence[str]) -> FloatArray:
        """(n, hours) what is remembered of ``ids``, newest hour first; NaN for nothing."""
        return self._past(ids, range(self.span))

    def _move_in(self, fresh: Sequence[str]) -> None:
        """Give VMs rows of their own, first those that are free."""
        self.moved_in = True
        more = max(len(fresh) - len(self.free), 0)
        first = len(self.level)
        self.level = np.concatenate([self.level, np.full((more, self.span), np.nan)])
        self.open = np.concatenate([self.open, np.zeros((3, more))], axis=1)
        self.free += range(first, first + more)
        self.rows.update(zip(fresh, self.free, strict=False))
        del self.free[: len(fresh)]

    def _rows_of(self, ids: Sequence[str]) -> IndexArray:
        return np.fromiter((self.rows.get(vm, -1) for vm in ids), dtype=np.int64, count=len(ids))

    def _seen(self, back: int) -> bool:
        """Anything was seen so many hours ago."""
        if self.hour is None or not 0 <= back < self.span:
            return False
        return bool(np.isfinite(self.level[:, (self.hour - back) % self.span]).any())

    def _past(self, ids: Sequence[str], lags: Sequence[int] | range) -> FloatArray:
        past = np.full((len(ids), len(lags)), np.nan)
        if self.hour is None:
            return past
        rows = self._rows_of(ids)
        seen = rows >= 0
        columns = [(self.hour - back) % self.span for back in lags]
        past[seen] = self.level[rows[seen]][:, columns]
        return past

    def _advance(self, hour: int) -> None:
        """Clear the columns of hours that begin now, and forget VMs without any sample left."""
        if self.hour is None or hour == self.hour:
            self.hour = hour
            return
        # The hour that is over is written down once more, without its samples.
        self.changed.add(self.hour)
        steps = min(hour - self.hour, self.span)
        for back in range(steps):
            self.level[:, (hour - back) % self.span] = np.nan
        self.open[:] = 0.0
        self.hour = hour
        alive: BoolArray = np.any(np.isfinite(self.level), axis=1)
        gone = [vm for vm, row in self.rows.items() if not alive[row]]
        for vm in gone:
            self.free.append(self.rows.pop(vm))
        self.moved_in |= bool(gone)


def persistence(level: FloatArray) -> float:
    """How much of what is unusual now will be so an hour later: an autocorrelation, 0 to 1.

    Unusual is what differs from the same hour of the day before or, while that is not known, from
    the VM's own mean. All VMs together, each weighed by how much it swings. Few hours tell little,
    so it begins at 1 (as now, so it will be) and comes to what was measured within a day.

    Args:
        level: (V, S) working sets of at most two days, columns an hour apart and newest first; NaN
            for not seen.
    """
    if level.shape[1] < 2:
        return 1.0
    days_apart = level.shape[1] - DAY
    about = level[:, : max(days_apart, 0)] - level[:, DAY:]
    known_day = int(np.isfinite(about).any(axis=0).sum()) >= ENOUGH_HOURS
    if not known_day:
        seen = np.isfinite(level)
        mean = np.where(seen, level, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
        about = level - mean[:, None]
    pairs = np.isfinite(about[:, 1:]) & np.isfinite(about[:, :-1])
    later, earlier = np.where(pairs, about[:, :-1], 0.0), np.where(pairs, about[:, 1:], 0.0)
    swing = float(np.sqrt((later**2).sum() * (earlier**2).sum()))
    # Every day like the day before: nothing is unusual. A level that never changed: it will stay.
    still = 0.0 if known_day else 1.0
    measured = float((later * earlier).sum()) / swing if swing > 0.0 else still
    trust = math.sqrt(min(int(pairs.any(axis=0).sum()) / DAY, 1.0))
    return 1.0 - trust * (1.0 - min(max(measured, 0.0), 1.0))


def share_of_day(persistent: float) -> float:
    """Share of the coming day for which the present stands: the mean of ρ^h over its hours h.

    What is unusual now fades as a first-order autoregression forgets it.
    """
    return math.fsum(persistent**hour for hour in range(DAY)) / DAY


def identities(vms: VmTable) -> tuple[str, ...]:
    """What a VM is remembered by: its instance UUID, or its moid where that is missing."""
    return tuple(uuid or moid for uuid, moid in zip(vms.instance_uuid, vms.moid, strict=True))
