"""The little that the journal needs of a database, and SQLite's way of giving it.

SQL is written once, with ``?`` for parameters and without what only one database knows; what
differs (types, placeholders, locking) is behind :class:`Database`. PostgreSQL's way is in
``journal.postgres``.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from vsphere_market.errors import BusyError, JournalError, MarketError, StorageError
from vsphere_market.journal.lock import take_file

#: A value of a column.
Value = str | int | float | bytes | None
#: One row of an answer.
Row = tuple[Value, ...]

#: Written into the header of the file, so that a foreign database is never touched: "vSMj".
APPLICATION_ID = 0x76534D6A
#: How long to wait for another writer before giving up, seconds.
BUSY_S = 10.0


class Held(Protocol):
    """Something that is held until it is let go, or until this process ends, however it ends."""

    def release(self) -> None:
        """Let go. May be called twice."""


class Database(Protocol):
    """A connection to a database. Usable by several threads, one statement at a time."""

    #: Names of types in this dialect: ``id``, ``blob``, ``real``, ``integer``.
    types: dict[str, str]

    @property
    def where(self) -> str:
        """Where it is, for errors."""

    def rows(self, sql: str, parameters: Sequence[Value] = ()) -> list[Row]:
        """Run a statement and give all rows of its answer."""

    def run(self, sql: str, parameters: Sequence[Value] = ()) -> None:
        """Run a statement that has no answer."""

    def run_many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        """Run a statement once per row of parameters."""

    def insert(self, sql: str, parameters: Sequence[Value] = ()) -> int:
        """Run an ``INSERT … RETURNING id`` and give the id."""

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing, durable on leaving; only one writer at a time. May be nested."""

    def version(self) -> int:
        """Version of the schema, 0 for a new database."""

    def set_version(self, version: int) -> None:
        """Remember the version of the schema."""

    def now_s(self) -> float:
        """Unix time by the one clock that all programs with this journal share."""

    def take(self, name: str) -> Held | None:
        """Hold a name as a sign of life; None when somebody does, this process included."""

    def close(self) -> None:
        """Let go. May be called twice."""


class SqliteDatabase:
    """A SQLite file in WAL mode: readers never wait, and a commit survives a loss of power.

    Args:
        path: the file; made with mode 0600 when missing.
        read_only: open an existing file, and change nothing.

    Raises:
        JournalError: it is no SQLite file, belongs to another program, or cannot be opened.
        BusyError: another program keeps it locked.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.types = {
            "id": "INTEGER PRIMARY KEY",
            "blob": "BLOB",
            "real": "REAL",
            "integer": "INTEGER",
        }
        self._path = path
        self._lock = threading.RLock()
        self._depth = 0
        self._prepare(read_only)
        mode = "ro" if read_only else "rw"
        with self._clearly():
            self._connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}",
                uri=True,
                timeout=BUSY_S,
                isolation_level=None,  # transactions are begun by us alone
                check_same_thread=False,
            )
        try:
            self._check_owner(read_only)
        except MarketError:
            self._connection.close()
            raise

    @property
    def where(self) -> str:
        """The file."""
        return str(self._path)

    def rows(self, sql: str, parameters: Sequence[Value] = ()) -> list[Row]:
        """See :class:`Database`."""
        with self._lock, self._clearly():
            return self._connection.execute(sql, parameters).fetchall()

    def run(self, sql: str, parameters: Sequence[Value] = ()) -> None:
        """See :class:`Database`."""
        with self._lock, self._clearly():
            self._connection.execute(sql, parameters)

    def run_many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        """See :class:`Database`."""
        with self._lock, self._clearly():
            self._connection.executemany(sql, rows)

    def insert(self, sql: str, parameters: Sequence[Value] = ()) -> int:
        """See :class:`Database`."""
        (row,) = self.rows(sql, parameters)
        assert isinstance(row[0], int)
        return row[0]

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """See :class:`Database`."""
        with self._lock:
            if self._depth:
                # The outermost decides; an exception passes through all of them.
                yield
                return
            # IMMEDIATE: a writer that starts as a reader could be refused in the middle.
            self.run("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
                self.run("COMMIT")
            except BaseException:
                # A full disk may have ended the transaction already.
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise
            finally:
                self._depth -= 1

    def version(self) -> int:
        """See :class:`Database`."""
        return self._pragma("user_version")

    def set_version(self, version: int) -> None:
        """See :class:`Database`."""
        self.run(f"PRAGMA user_version = {version:d}")

    def now_s(self) -> float:
        """See :class:`Database`; this machine's, since a file is shared within one machine."""
        return time.time()

    def take(self, name: str) -> Held | None:
        """See :class:`Database`; a locked file beside the journal."""
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        return take_file(self._path.with_name(f"{self._path.name}-alive-{digest}"))

    def close(self) -> None:
        """See :class:`Database`."""
        with self._lock, contextlib.suppress(sqlite3.Error):
            self._connection.close()

    # ------------------------------------------------------------ opening

    def _prepare(self, read_only: bool) -> None:
        """Make the file with its mode before SQLite does it with the umask's."""
        path = self._path
        if path.is_dir():
            raise JournalError("is a directory, not a journal", where=self.where)
        if path.exists():
            return
        if read_only:
            raise JournalError(
                "there is no journal",
                where=self.where,
                cure="it is made by the first `apply` or `run`; or name another with --journal",
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Another start may be faster; whose file it then is will be looked at next.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as exc:
            raise JournalError(
                f"cannot be made ({exc.strerror})",
                where=self.where,
                cure="name another place with --journal",
            ) from None

    def _check_owner(self, read_only: bool) -> None:
        """Refuse files of other programs, then choose how to write."""
        owner = self._pragma("application_id")
        if owner != APPLICATION_ID:
            ((tables,),) = self.rows("SELECT count(*) FROM sqlite_master")
            if owner or tables or read_only:
                raise JournalError(
                    "is a database, but no journal of vsphere-market",
                    where=self.where,
                    cure="name another file with --journal",
                )
            self.run(f"PRAGMA application_id = {APPLICATION_ID:d}")
        if read_only:
            self.run("PRAGMA query_only = ON")
            return
        self.rows("PRAGMA journal_mode = WAL")
        # FULL: an intent must be on the disk before the request leaves.
        self.run("PRAGMA synchronous = FULL")
        self.run("PRAGMA foreign_keys = ON")

    def _pragma(self, name: str) -> int:
        ((value,),) = self.rows(f"PRAGMA {name}")
        assert isinstance(value, int)
        return value

    # ------------------------------------------------------------ errors

    @contextlib.contextmanager
    def _clearly(self) -> Iterator[None]:
        """Turn SQLite's errors into sentences."""
        try:
            yield
        except sqlite3.Error as exc:
            raise _clear_error(exc, self.where) from exc


def _clear_error(exc: sqlite3.Error, where: str) -> MarketError:
    """One sentence per way in which SQLite can fail."""
    # The low byte is the primary code, whatever the extended code says.
    match getattr(exc, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return BusyError(
                "the journal is locked by another program",
                where=where,
                cure="wait until it has finished, or name another with --journal",
            )
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            return JournalError(
                "the journal is damaged, or is no journal at all",
                where=where,
                cure="put a copy back, or move it away and begin a new one",
            )
        case sqlite3.SQLITE_FULL:
            return StorageError(
                "the disk is full, so nothing can be written down",
                where=where,
                cure="free some space; what was begun is settled at the next start",
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_CANTOPEN:
            return JournalError(
                "the journal cannot be written there",
                where=where,
                cure="check the permissions of the file and its folder, or use --journal",
            )
        case _:
            return StorageError(f"the journal failed ({exc})", where=where)
