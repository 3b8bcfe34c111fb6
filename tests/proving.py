"""Small estates and recordings for tests of the proving ground."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from vsphere_market.estate import Snapshot
from vsphere_market.plant import EstateSpec, estate_from_json
from vsphere_market.port import Migrate
from vsphere_market.proving.controller import Controller, Order

GIB = 1024


def estate(**more: Any) -> dict[str, Any]:
    """Two hosts, the left one over-committed by its VMs' demand, as an estate file."""
    return {
        "format": "vsphere-market/estate/1",
        "name": "two",
        "seed": 3,
        "warm_up_min": 10,
        "clusters": [
            {
                "name": "c",
                "hosts": [
                    {"name": "left", "memory_gib": 16},
                    {"name": "right", "memory_gib": 16},
                ],
                "vms": [
                    {
                        "name": "busy-{n}",
                        "count": 5,
                        "memory_gib": 4,
                        "host": "left",
                        "hot_add": True,
                        "workload": {
                            "working_set": 0.8,
                            "footprint": 0.95,
                            "cache": 0.05,
                            "shapes": [{"kind": "noise", "sigma": 0.05}],
                        },
                    },
                    {"name": "calm", "memory_gib": 4, "host": "right"},
                ],
            }
        ],
    } | more


def spec(**more: Any) -> EstateSpec:
    """The same, read."""
    return estate_from_json(estate(**more), where="test")


def crowded(
    *,
    hosts: tuple[float, ...] = (64, 64, 64),
    vms: tuple[tuple[int, float, float], ...] = ((0, 16, 8), (0, 16, 8), (0, 16, 8), (1, 8, 2)),
    rules: list[dict[str, Any]] | None = None,
    **more: Any,
) -> Snapshot:
    """A cluster as a snapshot: memory of each host, and host, consumed and active of each VM, GiB.

    ``more`` goes into every VM's row.
    """
    return snapshot_of(
        clusters=[cluster_row()],
        hosts=[host_row(f"h{at}", memory * GIB) for at, memory in enumerate(hosts)],
        vms=[
            vm_row(
                f"vm{at}",
                f"h{host}",
                round(consumed * GIB),
                granted_mib=consumed * GIB,
                consumed_mib=consumed * GIB,
                active_mib=active * GIB,
                overhead_mib=0,
                **more,
            )
            for at, (host, consumed, active) in enumerate(vms)
        ],
        rules=rules or [],
    )


def moves_of(orders: list[Order] | Any) -> list[tuple[str, str, str]]:
    """Migrations as VM, from, to."""
    return [
        (order.action.subject.moid, order.action.source.moid, order.action.target.moid)
        for order in orders
        if isinstance(order.action, Migrate)
    ]


def decided(controller: Controller, snapshot: Snapshot) -> list[tuple[str, str, str]]:
    """What a controller would move now."""
    return moves_of(controller.decide(snapshot, 1e9, ()))


def write_csv(path: Path, rows: list[tuple[Any, ...]], header: str = "") -> Path:
    """A trace table."""
    head = header or "vm,ts,mem_granted_kib,mem_active_kib"
    path.write_text(
        "\n".join([head, *(",".join(map(str, row)) for row in rows)]) + "\n", encoding="utf-8"
    )
    return path


def recorded(names: tuple[str, ...] = ("a", "b"), hours: int = 30) -> list[tuple[Any, ...]]:
    """Rows of VMs that hold 4 GiB and touch a quarter, more by and by."""
    times = np.arange(0, hours * 3600, 300)
    return [
        (name, int(1_375_315_200 + at), 4 << 20, (1 << 20) + 100 * number)
        for name in names
        for number, at in enumerate(times)
    ]
