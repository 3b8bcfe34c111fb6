"""Which part of an estate a loop looks after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vsphere_market.errors import UsageError
from vsphere_market.estate import Snapshot
from vsphere_market.estate.parts import within_clusters
from vsphere_market.journal import Scope, estate_key
from vsphere_market.policy.problems import did_you_mean


def scope_of(snapshot: Snapshot, clusters: Sequence[str] = ()) -> Scope:
    """The part of an estate that is made of some clusters.

    Args:
        snapshot: the estate.
        clusters: names or managed object ids; none for all of it.

    Raises:
        UsageError: there is no such cluster, or there are several of that name.
    """
    estate = estate_key(snapshot.source)
    table = snapshot.clusters
    moids: dict[str, str] = {}
    for wanted in clusters:
        rows = [
            row
            for row, (moid, name) in enumerate(zip(table.moid, table.name, strict=True))
            if wanted in (moid, name)
        ]
        if not rows:
            raise UsageError(
                f"there is no cluster {wanted} here",
                where="--clusters",
                cure=did_you_mean(wanted, set(table.name)),
            )
        if len(rows) > 1:
            ids = ", ".join(table.moid[row] for row in rows)
            raise UsageError(
                f"there are {len(rows)} clusters named {wanted}",
                where="--clusters",
                cure=f"name one by its managed object id: {ids}",
            )
        moids[table.moid[rows[0]]] = table.name[rows[0]]
    ordered = sorted(moids)
    return Scope(estate, tuple(ordered), tuple(moids[moid] for moid in ordered))


def within(snapshot: Snapshot, scope: Scope) -> Snapshot:
    """What a loop with that scope sees of the estate."""
    return within_clusters(snapshot, scope.clusters) if scope.clusters else snapshot


def clusters_of(snapshot: Snapshot) -> Mapping[str, str]:
    """Managed object id of a VM, host or pool -> that of its cluster; without those of none."""
    moids = snapshot.clusters.moid
    return {moid: moid for moid in moids} | {
        moid: moids[row]
        for table in (snapshot.vms, snapshot.hosts, snapshot.pools)
        for moid, row in zip(table.moid, table.cluster, strict=True)
        if row >= 0
    }
