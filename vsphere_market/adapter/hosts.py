"""Hosts: the properties that are read of each, and the columns they become."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from vsphere_market.adapter.bulk import Facts
from vsphere_market.adapter.counters import HOST_COUNTERS, Figures
from vsphere_market.adapter.licences import Licence
from vsphere_market.adapter.places import (
    NAN,
    Rows,
    column,
    flags,
    known,
    names_of,
    row_refs,
    scaled,
)
from vsphere_market.adapter.vsan import VSAN_HOST_PATHS
from vsphere_market.estate import HostTable
from vsphere_market.units import BYTES_PER_MIB

_NET = "config.network"
_ADAPTERS = "config.storageDevice.hostBusAdapter"

HOST_PATHS: tuple[str, ...] = (
    "name",
    "parent",
    "runtime.connectionState",
    "runtime.powerState",
    "runtime.inMaintenanceMode",
    "runtime.inQuarantineMode",
    "config.product.version",
    "summary.config.vmotionEnabled",
    "summary.maxEVCModeKey",
    "config.virtualNicManagerInfo.netConfig",
    f"{_NET}.portgroup",
    f"{_NET}.vswitch",
    f"{_NET}.proxySwitch",
    f"{_NET}.pnic",
    _ADAPTERS,
    "network",
    "datastore",
    "summary.hardware.memorySize",
    "summary.hardware.cpuMhz",
    "summary.hardware.numCpuCores",
    "summary.quickStats.overallMemoryUsage",
    "summary.quickStats.overallCpuUsage",
    *VSAN_HOST_PATHS,
)

_COUNTED = tuple(want.column for want in HOST_COUNTERS)


def host_columns(
    hosts: Sequence[Facts],
    rows: Rows,
    figures: Mapping[str, Figures],
    failover_hosts: frozenset[str],
    vsan: Sequence[str],
    licences: Mapping[str, Licence],
) -> dict[str, Any]:
    """All columns of ``HostTable``.

    Args:
        hosts: one per row.
        rows: rows of the other tables.
        figures: what the counters came to, by managed object id.
        failover_hosts: ids of the hosts that HA keeps empty.
        vsan: the part that each has in vSAN.
        licences: by managed object id.
    """
    choices = HostTable.columns()
    speeds = [vmotion_mbps(host) for host in hosts]
    return {
        "moid": [host.moid for host in hosts],
        "name": names_of(hosts),
        "cluster": [rows.clusters.get(host.get("parent", ""), -1) for host in hosts],
        "connection": known(hosts, "runtime.connectionState", choices["connection"].choices),
        "power": known(hosts, "runtime.powerState", choices["power"].choices),
        "in_maintenance": flags(hosts, "runtime.inMaintenanceMode"),
        "in_quarantine": flags(hosts, "runtime.inQuarantineMode"),
        "failover_host": [host.moid in failover_hosts for host in hosts],
        "vsan": vsan,
        "version": column(hosts, "config.product.version", ""),
        "licence": [licences.get(host.moid, Licence()).name for host in hosts],
        "licence_features": [licences.get(host.moid, Licence()).features for host in hosts],
        "evc_mode": column(hosts, "summary.maxEVCModeKey", ""),
        "vmotion_enabled": [
            bool(host.get("summary.config.vmotionEnabled", speed > 0))
            for host, speed in zip(hosts, speeds, strict=True)
        ],
        "vmotion_mbps": speeds,
        "uplink_mbps": [uplink_mbps(host) for host in hosts],
        "storage_mbps": [storage_mbps(host) for host in hosts],
        "networks": [tuple(host.get("network", ())) for host in hosts],
        "datastores": row_refs(hosts, "datastore", rows.datastores),
        "memory_mib": scaled(hosts, "summary.hardware.memorySize", BYTES_PER_MIB),
        "cpu_mhz": [
            host.get("summary.hardware.cpuMhz", NAN) * host.get("summary.hardware.numCpuCores", 1)
            for host in hosts
        ],
        "cpu_cores": column(hosts, "summary.hardware.numCpuCores"),
        **_counted(hosts, figures),
    }


def _counted(hosts: Sequence[Facts], figures: Mapping[str, Figures]) -> dict[str, list[float]]:
    nothing = Figures()
    own = [figures.get(host.moid, nothing) for host in hosts]
    columns = {name: [one.values.get(name, NAN) for one in own] for name in _COUNTED}
    for name, path in (
        ("consumed_mib", "summary.quickStats.overallMemoryUsage"),
        ("cpu_used_mhz", "summary.quickStats.overallCpuUsage"),
    ):
        columns[name] = [
            float(host.get(path, NAN)) if math.isnan(value) else value
            for value, host in zip(columns[name], hosts, strict=True)
        ]
    columns["sampled_at_s"] = [one.sampled_at_s for one in own]
    columns["samples"] = [one.samples for one in own]
    return columns


def uplink_mbps(host: Facts) -> float:
    """Link speeds of the host's physical adapters together, Mb/s; NaN where none has a link."""
    speeds = [
        float(nic.linkSpeed.speedMb)
        for nic in host.get(f"{_NET}.pnic", ())
        if getattr(nic, "linkSpeed", None) is not None
    ]
    return sum(speeds) if speeds else NAN


def storage_mbps(host: Facts) -> float:
    """Link speeds of the host's storage adapters together, Mb/s; NaN where none tells one.

    Fibre Channel, also over Ethernet, tells bits per second; iSCSI in hardware tells Mb/s. iSCSI in
    software and NFS go over network adapters, and local disks have no link.
    """
    speeds = []
    for adapter in host.get(_ADAPTERS, ()):
        if getattr(adapter, "status", "online") not in ("online", "unknown"):
            continue
        bits = getattr(adapter, "speed", None)
        if bits:
            speeds.append(float(bits) / 1e6)
        elif getattr(adapter, "isSoftwareBased", True) is False:
            speeds.append(float(getattr(adapter, "currentSpeedMb", None) or 0.0))
    total = sum(speeds)
    return total if total > 0 else NAN


def vmotion_mbps(host: Facts) -> float:
    """Link speed of the fastest uplink behind the host's vMotion adapters, Mb/s; NaN if unknown.

    Adapter -> port group or distributed switch -> uplinks -> link speed. Several uplinks do not add
    up, since one migration stream uses one of them.
    """
    adapters = _vmotion_adapters(host)
    if not adapters:
        return NAN
    speeds = {
        nic.key: nic.linkSpeed.speedMb
        for nic in host.get(f"{_NET}.pnic", ())
        if getattr(nic, "linkSpeed", None) is not None
    }
    groups = {group.spec.name: group.vswitch for group in host.get(f"{_NET}.portgroup", ())}
    switches = {switch.key: switch.pnic for switch in host.get(f"{_NET}.vswitch", ())}
    distributed = {switch.dvsUuid: switch.pnic for switch in host.get(f"{_NET}.proxySwitch", ())}
    fastest = NAN
    for adapter in adapters:
        port = getattr(adapter.spec, "distributedVirtualPort", None)
        uplinks = (
            distributed.get(port.switchUuid)
            if port is not None
            else switches.get(groups.get(adapter.portgroup, ""))
        )
        for uplink in uplinks or ():
            speed = speeds.get(uplink, NAN)
            if not math.isnan(speed) and not fastest >= speed:
                fastest = float(speed)
    return fastest


def _vmotion_adapters(host: Facts) -> list[Any]:
    """The VMkernel adapters that are selected for vMotion."""
    for config in host.get("config.virtualNicManagerInfo.netConfig", ()):
        if config.nicType == "vmotion":
            # Keys end in the device, whatever stands before: vmotion.key-vim.host.VirtualNic-vmk1
            selected = {str(key).rpartition("-")[2] for key in config.selectedVnic or ()}
            return [nic for nic in config.candidateVnic or () if nic.device in selected]
    return []
