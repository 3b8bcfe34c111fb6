"""A small, calm estate with something in every column, and ways to connect to a simulator of it."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from typing import Any

from pyVim.connect import Disconnect, SmartConnect

from tests.vcsim import Simulator, StockVcsim
from vsphere_market.adapter import (
    AdapterSettings,
    CounterSettings,
    Credentials,
    PyVmomiVCenter,
    Secret,
    Target,
    Timeouts,
    TlsMode,
)

#: Long enough for a busy machine, short enough for a test.
TIMEOUTS = Timeouts(probe_s=10, request_s=20)

VM_COUNTERS = {
    "granted_mib": 3000,
    "active_mib": 900,
    "active_peak_mib": 900,
    "consumed_mib": 2900,
    "shared_mib": 20,
    "overhead_mib": 60,
    "ballooned_mib": 100,
    "balloon_target_mib": 120,
    "swapped_mib": 30,
    "compressed_mib": 10,
    "swap_in_kibps": 40,
    "swap_out_kibps": 4,
    "decompress_kibps": 12,
    "latency_pct": 1.5,
    "entitlement_mib": 3100,
    "cpu_demand_mhz": 800,
    "cpu_ready_pct": 2,
}
HOST_COUNTERS = {
    "vmkernel_mib": 1500,
    "low_free_threshold_mib": 1200,
    "consumed_mib": 30000,
    "reserved_mib": 4000,
    "memory_state": 1,
    "ballooned_mib": 200,
    "swapped_mib": 60,
    "compressed_mib": 20,
    "swap_in_kibps": 80,
    "swap_out_kibps": 8,
    "latency_pct": 0.5,
    "cpu_used_mhz": 9000,
}


def document() -> dict[str, Any]:
    """The estate as a snapshot file would hold it: two clusters, a lone host, eight VMs."""
    return {
        "format": "vsphere-market/snapshot/1",
        "taken_at": "2026-11-23T08:00:00Z",
        "source": {"kind": "file", "name": "small"},
        "clusters": [
            {
                "moid": "domain-c1",
                "name": "gold",
                "datacenter": "DC",
                "drs_enabled": True,
                "drs_behavior": "partiallyAutomated",
                "drs_vmotion_rate": 3,
                "ha_enabled": True,
                "ha_admission_control": True,
                "ha_reserve_memory_pct": 10,
            },
            {"moid": "domain-c2", "name": "silver", "datacenter": "DC"},
        ],
        "hosts": [
            _host("host-1", "domain-c1"),
            _host("host-2", "domain-c1"),
            _host("host-3", "domain-c1"),
            _host("host-4", "domain-c2"),
            _host("host-5", None),
        ],
        "pools": [
            {"moid": "resgroup-1", "name": "Resources", "cluster": "domain-c1"},
            {"moid": "resgroup-2", "name": "Resources", "cluster": "domain-c2"},
            {
                "moid": "resgroup-3",
                "name": "batch",
                "cluster": "domain-c1",
                "parent": "resgroup-1",
                "shares": 4000,
                "expandable": True,
            },
        ],
        "datastores": [
            {
                "moid": "datastore-1",
                "name": "san",
                "capacity_mib": 1048576,
                "free_mib": 524288,
                "accessible": True,
            },
            {"moid": "datastore-2", "name": "nas", "accessible": True},
        ],
        "vms": [
            _vm(
                "vm-1",
                "host-1",
                name="web 50%/a",
                folder="/DC/vm/prod/web",
                hot_add_enabled=True,
                hot_add_limit_mib=65536,
                hot_add_increment_mib=128,
                custom_attributes=["tier=gold"],
            ),
            _vm("vm-2", "host-1", reservation_mib=1024, latency_sensitivity_high=True),
            _vm("vm-3", "host-2", limit_mib=2048, pool="resgroup-3"),
            _vm("vm-4", "host-2", balloon_cap_mib=512),
            _vm("vm-5", "host-3", reservation_mib=4096, reservation_locked_to_max=True),
            _vm("vm-6", "host-4", cluster="domain-c2", pool="resgroup-2"),
            _vm("vm-7", "host-1", power="poweredOff", counters=False),
            _vm("vm-8", "host-1", power="poweredOff", counters=False, template=True),
        ],
        "rules": [
            {
                "moid": "domain-c1/7",
                "name": "apart",
                "cluster": "domain-c1",
                "kind": "antiAffinity",
                "mandatory": True,
                "enabled": True,
                "vms": ["vm-2", "vm-3"],
            },
            {
                "moid": "domain-c1/8",
                "name": "licensed",
                "cluster": "domain-c1",
                "kind": "vmHost",
                "mandatory": True,
                "enabled": True,
                "vms": ["vm-4"],
                "hosts": ["host-1", "host-2"],
            },
        ],
    }


def _host(moid: str, cluster: str | None) -> dict[str, Any]:
    row = {
        "moid": moid,
        "name": f"{moid}.example.com",
        "version": "8.0.3",
        "vmotion_enabled": True,
        "vmotion_mbps": 10000,
        "datastores": ["datastore-1", "datastore-2"],
        "memory_mib": 65536,
        "cpu_mhz": 40000,
        "cpu_cores": 16,
        **HOST_COUNTERS,
    }
    return row if cluster is None else {**row, "cluster": cluster}


def _vm(moid: str, host: str, *, counters: bool = True, **more: Any) -> dict[str, Any]:
    return {
        "moid": moid,
        "name": moid,
        "host": host,
        "cluster": "domain-c1",
        "pool": "resgroup-1",
        "folder": "/DC/vm",
        "guest_os": "otherLinux64Guest",
        "tools_running": True,
        "datastores": ["datastore-1"],
        "size_mib": 4096,
        "vcpus": 2,
        "shares": 40960,
        **(VM_COUNTERS if counters else {}),
        **more,
    }


def connect(
    simulator: Simulator | StockVcsim,
    *,
    tls: TlsMode = TlsMode.INSECURE,
    pin: str = "",
    user: str = "",
    password: str = "",
    page_size: int = 1000,
    counters: CounterSettings | None = None,
    timeouts: Timeouts = TIMEOUTS,
) -> PyVmomiVCenter:
    """The adapter at a simulator, as its administrator unless somebody else is named."""
    target = Target(
        host=simulator.host,
        port=simulator.port,
        user=user or simulator.username,
        tls=tls,
        pin_sha256=pin,
    )
    return PyVmomiVCenter(
        target,
        Credentials(target.user, Secret(password or simulator.password)),
        AdapterSettings(
            timeouts=timeouts, counters=counters or CounterSettings(), page_size=page_size
        ),
    )


@contextlib.contextmanager
def as_administrator(stock: StockVcsim) -> Iterator[Any]:
    """The service content of another login, for what the adapter itself never does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    instance = SmartConnect(  # type: ignore[no-untyped-call]
        host=stock.host,
        port=stock.port,
        user=stock.username,
        pwd=stock.password,
        sslContext=context,
    )
    try:
        yield instance.RetrieveContent()
    finally:
        Disconnect(instance)  # type: ignore[no-untyped-call]
