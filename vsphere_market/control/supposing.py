"""From what a person supposes, in names, to changes that the market understands, in rows."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vsphere_market.control.decide import Frame
from vsphere_market.control.names import Thing, find
from vsphere_market.errors import UsageError
from vsphere_market.estate import Snapshot
from vsphere_market.market.changes import (
    AddHosts,
    AddVms,
    Change,
    Grow,
    LoseHost,
    Maintain,
    Merge,
    NewRules,
    Refresh,
    ScaleMemory,
)
from vsphere_market.market.headroom import Advice, Headroom, advise, headroom
from vsphere_market.market.outlook import Outlook, foretell
from vsphere_market.market.whatif import transform, typical
from vsphere_market.policy import PolicySet, compile_rulebook
from vsphere_market.policy.problems import did_you_mean
from vsphere_market.units import MIB_PER_GIB


@dataclass(frozen=True, slots=True)
class Supposition:
    """What a person supposes; the names are those of the options. All of it at once.

    Attributes:
        cluster: which cluster is meant by what is about one; "" where there is only one.
        policies: other policies than today's; None for the same.
        merge: names of clusters that become one, the first; empty for none.
        memory_factor: on all hosts' memory, or on the cluster's.
        refresh_gib: memory of the hosts that replace a cluster's; NaN for none.
        refresh_count: so many of them; 0 for as many as there are.
        add_hosts: so many.
        maintenance: names of hosts.
        lose: names of hosts.
        grow_pct: demand grows by this.
        add_vms: so many.
        size_gib: size of the added VMs; NaN for the typical one.
    """

    cluster: str = ""
    policies: PolicySet | None = None
    merge: tuple[str, ...] = ()
    memory_factor: float = 1.0
    refresh_gib: float = math.nan
    refresh_count: int = 0
    add_hosts: int = 0
    maintenance: tuple[str, ...] = ()
    lose: tuple[str, ...] = ()
    grow_pct: float = 0.0
    add_vms: int = 0
    size_gib: float = math.nan


def changes_of(framed: Frame, wanted: Supposition) -> tuple[Change, ...]:
    """The changes, in an order in which each finds what it needs.

    Raises:
        UsageError: a name that is none here, a number that makes no sense, or no cluster named
            where there are several.
        PolicyProblems: the other policies contradict each other or the estate.
    """
    snapshot = framed.snapshot
    _check_numbers(wanted)
    changes: list[Change] = []
    if wanted.policies is not None:
        compiled = compile_rulebook(wanted.policies, snapshot, framed.now_s)
        changes.append(NewRules(compiled.rulebook))
    if wanted.merge:
        if len(set(wanted.merge)) < 2:
            raise UsageError("two clusters at least are to be named", where="--merge")
        into, *others = (cluster_row(snapshot, name) for name in wanted.merge)
        changes += [Merge(other, into) for other in others]
    if wanted.memory_factor != 1.0:
        row = cluster_row(snapshot, wanted.cluster) if wanted.cluster else -1
        changes.append(ScaleMemory(wanted.memory_factor, row))
    if not math.isnan(wanted.refresh_gib):
        row = the_cluster(snapshot, wanted, "--refresh")
        _check_hosts(snapshot, row)
        changes.append(Refresh(row, wanted.refresh_gib * MIB_PER_GIB, wanted.refresh_count))
    if wanted.add_hosts:
        row = the_cluster(snapshot, wanted, "--add-hosts")
        _check_hosts(snapshot, row)
        changes.append(AddHosts(row, wanted.add_hosts))
    if wanted.grow_pct:
        row = cluster_row(snapshot, wanted.cluster) if wanted.cluster else -1
        changes.append(Grow(wanted.grow_pct, row))
    changes += [Maintain(_host(snapshot, name)) for name in wanted.maintenance]
    changes += [LoseHost(_host(snapshot, name)) for name in wanted.lose]
    if wanted.add_vms:
        row = the_cluster(snapshot, wanted, "--add-vms")
        _check_example(framed, row)
        changes.append(AddVms(row, wanted.add_vms, wanted.size_gib * MIB_PER_GIB))
    return tuple(changes)


def suppose(framed: Frame, wanted: Supposition) -> Outlook:
    """What becomes of the estate. Raises what :func:`changes_of` raises."""
    return foretell(framed.question, changes_of(framed, wanted), framed.now_s)


def room_left(framed: Frame, wanted: Supposition) -> tuple[Headroom, ...]:
    """How many more VMs fit into each cluster (or the one that is named) under the supposition.

    Raises what :func:`changes_of` raises.
    """
    question = transform(framed.question, changes_of(framed, wanted)).question
    clusters = question.snapshot.clusters
    rows = (
        [cluster_row(framed.snapshot, wanted.cluster)] if wanted.cluster else range(len(clusters))
    )
    hosts = question.snapshot.hosts.cluster
    return tuple(
        headroom(question, row, size_mib=wanted.size_gib * MIB_PER_GIB)
        for row in rows
        if (hosts == row).any()
    )


def advice_of(framed: Frame, wanted: Supposition) -> tuple[Advice, ...]:
    """What the hosts ask for one new VM of the size supposed. Raises as :func:`changes_of`."""
    row = the_cluster(framed.snapshot, wanted, "--place")
    _check_example(framed, row)
    return advise(framed.question, AddVms(row, 1, wanted.size_gib * MIB_PER_GIB))


def cluster_row(snapshot: Snapshot, name: str) -> int:
    """The row of a cluster by name or managed object id.

    Raises:
        UsageError: there is none of that name.
    """
    clusters = snapshot.clusters
    if (row := clusters.row(name)) >= 0:
        return row
    folded = name.casefold()
    rows = [row for row, own in enumerate(clusters.name) if own.casefold() == folded]
    if len(rows) == 1:
        return rows[0]
    if rows:
        ids = ", ".join(clusters.moid[row] for row in rows)
        raise UsageError(f"{len(rows)} clusters have this name", where=name, cure=f"use {ids}")
    listed = ", ".join(clusters.name[:8]) or "none"
    near = did_you_mean(name, list(clusters.name))
    raise UsageError("is no cluster here", where=name, cure=near or f"there are: {listed}")


def the_cluster(snapshot: Snapshot, wanted: Supposition, option: str) -> int:
    """The cluster that is named, or the only one with hosts.

    Raises:
        UsageError: none is named and there are several, or none at all.
    """
    if wanted.cluster:
        return cluster_row(snapshot, wanted.cluster)
    peopled = sorted({row for row in snapshot.hosts.cluster.tolist() if row >= 0})
    if len(peopled) == 1:
        return int(peopled[0])
    names = ", ".join(snapshot.clusters.name[row] for row in peopled[:8])
    cure = f"name one with --cluster: {names}" if peopled else "there is none with a host here"
    raise UsageError("which cluster is meant is not clear", where=option, cure=cure)


def _host(snapshot: Snapshot, name: str) -> int:
    found = find(snapshot, name)
    if found.thing is not Thing.HOST:
        # A VM wins over a host of the same name elsewhere; here only hosts are asked for.
        rows = [row for row, own in enumerate(snapshot.hosts.name) if own == name]
        if len(rows) != 1:
            raise UsageError("is a VM, not a host", where=name)
        return rows[0]
    return found.row


def _check_numbers(wanted: Supposition) -> None:
    for value, good, option, what in (
        (wanted.memory_factor, wanted.memory_factor > 0, "--memory-factor", "above 0"),
        (wanted.grow_pct, wanted.grow_pct >= -100, "--grow", "-100 or more"),
        (wanted.refresh_gib, not wanted.refresh_gib <= 0, "--refresh", "above 0"),
        (wanted.refresh_count, wanted.refresh_count >= 0, "--refresh", "0 hosts or more"),
        (wanted.add_hosts, wanted.add_hosts >= 0, "--add-hosts", "0 or more"),
        (wanted.add_vms, wanted.add_vms >= 0, "--add-vms", "0 or more"),
        (wanted.size_gib, not wanted.size_gib <= 0, "--size", "above 0"),
    ):
        if not good or math.isinf(value):
            raise UsageError(f"{value:g} makes no sense", where=option, cure=f"give {what}")


def _check_hosts(snapshot: Snapshot, cluster: int) -> None:
    if not (snapshot.hosts.cluster == cluster).any():
        raise UsageError(
            "has no host that added ones could be like", where=snapshot.clusters.name[cluster]
        )


def _check_example(framed: Frame, cluster: int) -> None:
    try:
        typical(framed.question, cluster)
    except ValueError as error:
        name = framed.snapshot.clusters.name[cluster]
        raise UsageError(str(error), where=name, cure="name another --cluster") from error
