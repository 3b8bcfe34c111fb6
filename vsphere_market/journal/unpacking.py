"""What is kept compressed, read again: documents of plans, and samples of VMs."""

from __future__ import annotations

import zlib

from vsphere_market.errors import JournalError
from vsphere_market.journal.codec import VmSample, unpack_vms
from vsphere_market.journal.database import Database


def plan_document(db: Database, plan: int) -> str | None:
    """The JSON of a plan, or None when it is not there (any more)."""
    rows = db.rows("SELECT document FROM plans WHERE id = ?", (plan,))
    if not rows or not isinstance(rows[0][0], bytes):
        return None
    try:
        return zlib.decompress(rows[0][0]).decode()
    except (zlib.error, UnicodeDecodeError):
        raise JournalError(f"plan {plan} is damaged", where=db.where) from None


def vm_sample(db: Database, cycle: int) -> VmSample | None:
    """The VMs of a cycle, or None when they are not there (any more)."""
    rows = db.rows("SELECT columns FROM vm_samples WHERE cycle_id = ?", (cycle,))
    if not rows or not isinstance(rows[0][0], bytes):
        return None
    try:
        return unpack_vms(rows[0][0])
    except ValueError as exc:
        raise JournalError(f"cycle {cycle}: {exc}", where=db.where) from None


def vm_history(
    db: Database, vm: str, column: str, *, since_s: float, limit: int, estate: str
) -> tuple[tuple[float, float], ...]:
    """``(Unix time, value)`` of one column of one VM, oldest first.

    Args:
        db: the database.
        vm: name or managed object id.
        column: one of ``codec.VM_COLUMNS``, or one that the caller added.
        since_s: nothing before that.
        limit: at most so many cycles, the newest.
        estate: only of this vCenter; "" for all, where ids and names may meet.
    """
    rows = db.rows(
        "SELECT v.at_s, v.columns FROM vm_samples v JOIN cycles c ON c.id = v.cycle_id "
        "WHERE v.at_s >= ? AND (c.estate = ? OR ? = '') ORDER BY v.at_s DESC LIMIT ?",
        (since_s, estate, estate, limit),
    )
    history = []
    for at_s, blob in reversed(rows):
        assert isinstance(at_s, float) and isinstance(blob, bytes)
        sample = unpack_vms(blob)
        names = sample.moids if vm in sample.moids else sample.names
        if vm in names and column in sample.columns:
            history.append((at_s, float(sample.columns[column][names.index(vm)])))
    return tuple(history)
