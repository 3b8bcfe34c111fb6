"""The whole estate in one walk: which properties are read, and how they become tables.

Leaf paths only. A managed object's attribute is never read by itself, and whole structures are read
only where they are small and the objects few (clusters' configurations, hosts' networks). What
vCenter held back becomes one sentence per reason in ``Snapshot.missing``; an object that vanished
while it was read is simply not there.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vsphere_market.adapter.bulk import BulkReader, Facts
from vsphere_market.adapter.clusters import (
    CLUSTER_PATHS,
    cluster_columns,
    drs_overrides,
    failover_hosts,
    rule_columns,
)
from vsphere_market.adapter.counters import (
    HOST_COUNTERS,
    IO_COUNTERS,
    SIOC_COUNTERS,
    VM_COUNTERS,
    Counters,
    Figures,
)
from vsphere_market.adapter.files import Usage, file_columns, hosts_keep_swap, usage_of
from vsphere_market.adapter.hosts import HOST_PATHS, host_columns
from vsphere_market.adapter.licences import Licence
from vsphere_market.adapter.places import (
    Rows,
    Tree,
    column,
    flags,
    limit_mib,
    names_of,
    scaled,
)
from vsphere_market.adapter.storage import datastore_io
from vsphere_market.adapter.vms import CAP_KEY, CAP_PATH, VM_PATHS, size_mib, vm_columns
from vsphere_market.adapter.vsan import (
    WITNESS_OWNER,
    vsan_clusters,
    vsan_parts,
    witness_appliances,
)
from vsphere_market.estate import (
    CONNECTED,
    POWERED_ON,
    ClusterTable,
    DatastoreTable,
    HostTable,
    PoolTable,
    RuleTable,
    Snapshot,
    Source,
    VmTable,
)
from vsphere_market.units import BYTES_PER_MIB

_ALLOCATION = "config.memoryAllocation"

POOL_PATHS: tuple[str, ...] = (
    "name",
    "owner",
    "parent",
    f"{_ALLOCATION}.reservation",
    f"{_ALLOCATION}.limit",
    f"{_ALLOCATION}.shares.shares",
    f"{_ALLOCATION}.expandableReservation",
    "runtime.memory.unreservedForVm",
)
DATASTORE_PATHS: tuple[str, ...] = (
    "name",
    "summary.capacity",
    "summary.freeSpace",
    "summary.accessible",
    "summary.url",
)

#: Managed type -> paths.
PATHS: Mapping[str, tuple[str, ...]] = {
    "VirtualMachine": VM_PATHS,
    "HostSystem": HOST_PATHS,
    "ClusterComputeResource": CLUSTER_PATHS,
    "ResourcePool": POOL_PATHS,
    "Datastore": DATASTORE_PATHS,
    "Folder": ("name", "parent"),
    "Datacenter": ("name", "parent"),
}
#: Managed type -> a word for people.
_WORDS = {
    "VirtualMachine": "VMs",
    "HostSystem": "hosts",
    "ClusterComputeResource": "clusters",
    "ResourcePool": "resource pools",
    "Datastore": "datastores",
    "Folder": "folders",
    "Datacenter": "datacenters",
}


@dataclass(frozen=True, slots=True)
class Read:
    """What one walk brought.

    Attributes:
        facts: properties by managed type.
        custom_fields: names of custom attributes by key.
        caps: balloon cap options that were read apart, by VM.
        usage: what VMs with files on several datastores have on each.
        passthrough: ids of the VMs with a DirectPath device.
        vm_figures: what VMs' counters came to.
        host_figures: what hosts' counters came to.
        licences: of hosts that have one.
        tags: ``category:tag`` of the VMs that bear any.
        notes: sentences on what could not be read besides.
    """

    facts: Mapping[str, Sequence[Facts]]
    custom_fields: Mapping[int, str] = field(default_factory=dict)
    caps: Mapping[str, Any] = field(default_factory=dict)
    usage: Usage = field(default_factory=dict)
    passthrough: frozenset[str] = frozenset()
    vm_figures: Mapping[str, Figures] = field(default_factory=dict)
    host_figures: Mapping[str, Figures] = field(default_factory=dict)
    licences: Mapping[str, Licence] = field(default_factory=dict)
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_estate(
    reader: BulkReader,
    counters: Counters,
    custom_fields: Mapping[int, str],
    notes: Sequence[str] = (),
    licences: Mapping[str, Licence] | None = None,
) -> Read:
    """Read everything a snapshot is made of: one walk over the inventory, then the counters."""
    facts: dict[str, list[Facts]] = {kind: [] for kind in PATHS}
    for found in reader.inventory(PATHS):
        facts.setdefault(found.kind, []).append(found)
    vms = facts["VirtualMachine"]
    live_hosts = [host.moid for host in facts["HostSystem"] if _is_live(host)]
    on_live = set(live_hosts)
    live_vms = [vm.moid for vm in vms if _is_live(vm) and vm.get("runtime.host") in on_live]
    return Read(
        facts=facts,
        custom_fields=custom_fields,
        caps=_caps(reader, vms),
        usage=usage_of(reader, vms),
        passthrough=_passthrough(reader, vms),
        vm_figures=counters.read("VirtualMachine", live_vms, (*VM_COUNTERS, *IO_COUNTERS)),
        host_figures=counters.read(
            "HostSystem", live_hosts, (*HOST_COUNTERS, *IO_COUNTERS, *SIOC_COUNTERS)
        ),
        licences=licences or {},
        notes=tuple(notes),
    )


def snapshot_from(read: Read, source: Source, taken_at_s: float) -> Snapshot:
    """Turn what was read into tables that refer to each other by row."""
    missing = list(read.notes)
    why = "are left out, since vCenter does not give their memory size:"
    every_vm, every_host = _of(read, "VirtualMachine"), _of(read, "HostSystem")
    vms = [vm for vm in every_vm if size_mib(vm) >= 0]
    if lost := len(every_vm) - len(vms):
        missing.append(f"{lost} VMs {why} they are inaccessible, or kept from this account.")
    hosts = [host for host in every_host if host.get("summary.hardware.memorySize")]
    if lost := len(every_host) - len(hosts):
        missing.append(f"{lost} hosts {why} they were never connected, or kept from this account.")
    clusters, pools = _of(read, "ClusterComputeResource"), _of(read, "ResourcePool")
    stores = _of(read, "Datastore")
    rows = Rows(
        vms=_rows(vms),
        hosts=_rows(hosts),
        clusters=_rows(clusters),
        pools=_rows(pools),
        datastores=_rows(stores),
        store_names=names_of(stores),
    )
    tree = Tree(_of(read, "Folder"), _of(read, "Datacenter"))
    parts = vsan_parts(hosts, vsan_clusters(clusters))
    host_part = host_columns(
        hosts, rows, read.host_figures, failover_hosts(clusters), parts, read.licences
    )
    vm_part = vm_columns(
        vms,
        rows,
        tree,
        read.vm_figures,
        cluster_of_host=host_part["cluster"],
        custom_fields=read.custom_fields,
        caps=read.caps,
        passthrough=read.passthrough,
    )
    keeping = [hosts_keep_swap(cluster) for cluster in clusters]
    with_host = [row >= 0 and keeping[row] for row in vm_part["cluster"]]
    vm_part |= file_columns(vms, rows, stores, read.vm_figures, read.usage, with_host)
    # A witness comes as an appliance that no extension calls its own.
    witnesses = witness_appliances(hosts, parts, vms)
    vm_part["managed_by"] = [
        owner or (WITNESS_OWNER if vm.moid in witnesses else "")
        for vm, owner in zip(vms, vm_part["managed_by"], strict=True)
    ]
    overrides = drs_overrides(clusters)
    vm_part["tags"] = [read.tags.get(vm.moid, ()) for vm in vms]
    vm_part["drs_override"] = [overrides.get(vm.moid, "") for vm in vms]
    missing += _held_back(read)
    missing += _silent("running VMs", vms, read.vm_figures)
    missing += _silent("hosts", hosts, read.host_figures)
    return Snapshot(
        taken_at_s=taken_at_s,
        source=source,
        clusters=ClusterTable(**cluster_columns(clusters, tree, read.custom_fields, read.tags)),
        hosts=HostTable(**host_part),
        pools=PoolTable(**_pool_columns(pools, rows)),
        datastores=DatastoreTable(**_datastore_columns(stores, read.host_figures)),
        vms=VmTable(**vm_part),
        rules=RuleTable(**rule_columns(clusters, rows)),
        missing=tuple(missing),
    )


def _caps(reader: BulkReader, vms: Iterable[Facts]) -> dict[str, Any]:
    """Balloon caps where the server does not know a path with a key: from all the options.

    A vCenter answers such a path, and gives nothing where the option is not set.
    """
    refused = [vm.moid for vm in vms if CAP_PATH in vm.refused]
    found = reader.objects("VirtualMachine", refused, ["config.extraConfig"]) if refused else []
    return {
        facts.moid: option
        for facts in found
        for option in facts.get("config.extraConfig", ())
        if option.key == CAP_KEY
    }


def _passthrough(reader: BulkReader, vms: Iterable[Facts]) -> frozenset[str]:
    """The VMs with a DirectPath device.

    Device lists are long, so they are read only of VMs that may have one: such a device needs the
    whole memory reserved.
    """
    suspects = [
        vm.moid
        for vm in vms
        if (size := size_mib(vm)) > 0
        and (
            vm.get("config.memoryReservationLockedToMax")
            or vm.get(f"{_ALLOCATION}.reservation", 0) >= size
        )
    ]
    found = (
        reader.objects("VirtualMachine", suspects, ["config.hardware.device"]) if suspects else []
    )
    return frozenset(
        facts.moid
        for facts in found
        if any(is_passthrough(device) for device in facts.get("config.hardware.device", ()))
    )


def is_passthrough(device: Any) -> bool:
    """It is a device of the host handed to a VM: PCI passthrough, or an SR-IOV network card."""
    names = {getattr(cls, "_wsdlName", "") for cls in type(device).__mro__}
    return not names.isdisjoint({"VirtualPCIPassthrough", "VirtualSriovEthernetCard"})


def _is_live(one: Facts) -> bool:
    states = one.get("runtime.connectionState"), one.get("runtime.powerState")
    return states == (CONNECTED, POWERED_ON)


def _of(read: Read, kind: str) -> Sequence[Facts]:
    return read.facts.get(kind, ())


def _rows(facts: Iterable[Facts]) -> dict[str, int]:
    return {one.moid: row for row, one in enumerate(facts)}


def _pool_columns(pools: Sequence[Facts], rows: Rows) -> dict[str, Any]:
    return {
        "moid": [pool.moid for pool in pools],
        "name": names_of(pools),
        "cluster": [rows.clusters.get(pool.get("owner", ""), -1) for pool in pools],
        "parent": [rows.pools.get(pool.get("parent", ""), -1) for pool in pools],
        "reservation_mib": column(pools, f"{_ALLOCATION}.reservation", 0),
        "limit_mib": [limit_mib(pool.get(f"{_ALLOCATION}.limit")) for pool in pools],
        "shares": column(pools, f"{_ALLOCATION}.shares.shares"),
        "expandable": flags(pools, f"{_ALLOCATION}.expandableReservation"),
        "unreserved_mib": scaled(pools, "runtime.memory.unreservedForVm", BYTES_PER_MIB),
    }


def _datastore_columns(
    stores: Sequence[Facts], host_figures: Mapping[str, Figures]
) -> dict[str, Any]:
    io = datastore_io(stores, host_figures.values())
    capacity = [
        size if size > 0 else math.nan for size in scaled(stores, "summary.capacity", BYTES_PER_MIB)
    ]
    return {
        "moid": [store.moid for store in stores],
        "name": names_of(stores),
        "capacity_mib": capacity,
        # One that says it holds nothing says nothing: vCenter has not seen it yet.
        "free_mib": [
            free if size > 0 else math.nan
            for size, free in zip(
                capacity, scaled(stores, "summary.freeSpace", BYTES_PER_MIB), strict=True
            )
        ],
        "latency_ms": [one.latency_ms for one in io],
        "iops": [one.iops for one in io],
        "io_kibps": [one.kibps for one in io],
        "accessible": flags(stores, "summary.accessible"),
    }


def _held_back(read: Read) -> list[str]:
    """One sentence per path and fault: of how many objects, not of which."""
    return [
        f"vCenter kept back {path} of {count} {word} ({fault})."
        for kind, word in _WORDS.items()
        for (path, fault), count in sorted(
            Counter(
                item
                for one in _of(read, kind)
                for item in one.refused.items()
                if item[0] != CAP_PATH
            ).items()
        )
    ]


def _silent(word: str, live: Iterable[Facts], figures: Mapping[str, Figures]) -> list[str]:
    silent = sum(1 for one in live if _is_live(one) and one.moid not in figures)
    if not silent:
        return []
    return [f"{silent} {word} gave no realtime counters, so their rates and states are unknown."]
