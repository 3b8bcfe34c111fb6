"""Migration: where VMs may go, what the checks say before, and that both ends show the move."""

from __future__ import annotations

from typing import Any

import pytest

from tests.vcsim import Simulator
from tests.vcsim_estates import CLUSTER, GIB, ROOT_POOL, estate, host_row, vm_row
from tests.vcsim_soap import Soap, fault_names, vim, vmodl

MIB = 1 << 20


def serve(stack: Any, **tables: Any) -> tuple[Simulator, Soap]:
    simulator: Simulator = stack(estate(**tables))
    return simulator, Soap(simulator)


def refused(soap: Soap, vm: str, host: str, fault: str, **more: Any) -> Any:
    """A move fails with `fault`, the check says the same beforehand, and the VM stays."""
    before = soap.vm(vm).runtime.host._moId
    found = soap.check_relocate(vm, host, **more)
    ending = soap.relocate(vm, host, **more)
    assert ending.fault == fault
    assert fault in fault_names(found.error)
    assert soap.vm(vm).runtime.host._moId == before
    return ending.error


def test_a_move_shows_on_both_hosts_and_in_events(start_simulator: Any) -> None:
    simulator, soap = serve(start_simulator)
    with soap:
        assert soap.relocate("vm-101", "host-12").ok
        vm = soap.vm("vm-101")
        assert vm.runtime.host._moId == vm.summary.runtime.host._moId == "host-12"
        assert [v._moId for v in soap.host("host-11").vm] == ["vm-102"]
        assert sorted(v._moId for v in soap.host("host-12").vm) == ["vm-101", "vm-103"]
        events = soap.content.eventManager.QueryEvents(
            vim.event.EventFilterSpec(eventTypeId=["VmMigratedEvent"])
        )
        assert [(e.host.host._moId, e.sourceHost.host._moId) for e in events] == [
            ("host-12", "host-11")
        ]
        assert simulator.state().hosts["host-12"].vms == ("vm-103", "vm-101")


def test_migrate_vm_task(start_simulator: Any) -> None:
    _, soap = serve(start_simulator)
    with soap:
        vm, target = soap.vm("vm-101"), soap.host("host-13")
        assert soap.wait(vm.MigrateVM_Task(None, target, "defaultPriority")).ok
        assert vm.runtime.host._moId == "host-13"
        with pytest.raises(vim.fault.InvalidPowerState):
            vm.MigrateVM_Task(None, soap.host("host-12"), "defaultPriority", "poweredOff")
        with pytest.raises(vmodl.fault.InvalidArgument):
            vm.MigrateVM_Task(None, None, "defaultPriority")


def test_the_target_must_back_reservation_and_overhead(start_simulator: Any) -> None:
    _, soap = serve(
        start_simulator,
        hosts=[host_row("host-11"), host_row("host-12", memory_mib=8 * GIB, vmkernel_mib=1024)],
        vms=[vm_row("vm-101", "host-11", reservation_mib=7 * GIB, overhead_mib=100)],
    )
    with soap:
        error = refused(soap, "vm-101", "host-12", "InsufficientHostMemoryCapacityFault")
        assert error.host._moId == "host-12"
        assert (error.unreserved, error.requested) == (7 * GIB * MIB, (7 * GIB + 100) * MIB)


@pytest.mark.parametrize(
    ("host", "fault"),
    [
        ({"connection": "disconnected"}, "HostNotConnected"),
        ({"connection": "notResponding"}, "HostNotReachable"),
        ({"power": "standBy"}, "InvalidHostState"),
        ({"in_maintenance": True}, "InvalidHostState"),
        ({"vmotion_enabled": False}, "VMotionNotConfigured"),
        ({"datastores": []}, "CannotAccessVmDisk"),
        ({"networks": []}, "CannotAccessNetwork"),
    ],
)
def test_targets_that_take_no_vm(start_simulator: Any, host: dict[str, Any], fault: str) -> None:
    hosts = [host_row("host-11"), host_row("host-12", **host)]
    _, soap = serve(start_simulator, hosts=hosts, vms=[vm_row("vm-101", "host-11")])
    with soap:
        refused(soap, "vm-101", "host-12", fault)


def test_a_source_without_vmotion_lets_no_running_vm_go(start_simulator: Any) -> None:
    simulator, soap = serve(start_simulator)
    with soap:
        simulator.set_host("host-11", vmotion=False)
        error = refused(soap, "vm-101", "host-12", "VMotionNotConfigured")
        assert (error.atSourceHost, error.failedHostEntity._moId) == (True, "host-11")


def test_passthrough_stays(start_simulator: Any) -> None:
    row = vm_row("vm-101", "host-11", passthrough=True, reservation_mib=8 * GIB)
    _, soap = serve(start_simulator, vms=[row])
    with soap:
        refused(soap, "vm-101", "host-12", "DisallowedMigrationDeviceAttached")


def test_a_failover_host_is_kept_free(start_simulator: Any) -> None:
    _, soap = serve(
        start_simulator,
        clusters=[{"moid": CLUSTER, "name": "prod", "datacenter": "DC", "ha_enabled": True}],
        hosts=[host_row("host-11"), host_row("host-12", failover_host=True)],
        vms=[vm_row("vm-101", "host-11")],
    )
    with soap:
        refused(soap, "vm-101", "host-12", "DisallowedOperationOnFailoverHost")


def rule(kind: str, mandatory: bool, **more: Any) -> dict[str, Any]:
    return {
        "moid": f"{CLUSTER}/7",
        "name": "the rule",
        "cluster": CLUSTER,
        "kind": kind,
        "mandatory": mandatory,
        "enabled": True,
    } | more


def test_mandatory_rules_about_hosts(start_simulator: Any) -> None:
    on = rule("vmHost", True, vms=["vm-101"], hosts=["host-11", "host-13"])
    _, soap = serve(start_simulator, rules=[on])
    with soap:
        error = refused(soap, "vm-101", "host-12", "VmHostAffinityRuleViolation")
        assert (error.vmName, error.hostName) == ("name of vm-101", "host-12.example.com")
        assert soap.relocate("vm-101", "host-13").ok
        assert soap.relocate("vm-102", "host-12").ok


def test_mandatory_rules_against_hosts(start_simulator: Any) -> None:
    away = rule("vmAntiHost", True, vms=["vm-101"], hosts=["host-12"])
    _, soap = serve(start_simulator, rules=[away])
    with soap:
        refused(soap, "vm-101", "host-12", "VmHostAffinityRuleViolation")
        assert soap.relocate("vm-101", "host-13").ok


def test_soft_rules_warn(start_simulator: Any) -> None:
    on = rule("vmHost", False, vms=["vm-101"], hosts=["host-11"])
    _, soap = serve(start_simulator, rules=[on])
    with soap:
        found = soap.check_relocate("vm-101", "host-12")
        assert (fault_names(found.error), fault_names(found.warning)) == (
            [],
            ["VmHostAffinityRuleViolation"],
        )
        assert soap.relocate("vm-101", "host-12").ok


def test_vms_kept_apart(start_simulator: Any) -> None:
    apart = rule("antiAffinity", False, vms=["vm-101", "vm-103"])
    _, soap = serve(start_simulator, rules=[apart])
    with soap:
        error = refused(soap, "vm-101", "host-12", "RuleViolation")
        assert (error.host._moId, error.rule.name) == ("host-12", "the rule")
        assert soap.relocate("vm-103", "host-13").ok
        assert soap.relocate("vm-101", "host-12").ok


def test_a_disabled_rule_is_none(start_simulator: Any) -> None:
    off = rule("antiAffinity", True, vms=["vm-101", "vm-103"], enabled=False)
    _, soap = serve(start_simulator, rules=[off])
    with soap:
        assert soap.relocate("vm-101", "host-12").ok


def test_rules_added_over_the_wire_count(start_simulator: Any) -> None:
    _, soap = serve(start_simulator)
    with soap:
        new = vim.cluster.AntiAffinityRuleSpec(
            name="apart", enabled=True, vm=[soap.vm("vm-101"), soap.vm("vm-103")]
        )
        spec = vim.cluster.ConfigSpecEx(rulesSpec=[vim.cluster.RuleSpec(operation="add", info=new)])
        assert soap.wait(soap.cluster(CLUSTER).ReconfigureComputeResource_Task(spec, True)).ok
        refused(soap, "vm-101", "host-12", "RuleViolation")


def test_out_of_the_cluster_only_with_a_pool(start_simulator: Any) -> None:
    other = host_row("host-21", cluster="domain-c9")
    _, soap = serve(
        start_simulator,
        clusters=[
            {"moid": CLUSTER, "name": "prod", "datacenter": "DC"},
            {"moid": "domain-c9", "name": "dev", "datacenter": "DC"},
        ],
        hosts=[host_row("host-11"), other],
        pools=[
            {"moid": ROOT_POOL, "name": "Resources", "cluster": CLUSTER},
            {"moid": "resgroup-19", "name": "Resources", "cluster": "domain-c9"},
        ],
        vms=[vm_row("vm-101", "host-11", reservation_mib=1024)],
    )
    with soap:
        refused(soap, "vm-101", "host-21", "InvalidArgument")
        refused(soap, "vm-101", "host-11", "InvalidArgument", pool=soap.pool("resgroup-19"))
        assert soap.relocate("vm-101", "host-21", pool=soap.pool("resgroup-19")).ok
        assert soap.vm("vm-101").resourcePool._moId == "resgroup-19"
        assert [v._moId for v in soap.pool("resgroup-19").vm] == ["vm-101"]
        assert list(soap.pool(ROOT_POOL).vm) == []
        assert soap.pool("resgroup-19").runtime.memory.reservationUsedForVm == 1024 * MIB


def test_a_storage_move(start_simulator: Any) -> None:
    stores = [
        {"moid": f"datastore-{n}", "name": name, "accessible": True}
        for n, name in ((30, "ssd"), (31, "hdd"))
    ]
    both = ["datastore-30", "datastore-31"]
    _, soap = serve(
        start_simulator,
        datastores=stores,
        hosts=[host_row("host-11", datastores=both), host_row("host-12")],
        vms=[vm_row("vm-101", "host-11")],
    )
    with soap:
        target = vim.Datastore("datastore-31", soap.stub)
        spec = vim.vm.RelocateSpec(datastore=target)
        assert soap.wait(soap.vm("vm-101").RelocateVM_Task(spec)).ok
        vm = soap.vm("vm-101")
        assert [d._moId for d in vm.datastore] == ["datastore-31"]
        assert vm.config.files.vmPathName.startswith("[hdd] ")
        assert [v._moId for v in target.vm] == ["vm-101"]
        refused(soap, "vm-101", "host-12", "CannotAccessVmDisk")


def test_a_powered_off_vm_needs_no_vmotion(start_simulator: Any) -> None:
    _, soap = serve(
        start_simulator,
        hosts=[host_row("host-11"), host_row("host-12", vmotion_enabled=False)],
        vms=[vm_row("vm-101", "host-11", power="poweredOff")],
    )
    with soap:
        assert soap.relocate("vm-101", "host-12").ok


def test_check_results_by_kind_of_test(start_simulator: Any) -> None:
    bare = host_row("host-12", datastores=[], networks=[], vmotion_enabled=False)
    _, soap = serve(
        start_simulator, hosts=[host_row("host-11"), bare], vms=[vm_row("vm-101", "host-11")]
    )
    with soap:
        every = soap.check_relocate("vm-101", "host-12")
        assert fault_names(every.error) == [
            "VMotionNotConfigured",
            "CannotAccessVmDisk",
            "CannotAccessNetwork",
        ]
        one = soap.check_relocate("vm-101", "host-12", tests=["networkTests"])
        assert fault_names(one.error) == ["CannotAccessNetwork"]
        checker = soap.content.vmProvisioningChecker
        migrate = soap.wait(checker.CheckMigrate_Task(soap.vm("vm-101"), soap.host("host-12")))
        assert fault_names(migrate.result[0].error) == fault_names(every.error)
        pairs = soap.wait(
            checker.QueryVMotionCompatibilityEx_Task(
                [soap.vm("vm-101")], [soap.host("host-11"), soap.host("host-12")]
            )
        )
        assert [(r.host._moId, bool(r.error)) for r in pairs.result] == [
            ("host-11", False),
            ("host-12", True),
        ]


def test_unknown_objects(start_simulator: Any) -> None:
    simulator, soap = serve(start_simulator)
    with soap:
        with pytest.raises(vmodl.fault.ManagedObjectNotFound):
            soap.start_relocate("vm-101", "host-99")
        with pytest.raises(vmodl.fault.ManagedObjectNotFound):
            soap.start_relocate("vm-999", "host-11")
        simulator.check_alive()
