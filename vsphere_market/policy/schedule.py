"""When something holds: weekly windows and freezes on a wall clock somewhere in the world.

A window is meant as people read it: from 22:00 to 05:00 is the night that begins on each of its
days, whatever the clocks do in it. In spring a time that the clocks skip is never met; in autumn
one that comes twice is met twice. Which instant it is, the caller says: this room has no clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_PER_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Window:
    """A span that begins on certain days of the week.

    Attributes:
        days: 0 is Monday.
        start_min: first minute of the day that belongs to it.
        end_min: first minute that does not; at or below ``start_min`` it is one of the next day.
    """

    days: frozenset[int]
    start_min: int
    end_min: int

    def holds(self, local: datetime) -> bool:
        """Whether a wall clock that shows ``local`` is within."""
        today, minute = local.weekday(), local.hour * 60 + local.minute
        if self.end_min > self.start_min:
            return today in self.days and self.start_min <= minute < self.end_min
        if today in self.days and minute >= self.start_min:
            return True
        return (today - 1) % 7 in self.days and minute < self.end_min


@dataclass(frozen=True, slots=True)
class Freeze:
    """A span in which nothing is changed, once. ``start`` belongs to it, ``end`` does not."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Timing:
    """The windows and freezes of a document.

    Attributes:
        zone: name in the IANA time zone database.
        windows: one of them must hold; None when the document holds at all times.
        freezes: none of them must hold.
    """

    zone: str
    windows: tuple[Window, ...] | None
    freezes: tuple[Freeze, ...] = ()

    def is_open(self, at_s: float) -> bool:
        """Whether an instant (Unix time) is within one of the windows."""
        if self.windows is None:
            return True
        local = self._local(at_s)
        return any(window.holds(local) for window in self.windows)

    def frozen(self, at_s: float) -> int | None:
        """Which freeze an instant (Unix time) is in, or None."""
        if not self.freezes:
            return None
        local = self._local(at_s)
        for at, freeze in enumerate(self.freezes):
            if freeze.start <= local < freeze.end:
                return at
        return None

    def _local(self, at_s: float) -> datetime:
        zone = UTC if self.zone == "UTC" else ZoneInfo(self.zone)
        return datetime.fromtimestamp(at_s, zone).replace(tzinfo=None)


@cache
def known_zones() -> frozenset[str]:
    """Every time zone there is. Only these are ever looked up, so a name can open nothing else."""
    return frozenset(files("tzdata").joinpath("zones").read_text(encoding="ascii").split())


def parse_timing(spec: Mapping[str, Any]) -> Timing | None:
    """The timing in a spec that its schema has accepted; None when it has none.

    Raises:
        ValueError: a date that the calendar does not have; :func:`bad_dates` finds them first.
    """
    if "schedule" not in spec and "freezes" not in spec:
        return None
    windows: Sequence[Mapping[str, Any]] | None = spec.get("schedule")
    return Timing(
        zone=spec.get("timeZone", "UTC"),
        windows=None if windows is None else tuple(_window(item) for item in windows),
        freezes=tuple(
            Freeze(_instant(item["from"]), _instant(item["to"], end=True))
            for item in spec.get("freezes", ())
        ),
    )


def bad_dates(spec: Mapping[str, Any]) -> list[str]:
    """JSON pointers, within the spec, of dates that the calendar does not have."""
    wrong = []
    for at, freeze in enumerate(spec.get("freezes", ())):
        for key in ("from", "to"):
            try:
                _instant(freeze[key], end=key == "to")
            except (ValueError, OverflowError):
                wrong.append(f"/freezes/{at}/{key}")
    return wrong


def _window(item: Mapping[str, Any]) -> Window:
    days = item.get("days", DAYS)
    return Window(
        frozenset(DAYS.index(day) for day in days),
        _minute(item["from"]),
        _minute(item["to"]),
    )


def _minute(text: str) -> int:
    hours, minutes = text.split(":")
    return min(int(hours) * 60 + int(minutes), MINUTES_PER_DAY)


def _instant(text: str, *, end: bool = False) -> datetime:
    """A local time; a date alone is its first instant, or as an end the day's last."""
    if "T" in text:
        return datetime.fromisoformat(text)
    day = date.fromisoformat(text)
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - a wall clock's, on purpose
    return midnight + timedelta(days=1) if end else midnight
