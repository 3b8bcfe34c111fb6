"""Tables to rows of JSON and back, driven by the column declarations."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from vsphere_market.estate.columns import Column, Kind, Table

T = TypeVar("T", bound=Table)
#: Gives the row number of a moid in a named table; raises LookupError when there is none.
Resolve = Callable[[str, str], int]
#: Gives the moid of a row number in a named table.
Name = Callable[[str, int], str]


#: No amount of any column is larger: a thousand million TiB, and Unix time for millions of years.
LARGEST = 1e15


class RowError(ValueError):
    """A value that does not fit its column. ``pointer`` is relative to the table's list."""

    def __init__(self, pointer: str, what: str) -> None:
        self.pointer = pointer
        super().__init__(what)


def table_from_rows(cls: type[T], rows: Sequence[Mapping[str, Any]], resolve: Resolve) -> T:
    """Build a table from JSON rows.

    Absent values take the default of their column. Raises :class:`RowError` for a missing
    required value, an unknown key, a wrong type, a non-finite number, a choice that is not one,
    or a reference to nothing.
    """
    declared = cls.columns()
    for at, row in enumerate(rows):
        unknown = row.keys() - declared.keys()
        if unknown:
            raise RowError(f"/{at}/{min(unknown)}", "is not a known property")
    columns = {
        name: [_read(column, row, name, at, resolve) for at, row in enumerate(rows)]
        for name, column in declared.items()
    }
    seen: set[str] = set()
    for at, moid in enumerate(columns["moid"]):
        if moid in seen:
            raise RowError(f"/{at}/moid", f"{moid} is there twice")
        seen.add(moid)
    return cls(**columns)


def rows_from_table(table: Table, name_of: Name) -> list[dict[str, Any]]:
    """Write a table as JSON rows; what equals its default is left out."""
    columns = {name: (column, getattr(table, name)) for name, column in table.columns().items()}
    rows = []
    for at in range(len(table)):
        row: dict[str, Any] = {}
        for name, (column, values) in columns.items():
            value = _written(column, values[at], name_of)
            if value is not None:
                row[name] = value
        rows.append(row)
    return rows


def _read(column: Column, row: Mapping[str, Any], name: str, at: int, resolve: Resolve) -> Any:
    pointer = f"/{at}/{name}"
    if name not in row:
        if column.required:
            raise RowError(f"/{at}", f"has no {name}")
        return _absent(column)
    value = row[name]
    match column.kind:
        case Kind.TEXT:
            if not isinstance(value, str):
                raise RowError(pointer, "must be a string")
            if column.choices and value not in column.choices:
                raise RowError(pointer, f"must be one of {', '.join(filter(None, column.choices))}")
            return value
        case Kind.NUMBER:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise RowError(pointer, "must be a number")
            try:
                amount = float(value)
            except OverflowError:
                amount = math.inf
            if not math.isfinite(amount):
                raise RowError(pointer, "must be a finite number; leave it out if unknown")
            if amount < 0:
                raise RowError(pointer, "must not be negative")
            if amount > LARGEST:
                raise RowError(pointer, f"is beyond anything vSphere has, {amount:.4g}")
            return amount
        case Kind.FLAG:
            if not isinstance(value, bool):
                raise RowError(pointer, "must be true or false")
            return value
        case Kind.REF:
            return _resolved(column, value, pointer, resolve)
        case Kind.REFS:
            if not isinstance(value, list):
                raise RowError(pointer, "must be a list of managed object ids")
            return tuple(
                _resolved(column, item, f"{pointer}/{n}", resolve) for n, item in enumerate(value)
            )
        case Kind.WORDS:
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                raise RowError(pointer, "must be a list of strings")
            return tuple(value)


def _absent(column: Column) -> Any:
    match column.kind:
        case Kind.TEXT:
            return column.choices[0] if column.choices else ""
        case Kind.NUMBER:
            return column.default
        case Kind.FLAG:
            return False
        case Kind.REF:
            return -1
        case Kind.REFS | Kind.WORDS:
            return ()


def _resolved(column: Column, moid: Any, pointer: str, resolve: Resolve) -> int:
    if not isinstance(moid, str):
        raise RowError(pointer, "must be a managed object id")
    try:
        return resolve(column.table, moid)
    except LookupError:
        raise RowError(pointer, f"{moid} is not among the {column.table}") from None


def _written(column: Column, value: Any, name_of: Name) -> Any:
    """The JSON value, or None to leave it out."""
    match column.kind:
        case Kind.TEXT:
            absent = column.choices[0] if column.choices else ""
            return value if column.required or value != absent else None
        case Kind.NUMBER:
            amount = float(value)
            if not math.isfinite(amount) or (amount == column.default and not column.required):
                return None
            return int(amount) if amount.is_integer() else amount
        case Kind.FLAG:
            return True if value else None
        case Kind.REF:
            return name_of(column.table, int(value)) if value >= 0 else None
        case Kind.REFS:
            return [name_of(column.table, item) for item in value] or None
        case Kind.WORDS:
            return list(value) or None
