"""Random estates for property tests: every awkward thing at once, yet valid snapshots.

Among them: hosts above 100 %, hosts without memory to speak of, hosts that are away, missing
counters, limits, reservations, caps, templates, passthrough, rules that hold and rules that are
broken already, VMs without a host, empty estates.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from hypothesis import strategies as st

from vsphere_market.demand import Demand
from vsphere_market.demand.sizing import Sizing
from vsphere_market.estate import (
    KEEP_APART,
    KEEP_TOGETHER,
    NOT_ON,
    RUN_ON,
    VSAN_APART,
    VSAN_MEMBER,
    VSAN_WITNESS,
    Snapshot,
    snapshot_from_json,
)
from vsphere_market.policy import MergedClusters, Mode, Rulebook, default_rulebook
from vsphere_market.port import ActionKind
from vsphere_market.units import FloatArray

T = TypeVar("T")

FORMAT = "vsphere-market/snapshot/1"
#: Of VMs.
FLAGS = (
    "passthrough",
    "template",
    "fault_tolerance",
    "reservation_locked_to_max",
    "latency_sensitivity_high",
)
EVC_MODES = ["intel-haswell", "intel-skylake", "amd-zen2", "intel-of-tomorrow"]


def snapshot_of(**tables: list[dict[str, Any]]) -> Snapshot:
    """A snapshot from rows as a file would hold them."""
    document = {
        "format": FORMAT,
        "taken_at": "2026-11-23T08:00:00Z",
        "source": {"kind": "file", "name": "test", "instance_uuid": "test-uuid"},
        **tables,
    }
    return snapshot_from_json(document, where="test")


def cluster_row(moid: str = "domain-c1", **more: Any) -> dict[str, Any]:
    return {"moid": moid, "name": moid, **more}


def host_row(moid: str, memory_mib: float, **more: Any) -> dict[str, Any]:
    """A healthy host of cluster domain-c1 with vMotion."""
    return {
        "moid": moid,
        "name": moid,
        "cluster": "domain-c1",
        "memory_mib": memory_mib,
        "vmkernel_mib": 0,
        "low_free_threshold_mib": 0,
        "vmotion_enabled": True,
    } | more


def vm_row(moid: str, host: str, size_mib: float, **more: Any) -> dict[str, Any]:
    """A running VM with Tools; everything granted, a third active, unless told otherwise."""
    return {
        "moid": moid,
        "name": moid,
        "host": host,
        "cluster": "domain-c1",
        "size_mib": size_mib,
        "tools_running": True,
        "granted_mib": size_mib,
        "active_mib": size_mib // 3,
        "overhead_mib": 64,
        "ballooned_mib": 0,
        "swapped_mib": 0,
        "compressed_mib": 0,
        "swap_in_kibps": 0,
        "decompress_kibps": 0,
        "latency_pct": 0,
        "samples": 15,
    } | more


class Dice:
    """Random choices from one drawn seed: thousands of estates a minute, replayed by number.

    Hypothesis draws the seed and the sizes, so failures shrink to few hosts and VMs.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        # Half of the estates are mostly healthy, so that there is something to trade.
        self._calm = 6 if self.coin() else 1

    def coin(self) -> bool:
        return self._random.random() < 0.5

    def rarely(self, chance: int = 5) -> bool:
        """True once in about ``chance`` throws."""
        return self._random.randrange(chance * self._calm) == 0

    def pick(self, options: Sequence[T]) -> T:
        return self._random.choice(options)

    def some(self, options: Sequence[T], most: int) -> list[T]:
        """Between none and ``most`` different ones."""
        count = self._random.randint(0, min(most, len(options)))
        return self._random.sample(list(options), count)

    def upto(self, of: float) -> int:
        """A whole amount between 0 and ``of``, with both ends likely."""
        share = self._random.choice([0.0, 1.0, self._random.random(), self._random.random()])
        return int(of * share)


@st.composite
def snapshots(
    draw: st.DrawFn, max_hosts: int = 6, max_vms: int = 14, *, joined: bool = False
) -> Snapshot:
    """Any valid snapshot of up to two clusters and standalone hosts.

    Args:
        draw: Hypothesis's.
        max_hosts: most hosts.
        max_vms: most VMs.
        joined: two clusters whose hosts see the same, with VMs in the root pools, and hosts that
            rest: what merging clusters and waking hosts is about.
    """
    clusters = 2 if joined else draw(st.sampled_from([1, 2, 0]))
    host_count = max_hosts - draw(st.integers(0, max_hosts - (2 if joined else 0)))
    vm_count = max_vms - draw(st.integers(0, max_vms))
    dice = Dice(draw(st.integers(0, 2**32 - 1)))
    hosts = [_host(dice, at, clusters) for at in range(host_count)]
    vms = [_vm(dice, at, hosts) for at in range(vm_count)]
    pools = _pools(dice, clusters, vms) if clusters and (joined or dice.coin()) else []
    stores = _datastores(dice, hosts, vms) if joined or dice.coin() else []
    if joined:
        _join(dice, hosts, vms)
    rules = [_rule(dice, at, hosts, vms) for at in range(3)] if vms and dice.coin() else []
    return snapshot_of(
        clusters=[
            cluster_row(
                f"domain-c{at}",
                ha_enabled=dice.coin(),
                ha_admission_control=dice.coin(),
                **({"ha_reserve_memory_pct": 25} if dice.coin() else {}),
                **(_drs(dice) if dice.rarely(3) else {}),
            )
            for at in range(clusters)
        ],
        hosts=hosts,
        vms=vms,
        rules=rules,
        pools=pools,
        datastores=stores,
    )


def _join(dice: Dice, hosts: list[dict[str, Any]], vms: list[dict[str, Any]]) -> None:
    """Let all hosts see everything, some of them rest, and most VMs be free to go."""
    for host in hosts:
        host["networks"], host["datastores"] = ["net-1", "net-2"], ["datastore-0", "datastore-1"]
        if dice.pick(range(5)) == 0:
            host["power"] = "standBy"
    for vm in vms:
        if "pool" in vm and dice.pick(range(4)):
            vm["pool"] = vm["pool"].replace("-v", "-")
        if dice.pick(range(4)):
            vm["reservation_mib"] = 0


def _drs(dice: Dice) -> dict[str, Any]:
    """DRS of every degree of automation."""
    return {
        "drs_enabled": dice.coin(),
        "drs_behavior": dice.pick(["manual", "partiallyAutomated", "fullyAutomated"]),
        "drs_vmotion_rate": dice.pick([1, 3, 5]),
    }


def _pools(dice: Dice, clusters: int, vms: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A root pool and one below it for each cluster; puts VMs into them."""
    rows = []
    for at in range(clusters):
        root: dict[str, Any] = {"moid": f"resgroup-{at}", "name": "Resources"}
        below = {"moid": f"resgroup-v{at}", "name": "below", "parent": root["moid"]}
        for row in (root, below):
            row["cluster"] = f"domain-c{at}"
            if dice.coin():
                row["unreserved_mib"] = dice.upto(65536)
        if dice.coin():
            below["limit_mib"] = dice.upto(65536)
        rows += [root, below]
    for vm in vms:
        if "cluster" in vm and not dice.rarely(6):
            number = vm["cluster"].removeprefix("domain-c")
            vm["pool"] = f"resgroup-{'v' if dice.coin() else ''}{number}"
            if dice.coin():
                vm["shares"] = dice.pick([1, 20, 81920, 163840])
    return rows


def _datastores(
    dice: Dice, hosts: list[dict[str, Any]], vms: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Two datastores that every host sees, or some; VMs live on one of them."""
    rows = []
    for at in range(2):
        row = {"moid": f"datastore-{at}", "name": f"store-{at}", "capacity_mib": 4_000_000}
        row |= {"free_mib": dice.upto(4_000_000), "accessible": True}
        if dice.coin():
            row["latency_ms"] = dice.pick([0, 0.5, 2, 30, 900])
        if dice.coin():
            row["iops"] = dice.pick([0, 40, 3000, 100_000])
        if dice.coin():
            row["io_kibps"] = dice.pick([0, 4000, 900_000])
        rows.append(row)
    for host in hosts:
        if dice.coin():
            host["datastores"] = [row["moid"] for row in rows[: 1 + dice.pick(range(2))]]
            if not dice.rarely():
                host["networks"] = ["net-1", "net-2"]
    for vm in vms:
        if dice.coin():
            vm["home_datastore"] = dice.pick([row["moid"] for row in rows])
            vm["datastores"] = [vm["home_datastore"]]
            vm["storage_mib"] = dice.upto(500_000)
    return rows


def _host(dice: Dice, at: int, clusters: int) -> dict[str, Any]:
    memory = dice.pick([16384, 32768, 65536, 65536, 98304] if not dice.rarely(6) else [1, 4096])
    row = host_row(f"host-{at}", memory)
    del row["cluster"]
    if clusters and not dice.rarely(8):
        row["cluster"] = f"domain-c{dice.pick(range(clusters))}"
    if dice.rarely():
        del row["vmkernel_mib"], row["low_free_threshold_mib"]
    if dice.rarely(8):
        row["connection"] = dice.pick(["disconnected", "notResponding"])
    if dice.rarely(8):
        row["in_maintenance"] = True
    if dice.rarely(6):
        row["power"] = "standBy"
    if dice.rarely(10):
        row["vmotion_enabled"] = False
    if dice.rarely(12):
        row[dice.pick(["in_quarantine", "failover_host"])] = True
    if dice.rarely(12):
        row["vsan"] = dice.pick([VSAN_MEMBER, VSAN_WITNESS, VSAN_APART])
    if dice.coin():
        row["cpu_mhz"] = 1 + dice.upto(100_000)
    if dice.coin():
        row["cpu_cores"] = dice.pick([1, 4, 32])
    if dice.coin():
        row["uplink_mbps"] = dice.pick([0, 1000, 20_000])
    if dice.coin():
        row["storage_mbps"] = dice.pick([0, 2000, 16_000])
    if dice.coin():
        row["vmotion_mbps"] = dice.pick([1000, 10_000, 25_000])
    if dice.rarely():
        row["networks"] = dice.some(["net-1", "net-2"], 2)
    if dice.rarely():
        row["evc_mode"] = dice.pick(EVC_MODES)
    if dice.rarely(6):
        row["licence_features"] = dice.some(["hotplug", "svmotion", "vmotion"], 3)
    return row


def _vm(dice: Dice, at: int, hosts: list[dict[str, Any]]) -> dict[str, Any]:
    size = dice.pick([4096, 8192, 8192, 16384, 32768] if not dice.rarely() else [4, 2048, 131072])
    row: dict[str, Any] = {"moid": f"vm-{at}", "name": f"vm-{at}", "size_mib": size}
    if hosts and not dice.rarely(12):
        # The first hosts get the most, so that there is something to put right.
        host = dice.pick(hosts[: 1 + dice.pick(range(len(hosts)))])
        row["host"] = host["moid"]
        if "cluster" in host:
            row["cluster"] = host["cluster"]
    row["tools_running"] = not dice.rarely()
    if dice.coin():
        row["vcpus"] = dice.pick([1, 2, 16])
    if dice.rarely(8):
        row["power"] = dice.pick(["poweredOff", "suspended"])
    for flag in FLAGS:
        if dice.rarely(15):
            row[flag] = True
    if dice.rarely(15):
        row["drs_override"] = dice.pick(["disabled", "manual", "fullyAutomated"])
    if dice.rarely(20):
        row["custom_attributes"] = ["vsphere-market=stop"]
    if dice.rarely(15):
        row["managed_by"] = "com.vmware.vcls"
    if dice.rarely(4):
        row["reservation_mib"] = dice.upto(size)
    if dice.rarely(4):
        row["limit_mib"] = max(dice.upto(size * 1.2), row.get("reservation_mib", 0))
    if dice.rarely(4):
        row["balloon_cap_mib"] = dice.upto(size)
    if dice.coin():
        row["hot_add_enabled"] = True
        row["hot_add_limit_mib"] = size * dice.pick([1, 2, 16])
        row["hot_add_increment_mib"] = dice.pick([4, 128, 1000])
    row["guest_os"] = dice.pick(["", "otherLinux64Guest", "windows2019srv_64Guest"])
    if dice.rarely():
        row["networks"] = dice.some(["net-1", "net-2"], 2)
    if dice.rarely():
        row["evc_mode"] = dice.pick(EVC_MODES)
    taken = dice.upto(size) if dice.rarely(3) else 0
    ballooned = taken // 2
    counters: dict[str, float] = {
        "granted_mib": dice.upto(size),
        "active_mib": dice.upto(size),
        "active_peak_mib": dice.upto(size * 1.2),
        "consumed_mib": dice.upto(size),
        "overhead_mib": dice.upto(400),
        "ballooned_mib": ballooned,
        "swapped_mib": taken - ballooned,
        "compressed_mib": dice.upto(size) if dice.rarely(8) else 0,
        "swap_in_kibps": dice.pick([0, 0, 100, 100_000]),
        "decompress_kibps": 0,
        "latency_pct": dice.pick([0, 0, 3, 100]),
        "guest_swap_kibps": dice.pick([0, 0, 500]),
        "cpu_demand_mhz": dice.upto(20_000),
        "net_kibps": dice.upto(200_000),
        "iops": dice.pick([0, 30, 1000, 20_000]),
        "io_kibps": dice.pick([0, 500, 200_000]),
        "io_latency_ms": dice.pick([0.5, 4, 80]),
        "samples": dice.upto(15),
    }
    if not dice.rarely(10):
        row |= {name: value for name, value in counters.items() if not dice.rarely(12)}
    return row


def _rule(
    dice: Dice, at: int, hosts: list[dict[str, Any]], vms: list[dict[str, Any]]
) -> dict[str, Any]:
    kind = dice.pick([KEEP_APART, KEEP_TOGETHER, RUN_ON, NOT_ON])
    row: dict[str, Any] = {
        "moid": f"rule-{at}",
        "name": f"rule-{at}",
        "kind": kind,
        "mandatory": dice.coin(),
        "enabled": not dice.rarely(),
        "vms": dice.some([vm["moid"] for vm in vms], 4),
    }
    if kind in (RUN_ON, NOT_ON):
        row["hosts"] = dice.some([host["moid"] for host in hosts], 3)
    return row


@st.composite
def rulebooks(draw: st.DrawFn, snapshot: Snapshot) -> Rulebook:
    """Any rulebook for a snapshot, as far as the market reads it."""
    vms, hosts = len(snapshot.vms), len(snapshot.hosts)
    dice = Dice(draw(st.integers(0, 2**32 - 1)))

    def per_vm(values: list[float]) -> FloatArray:
        return np.array([dice.pick(values) for _ in range(vms)], dtype=np.float64)

    return dataclasses.replace(
        default_rulebook(snapshot),
        priority=per_vm([0.25, 1.0, 4.0]),
        guarantee=per_vm([0.0, 0.0, 0.5, 1.0]),
        modes={
            kind: per_vm([Mode.OFF, Mode.APPROVE, Mode.AUTOMATIC]).astype(np.int8)
            for kind in ActionKind
        },
        max_size_mib=per_vm([np.inf, 8192.0]),
        reboot_allowed=per_vm([0.0, 1.0]) > 0,
        may_stop=per_vm([0.0, 0.0, 0.0, 1.0]) > 0,
        may_start=per_vm([0.0, 1.0]) > 0,
        host_may_suspend=np.array([dice.coin() for _ in range(hosts)], dtype=np.bool_),
        host_may_provision=np.array([dice.coin() for _ in range(hosts)], dtype=np.bool_),
        host_failover=np.full(hosts, dice.pick([0.0, 0.0, 1.0])),
        merged_clusters=(
            (MergedClusters("merged", tuple(range(len(snapshot.clusters)))),) if dice.coin() else ()
        ),
        host_excluded=np.array([dice.rarely(4) for _ in range(hosts)], dtype=np.bool_),
        host_reserve=np.full(hosts, dice.pick([0.0, 0.1])),
    )


def remembered(demand: Demand, seed: int) -> Demand:
    """The same with weeks of history for sizing, in which VMs wanted little, or not so little."""
    rng = np.random.default_rng(seed)
    sizing = Sizing.unknown(demand.wanted)
    share = rng.choice([0.2, 0.9, 2.0], size=(len(demand.wanted), 1))
    wanted = demand.wanted[:, None]
    return dataclasses.replace(
        demand,
        sizing=dataclasses.replace(
            sizing,
            days=wanted * share * rng.uniform(0.5, 1.0, sizing.days.shape),
            week=wanted * share * rng.uniform(0.5, 1.0, sizing.week.shape),
            hours=np.full(sizing.hours.shape, 500),
        ),
    )
