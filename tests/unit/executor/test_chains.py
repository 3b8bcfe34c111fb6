"""What plans of every kind expect of the world before their first step."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from tests.fakes import plan, step
from vsphere_market.estate import Snapshot
from vsphere_market.executor import drift
from vsphere_market.port import (
    Action,
    ActionKind,
    ApplyRecommendation,
    EnableHotAdd,
    Entity,
    Migrate,
    MigrateStorage,
    PoolSetting,
    ProvisionHost,
    Rest,
    SetMemory,
    SetPool,
    SetShares,
    Start,
    Stop,
    SuspendHost,
)

VM, OTHER = Entity("vm-1", "web-1"), Entity("vm-2", "web-2")
H1, H2 = Entity("host-1", "esx-1"), Entity("host-2", "esx-2")
POOL, CLUSTER = Entity("resgroup-2", "batch"), Entity("domain-c1", "gold")
FAST, SLOW = Entity("datastore-1", "fast"), Entity("datastore-2", "slow")
RESIZE = SetMemory(VM, ActionKind.RESIZE, 8192, 4096)
MOVE = Migrate(VM, H1, H2)


def world(
    vm: dict[str, Any] | None = None,
    host: dict[str, Any] | None = None,
    other: dict[str, Any] | None = None,
    pool: dict[str, Any] | None = None,
    slow: dict[str, Any] | None = None,
) -> Snapshot:
    """Two hosts; web-1 on the first one, web-2 on the second, switched off."""
    datastores = {"datastores": ["datastore-1", "datastore-2"]}
    hosts = [
        host_row("host-1", 65536, **datastores),
        host_row("host-2", 65536, **datastores, **(host or {})),
    ]
    first = {"datastores": ["datastore-1"], "shares": 81920, **(vm or {})}
    second = {"power": "poweredOff", **(other or {})}
    pools = [
        {"moid": "resgroup-1", "name": "Resources", "cluster": "domain-c1"},
        {
            "moid": "resgroup-2",
            "name": "batch",
            "cluster": "domain-c1",
            "parent": "resgroup-1",
            "reservation_mib": 1024,
            "shares": 4000,
            **(pool or {}),
        },
    ]
    return snapshot_of(
        clusters=[cluster_row()],
        hosts=hosts,
        pools=pools,
        datastores=[
            {"moid": "datastore-1", "name": "fast", "accessible": True},
            {"moid": "datastore-2", "name": "slow", "accessible": True, **(slow or {})},
        ],
        vms=[{**vm_row("vm-1", "host-1", 8192), **first}, vm_row("vm-2", "host-2", 8192, **second)],
    )


#: A move into another cluster, from pool to pool.
FAR, ROOT_THERE = Entity("host-3", "esx-3"), Entity("resgroup-3", "Resources of silver")
AWAY = Migrate(VM, H1, FAR, (Entity("resgroup-1", "Resources"), ROOT_THERE))


def abroad(
    vm: dict[str, Any] | None = None, *, there: str = "domain-c2", pools: int = 2
) -> Snapshot:
    """Two clusters of a host each; web-1 in the first one's root pool."""
    roots = [
        {"moid": "resgroup-1", "name": "Resources", "cluster": "domain-c1"},
        {"moid": "resgroup-3", "name": "Resources of silver", "cluster": "domain-c2"},
    ]
    return snapshot_of(
        clusters=[cluster_row(), cluster_row("domain-c2")],
        hosts=[host_row("host-1", 65536), host_row("host-3", 65536, cluster=there)],
        pools=roots[:pools],
        vms=[{**vm_row("vm-1", "host-1", 8192, pool="resgroup-1"), **(vm or {})}],
    )


def drifts(snapshot: Snapshot, *actions: Action) -> list[str]:
    steps = [step(at + 1, action, wave=at + 1) for at, action in enumerate(actions)]
    return [found.sentence for found in drift(plan(*steps), snapshot)]


@pytest.mark.parametrize(
    "actions",
    [
        (Stop(VM), RESIZE, Start(VM)),
        (Stop(VM), EnableHotAdd(VM), Start(VM)),
        (SetShares(VM, 81920, 1000),),
        (MigrateStorage(VM, FAST, SLOW),),
        (SetPool(POOL, PoolSetting.RESERVATION, 1024, 2048),),
        (SetPool(POOL, PoolSetting.LIMIT, None, 8192),),
        (SetPool(POOL, PoolSetting.SHARES, 4000, 8000),),
        (SuspendHost(H2),),
        (MOVE, Migrate(VM, H2, H1)),
        (Start(OTHER, H1),),
        (MOVE, SuspendHost(H1)),
        (Stop(VM), SuspendHost(H1)),
        (ApplyRecommendation(CLUSTER, "7", (MOVE,)),),
    ],
)
def test_plans_that_fit(actions: tuple[Action, ...]) -> None:
    assert drifts(world(), *actions) == []


@pytest.mark.parametrize(
    ("snapshot", "actions", "said"),
    [
        (world({"power": "suspended"}), (Stop(VM), RESIZE, Start(VM)), "suspended"),
        (world(), (RESIZE,), "powered on"),
        (world(), (EnableHotAdd(VM),), "powered on"),
        (world({"power": "poweredOff"}), (SetShares(VM, 81920, 1000),), "powered off"),
        (world({"shares": 500}), (SetShares(VM, 81920, 1000),), "are 500, expected 81920"),
        (world({"size_mib": 6144}), (Stop(VM), RESIZE, Start(VM)), "size is 6 GiB"),
        (world({"datastores": []}), (MigrateStorage(VM, FAST, SLOW),), "no datastore"),
        (world(slow={"accessible": False}), (MigrateStorage(VM, FAST, SLOW),), "not accessible"),
        (
            world(pool={"reservation_mib": 512}),
            (SetPool(POOL, PoolSetting.RESERVATION, 1024, 2048),),
            "reservation is 512 MiB, expected 1 GiB",
        ),
        (world(), (SetPool(Entity("x", "x"), PoolSetting.LIMIT, None, 1),), "pool x is gone"),
        (world(), (SuspendHost(Entity("x", "x")),), "host x is gone"),
        (world(), (ApplyRecommendation(Entity("x", "x"), "7", ()),), "cluster x is gone"),
        (world(), (SuspendHost(H1),), "vm-1 runs on host esx-1"),
        (world(other={"power": "poweredOn"}), (MOVE, SuspendHost(H2)), "vm-2 runs on host esx-2"),
        (world(host={"in_maintenance": True}), (ProvisionHost(H2),), "in maintenance mode"),
        (world(host={"power": "standBy"}), (SuspendHost(H2, Rest.MAINTENANCE),), "in standby"),
        (world(host={"in_maintenance": True}), (Start(OTHER, H2),), "in maintenance mode"),
        (
            world({"host": "host-2"}),
            (ApplyRecommendation(CLUSTER, "7", (Migrate(VM, H1, Entity("host-3", "c")),)),),
            "host c is gone",
        ),
    ],
)
def test_plans_that_the_world_has_left_behind(
    snapshot: Snapshot, actions: tuple[Action, ...], said: str
) -> None:
    found = drifts(snapshot, *actions)
    assert said in "; ".join(found), found


def test_a_host_that_the_plan_wakes_takes_vms_afterwards() -> None:
    asleep = world(host={"power": "standBy"})
    assert drifts(asleep, MOVE)
    assert drifts(asleep, ProvisionHost(H2), MOVE) == []


@pytest.mark.parametrize(
    "vm",
    [
        {"power": "poweredOff"},
        {"power": "poweredOff", "size_mib": 4096},
        {"power": "poweredOn", "size_mib": 4096},
    ],
)
def test_what_we_did_ourselves_before_is_accepted(vm: dict[str, Any]) -> None:
    assert drifts(world(vm), Stop(VM), RESIZE, Start(VM)) == []


def test_a_move_into_another_cluster_fits_while_its_pools_do() -> None:
    moved = {"host": "host-3", "cluster": "domain-c2", "pool": "resgroup-3"}
    assert drifts(abroad(), AWAY) == drifts(abroad(moved), AWAY) == []
    assert drifts(abroad(moved), AWAY.back) == []
    plain = Migrate(VM, H1, FAR)
    assert "in different clusters now" in drifts(abroad(), plain)[0]
    assert drifts(abroad(there="domain-c1"), plain) == []
    assert "not of the cluster of esx-3" in drifts(abroad(there="domain-c1"), AWAY)[0]
    assert "pool Resources of silver is gone" in drifts(abroad(pools=1), AWAY)[0]
    there = abroad()
    lost = dataclasses.replace(there, vms=there.vms.replace(pool=np.array([-1])))
    assert drifts(lost, AWAY) == ["web-1 is in no resource pool, expected in Resources"]
