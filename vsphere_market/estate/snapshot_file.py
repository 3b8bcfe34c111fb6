"""Snapshot files: JSON, one object per row, format string with a version.

``{"format": "vsphere-market/snapshot/1", "taken_at": "…Z", "source": {…}, "hosts": [{…}], …}``
References between objects are managed object ids. What is absent is not known (a counter), or has
the default that the schema states (a setting).
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vsphere_market.errors import SnapshotError
from vsphere_market.estate.files import read_json, write_json
from vsphere_market.estate.rows import RowError, rows_from_table, table_from_rows
from vsphere_market.estate.snapshot import SNAPSHOT_FORMAT, TABLES, Snapshot, Source

_SOURCE_KEYS = ("kind", "name", "instance_uuid", "version")


def read_snapshot(path: Path) -> Snapshot:
    """Read a snapshot file.

    Raises:
        SnapshotError: naming the file and the JSON pointer of what is wrong.
    """
    return snapshot_from_json(read_json(path, SnapshotError), where=str(path))


def write_snapshot(path: Path, snapshot: Snapshot) -> None:
    """Write a snapshot file, whole or not at all. Raises InputError if it cannot be written."""
    write_json(path, snapshot_to_json(snapshot))


def snapshot_from_json(document: Any, *, where: str) -> Snapshot:
    """Check a parsed document and build the snapshot. ``where`` names it in errors."""

    def fail(pointer: str, what: str, cure: str = "") -> SnapshotError:
        return SnapshotError(what, where=f"{where}#{pointer}" if pointer else where, cure=cure)

    if not isinstance(document, dict):
        raise fail("", "is not a snapshot: its top level is no object")
    if document.get("format") != SNAPSHOT_FORMAT:
        raise fail(
            "/format",
            f'{_found(document)}, expected "{SNAPSHOT_FORMAT}"',
            "write the file with `vsphere-market snapshot`, in the version you run",
        )
    allowed = {"$schema", "format", "taken_at", "source", "missing", *TABLES}
    unknown = document.keys() - allowed
    if unknown:
        raise fail(f"/{min(unknown)}", "is not part of a snapshot")
    ids: dict[str, dict[str, int]] = {}
    for name in TABLES:
        rows = document.get(name, [])
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise fail(f"/{name}", "must be a list of objects")
        ids[name] = {
            row["moid"]: at for at, row in enumerate(rows) if isinstance(row.get("moid"), str)
        }
    tables: dict[str, Any] = {}
    for name, cls in TABLES.items():
        try:
            tables[name] = table_from_rows(
                cls, document.get(name, []), lambda table, moid: ids[table][moid]
            )
        except RowError as exc:
            raise fail(f"/{name}{exc.pointer}", str(exc)) from None
    missing = document.get("missing", [])
    if not isinstance(missing, list) or not all(isinstance(line, str) for line in missing):
        raise fail("/missing", "must be a list of strings")
    return Snapshot(
        taken_at_s=_time(document.get("taken_at"), fail),
        source=_source(document.get("source"), fail),
        missing=tuple(missing),
        **tables,
    )


def snapshot_to_json(snapshot: Snapshot) -> dict[str, Any]:
    """The document that :func:`snapshot_from_json` reads back as the same snapshot."""

    def name_of(table: str, row: int) -> str:
        moids: tuple[str, ...] = getattr(snapshot.table(table), "moid")  # noqa: B009
        return moids[row]

    source = {key: value for key in _SOURCE_KEYS if (value := getattr(snapshot.source, key))}
    document: dict[str, Any] = {
        "format": SNAPSHOT_FORMAT,
        "taken_at": time_text(snapshot.taken_at_s),
        "source": source,
    }
    if snapshot.missing:
        document["missing"] = list(snapshot.missing)
    for name in TABLES:
        document[name] = rows_from_table(snapshot.table(name), name_of)
    return document


def time_text(seconds: float) -> str:
    """Unix time as ISO 8601 in UTC, e.g. ``2026-11-23T08:00:00Z``; whole milliseconds at most."""
    moment = datetime.fromtimestamp(round(seconds, 3), tz=UTC)
    text = moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")
    return text.replace("+00:00", "Z")


def seconds_from_text(text: str) -> float:
    """Unix time from ISO 8601 with an offset. Raises ValueError when it is not that."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("has no time zone")
    return moment.timestamp()


def _time(value: Any, fail: Any) -> float:
    if not isinstance(value, str):
        raise fail("/taken_at", "must be a time such as 2026-11-23T08:00:00Z")
    try:
        return seconds_from_text(value)
    except ValueError:
        raise fail("/taken_at", f"{value!r} is no time such as 2026-11-23T08:00:00Z") from None


def _source(value: Any, fail: Any) -> Source:
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise fail("/source", "must be an object with the strings kind and name")
    unknown = value.keys() - set(_SOURCE_KEYS)
    if unknown:
        raise fail(f"/source/{min(unknown)}", "is not a known property")
    if "kind" not in value or "name" not in value:
        raise fail("/source", "must have kind and name")
    return Source(**value)


def _found(document: dict[str, Any]) -> str:
    return f"is {document['format']!r}" if "format" in document else "is missing"
