"""Pages are never created or lost, and no host ever holds more than it has: whatever is done."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.plants import Json, check_conservation, document
from vsphere_market.errors import ActionError, EstateError
from vsphere_market.plant import PlantVCenter, estate_from_json
from vsphere_market.port import (
    MEMORY_SETTINGS,
    Action,
    ActionKind,
    Entity,
    Migrate,
    SetMemory,
    memory_setting,
)

SHARE = st.floats(0.0, 1.0).map(lambda x: round(x, 3))


@st.composite
def shapes(draw: st.DrawFn) -> list[Json]:
    """Demand that jumps, comes and goes."""
    found: list[Json] = []
    if draw(st.booleans()):
        often, long = draw(st.floats(1, 200)), draw(st.floats(1, 30))
        height = draw(st.floats(-0.5, 1.5))
        found.append({"kind": "spikes", "amplitude": height, "per_day": often, "minutes": long})
    if draw(st.booleans()):
        found.append({"kind": "noise", "sigma": draw(st.floats(0, 1)), "minutes": 2})
    if draw(st.booleans()):
        found.append({"kind": "leak", "per_day": draw(st.floats(0.1, 40)), "restart_days": 0.01})
    if draw(st.integers(0, 3)) == 0:
        found.append({"kind": "churn", "on_hours": 0.1, "off_hours": 0.1})
    if draw(st.integers(0, 3)) == 0:
        found.append({"kind": "trace", "scale": draw(st.floats(0.1, 20))})
    return found


@st.composite
def machines(draw: st.DrawFn, at: int, pools: list[str]) -> Json:
    size = draw(st.sampled_from([0.5, 1, 2, 4, 8, 16]))
    machine: Json = {
        "name": f"vm-{at}",
        "memory_gib": size,
        "vcpus": draw(st.integers(1, 8)),
        "tools": draw(st.booleans()),
        "shares": draw(st.sampled_from(["low", "normal", "high"])),
        "host": draw(st.sampled_from(["a", "b", "spread", "fill"])),
        "hot_add": draw(st.booleans()),
        "guest_os": draw(st.sampled_from(["linux", "windows"])),
        "workload": {
            "working_set": draw(st.floats(0, 1.5)),
            "footprint": draw(SHARE),
            "cache": draw(SHARE),
            "idle_touch_min": draw(st.sampled_from([0, 0, 1, 30])),
            "drift_pct_per_h": draw(st.sampled_from([0, 5, 500])),
            "write_share": draw(st.sampled_from([0.1, 10])),
            "shapes": draw(shapes()),
        },
    }
    if draw(st.booleans()):
        machine["reservation_gib"] = round(size * draw(SHARE) * 0.3, 3)
    if draw(st.booleans()):
        machine["limit_gib"] = round(size * (0.3 + draw(SHARE)), 3)
    if draw(st.booleans()):
        machine["balloon_cap_gib"] = round(size * draw(SHARE), 3)
    if len(pools) > 0 and draw(st.booleans()):
        machine["pool"] = draw(st.sampled_from(pools))
    return machine


@st.composite
def estates(draw: st.DrawFn) -> Json:
    hosts = [
        {
            "name": name,
            "memory_gib": draw(st.sampled_from([4, 8, 16, 24])),
            "vmkernel_gib": 0.5,
            "vmotion_gbps": draw(st.sampled_from([0.1, 1, 10, 100])),
            "swap_mibps": draw(st.sampled_from([1, 50, 1000])),
            "advanced": {
                "Mem.IdleTax": draw(st.sampled_from([0, 75, 99])),
                "Mem.MemZipMaxPct": draw(st.sampled_from([0, 10, 100])),
            },
        }
        for name in ("a", "b")
    ]
    pools: list[Json] = []
    if draw(st.integers(0, 1)):
        pools = [
            {"name": "p", "limit_gib": draw(st.sampled_from([1, 4, 16])),
             "reservation_gib": draw(st.sampled_from([0, 0.5]))},
            {"name": "q", "parent": "p", "shares": "high"},
        ]  # fmt: skip
    names = [str(pool["name"]) for pool in pools]
    count = draw(st.integers(1, 10))
    vms = [draw(machines(at, names)) for at in range(count)]
    return document(vms, hosts, pools=pools, seed=draw(st.integers(0, 99)))


@st.composite
def deeds(draw: st.DrawFn, port: PlantVCenter) -> Action:
    """Something that somebody might try, sensible or not."""
    inventory, settings_ = port.world.inventory, port.world.inventory.settings
    row = draw(st.integers(0, len(inventory.vms) - 1))
    vm = Entity(inventory.vm_moids[row], inventory.vms[row].name)
    kind = draw(st.sampled_from([ActionKind.MIGRATE, *MEMORY_SETTINGS]))
    if kind is ActionKind.MIGRATE:
        here = int(port.world.fleet.host[row])
        ends = [Entity(inventory.host_moids[at], inventory.hosts[at].name) for at in (0, 1)]
        return Migrate(vm, ends[here], ends[1 - here])
    size = int(settings_.size[row])
    target: int | None = draw(st.sampled_from([size // 4, size // 2, size, size + 512, size * 2]))
    before: float | None = {
        ActionKind.LIMIT: settings_.limit[row],
        ActionKind.RESERVATION: settings_.reservation[row],
        ActionKind.HOT_ADD: settings_.size[row],
        ActionKind.RESIZE: settings_.size[row],
        ActionKind.BALLOON_CAP: settings_.balloon_cap[row],
    }[kind]
    if kind in (ActionKind.LIMIT, ActionKind.BALLOON_CAP) and draw(st.booleans()):
        target = None
    known = before is not None and bool(np.isfinite(before))
    return SetMemory(
        vm, memory_setting(kind), int(before) if known and before is not None else None, target
    )


def alive(estate: Json) -> PlantVCenter:
    """A plant of the estate; ones that nobody could power on are not of interest."""
    try:
        return PlantVCenter(estate_from_json(estate, where="random"))
    except EstateError:
        assume(False)
        raise


@settings(max_examples=60)
@given(st.data())
def test_pages_and_hosts_are_conserved_whatever_is_done(data: st.DataObject) -> None:
    port = alive(data.draw(estates()))
    check_conservation(port.world)
    for _ in range(data.draw(st.integers(1, 6))):
        for _ in range(data.draw(st.integers(0, 3))):
            action = data.draw(deeds(port))
            try:
                handle = port.submit(action)
            except ActionError:
                continue
            if data.draw(st.integers(0, 9)) == 0:
                port.cancel(handle)
        for _ in range(data.draw(st.integers(1, 30))):
            port.clock.sleep(15.0)
            check_conservation(port.world)


@settings(max_examples=15)
@given(estates())
def test_the_same_seed_gives_the_same_world(estate: Json) -> None:
    first, second = alive(estate), alive(estate)
    for port in (first, second):
        port.clock.sleep(1800.0)
    for name in ("granted", "ballooned", "swapped", "compressed", "active", "stall"):
        left: Any = getattr(first.world.fleet, name)
        assert np.array_equal(left, getattr(second.world.fleet, name)), name


@settings(max_examples=15)
@given(estates())
def test_snapshots_are_whole_and_never_negative(estate: Json) -> None:
    port = alive(estate)
    port.clock.sleep(900.0)
    vms = port.observe().vms
    seen = vms.samples > 0
    for name in ("granted_mib", "active_mib", "consumed_mib", "ballooned_mib", "swapped_mib",
                 "compressed_mib", "swap_in_kibps", "swap_out_kibps", "latency_pct",
                 "entitlement_mib"):  # fmt: skip
        values = getattr(vms, name)
        assert (values[seen] >= 0).all(), name
        assert np.isnan(values[~seen]).all(), name
    together = (vms.granted_mib + vms.ballooned_mib + vms.swapped_mib + vms.compressed_mib)[seen]
    assert (together <= vms.size_mib[seen] + 4).all(), "more than the VM is large"
