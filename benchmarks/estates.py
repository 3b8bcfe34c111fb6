"""Estates for the placement benchmark: random, but built like clusters that people run.

Hosts of two generations, one with half as much memory again as the other; VMs of the usual
power-of-two sizes from 2 to 64 GiB that hold half to all of it and use about half of what they
hold; CPU demand that goes with size only loosely; and a placement that has grown by itself: some
hosts drew many VMs, some few. What the VMs hold is nine tenths of what the hosts have, so that
over-committed and half-empty hosts stand side by side and a balanced placement exists. Hosts come
out at 170 to 260 GiB. Every number comes from one seed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vsphere_market.estate import SNAPSHOT_FORMAT, Snapshot, snapshot_from_json

GIB = 1024
#: Memory of the two generations of hosts in proportion, and their CPU: the newer one has half as
#: much memory again but only a quarter more CPU.
GENERATIONS = (1.0, 1.5)
SPEEDS = (1.0, 1.25)
#: MHz of CPU for each MiB of memory, over all hosts (20 cores of 2.5 GHz for 170 GiB); VMs
#: want a third of it, since memory is what runs out first.
MHZ_PER_MIB = 0.3
CPU_SOLD = 0.35
#: VM sizes in GiB and how many of 100 VMs have them.
SIZES = {2: 8, 4: 23, 8: 31, 16: 24, 32: 11, 64: 3}
#: What the VMs hold, as a share of the hosts' usable memory.
SOLD = 0.9
#: Spread of how much a host draws VMs; a lognormal's sigma.
DRAW = 0.25


def estate(hosts: int, vms: int, seed: int, sold: float = SOLD) -> Snapshot:
    """An estate of one cluster.

    Args:
        hosts: how many hosts.
        vms: how many running VMs.
        seed: of everything random.
        sold: what the VMs hold, as a share of the hosts' usable memory.
    """
    rng = np.random.default_rng([seed, hosts, vms])
    size = rng.choice(list(SIZES), size=vms, p=np.array(list(SIZES.values())) / 100.0) * GIB
    held = size * rng.uniform(0.5, 1.0, vms)
    active = held * rng.beta(4.0, 3.0, vms)
    generation = rng.permutation(hosts) % 2
    memory = np.array(GENERATIONS)[generation]
    # 0.98: what VMkernel and minFree leave, below.
    memory *= held.sum() / (sold * 0.98 * memory.sum())
    memory = np.round(memory)
    cpu = np.array(SPEEDS)[generation]
    cpu *= MHZ_PER_MIB * memory.sum() / cpu.sum()
    want = size * rng.lognormal(0.0, 0.6, vms)
    demand = CPU_SOLD * cpu.sum() * want / want.sum()
    draw = memory * rng.lognormal(0.0, DRAW, hosts)
    home = _settle(rng, draw / draw.sum(), held, 1.15 * memory)
    rows = [
        _vm(at, f"host-{home[at]}", float(size[at]), float(held[at]), float(active[at]), mhz)
        for at, mhz in enumerate(demand.tolist())
    ]
    return snapshot_from_json(
        {
            "format": SNAPSHOT_FORMAT,
            "taken_at": "2026-11-23T08:00:00Z",
            "source": {"kind": "file", "name": f"benchmark-{hosts}-{vms}-{seed}"},
            "clusters": [{"moid": "domain-c1", "name": "cluster"}],
            "hosts": [
                {
                    "moid": f"host-{at}",
                    "name": f"esx-{at:03d}",
                    "cluster": "domain-c1",
                    "memory_mib": float(memory[at]),
                    "vmkernel_mib": round(0.01 * float(memory[at])),
                    "low_free_threshold_mib": round(0.01 * float(memory[at])),
                    "cpu_mhz": float(cpu[at]),
                    "vmotion_enabled": True,
                    "vmotion_mbps": 10_000,
                }
                for at in range(hosts)
            ],
            "vms": rows,
        },
        where="benchmark",
    )


def _settle(
    rng: np.random.Generator, draw: np.ndarray, held: np.ndarray, most: np.ndarray
) -> list[int]:
    """Where each VM has come to live: by the hosts' draw, never beyond ``most`` MiB held."""
    filled = np.zeros(len(draw))
    home = np.zeros(len(held), dtype=np.int64)
    for vm in np.argsort(-held):
        order = rng.choice(len(draw), size=len(draw), replace=False, p=draw)
        fits = order[filled[order] + held[vm] <= most[order]]
        host = int(fits[0]) if len(fits) else int(np.argmin(filled / most))
        home[vm] = host
        filled[host] += held[vm]
    return [int(host) for host in home]


def _vm(at: int, host: str, size: float, held: float, active: float, mhz: float) -> dict[str, Any]:
    return {
        "moid": f"vm-{at}",
        "name": f"vm-{at:04d}",
        "host": host,
        "cluster": "domain-c1",
        "size_mib": size,
        "vcpus": max(1, round(size / 4096)),
        "tools_running": True,
        "granted_mib": round(held),
        "active_mib": round(active),
        "overhead_mib": round(18 + 0.0076 * size),
        "ballooned_mib": 0,
        "swapped_mib": 0,
        "compressed_mib": 0,
        "swap_in_kibps": 0,
        "decompress_kibps": 0,
        "latency_pct": 0,
        "cpu_demand_mhz": round(mhz),
        "samples": 15,
    }
