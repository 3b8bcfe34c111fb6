"""Tasks and events that a client puts into vCenter's lists itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.vcsim_estates import estate
from tests.vcsim_soap import Soap, vim, vmodl

START = datetime(2026, 11, 23, 8, tzinfo=UTC)
TYPE = "com.example.market.rebalance"


def register(soap: Soap) -> None:
    text = vim.Description(label="Market", summary="Market")
    soap.content.extensionManager.RegisterExtension(
        vim.Extension(
            description=text,
            key="com.example.market",
            version="1",
            lastHeartbeatTime=START,
            taskList=[vim.Extension.TaskTypeInfo(taskID=TYPE)],
        )
    )


def test_a_client_drives_its_own_task(start_simulator: Any) -> None:
    simulator = start_simulator(estate(), time=START, rate=0)
    with Soap(simulator) as soap:
        manager = soap.content.taskManager
        with pytest.raises(vmodl.fault.InvalidArgument):
            manager.CreateTask(soap.vm("vm-101"), TYPE, "me", True, None, None)
        register(soap)
        info = manager.CreateTask(soap.vm("vm-101"), TYPE, "me", True, None, None)
        assert (info.state, info.queueTime, info.entityName) == ("queued", START, "name of vm-101")
        task = info.task
        assert task._moId in [t._moId for t in soap.vm("vm-101").recentTask]
        simulator.advance(5)
        task.SetTaskState("running", None, None)
        task.UpdateProgress(40)
        simulator.advance(5)
        task.SetTaskState("success", None, None)
        done = task.info
        assert (done.state, done.progress) == ("success", 40)
        assert (done.startTime - START).total_seconds() == 5
        assert (done.completeTime - START).total_seconds() == 10


def test_events_carry_the_clock_and_the_user(start_simulator: Any) -> None:
    simulator = start_simulator(estate(), time=START, rate=0)
    simulator.add_user("mover", "pw", ["System.View", "Resource.HotMigrate"])
    with Soap(simulator) as soap:
        events = soap.content.eventManager
        events.LogUserEvent(soap.vm("vm-101"), "moved by hand")
        with Soap(simulator, "mover", "pw") as other:
            vm, host = other.vm("vm-101"), other.host("host-12")
            assert other.wait(vm.MigrateVM_Task(None, host, "defaultPriority")).ok
        by_vm = vim.event.EventFilterSpec.ByEntity(entity=soap.vm("vm-101"), recursion="self")
        found = events.QueryEvents(vim.event.EventFilterSpec(entity=by_vm))
        assert [(type(e).__name__.rpartition(".")[2], e.userName) for e in reversed(found)] == [
            ("GeneralUserEvent", simulator.username),
            ("VmBeingHotMigratedEvent", "mover"),
            ("VmMigratedEvent", "mover"),
        ]
        assert {e.createdTime for e in found} == {START}
