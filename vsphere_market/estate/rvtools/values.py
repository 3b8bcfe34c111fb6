"""Cells to values: numbers, dates and yes/no as any language's Windows writes them.

A cell is what the file holds: ``float`` for a number that Excel keeps as one, ``str`` for text,
``None`` for nothing. Only text is localised, and RVTools writes much as text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

#: One cell of a sheet.
Cell = float | str | None

NAN = float("nan")

_YES = frozenset(("true", "yes", "1", "on", "wahr", "ja", "vrai", "oui", "verdadero", "si", "sí"))
_YES_MORE = frozenset(("waar", "vero", "sì", "verdadeiro", "sim", "sant", "sand", "prawda"))
#: Blanks and apostrophes that group digits somewhere in the world.
_GROUPING = str.maketrans("", "", " \t\u00a0\u202f\u2009'\u2019")
_NUMBER = re.compile(r"[-+]?[0-9][0-9.,]*")
_CLOCK = re.compile(r"(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?(?:[.,]\d+)?\s*([AaPp])?\.?[Mm]?")
_DAY = re.compile(r"\s*(\d{1,4})([-./])\s?(\d{1,2})\2\s?(\d{1,4})\.?")
#: Day zero of Excel's calendar, corrected for the leap day of 1900 that never was.
_EXCEL_ZERO = datetime(1899, 12, 30, tzinfo=UTC)
#: Nothing in an estate is older; RVTools writes dates of 1969 and 1601 for "unknown".
_FIRST_YEAR = 2000


def text_of(cell: Cell) -> str:
    """A cell as text without blanks around it; whole numbers without a decimal point."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell.strip()
    return str(int(cell)) if cell == int(cell) else str(cell)


def number_of(cell: Cell, *, whole: bool = True) -> float:
    """A cell as a number, NaN when it is none.

    Args:
        cell: the cell.
        whole: the column counts whole things, so that ``16.384`` and ``16,384`` are both sixteen
            thousand; otherwise a single separator is the decimal one.
    """
    if cell is None:
        return NAN
    if isinstance(cell, float):
        return cell if math.isfinite(cell) else NAN
    text = cell.translate(_GROUPING).removesuffix("%")
    if not _NUMBER.fullmatch(text):
        return NAN
    commas, points = text.count(","), text.count(".")
    if commas and points:
        decimal = "," if text.rindex(",") > text.rindex(".") else "."
        grouping = "." if decimal == "," else ","
        if text.count(decimal) > 1:
            return NAN
        text = text.replace(grouping, "").replace(decimal, ".")
    elif commas + points > 1:
        text = text.replace(",", "").replace(".", "")
    elif commas + points == 1:
        tail = len(text) - 1 - max(text.find(","), text.find("."))
        grouped = whole and tail == 3
        text = re.sub("[,.]", "" if grouped else ".", text)
    return float(text)


def flag_of(cell: Cell) -> bool:
    """A cell as yes or no; what is not a clear yes is no."""
    if isinstance(cell, float):
        return cell == 1.0
    word = text_of(cell).lower()
    return word in _YES or word in _YES_MORE


def moment_of(cell: Cell, *, day_first: bool | None = None) -> float:
    """A cell as Unix time, NaN when it is no date or one that means "unknown".

    Exports say no time zone; the clock on the wall is taken for UTC.

    Args:
        cell: ISO 8601, year first, day first or month first; or Excel's count of days.
        day_first: how to read ``03/04/2025``; None takes the month first, as Windows in American
            English writes it, unless a point separates or the first number is above 12.
    """
    if isinstance(cell, float):
        if not 30_000 < cell < 80_000:
            return NAN
        return _seconds(_EXCEL_ZERO + timedelta(days=cell))
    text = text_of(cell)
    if not text:
        return NAN
    told: datetime | None
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        told = _worded(text, day_first)
    except OverflowError:
        return NAN
    if told is None:
        return NAN
    return _seconds(told if told.tzinfo else told.replace(tzinfo=UTC))


def day_comes_first(cells: Iterable[Cell]) -> bool | None:
    """Whether a column's dates are day first: told by a number above 12; None if none tells."""
    for cell in cells:
        found = _DAY.match(cell) if isinstance(cell, str) else None
        if found is None or len(found[1]) > 2:
            continue
        if int(found[1]) > 12:
            return True
        if int(found[3]) > 12:
            return False
    return None


def _worded(text: str, day_first: bool | None) -> datetime | None:
    found = _DAY.match(text)
    if found is None:
        return None
    first, mark, second, third = found[1], found[2], int(found[3]), found[4]
    clock = _CLOCK.search(text, found.end())
    half = (clock[4] or "").lower() if clock else ""
    if len(first) == 4:
        year, month, day = int(first), second, int(third)
    else:
        year = int(third) + (2000 if len(third) == 2 else 0)
        swap = day_first if day_first is not None else mark == "." and not half
        day, month = (int(first), second) if swap else (second, int(first))
        if month > 12:
            day, month = month, day
    hour = int(clock[1]) if clock else 0
    if half == "p" and hour < 12:
        hour += 12
    elif half == "a" and hour == 12:
        hour = 0
    try:
        return datetime(
            year,
            month,
            day,
            hour,
            int(clock[2]) if clock else 0,
            int(clock[3] or 0) if clock else 0,
            tzinfo=UTC,
        )
    except ValueError:
        return None


def _seconds(moment: datetime) -> float:
    return moment.timestamp() if moment.year >= _FIRST_YEAR else NAN
