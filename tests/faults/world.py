"""The estate of the campaign and its plans: one action of every kind, each on a VM of its own.

That each VM has its own action makes the truth readable: whatever task ended on a VM carried out
that one action, so two of them are one too many.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.vcsim import Simulator
from tests.wire.adapter.small import HOST_COUNTERS, VM_COUNTERS
from vsphere_market.market.plan import Certificate, Origin, Plan, Step
from vsphere_market.policy import Mode
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

UUID = "0c3f2f6e-1111-4222-8333-123456789abc"
START = "2026-11-23T08:00:00Z"
START_S = 1795420800.0
#: Plans of the campaign outlive every outage and every jump of the clock.
LASTS_S = 30 * 86_400.0
#: Nobody may ever touch this one.
BYSTANDER = "vm-90"
#: What is there in every run: the hosts that VMs run on, the VMs of the rules, and the bystander.
_ALWAYS = frozenset({"host-1", "host-2", "host-3", "vm-1", "vm-91", "vm-92", BYSTANDER})
CLUSTER = Entity("domain-c1", "gold")
#: Key of the one recommendation of the cluster's DRS.
DRS_KEY = "17"


def document(cases: Sequence[str] = ()) -> dict[str, Any]:
    """A cluster of three hosts with mandatory rules, one of them short of memory.

    Only the VMs and idle hosts of these ``cases``, all if there are none: reading is most of what
    a run costs.
    """
    made = _document()
    if cases:
        needed = _ALWAYS | {it for case in cases for one in actions()[case] for it in vms_of(one)}
        for table in ("vms", "hosts"):
            made[table] = [row for row in made[table] if row["moid"] in needed]
    return made


def vms_of(action: Action) -> tuple[str, ...]:
    """Managed object ids of the VMs, or other objects, that an action changes."""
    if isinstance(action, ApplyRecommendation):
        return tuple(move.vm.moid for move in action.moves)
    return (action.subject.moid,)


def recommend(simulator: Simulator, cases: Sequence[str]) -> None:
    """Let DRS recommend what one of these cases applies."""
    for case in cases:
        for action in actions()[case]:
            if isinstance(action, ApplyRecommendation):
                moves = {move.vm.moid: move.target.moid for move in action.moves}
                simulator.recommend(action.cluster.moid, moves, action.key)


def _document() -> dict[str, Any]:
    return {
        "format": "vsphere-market/snapshot/1",
        "taken_at": START,
        "source": {"kind": "file", "name": "campaign", "instance_uuid": UUID},
        "clusters": [
            {
                "moid": "domain-c1",
                "name": "gold",
                "datacenter": "DC",
                "drs_enabled": True,
                "drs_behavior": "manual",
            }
        ],
        "hosts": [
            *map(_host, ("host-1", "host-2", "host-3", "host-4")),
            {**_host("host-5"), "in_maintenance": True},
        ],
        "pools": [
            {"moid": "resgroup-1", "name": "Resources", "cluster": "domain-c1"},
            {
                "moid": "resgroup-2",
                "name": "batch",
                "cluster": "domain-c1",
                "parent": "resgroup-1",
                "reservation_mib": 0,
                "expandable": True,
            },
        ],
        "datastores": [_datastore("datastore-1"), _datastore("datastore-2")],
        "vms": [
            _vm("vm-1", "host-1"),
            _vm("vm-2", "host-2", limit_mib=2048),
            _vm("vm-3", "host-2", reservation_mib=512),
            _vm(
                "vm-4",
                "host-3",
                hot_add_enabled=True,
                hot_add_limit_mib=65536,
                hot_add_increment_mib=128,
            ),
            _vm("vm-5", "host-3", balloon_cap_mib=512),
            _vm("vm-6", "host-2"),
            _vm("vm-7", "host-2"),
            _vm("vm-8", "host-3"),
            _vm("vm-9", "host-2"),
            _vm("vm-10", "host-3"),
            _vm(BYSTANDER, "host-3", limit_mib=1024),
            _vm("vm-91", "host-1"),
            _vm("vm-92", "host-2"),
        ],
        "rules": [
            {
                "moid": "domain-c1/7",
                "name": "apart",
                "cluster": "domain-c1",
                "kind": "antiAffinity",
                "mandatory": True,
                "enabled": True,
                "vms": ["vm-91", "vm-92"],
            },
            {
                "moid": "domain-c1/8",
                "name": "licensed",
                "cluster": "domain-c1",
                "kind": "vmHost",
                "mandatory": True,
                "enabled": True,
                "vms": ["vm-1"],
                "hosts": ["host-1", "host-2"],
            },
        ],
    }


def squeezed() -> dict[str, Any]:
    """The same estate, with trouble that the market has an answer to: for the loop."""
    made = document()
    for vm in made["vms"]:
        if vm["moid"] in ("vm-1", "vm-91"):
            vm.update(active_mib=3800, active_peak_mib=3900, swap_in_kibps=900, swapped_mib=500)
            vm.update(granted_mib=3000, consumed_mib=2900, ballooned_mib=500, latency_pct=6.0)
    made["vms"] += [
        _vm("vm-16", "host-1", **_BUSY),
        _vm("vm-17", "host-1", **_BUSY),
        _vm("vm-18", "host-1", **_BUSY),
    ]
    made["hosts"][0].update(
        memory_mib=16384,
        consumed_mib=15500,
        ballooned_mib=1500,
        swapped_mib=1500,
        swap_in_kibps=3000,
        memory_state=2,
        latency_pct=5.0,
    )
    return made


_BUSY = {
    "granted_mib": 3000,
    "consumed_mib": 2900,
    "active_mib": 3700,
    "active_peak_mib": 3900,
    "ballooned_mib": 400,
    "balloon_target_mib": 500,
    "swapped_mib": 400,
    "swap_in_kibps": 700,
    "latency_pct": 5.0,
}


def _host(moid: str) -> dict[str, Any]:
    return {
        "moid": moid,
        "name": f"{moid}.example.com",
        "version": "8.0.3",
        "cluster": "domain-c1",
        "vmotion_enabled": True,
        "vmotion_mbps": 10000,
        "datastores": ["datastore-1", "datastore-2"],
        "memory_mib": 65536,
        "cpu_mhz": 40000,
        "cpu_cores": 16,
        **HOST_COUNTERS,
    }


def _vm(moid: str, host: str, **more: Any) -> dict[str, Any]:
    return {
        "moid": moid,
        "name": f"web-{moid.removeprefix('vm-')}",
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
        "samples": 3,
        **VM_COUNTERS,
        **more,
    }


def _datastore(moid: str) -> dict[str, Any]:
    return {
        "moid": moid,
        "name": moid,
        "capacity_mib": 1048576,
        "free_mib": 524288,
        "accessible": True,
    }


def _entity(moid: str) -> Entity:
    if moid.startswith("vm-"):
        return Entity(moid, f"web-{moid.removeprefix('vm-')}")
    if moid.startswith("host-"):
        return Entity(moid, f"{moid}.example.com")
    return Entity(moid, "batch" if moid == "resgroup-2" else moid)


def actions() -> dict[str, tuple[Action, ...]]:
    """Name of a case -> its actions, each of which needs the one before it.

    Every kind of action is in one of them.
    """
    vm = {number: _entity(f"vm-{number}") for number in range(1, 13)}
    return {
        "migrate": (Migrate(vm[1], _entity("host-1"), _entity("host-2")),),
        "limit": (SetMemory(vm[2], ActionKind.LIMIT, 2048, None),),
        "reservation": (SetMemory(vm[3], ActionKind.RESERVATION, 512, 1024),),
        "hot-add": (SetMemory(vm[4], ActionKind.HOT_ADD, 4096, 5120),),
        "balloon-cap": (SetMemory(vm[5], ActionKind.BALLOON_CAP, 512, None),),
        "shares": (SetShares(vm[6], 40960, 81920),),
        "resize": (Stop(vm[7]), SetMemory(vm[7], ActionKind.RESIZE, 4096, 6144), Start(vm[7])),
        "enable-hot-add": (Stop(vm[8]), EnableHotAdd(vm[8]), Start(vm[8])),
        "migrate-storage": (MigrateStorage(vm[9], _entity("datastore-1"), _entity("datastore-2")),),
        "pool": (SetPool(_entity("resgroup-2"), PoolSetting.RESERVATION, 0, 1024),),
        "drs": (
            ApplyRecommendation(
                CLUSTER, DRS_KEY, (Migrate(vm[10], _entity("host-3"), _entity("host-2")),)
            ),
        ),
        "suspend-host": (SuspendHost(_entity("host-4"), Rest.MAINTENANCE),),
        "provision-host": (ProvisionHost(_entity("host-5"), Rest.MAINTENANCE),),
    }


def meddled_with(number: int, cases: Sequence[str]) -> Action:
    """The action whose subject somebody else changes: one of those on a running VM."""
    simple = meddlable(cases)
    return actions()[simple[number % len(simple)]][0]


def meddlable(cases: Sequence[str]) -> list[str]:
    """Those of the cases whose VMs somebody else can change so that the plan is void."""
    return [case for case in sorted(cases) if isinstance(actions()[case][0], MEDDLED)]


MEDDLED = (Migrate, SetMemory)
#: The cases of the long plan.
ALL = ("migrate", "limit", "reservation", "hot-add", "balloon-cap", "resize", "pool")


def plan_of(cases: Sequence[str]) -> Plan:
    """A plan of these cases, in waves of two, where each of a second wave needs the first step."""
    steps: list[Step] = []
    for place, case in enumerate(cases):
        needs: tuple[str, ...] = ("s1",) if place >= 2 else ()
        for number, action in enumerate(actions()[case]):
            steps.append(
                Step(
                    id=f"s{len(steps) + 1}",
                    action=action,
                    wave=1 + 3 * (place // 2) + number,
                    depends_on=needs,
                    saving=2.0,
                    disruption=1.0,
                    mode=Mode.AUTOMATIC,
                    reason="It is cheaper there.",
                )
            )
            # A start goes with the stop that it ends, so it names it.
            needs = (*(needs if number else ()), steps[-1].id)
    steps.sort(key=lambda step: step.wave)
    return Plan(
        created_at_s=START_S,
        expires_at_s=START_S + LASTS_S,
        made_from=Origin("vcenter", "campaign", UUID, START_S, "digest", "1.0"),
        certificate=Certificate(10.0, 8.0, 7.5),
        steps=tuple(steps),
        refusals=(),
    )


#: The loop's policies: everything goes ahead by itself, but for one VM that nobody may touch.
POLICIES: list[dict[str, Any]] = [
    {
        "apiVersion": "vsphere-market/v1",
        "kind": "automation",
        "name": "all automatic",
        "spec": {"mode": "automatic", "cooldownMinutes": 0},
    },
    {
        "apiVersion": "vsphere-market/v1",
        "kind": "automation",
        "name": "hands off",
        "selector": {"name": "web-90"},
        "spec": {"mode": "off"},
    },
]
