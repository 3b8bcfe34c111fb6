"""Tasks: time, queues, holds, cancellation, and finding them again."""

from __future__ import annotations

import contextlib
import random
import threading
from datetime import timedelta
from typing import Any

import pytest

from tests.vcsim import Simulator
from tests.vcsim_estates import GIB, estate, host_row, vm_row
from tests.vcsim_soap import Soap, vim


def frozen(stack: Any, **tables: Any) -> tuple[Simulator, Soap]:
    """A simulator whose clock moves only when it is told to."""
    simulator: Simulator = stack(estate(**tables), time="estate", rate=0)
    return simulator, Soap(simulator)


def states(*tasks: Any) -> list[str]:
    return [task.info.state for task in tasks]


def settle(task: Any, state: str) -> None:
    """Tasks are started by threads of the simulator; wait until this one is so far."""
    for _ in range(500):
        if task.info.state == state:
            return
    raise AssertionError(f"{task.info.state}, not {state}")


def test_a_task_takes_its_time_and_tells_progress(start_simulator: Any) -> None:
    simulator, soap = frozen(start_simulator)
    with soap:
        simulator.task_seconds(relocate=100)
        task = soap.start_relocate("vm-101", "host-12")
        settle(task, "running")
        simulator.advance(55)
        for _ in range(500):
            if task.info.progress == 50:
                break
        assert (task.info.progress, task.info.state) == (50, "running")
        assert simulator.state().vms["vm-101"].host == "host-11"
        simulator.advance(45)
        assert soap.wait(task).ok
        took = task.info.completeTime - task.info.startTime
        assert took == timedelta(seconds=100)
        assert simulator.state().vms["vm-101"].host == "host-12"


def test_time_per_gib(start_simulator: Any) -> None:
    simulator, soap = frozen(start_simulator)
    with soap:
        simulator.settings(relocate_seconds_per_gib=2)
        task = soap.start_relocate("vm-101", "host-12")
        settle(task, "running")
        simulator.advance(15.9)
        assert task.info.state == "running"
        simulator.advance(0.2)
        assert soap.wait(task).ok


def test_task_info_parses_whole(start_simulator: Any) -> None:
    _, soap = frozen(start_simulator)
    with soap:
        soap.relocate("vm-101", "host-12")
        soap.check_relocate("vm-101", "host-13")
        for task in soap.vm("vm-101").recentTask:
            info = task.info
            assert info.entity._moId == "vm-101"
            assert info.reason.userName == "administrator@vsphere.local"
            assert info.key == task._moId


def test_a_busy_vm_takes_no_second_operation(start_simulator: Any) -> None:
    simulator, soap = frozen(start_simulator)
    with soap:
        simulator.task_seconds(relocate=10)
        first = soap.start_relocate("vm-101", "host-12")
        with pytest.raises(vim.fault.TaskInProgress) as caught:
            soap.start_reconfigure("vm-101", memoryMB=9 * GIB)
        assert caught.value.task._moId == first._moId
        assert soap.reconfigure("vm-102", memoryMB=9 * GIB).ok
        simulator.settings(busy_fault="task")
        assert soap.relocate("vm-101", "host-13").fault == "TaskInProgress"
        simulator.advance(10)
        assert soap.wait(first).ok
        assert soap.reconfigure("vm-101", memoryMB=9 * GIB).ok


def test_migrations_queue_beyond_eight_per_host(start_simulator: Any) -> None:
    vms = [vm_row(f"vm-{n}", "host-11") for n in range(101, 112)]
    simulator, soap = frozen(start_simulator, vms=vms)
    with soap:
        simulator.task_seconds(relocate=10)
        tasks = [soap.start_relocate(vm["moid"], "host-12") for vm in vms]
        for task in tasks[:8]:
            settle(task, "running")
        assert states(*tasks[8:]) == ["queued"] * 3
        simulator.advance(10)
        for task in tasks[:8]:
            assert soap.wait(task).ok
        for task in tasks[8:]:
            settle(task, "running")
        simulator.advance(10)
        assert all(soap.wait(task).ok for task in tasks[8:])
        assert len(simulator.state().hosts["host-12"].vms) == len(vms)


def test_a_queued_task_can_be_cancelled(start_simulator: Any) -> None:
    simulator, soap = frozen(start_simulator)
    with soap:
        simulator.task_seconds(relocate=10)
        simulator.settings(vmotions_per_host=1)
        first = soap.start_relocate("vm-101", "host-12")
        settle(first, "running")
        second = soap.start_relocate("vm-102", "host-12")
        second.CancelTask()
        assert soap.wait(second).fault == "RequestCanceled"
        simulator.advance(10)
        assert soap.wait(first).ok


def test_a_cancelled_task_stays_cancelled(start_simulator: Any) -> None:
    simulator, soap = frozen(start_simulator)
    with soap:
        simulator.task_seconds(relocate=10)
        task = soap.start_relocate("vm-101", "host-12")
        settle(task, "running")
        task.CancelTask()
        assert soap.wait(task).fault == "RequestCanceled"
        simulator.advance(60)
        assert (task.info.state, task.info.cancelled) == ("error", True)
        assert simulator.state().vms["vm-101"].host == "host-11"
        # Its room on the target is free again, and the VM can be moved.
        retry = soap.start_relocate("vm-101", "host-12")
        settle(retry, "running")
        simulator.advance(10)
        assert soap.wait(retry).ok
        with pytest.raises(vim.fault.InvalidState):
            retry.CancelTask()


def test_a_running_migration_holds_its_room_on_the_target(start_simulator: Any) -> None:
    vms = [vm_row(f"vm-{n}", "host-11", reservation_mib=5 * GIB) for n in (101, 102)]
    simulator, soap = frozen(
        start_simulator,
        vms=vms,
        hosts=[host_row("host-11"), host_row("host-12", memory_mib=8 * GIB)],
    )
    with soap:
        simulator.task_seconds(relocate=10)
        first = soap.start_relocate("vm-101", "host-12")
        settle(first, "running")
        assert simulator.state().hosts["host-12"].unreserved_mib == 3 * GIB
        second = soap.relocate("vm-102", "host-12")
        assert second.fault == "InsufficientHostMemoryCapacityFault"
        first.CancelTask()
        soap.wait(first)
        assert simulator.state().hosts["host-12"].unreserved_mib == 8 * GIB


def test_a_target_that_goes_away_under_way(start_simulator: Any) -> None:
    simulator, soap = frozen(start_simulator)
    with soap:
        simulator.task_seconds(relocate=10)
        task = soap.start_relocate("vm-101", "host-12")
        settle(task, "running")
        simulator.set_host("host-12", connection="notResponding")
        simulator.advance(10)
        assert soap.wait(task).fault == "HostNotReachable"
        assert simulator.state().vms["vm-101"].host == "host-11"


def test_a_task_can_be_found_again(start_simulator: Any) -> None:
    simulator, soap = frozen(start_simulator)
    with soap:
        began = simulator.now()
        simulator.advance(1)
        first = soap.start_relocate("vm-101", "host-12")
        soap.wait(first)
        simulator.advance(1)
        later = soap.start_reconfigure("vm-101", memoryMB=9 * GIB)
        soap.wait(later)
        assert [t._moId for t in soap.vm("vm-101").recentTask] == [first._moId, later._moId]
        assert {t._moId for t in soap.content.taskManager.recentTask} >= {first._moId}
        entity = vim.TaskFilterSpec.ByEntity(entity=soap.vm("vm-101"), recursion="self")
        window = vim.TaskFilterSpec.ByTime(
            timeType="queuedTime", beginTime=began, endTime=began + timedelta(seconds=1.5)
        )
        collector = soap.content.taskManager.CreateCollectorForTasks(
            vim.TaskFilterSpec(entity=entity, time=window)
        )
        found = collector.ReadNextTasks(10)
        assert [(t.key, t.descriptionId, t.state) for t in found] == [
            (first._moId, "VirtualMachine.relocate", "success")
        ]
        collector.DestroyCollector()


def test_power_operations(start_simulator: Any) -> None:
    simulator, soap = frozen(
        start_simulator,
        hosts=[host_row("host-11", memory_mib=16 * GIB), host_row("host-12", in_maintenance=True)],
        vms=[
            vm_row("vm-101", "host-11", reservation_mib=8 * GIB),
            vm_row("vm-102", "host-11", reservation_mib=8 * GIB, power="poweredOff"),
            vm_row("vm-103", "host-11", reservation_mib=1024, power="poweredOff"),
            vm_row("vm-104", "host-12", power="poweredOff"),
        ],
    )
    with soap:
        vm = soap.vm
        assert soap.wait(vm("vm-102").PowerOnVM_Task()).ok
        assert soap.wait(vm("vm-103").PowerOnVM_Task()).fault == "InsufficientMemoryResourcesFault"
        assert soap.wait(vm("vm-104").PowerOnVM_Task()).fault == "InvalidHostState"
        assert soap.wait(vm("vm-101").PowerOnVM_Task()).fault == "InvalidPowerState"
        vm("vm-101").ShutdownGuest()
        for _ in range(500):
            if vm("vm-101").runtime.powerState == "poweredOff":
                break
        assert soap.wait(vm("vm-103").PowerOnVM_Task()).ok
        simulator.set_vm("vm-102", tools_running=False)
        with pytest.raises(vim.fault.ToolsUnavailable):
            vm("vm-102").ShutdownGuest()


def test_hosts_in_maintenance_and_standby(start_simulator: Any) -> None:
    simulator, soap = frozen(start_simulator)
    with soap:
        busy, idle = soap.host("host-11"), soap.host("host-13")
        assert soap.wait(busy.EnterMaintenanceMode_Task(0)).fault == "Timedout"
        assert soap.wait(idle.EnterMaintenanceMode_Task(0)).ok
        assert soap.cluster("domain-c8").summary.numEffectiveHosts == 2
        assert soap.relocate("vm-101", "host-13").fault == "InvalidHostState"
        assert soap.wait(idle.ExitMaintenanceMode_Task(0)).ok
        assert soap.wait(idle.PowerDownHostToStandBy_Task(0)).ok
        assert simulator.state().hosts["host-13"].power == "standBy"
        assert soap.wait(idle.PowerUpHostFromStandBy_Task(0)).ok
        assert soap.relocate("vm-101", "host-13").ok


def test_many_clients_at_once_leave_a_consistent_estate(start_simulator: Any) -> None:
    hosts = [host_row(f"host-{n}") for n in range(10, 14)]
    vms = [vm_row(f"vm-{n}", f"host-{10 + n % 4}", reservation_mib=512) for n in range(100, 124)]
    simulator = start_simulator(estate(hosts=hosts, vms=vms))
    simulator.settings(relocate_seconds_per_gib=0.001)
    failures: list[BaseException] = []

    def client(number: int) -> None:
        chance = random.Random(number)
        try:
            with Soap(simulator) as soap:
                for _ in range(12):
                    vm = f"vm-{chance.randrange(100, 124)}"
                    with contextlib.suppress(vim.fault.TaskInProgress):
                        soap.relocate(vm, f"host-{chance.randrange(10, 14)}")
                    with contextlib.suppress(vim.fault.TaskInProgress):
                        soap.reconfigure(vm, memoryMB=8 * GIB + 128)
                    soap.read([soap.host("host-10")], ["vm", "recentTask"])
        except BaseException as exc:
            failures.append(exc)

    threads = [threading.Thread(target=client, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    state = simulator.state()
    assert state.tasks == ()
    for moid, host in state.hosts.items():
        assert all(state.vms[vm].host == moid for vm in host.vms)
        claimed = sum(state.vms[vm].reservation_mib for vm in host.vms)
        assert host.unreserved_mib == 64 * GIB - claimed
    assert sum(len(host.vms) for host in state.hosts.values()) == len(vms)
