"""What we do is seen in vCenter's own lists: a task for each plan, an event for each step."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.roads import automatic, policies
from tests.vcsim import Simulator
from tests.vcsim_soap import Soap, vim
from tests.wire.adapter.small import connect, document
from tests.wire.conftest import StartSimulator
from vsphere_market.adapter.showing import KEY, TASK
from vsphere_market.control.apply import apply, review
from vsphere_market.control.cycle import Road
from vsphere_market.control.decide import decide, frame
from vsphere_market.journal import open_journal
from vsphere_market.policy import NO_POLICIES
from vsphere_market.port import OutcomeKind, Shows

#: What acting takes, and no more.
HANDS = ["System.View", "System.Read", "VirtualMachine.Config.Resource"]
EVENTS, TASKS = ["Global.LogEvent"], ["Task.Create", "Task.Update"]


def squeezed() -> dict[str, Any]:
    """The small estate; vm-3 has a limit of half its size, and the balloon bites."""
    estate = document()
    estate["vms"][2].update(size_mib=8192, limit_mib=2048, ballooned_mib=4000)
    return estate


def carry_out(
    simulator: Simulator, folder: Path, user: str = "", password: str = "", *, show: bool = True
) -> dict[str, OutcomeKind]:
    """Plan and apply as that user, showing it."""
    with (
        connect(simulator, user=user, password=password) as port,
        open_journal(folder / "journal.db") as journal,
    ):
        assert isinstance(port, Shows)
        plan = decide(
            frame(port.observe(), policies(automatic("approve")), now_s=port.clock.now_s())
        )
        limits = [step.id for step in plan.steps if step.action.kind.value == "limit"]
        assert limits
        road = Road(port, journal, NO_POLICIES, who="alice", show=show)
        with review(road, plan, only=limits) as held:
            result = apply(road, held)
        return {item.step: item.kind for item in result.outcomes if item.step in limits}


def events(soap: Soap, vm: str) -> list[tuple[str, str]]:
    """Our events on a VM: who, and what."""
    by_vm = vim.event.EventFilterSpec.ByEntity(entity=soap.vm(vm), recursion="self")
    found = soap.content.eventManager.QueryEvents(vim.event.EventFilterSpec(entity=by_vm))
    return [
        (event.userName, event.message)
        for event in found
        if isinstance(event, vim.event.GeneralUserEvent)
    ]


def tasks(soap: Soap) -> list[Any]:
    """Our own tasks."""
    recent = soap.content.taskManager.recentTask
    # Tasks of vCenter's checkers have an entity that pyVmomi does not take for one.
    found = soap.read(recent, ["info.descriptionId"])
    return [task.info for task in recent if found[task._moId].get("info.descriptionId") == TASK]


def test_a_plan_and_its_steps_are_seen(start_simulator: StartSimulator, tmp_path: Path) -> None:
    simulator = start_simulator(squeezed(), hold_samples=True)
    assert set(carry_out(simulator, tmp_path).values()) == {OutcomeKind.DONE}
    with Soap(simulator) as soap:
        ((who, said),) = events(soap, "vm-3")
        assert who == simulator.username
        assert said.startswith("vsphere-market, plan 1, step s")
        assert "done." in said and "memory limit" in said
        (task,) = tasks(soap)
        assert (task.state, task.reason.userName) == ("success", "alice")
        assert task.result == "1 of 1 steps done, plan 1"
        assert task.entity._moId == "domain-c1"
        entry = soap.content.extensionManager.FindExtension(KEY)
        assert [item.taskID for item in entry.taskList] == [TASK]
        assert not entry.shownInSolutionManager
    carry_out_again = start_simulator(squeezed(), hold_samples=True)
    carry_out(carry_out_again, tmp_path / "again", show=False)
    with Soap(carry_out_again) as soap:
        assert tasks(soap) == [] and events(soap, "vm-3") == []
        assert soap.content.extensionManager.FindExtension(KEY) is None


def test_a_failure_is_seen(start_simulator: StartSimulator, tmp_path: Path) -> None:
    simulator = start_simulator(squeezed(), hold_samples=True)
    simulator.add_fault(method="ReconfigVM_Task", fault="InvalidPowerState", where="task")
    kinds = carry_out(simulator, tmp_path)
    assert OutcomeKind.DONE not in kinds.values()
    with Soap(simulator) as soap:
        (task,) = tasks(soap)
        assert task.state == "error"
        assert task.error.msg == "0 of 1 steps done, plan 1"
        ((_, said),) = events(soap, "vm-3")
        assert "failed" in said


@pytest.mark.parametrize("allowed", ["events", "tasks", "nothing"])
def test_what_is_not_permitted_is_not_shown_and_stops_nothing(
    start_simulator: StartSimulator,
    tmp_path: Path,
    allowed: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    simulator = start_simulator(squeezed(), hold_samples=True)
    with Soap(simulator) as soap:
        soap.content.extensionManager.RegisterExtension(
            vim.Extension(
                description=vim.Description(label="x", summary="x"),
                key=KEY,
                version="1",
                lastHeartbeatTime=datetime.now(UTC),
                taskList=[vim.Extension.TaskTypeInfo(taskID=TASK)],
            )
        )
    more = {"events": EVENTS, "tasks": TASKS, "nothing": []}[allowed]
    simulator.add_user("mover", "pw", [*HANDS, *more])
    kinds = carry_out(simulator, tmp_path, "mover", "pw")
    assert set(kinds.values()) == {OutcomeKind.DONE}
    with Soap(simulator) as soap:
        assert len(events(soap, "vm-3")) == (1 if allowed == "events" else 0)
        assert len(tasks(soap)) == (1 if allowed == "tasks" else 0)
    lost = {"events": 1, "tasks": 1, "nothing": 2}[allowed]
    assert caplog.text.count("is shown in vCenter any more") == lost
