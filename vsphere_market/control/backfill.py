"""The first look at a vCenter does not begin with nothing: its own history is read once."""

from __future__ import annotations

import logging

import numpy as np

from vsphere_market.control.memory import Memory, keep_history
from vsphere_market.control.remembered import recalled_history, recalled_sizes, recalled_storage
from vsphere_market.demand import DemandHistory, DemandSettings, identities
from vsphere_market.demand.history import HOUR_S, HOURS
from vsphere_market.demand.storage import enter_past, requests_of, waiting_of
from vsphere_market.errors import MarketError
from vsphere_market.estate import Snapshot
from vsphere_market.journal import Journal, estate_key
from vsphere_market.port import PastDemand, PastStorage, Remembers, VCenterPort

log = logging.getLogger(__name__)

#: vCenter keeps its two-hour means for a month.
DAYS = 31.0
_DONE = "backfilled/{estate}"
_DONE_STORAGE = "backfilled-storage/{estate}"


def backfill(port: VCenterPort, journal: Journal, snapshot: Snapshot) -> int:
    """Read what the source remembers of its VMs' demand, once per estate and journal.

    A source that cannot be asked is asked again next time; nothing depends on it.

    Args:
        port: the source; those without a history of their own are left alone.
        journal: where what is remembered is kept.
        snapshot: the estate now.

    Returns:
        How many hours of VMs were entered.

    Raises:
        StorageError, BusyError: the journal cannot be read or written.
    """
    if not isinstance(port, Remembers):
        return 0
    estate = estate_key(snapshot.source)
    name = _DONE.format(estate=estate)
    if journal.get_blob(name) is not None:
        return 0
    try:
        past = port.past_demand(snapshot, DAYS)
    except MarketError as error:
        log.warning("vCenter's own history was not read: %s", error.sentence())
        return 0
    memory = Memory(
        history=recalled_history(journal, estate), sizes=recalled_sizes(journal, estate)
    )
    entered = enter(memory, snapshot, past)
    if entered:
        keep_history(journal, snapshot, memory)
        log.info("%d hours of demand come from %s", entered, ", ".join(past.counters))
    else:
        log.info("vCenter keeps no history of active memory at its statistics level")
    journal.put_blob(name, b"", version=1, at_s=snapshot.taken_at_s)
    return entered


def backfill_storage(port: VCenterPort, journal: Journal, snapshot: Snapshot) -> int:
    """The same of requests to storage, in the last week; returns how many figures were entered."""
    if not isinstance(port, Remembers):
        return 0
    estate = estate_key(snapshot.source)
    name = _DONE_STORAGE.format(estate=estate)
    if journal.get_blob(name) is not None:
        return 0
    try:
        past = port.past_storage(snapshot, HOURS / 24)
    except MarketError as error:
        log.warning("vCenter's own history of storage was not read: %s", error.sentence())
        return 0
    memory = Memory(
        recalled_history(journal, estate),
        sizes=recalled_sizes(journal, estate),
        storage=recalled_storage(journal, estate),
    )
    # What we saw ourselves is better, and older hours cannot be put before it.
    entered = 0 if len(memory.storage) else enter_storage(memory.storage, snapshot, past)
    if entered:
        keep_history(journal, snapshot, memory)
        log.info("%d figures of storage come from %s", entered, ", ".join(past.counters))
    journal.put_blob(name, b"", version=1, at_s=snapshot.taken_at_s)
    return entered


def enter_storage(history: DemandHistory, snapshot: Snapshot, past: PastStorage) -> int:
    """Put a source's history of storage into what is remembered; returns how many figures."""
    ids, stores = identities(snapshot.vms), snapshot.datastores.moid
    present = int(snapshot.taken_at_s // HOUR_S)
    entered = 0
    for at, hour in enumerate(past.hours.tolist()):
        if hour >= present:
            break
        asked = requests_of(past.vm_iops[:, at], past.vm_kibps[:, at])
        served = requests_of(past.iops[:, at], past.kibps[:, at])
        waiting = waiting_of(served, past.latency_ms[:, at])
        entered += enter_past(
            history,
            hour,
            {vm: one for vm, one in zip(ids, asked.tolist(), strict=True) if np.isfinite(one)},
            {
                moid: (one, queue)
                for moid, one, queue in zip(stores, served.tolist(), waiting.tolist(), strict=True)
                if np.isfinite(queue)
            },
        )
    return entered


def enter(memory: Memory, snapshot: Snapshot, past: PastDemand) -> int:
    """Put a source's history into what is remembered; returns how many hours were entered.

    Means hide short peaks, so they count half for confidence (``demand.sizing``).
    """
    if not past.counters:
        return 0
    ids = identities(snapshot.vms)
    present = int(snapshot.taken_at_s // HOUR_S)
    before = past.hours < present
    hours, active = past.hours[before], past.active_mib[:, before]
    if not len(memory.history):
        _curve(memory.history, hours, ids, active)
    return memory.sizes.backfill(hours, ids, active)


def _curve(
    history: DemandHistory, hours: np.ndarray, ids: tuple[str, ...], active: np.ndarray
) -> None:
    """The dated curve of the last days, with the headroom that samples get as well."""
    headroom = DemandSettings().headroom
    for at, hour in list(enumerate(hours.tolist()))[-HOURS:]:
        column = active[:, at]
        seen = np.isfinite(column)
        if seen.any():
            known = [vm for vm, given in zip(ids, seen.tolist(), strict=True) if given]
            history.update(hour * HOUR_S, known, column[seen] * headroom)
