"""VMs: the properties that are read of each, and the columns they become."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from vsphere_market.adapter.bulk import Facts
from vsphere_market.adapter.counters import VM_COUNTERS, Figures
from vsphere_market.adapter.files import PLACEMENT
from vsphere_market.adapter.places import (
    NAN,
    Rows,
    Tree,
    column,
    flags,
    known,
    limit_mib,
    names_of,
    positive,
    row_refs,
    shown,
)
from vsphere_market.adapter.storage import io_of
from vsphere_market.adapter.vsan import VM_UUID
from vsphere_market.estate import VmTable
from vsphere_market.units import BYTES_PER_MIB, KIB_PER_MIB

CAP_KEY = "sched.mem.maxmemctl"
#: A path with a key: vCenter gives that one option, and nothing where it is not set.
CAP_PATH = f'config.extraConfig["{CAP_KEY}"]'
_ALLOCATION = "config.memoryAllocation"
_QUICK = "summary.quickStats"

VM_PATHS: tuple[str, ...] = (
    "name",
    "config.instanceUuid",
    VM_UUID,
    "runtime.host",
    "resourcePool",
    "parent",
    "runtime.powerState",
    "runtime.connectionState",
    "runtime.minRequiredEVCModeKey",
    "runtime.faultToleranceState",
    "runtime.memoryOverhead",
    "config.template",
    "config.managedBy.extensionKey",
    "config.guestId",
    "guest.toolsRunningStatus",
    "customValue",
    "network",
    "datastore",
    "summary.config.vmPathName",
    "summary.storage.committed",
    PLACEMENT,
    "config.hardware.memoryMB",
    "summary.config.memorySizeMB",
    "config.hardware.numCPU",
    f"{_ALLOCATION}.reservation",
    f"{_ALLOCATION}.limit",
    f"{_ALLOCATION}.shares.shares",
    "config.memoryReservationLockedToMax",
    "config.cpuAllocation.reservation",
    "config.memoryHotAddEnabled",
    "config.hotPlugMemoryLimit",
    "config.hotPlugMemoryIncrementSize",
    "config.latencySensitivity.level",
    "config.changeVersion",
    CAP_PATH,
    f"{_QUICK}.grantedMemory",
    f"{_QUICK}.activeMemory",
    f"{_QUICK}.guestMemoryUsage",
    f"{_QUICK}.hostMemoryUsage",
    f"{_QUICK}.consumedOverheadMemory",
    f"{_QUICK}.sharedMemory",
    f"{_QUICK}.balloonedMemory",
    f"{_QUICK}.swappedMemory",
    f"{_QUICK}.compressedMemory",
    f"{_QUICK}.overallCpuDemand",
)

#: Columns that hold counters.
_COUNTED = tuple(want.column for want in VM_COUNTERS)


def vm_columns(
    vms: Sequence[Facts],
    rows: Rows,
    tree: Tree,
    figures: Mapping[str, Figures],
    *,
    cluster_of_host: Sequence[int],
    custom_fields: Mapping[int, str],
    caps: Mapping[str, Any],
    passthrough: frozenset[str],
) -> dict[str, Any]:
    """All columns of ``VmTable`` but those of files, tags and DRS, which are told elsewhere.

    Args:
        vms: one per row.
        rows: rows of the other tables.
        tree: folders and datacenters.
        figures: what the counters came to, by managed object id.
        cluster_of_host: row of the cluster for each row of the host table.
        custom_fields: names of custom attributes by key.
        caps: balloon cap options read apart, by managed object id.
        passthrough: ids of the VMs with a DirectPath device.
    """
    choices = VmTable.columns()
    hosts = [rows.hosts.get(vm.get("runtime.host", ""), -1) for vm in vms]
    return {
        "moid": [vm.moid for vm in vms],
        "name": names_of(vms),
        "instance_uuid": column(vms, "config.instanceUuid", ""),
        "host": hosts,
        "cluster": [cluster_of_host[host] if host >= 0 else -1 for host in hosts],
        "pool": [rows.pools.get(vm.get("resourcePool", ""), -1) for vm in vms],
        "folder": [tree.path(vm.get("parent", "")) for vm in vms],
        "power": known(vms, "runtime.powerState", choices["power"].choices),
        "connection": known(vms, "runtime.connectionState", choices["connection"].choices),
        "template": flags(vms, "config.template"),
        "managed_by": column(vms, "config.managedBy.extensionKey", ""),
        "guest_source": [""] * len(vms),
        "evc_mode": column(vms, "runtime.minRequiredEVCModeKey", ""),
        "guest_os": column(vms, "config.guestId", ""),
        "tools_running": [vm.get("guest.toolsRunningStatus") == "guestToolsRunning" for vm in vms],
        "custom_attributes": [attributes(vm, custom_fields) for vm in vms],
        "networks": [tuple(vm.get("network", ())) for vm in vms],
        "datastores": row_refs(vms, "datastore", rows.datastores),
        "size_mib": [size_mib(vm) for vm in vms],
        "vcpus": column(vms, "config.hardware.numCPU", 1),
        "reservation_mib": column(vms, f"{_ALLOCATION}.reservation", 0),
        "limit_mib": [limit_mib(vm.get(f"{_ALLOCATION}.limit")) for vm in vms],
        "shares": column(vms, f"{_ALLOCATION}.shares.shares"),
        "reservation_locked_to_max": flags(vms, "config.memoryReservationLockedToMax"),
        "cpu_reservation_mhz": column(vms, "config.cpuAllocation.reservation", 0),
        "hot_add_enabled": flags(vms, "config.memoryHotAddEnabled"),
        "hot_add_limit_mib": [positive(vm.get("config.hotPlugMemoryLimit")) for vm in vms],
        "hot_add_increment_mib": [
            positive(vm.get("config.hotPlugMemoryIncrementSize")) for vm in vms
        ],
        "balloon_cap_mib": [cap_mib(vm.get(CAP_PATH, caps.get(vm.moid))) for vm in vms],
        "latency_sensitivity_high": [
            vm.get("config.latencySensitivity.level") == "high" for vm in vms
        ],
        "passthrough": [vm.moid in passthrough for vm in vms],
        "fault_tolerance": [
            vm.get("runtime.faultToleranceState", "notConfigured") != "notConfigured" for vm in vms
        ],
        "change_version": column(vms, "config.changeVersion", ""),
        **_counted(vms, figures),
    }


def size_mib(vm: Facts) -> float:
    """Configured memory; the summary still has it when the configuration cannot be read."""
    return float(vm.get("config.hardware.memoryMB") or vm.get("summary.config.memorySizeMB", NAN))


def cap_mib(option: Any) -> float:
    """The balloon cap out of an option; NaN for none, and for -1, which is the default written out.

    Whether the path with a key gives the option or its value, and whether the value is a number or
    text, is up to the server.
    """
    value = getattr(option, "value", option)
    try:
        amount = float(str(value).strip())
    except ValueError:
        return NAN
    return amount if amount >= 0 else NAN


def attributes(vm: Facts, fields: Mapping[int, str]) -> tuple[str, ...]:
    """Custom attributes of a VM or cluster as ``name=value``, sorted."""
    pairs = (
        f"{shown(name)}={value.value}"
        for value in vm.get("customValue", ())
        if (name := fields.get(int(value.key))) and getattr(value, "value", "")
    )
    return tuple(sorted(pairs))


def _counted(vms: Sequence[Facts], figures: Mapping[str, Figures]) -> dict[str, list[float]]:
    """Columns of counters; where there is none, the quick figures stand in if they say the same."""
    nothing = Figures()
    own = [figures.get(vm.moid, nothing) for vm in vms]
    columns = {name: [one.values.get(name, NAN) for one in own] for name in _COUNTED}
    columns["cpu_ready_pct"] = [
        ready / max(1, vm.get("config.hardware.numCPU", 1))
        for ready, vm in zip(columns["cpu_ready_pct"], vms, strict=True)
    ]
    for row, vm in enumerate(vms):
        if vm.get("runtime.powerState") != "poweredOn":
            # A VM that is off holds nothing, and its quick figures may be old.
            continue
        for name, value in _quick(vm).items():
            if math.isnan(columns[name][row]):
                columns[name][row] = value
    io = [io_of(one.parts.values()) for one in own]
    columns["iops"] = [one.iops for one in io]
    columns["io_kibps"] = [one.kibps for one in io]
    columns["io_latency_ms"] = [one.latency_ms for one in io]
    # vCenter cannot see inside a guest; those who can are laid over the snapshot later.
    columns["guest_swap_kibps"] = [NAN] * len(vms)
    columns["guest_needed_mib"] = [NAN] * len(vms)
    columns["sampled_at_s"] = [one.sampled_at_s for one in own]
    columns["samples"] = [one.samples for one in own]
    return columns


def _quick(vm: Facts) -> dict[str, float]:
    """The quick figures of a running VM in the columns that mean the same."""

    def of(name: str, divisor: int = 1) -> float:
        return float(vm.get(f"{_QUICK}.{name}", NAN) // divisor)

    overhead = of("consumedOverheadMemory")
    if math.isnan(overhead):
        overhead = float(vm.get("runtime.memoryOverhead", NAN) // BYTES_PER_MIB)
    consumed = of("hostMemoryUsage") - overhead
    active = of("activeMemory")
    if math.isnan(active):  # before 7.0.3 only under its older name
        active = of("guestMemoryUsage")
    return {
        "granted_mib": of("grantedMemory"),
        "active_mib": active,
        "active_peak_mib": active,
        # Host memory use counts the overhead in, the column does not.
        "consumed_mib": consumed if math.isnan(consumed) else max(0.0, consumed),
        "overhead_mib": overhead,
        "shared_mib": of("sharedMemory"),
        "ballooned_mib": of("balloonedMemory"),
        "swapped_mib": of("swappedMemory"),
        # The one quick figure that comes in KiB.
        "compressed_mib": of("compressedMemory", KIB_PER_MIB),
        "cpu_demand_mhz": of("overallCpuDemand"),
    }
