"""The estate ``mocks/estates/hosted.json``: recorded VMs, given what they need, on too few hosts.

    python -m benchmarks.hosted > mocks/estates/hosted.json

Each of the 80 recorded VMs that the package carries appears three times, begun at other hours (113
and 226 hours later, so that neither days nor hours of the day coincide). A VM's memory is a quarter
more than the most it ever touched in the recording, as after a rightsizing; its demand is the
recording's, unscaled. They are dealt out to twelve hosts by chance. Working sets fit everywhere on
average; bursts of large VMs do not, and which hosts they meet on is a matter of placement.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from vsphere_market.plant.traces import read_traces
from vsphere_market.plant.workload import Series

HOSTS, HOST_GIB = 12, 48
#: Hours that each of the copies begins later, and what is added to its name.
COPIES = ((0, ""), (113, "b"), (226, "c"))
#: A VM's memory over the most it ever touched.
ROOM = 1.25
SEED = 5


def estate() -> dict[str, Any]:
    """The estate as a document."""
    from vsphere_market.plant import traces as module

    recorded = read_traces(module.SHIPPED / "bitbrains.npz")
    vms = [
        _vm(f"vm-{label}{suffix}", label, later, recorded.size_mib[label] / 1024.0, series)
        for later, suffix in COPIES
        for label, series in recorded.series.items()
    ]
    places = np.random.default_rng(SEED).permutation(np.arange(len(vms)) % HOSTS)
    for vm, place in zip(vms, places.tolist(), strict=True):
        vm["host"] = f"esx-{place + 1:02d}"
    return {
        "format": "vsphere-market/estate/1",
        "name": "hosted",
        "about": "Twelve hosts of 48 GiB under 240 VMs: 80 recorded ones of a hosting provider, "
        "each three times at other hours, with a quarter more memory than they ever touched. "
        "Made by `python -m benchmarks.hosted`.",
        "start": "2026-03-02T00:00:00Z",
        "seed": 31,
        "clusters": [
            {
                "name": "main",
                "hosts": [{"name": "esx-{nn}", "count": HOSTS, "memory_gib": HOST_GIB}],
                "vms": vms,
            }
        ],
    }


def _vm(name: str, label: str, later: int, size_gib: float, series: Series) -> dict[str, Any]:
    most = float(np.nanmax(series.working))
    memory = max(1, math.ceil(ROOM * most * size_gib))
    shape = {
        "kind": "trace",
        "trace": "bitbrains",
        "vm": label,
        # Shares of the recorded size become shares of the size given here.
        "scale": round(size_gib / memory, 3),
        "offset_hours": later,
    }
    return {
        "name": name,
        "memory_gib": memory,
        "vcpus": min(8, max(1, round(memory / 4))),
        "hot_add": True,
        "workload": {"cache": 0.2, "drift_pct_per_h": 2, "shapes": [shape]},
    }


def text() -> str:
    """The file: one VM a line."""
    document = estate()
    vms = document["clusters"][0].pop("vms")
    mark = '"vms": []'
    document["clusters"][0]["vms"] = []
    lines = ",\n        ".join(json.dumps(vm) for vm in vms)
    whole = json.dumps(document, indent=2).replace(mark, f'"vms": [\n        {lines}\n      ]')
    return whole + "\n"


if __name__ == "__main__":
    print(text(), end="")
