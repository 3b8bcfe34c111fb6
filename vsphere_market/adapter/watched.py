"""Actions that vCenter carries out without a task: the world itself tells when they are done.

``ShutdownGuest`` only asks the guest, ``UpdateConfig`` of a pool has ended when it answers, and
``ApplyRecommendation`` starts migrations of its own. Their handles have names that no task of
vCenter has, and are looked at by comparing the world with the action. Whether a request whose
answer was lost has arrived is told by what it leaves at once: an event, or tasks of the VMs.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from vsphere_market.adapter import soap
from vsphere_market.adapter.bulk import BulkReader, Facts
from vsphere_market.adapter.faults import action_error_from
from vsphere_market.adapter.session import Session
from vsphere_market.adapter.soap import vim
from vsphere_market.adapter.subjects import standing
from vsphere_market.errors import ActionError, NotPermittedError
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

log = logging.getLogger(__name__)

_PREFIX = "watch:"
_PATHS = ("info.descriptionId", "info.queueTime", "info.state", "info.error")
#: What the migrations that DRS starts are called.
_DRS_MOVES = frozenset({"Drm.ExecuteVMotionLRO", "VirtualMachine.migrate"})
_LONG_AGO = datetime.fromtimestamp(0, UTC)


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
    action = handle.action
    if standing(reader, action) is Standing.AFTER:
        return TaskStatus(TaskState.SUCCESS, 100.0)
    if isinstance(action, ApplyRecommendation):
        tasks = _moves(reader, action, handle.submitted_at_s)
        failed = [one for one in tasks.values() if one.get("info.state") == "error"]
        if failed and len(failed) == len([*tasks]):
            error = action_error_from(failed[0].get("info.error"), action.cluster.name)
            return TaskStatus(TaskState.ERROR, error=error)
    return TaskStatus(TaskState.RUNNING)


def find(session: Session, reader: BulkReader, action: Action, since_s: float) -> TaskHandle | None:
    """The handle of a request whose answer was lost, or None when nothing shows that it arrived."""
    arrived = standing(reader, action) is Standing.AFTER
    match action:
        case Stop():
            arrived = arrived or _asked(session, action, since_s)
        case ApplyRecommendation():
            arrived = arrived or bool(_moves(reader, action, since_s))
        case _:
            pass
    return TaskHandle(name_of(action), action, since_s) if arrived else None


def _asked(session: Session, action: Stop, since_s: float) -> bool:
    """Whether the guest has been asked to shut down since then: vCenter leaves an event."""
    begin = datetime.fromtimestamp(since_s, UTC)
    filters = vim.event.EventFilterSpec

    def ask(content: Any) -> list[Any]:
        vm = soap.reference(vim.VirtualMachine, action.vm.moid, session.stub)
        spec = filters(
            entity=filters.ByEntity(entity=vm, recursion=filters.RecursionOption.self),
            time=filters.ByTime(beginTime=begin),
            eventTypeId=["VmGuestShutdownEvent"],
        )
        return list(content.eventManager.QueryEvents(spec) or ())

    try:
        return bool(session.read(ask, action.vm.name))
    except (ActionError, NotPermittedError) as exc:
        log.debug("no events: %s", exc)
        return False


def _moves(reader: BulkReader, action: ApplyRecommendation, since_s: float) -> Mapping[str, Facts]:
    """The newest migration of each VM that DRS has begun since then, by VM."""
    vms = [move.vm.moid for move in action.moves]
    found: dict[str, Facts] = {}
    for vm in reader.objects("VirtualMachine", vms, ["recentTask"]) if vms else []:
        recent = list(vm.get("recentTask", ()))
        for task in reader.objects("Task", recent, _PATHS) if recent else []:
            queued = task.get("info.queueTime", _LONG_AGO)
            newest = found.get(vm.moid)
            if (
                task.get("info.descriptionId") in _DRS_MOVES
                and queued.timestamp() >= since_s - 1.0
                and (newest is None or queued > newest.get("info.queueTime", _LONG_AGO))
            ):
                found[vm.moid] = task
    return found
