"""Histories of demand in the journal: read whole, written as far as they have changed.

A week of 40,000 VMs is 27 MB, as much again where requests to storage are told, and a quarter's
peaks are 15 MB more. From one look to the next only the hour that is going on changes, which is a
hundredth of it; the rest is written when that hour is over. All of a look is written in one
transaction, so that death at any write leaves the last one.
"""

from __future__ import annotations

import logging

from vsphere_market.demand import (
    DemandHistory,
    SizeHistory,
    history_file,
    new_storage_history,
    sizes_file,
)
from vsphere_market.demand.history import PEAK_SHARE
from vsphere_market.journal import Journal

log = logging.getLogger(__name__)

#: Name of the working sets' parts, by hour since 1970, and version of their format.
_HISTORY = "demand-history/{estate}"
_HISTORY_VERSION = 3
#: What datastores served and VMs asked of them, in the same form.
_STORAGE = "storage-history/{estate}"
#: Parts that are no hours: whose row is whose, and how often that was written.
_ROWS, _EDITION = -1, -2
#: The blob of this name and version held all of it once.
_WHOLE_VERSION = 2
#: Blobs of what is remembered for sizing, but for the hour in progress, and of that hour.
_SIZES, _SIZES_VERSION = "size-history/{estate}", 1
_SIZES_HOUR, _SIZES_HOUR_VERSION = "size-hour/{estate}", 1


def recalled_history(journal: Journal, estate: str) -> DemandHistory:
    """The working sets of an estate's last days; nothing when it was never seen.

    Raises:
        StorageError, BusyError: the journal cannot be read.
    """
    name = _HISTORY.format(estate=estate)
    history = _recalled(journal, name, PEAK_SHARE)
    if not len(history):
        blob = journal.get_blob(name)
        if blob is not None and blob.version == _WHOLE_VERSION:
            try:
                return history_file.unpack_whole(blob.data)
            except ValueError:
                log.warning("%s is damaged and begins anew", name)
    return history


def recalled_storage(journal: Journal, estate: str) -> DemandHistory:
    """What datastores served and VMs asked of them in the last days; likewise.

    Raises:
        StorageError, BusyError: the journal cannot be read.
    """
    return _recalled(journal, _STORAGE.format(estate=estate), new_storage_history().peak_share)


def _recalled(journal: Journal, name: str, peak_share: float) -> DemandHistory:
    parts = journal.get_parts(name)
    history = DemandHistory(peak_share=peak_share)
    if parts:
        try:
            history.edition = int(parts.pop(_EDITION).data)
            if any(part.version != _HISTORY_VERSION for part in parts.values()):
                raise ValueError("written by another version")
            rows = parts.pop(_ROWS).data
            hours = {hour: part.data for hour, part in parts.items()}
            return history_file.unpack_history(rows, hours, history.edition, peak_share=peak_share)
        except (KeyError, ValueError):
            # It grows again within a week; refusing to work would help nobody.
            log.warning("%s is damaged and begins anew", name)
    return history


def recalled_sizes(journal: Journal, estate: str) -> SizeHistory:
    """What is remembered of an estate for sizing; nothing when it was never seen.

    Raises:
        StorageError, BusyError: the journal cannot be read.
    """
    blob = journal.get_blob(_SIZES.format(estate=estate))
    if blob is None or blob.version != _SIZES_VERSION:
        return SizeHistory()
    try:
        sizes = sizes_file.unpack_sizes(blob.data)
    except ValueError:
        log.warning("the size history of %s is damaged and begins anew", estate)
        return SizeHistory()
    hour = journal.get_blob(_SIZES_HOUR.format(estate=estate))
    if hour is not None and hour.version == _SIZES_HOUR_VERSION:
        try:
            sizes_file.add_hour(sizes, hour.data)
        except ValueError:
            log.warning("an hour of the size history of %s is damaged and left out", estate)
    return sizes


def is_latest(journal: Journal, estate: str, history: DemandHistory) -> bool:
    """Whether nobody has given rows to other VMs since ``history`` was read."""
    return _edition(journal, _HISTORY.format(estate=estate)) == history.edition


def is_latest_storage(journal: Journal, estate: str, storage: DemandHistory) -> bool:
    """The same of what is remembered of storage."""
    return _edition(journal, _STORAGE.format(estate=estate)) == storage.edition


def _edition(journal: Journal, name: str) -> int:
    """0 for none, or a damaged one: it is replaced by a history that could not read it either."""
    stored = journal.get_parts(name, _ROWS).get(_EDITION)
    try:
        return 0 if stored is None else int(stored.data)
    except ValueError:
        return 0


def write_storage(journal: Journal, estate: str, storage: DemandHistory, at_s: float) -> None:
    """Write down what has changed of it since it was read. To be called in a transaction.

    Raises:
        StorageError, BusyError: the journal cannot be written.
    """
    _write_history(journal, _STORAGE.format(estate=estate), storage, at_s)


def write_histories(
    journal: Journal, estate: str, history: DemandHistory, sizes: SizeHistory, at_s: float
) -> None:
    """Write down what has changed since they were read. To be called in a transaction.

    Raises:
        StorageError, BusyError: the journal cannot be written.
    """
    _write_history(journal, _HISTORY.format(estate=estate), history, at_s)
    name, hour = _SIZES.format(estate=estate), _SIZES_HOUR.format(estate=estate)
    if sizes.stale:
        journal.put_blob(name, sizes_file.pack_sizes(sizes), version=_SIZES_VERSION, at_s=at_s)
        journal.drop_blob(hour)
    else:
        journal.put_blob(hour, sizes_file.pack_hour(sizes), version=_SIZES_HOUR_VERSION, at_s=at_s)


def _write_history(journal: Journal, name: str, history: DemandHistory, at_s: float) -> None:
    parts = {
        hour: history_file.pack_hour(history, hour) for hour in history_file.hours_to_write(history)
    }
    if history.whole or history.moved_in:
        parts[_ROWS] = history_file.pack_rows(history)
        parts[_EDITION] = str(history.edition + 1).encode()
    since = 0 if history.hour is None else history.hour - history.span + 1
    journal.put_parts(
        name, parts, version=_HISTORY_VERSION, at_s=at_s, since=since, afresh=history.whole
    )
    if history.whole:
        # What was kept whole is kept in parts from now on.
        journal.drop_blob(name)
