"""A file as a sign of life: locked as long as the process that locked it lives.

The lock is SQLite's own, taken on an empty file beside the journal. It works alike on every
system that SQLite knows, and ends with the process that holds it, however that ends.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from vsphere_market.errors import JournalError


class FileLock:
    """A locked file; made by :func:`take_file`."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = connection

    def release(self) -> None:
        """Let go, and take the file away. May be called twice."""
        if self._connection is None:
            return
        # Away before it is unlocked: afterwards it could be another's already.
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()
        self._connection = None


def take_file(path: Path) -> FileLock | None:
    """Lock a file, making it when it is missing; None when somebody else holds it.

    Raises:
        JournalError: the file cannot be made there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = sqlite3.connect(
            path, timeout=0.0, isolation_level=None, check_same_thread=False
        )
    except (OSError, sqlite3.Error) as exc:
        raise JournalError(
            f"the journal's lock cannot be made ({exc})",
            where=str(path),
            cure="check the permissions of the folder, or use --journal",
        ) from None
    try:
        # Without a rollback journal, which a killed process would leave lying about.
        connection.execute("PRAGMA journal_mode = MEMORY")
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as exc:
        connection.close()
        if getattr(exc, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY:
            raise JournalError(
                f"the journal's lock cannot be taken ({exc})",
                where=str(path),
                cure="remove the file; it holds nothing",
            ) from None
        return None
    return FileLock(path, connection)
