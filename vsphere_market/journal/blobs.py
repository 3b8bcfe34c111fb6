"""What other rooms keep under a name, whole or in numbered parts; the journal reads none of it."""

from __future__ import annotations

from collections.abc import Mapping

from vsphere_market.journal.database import Database, Value
from vsphere_market.journal.records import Blob


def put(db: Database, name: str, data: bytes, *, version: int, at_s: float) -> None:
    """Keep something under a name, in place of what was there."""
    db.run(
        "INSERT INTO blobs (name, version, at_s, data) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (name) DO UPDATE SET version = excluded.version, at_s = excluded.at_s, "
        "data = excluded.data",
        (name, version, at_s, data),
    )


def get(db: Database, name: str) -> Blob | None:
    """What was put there last, or None."""
    rows = db.rows("SELECT version, at_s, data FROM blobs WHERE name = ?", (name,))
    return _blob(*rows[0]) if rows else None


def drop(db: Database, name: str) -> None:
    """Keep it no longer; nothing happens where there is none."""
    db.run("DELETE FROM blobs WHERE name = ?", (name,))


def put_parts(
    db: Database,
    name: str,
    parts: Mapping[int, bytes],
    *,
    version: int,
    at_s: float,
    since: int = 0,
    afresh: bool = False,
) -> None:
    """Keep parts under a name, in place of those of the same number, all or none of them.

    Args:
        db: where.
        name: what they are parts of.
        parts: number -> data.
        version: of their format.
        at_s: Unix time.
        since: parts with numbers from 0 up to this one are no longer kept.
        afresh: nor is any other that is not among ``parts``.
    """
    with db.transaction():
        if afresh:
            db.run("DELETE FROM parts WHERE name = ?", (name,))
        elif since > 0:
            db.run("DELETE FROM parts WHERE name = ? AND part >= 0 AND part < ?", (name, since))
        db.run_many(
            "INSERT INTO parts (name, part, version, at_s, data) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (name, part) DO UPDATE SET version = excluded.version, "
            "at_s = excluded.at_s, data = excluded.data",
            [(name, part, version, at_s, data) for part, data in parts.items()],
        )


def get_parts(db: Database, name: str, until: int | None = None) -> dict[int, Blob]:
    """The parts under a name, or those with numbers below ``until``."""
    sql = "SELECT part, version, at_s, data FROM parts WHERE name = ?"
    rows = db.rows(sql, (name,)) if until is None else db.rows(f"{sql} AND part < ?", (name, until))
    return {int(number or 0): _blob(*rest) for number, *rest in rows}


def _blob(version: Value, at_s: Value, data: Value) -> Blob:
    assert isinstance(version, int) and isinstance(at_s, float) and isinstance(data, bytes)
    return Blob(version, at_s, data)
