"""A journal of every older format becomes one of today's with nothing lost; newer are refused.

``tests/data/journals`` holds journals as the programs of their time wrote them: two turns of the
loop on a small hot plant. When the format changes, one of the format that was is put beside them.
"""

# ruff: noqa: S608 - names of our own tables.

from __future__ import annotations

import gzip
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from vsphere_market.control.remembered import (
    recalled_history,
    recalled_sizes,
    write_histories,
)
from vsphere_market.errors import JournalError
from vsphere_market.journal import Filter, Journal, Place, PostgresPlace, Scope, open_journal
from vsphere_market.journal.database import Database, SqliteDatabase
from vsphere_market.journal.postgres import PostgresDatabase
from vsphere_market.journal.schema import MIGRATIONS, VERSION
from vsphere_market.port import OutcomeKind

OLD = Path(__file__).parents[2] / "data" / "journals"
FORMATS = range(1, VERSION)
TABLES = (
    "meta",
    "cycles",
    "host_samples",
    "cluster_samples",
    "vm_samples",
    "plans",
    "decisions",
    "refusals",
    "executions",
    "steps",
    "leases",
    "forecasts",
    "aftermaths",
    "audit",
    "blobs",
)
#: Rows of their audit trails.
TRAILS = {1: 19, 2: 20}


def test_there_is_a_journal_of_every_older_format() -> None:
    assert {path.name for path in OLD.glob("format-*.db.gz")} == {
        f"format-{number}.db.gz" for number in FORMATS
    }


def put_back(number: int, place: Place, folder: Path) -> None:
    """Put a journal of an old format in ``place``."""
    raw = gzip.decompress((OLD / f"format-{number}.db.gz").read_bytes())
    if not isinstance(place, PostgresPlace):
        place.parent.mkdir(parents=True)
        place.write_bytes(raw)
        place.chmod(0o600)
        return
    file = folder / "old.db"
    file.write_bytes(raw)
    old = sqlite3.connect(file)
    database = PostgresDatabase(place)
    with database.transaction():
        _begin(database, number)
        for table in TABLES:
            found = old.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone()
            rows = old.execute(f"SELECT * FROM {table}").fetchall() if found else []
            if rows:
                marks = ", ".join("?" * len(rows[0]))
                database.run_many(f"INSERT INTO {table} VALUES ({marks})", rows)
    database.close()
    old.close()


def _begin(database: Database, number: int) -> None:
    for script in MIGRATIONS[:number]:
        for statement in script.format(**database.types).split(";\n"):
            if statement.strip():
                database.run(statement)
    database.set_version(number)


@pytest.mark.parametrize("number", FORMATS)
def test_an_older_journal_is_brought_up_to_date(number: int, place: Place, tmp_path: Path) -> None:
    put_back(number, place, tmp_path)
    with open_journal(place) as journal:
        assert journal.database.version() == VERSION
        assert journal.verify().intact and journal.verify().rows == TRAILS[number]
        steps = journal.steps()
        assert [step.outcome for step in steps] == [OutcomeKind.DONE] * 5
        assert {step.source for step in steps} == {"small"}, "told from the plan"
        assert [cycle.status for cycle in journal.cycles()] == ["done", "done"]
        assert len(journal.decisions(Filter(source="small"))) == 5
        estate = journal.cycles()[0].estate
        assert journal.unsettled(estate) == ()
        assert journal.vm_sample(1) is not None
        _demand_is_still_known(journal, estate, number)
        with journal.own(Scope(estate), who="later"):
            assert [holder.who for holder in journal.holders()] == ["later"]
    with open_journal(place, read_only=True) as journal:
        assert len(journal.steps()) == 5


def _demand_is_still_known(journal: Journal, estate: str, number: int) -> None:
    """Also after it was written down in parts, in place of the one piece that it was."""
    assert journal.get_blob(f"demand-history/{estate}") is not None
    before, sizes = recalled_history(journal, estate), recalled_sizes(journal, estate)
    # The first format's hours had no means, and begin anew.
    assert len(before) == (0 if number == 1 else 13)
    with journal.database.transaction():
        write_histories(journal, estate, before, sizes, 0.0)
    assert journal.get_blob(f"demand-history/{estate}") is None
    after = recalled_history(journal, estate)
    ids = list(before.rows)
    np.testing.assert_allclose(after.dates(ids).level, before.dates(ids).level, rtol=1e-6)
    assert after.hour == before.hour and after.open == pytest.approx(before.open)


@pytest.mark.parametrize("number", FORMATS)
def test_an_older_journal_is_not_changed_by_reading(
    number: int, place: Place, tmp_path: Path
) -> None:
    put_back(number, place, tmp_path)
    with pytest.raises(JournalError, match=r"old format .* brings it up to date"):
        open_journal(place, read_only=True)
    database = (
        PostgresDatabase(place) if isinstance(place, PostgresPlace) else SqliteDatabase(place)
    )
    assert database.version() == number
    database.close()


def test_a_journal_of_a_newer_program_is_refused_and_left_alone(place: Place) -> None:
    with open_journal(place) as journal:
        journal.database.set_version(VERSION + 1)
    for read_only in (False, True):
        with pytest.raises(JournalError, match="written by a newer version") as caught:
            open_journal(place, read_only=read_only)
        assert "upgrade vsphere-market" in caught.value.cure


def test_a_migration_is_all_or_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    from vsphere_market.journal import schema

    with open_journal(place) as journal:
        journal.put_blob("kept", b"1", version=1, at_s=0.0)
    good = "ALTER TABLE cycles ADD COLUMN note TEXT;\nCREATE TABLE more (id {id});\n"
    bad = "CREATE TABLE half (id {id});\nNONSENSE;\n"
    monkeypatch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, good, bad))
    monkeypatch.setattr(schema, "VERSION", VERSION + 2)
    with pytest.raises(Exception, match="NONSENSE"):
        open_journal(place)
    monkeypatch.setattr(schema, "MIGRATIONS", MIGRATIONS)
    monkeypatch.setattr(schema, "VERSION", VERSION)
    with open_journal(place) as journal:
        assert journal.database.version() == VERSION
    monkeypatch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, good))
    monkeypatch.setattr(schema, "VERSION", VERSION + 1)
    with open_journal(place) as journal:
        blob = journal.get_blob("kept")
        assert blob is not None and blob.data == b"1"
        assert journal.database.rows("SELECT note FROM cycles") == []
