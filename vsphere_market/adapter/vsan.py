"""vSAN: which part each host has in it, and which VMs are nested witness hosts.

A witness is a host that runs vSAN although its own cluster does not: it votes for a cluster
elsewhere, and a vSAN cluster takes no witness among its own hosts. vCenter has no property for a
node's decommissioning; a host in maintenance tells that itself, and a node that has left is one
that no other node sees.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from vsphere_market.adapter.bulk import Facts
from vsphere_market.estate import VSAN_APART, VSAN_MEMBER, VSAN_WITNESS

_CONFIG = "config.vsanHostConfig"
ENABLED = f"{_CONFIG}.enabled"
CLUSTER_UUID = f"{_CONFIG}.clusterInfo.uuid"
NODE_UUID = f"{_CONFIG}.clusterInfo.nodeUuid"
MEMBERS = "runtime.vsanRuntimeInfo.membershipList"
HOST_UUID = "summary.hardware.uuid"
VM_UUID = "config.uuid"

VSAN_HOST_PATHS = (ENABLED, CLUSTER_UUID, NODE_UUID, MEMBERS, HOST_UUID)
#: Who owns a witness appliance, as far as the market is concerned.
WITNESS_OWNER = "vSAN witness"


def vsan_clusters(clusters: Iterable[Facts]) -> frozenset[str]:
    """Ids of the clusters that have vSAN on; those that do not let it be read are among them."""
    found = set()
    for cluster in clusters:
        config = cluster.get("configurationEx")
        if config is None or getattr(getattr(config, "vsanConfigInfo", None), "enabled", None):
            found.add(cluster.moid)
    return frozenset(found)


def vsan_parts(hosts: Sequence[Facts], clusters: Collection[str]) -> list[str]:
    """The ``vsan`` column of the host table.

    Args:
        hosts: one per row.
        clusters: ids of the clusters that have vSAN on.
    """
    seen = _seen_by(hosts)
    return [_part(host, clusters, seen) for host in hosts]


def witness_appliances(
    hosts: Iterable[Facts], parts: Iterable[str], vms: Iterable[Facts]
) -> frozenset[str]:
    """Ids of the VMs that are witness hosts themselves: a VM's UUID is its nested ESXi's."""
    uuids = {
        _plain(str(host.get(HOST_UUID, "")))
        for host, part in zip(hosts, parts, strict=True)
        if part == VSAN_WITNESS
    } - {""}
    if not uuids:
        return frozenset()
    return frozenset(vm.moid for vm in vms if not uuids.isdisjoint(_forms(vm.get(VM_UUID, ""))))


def _part(host: Facts, clusters: Collection[str], seen: dict[str, dict[str, set[str]]]) -> str:
    if not host.get(ENABLED):
        return ""
    if host.get("parent", "") not in clusters:
        return VSAN_WITNESS
    peers = seen.get(host.get(CLUSTER_UUID, ""), {})
    others = [nodes for moid, nodes in peers.items() if moid != host.moid]
    node = host.get(NODE_UUID, "")
    if node and others and not any(node in nodes for nodes in others):
        return VSAN_APART
    return VSAN_MEMBER


def _seen_by(hosts: Iterable[Facts]) -> dict[str, dict[str, set[str]]]:
    """vSAN cluster -> connected host -> the nodes that it sees; only hosts that see any."""
    seen: dict[str, dict[str, set[str]]] = {}
    for host in hosts:
        nodes = {str(member.nodeUuid) for member in host.get(MEMBERS, ())}
        uuid = host.get(CLUSTER_UUID, "")
        # What vCenter last heard of a host that is away says nothing of now.
        if uuid and nodes and host.get("runtime.connectionState") == "connected":
            seen.setdefault(uuid, {})[host.moid] = nodes
    return seen


def _forms(uuid: str) -> set[str]:
    """A UUID as it is, and with its first three fields in the byte order of newer firmware."""
    text = _plain(uuid)
    if len(text) != 32:
        return {text} - {""}
    fields = (text[:8], text[8:12], text[12:16])
    turned = "".join(
        "".join(reversed([field[at : at + 2] for at in range(0, len(field), 2)]))
        for field in fields
    )
    return {text, turned + text[16:]}


def _plain(uuid: str) -> str:
    return uuid.replace("-", "").lower()
