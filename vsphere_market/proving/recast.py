"""Recorded workloads put in place of those that an estate names."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from vsphere_market.errors import EstateError
from vsphere_market.plant import EstateSpec
from vsphere_market.plant.spec import VmSpec
from vsphere_market.plant.traces import TraceSet
from vsphere_market.plant.workload import PARAMETERS, Series, Shape


def recast(spec: EstateSpec, traces: TraceSet, where: str) -> tuple[EstateSpec, tuple[str, ...]]:
    """Let the VMs of an estate do what was recorded, as shares of the sizes that they have here.

    Where names of VMs are labels of the recording, each such VM gets its own series; recorded VMs
    that the estate lacks are left out. Where no name is known, the series are dealt out in the
    order of the file, round and round: to the VMs whose workload is a trace already, or to all if
    there is none. A VM that gets a series gives up its other shapes; one that was a trace keeps its
    scale and offset.

    Args:
        spec: the estate.
        traces: the recording.
        where: its file, for errors.

    Returns:
        The estate, and one sentence for each thing that was decided by rule.

    Raises:
        EstateError: the estate has no VMs.
    """
    vms = [vm for cluster in spec.clusters for vm in cluster.vms if not vm.template]
    if not vms:
        raise EstateError("the estate has no VMs to put the recording on", where=where)
    named = {vm.name for vm in vms} & traces.series.keys()
    notes = list(traces.notes)
    if named:
        dealt: Mapping[str, Series] = {name: traces.series[name] for name in sorted(named)}
        strangers = len(traces.series) - len(named)
        if strangers:
            notes.append(f"{strangers} recorded VMs are not in the estate and were left out.")
        if len(named) < len(vms):
            notes.append(f"{len(vms) - len(named)} VMs were not recorded and keep their workload.")
    else:
        willing = [vm for vm in vms if _is_trace(vm)] or vms
        series = list(traces.series.values())
        dealt = {vm.name: series[at % len(series)] for at, vm in enumerate(willing)}
        notes.append(
            f"No recorded VM bears the name of a VM of the estate, so {len(series)} series were "
            f"dealt out in order to {len(willing)} VMs."
        )
    clusters = tuple(
        dataclasses.replace(
            cluster,
            vms=tuple(_with(vm, dealt[vm.name]) if vm.name in dealt else vm for vm in cluster.vms),
        )
        for cluster in spec.clusters
    )
    return dataclasses.replace(spec, clusters=clusters), tuple(notes)


def _is_trace(vm: VmSpec) -> bool:
    return any(shape.trace is not None for shape in vm.workload.shapes)


def _with(vm: VmSpec, series: Series) -> VmSpec:
    before = next((shape for shape in vm.workload.shapes if shape.trace is not None), None)
    numbers = dict(PARAMETERS["trace"]) if before is None else before.numbers
    shapes = (Shape("trace", numbers, series),)
    return dataclasses.replace(vm, workload=dataclasses.replace(vm.workload, shapes=shapes))
