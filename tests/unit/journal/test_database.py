"""Opening and writing: each way in which it can go wrong has its sentence and its exit code."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes import UUID, move, vcenter
from vsphere_market.errors import BusyError, ExitCode, JournalError, MarketError, StorageError
from vsphere_market.journal import Filter, Journal, Place, database, open_journal
from vsphere_market.journal.database import SqliteDatabase
from vsphere_market.journal.schema import VERSION

MOVE = move("vm-1", "host-1", "host-2")


@pytest.fixture
def sqlite(path: Path) -> Iterator[Journal]:
    """A journal in a file, for what only files do."""
    with open_journal(path) as opened:
        yield opened


def put(journal: Journal, name: str, data: bytes = b"x") -> None:
    journal.put_blob(name, data, version=1, at_s=1.0)


def test_a_journal_is_made_for_its_owner_alone(path: Path) -> None:
    old = os.umask(0)
    try:
        with open_journal(path) as journal:
            put(journal, "something")
            files = [path, *path.parent.glob("journal.db-*")]
            assert len(files) > 1, "the write-ahead log is there too"
            assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    finally:
        os.umask(old)


def test_what_is_written_is_there_after_a_restart(place: Place) -> None:
    with open_journal(place) as journal:
        put(journal, "history", b"\x00\x01")
    with open_journal(place) as journal:
        blob = journal.get_blob("history")
        assert blob is not None and (blob.version, blob.data) == (1, b"\x00\x01")
        assert journal.get_blob("nothing") is None


def test_readers_do_not_wait_for_the_writer(place: Place) -> None:
    with open_journal(place) as journal, open_journal(place, read_only=True) as reader:
        with journal.database.transaction():
            put(journal, "half")
            assert reader.get_blob("half") is None
        assert reader.get_blob("half") is not None


def test_a_reader_cannot_write(place: Place) -> None:
    open_journal(place).close()
    reader = open_journal(place, read_only=True)
    with reader, pytest.raises(JournalError, match="cannot be written there"):
        put(reader, "no")


def test_reading_what_is_not_there(path: Path) -> None:
    with pytest.raises(JournalError, match="there is no journal") as caught:
        open_journal(path, read_only=True)
    assert caught.value.exit_code is ExitCode.USAGE
    assert not path.exists()


def test_a_transaction_is_all_or_nothing(journal: Journal) -> None:
    with pytest.raises(RuntimeError), journal.database.transaction():
        put(journal, "first")
        with journal.database.transaction():
            put(journal, "second")
        raise RuntimeError
    assert journal.get_blob("first") is None and journal.get_blob("second") is None
    put(journal, "third")
    assert journal.get_blob("third") is not None


def test_a_directory_is_no_journal(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="is a directory"):
        open_journal(tmp_path)


@pytest.mark.parametrize("content", [b"this is no database at all, but a text" * 100, b"short"])
def test_a_file_of_another_kind_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(JournalError, match="no journal at all") as caught:
        open_journal(path)
    assert caught.value.exit_code is ExitCode.USAGE
    assert path.read_bytes() == content


def test_a_database_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as foreign:
        foreign.execute("CREATE TABLE shopping (item TEXT)")
    foreign.close()
    before = path.read_bytes()
    for read_only in (False, True):
        with pytest.raises(JournalError, match="no journal of vsphere-market"):
            open_journal(path, read_only=read_only)
    assert path.read_bytes() == before


def test_an_empty_file_becomes_a_journal(path: Path) -> None:
    path.parent.mkdir()
    path.touch(0o600)
    with open_journal(path) as journal:
        assert journal.database.version() == VERSION


def test_a_damaged_journal_is_told_from_a_full_disk(path: Path) -> None:
    with open_journal(path) as journal:
        for number in range(200):
            put(journal, f"blob-{number}", b"x" * 1000)
    raw = bytearray(path.read_bytes())
    raw[4096:] = b"\xff" * (len(raw) - 4096)
    path.write_bytes(raw)
    with pytest.raises(JournalError, match="damaged"), open_journal(path) as journal:
        journal.get_blob("blob-100")


def test_a_place_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match="cannot be made"):
        open_journal(tmp_path / "file" / "journal.db")


def test_a_place_that_cannot_be_written() -> None:
    # /proc takes no files, not even root's.
    place = Path("/proc") if Path("/proc/self").exists() else Path("/dev/null")
    with pytest.raises(JournalError, match="cannot be made"):
        open_journal(place / "journal.db")


def test_a_full_disk(sqlite: Journal) -> None:
    """SQLite reports its own limit on pages exactly as it reports a full disk."""
    sqlite.database.rows("PRAGMA max_page_count = 1")  # becomes the present size
    with pytest.raises(StorageError, match="the disk is full") as caught:
        for number in range(100):
            put(sqlite, f"blob-{number}", b"x" * 5000)
    assert caught.value.exit_code is ExitCode.FAILED
    sqlite.database.rows("PRAGMA max_page_count = 100000")
    put(sqlite, "space again")
    assert sqlite.verify().intact


def test_a_full_disk_in_the_middle_of_a_record_leaves_nothing_of_it(sqlite: Journal) -> None:
    recorder = sqlite.recorder(estate=UUID)
    sqlite.database.rows("PRAGMA max_page_count = 1")
    steps = [(f"s{number}", MOVE) for number in range(2000)]
    with pytest.raises(StorageError):
        recorder.begin(steps, 1.0, dry_run=False)
    assert sqlite.executions() == () and sqlite.unsettled(UUID) == ()
    assert sqlite.audit_trail() == ()


def test_a_journal_locked_by_another_program(
    sqlite: Journal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_S", 0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with open_journal(path) as mine:
            with pytest.raises(BusyError, match="locked by another program") as caught:
                put(mine, "no")
            assert caught.value.exit_code is ExitCode.TRY_LATER
    finally:
        other.execute("ROLLBACK")
        other.close()
    put(sqlite, "now")


def test_a_disk_error_of_any_other_kind_has_a_sentence(journal: Journal) -> None:
    with pytest.raises(MarketError, match="the journal failed"):
        journal.database.run("SELECT nonsense FROM nowhere")


def test_two_threads_may_write(journal: Journal) -> None:
    def write(first: int) -> None:
        for number in range(first, first + 20):
            put(journal, f"blob-{number}")

    threads = [threading.Thread(target=write, args=(first,)) for first in (0, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ((count,),) = journal.database.rows("SELECT count(*) FROM blobs")
    assert count == 40


_DIES = """
import os, signal, sys
from tests.fakes import UUID, move
from vsphere_market.journal import open_journal, place_from

journal = open_journal(place_from(sys.argv[1], option=True))
recorder = journal.recorder(estate=UUID, who="child")
execution = recorder.begin([("s1", move("vm-1", "host-1", "host-2"))], 5.0, dry_run=False)
recorder.intent(execution, "s1", 1, 6.0)
with journal.database.transaction():
    journal.put_blob("half", b"x", version=1, at_s=7.0)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_an_intent_survives_kill_9_and_half_a_transaction_does_not(place: Place) -> None:
    child = subprocess.run(
        [sys.executable, "-c", _DIES, str(place)], cwd=Path(__file__).parents[3], check=False
    )
    assert child.returncode == -signal.SIGKILL
    with open_journal(place) as journal:
        (left,) = journal.unsettled(UUID)
        assert (left.step, left.action, left.intent_s, left.task) == ("s1", MOVE, 6.0, "")
        assert journal.get_blob("half") is None
        assert journal.verify().intact


def test_every_commit_waits_for_the_disk(sqlite: Journal) -> None:
    (mode,), (level,) = (
        sqlite.database.rows(f"PRAGMA {name}")[0] for name in ("journal_mode", "synchronous")
    )
    assert (mode, level) == ("wal", 2)


def test_closing_twice_is_allowed(path: Path) -> None:
    opened = SqliteDatabase(path)
    opened.close()
    opened.close()


def test_a_snapshot_without_anything_is_kept(journal: Journal) -> None:
    cycle = journal.begin_cycle(vcenter(0, 0).observe(), kind="run", engine="1", started_s=1.0)
    journal.write_samples(cycle, vcenter(0, 0).observe())
    sample = journal.vm_sample(cycle)
    assert sample is not None and sample.moids == ()
    assert journal.host_samples(Filter()) == ()
