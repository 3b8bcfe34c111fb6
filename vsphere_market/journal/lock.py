"""One owner per journal: whoever submits anything holds it, so that no two runs act at once.

The lock is SQLite's own, taken on an empty file beside the journal. It works alike on every
system that SQLite knows, and ends with the process that holds it, however that ends.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from types import TracebackType
from typing import Self

from vsphere_market.errors import BusyError, JournalError


class OwnerLock:
    """Held from the moment it is made until :meth:`release`, or to the end of a ``with``.

    Args:
        journal: path of the journal; the lock is that name with ``-owner`` at its end.

    Raises:
        BusyError: somebody else holds it.
        JournalError: the file cannot be made there.
    """

    def __init__(self, journal: Path) -> None:
        path = journal.with_name(journal.name + "-owner")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._connection = sqlite3.connect(path, timeout=0.0, isolation_level=None)
        except (OSError, sqlite3.Error) as exc:
            raise JournalError(
                f"the journal's lock cannot be made ({exc})",
                where=str(path),
                cure="check the permissions of the folder, or use --journal",
            ) from None
        try:
            self._connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as exc:
            self._connection.close()
            if getattr(exc, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY:
                raise JournalError(
                    f"the journal's lock cannot be taken ({exc})",
                    where=str(path),
                    cure="remove the file; it holds nothing",
                ) from None
            raise BusyError(
                "another vsphere-market is at work with this journal",
                where=str(journal),
                cure="wait until it has finished, or stop it",
            ) from None

    def release(self) -> None:
        """Let the next one in. May be called twice."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
