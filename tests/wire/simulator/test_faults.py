"""The fault injector: every place where a rule can strike, counts, chances, and outages."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from typing import Any

import pytest

from tests.vcsim import Simulator, SimulatorError
from tests.vcsim_estates import GIB, estate
from tests.vcsim_soap import Soap, vim, vmodl


@pytest.fixture
def simulator(start_simulator: Any) -> Simulator:
    started: Simulator = start_simulator(estate())
    return started


def outcomes(simulator: Simulator, method: str) -> list[tuple[str, str]]:
    return [(call.outcome, call.fault) for call in simulator.calls(method)]


def test_a_call_answers_with_a_fault_of_any_type(simulator: Simulator) -> None:
    with Soap(simulator) as soap:
        simulator.add_fault(
            method="ReconfigVM_Task",
            object="vm-101",
            fault="InsufficientMemoryResourcesFault",
            detail={"unreserved": 1, "requested": 2},
            message="no room",
            count=1,
        )
        with pytest.raises(vim.fault.InsufficientMemoryResourcesFault) as caught:
            soap.start_reconfigure("vm-101", memoryMB=9 * GIB)
        fault = caught.value
        assert (fault.unreserved, fault.requested, fault.msg) == (1, 2, "no room")
        assert soap.reconfigure("vm-101", memoryMB=9 * GIB).ok
        assert outcomes(simulator, "ReconfigVM_Task") == [
            ("fault", "InsufficientMemoryResourcesFault"),
            ("ok", ""),
        ]


def test_references_in_a_fault(simulator: Simulator) -> None:
    with Soap(simulator) as soap:
        task = {"_typeName": "ManagedObjectReference", "type": "Task", "value": "task-7"}
        simulator.add_fault(method="RelocateVM_Task", fault="TaskInProgress", detail={"task": task})
        with pytest.raises(vim.fault.TaskInProgress) as caught:
            soap.start_relocate("vm-101", "host-12")
        assert caught.value.task._moId == "task-7"


def test_a_task_ends_in_a_fault_and_does_nothing(simulator: Simulator) -> None:
    with Soap(simulator) as soap:
        simulator.add_fault(where="task", method="RelocateVM_Task", fault="Timedout")
        assert soap.relocate("vm-101", "host-12").fault == "Timedout"
        assert simulator.state().vms["vm-101"].host == "host-11"
        [ended] = simulator.ended_tasks()
        assert (ended.fault, ended.done) == ("Timedout", False)


def test_a_task_does_its_work_and_says_that_it_failed(simulator: Simulator) -> None:
    with Soap(simulator) as soap:
        simulator.add_fault(where="task_after", method="RelocateVM_Task", fault="Timedout")
        assert soap.relocate("vm-101", "host-12").fault == "Timedout"
        assert simulator.state().vms["vm-101"].host == "host-12"
        [ended] = simulator.ended_tasks()
        assert (ended.fault, ended.done) == ("Timedout", True)


def test_a_task_hangs_until_it_is_cancelled_or_let_go(simulator: Simulator) -> None:
    with Soap(simulator) as soap:
        rule = simulator.add_fault(where="task_hang", method="RelocateVM_Task")
        stuck, freed = (soap.start_relocate(vm, "host-13") for vm in ("vm-101", "vm-102"))
        time.sleep(0.05)
        assert stuck.info.state == freed.info.state == "running"
        stuck.CancelTask()
        assert soap.wait(stuck).fault == "RequestCanceled"
        simulator.remove_fault(rule)
        assert soap.wait(freed).ok


def test_a_connection_cut_before_the_call(simulator: Simulator) -> None:
    with Soap(simulator) as soap:
        simulator.add_fault(where="drop_before", method="RelocateVM_Task", count=1)
        with pytest.raises((http.client.HTTPException, OSError)):
            soap.start_relocate("vm-101", "host-12")
        assert list(soap.vm("vm-101").recentTask) == []
        assert outcomes(simulator, "RelocateVM_Task") == [("dropped before", "")]


def test_a_connection_cut_instead_of_the_answer(simulator: Simulator) -> None:
    with Soap(simulator) as soap:
        simulator.add_fault(where="drop_after", method="RelocateVM_Task", count=1)
        with pytest.raises((http.client.HTTPException, OSError)):
            soap.start_relocate("vm-101", "host-12")
        [task] = soap.vm("vm-101").recentTask
        assert soap.wait(task).ok
        [call] = simulator.calls("RelocateVM_Task")
        assert (call.outcome, call.task) == ("dropped after", task._moId)


@pytest.mark.parametrize(("where", "done"), [("hang_before", False), ("hang_after", True)])
def test_a_call_that_is_never_answered(simulator: Simulator, where: Any, done: bool) -> None:
    with Soap(simulator) as soap:
        rule = simulator.add_fault(where=where, method="RelocateVM_Task", count=1)
        threading.Timer(0.3, lambda: simulator.remove_fault(rule)).start()
        began = time.monotonic()
        with pytest.raises((http.client.HTTPException, OSError)):
            soap.start_relocate("vm-101", "host-12")
        assert time.monotonic() - began > 0.25
        assert (len(soap.vm("vm-101").recentTask) == 1) is done


def test_http_errors(simulator: Simulator) -> None:
    with Soap(simulator) as soap:
        simulator.add_fault(where="http", count=2)
        for _ in range(2):
            with pytest.raises(http.client.HTTPException, match="503"):
                soap.si.CurrentTime()
        assert soap.si.CurrentTime() is not None


@pytest.mark.parametrize("where", ["delay_before", "delay_after"])
def test_delays(simulator: Simulator, where: Any) -> None:
    with Soap(simulator) as soap:
        simulator.add_fault(where=where, method="CurrentTime", delay_s=0.2, count=1)
        began = time.monotonic()
        soap.si.CurrentTime()
        assert time.monotonic() - began >= 0.2
        began = time.monotonic()
        soap.si.CurrentTime()
        assert time.monotonic() - began < 0.2


def test_skip_count_object_user_and_checks(simulator: Simulator) -> None:
    simulator.add_user("other", "pw", ["System.View", "Resource.HotMigrate"])
    with Soap(simulator) as soap, Soap(simulator, "other", "pw") as other:
        simulator.add_fault(
            method="CurrentTime", user="other", fault="RuntimeFault", skip=1, count=1
        )
        assert soap.si.CurrentTime() and other.si.CurrentTime() and soap.si.CurrentTime()
        with pytest.raises(vmodl.RuntimeFault):
            other.si.CurrentTime()
        assert other.si.CurrentTime()
        [rule] = simulator.faults()
        assert (rule.seen, rule.struck) == (3, 1)
        # A check is matched by the VM that it is about.
        simulator.clear_faults()
        simulator.add_fault(object="vm-102", fault="HostConnectFault", where="task")
        checker = soap.content.vmProvisioningChecker
        one, two = (
            soap.wait(checker.CheckMigrate_Task(soap.vm(vm), soap.host("host-12")))
            for vm in ("vm-101", "vm-102")
        )
        assert (one.fault, two.fault) == ("", "HostConnectFault")


def test_a_seed_repeats_the_chances(simulator: Simulator) -> None:
    with Soap(simulator) as soap:
        simulator.add_fault(method="CurrentTime", fault="SystemError", probability=0.5)

        def run() -> list[bool]:
            simulator.seed(42)
            struck = []
            for _ in range(30):
                try:
                    soap.si.CurrentTime()
                    struck.append(False)
                except vmodl.fault.SystemError:
                    struck.append(True)
            return struck

        first = run()
        assert first == run()
        assert 5 < sum(first) < 25


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"fault": "NoSuchFault"}, "NoSuchFault is no type of the vSphere API"),
        ({"fault": "VirtualMachineConfigSpec"}, "is no fault"),
        ({"fault": ""}, "names no fault"),
        ({"fault": "Timedout", "where": "nowhere"}, '"nowhere" is no place'),
        ({"fault": "TaskInProgress", "detail": {"task": 5}}, "does not fit TaskInProgress"),
        ({"fault": "Timedout", "probability": 2.0}, "not between 0 and 1"),
        ({"where": "delay_before"}, "delay_s greater than 0"),
    ],
)
def test_rules_that_mean_nothing(simulator: Simulator, rule: dict[str, Any], says: str) -> None:
    with pytest.raises(SimulatorError, match=says):
        simulator.add_fault(**rule)
    assert simulator.faults() == ()


def test_vcenter_down_and_up(simulator: Simulator) -> None:
    with Soap(simulator) as soap:
        simulator.task_seconds(relocate=0.2)
        task = soap.start_relocate("vm-101", "host-12")
        simulator.down()
        with pytest.raises((http.client.HTTPException, OSError)):
            soap.si.CurrentTime()
        simulator.down("503")
        with pytest.raises(http.client.HTTPException, match="503"):
            soap.si.CurrentTime()
        simulator.up()
        assert soap.wait(task).ok


def test_a_restart_loses_sessions_and_tells_running_tasks_failed(simulator: Simulator) -> None:
    soap = Soap(simulator)
    simulator.task_seconds(relocate=0.5)
    task = soap.start_relocate("vm-101", "host-12")
    time.sleep(0.05)
    simulator.restart()
    with pytest.raises(vim.fault.NotAuthenticated):
        soap.si.CurrentTime()
    soap.stub.DropConnections()
    with Soap(simulator) as again:
        assert again.wait(again.task(task._moId)).fault == "SystemError"
        for _ in range(200):
            if simulator.ended_tasks():
                break
            time.sleep(0.01)
        [ended] = simulator.ended_tasks()
        assert (ended.fault, ended.done) == ("SystemError", True)
        assert simulator.state().vms["vm-101"].host == "host-12"


def test_reset_takes_back_what_a_test_has_set(simulator: Simulator) -> None:
    simulator.add_fault(where="http")
    simulator.task_seconds(relocate=60)
    simulator.add_user("other", "pw", ["System.View"])
    simulator.down()
    simulator.reset()
    with Soap(simulator) as soap:
        assert soap.relocate("vm-101", "host-12").ok
    with pytest.raises(vim.fault.InvalidLogin):
        Soap(simulator, "other", "pw")
    assert simulator.state().vms["vm-101"].host == "host-12"


def test_the_control_endpoint_wants_its_token(simulator: Simulator) -> None:
    host, port = simulator._control.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=5)
    connection.request("GET", "/state", headers={"Authorization": "Bearer wrong"})
    answer = connection.getresponse()
    assert answer.status == 401
    answer.read()
    connection.close()
    with socket.socket() as other:
        other.settimeout(2)
        assert other.connect_ex((host, int(port))) == 0
