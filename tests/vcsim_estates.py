"""Small estates as documents, for tests of the simulator."""

from __future__ import annotations

from typing import Any

GIB = 1024

CLUSTER = "domain-c8"
ROOT_POOL = "resgroup-9"


def host_row(moid: str, **more: Any) -> dict[str, Any]:
    """A healthy host of 64 GiB in the cluster."""
    return {
        "moid": moid,
        "name": f"{moid}.example.com",
        "cluster": CLUSTER,
        "version": "8.0.3",
        "vmotion_enabled": True,
        "vmotion_mbps": 25000,
        "networks": ["network-20"],
        "datastores": ["datastore-30"],
        "memory_mib": 64 * GIB,
        "vmkernel_mib": 0,
        "consumed_mib": 30 * GIB,
    } | more


def vm_row(moid: str, host: str, **more: Any) -> dict[str, Any]:
    """A running 8 GiB Linux VM with hot-add, nothing reserved and no measured overhead."""
    return {
        "moid": moid,
        "name": f"name of {moid}",
        "instance_uuid": f"5010{moid.rpartition('-')[2]:0>8}",
        "host": host,
        "cluster": CLUSTER,
        "pool": ROOT_POOL,
        "folder": "/DC/vm/prod",
        "guest_os": "rhel9_64Guest",
        "tools_running": True,
        "networks": ["network-20"],
        "datastores": ["datastore-30"],
        "size_mib": 8 * GIB,
        "vcpus": 2,
        "hot_add_enabled": True,
        "hot_add_limit_mib": 128 * GIB,
        "hot_add_increment_mib": 128,
        "change_version": f"{moid}-1",
        "overhead_mib": 0,
        "consumed_mib": 4 * GIB,
    } | more


def estate(**tables: Any) -> dict[str, Any]:
    """Three hosts, two VMs on the first, one on the second; `tables` replaces whole tables."""
    document: dict[str, Any] = {
        "format": "vsphere-market/snapshot/1",
        "taken_at": "2026-11-23T08:00:00Z",
        "source": {"kind": "vcenter", "name": "vc.example.com", "instance_uuid": "4c4c4544-1"},
        "clusters": [{"moid": CLUSTER, "name": "prod", "datacenter": "DC"}],
        "hosts": [host_row("host-11"), host_row("host-12"), host_row("host-13")],
        "pools": [{"moid": ROOT_POOL, "name": "Resources", "cluster": CLUSTER, "expandable": True}],
        "datastores": [
            {
                "moid": "datastore-30",
                "name": "ssd",
                "capacity_mib": 1000 * GIB,
                "free_mib": 400 * GIB,
                "accessible": True,
            }
        ],
        "vms": [
            vm_row("vm-101", "host-11"),
            vm_row("vm-102", "host-11"),
            vm_row("vm-103", "host-12"),
        ],
    }
    return document | tables
