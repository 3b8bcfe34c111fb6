"""The snapshot: everything the market is told about an estate at one instant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from vsphere_market.estate.columns import Table
from vsphere_market.estate.tables import (
    ClusterTable,
    DatastoreTable,
    HostTable,
    PoolTable,
    RuleTable,
    VmTable,
)

SNAPSHOT_FORMAT = "vsphere-market/snapshot/1"

#: How the sentence in ``Snapshot.missing`` begins when no VM's tags are known.
TAGS_UNREAD = "vSphere tags could not be read"

#: Table name in files and references -> its class, in the order in which files hold them.
TABLES: Mapping[str, type[Table]] = MappingProxyType(
    {
        "clusters": ClusterTable,
        "hosts": HostTable,
        "pools": PoolTable,
        "datastores": DatastoreTable,
        "vms": VmTable,
        "rules": RuleTable,
    }
)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a snapshot comes from.

    Attributes:
        kind: ``vcenter``, ``plant``, ``rvtools`` or ``file``.
        name: vCenter's host name, or the file's.
        instance_uuid: vCenter's identity; plans are bound to it. "" if unknown.
        version: vCenter's version.
    """

    kind: str
    name: str
    instance_uuid: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """One frozen view of an estate.

    Attributes:
        taken_at_s: Unix time at the source (vCenter's clock) when reading began.
        source: where it was read.
        missing: sentences on what could not be read, and what can then not be told.
    """

    taken_at_s: float
    source: Source
    clusters: ClusterTable
    hosts: HostTable
    pools: PoolTable
    datastores: DatastoreTable
    vms: VmTable
    rules: RuleTable
    missing: tuple[str, ...] = ()

    def table(self, name: str) -> Table:
        """The table of that name, one of :data:`TABLES`."""
        table = getattr(self, name)
        assert isinstance(table, Table)
        return table
