"""Keeps every sample, price, decision, refusal and outcome, so that they can be asked for later."""

from vsphere_market.journal.audit import Verdict
from vsphere_market.journal.codec import VM_COLUMNS, VmSample, estate_key
from vsphere_market.journal.lock import OwnerLock
from vsphere_market.journal.place import default_path
from vsphere_market.journal.queries import Filter
from vsphere_market.journal.records import (
    AuditRecord,
    Blob,
    CycleRecord,
    DecisionRecord,
    ExecutionRecord,
    HostSample,
    Moves,
    PlanRecord,
    RefusalRecord,
    StepRecord,
)
from vsphere_market.journal.retention import Pruned, Retention
from vsphere_market.journal.store import Journal, open_journal
from vsphere_market.journal.writing import JournalRecorder

__all__ = [
    "VM_COLUMNS",
    "AuditRecord",
    "Blob",
    "CycleRecord",
    "DecisionRecord",
    "ExecutionRecord",
    "Filter",
    "HostSample",
    "Journal",
    "JournalRecorder",
    "Moves",
    "OwnerLock",
    "PlanRecord",
    "Pruned",
    "RefusalRecord",
    "Retention",
    "StepRecord",
    "Verdict",
    "VmSample",
    "default_path",
    "estate_key",
    "open_journal",
]
