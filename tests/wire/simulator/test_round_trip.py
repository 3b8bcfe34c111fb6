"""A snapshot served and read again over the wire is the same snapshot."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.vcsim import Simulator
from tests.vcsim_estates import CLUSTER, ROOT_POOL, estate, host_row, vm_row
from tests.vcsim_feed import samples_of
from vsphere_market.adapter import Credentials, PyVmomiVCenter, Secret, target_from
from vsphere_market.estate import Snapshot, snapshot_from_json, snapshot_to_json

VM_COUNTERS: dict[str, float] = {
    "granted_mib": 8000,
    "active_mib": 2000,
    "active_peak_mib": 3001,
    "consumed_mib": 7000,
    "shared_mib": 100,
    "overhead_mib": 80,
    "ballooned_mib": 500,
    "balloon_target_mib": 600,
    "swapped_mib": 300,
    "compressed_mib": 20,
    "swap_in_kibps": 55,
    "swap_out_kibps": 66,
    "decompress_kibps": 77,
    "latency_pct": 1.5,
    "entitlement_mib": 7168,
    "cpu_demand_mhz": 800,
    "cpu_ready_pct": 2.5,
    "net_kibps": 4321,
    "storage_mib": 51_200,
    "iops": 1001,
    "io_kibps": 20_003,
    "io_latency_ms": 7,
    "samples": 15,
}

HOST_COUNTERS: dict[str, float] = {
    "consumed_mib": 30000,
    "vmkernel_mib": 1500,
    "low_free_threshold_mib": 700,
    "reserved_mib": 9000,
    "memory_state": 1,
    "ballooned_mib": 500,
    "swapped_mib": 300,
    "compressed_mib": 20,
    "swap_in_kibps": 55,
    "swap_out_kibps": 66,
    "latency_pct": 0.25,
    "cpu_used_mhz": 12000,
    "samples": 15,
}


def served(simulator: Simulator, folder: Path) -> Snapshot:
    """What the adapter reads from a simulator."""
    authority = folder / "ca.pem"
    authority.write_text(simulator.certificate_pem, encoding="ascii")
    target = target_from(
        f"{simulator.host}:{simulator.port}",
        user=simulator.username,
        ca_file=authority,
        environ={},
    )
    credentials = Credentials(simulator.username, Secret(simulator.password))
    with PyVmomiVCenter(target, credentials) as vcenter:
        return vcenter.observe()


def differences(want: Any, have: Any) -> list[str]:
    """Cells that differ, of the columns that any of the two has; sample times aside."""
    found = []
    for table in ("clusters", "hosts", "pools", "datastores", "vms", "rules"):
        rows = [{row["moid"]: row for row in doc[table]} for doc in (want, have)]
        for moid in sorted(rows[0].keys() | rows[1].keys()):
            one, two = (side.get(moid, {}) for side in rows)
            # The simulator makes the physical adapters that vMotion's speed needs, and gives every
            # VM a folder.
            made_up = {"sampled_at_s", "uplink_mbps", "home_datastore"}
            # Hosts without a licence are in evaluation.
            if "licence_features" not in one:
                made_up |= {"licence"}
            names = sorted((one.keys() | two.keys()) - made_up)
            found += [
                f"{table}/{moid}/{name}: {one.get(name)} -> {two.get(name)}"
                for name in names
                if one.get(name) != two.get(name)
            ]
    return found


def full() -> dict[str, Any]:
    """An estate in which every column that an adapter can read has a value."""
    hardware = {"cpu_mhz": 96000, "cpu_cores": 40}
    return estate(
        clusters=[
            {
                "moid": CLUSTER,
                "name": "prod",
                "datacenter": "DC",
                "drs_enabled": True,
                "drs_behavior": "manual",
                "drs_vmotion_rate": 3,
                "ha_enabled": True,
                "ha_admission_control": True,
                "ha_reserve_memory_pct": 25,
                "ha_failover_level": 1,
            }
        ],
        hosts=[
            host_row(
                "host-11",
                storage_mbps=16_000,
                licence="vSphere 8 Standard",
                licence_features=["hotplug", "svmotion", "vmotion"],
                **hardware,
                **HOST_COUNTERS,
            ),
            host_row("host-12", **hardware, **HOST_COUNTERS, in_maintenance=True),
        ],
        pools=[
            {
                "moid": ROOT_POOL,
                "name": "Resources",
                "cluster": CLUSTER,
                "expandable": True,
                "shares": 163840,
                "unreserved_mib": 50000,
            },
            {
                "moid": "resgroup-10",
                "name": "gold",
                "cluster": CLUSTER,
                "parent": ROOT_POOL,
                "reservation_mib": 20000,
                "limit_mib": 90000,
                "shares": 8000,
                "unreserved_mib": 12345,
            },
        ],
        vms=[
            vm_row(
                "vm-101",
                "host-11",
                pool="resgroup-10",
                reservation_mib=1024,
                limit_mib=4096,
                shares=777,
                cpu_reservation_mhz=500,
                balloon_cap_mib=2048,
                latency_sensitivity_high=True,
                custom_attributes=["owner=dba"],
                **VM_COUNTERS,
            ),
            vm_row("vm-102", "host-11", shares=81920, **VM_COUNTERS),
        ],
        datastores=[
            {
                "moid": "datastore-30",
                "name": "ssd",
                "capacity_mib": 1_024_000,
                "free_mib": 409_600,
                "iops": 5003,
                "io_kibps": 160_001,
                "latency_ms": 12,
                "accessible": True,
            }
        ],
        rules=[
            {
                "moid": f"{CLUSTER}/4",
                "name": "away",
                "cluster": CLUSTER,
                "kind": "vmAntiHost",
                "mandatory": True,
                "enabled": True,
                "vms": ["vm-101"],
                "hosts": ["host-12"],
            }
        ],
    )


def test_a_snapshot_comes_back(start_simulator: Any, tmp_path: Path) -> None:
    document = full()
    want = snapshot_to_json(snapshot_from_json(document, where="test"))
    simulator = start_simulator(document)
    assert differences(want, snapshot_to_json(served(simulator, tmp_path))) == []


def test_what_every_host_tells_of_a_datastore_is_read_with_the_rest(
    start_simulator: Any, tmp_path: Path
) -> None:
    simulator = start_simulator(full())
    served(simulator, tmp_path)
    # One request for VMs and one for hosts, however many datastores they use.
    assert len(simulator.calls("QueryPerf")) == 2


@pytest.mark.parametrize("factor", [0.0, 2.0])
def test_a_plant_can_drive_the_counters(
    start_simulator: Any, tmp_path: Path, factor: float
) -> None:
    document = full()
    for row in document["vms"]:
        row |= {name: row[name] * factor for name in ("ballooned_mib", "swap_in_kibps")}
    fed = snapshot_from_json(document, where="test")
    simulator = start_simulator(full(), time=datetime(2026, 11, 23, 8, tzinfo=UTC), rate=0)
    simulator.forget_counters()
    simulator.advance(20)
    simulator.counters(**samples_of(fed))
    got = served(simulator, tmp_path).vms
    assert list(got.ballooned_mib) == [500 * factor] * 2
    assert list(got.swap_in_kibps) == [55 * factor] * 2
    assert list(got.samples) == [1, 1]
