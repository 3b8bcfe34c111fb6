"""The audit trail: append-only rows, each sealed with the hash of all rows before it.

Changing, removing or inserting a row breaks every seal after it, and the trail's end is remembered,
so that rows cut off there are missed. That shows tampering by those who can write the database but
do not rewrite the whole rest of the trail; against the latter, keep the last seal elsewhere
(``history verify`` prints it, and ``history verify --seal`` compares).
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
#: Where it ends, in the same form.
_END = "audit-end"
#: Rows are checked in pieces of this many.
_PIECE = 5000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of the trail found.

    Attributes:
        rows: how many rows were checked.
        broken_at: id of the first row that is wrong or missing, or None.
        last: id of the last good row; 0 before the first.
        seal: its seal.
        sentence: what is wrong, or that nothing is.
    """

    rows: int
    broken_at: int | None
    last: int
    seal: str
    sentence: str

    @property
    def intact(self) -> bool:
        """Every seal is right."""
        return self.broken_at is None


def append(database: Database, at_s: float, event: str, body: Mapping[str, Any]) -> None:
    """Add one row; to be called within the transaction of what it tells about."""
    last = database.rows("SELECT id, chain FROM audit ORDER BY id DESC LIMIT 1")
    number, before = (int(last[0][0] or 0), str(last[0][1])) if last else _anchor(database)
    text = json_text(body)
    # A database gives a whole number back as a float, and the seal is over what it gives back.
    at_s = float(at_s)
    seal = _seal(before, number + 1, at_s, event, text)
    database.run(
        "INSERT INTO audit (id, at_s, event, body, chain) VALUES (?, ?, ?, ?, ?)",
        (number + 1, at_s, event, text, seal),
    )
    _remember(database, _END, number + 1, seal)


def verify(database: Database, kept: tuple[int, str] | None = None) -> Verdict:
    """Check the whole trail.

    Args:
        database: the journal's.
        kept: number and seal of a row as they were noted down elsewhere.
    """
    # First the end, then the rows: what is written meanwhile lies behind it.
    end = _place(database, _END)
    number, seal = _anchor(database)
    first = number + 1
    known = {number: seal}
    checked = 0
    while True:
        rows = database.rows(
            "SELECT id, at_s, event, body, chain FROM audit WHERE id > ? ORDER BY id LIMIT ?",
            (number, _PIECE),
        )
        if not rows:
            break
        for row in rows:
            at_s = row[1]
            assert isinstance(at_s, float)
            expected = _seal(seal, number + 1, at_s, str(row[2]), str(row[3]))
            # A gap in the numbers is a removed row, even if the rest was sealed anew.
            if row[0] != number + 1 or row[4] != expected:
                wrong = "is missing" if row[0] != number + 1 else "does not bear its seal"
                return Verdict(
                    checked, number + 1, number, seal, f"Row {number + 1} of the trail {wrong}."
                )
            number, seal, checked = number + 1, expected, checked + 1
            if number in (end[0] if end else 0, kept[0] if kept else 0):
                known[number] = seal
    return _judged(first, checked, number, seal, known, end, kept)


def _judged(
    first: int,
    checked: int,
    number: int,
    seal: str,
    known: Mapping[int, str],
    end: tuple[int, str] | None,
    kept: tuple[int, str] | None,
) -> Verdict:
    """Hold a trail whose seals are right to what is remembered of it, here and elsewhere."""
    if end is None and checked:
        sentence = "Where the trail ends is not remembered any more."
        return Verdict(checked, number + 1, number, seal, sentence)
    if end is not None and known.get(end[0]) != end[1]:
        if end[0] > number:
            sentence = f"The trail was cut off: it ends before row {end[0]}."
            return Verdict(checked, number + 1, number, seal, sentence)
        return Verdict(checked, end[0], number, seal, f"Row {end[0]} was put in place of another.")
    if kept is not None and kept[0] >= first - 1 and known.get(kept[0]) != kept[1]:
        if kept[0] > number:
            sentence = f"The trail was cut off: it ends before row {kept[0]}."
            return Verdict(checked, number + 1, number, seal, sentence)
        sentence = f"The trail up to row {kept[0]} is not the one whose seal was kept."
        return Verdict(checked, kept[0], number, seal, sentence)
    if kept is not None and kept[0] < first - 1:
        sentence = f"Intact from row {first} on; row {kept[0]} was removed by retention."
        return Verdict(checked, None, number, seal, sentence)
    return Verdict(checked, None, number, seal, "Intact.")


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
        _remember(database, _ANCHOR, number, seal)
        return number - before


def _anchor(database: Database) -> tuple[int, str]:
    return _place(database, _ANCHOR) or (0, GENESIS)


def _place(database: Database, key: str) -> tuple[int, str] | None:
    rows = database.rows("SELECT value FROM meta WHERE key = ?", (key,))
    if not rows:
        return None
    number, _, seal = str(rows[0][0]).partition(" ")
    return (int(number), seal) if number.isdigit() else (0, "")


def _remember(database: Database, key: str, number: int, seal: str) -> None:
    database.run(
        "INSERT INTO meta (key, value) VALUES (?, ?) "
        "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, f"{number} {seal}"),
    )


def _seal(before: str, number: int, at_s: float, event: str, body: str) -> str:
    # repr() of a float is exact and the same everywhere.
    text = "\n".join((before, str(number), repr(at_s), event, body))
    return hashlib.sha256(text.encode()).hexdigest()
