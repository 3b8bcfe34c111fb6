"""Which journal a command writes to or asks, given its source.

A vCenter has the user's own. A plant lives only as long as the command, so its journal does too,
unless one is named: simulated time must not mix with real time. A snapshot file is only looked at.
"""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

from vsphere_market.control.sources import OpenSource, SourceKind
from vsphere_market.errors import JournalError
from vsphere_market.journal import Journal, Place, default_path, journal_exists, open_journal

log = logging.getLogger(__name__)


@contextlib.contextmanager
def working_journal(source: OpenSource, place: Place | None) -> Iterator[Journal]:
    """The journal to write to.

    Args:
        source: what the journal is about.
        place: the one that the user named, or None.

    Raises:
        JournalError, BusyError: it cannot be used.
    """
    if place is None and source.kind is not SourceKind.VCENTER:
        with (
            tempfile.TemporaryDirectory(prefix="vsphere-market-") as folder,
            open_journal(Path(folder) / "journal.db") as journal,
        ):
            yield journal
        return
    with open_journal(place or default_path()) as journal:
        yield journal


@contextlib.contextmanager
def known_journal(source: OpenSource, place: Place | None) -> Iterator[Journal | None]:
    """The journal to ask, or None when there is none yet.

    One that was not named and cannot be read is done without: looking must not fail for it.

    Raises:
        JournalError, BusyError: the one that was named cannot be used.
    """
    journal: Journal | None = None
    if place is not None:
        # One that is to be begun later knows nothing yet.
        journal = open_journal(place, read_only=True) if journal_exists(place) else None
    elif source.kind is not SourceKind.PLANT and default_path().exists():
        try:
            journal = open_journal(default_path(), read_only=True)
        except JournalError as error:
            log.warning("going on without the journal: %s", error)
    try:
        yield journal
    finally:
        if journal is not None:
            journal.close()


@contextlib.contextmanager
def named_journal(place: Place | None) -> Iterator[Journal | None]:
    """A journal to ask without any source: the one that the user named, or the usual one.

    Raises:
        JournalError, BusyError: it cannot be used.
    """
    if place is None and not default_path().exists():
        yield None
        return
    with open_journal(place or default_path(), read_only=True) as journal:
        yield journal
