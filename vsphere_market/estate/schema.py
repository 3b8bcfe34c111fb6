"""The JSON Schema of snapshot files, made from the declarations of the columns."""

from __future__ import annotations

from typing import Any

from vsphere_market.estate.columns import Column, Kind, Table
from vsphere_market.estate.shapes import (
    Field,
    Flag,
    ListOf,
    Number,
    Record,
    Shape,
    Text,
    Time,
    published,
)
from vsphere_market.estate.snapshot import SNAPSHOT_FORMAT, TABLES

SNAPSHOT_SCHEMA_ID = "urn:vsphere-market:snapshot:1"

_SOURCE = Record(
    {
        "kind": Field(Text(), "vcenter, plant, rvtools or file."),
        "name": Field(Text(), "vCenter's host name, or the file's."),
        "instance_uuid": Field(Text(), "vCenter's identity.", required=False),
        "version": Field(Text(), "vCenter's version.", required=False),
    },
    "Where the snapshot comes from.",
)


def snapshot_shape() -> Record:
    """What a snapshot file looks like, references apart."""
    fields = {
        "$schema": Field(Text(), "For editors.", required=False),
        "format": Field(Text((SNAPSHOT_FORMAT,)), "Which format, in which version."),
        "taken_at": Field(Time(), "Time at the source when reading began."),
        "source": Field(_SOURCE, "Where it was read."),
        "missing": Field(
            ListOf(Text()), "What could not be read, and what can then not be told.", required=False
        ),
    }
    for name, table in TABLES.items():
        fields[name] = Field(ListOf(_row(table)), _first_line(table), required=False)
    return Record(fields)


def snapshot_schema() -> dict[str, Any]:
    """The published JSON Schema (2020-12) of a snapshot file."""
    return published(snapshot_shape(), SNAPSHOT_SCHEMA_ID, "vsphere-market snapshot")


def _row(table: type[Table]) -> Record:
    return Record(
        {
            name: Field(_shape(column), _doc(column), required=column.required)
            for name, column in table.columns().items()
        }
    )


def _shape(column: Column) -> Shape:
    match column.kind:
        case Kind.TEXT:
            return Text(column.choices)
        case Kind.NUMBER:
            return Number(low=0)
        case Kind.FLAG:
            return Flag()
        case Kind.REF:
            return Text()
        case Kind.REFS | Kind.WORDS:
            return ListOf(Text())


def _doc(column: Column) -> str:
    """The column's sentence, with its unit, its default or the table that it points into."""
    notes = []
    if column.unit:
        notes.append(column.unit)
    if column.kind is Kind.NUMBER and 0 <= column.default < float("inf"):
        notes.append(f"absent is {column.default:g}")
    if column.choices and column.choices[0]:
        notes.append(f"absent is {column.choices[0]}")
    if column.table:
        notes.append(f"managed object ids of {column.table}")
    return f"{column.doc} ({'; '.join(notes)})" if notes else column.doc


def _first_line(table: type[Table]) -> str:
    return (table.__doc__ or "").strip().splitlines()[0]
