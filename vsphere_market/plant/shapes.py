"""The shapes that guests' demand is made of: daily waves, bursts, storms, leaks, records.

Shapes of one kind are worked out together, for all VMs that have one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import numpy as np

from vsphere_market.units import BoolArray, FloatArray, IndexArray

#: Seconds between two evaluations of the demand.
GRID_S = 60.0
_DAY_S = 86400.0
_HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Shape:
    """One component of a VM's demand.

    Attributes:
        kind: a key of :data:`PARAMETERS`.
        numbers: its parameters, those of :data:`PARAMETERS` completed by their defaults.
        trace: for kind ``trace``, the series.
    """

    kind: str
    numbers: Mapping[str, float]
    trace: Series | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """A recorded VM as shares of its size, evenly spaced; NaN where it was off.

    Attributes:
        step_s: seconds between samples.
        working: (n,) share of the size that is touched.
        footprint: (n,) share of the size that is held.
    """

    step_s: float
    working: FloatArray
    footprint: FloatArray


#: Shape kind -> its parameters with their defaults. NaN: must be given. Shares unless said.
PARAMETERS: Mapping[str, Mapping[str, float]] = {
    # Adds up to amplitude around peak_hour (UTC), nothing twelve hours later.
    "diurnal": {"amplitude": np.nan, "peak_hour": 14.0},
    # Adds amplitude from Monday to Friday.
    "weekly": {"amplitude": np.nan},
    # Adds amplitude per_day times a day at random, for minutes.
    "spikes": {"amplitude": np.nan, "per_day": 4.0, "minutes": 20.0},
    # Adds amplitude at hour every day, for minutes, all VMs within spread_minutes.
    "boot-storm": {"amplitude": np.nan, "hour": 8.0, "minutes": 30.0, "spread_minutes": 10.0},
    # Adds amplitude on the last days of each month and on the first.
    "month-end": {"amplitude": np.nan, "days": 3.0},
    # Adds amplitude from after_hours on, counted from the first step, warm-up included.
    "step": {"amplitude": np.nan, "after_hours": np.nan},
    # Programs' memory grows by share per_day, untouched; given back every restart_days.
    "leak": {"per_day": np.nan, "restart_days": 30.0},
    # Multiplies by 1 + AR(1) noise of that standard deviation and correlation time.
    "noise": {"sigma": np.nan, "minutes": 30.0},
    # On for on_hours and off for off_hours, both means of random times.
    "churn": {"on_hours": np.nan, "off_hours": np.nan},
    # The recorded working set, times scale, from offset_hours on; round and round.
    "trace": {"scale": 1.0, "offset_hours": 0.0},
}


@dataclass(slots=True, eq=False)
class Sum:
    """What shapes add up to, shares of the size; noise multiplies."""

    working: FloatArray
    leaked: FloatArray
    footprint: FloatArray
    noise: FloatArray
    on: BoolArray


class Group(Protocol):
    """The shapes of one kind, of all VMs that have one."""

    def add(self, now_s: float, total: Sum) -> None:
        """Add what its VMs' shapes are at that time."""


def grouped(
    shapes: Sequence[Sequence[Shape]], start_s: float, rng: np.random.Generator
) -> list[Group]:
    """What works out the shapes of each VM.

    One group per kind and per repetition of it, so that a VM is in a group at most once.
    """
    layers: dict[tuple[str, int], list[tuple[int, Shape]]] = {}
    for row, own in enumerate(shapes):
        seen: dict[str, int] = {}
        for shape in own:
            nth = seen.get(shape.kind, 0)
            seen[shape.kind] = nth + 1
            layers.setdefault((shape.kind, nth), []).append((row, shape))
    groups: list[Group] = []
    # Traces come first: they replace the base that the others add to.
    for (kind, _), members in sorted(layers.items(), key=lambda item: item[0][0] != "trace"):
        rows = np.array([row for row, _ in members], dtype=np.int64)
        own_shapes = [shape for _, shape in members]
        numbers = {
            name: np.array([shape.numbers[name] for shape in own_shapes])
            for name in PARAMETERS[kind]
        }
        match kind:
            case "spikes" | "noise" | "churn" | "boot-storm":
                groups.append(_RANDOM[kind](rows, numbers, start_s, rng))
            case "trace":
                groups.append(_Traces(rows, numbers, own_shapes, start_s))
            case _:
                groups.append(_Calendar(kind, rows, numbers, start_s))
    return groups


class _Calendar:
    """Shapes that follow from the time alone."""

    def __init__(
        self, kind: str, rows: IndexArray, numbers: Mapping[str, FloatArray], start_s: float
    ) -> None:
        self._kind, self._rows, self._n, self._start_s = kind, rows, numbers, start_s
        if kind == "diurnal":
            # Most VMs share their peak with others.
            self._peaks, self._peak = np.unique(numbers["peak_hour"], return_inverse=True)

    def add(self, now_s: float, total: Sum) -> None:
        match self._kind:
            case "diurnal":
                hour = (now_s / _HOUR_S) % 24.0
                wave = 0.5 + 0.5 * np.cos((hour - self._peaks) * (np.pi / 12.0))
                total.working[self._rows] += self._n["amplitude"] * wave[self._peak]
            case "weekly":
                if datetime.fromtimestamp(now_s, tz=UTC).weekday() < 5:
                    total.working[self._rows] += self._n["amplitude"]
            case "month-end":
                day = datetime.fromtimestamp(now_s, tz=UTC).day
                left = _days_left(now_s)
                busy = (left < self._n["days"]) | (day == 1)
                total.working[self._rows] += self._n["amplitude"] * busy
            case "step":
                begun = now_s - self._start_s >= _HOUR_S * self._n["after_hours"]
                total.working[self._rows] += self._n["amplitude"] * begun
            case _:
                since = ((now_s - self._start_s) / _DAY_S) % self._n["restart_days"]
                total.leaked[self._rows] += self._n["per_day"] * since


def _days_left(now_s: float) -> int:
    """Whole days of the month after today."""
    today = datetime.fromtimestamp(now_s, tz=UTC)
    day = 0
    while datetime.fromtimestamp(now_s + (day + 1) * _DAY_S, tz=UTC).month == today.month:
        day += 1
    return day


class _Spikes:
    """Bursts at random times."""

    def __init__(
        self,
        rows: IndexArray,
        numbers: Mapping[str, FloatArray],
        start_s: float,
        rng: np.random.Generator,
    ) -> None:
        self._rows, self._rng = rows, rng
        self._amplitude = numbers["amplitude"]
        self._gap_s = _DAY_S / numbers["per_day"]
        self._length_s = numbers["minutes"] * 60.0
        self._begin_s = start_s + rng.exponential(self._gap_s)

    def add(self, now_s: float, total: Sum) -> None:
        over = np.flatnonzero(now_s >= self._begin_s + self._length_s)
        if len(over):
            pause = self._rng.exponential(self._gap_s[over])
            self._begin_s[over] += self._length_s[over] + pause
        total.working[self._rows] += self._amplitude * (now_s >= self._begin_s)


class _BootStorm:
    """All at about the same time every day."""

    def __init__(
        self,
        rows: IndexArray,
        numbers: Mapping[str, FloatArray],
        start_s: float,
        rng: np.random.Generator,
    ) -> None:
        del start_s
        self._rows, self._amplitude = rows, numbers["amplitude"]
        self._length_s = numbers["minutes"] * 60.0
        late = rng.uniform(0.0, numbers["spread_minutes"] * 60.0)
        self._begin_s = numbers["hour"] * _HOUR_S + late

    def add(self, now_s: float, total: Sum) -> None:
        since = (now_s - self._begin_s) % _DAY_S
        total.working[self._rows] += self._amplitude * (since < self._length_s)


class _Noise:
    """AR(1) noise that multiplies."""

    def __init__(
        self,
        rows: IndexArray,
        numbers: Mapping[str, FloatArray],
        start_s: float,
        rng: np.random.Generator,
    ) -> None:
        del start_s
        self._rows, self._rng = rows, rng
        self._keep = np.exp(-GRID_S / (numbers["minutes"] * 60.0))
        self._kick = numbers["sigma"] * np.sqrt(1.0 - self._keep**2)
        self._value = numbers["sigma"] * rng.standard_normal(len(rows))

    def add(self, now_s: float, total: Sum) -> None:
        del now_s
        self._value *= self._keep
        self._value += self._kick * self._rng.standard_normal(len(self._rows))
        total.noise[self._rows] *= np.maximum(1.0 + self._value, 0.1)


class _Churn:
    """VMs that come and go."""

    def __init__(
        self,
        rows: IndexArray,
        numbers: Mapping[str, FloatArray],
        start_s: float,
        rng: np.random.Generator,
    ) -> None:
        self._rows, self._rng = rows, rng
        self._on_s = numbers["on_hours"] * _HOUR_S
        self._off_s = numbers["off_hours"] * _HOUR_S
        self._up = rng.random(len(rows)) < self._on_s / (self._on_s + self._off_s)
        self._until_s = start_s + rng.exponential(np.where(self._up, self._on_s, self._off_s))

    def add(self, now_s: float, total: Sum) -> None:
        over = np.flatnonzero(now_s >= self._until_s)
        if len(over):
            self._up[over] = ~self._up[over]
            mean = np.where(self._up[over], self._on_s[over], self._off_s[over])
            self._until_s[over] += self._rng.exponential(mean)
        total.on[self._rows] &= self._up


_RANDOM: Mapping[str, type[_Spikes | _BootStorm | _Noise | _Churn]] = {
    "spikes": _Spikes,
    "boot-storm": _BootStorm,
    "noise": _Noise,
    "churn": _Churn,
}


class _Traces:
    """Recorded VMs. Their working set and footprint take the place of the workload's own."""

    def __init__(
        self,
        rows: IndexArray,
        numbers: Mapping[str, FloatArray],
        shapes: Sequence[Shape],
        start_s: float,
    ) -> None:
        series = [shape.trace for shape in shapes if shape.trace is not None]
        assert len(series) == len(shapes), "a trace shape has its series"
        self._rows, self._start_s = rows, start_s
        self._scale = numbers["scale"]
        self._offset_s = numbers["offset_hours"] * _HOUR_S
        self._step_s = np.array([item.step_s for item in series])
        self._length = np.array([len(item.working) for item in series])
        self._first = np.concatenate(([0], np.cumsum(self._length)[:-1]))
        self._working = np.concatenate([item.working for item in series])
        self._held = np.concatenate([item.footprint for item in series])
        self._at: IndexArray = np.full(len(series), -1, dtype=np.int64)

    def add(self, now_s: float, total: Sum) -> None:
        place = (now_s - self._start_s + self._offset_s) / self._step_s
        whole = np.floor(place)
        at = whole.astype(np.int64)
        if np.count_nonzero(at != self._at):
            self._turn(at)
        part = place - whole
        # Drawn straight between samples, but not across a gap.
        working = part * self._rise
        working += self._here
        working *= self._scale
        held = part * self._held_rise
        held += self._held_here
        np.minimum(held, 1.0, out=held)
        rows = self._rows
        if self._all_up:
            total.working[rows] = working
            total.footprint[rows] = held
            return
        total.on[rows] &= self._up
        total.working[rows] = np.where(self._up, working, 0.0)
        total.footprint[rows] = np.where(self._up, held, 0.0)

    def _turn(self, at: IndexArray) -> None:
        """Go on to the samples with these numbers."""
        self._at = at
        here = self._first + at % self._length
        there = self._first + (at + 1) % self._length
        self._here, self._held_here = self._working[here], self._held[here]
        rise, held_rise = self._working[there] - self._here, self._held[there] - self._held_here
        self._rise = np.where(np.isnan(rise), 0.0, rise)
        self._held_rise = np.where(np.isnan(held_rise), 0.0, held_rise)
        self._up = ~np.isnan(self._here)
        self._all_up = bool(self._up.all())
