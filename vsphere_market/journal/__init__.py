"""Keeps every sample, price, decision, refusal and outcome, so that they can be asked for later."""

from vsphere_market.journal.audit import Verdict
from vsphere_market.journal.codec import VM_COLUMNS, VmSample, estate_key, plan_estate
from vsphere_market.journal.evidence import Evidence
from vsphere_market.journal.forecasts import HORIZONS_S, Aftermath, Forecast, Sight
from vsphere_market.journal.lease import ACT, LEASE_S, LOOP, Holder, Lease, Scope
from vsphere_market.journal.place import Place, PostgresPlace, default_path, place_from
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
from vsphere_market.journal.store import Journal, journal_exists, open_journal
from vsphere_market.journal.switch import Halt
from vsphere_market.journal.writing import JournalRecorder

__all__ = [
    "ACT",
    "HORIZONS_S",
    "LEASE_S",
    "LOOP",
    "VM_COLUMNS",
    "Aftermath",
    "AuditRecord",
    "Blob",
    "CycleRecord",
    "DecisionRecord",
    "Evidence",
    "ExecutionRecord",
    "Filter",
    "Forecast",
    "Halt",
    "Holder",
    "HostSample",
    "Journal",
    "JournalRecorder",
    "Lease",
    "Moves",
    "Place",
    "PlanRecord",
    "PostgresPlace",
    "Pruned",
    "RefusalRecord",
    "Retention",
    "Scope",
    "Sight",
    "StepRecord",
    "Verdict",
    "VmSample",
    "default_path",
    "estate_key",
    "journal_exists",
    "open_journal",
    "place_from",
    "plan_estate",
]
