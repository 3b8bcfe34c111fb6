"""A sheet as read: the wanted columns only, and how they are asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from vsphere_market.estate.rvtools.layout import Header, read_header
from vsphere_market.estate.rvtools.values import Cell, flag_of, number_of, text_of

#: Words that a cell of "no value" holds in some versions.
_NOTHING = frozenset(("", "-", "n/a", "null", "none"))


class Sheet:
    """Columns of one sheet, filled row by row.

    Args:
        name: as RVTools calls it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.header: Header | None = None
        self.length = 0
        self._columns: dict[str, list[Cell]] = {}
        self._extra: dict[int, list[tuple[int, str]]] = {}
        self._same: dict[str, str] = {}
        self._read: frozenset[int] = frozenset()

    def take(self, _row: int, cells: Mapping[int, Cell]) -> Collection[int]:
        """Take the next row, the first one as the header; gives the positions that are read."""
        if self.header is None:
            width = max(cells) + 1
            self.header = read_header(self.name, [cells.get(at) for at in range(width)])
            self._columns = {key: [] for key in self.header.at}
            self._read = frozenset(self.header.at.values()) | self.header.extra.keys()
            return self._read
        for key, at in self.header.at.items():
            cell = cells.get(at)
            # The same word in 10,000 rows is kept once.
            if isinstance(cell, str):
                cell = self._same.setdefault(cell, cell)
            self._columns[key].append(cell)
        if self.header.extra:
            told = [
                (at, text)
                for at in self.header.extra
                if at in cells and (text := text_of(cells[at])).lower() not in _NOTHING
            ]
            if told:
                self._extra[self.length] = told
        self.length += 1
        return self._read

    def has(self, *keys: str) -> bool:
        """Whether the sheet has all these columns."""
        return all(key in self._columns for key in keys)

    def cells(self, key: str) -> Sequence[Cell]:
        """A column, empty cells when the sheet lacks it."""
        return self._columns.get(key) or [None] * self.length

    def texts(self, key: str) -> list[str]:
        """A column as text; what means nothing is empty."""
        told = [text_of(cell) for cell in self.cells(key)]
        return ["" if text.lower() in _NOTHING else text for text in told]

    def flags(self, key: str) -> list[bool]:
        """A column as yes or no."""
        return [flag_of(cell) for cell in self.cells(key)]

    def numbers(self, key: str, *, whole: bool = True) -> list[float]:
        """A column as numbers, amounts of memory in MiB; NaN where there is none."""
        factor = self.header.factor.get(key, 1.0) if self.header else 1.0
        return [number_of(cell, whole=whole) * factor for cell in self.cells(key)]

    def attributes(self, row: int) -> list[tuple[str, str]]:
        """Custom attributes of a row: name and value."""
        if self.header is None:
            return []
        return [(self.header.extra[at], text) for at, text in self._extra.get(row, ())]
