"""The executive summary: what somebody who reads nothing else should know, in plain words."""

from __future__ import annotations

from vsphere_market.assess.model import (
    Basis,
    ClusterState,
    Effect,
    Finding,
    Level,
    Statement,
    Strain,
)
from vsphere_market.assess.scene import Scene
from vsphere_market.assess.words import amount, counted, listing, per_cent, verb
from vsphere_market.market import Plan


def statements(
    scene: Scene,
    clusters: tuple[ClusterState, ...],
    findings: tuple[Finding, ...],
    effect: Effect,
    plan: Plan,
) -> tuple[Statement, ...]:
    """The summary, the most important first."""
    told = [_size(scene), _pressure(scene, effect)]
    told += _causes(findings)
    told += _plan(effect, plan)
    told += _reserve(scene, clusters)
    told += _room(findings)
    return tuple(told)


def _size(scene: Scene) -> Statement:
    snapshot = scene.snapshot
    running = int((scene.running & scene.listed).sum())
    total = int(scene.listed.sum())
    memory = sum(host.memory_mib for host in scene.hosts)
    text = f"{counted(total, 'VM')} ({running:,} running)"
    if scene.hosts:
        text += (
            f" on {counted(len(scene.hosts), 'host')} with {amount(memory)} of memory in "
            f"{counted(len(snapshot.clusters), 'cluster')}"
        )
    return Statement(f"{text} were looked at.", "plain", "clusters")


def _pressure(scene: Scene, effect: Effect) -> Statement:
    if not scene.hosts:
        return Statement(
            "Hosts are not in this source, so pressure on them cannot be told.", "plain", "method"
        )
    count = effect.short_before
    if not count:
        tight = sum(1 for host in scene.hosts if host.strain is Strain.TIGHT)
        more = f"; {counted(tight, 'host')} {verb(tight, 'is', 'are')} nearly full" if tight else ""
        return Statement(
            f"No host is short of memory: what VMs would hold fits everywhere{more}.",
            "good",
            "hosts",
        )
    balloon = sum(host.ballooned_mib for host in scene.hosts)
    swap = sum(host.swapped_mib for host in scene.hosts)
    return Statement(
        f"Memory is short on {counted(count, 'host')} of {len(scene.hosts):,}: VMs there would "
        f"hold {amount(effect.over_before_mib)} more than there is. In all, {amount(balloon)} "
        f"is ballooned and {amount(swap)} swapped.",
        "bad",
        "hosts",
    )


def _causes(findings: tuple[Finding, ...]) -> list[Statement]:
    hurts = [
        finding
        for finding in findings
        if finding.level is Level.HURTS and finding.code != "host-overcommitted"
    ]
    return [Statement(found.what, "bad", f"finding:{found.code}") for found in hurts[:3]]


def _plan(effect: Effect, plan: Plan) -> list[Statement]:
    count = len(plan.steps)
    if not count:
        return [Statement("The market finds nothing worth changing.", "good", "plan")]
    names = {
        "migrate": ("move", "moves"),
        "limit": ("limit lifted", "limits lifted"),
        "hot-add": ("VM grown", "VMs grown"),
        "resize": ("VM resized", "VMs resized"),
        "enable-hot-add": ("hot-add enabled", "hot-adds enabled"),
        "reservation": ("reservation set", "reservations set"),
        "shares": ("VM given other shares", "VMs given other shares"),
        "balloon-cap": ("balloon cap set", "balloon caps set"),
        "migrate-storage": ("VM's files moved", "VMs' files moved"),
        "stop": ("VM stopped", "VMs stopped"),
        "start": ("VM started", "VMs started"),
        "pool-allocation": ("pool changed", "pools changed"),
        "suspend-host": ("host put to rest", "hosts put to rest"),
        "provision-host": ("host woken", "hosts woken"),
    }
    kinds = [counted(number, *names[kind]) for kind, number in effect.steps.items()]
    text = f"The market would take {counted(count, 'step')} ({listing(kinds, 5)})"
    if effect.over_before_mib > 0:
        text += (
            f": what hosts have sold beyond what they have goes from "
            f"{amount(effect.over_before_mib)} to {amount(effect.over_after_mib)}, and hosts short "
            f"of memory from {effect.short_before:,} to {effect.short_after:,}"
        )
        if effect.short_after > effect.short_before:
            text += " (the shortage that is left is shared out)"
    certificate = plan.certificate
    fall = 0.0
    if certificate.potential_before > 0:
        fall = 1.0 - certificate.potential_after / certificate.potential_before
    mended = certificate.breaches_before - certificate.breaches_after
    if mended > 0:
        text += f". It mends {counted(mended, 'breach', 'breaches')} of mandatory rules"
    way = "falls" if fall >= 0 else "rises, for mandatory rules,"
    text += f". The cost of how memory is placed {way} by {per_cent(abs(fall))}"
    gap = certificate.gap_pct
    text += f", and no placement of these VMs could be more than {max(gap, 0.1):.1f} % better."
    return [Statement(text, "good", "plan")]


def _reserve(scene: Scene, clusters: tuple[ClusterState, ...]) -> list[Statement]:
    asked = [cluster for cluster in clusters if cluster.loss is not None]
    if not asked:
        return []
    broken = [cluster for cluster in asked if cluster.loss and not cluster.loss.holds]
    names = scene.snapshot.clusters.name
    if not broken:
        short = sum(1 for cluster in asked if cluster.loss and cluster.loss.spare_mib < 0)
        if short:
            text = (
                f"{counted(short, 'cluster')} of {len(asked):,} would have to balloon if "
                f"{verb(short, 'its', 'their')} largest host failed, but none would have to swap."
            )
            return [Statement(text, "plain", "whatif")]
        text = (
            "Every cluster would bear the loss of its largest host: what VMs hold fits on the "
            "others."
        )
        return [Statement(text, "good", "whatif")]
    shown = listing([names[cluster.row] for cluster in broken])
    count = len(broken)
    return [
        Statement(
            f"{counted(count, 'cluster')} of {len(asked):,} would not bear the loss of "
            f"{verb(count, 'its', 'their')} largest host: {shown}.",
            "bad",
            "whatif",
        )
    ]


def _room(findings: tuple[Finding, ...]) -> list[Statement]:
    room = [finding for finding in findings if finding.level is Level.ROOM]
    if not room:
        return []
    first = room[0]
    doubt = (
        " (by counters that should be watched for longer)" if first.basis is Basis.COUNTER else ""
    )
    return [
        Statement(
            f"The most memory could be freed here: {first.title}, {amount(first.memory_mib)} in "
            f"{counted(len(first.rows), 'VM')}{doubt}.",
            "plain",
            f"finding:{first.code}",
        )
    ]
