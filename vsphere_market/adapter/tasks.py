"""Tasks: looking at several at once, finding one whose answer was lost, cancelling.

``task.info`` is never read whole: parts of it name types that a client may not know. The paths of
its leaves always parse.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from vsphere_market.adapter import soap, watched
from vsphere_market.adapter.bulk import BulkReader, Facts
from vsphere_market.adapter.faults import action_error_from, names_of
from vsphere_market.adapter.session import Session
from vsphere_market.adapter.soap import vim
from vsphere_market.adapter.subjects import standing, subject_type
from vsphere_market.errors import ActionError, OutcomeUnknown
from vsphere_market.port import (
    MEMORY_SETTINGS,
    Action,
    ActionKind,
    Standing,
    TaskHandle,
    TaskState,
    TaskStatus,
)

log = logging.getLogger(__name__)

_STATUS_PATHS = ("info.state", "info.error", "info.progress")
_SEARCH_PATHS = (
    "info.descriptionId",
    "info.entity",
    "info.queueTime",
    "info.state",
    "info.reason",
)
_STATES = {
    "queued": TaskState.QUEUED,
    "running": TaskState.RUNNING,
    "success": TaskState.SUCCESS,
    "error": TaskState.ERROR,
}
#: What the tasks of our requests are called: first by vCenter, then by its simulator.
_NAMES: Mapping[ActionKind, frozenset[str]] = MappingProxyType(
    {
        **dict.fromkeys(
            (ActionKind.MIGRATE, ActionKind.MIGRATE_STORAGE),
            frozenset({"VirtualMachine.relocate", "VirtualMachine.relocateVm"}),
        ),
        **dict.fromkeys(
            (*MEMORY_SETTINGS, ActionKind.SHARES, ActionKind.ENABLE_HOT_ADD),
            frozenset({"VirtualMachine.reconfigure", "VirtualMachine.reconfigVm"}),
        ),
        ActionKind.STOP: frozenset({"VirtualMachine.powerOff", "VirtualMachine.shutdownGuest"}),
        ActionKind.START: frozenset({"VirtualMachine.powerOn"}),
        ActionKind.SUSPEND_HOST: frozenset(
            {
                "HostSystem.enterMaintenanceMode",
                "HostSystem.powerDownToStandBy",
                "HostSystem.powerDownHostToStandBy",
            }
        ),
        ActionKind.PROVISION_HOST: frozenset(
            {
                "HostSystem.exitMaintenanceMode",
                "HostSystem.powerUpFromStandBy",
                "HostSystem.powerUpHostFromStandBy",
            }
        ),
        # These have no tasks.
        ActionKind.POOL: frozenset(),
        ActionKind.DRS: frozenset(),
    }
)
#: User names that say nothing: the simulator gives its own to every task.
_NOBODY = frozenset({"", "vcsim"})
#: Tasks are stamped by vCenter's clock, which ours follows to within a round trip.
_CLOCK_SLACK_S = 0.5


def poll(session: Session, reader: BulkReader, handles: Sequence[TaskHandle]) -> list[TaskStatus]:
    """See ``VCenterPort.poll``: one request, and one more for each action without a task."""
    if not handles:
        return []
    tasks = [handle.task for handle in handles if not watched.is_name(handle.task)]
    found = {one.moid: one for one in reader.objects("Task", tasks, _STATUS_PATHS)} if tasks else {}
    return [
        watched.look(reader, handle)
        if watched.is_name(handle.task)
        else _status(found[handle.task], handle)
        if handle.task in found
        else _status_of_lost(session, handle)
        for handle in handles
    ]


def find_task(
    session: Session, reader: BulkReader, action: Action, since_s: float
) -> TaskHandle | None:
    """See ``VCenterPort.find_task``.

    vCenter keeps no parameters of a task, so a task is taken for the action's when it is of the
    same subject and kind, of our own user, not older than the request, and, if it has succeeded,
    the world is as the action would leave it.
    """
    if watched.is_watched(action):
        return watched.find(session, reader, action, since_s - _CLOCK_SLACK_S)
    candidates = [
        *_recent(reader, action),
        *_history(session, action, since_s),
    ]
    kinds = _NAMES[action.kind]
    best: tuple[float, str] | None = None
    for task, description, queued_at_s, state, user in candidates:
        if description not in kinds or queued_at_s < since_s - _CLOCK_SLACK_S:
            continue
        if user not in _NOBODY and not _same_user(user, session.user):
            continue
        if state == "success" and standing(reader, action) is not Standing.AFTER:
            continue
        if best is None or queued_at_s > best[0]:
            best = (queued_at_s, task)
    return None if best is None else TaskHandle(best[1], action, best[0])


def cancel(session: Session, handle: TaskHandle) -> None:
    """See ``VCenterPort.cancel``. A task that is over, or cannot be cancelled, is left alone."""
    if watched.is_name(handle.task):
        return
    task = soap.reference(vim.Task, handle.task, session.stub)
    try:
        session.change(lambda _: task.CancelTask(), handle.action.subject.name)
    except OutcomeUnknown:
        # The task's own state tells.
        log.info("lost the answer to the cancellation of %s", handle.task)
    except ActionError as exc:
        log.info("%s is not cancelled: %s", handle.task, exc.fault)


def _status(task: Facts, handle: TaskHandle) -> TaskStatus:
    state = _STATES.get(task.get("info.state", ""), TaskState.RUNNING)
    if state is TaskState.ERROR:
        return _failed(task.get("info.error"), handle)
    progress = 100.0 if state is TaskState.SUCCESS else float(task.get("info.progress", 0))
    return TaskStatus(state, min(100.0, max(0.0, progress)))


def _failed(fault: Any, handle: TaskHandle) -> TaskStatus:
    if fault is not None and "RequestCanceled" in names_of(fault):
        return TaskStatus(TaskState.CANCELLED)
    return TaskStatus(TaskState.ERROR, error=action_error_from(fault, handle.action.subject.name))


def _status_of_lost(session: Session, handle: TaskHandle) -> TaskStatus:
    """vCenter drops a task's object some minutes after its end; its history has it longer."""
    for info in _collected(session, handle.action, handle.submitted_at_s):
        if info.key != handle.task:
            continue
        state = _STATES.get(str(info.state), TaskState.RUNNING)
        if state is TaskState.ERROR:
            return _failed(info.error, handle)
        return TaskStatus(state, 100.0 if state is TaskState.SUCCESS else 0.0)
    lost = OutcomeUnknown(
        f"vCenter no longer knows its task {handle.task}",
        fault="ManagedObjectNotFound",
        where=handle.action.subject.name,
        cure="compare the VM with what was asked for",
    )
    return TaskStatus(TaskState.ERROR, error=lost)


_Candidate = tuple[str, str, float, str, str]


def _recent(reader: BulkReader, action: Action) -> list[_Candidate]:
    """Running and just finished tasks of the subject."""
    vms = reader.objects(subject_type(action), [action.subject.moid], ["recentTask"])
    ids = [task for vm in vms for task in vm.get("recentTask", ())]
    if not ids:
        return []
    return [
        (
            task.moid,
            task.get("info.descriptionId", ""),
            task.get("info.queueTime", _LONG_AGO).timestamp(),
            task.get("info.state", ""),
            _user(task.get("info.reason")),
        )
        for task in reader.objects("Task", ids, _SEARCH_PATHS)
        if task.get("info.entity", action.subject.moid) == action.subject.moid
    ]


def _history(session: Session, action: Action, since_s: float) -> list[_Candidate]:
    return [
        (
            str(info.key),
            str(info.descriptionId or ""),
            (info.queueTime or _LONG_AGO).timestamp(),
            str(info.state),
            _user(info.reason),
        )
        for info in _collected(session, action, since_s)
    ]


def _collected(session: Session, action: Action, since_s: float) -> list[Any]:
    """The subject's tasks from vCenter's history, newest last; [] where there is none to ask."""
    begin = datetime.fromtimestamp(since_s, UTC) - timedelta(seconds=_CLOCK_SLACK_S)
    filters = vim.TaskFilterSpec

    def ask(content: Any) -> list[Any]:
        subject = soap.reference(
            getattr(vim, subject_type(action)), action.subject.moid, session.stub
        )
        spec = filters(
            entity=filters.ByEntity(entity=subject, recursion=filters.RecursionOption.self),
            time=filters.ByTime(timeType=filters.TimeOption.queuedTime, beginTime=begin),
        )
        collector = content.taskManager.CreateCollectorForTasks(spec)
        try:
            # Reset and Rewind come to nothing on the simulator; a new collector begins right.
            return list(collector.ReadNextTasks(100) or ())
        finally:
            collector.DestroyCollector()

    try:
        return session.read(ask, action.subject.name)
    except ActionError as exc:
        log.debug("no history of tasks: %s", exc.fault)
        return []


def _user(reason: Any) -> str:
    return str(getattr(reason, "userName", "") or "")


def _same_user(one: str, other: str) -> bool:
    r"""``DOMAIN\user`` and ``user@domain`` name the same account."""
    return _account(one) == _account(other)


def _account(user: str) -> str:
    name = user.casefold()
    return name.rpartition("\\")[2] if "\\" in name else name.partition("@")[0]


_LONG_AGO = datetime.fromtimestamp(0, UTC)
