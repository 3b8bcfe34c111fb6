"""A small hot plant with a journal, ready for the loop, and policies for it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.plants import document, vm
from vsphere_market.control.cycle import Road
from vsphere_market.journal import open_journal
from vsphere_market.plant import PlantVCenter, estate_from_json
from vsphere_market.policy import PolicySet, parse_policies

#: Twelve VMs that hold more than their host has, and an empty host beside it.
HOT: list[dict[str, Any]] = [
    vm("hot-{nn}", 8, 0.35, footprint=0.95, count=12, host="esx-1"),
    vm("calm-01", 4, 0.2, footprint=0.5, host="esx-2"),
]
#: One VM squeezed by its limit on a host with room.
LIMITED: list[dict[str, Any]] = [
    vm("squeezed", 16, 0.5, footprint=0.95, host="esx-1", limit_gib=6, hot_add=True),
    vm("calm-01", 4, 0.2, footprint=0.5, host="esx-2"),
]


def estate(vms: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    """An estate of two hosts of 64 GiB, warmed up until it hurts."""
    return document(vms or HOT, **{"warm_up_min": 30, "name": "small", **more})


def hot_plant(vms: list[dict[str, Any]] | None = None, **more: Any) -> PlantVCenter:
    return PlantVCenter(estate_from_json(estate(vms, **more), where="test"))


def automatic(mode: str = "automatic", **spec: Any) -> dict[str, Any]:
    """A policy that lets everything go ahead as far as ``mode``."""
    return {
        "apiVersion": "vsphere-market/v1",
        "kind": "automation",
        "name": f"all {mode}",
        "spec": {"mode": mode, **spec},
    }


def policies(*documents: dict[str, Any]) -> PolicySet:
    return parse_policies(list(documents or (automatic(),)), "test")


@contextlib.contextmanager
def road(
    folder: Path, plant: PlantVCenter, wanted: PolicySet | None = None, **more: Any
) -> Iterator[Road]:
    """Everything that a turn of the loop works with."""
    with open_journal(folder / "journal.db") as journal:
        yield Road(plant, journal, wanted if wanted is not None else policies(), **more)


def write_json(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value))
    return path
