"""One owner per journal, on whatever way the owner ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from vsphere_market.errors import BusyError, ExitCode, JournalError
from vsphere_market.journal import Journal, OwnerLock, open_journal

_HOLDS = """
import sys, time
from pathlib import Path
from vsphere_market.journal import OwnerLock

lock = OwnerLock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_the_second_owner_is_refused_until_the_first_lets_go(journal: Journal) -> None:
    with journal.own():
        with pytest.raises(BusyError, match="another vsphere-market is at work") as caught:
            journal.own()
        assert caught.value.exit_code is ExitCode.TRY_LATER
    with journal.own():
        pass


def test_the_lock_does_not_hinder_readers_and_writers(journal: Journal, path: Path) -> None:
    with journal.own(), open_journal(path) as other:
        other.put_blob("x", b"", version=1, at_s=0.0)


def test_a_killed_owner_leaves_no_lock_behind(journal: Journal, path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", _HOLDS, str(path)],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
    )
    try:
        assert child.stdout is not None and child.stdout.readline() == b"held\n"
        with pytest.raises(BusyError):
            journal.own()
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
    with journal.own():
        pass


def test_a_lock_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match="lock cannot be made"):
        OwnerLock(tmp_path / "file" / "journal.db")


def test_releasing_twice_is_allowed(path: Path) -> None:
    lock = OwnerLock(path)
    lock.release()
    lock.release()


def test_a_lock_file_that_is_something_else(path: Path) -> None:
    path.parent.mkdir()
    path.with_name(path.name + "-owner").write_bytes(b"not a database" * 100)
    with pytest.raises(JournalError, match="cannot be taken"):
        OwnerLock(path)
