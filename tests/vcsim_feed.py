"""Counters of a snapshot as samples for the simulator, so that a plant can drive it.

    simulator.counters(**samples_of(plant.observe()), time=...)

What the snapshot does not know is left out, as a vCenter leaves it out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from vsphere_market.estate import Snapshot
from vsphere_market.estate.columns import Table

#: Column -> counter, and how many of the wire's units one of the column's is.
_VM: Mapping[str, tuple[str, float]] = {
    "granted_mib": ("mem.granted.average", 1024),
    "active_mib": ("mem.active.average", 1024),
    "consumed_mib": ("mem.consumed.average", 1024),
    "shared_mib": ("mem.shared.average", 1024),
    "overhead_mib": ("mem.overhead.average", 1024),
    "ballooned_mib": ("mem.vmmemctl.average", 1024),
    "balloon_target_mib": ("mem.vmmemctltarget.average", 1024),
    "swapped_mib": ("mem.swapped.average", 1024),
    "compressed_mib": ("mem.compressed.average", 1024),
    "swap_in_kibps": ("mem.swapinRate.average", 1),
    "swap_out_kibps": ("mem.swapoutRate.average", 1),
    "decompress_kibps": ("mem.decompressionRate.average", 1),
    "latency_pct": ("mem.latency.average", 100),
    "entitlement_mib": ("mem.entitlement.average", 1024),
    "cpu_demand_mhz": ("cpu.demand.average", 1),
    "cpu_ready_pct": ("cpu.readiness.average", 100),
}

_HOST: Mapping[str, tuple[str, float]] = {
    "consumed_mib": ("mem.consumed.average", 1024),
    "vmkernel_mib": ("mem.sysUsage.average", 1024),
    "low_free_threshold_mib": ("mem.lowfreethreshold.average", 1024),
    "reserved_mib": ("mem.reservedCapacity.average", 1),
    "memory_state": ("mem.state.latest", 1),
    "ballooned_mib": ("mem.vmmemctl.average", 1024),
    "swapped_mib": ("mem.swapused.average", 1024),
    "compressed_mib": ("mem.compressed.average", 1024),
    "swap_in_kibps": ("mem.swapinRate.average", 1),
    "swap_out_kibps": ("mem.swapoutRate.average", 1),
    "latency_pct": ("mem.latency.average", 100),
    "cpu_used_mhz": ("cpu.usagemhz.average", 1),
}


def samples_of(snapshot: Snapshot) -> dict[str, dict[str, dict[str, float]]]:
    """The arguments `vms` and `hosts` of `Simulator.counters`.

    A VM with a CPU readiness also gets `cpu.ready.summation`, in milliseconds of all its vCPUs.
    """
    vms = _samples(snapshot.vms, _VM)
    for moid, sample in vms.items():
        ready = sample.get("cpu.readiness.average")
        if ready is not None:
            vcpus = float(snapshot.vms.vcpus[snapshot.vms.row(moid)])
            sample["cpu.ready.summation"] = ready / 10_000 * 20_000 * max(vcpus, 1.0)
    return {"vms": vms, "hosts": _samples(snapshot.hosts, _HOST)}


def _samples(table: Table, columns: Mapping[str, tuple[str, float]]) -> dict[str, dict[str, float]]:
    moids: Any = getattr(table, "moid")  # noqa: B009 - declared by each table
    samples: dict[str, dict[str, float]] = {moid: {} for moid in moids}
    for name, (counter, factor) in columns.items():
        for moid, value in zip(moids, getattr(table, name), strict=True):
            if math.isfinite(value):
                samples[moid][counter] = float(value) * factor
    return {moid: sample for moid, sample in samples.items() if sample}
