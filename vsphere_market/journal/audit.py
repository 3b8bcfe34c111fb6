"""The audit trail: append-only rows, each sealed with the hash of all rows before it.

Changing, removing or inserting a row breaks every seal after it. That shows tampering by those who
can write the file but do not rewrite the whole rest of the trail; against the latter, keep the last
seal elsewhere (``history verify`` prints it).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vsphere_market.journal.codec import json_text
from vsphere_market.journal.database import Database

#: The seal before the first row.
GENESIS = "0" * 64
#: Where the trail begins after older rows were removed: "<id> <seal>".
_ANCHOR = "audit-anchor"
#: Rows are checked in pieces of this many.
_PIECE = 5000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of the trail found.

    Attributes:
        rows: how many rows were checked.
        broken_at: id of the first row whose seal is wrong, or None.
        seal: the seal of the last good row.
    """

    rows: int
    broken_at: int | None
    seal: str

    @property
    def intact(self) -> bool:
        """Every seal is right."""
        return self.broken_at is None


def append(database: Database, at_s: float, event: str, body: Mapping[str, Any]) -> None:
    """Add one row; to be called within the transaction of what it tells about."""
    last = database.rows("SELECT id, chain FROM audit ORDER BY id DESC LIMIT 1")
    number, before = (int(last[0][0] or 0), str(last[0][1])) if last else _anchor(database)
    text = json_text(body)
    seal = _seal(before, number + 1, at_s, event, text)
    database.run(
        "INSERT INTO audit (id, at_s, event, body, chain) VALUES (?, ?, ?, ?, ?)",
        (number + 1, at_s, event, text, seal),
    )


def verify(database: Database) -> Verdict:
    """Check the whole trail."""
    number, seal = _anchor(database)
    checked = 0
    while True:
        rows = database.rows(
            "SELECT id, at_s, event, body, chain FROM audit WHERE id > ? ORDER BY id LIMIT ?",
            (number, _PIECE),
        )
        if not rows:
            return Verdict(checked, None, seal)
        for row in rows:
            at_s = row[1]
            assert isinstance(at_s, float)
            expected = _seal(seal, number + 1, at_s, str(row[2]), str(row[3]))
            # A gap in the numbers is a removed row, even if the rest was sealed anew.
            if row[0] != number + 1 or row[4] != expected:
                return Verdict(checked, number + 1, seal)
            number, seal, checked = number + 1, expected, checked + 1


def forget(database: Database, before_s: float) -> int:
    """Remove rows older than ``before_s`` from the beginning; the rest stays verifiable.

    Returns:
        How many rows were removed.
    """
    with database.transaction():
        # Rows are in the order of writing; the first young one ends what may go.
        young = database.rows("SELECT min(id) FROM audit WHERE at_s >= ?", (before_s,))[0][0]
        end = (1 << 62) if young is None else young
        last = database.rows(
            "SELECT id, chain FROM audit WHERE id < ? ORDER BY id DESC LIMIT 1", (end,)
        )
        if not last:
            return 0
        (number, seal), (before, _) = last[0], _anchor(database)
        assert isinstance(number, int) and isinstance(seal, str)
        database.run("DELETE FROM audit WHERE id <= ?", (number,))
        database.run(
            "INSERT INTO meta (key, value) VALUES (?, ?) "
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (_ANCHOR, f"{number} {seal}"),
        )
        return number - before


def _anchor(database: Database) -> tuple[int, str]:
    rows = database.rows("SELECT value FROM meta WHERE key = ?", (_ANCHOR,))
    if not rows:
        return 0, GENESIS
    number, _, seal = str(rows[0][0]).partition(" ")
    return int(number), seal


def _seal(before: str, number: int, at_s: float, event: str, body: str) -> str:
    # repr() of a float is exact and the same everywhere.
    text = "\n".join((before, str(number), repr(at_s), event, body))
    return hashlib.sha256(text.encode()).hexdigest()
