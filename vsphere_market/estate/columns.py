"""Columnar tables: one declaration per column serves memory, file, schema and documentation.

A table is a frozen dataclass whose fields are columns of one length. Each field is declared with
one of :func:`text`, :func:`number`, :func:`flag`, :func:`ref`, :func:`refs` or :func:`words`, and
that declaration is the only place where its unit, its default and its meaning are written down:
reading and writing files (``estate.rows``) and the JSON Schema (``estate.schema``) follow from it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Self

import numpy as np

from vsphere_market.units import BoolArray, FloatArray, IndexArray

#: A column of strings, one per row; "" stands for "not given".
TextColumn = tuple[str, ...]
#: A column of string lists (tags, networks).
WordsColumn = tuple[tuple[str, ...], ...]
#: A column of lists of row numbers into another table.
RefsColumn = tuple[tuple[int, ...], ...]


class Kind(Enum):
    """What a column holds, and so how it is kept and written."""

    TEXT = "text"
    NUMBER = "number"
    FLAG = "flag"
    REF = "ref"
    REFS = "refs"
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class Column:
    """The declaration of one column.

    Attributes:
        kind: how the column is kept.
        doc: one sentence for readers of the schema.
        unit: unit of a number, e.g. ``MiB`` or ``KiB/s``; "" otherwise.
        required: the value must be present in every row of a file.
        default: what an absent number means: NaN "not given", +inf "no limit", or an amount.
        table: for references, the name of the table pointed into.
        choices: the only strings allowed, when not empty; the first is what absence means.
    """

    kind: Kind
    doc: str
    unit: str = ""
    required: bool = False
    default: float = float("nan")
    table: str = ""
    choices: tuple[str, ...] = ()


def text(doc: str, *, required: bool = False, choices: tuple[str, ...] = ()) -> Any:
    """Declare a column of strings (:data:`TextColumn`)."""
    return field(metadata={"column": Column(Kind.TEXT, doc, required=required, choices=choices)})


def number(doc: str, unit: str, *, required: bool = False, default: float = float("nan")) -> Any:
    """Declare a column of ``float64`` (:data:`FloatArray`) in ``unit``."""
    column = Column(Kind.NUMBER, doc, unit=unit, required=required, default=default)
    return field(metadata={"column": column})


def flag(doc: str) -> Any:
    """Declare a column of booleans; absent means ``False``."""
    return field(metadata={"column": Column(Kind.FLAG, doc)})


def ref(doc: str, table: str) -> Any:
    """Declare a column of row numbers into ``table``; -1 is none. Files write the moid."""
    return field(metadata={"column": Column(Kind.REF, doc, table=table)})


def refs(doc: str, table: str) -> Any:
    """Declare a column of lists of row numbers into ``table``. Files write moids."""
    return field(metadata={"column": Column(Kind.REFS, doc, table=table)})


def words(doc: str) -> Any:
    """Declare a column of string lists (:data:`WordsColumn`)."""
    return field(metadata={"column": Column(Kind.WORDS, doc)})


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Base of all tables: checks lengths, freezes arrays, finds rows by managed object id.

    Every concrete table has a text column ``moid``, unique within the table, and one ``name``.
    """

    _rows: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        length: int | None = None
        for name, column in self.columns().items():
            value = _normalised(column, getattr(self, name))
            object.__setattr__(self, name, value)
            if length is None:
                length = len(value)
            elif len(value) != length:
                raise ValueError(
                    f"{type(self).__name__}.{name} has {len(value)} rows, expected {length}"
                )
        moids: TextColumn = getattr(self, "moid")  # noqa: B009 - declared by each table
        rows = {moid: row for row, moid in enumerate(moids)}
        if len(rows) != len(moids):
            raise ValueError(f"{type(self).__name__}.moid holds an id twice")
        object.__setattr__(self, "_rows", rows)

    @classmethod
    def columns(cls) -> dict[str, Column]:
        """The declarations of this table's columns by field name, in file order."""
        return {
            f.name: f.metadata["column"] for f in dataclasses.fields(cls) if "column" in f.metadata
        }

    def __len__(self) -> int:
        return len(self._rows)

    def row(self, moid: str) -> int:
        """The row number of a managed object id, or -1."""
        return self._rows.get(moid, -1)

    def replace(self, **columns: Any) -> Self:
        """A copy with whole columns exchanged."""
        return dataclasses.replace(self, **columns)


def _normalised(column: Column, value: Any) -> Any:
    """Bring a column into its one in-memory form; arrays are made read-only."""
    array: FloatArray | BoolArray | IndexArray
    match column.kind:
        case Kind.TEXT:
            return tuple(value)
        case Kind.WORDS | Kind.REFS:
            return tuple(tuple(item) for item in value)
        case Kind.NUMBER:
            array = np.array(_listed(value), dtype=np.float64)
        case Kind.FLAG:
            array = np.array(_listed(value), dtype=np.bool_)
        case Kind.REF:
            array = np.array(_listed(value), dtype=np.int64)
    array.setflags(write=False)
    return array


def _listed(value: Iterable[Any]) -> Any:
    return value if isinstance(value, np.ndarray) else list(value)
