"""Actions that vCenter carries out without a task: the world itself tells when they are done.

``ShutdownGuest`` only asks the guest, ``UpdateConfig`` of a pool has ended when it answers, and
``ApplyRecommendation`` starts migrations of its own. Their handles have names that no task of
vCenter has, and are looked at by comparing the world with the action.
"""

from __future__ import annotations

from vsphere_market.adapter.bulk import BulkReader
from vsphere_market.adapter.subjects import standing
from vsphere_market.port import (
    Action,
    ApplyRecommendation,
    SetPool,
    Standing,
    Stop,
    TaskHandle,
    TaskState,
    TaskStatus,
)

_PREFIX = "watch:"


def is_watched(action: Action) -> bool:
    """Its request has no task."""
    match action:
        case Stop():
            return not action.hard
        case SetPool() | ApplyRecommendation():
            return True
        case _:
            return False


def name_of(action: Action) -> str:
    """The name that stands for the missing task, e.g. ``watch:stop:vm-12``."""
    return f"{_PREFIX}{action.kind}:{action.subject.moid}"


def is_name(task: str) -> bool:
    """It is such a name, and no task of vCenter's."""
    return task.startswith(_PREFIX)


def look(reader: BulkReader, handle: TaskHandle) -> TaskStatus:
    """Where it stands."""
    if standing(reader, handle.action) is Standing.AFTER:
        return TaskStatus(TaskState.SUCCESS, 100.0)
    return TaskStatus(TaskState.RUNNING)
