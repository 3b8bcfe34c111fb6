"""Tampering with the audit trail is found, wherever it is and however it is done."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from vsphere_market.journal import Journal

ROWS = 8


def filled(journal: Journal) -> Journal:
    for number in range(ROWS):
        journal.approve(number, who="alice", steps=["s1"], at_s=1000.0 + number)
    return journal


def run(journal: Journal, *statements: str) -> Journal:
    for statement in statements:
        journal.database.run(statement)
    return journal


def reseal(journal: Journal, first: int, *, end: bool = False) -> None:
    """What somebody does who knows how seals are made: mend the chain from row ``first`` on."""
    rows = journal.database.rows("SELECT id, at_s, event, body, chain FROM audit ORDER BY id")
    seal = next((str(row[4]) for row in reversed(rows) if int(row[0] or 0) < first), "0" * 64)
    number = 0
    for number, at_s, event, body, _ in rows:  # type: ignore[assignment]
        if number >= first:
            text = "\n".join((seal, str(number), repr(at_s), str(event), str(body)))
            seal = hashlib.sha256(text.encode()).hexdigest()
            journal.database.run("UPDATE audit SET chain = ? WHERE id = ?", (seal, number))
    if end:
        journal.database.run(
            "UPDATE meta SET value = ? WHERE key = 'audit-end'", (f"{number} {seal}",)
        )


def test_what_nobody_touched_is_intact(journal: Journal) -> None:
    assert journal.verify().sentence == "Intact." and journal.verify().last == 0
    verdict = filled(journal).verify()
    assert (verdict.rows, verdict.broken_at, verdict.last) == (ROWS, None, ROWS)


TAMPERING: dict[str, tuple[Callable[[Journal], object], int]] = {
    "a body changed": (
        lambda j: run(j, "UPDATE audit SET body = replace(body, 'alice', 'bobby') WHERE id = 4"),
        4,
    ),
    "a time changed": (lambda j: run(j, "UPDATE audit SET at_s = at_s + 1 WHERE id = 4"), 4),
    "an event changed": (lambda j: run(j, "UPDATE audit SET event = 'x' WHERE id = 4"), 4),
    "a seal changed": (lambda j: run(j, "UPDATE audit SET chain = 'x' WHERE id = 4"), 4),
    "one row removed": (lambda j: run(j, "DELETE FROM audit WHERE id = 4"), 4),
    "the first rows removed": (lambda j: run(j, "DELETE FROM audit WHERE id < 4"), 1),
    "two rows exchanged": (
        lambda j: run(
            j,
            "UPDATE audit SET id = 99 WHERE id = 4",
            "UPDATE audit SET id = 4 WHERE id = 5",
            "UPDATE audit SET id = 5 WHERE id = 99",
        ),
        4,
    ),
    "a row put in": (
        lambda j: run(
            j,
            "UPDATE audit SET id = id + 100 WHERE id >= 4",
            "UPDATE audit SET id = id - 99 WHERE id >= 100",
            "INSERT INTO audit (id, at_s, event, body, chain) VALUES (4, 1.0, 'x', '{}', 'x')",
        ),
        4,
    ),
    "a row removed and the rest sealed anew": (
        lambda j: reseal(run(j, "DELETE FROM audit WHERE id = 4"), 4),
        4,
    ),
    "the last row removed": (lambda j: run(j, "DELETE FROM audit WHERE id = 8"), 8),
    "the last rows removed": (lambda j: run(j, "DELETE FROM audit WHERE id > 5"), 6),
    "all rows removed": (lambda j: run(j, "DELETE FROM audit"), 1),
    "the last row changed and sealed anew": (
        lambda j: reseal(run(j, "UPDATE audit SET body = '{}' WHERE id = 8"), 8),
        8,
    ),
    "its end forgotten": (lambda j: run(j, "DELETE FROM meta WHERE key = 'audit-end'"), 9),
    "its end made nonsense": (
        lambda j: run(j, "UPDATE meta SET value = 'nonsense' WHERE key = 'audit-end'"),
        0,
    ),
}


@pytest.mark.parametrize("what", TAMPERING)
def test_tampering_is_found(journal: Journal, what: str) -> None:
    tamper, broken_at = TAMPERING[what]
    tamper(filled(journal))
    verdict = journal.verify()
    assert verdict.broken_at == broken_at, verdict.sentence
    assert not verdict.intact and verdict.sentence != "Intact."


def test_a_rewritten_trail_is_found_by_a_seal_that_was_kept(journal: Journal) -> None:
    good = filled(journal).verify()
    kept = (good.last, good.seal)
    journal.approve(99, who="alice", steps=[], at_s=2000.0)
    assert journal.verify(kept).intact, "what was written since does not matter"
    run(journal, "UPDATE audit SET body = replace(body, 'alice', 'bobby') WHERE id = 4")
    reseal(journal, 4, end=True)
    assert journal.verify().intact, "the chain alone cannot tell"
    verdict = journal.verify(kept)
    assert verdict.broken_at == ROWS and "is not the one whose seal was kept" in verdict.sentence


def test_a_cut_off_trail_with_a_forged_end_is_found_by_a_seal_that_was_kept(
    journal: Journal,
) -> None:
    good = filled(journal).verify()
    run(journal, "DELETE FROM audit WHERE id > 5")
    reseal(journal, 6, end=True)
    ((seal,),) = journal.database.rows("SELECT chain FROM audit WHERE id = 5")
    journal.database.run("UPDATE meta SET value = ? WHERE key = 'audit-end'", (f"5 {seal!s}",))
    assert journal.verify().intact, "the chain alone cannot tell"
    verdict = journal.verify((good.last, good.seal))
    assert verdict.broken_at == 6 and "cut off" in verdict.sentence


def test_retention_leaves_what_can_be_verified(journal: Journal) -> None:
    from vsphere_market.journal import audit

    good = filled(journal).verify()
    assert audit.forget(journal.database, 1005.0) == 5
    verdict = journal.verify((good.last, good.seal))
    assert verdict.intact and verdict.rows == 3
    old = journal.verify((2, "0" * 64))
    assert old.intact and "row 2 was removed by retention" in old.sentence
    assert audit.forget(journal.database, 9999.0) == 3
    assert journal.verify().intact and journal.verify().rows == 0
    journal.approve(1, who="bob", steps=[], at_s=9999.0)
    assert (journal.verify().rows, journal.verify().last) == (1, ROWS + 1)
