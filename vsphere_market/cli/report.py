"""What a verb has to show, apart from how: text and tables, with one document behind them.

A verb builds a :class:`Report`; ``render`` turns it into a terminal's tables, JSON, CSV or
Markdown. Values stay values until then, so that every format shows the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Format(StrEnum):
    """How data is written to stdout."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"


def plain(value: Any) -> str:
    """A value as people read it when nothing else is said."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        key: its name for machines, with the unit as suffix.
        title: its heading for people.
        show: a value as people read it.
        right: numbers stand on the right.
        style: rich style of a value, "" for none; only ever seen on a terminal.
        prose: a text that may be long; a narrow terminal shows it below its row.
        minor: left out where a narrow terminal has no room for it.
    """

    key: str
    title: str
    show: Callable[[Any], str] = plain
    right: bool = False
    style: Callable[[Any], str] | None = None
    prose: bool = False
    minor: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a heading.

    Attributes:
        title: the heading.
        columns: what each row holds.
        rows: values in the order of the columns.
        empty: the sentence shown in place of no rows; "" shows nothing at all.
        note: a sentence below, e.g. on what was folded away.
    """

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    empty: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph, or the heading of a chapter.

    Attributes:
        text: its words.
        style: rich style for terminals.
        heading: a new chapter begins here.
    """

    text: str
    style: str = ""
    heading: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What a verb shows.

    Attributes:
        document: what JSON shows.
        parts: what tables and Markdown show, in order.
        main: the table that CSV shows.
    """

    document: Any
    parts: Sequence[Table | Text]
    main: Table = field(default_factory=lambda: Table("", (), ()))
