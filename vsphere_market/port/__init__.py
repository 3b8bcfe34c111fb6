"""The vCenter port: actions, tasks, findings, and the protocol that the adapter and plant share."""

from vsphere_market.port.actions import Action, ActionKind, Entity, Migrate, SetMemory
from vsphere_market.port.outcomes import Cause, Outcome, OutcomeKind, Unsettled
from vsphere_market.port.port import (
    Clock,
    Finding,
    Severity,
    Standing,
    TaskHandle,
    TaskState,
    TaskStatus,
    VCenterPort,
)

__all__ = [
    "Action",
    "ActionKind",
    "Cause",
    "Clock",
    "Entity",
    "Finding",
    "Migrate",
    "Outcome",
    "OutcomeKind",
    "SetMemory",
    "Severity",
    "Standing",
    "TaskHandle",
    "TaskState",
    "TaskStatus",
    "Unsettled",
    "VCenterPort",
]
