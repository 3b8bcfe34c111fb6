"""A part of a snapshot: some clusters with all that is in them, as if there were nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from vsphere_market.estate.columns import Kind, Table
from vsphere_market.estate.snapshot import TABLES, Snapshot
from vsphere_market.units import BoolArray, IndexArray


def within_clusters(snapshot: Snapshot, clusters: Collection[str]) -> Snapshot:
    """The snapshot of some clusters alone: their hosts, pools, VMs and rules, and all datastores.

    Args:
        snapshot: of the whole estate.
        clusters: managed object ids; those that it does not have are left out.
    """
    chosen = np.array([moid in clusters for moid in snapshot.clusters.moid], dtype=np.bool_)

    def inside(table: Table) -> BoolArray:
        rows: IndexArray = getattr(table, "cluster")  # noqa: B009 - these tables have it
        kept = np.zeros(len(table), dtype=np.bool_)
        known = rows >= 0
        kept[known] = chosen[rows[known]]
        return kept

    keep: dict[str, BoolArray] = {
        "clusters": chosen,
        "hosts": inside(snapshot.hosts),
        "pools": inside(snapshot.pools),
        "datastores": np.ones(len(snapshot.datastores), dtype=np.bool_),
        "vms": inside(snapshot.vms),
        "rules": inside(snapshot.rules),
    }
    # Old row -> new row, -1 for rows that are gone; its last entry serves the -1 of "none".
    moved = {
        name: np.append(np.where(kept, np.cumsum(kept) - 1, -1), -1) for name, kept in keep.items()
    }
    tables: dict[str, Any] = {
        name: _part(snapshot.table(name), keep[name], moved) for name in TABLES
    }
    return dataclasses.replace(snapshot, **tables)


def _part(table: Table, keep: BoolArray, moved: Mapping[str, IndexArray]) -> Table:
    columns: dict[str, Any] = {}
    rows = np.flatnonzero(keep)
    for name, column in table.columns().items():
        value = getattr(table, name)
        match column.kind:
            case Kind.REF:
                columns[name] = moved[column.table][value[rows]]
            case Kind.REFS:
                columns[name] = tuple(
                    tuple(new for old in value[row] if (new := int(moved[column.table][old])) >= 0)
                    for row in rows
                )
            case Kind.TEXT | Kind.WORDS:
                columns[name] = tuple(value[row] for row in rows)
            case Kind.NUMBER | Kind.FLAG:
                columns[name] = value[rows]
    return type(table)(**columns)
