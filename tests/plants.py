"""Small plants for tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from vsphere_market.plant import PlantVCenter, World, estate_from_json
from vsphere_market.plant.laws import STEP_S
from vsphere_market.port import (
    ActionKind,
    Entity,
    Migrate,
    SetMemory,
    TaskHandle,
    TaskStatus,
    memory_setting,
)

Json = dict[str, Any]


def document(vms: list[Json], hosts: list[Json] | None = None, **more: Any) -> Json:
    """An estate of one cluster; ``more`` goes to its top, but rules, pools, ha to the cluster."""
    cluster: Json = {
        "name": "main",
        "hosts": hosts or [{"name": "esx-{n}", "count": 2, "memory_gib": 64}],
        "vms": vms,
    }
    for key in ("rules", "pools", "ha", "drs"):
        if key in more:
            cluster[key] = more.pop(key)
    return {
        "format": "vsphere-market/estate/1",
        "name": "test",
        "warm_up_min": 0,
        "clusters": [cluster],
        **more,
    }


def world(vms: list[Json], hosts: list[Json] | None = None, **more: Any) -> World:
    return World(estate_from_json(document(vms, hosts, **more), where="test"))


def plant(vms: list[Json], hosts: list[Json] | None = None, **more: Any) -> PlantVCenter:
    return PlantVCenter(estate_from_json(document(vms, hosts, **more), where="test"))


def vm(name: str, gib: float, working: float, **more: Any) -> Json:
    """A VM with a steady working set, a share of its memory; some keys go to its workload."""
    load: Json = {"working_set": working}
    for key in ("footprint", "cache", "idle_touch_min", "drift_pct_per_h", "shapes"):
        if key in more:
            load[key] = more.pop(key)
    return {"name": name, "memory_gib": gib, "workload": load, **more}


def run(alive: World, seconds: float) -> None:
    for _ in range(round(seconds / STEP_S)):
        alive.step()


def row(alive: World, name: str) -> int:
    return alive.inventory.vm_rows[name]


def entity(port: PlantVCenter, name: str) -> Entity:
    """A VM or a host by name."""
    inventory = port.world.inventory
    if name in inventory.vm_rows:
        return Entity(inventory.vm_moids[inventory.vm_rows[name]], name)
    return Entity(inventory.host_moids[inventory.host_rows[name]], name)


def migrate(port: PlantVCenter, name: str, target: str) -> Migrate:
    inventory = port.world.inventory
    here = inventory.hosts[int(port.world.fleet.host[inventory.vm_rows[name]])].name
    return Migrate(entity(port, name), entity(port, here), entity(port, target))


def setting(
    port: PlantVCenter, name: str, kind: ActionKind, before: int | None, after: int | None
) -> SetMemory:
    return SetMemory(entity(port, name), memory_setting(kind), before, after)


def finish(
    port: PlantVCenter, *handles: TaskHandle, patience_s: float = 3600.0
) -> list[TaskStatus]:
    """Sleep until all tasks are final."""
    ends = port.clock.now_s() + patience_s
    while True:
        statuses = list(port.poll(handles))
        if all(status.final for status in statuses):
            return statuses
        assert port.clock.now_s() < ends, statuses
        port.clock.sleep(5.0)


def check_conservation(alive: World) -> None:
    """Pages are never created or lost, and no host holds more than it has."""
    fleet, hosts = alive.fleet, alive.hosts
    for name in ("granted", "ballooned", "swapped", "compressed", "hot_out", "warm_out", "cache"):
        values = getattr(fleet, name)
        assert np.isfinite(values).all(), name
        assert (values >= -1e-6).all(), (name, values.min())
    assert (fleet.unbacked() >= -1e-6).all(), fleet.unbacked().min()
    out = fleet.swapped + fleet.compressed
    assert (fleet.hot_out + fleet.warm_out <= out + 1e-6).all()
    assert (fleet.ballooned <= fleet.guest_size + 1e-6).all()
    off = ~fleet.on
    for values in (fleet.granted, fleet.ballooned, fleet.swapped, fleet.compressed, fleet.overhead):
        assert (values[off] == 0.0).all(), "a VM that is off holds something"
    used = fleet.used_by_host(hosts)
    assert (used <= hosts.memory + 1e-6).all(), (hosts.memory - used).min()
    assert ((fleet.stall >= 0.0) & (fleet.stall <= 1.0)).all()
    assert ((fleet.latency >= 0.0) & (fleet.latency <= 1.0)).all()
    assert (hosts.incoming >= -1e-6).all()
