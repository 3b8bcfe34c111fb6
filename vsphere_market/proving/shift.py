"""What a seed does to an estate besides its noise: recorded workloads begin at another hour."""

from __future__ import annotations

import dataclasses

import numpy as np

from vsphere_market.plant import EstateSpec
from vsphere_market.plant.spec import VmSpec
from vsphere_market.plant.workload import Shape

_HOUR_S = 3600.0


def shifted(spec: EstateSpec, seed: int) -> EstateSpec:
    """The estate with all its traces begun later by the same number of whole days.

    Whole days, so that a recorded Monday morning stays a morning; the same for all, so that what
    rises together in the record rises together here.
    """
    longest_s = max((_length_s(shape) for vm in _vms(spec) for shape in vm.workload.shapes),
                    default=0.0)  # fmt: skip
    days = int(longest_s // 86400.0)
    if days < 2:
        return spec
    hours = 24.0 * int(np.random.default_rng([seed, 0x0FF5E7]).integers(days))
    return dataclasses.replace(
        spec,
        clusters=tuple(
            dataclasses.replace(cluster, vms=tuple(_later(vm, hours) for vm in cluster.vms))
            for cluster in spec.clusters
        ),
    )


def _vms(spec: EstateSpec) -> list[VmSpec]:
    return [vm for cluster in spec.clusters for vm in cluster.vms]


def _length_s(shape: Shape) -> float:
    return 0.0 if shape.trace is None else shape.trace.step_s * len(shape.trace.working)


def _later(vm: VmSpec, hours: float) -> VmSpec:
    if all(shape.trace is None for shape in vm.workload.shapes):
        return vm
    shapes = tuple(
        shape
        if shape.trace is None
        else Shape(
            shape.kind,
            {**shape.numbers, "offset_hours": shape.numbers["offset_hours"] + hours},
            shape.trace,
        )
        for shape in vm.workload.shapes
    )
    return dataclasses.replace(vm, workload=dataclasses.replace(vm.workload, shapes=shapes))
