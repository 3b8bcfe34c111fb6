"""Our own entries in vCenter's lists: a task for each plan, an event for each step.

A task of one's own needs a type that an extension has registered, so an entry without a server and
without a client part is registered once, where the account may. Events are user events, which need
no extension. Sources: vSphere API reference, ``TaskManager.CreateTask``,
``EventManager.PostEvent``, ``ExtensionManager.RegisterExtension``, with their privileges.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import vsphere_market
from vsphere_market.adapter import soap
from vsphere_market.adapter.session import Session
from vsphere_market.adapter.soap import vim, vmodl
from vsphere_market.errors import ActionError
from vsphere_market.port import Entity

log = logging.getLogger(__name__)

#: The extension that our task's type belongs to.
KEY = "io.github.vsphere-market.loop"
TASK = f"{KEY}.apply"
TASK_LABEL = "Memory market: carry out a plan"
#: What showing needs beyond Read-only, and on what.
PRIVILEGES = {
    "Global.LogEvent": "the objects that events are shown on",
    "Task.Create": "the cluster, or the root folder",
    "Task.Update": "the same",
    "Extension.Register": "the root folder; once, unless an administrator registered it",
}
#: vCenter cuts messages off somewhere above this.
_LONGEST = 1000


class VCenterShowing:
    """See :class:`vsphere_market.port.Showing`.

    Args:
        session: the login.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def begin_task(self, who: str, cluster: str) -> str:
        """See :class:`vsphere_market.port.Showing`."""
        self._register()

        def ask(content: Any) -> Any:
            about = (
                soap.reference(vim.ClusterComputeResource, cluster, self._session.stub)
                if cluster
                else content.rootFolder
            )
            return content.taskManager.CreateTask(about, TASK, who, False, None, None)

        info = self._session.change(ask, "task list")
        task = soap.moid(info.task)
        self._session.change(lambda _content: self._task(task).SetTaskState("running", None, None))
        return task

    def progress(self, task: str, progress_pct: float) -> None:
        """See :class:`vsphere_market.port.Showing`."""
        percent = int(min(99.0, max(0.0, progress_pct)))
        self._session.change(lambda _content: self._task(task).UpdateProgress(percent))

    def end_task(self, task: str, *, good: bool, text: str) -> None:
        """See :class:`vsphere_market.port.Showing`."""
        if good:
            self._session.change(
                lambda _content: self._task(task).SetTaskState("success", text[:_LONGEST], None)
            )
            return
        # What the client shows of a failed task is its fault's message.
        fault = vmodl.RuntimeFault(msg=text[:_LONGEST])
        self._session.change(lambda _content: self._task(task).SetTaskState("error", None, fault))

    def event(self, subject: Entity, text: str) -> None:
        """See :class:`vsphere_market.port.Showing`."""
        stub = self._session.stub
        event = vim.event.GeneralUserEvent(
            key=0,
            chainId=0,
            createdTime=datetime.now(UTC),
            userName=self._session.user,
            message=text[:_LONGEST],
        )
        # An argument by name, and the object itself: the event is then in the object's own list.
        if subject.moid.startswith("host-"):
            host = soap.reference(vim.HostSystem, subject.moid, stub)
            event.host = vim.event.HostEventArgument(name=subject.name, host=host)
        elif subject.moid.startswith("vm-"):
            vm = soap.reference(vim.VirtualMachine, subject.moid, stub)
            event.vm = vim.event.VmEventArgument(name=subject.name, vm=vm)
        self._session.change(
            lambda content: content.eventManager.PostEvent(event, None), subject.name
        )

    # ------------------------------------------------------------ the parts

    def _task(self, task: str) -> Any:
        return soap.reference(vim.Task, task, self._session.stub)

    def _register(self) -> None:
        """Have the extension known that our task's type belongs to."""
        if self._session.read(lambda content: content.extensionManager.FindExtension(KEY)):
            return
        about = vim.Description(label="vsphere-market", summary="A memory market for vSphere")
        entry = vim.Extension(
            description=about,
            key=KEY,
            version=vsphere_market.__version__,
            company="vsphere-market",
            taskList=[vim.ExtensionTaskTypeInfo(taskID=TASK)],
            resourceList=[
                vim.ExtensionResourceInfo(
                    locale="en_US",
                    module="task",
                    data=[vim.KeyValue(key=f"{TASK}.label", value=TASK_LABEL)],
                )
            ],
            lastHeartbeatTime=datetime.now(UTC),
            shownInSolutionManager=False,
        )
        try:
            self._session.change(
                lambda content: content.extensionManager.RegisterExtension(entry), KEY
            )
        except ActionError as exc:
            # Another program of ours was faster; the task will show whether it is there.
            log.info("the extension %s was not registered: %s", KEY, exc)
