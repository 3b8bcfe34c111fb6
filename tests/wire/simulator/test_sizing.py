"""Reconfiguration: what a vCenter accepts, what it refuses and with which fault."""

from __future__ import annotations

from typing import Any

import pytest

from tests.vcsim import Simulator
from tests.vcsim_estates import CLUSTER, GIB, ROOT_POOL, estate, host_row, vm_row
from tests.vcsim_soap import Soap, allocation, options, vmodl

MIB = 1 << 20


def serve(stack: Any, **tables: Any) -> tuple[Simulator, Soap]:
    simulator: Simulator = stack(estate(**tables))
    return simulator, Soap(simulator)


def test_a_change_is_done_and_gets_a_new_change_version(start_simulator: Any) -> None:
    simulator, soap = serve(start_simulator)
    with soap:
        before = simulator.state().vms["vm-101"].change_version
        assert soap.reconfigure("vm-101", memoryMB=9 * GIB, changeVersion=before).ok
        vm = soap.vm("vm-101")
        assert vm.config.hardware.memoryMB == vm.summary.config.memorySizeMB == 9 * GIB
        assert vm.config.changeVersion != before
        # Shares at level normal follow the size, as in vCenter.
        assert vm.config.memoryAllocation.shares.shares == 10 * 9 * GIB


def test_a_stale_change_version_is_refused(start_simulator: Any) -> None:
    simulator, soap = serve(start_simulator)
    with soap:
        version = simulator.state().vms["vm-101"].change_version
        simulator.set_vm("vm-101", limit_mib=6 * GIB)
        ending = soap.reconfigure("vm-101", memoryMB=9 * GIB, changeVersion=version)
        assert ending.fault == "ConcurrentAccess"
        assert simulator.state().vms["vm-101"].size_mib == 8 * GIB


@pytest.mark.parametrize(
    ("change", "to", "fault"),
    [
        ({"hot_add_enabled": False}, 9 * GIB, "MemoryHotPlugNotSupported"),
        ({"fault_tolerance": True}, 9 * GIB, "MemoryHotPlugNotSupported"),
        ({}, 7 * GIB, "InvalidPowerState"),
        ({}, 8 * GIB + 130, "InvalidArgument"),
        ({}, 8 * GIB + 64, "InvalidArgument"),
        ({"hot_add_limit_mib": 8 * GIB + 128}, 8 * GIB + 256, "MemorySizeNotSupported"),
        ({"size_mib": 2 * GIB}, 4 * GIB, "MemorySizeNotSupported"),
        ({}, 32 << 20, "MemorySizeNotSupported"),
    ],
    ids=["off", "ft", "shrink", "multiple-of-4", "increment", "ceiling", "linux-3g", "24t"],
)
def test_hot_add_rules(start_simulator: Any, change: dict[str, Any], to: int, fault: str) -> None:
    simulator, soap = serve(start_simulator, vms=[vm_row("vm-101", "host-11", **change)])
    with soap:
        size = simulator.state().vms["vm-101"].size_mib
        assert soap.reconfigure("vm-101", memoryMB=to).fault == fault
        assert simulator.state().vms["vm-101"].size_mib == size


def test_linux_booted_below_3_gb_reaches_3_gb_and_windows_passes_it(start_simulator: Any) -> None:
    _, soap = serve(
        start_simulator,
        vms=[
            vm_row("vm-101", "host-11", size_mib=2 * GIB),
            vm_row("vm-102", "host-11", size_mib=2 * GIB, guest_os="windows2022srvNext_64Guest"),
        ],
    )
    with soap:
        assert soap.reconfigure("vm-101", memoryMB=3 * GIB).ok
        ending = soap.reconfigure("vm-101", memoryMB=3 * GIB + 128)
        assert (ending.fault, ending.error.maxMemorySizeMB) == ("MemorySizeNotSupported", 3 * GIB)
        assert soap.reconfigure("vm-102", memoryMB=4 * GIB).ok


def test_powered_off_any_size_goes_and_hot_add_can_be_switched(start_simulator: Any) -> None:
    _, soap = serve(
        start_simulator,
        vms=[vm_row("vm-101", "host-11", power="poweredOff", hot_add_enabled=False)],
    )
    with soap:
        assert soap.reconfigure("vm-101", memoryMB=2 * GIB, memoryHotAddEnabled=True).ok
        assert soap.vm("vm-101").config.memoryHotAddEnabled is True
        assert soap.wait(soap.vm("vm-101").PowerOnVM_Task()).ok
        assert soap.reconfigure("vm-101", memoryHotAddEnabled=False).fault == "InvalidPowerState"


def test_a_partial_allocation_leaves_the_rest(start_simulator: Any) -> None:
    _, soap = serve(
        start_simulator,
        vms=[vm_row("vm-101", "host-11", reservation_mib=1024, limit_mib=4096, shares=777)],
    )
    with soap:
        assert soap.reconfigure("vm-101", memoryAllocation=allocation(limit=6144)).ok
        kept = soap.vm("vm-101").config.memoryAllocation
        assert (kept.reservation, kept.limit, kept.shares.shares) == (1024, 6144, 777)
        assert soap.vm("vm-101").resourceConfig.memoryAllocation.limit == 6144
        assert soap.reconfigure("vm-101", memoryAllocation=allocation(limit=-1)).ok
        assert soap.vm("vm-101").config.memoryAllocation.limit == -1


@pytest.mark.parametrize(
    ("asked", "property_name"),
    [
        ({"reservation": 9 * GIB}, "spec.memoryAllocation.reservation"),
        ({"reservation": -5}, "spec.memoryAllocation.reservation"),
        ({"reservation": 2048, "limit": 1024}, "spec.memoryAllocation.limit"),
        ({"limit": -2}, "spec.memoryAllocation.limit"),
        ({"expandableReservation": True}, "spec.memoryAllocation.expandableReservation"),
    ],
)
def test_impossible_allocations(
    start_simulator: Any, asked: dict[str, Any], property_name: str
) -> None:
    simulator, soap = serve(start_simulator)
    with soap:
        ending = soap.reconfigure("vm-101", memoryAllocation=allocation(**asked))
        assert (ending.fault, ending.error.invalidProperty) == ("InvalidArgument", property_name)
        assert simulator.state().vms["vm-101"].reservation_mib == 0


def test_a_locked_reservation_follows_the_size(start_simulator: Any) -> None:
    simulator, soap = serve(start_simulator)
    with soap:
        assert soap.reconfigure("vm-101", memoryReservationLockedToMax=True).ok
        assert simulator.state().vms["vm-101"].reservation_mib == 8 * GIB
        assert soap.reconfigure("vm-101", memoryMB=10 * GIB).ok
        assert soap.vm("vm-101").config.memoryAllocation.reservation == 10 * GIB
        ending = soap.reconfigure("vm-101", memoryAllocation=allocation(reservation=1024))
        assert ending.fault == "InvalidArgument"


def test_the_host_must_back_a_reservation(start_simulator: Any) -> None:
    simulator, soap = serve(
        start_simulator,
        hosts=[host_row("host-11", memory_mib=10 * GIB, vmkernel_mib=1024), host_row("host-12")],
        vms=[vm_row("vm-101", "host-11", reservation_mib=4 * GIB), vm_row("vm-102", "host-11")],
    )
    with soap:
        ending = soap.reconfigure("vm-102", memoryAllocation=allocation(reservation=6 * GIB))
        assert ending.fault == "InsufficientMemoryResourcesFault"
        assert ending.error.unreserved == 5 * GIB * MIB
        assert ending.error.requested == 6 * GIB * MIB
        assert soap.reconfigure("vm-102", memoryAllocation=allocation(reservation=5 * GIB)).ok
        assert simulator.state().hosts["host-11"].unreserved_mib == 0


def test_the_pool_must_back_a_reservation(start_simulator: Any) -> None:
    pools = [
        {"moid": ROOT_POOL, "name": "Resources", "cluster": CLUSTER, "expandable": True},
        {
            "moid": "resgroup-10",
            "name": "small",
            "cluster": CLUSTER,
            "parent": ROOT_POOL,
            "reservation_mib": 2048,
        },
    ]
    simulator, soap = serve(
        start_simulator, pools=pools, vms=[vm_row("vm-101", "host-11", pool="resgroup-10")]
    )
    with soap:
        ending = soap.reconfigure("vm-101", memoryAllocation=allocation(reservation=4096))
        assert ending.fault == "InsufficientMemoryResourcesFault"
        assert ending.error.unreserved == 2048 * MIB
        # An expandable pool borrows from its parent.
        spec = soap.pool("resgroup-10").config
        spec.memoryAllocation.expandableReservation = True
        soap.pool("resgroup-10").UpdateConfig(config=spec)
        assert soap.reconfigure("vm-101", memoryAllocation=allocation(reservation=4096)).ok
        assert soap.pool("resgroup-10").runtime.memory.reservationUsedForVm == 4096 * MIB
        root = soap.pool(ROOT_POOL).runtime.memory
        assert root.unreservedForVm == (3 * 64 * GIB - 4096) * MIB
        assert simulator.state().pools[ROOT_POOL].unreserved_mib == 3 * 64 * GIB - 4096


def test_ha_keeps_its_reserve(start_simulator: Any) -> None:
    clusters = [
        {
            "moid": CLUSTER,
            "name": "prod",
            "datacenter": "DC",
            "ha_enabled": True,
            "ha_admission_control": True,
            "ha_reserve_memory_pct": 50,
        }
    ]
    big = [vm_row(f"vm-{n}", f"host-1{n - 100}", size_mib=60 * GIB) for n in (101, 102, 103)]
    _, soap = serve(start_simulator, clusters=clusters, vms=big)
    with soap:
        assert soap.reconfigure("vm-101", memoryAllocation=allocation(reservation=60 * GIB)).ok
        ending = soap.reconfigure("vm-102", memoryAllocation=allocation(reservation=60 * GIB))
        assert ending.fault == "InsufficientFailoverResourcesFault"
        assert soap.reconfigure("vm-102", memoryAllocation=allocation(reservation=36 * GIB)).ok


def test_the_balloon_cap_is_set_read_and_removed(start_simulator: Any) -> None:
    simulator, soap = serve(start_simulator)
    with soap:
        cap = "sched.mem.maxmemctl"
        assert soap.reconfigure("vm-101", extraConfig=options({cap: "2048", "x.y": "1"})).ok
        assert {o.key: o.value for o in soap.vm("vm-101").config.extraConfig} == {
            cap: "2048",
            "x.y": "1",
        }
        assert simulator.state().vms["vm-101"].balloon_cap == "2048"
        path = f'config.extraConfig["{cap}"].value'
        assert soap.read([soap.vm("vm-101")], [path])["vm-101"][path] == "2048"
        assert soap.reconfigure("vm-101", extraConfig=options({cap: ""})).ok
        assert [o.key for o in soap.vm("vm-101").config.extraConfig] == ["x.y"]


def test_what_the_library_carries_out_ends_in_one_task(start_simulator: Any) -> None:
    _, soap = serve(start_simulator, vms=[vm_row("vm-101", "host-11", power="poweredOff")])
    with soap:
        assert soap.reconfigure("vm-101", numCPUs=6, memoryMB=4096).ok
        vm = soap.vm("vm-101")
        assert (vm.config.hardware.numCPU, vm.config.hardware.memoryMB) == (6, 4096)
        assert len(vm.recentTask) == 1
        assert soap.wait(vm.PowerOnVM_Task()).ok
        assert soap.reconfigure("vm-101", numCPUs=8).fault == "CpuHotPlugNotSupported"


def test_a_vm_that_is_away_takes_no_change(start_simulator: Any) -> None:
    simulator, soap = serve(start_simulator)
    with soap:
        simulator.set_host("host-11", connection="disconnected")
        assert soap.reconfigure("vm-101", memoryMB=9 * GIB).fault == "HostNotConnected"
        simulator.set_host("host-11", connection="notResponding")
        assert soap.reconfigure("vm-101", memoryMB=9 * GIB).fault == "HostNotReachable"
        simulator.set_host("host-11", connection="connected")
        assert soap.reconfigure("vm-101", memoryMB=9 * GIB).ok
        with pytest.raises(vmodl.fault.ManagedObjectNotFound):
            soap.start_reconfigure("vm-999", memoryMB=9 * GIB)
