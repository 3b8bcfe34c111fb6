"""Root causes among hosts and clusters: over-commitment, failover that does not hold, DRS."""

from __future__ import annotations

from collections import Counter

import numpy as np

from vsphere_market.assess.model import (
    Basis,
    ClusterState,
    Finding,
    HostState,
    Level,
    Row,
    Strain,
)
from vsphere_market.assess.scene import Scene
from vsphere_market.assess.words import amount, counted, per_cent, verb
from vsphere_market.market import Plan
from vsphere_market.market.pools import held_in_pools, pools_short
from vsphere_market.port import Migrate

#: Hosts of a cluster differ when the fullest is this much above the emptiest, in shares of usable.
UNEVEN = 0.25
#: DRS that acts on nothing but rules and maintenance.
LEAST_AGGRESSIVE = 5


def place_findings(scene: Scene, clusters: tuple[ClusterState, ...], plan: Plan) -> list[Finding]:
    """All findings about hosts and clusters."""
    found = [
        overcommitted(scene),
        failover(scene, clusters),
        drs_off(scene, clusters),
        drs_at_odds(scene, clusters, plan),
        pool_limits(scene),
    ]
    return [finding for finding in found if finding is not None]


def overcommitted(scene: Scene) -> Finding | None:
    """Hosts that have sold more than they have."""
    hot = [host for host in scene.hosts if host.over_mib > 0 and host.strain is not Strain.CLOSED]
    if not hot:
        return None
    rows = _rows("hosts", [(host.row, host.over_mib, _host_note(host)) for host in hot])
    balloon = sum(host.ballooned_mib for host in hot)
    swap = sum(host.swapped_mib for host in hot)
    worst = sum(1 for host in hot if host.strain is Strain.SWAPS)
    count = len(hot)
    what = (
        f"{counted(count, 'host')} {verb(count, 'has', 'have')} sold "
        f"{amount(sum(host.over_mib for host in hot))} more memory than "
        f"{verb(count, 'it has', 'they have')}. {amount(balloon)} {verb(count, 'there is', 'is')} "
        f"ballooned and {amount(swap)} swapped now."
    )
    if worst:
        what += (
            f" On {worst:,} of them ballooning cannot free enough, so ESXi has to swap what VMs "
            "use."
        )
    return Finding(
        "host-overcommitted",
        "Hosts that have sold more memory than they have",
        Level.HURTS,
        Basis.MODEL,
        what,
        "VMs there lose memory to balloons, and to swap when balloons do not suffice, however "
        "carefully each was sized.",
        "Move VMs to hosts that sell cheaper, as the plan does; where every host is as full, only "
        "more memory or smaller VMs help.",
        "what the VMs would hold unsqueezed, less what the host has for sale, over the hosts "
        "listed",
        rows,
    )


def failover(scene: Scene, clusters: tuple[ClusterState, ...]) -> Finding | None:
    """Clusters that do not bear the loss of their largest host."""
    names = scene.snapshot.hosts.name
    rows = []
    for cluster in clusters:
        loss = cluster.loss
        if loss is None or (loss.holds and loss.spare_mib >= 0):
            continue
        parts = []
        if loss.spare_mib < 0:
            parts.append(f"short of {amount(-loss.spare_mib)}")
        if loss.swap_mib > 0:
            parts.append(f"{amount(loss.swap_mib)} would be swapped")
        if loss.stranded:
            parts.append(f"{counted(loss.stranded, 'VM')} could not start")
        note = f"without {names[loss.host]}: {', '.join(parts)}"
        rows.append((cluster.row, max(-loss.spare_mib, loss.swap_mib), note))
    if not rows:
        return None
    broken = sum(1 for cluster in clusters if cluster.loss and not cluster.loss.holds)
    unguarded = sum(
        1
        for row, _, _ in rows
        if not scene.snapshot.clusters.ha_enabled[row]
        or not scene.snapshot.clusters.ha_admission_control[row]
    )
    count = len(rows)
    what = (
        f"{counted(count, 'cluster')} {verb(count, 'is', 'are')} short of memory when "
        f"{verb(count, 'its', 'their')} largest host fails"
    )
    what += (
        f"; in {broken:,} of them VMs cannot all start, or memory in use is swapped."
        if broken
        else ", though ballooning would bear it."
    )
    if unguarded:
        what += f" HA or its admission control is off in {unguarded:,} of them."
    made = _rows("clusters", rows)
    return Finding(
        "n-plus-1",
        "Losing the largest host would not be borne",
        Level.RISK,
        Basis.MODEL,
        what,
        "HA admission control counts reservations, not use: it says yes while the memory is not "
        "there. The failure of one host then slows all others.",
        "Free memory in the cluster (see what could be freed), add a host, or reserve what must "
        "run after a failure.",
        "what VMs would hold beyond what the hosts left have for sale, over the clusters listed",
        made,
    )


def drs_off(scene: Scene, clusters: tuple[ClusterState, ...]) -> Finding | None:
    """Clusters that nobody balances although they need it."""
    table = scene.snapshot.clusters
    rows = []
    for cluster in clusters:
        automatic = (
            table.drs_enabled[cluster.row] and table.drs_behavior[cluster.row] == "fullyAutomated"
        )
        apart, moved = _unevenness(scene, cluster.row)
        if cluster.open_hosts < 2 or automatic or apart <= UNEVEN:
            continue
        state = "DRS is off" if not table.drs_enabled[cluster.row] else "DRS only recommends"
        rows.append((cluster.row, moved, f"{state}; hosts differ by {per_cent(apart)} of theirs"))
    if not rows:
        return None
    made = _rows("clusters", rows)
    count = len(rows)
    return Finding(
        "drs-off",
        "Uneven clusters that nobody balances",
        Level.RISK,
        Basis.SETTING,
        f"{counted(count, 'cluster')} {verb(count, 'runs', 'run')} without automatic DRS, and "
        f"{verb(count, 'its', 'their')} hosts are unevenly full.",
        "One host balloons while its neighbour has memory to spare.",
        "Let somebody balance: DRS where the licence has it, or this market's plan.",
        "what the hosts hold above the cluster's mean, over the clusters listed",
        made,
    )


def drs_at_odds(scene: Scene, clusters: tuple[ClusterState, ...], plan: Plan) -> Finding | None:
    """Clusters where DRS acts by itself, and yet there is much to trade."""
    table, hosts = scene.snapshot.clusters, scene.snapshot.hosts
    moves: Counter[int] = Counter()
    for step in plan.steps:
        if isinstance(step.action, Migrate):
            moves[int(hosts.cluster[hosts.row(step.action.source.moid)])] += 1
    rows = []
    for cluster in clusters:
        if not table.drs_enabled[cluster.row] or table.drs_behavior[cluster.row] != (
            "fullyAutomated"
        ):
            continue
        apart, moved = _unevenness(scene, cluster.row)
        if cluster.open_hosts < 2 or not moves[cluster.row] or apart <= UNEVEN:
            continue
        rate = table.drs_vmotion_rate[cluster.row]
        calm = " set to its least aggressive level" if rate == LEAST_AGGRESSIVE else ""
        rows.append(
            (
                cluster.row,
                moved,
                f"DRS is automatic{calm}; hosts differ by {per_cent(apart)} of theirs; the market "
                f"would do {counted(moves[cluster.row], 'move')}",
            )
        )
    if not rows:
        return None
    made = _rows("clusters", rows)
    count = len(rows)
    return Finding(
        "drs-at-odds",
        "DRS is on, and hosts are unevenly full all the same",
        Level.RISK,
        Basis.MODEL,
        f"In {counted(count, 'cluster')} DRS acts by itself and leaves hosts unevenly full of "
        "memory.",
        "DRS weighs CPU and active memory, and does not see what hosts have sold. If it undoes "
        "what a plan does, both keep moving VMs.",
        "Before applying a plan there: set DRS to partially automated, or exempt the VMs that "
        "are moved.",
        "what the hosts hold above the cluster's mean, over the clusters listed",
        made,
    )


def pool_limits(scene: Scene) -> Finding | None:
    """Resource pools whose limit is below what their VMs would hold."""
    pools = scene.snapshot.pools
    if not len(pools):
        return None
    inside = held_in_pools(scene.before)
    over = inside - pools.limit_mib
    short = np.flatnonzero((over > 0) & (pools_short(scene.before, inside) > 0))
    if not len(short):
        return None
    rows = _rows(
        "pools",
        [
            (
                int(at),
                float(over[at]),
                f"limit {amount(float(pools.limit_mib[at]))}, its VMs would hold "
                f"{amount(float(inside[at]))}",
            )
            for at in short
        ],
    )
    count = len(rows)
    return Finding(
        "pool-limit",
        "Resource pools with too small a limit",
        Level.HURTS,
        Basis.SETTING,
        f"The memory limit of {counted(count, 'resource pool')} is below what the VMs inside "
        "would hold.",
        "ESXi then balloons and swaps these VMs even when the hosts have memory to spare.",
        "Raise or lift the pool's limit, or take VMs out of it.",
        "what the VMs would hold less the limit, over the pools listed",
        rows,
    )


def _unevenness(scene: Scene, cluster: int) -> tuple[float, float]:
    """How far the open hosts of a cluster are apart, and what is above their mean, MiB."""
    mine = [
        host for host in scene.hosts if host.cluster == cluster and host.strain is not Strain.CLOSED
    ]
    if len(mine) < 2:
        return 0.0, 0.0
    share = np.array([host.footprint_mib / host.usable_mib for host in mine])
    usable = np.array([host.usable_mib for host in mine])
    mean = float((share * usable).sum() / usable.sum())
    return float(share.max() - share.min()), float((np.maximum(share - mean, 0) * usable).sum())


def _host_note(host: HostState) -> str:
    return (
        f"its VMs would hold {amount(host.footprint_mib)}, it has {amount(host.usable_mib)} for "
        f"sale; {amount(host.ballooned_mib)} ballooned, {amount(host.swapped_mib)} swapped"
    )


def _rows(table: str, rows: list[tuple[int, float, str]]) -> tuple[Row, ...]:
    ordered = sorted(rows, key=lambda row: (-row[1], row[0]))
    return tuple(Row(table, at, mib, note) for at, mib, note in ordered)
