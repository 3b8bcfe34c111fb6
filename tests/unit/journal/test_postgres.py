"""What only PostgreSQL can do, and how it can fail: each way has its sentence and its exit code."""

from __future__ import annotations

import threading

import pytest

from tests.fakes import UUID, move
from tests.postgres import Server, drop_connections
from vsphere_market.errors import (
    BusyError,
    ExitCode,
    JournalError,
    NotPermittedError,
    StorageError,
    UnreachableError,
)
from vsphere_market.journal import PostgresPlace, journal_exists, open_journal
from vsphere_market.journal import postgres as room

MOVE = move("vm-1", "host-1", "host-2")


def test_there_is_none_until_somebody_begins_one(postgres: Server) -> None:
    place = postgres.place()
    assert not journal_exists(place)
    with pytest.raises(JournalError, match="there is no journal"):
        open_journal(place, read_only=True)
    open_journal(place).close()
    assert journal_exists(place)
    open_journal(place, read_only=True).close()


def test_tables_of_another_program_are_left_alone(postgres: Server) -> None:
    place = postgres.place()
    schema = place.url.rpartition("%3D")[2]
    postgres.sql(f"CREATE TABLE {schema}.plans (colour TEXT)")
    for read_only in (False, True):
        with pytest.raises(JournalError, match=f"the schema {schema} holds other tables"):
            open_journal(place, read_only=read_only)
    postgres.sql(f"ALTER TABLE {schema}.plans ADD COLUMN shape TEXT")


def test_a_schema_that_is_not_there(postgres: Server) -> None:
    with pytest.raises(JournalError, match="no schema to write to"):
        open_journal(postgres.schema("nowhere"))


def test_a_server_that_does_not_answer() -> None:
    place = PostgresPlace("postgresql://market@127.0.0.1:1/journal")
    with pytest.raises(UnreachableError, match="cannot be reached") as caught:
        open_journal(place)
    assert caught.value.exit_code is ExitCode.UNREACHABLE


def test_a_database_that_is_not_there(postgres: Server) -> None:
    place = PostgresPlace(postgres.schema("x").url.replace("///postgres?", "///nowhere?"))
    with pytest.raises(JournalError, match='database "nowhere" does not exist'):
        open_journal(place)


def test_passwords_come_from_the_environment_and_show_nowhere(
    postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres.sql("CREATE ROLE alice LOGIN PASSWORD 's3cret'")
    postgres.sql("CREATE SCHEMA alices AUTHORIZATION alice")
    url = f"postgresql://alice@127.0.0.1:{postgres.port}/postgres?options=-csearch_path%3Dalices"
    with pytest.raises(NotPermittedError, match="no password supplied") as caught:
        open_journal(PostgresPlace(url))
    assert "PGPASSWORD" in caught.value.cure
    monkeypatch.setenv("PGPASSWORD", "wr0ng")
    with pytest.raises(NotPermittedError, match="password authentication failed") as caught:
        open_journal(PostgresPlace(url))
    assert caught.value.exit_code is ExitCode.NOT_PERMITTED
    assert "wr0ng" not in str(caught.value)
    monkeypatch.setenv("PGPASSWORD", "s3cret")
    open_journal(PostgresPlace(url)).close()
    monkeypatch.delenv("PGPASSWORD")
    with open_journal(PostgresPlace(url, (("password", "s3cret"),))) as journal:
        assert "s3cret" not in repr(journal) and "s3cret" not in journal.database.where


def test_who_may_only_read_is_told_so(postgres: Server) -> None:
    place = postgres.place()
    schema = place.url.rpartition("%3D")[2]
    open_journal(place).close()
    postgres.sql("CREATE ROLE reader LOGIN")
    postgres.sql(f"GRANT USAGE ON SCHEMA {schema} TO reader")
    postgres.sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO reader")
    mine = PostgresPlace(place.url.replace("user=market", "user=reader"))
    with open_journal(mine, read_only=True) as journal:
        assert journal.steps() == ()
    with open_journal(mine) as journal, pytest.raises(JournalError, match="cannot be written"):
        journal.put_blob("no", b"", version=1, at_s=0.0)


def test_every_commit_waits_for_the_disk_whatever_the_role_says(postgres: Server) -> None:
    postgres.sql("CREATE ROLE hasty LOGIN SUPERUSER")
    postgres.sql("ALTER ROLE hasty SET synchronous_commit = off")
    place = PostgresPlace(postgres.place().url.replace("user=market", "user=hasty"))
    with open_journal(place) as journal:
        assert journal.database.rows("SHOW synchronous_commit") == [("on",)]


def test_a_lost_connection_is_told_and_made_again(postgres: Server) -> None:
    place = postgres.place()
    with open_journal(PostgresPlace(place.url + "&application_name=lost-1")) as journal:
        recorder = journal.recorder(estate=UUID)
        execution = recorder.begin([("s1", MOVE)], 1.0, dry_run=False)
        drop_connections(postgres, "lost-1")
        with pytest.raises(StorageError, match="connection to the journal's database was lost"):
            recorder.intent(execution, "s1", 1, 2.0)
        recorder.intent(execution, "s1", 1, 3.0)
        (left,) = journal.unsettled(UUID)
        assert left.intent_s == 3.0
        assert journal.verify().intact


def test_what_was_half_written_when_the_line_broke_is_not_there(postgres: Server) -> None:
    place = postgres.place()
    with open_journal(PostgresPlace(place.url + "&application_name=lost-2")) as journal:
        with pytest.raises(StorageError), journal.database.transaction():
            journal.put_blob("half", b"x", version=1, at_s=0.0)
            drop_connections(postgres, "lost-2")
            journal.put_blob("other half", b"x", version=1, at_s=0.0)
        assert journal.get_blob("half") is None and journal.get_blob("other half") is None


def test_a_writer_that_does_not_finish(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    place = postgres.place()
    monkeypatch.setattr(room, "BUSY_S", 0.05)
    with open_journal(place) as other, open_journal(place) as mine:
        with other.database.transaction():
            # Its turn begins with the first question: nothing waits for an answer before.
            assert other.steps() == ()
            with pytest.raises(BusyError, match="locked by another program") as caught:
                mine.approve(1, who="alice", steps=[], at_s=0.0)
            assert caught.value.exit_code is ExitCode.TRY_LATER
            assert mine.steps() == (), "who only reads does not wait"
        mine.approve(1, who="alice", steps=[], at_s=0.0)


def test_writers_take_turns_and_the_chain_holds(postgres: Server) -> None:
    place = postgres.place()
    open_journal(place).close()

    def write(who: str) -> None:
        with open_journal(place) as journal:
            for number in range(15):
                journal.approve(number, who=who, steps=[], at_s=float(number))

    threads = [threading.Thread(target=write, args=(who,)) for who in ("alice", "bob", "carol")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with open_journal(place, read_only=True) as journal:
        verdict = journal.verify()
        assert verdict.intact and verdict.rows == 45


def test_texts_that_postgresql_cannot_hold_are_mended(postgres: Server) -> None:
    with open_journal(postgres.place()) as journal:
        execution = journal.recorder(estate=UUID, who="a\x00b").begin(
            [("s1", MOVE)], 1.0, dry_run=False
        )
        assert execution == "1"
        assert journal.executions()[0].who == "a\ufffdb"
        assert journal.verify().intact


def test_without_psycopg_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(JournalError, match="needs psycopg") as caught:
        open_journal(PostgresPlace("postgresql:///x"))
    assert "vsphere-market[postgres]" in caught.value.cure


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ('server certificate for "db" does not match host name', UnreachableError),
        ('root certificate file "/root/.postgresql/root.crt" does not exist', UnreachableError),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1"', NotPermittedError),
        ('FATAL:  role "alice" does not exist', JournalError),
    ],
)
def test_why_there_is_no_connection(said: str, kind: type[Exception]) -> None:
    assert type(room._not_let_in(Exception(said), "postgresql://db/x")) is kind
