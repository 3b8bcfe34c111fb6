"""From a question and the plan that answers it to an assessment."""

from __future__ import annotations

from collections import Counter

import numpy as np

from vsphere_market.assess.model import (
    Assessment,
    ClusterState,
    Effect,
    Finding,
    HostState,
    Level,
    Strain,
)
from vsphere_market.assess.place_checks import place_findings
from vsphere_market.assess.scene import Scene, scene_of
from vsphere_market.assess.summary import statements
from vsphere_market.assess.vm_checks import vm_checks
from vsphere_market.assess.whatif import add_usual, lose_largest
from vsphere_market.market import Plan, Question
from vsphere_market.port import ActionKind, Migrate, SetMemory
from vsphere_market.units import IndexArray

_ORDER = {Level.HURTS: 0, Level.RISK: 1, Level.ROOM: 2}
_WORST = (Strain.SWAPS, Strain.SHORT, Strain.TIGHT, Strain.CALM, Strain.CLOSED)


def assess(question: Question, plan: Plan) -> Assessment:
    """Find root causes, ask what-ifs, and say what a plan buys.

    Args:
        question: what the market was asked.
        plan: what it answered; ``make_plan`` of the same question.
    """
    scene = scene_of(question, plan)
    clusters = tuple(
        _cluster(scene, row)
        for row in range(len(question.snapshot.clusters))
        if (question.snapshot.hosts.cluster == row).any()
    )
    found: list[Finding] = [finding for check in vm_checks() if (finding := check(scene)).rows]
    found += place_findings(scene, clusters, plan)
    found.sort(key=lambda finding: (_ORDER[finding.level], -finding.memory_mib, finding.code))
    effect = _effect(scene, plan)
    demand = question.demand
    instant = bool(demand.curve.shape[1] == 1)
    instant = instant and bool((np.nan_to_num(question.snapshot.vms.samples) <= 1).all())
    return Assessment(
        snapshot=question.snapshot,
        demand=demand,
        plan=plan,
        potential=plan.certificate.potential_before,
        statements=statements(scene, clusters, tuple(found), effect, plan),
        findings=tuple(found),
        clusters=clusters,
        hosts=scene.hosts,
        effect=effect,
        instant=instant,
    )


def _cluster(scene: Scene, row: int) -> ClusterState:
    mine = [host for host in scene.hosts if host.cluster == row]
    able = [host for host in mine if host.strain is not Strain.CLOSED]
    strains = {host.strain for host in able} or {Strain.CLOSED}
    return ClusterState(
        row=row,
        hosts=len(mine),
        open_hosts=len(able),
        vms=sum(host.vms for host in mine),
        memory_mib=sum(host.memory_mib for host in able),
        usable_mib=sum(host.usable_mib for host in able),
        footprint_mib=sum(host.footprint_mib for host in able),
        working_mib=sum(host.working_mib for host in able),
        reserved_mib=sum(host.reserved_mib for host in able),
        ballooned_mib=sum(host.ballooned_mib for host in mine),
        swapped_mib=sum(host.swapped_mib for host in mine),
        over_mib=sum(host.over_mib for host in able),
        strain=next(strain for strain in _WORST if strain in strains),
        loss=lose_largest(scene, row),
        growth=add_usual(scene, row),
    )


def _effect(scene: Scene, plan: Plan) -> Effect:
    kinds = Counter(step.action.kind for step in plan.steps)
    vms = scene.snapshot.vms
    moved: IndexArray = np.array(
        [
            vms.row(step.action.subject.moid)
            for step in plan.steps
            if isinstance(step.action, Migrate)
        ],
        dtype=np.int64,
    )
    copied = np.maximum(scene.footprint - scene.taken, 0.0) + scene.before.demand.overhead
    grown = sum(
        (step.action.to_mib or 0) - (step.action.from_mib or 0)
        for step in plan.steps
        if isinstance(step.action, SetMemory) and step.action.kind is ActionKind.HOT_ADD
    )
    return Effect(
        steps={kind.value: kinds[kind] for kind in ActionKind if kinds[kind]},
        copied_mib=float(copied[moved].sum()),
        short_before=_short([host.strain for host in scene.hosts]),
        short_after=_short([host.strain_after for host in scene.hosts]),
        over_before_mib=_over(scene.hosts, after=False),
        over_after_mib=_over(scene.hosts, after=True),
        freed=kinds[ActionKind.LIMIT],
        grown_mib=float(grown),
    )


def _short(strains: list[Strain]) -> int:
    return sum(1 for strain in strains if strain in (Strain.SHORT, Strain.SWAPS))


def _over(hosts: tuple[HostState, ...], *, after: bool) -> float:
    return sum(
        host.over_after_mib if after else host.over_mib
        for host in hosts
        if host.strain is not Strain.CLOSED
    )
