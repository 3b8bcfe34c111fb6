"""Tables for terminals that are too narrow for them: nothing is cut, and nothing is dropped unsaid.

Long texts (columns marked ``prose``) go on lines of their own under their row; then columns marked
``minor`` are left out, and a line says which. What still does not fit is written row by row, one
value per line.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from vsphere_market.cli.report import Column, Table

if TYPE_CHECKING:
    from collections.abc import Callable

#: Blanks between columns: as rich's SIMPLE_HEAD has them, and in what is drawn here.
_RICH_GAP = 3
_GAP = 2
#: A column of prose beside others is at least so wide, or as wide as its longest text.
_READABLE = 40
_INDENT = "    "


@dataclass(frozen=True, slots=True)
class _Cells:
    """One column with its cells as text."""

    column: Column
    texts: tuple[str, ...]
    styles: tuple[str, ...]

    @property
    def width(self) -> int:
        return max(map(cell_len, (self.column.title, *self.texts)))


def fits(table: Table, width: int, printable: Callable[[str], str]) -> bool:
    """True where the table can be drawn as it is: folded, but no number cut and no word broken."""
    return _total([_least(one) for one in _cells(table, printable)], _RICH_GAP) <= width


def lines(table: Table, width: int, printable: Callable[[str], str]) -> list[Text]:
    """The rows of a table in lines of at most ``width`` cells, where words allow it."""
    cells = _cells(table, printable)
    beside = [one for one in cells if not one.column.prose]
    below = [one for one in cells if one.column.prose]
    left_out: list[_Cells] = []
    for one in reversed([one for one in beside if one.column.minor]):
        if _total([kept.width for kept in beside]) <= width:
            break
        beside.remove(one)
        left_out.insert(0, one)
    if _total([one.width for one in beside]) > width:
        return _records(cells, len(table.rows), width)
    drawn = [_line(beside, None), Text("─" * _total([one.width for one in beside]))]
    for row in range(len(table.rows)):
        drawn.append(_line(beside, row))
        for one in below:
            drawn += _prose(one, row, width)
    if left_out:
        names = ", ".join(one.column.title for one in left_out)
        note = f"Left out for want of width: {names}. A wider terminal or --format json has them."
        drawn += [Text(part, style="dim") for part in textwrap.wrap(note, width)]
    return drawn


def _cells(table: Table, printable: Callable[[str], str]) -> list[_Cells]:
    return [
        _Cells(
            column,
            tuple(printable(column.show(row[at])) for row in table.rows),
            tuple(column.style(row[at]) if column.style else "" for row in table.rows),
        )
        for at, column in enumerate(table.columns)
    ]


def _least(one: _Cells) -> int:
    """The least width at which a column can still be read."""
    if one.column.prose:
        return min(one.width, _READABLE)
    if one.column.right:
        return one.width
    words = (word for text in (one.column.title, *one.texts) for word in text.split())
    return max(map(cell_len, words), default=0)


def _total(widths: Sequence[int], gap: int = _GAP) -> int:
    return sum(widths) + gap * (len(widths) - 1)


def _line(cells: Sequence[_Cells], row: int | None) -> Text:
    """A row, or with None the headings."""
    line = Text()
    for at, one in enumerate(cells):
        text = one.column.title if row is None else one.texts[row]
        style = "bold" if row is None else one.styles[row]
        blanks = " " * (one.width - cell_len(text))
        line.append(" " * _GAP if at else "")
        line.append(blanks if one.column.right else "")
        line.append(text, style=style)
        line.append("" if one.column.right else blanks)
    line.rstrip()
    return line


def _prose(one: _Cells, row: int, width: int) -> list[Text]:
    text = one.texts[row]
    if not text:
        return []
    labelled = f"{one.column.title}: {text}" if one.column.title else text
    wrapped = textwrap.wrap(
        labelled, width, initial_indent=_INDENT, subsequent_indent=_INDENT + "  "
    )
    return [Text(part, style=one.styles[row]) for part in wrapped]


def _records(cells: Sequence[_Cells], rows: int, width: int) -> list[Text]:
    """Every row as a block, one value per line."""
    drawn: list[Text] = []
    for row in range(rows):
        drawn += [Text()] if row else []
        for one in cells:
            text = f"{one.column.title}: {one.texts[row]}" if one.column.title else one.texts[row]
            drawn += [
                Text(part, style=one.styles[row])
                for part in textwrap.wrap(text, width, subsequent_indent=_INDENT)
            ]
    return drawn
