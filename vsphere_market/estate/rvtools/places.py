"""Clusters, hosts, pools and datastores of an export."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vsphere_market.estate.rvtools.keys import VCenters
from vsphere_market.estate.rvtools.licences import Licences, licences_of
from vsphere_market.estate.rvtools.sheet import Sheet
from vsphere_market.estate.rvtools.values import NAN
from vsphere_market.units import UNLIMITED

#: What RVTools and the vSphere API write for "no limit".
_UNLIMITED_BELOW = 0
_BEHAVIORS = {
    "manual": "manual",
    "partiallyautomated": "partiallyAutomated",
    "fullyautomated": "fullyAutomated",
}


@dataclass(slots=True)
class Places:
    """Rows of the tables about places, and how the VM sheets name them.

    Attributes:
        clusters: rows of the cluster table.
        hosts: rows of the host table.
        pools: rows of the pool table.
        datastores: rows of the datastore table.
        cluster_at: (vCenter, datacenter, name) -> row; the datacenter may be "".
        host_at: (vCenter, name) -> row.
        pool_at: (vCenter, path) -> row.
        datastore_at: (vCenter, name) -> row.
        counted: powered-on VMs that each host counts, NaN unknown.
        used: memory of VMs that each host counts, MiB, NaN unknown.
    """

    clusters: list[dict[str, Any]] = field(default_factory=list)
    hosts: list[dict[str, Any]] = field(default_factory=list)
    pools: list[dict[str, Any]] = field(default_factory=list)
    datastores: list[dict[str, Any]] = field(default_factory=list)
    cluster_at: dict[tuple[str, str, str], int] = field(default_factory=dict)
    host_at: dict[tuple[str, str], int] = field(default_factory=dict)
    pool_at: dict[tuple[str, str], int] = field(default_factory=dict)
    datastore_at: dict[tuple[str, str], int] = field(default_factory=dict)
    counted: list[float] = field(default_factory=list)
    used: list[float] = field(default_factory=list)

    def cluster(self, vcenter: str, datacenter: str, name: str) -> int:
        """Row of a cluster, or -1."""
        found = self.cluster_at.get((vcenter, datacenter, name))
        return self.cluster_at.get((vcenter, "", name), -1) if found is None else found


def places_of(sheets: Mapping[str, Sheet], vcenters: VCenters) -> Places:
    """Read everything about places."""
    places = Places()
    _clusters(places, sheets, vcenters)
    if "vHost" in sheets:
        _hosts(places, sheets["vHost"], vcenters, licences_of(sheets, vcenters))
    if "vRP" in sheets:
        _pools(places, sheets["vRP"], vcenters)
    if "vDatastore" in sheets:
        _datastores(places, sheets["vDatastore"], vcenters)
    return places


def limit_of(told: float) -> float:
    """A limit as columns hold it: negative and missing mean none."""
    return UNLIMITED if math.isnan(told) or told < _UNLIMITED_BELOW else told


def _clusters(places: Places, sheets: Mapping[str, Sheet], vcenters: VCenters) -> None:
    sheet = sheets.get("vCluster")
    if sheet is not None:
        told = zip(
            vcenters.of("vCluster"),
            sheet.texts("name"),
            sheet.texts("datacenter"),
            sheet.texts("id"),
            sheet.flags("ha"),
            sheet.flags("admission"),
            sheet.numbers("failover"),
            sheet.flags("drs"),
            sheet.texts("behavior"),
            sheet.numbers("rate"),
            strict=True,
        )
        for vcenter, name, datacenter, moid, ha, admission, failover, drs, behavior, rate in told:
            if not name:
                continue
            row = _new_cluster(places, vcenters, (vcenter, datacenter, name), moid)
            # A name without its datacenter is enough while it is the only one of its vCenter.
            places.cluster_at.setdefault((vcenter, "", name), len(places.clusters) - 1)
            row |= {
                "ha_enabled": ha,
                "ha_admission_control": admission,
                "ha_failover_level": failover if failover >= 0 else NAN,
                "drs_enabled": drs,
                "drs_behavior": _BEHAVIORS.get(behavior.lower(), ""),
                "drs_vmotion_rate": rate if rate >= 0 else NAN,
            }
    for name in ("vHost", "vInfo", "vMemory"):
        if name not in sheets:
            continue
        sheet = sheets[name]
        told_too = zip(
            vcenters.of(name), sheet.texts("datacenter"), sheet.texts("cluster"), strict=True
        )
        for vcenter, datacenter, cluster in told_too:
            if cluster and places.cluster(vcenter, datacenter, cluster) < 0:
                _new_cluster(places, vcenters, (vcenter, datacenter, cluster), "")
            at = places.cluster(vcenter, datacenter, cluster)
            if at >= 0 and not places.clusters[at]["datacenter"]:
                places.clusters[at]["datacenter"] = datacenter


def _new_cluster(
    places: Places, vcenters: VCenters, key: tuple[str, str, str], moid: str
) -> dict[str, Any]:
    vcenter, datacenter, name = key
    taken = {row["moid"] for row in places.clusters}
    told = vcenters.moid(vcenter, moid or "/".join(filter(None, ("cluster", datacenter, name))))
    while told in taken:
        told += "+"
    row: dict[str, Any] = {
        "moid": told,
        "name": name,
        "datacenter": datacenter,
        "drs_enabled": False,
        "drs_behavior": "",
        "drs_vmotion_rate": NAN,
        "ha_enabled": False,
        "ha_admission_control": False,
        "ha_reserve_memory_pct": NAN,
        "ha_failover_level": NAN,
    }
    places.cluster_at[key] = len(places.clusters)
    places.clusters.append(row)
    return row


def _hosts(places: Places, sheet: Sheet, vcenters: VCenters, licences: Licences) -> None:
    vmotion = sheet.flags("vmotion") if sheet.has("vmotion") else [True] * sheet.length
    told = zip(
        vcenters.of("vHost"),
        sheet.texts("name"),
        sheet.texts("datacenter"),
        sheet.texts("cluster"),
        sheet.texts("id"),
        sheet.texts("uuid"),
        sheet.flags("maintenance"),
        sheet.flags("quarantine"),
        sheet.texts("version"),
        sheet.texts("licence"),
        vmotion,
        sheet.numbers("memory"),
        sheet.numbers("memory_usage", whole=False),
        sheet.numbers("swapped"),
        sheet.numbers("ballooned"),
        sheet.numbers("speed"),
        sheet.numbers("cores"),
        sheet.numbers("cpu_usage", whole=False),
        sheet.numbers("vms"),
        sheet.numbers("used"),
        strict=True,
    )
    seen: set[str] = set()
    for (
        vcenter,
        name,
        datacenter,
        cluster,
        moid,
        uuid,
        maintenance,
        quarantine,
        version,
        assigned,
        can_vmotion,
        memory,
        usage,
        swapped,
        ballooned,
        speed,
        cores,
        cpu,
        vms,
        used,
    ) in told:
        ident = vcenters.moid(vcenter, moid or uuid or f"host/{name}")
        if not name or not memory > 0 or ident in seen:
            continue
        seen.add(ident)
        licence, features = licences.of_host(vcenter, assigned)
        places.host_at.setdefault((vcenter, name), len(places.hosts))
        places.counted.append(vms)
        places.used.append(used)
        places.hosts.append(
            {
                "moid": ident,
                "name": name,
                "cluster": places.cluster(vcenter, datacenter, cluster) if cluster else -1,
                "connection": "connected",
                "power": "poweredOn",
                "in_maintenance": maintenance,
                "in_quarantine": quarantine,
                "failover_host": False,
                "version": version,
                "licence": licence,
                "licence_features": features,
                "vmotion_enabled": can_vmotion,
                "networks": (),
                "datastores": (),
                "memory_mib": memory,
                "consumed_mib": memory * usage / 100.0,
                "swapped_mib": swapped,
                "ballooned_mib": ballooned,
                "cpu_mhz": speed * cores,
                "cpu_cores": cores,
                "cpu_used_mhz": speed * cores * cpu / 100.0,
            }
        )


def _pools(places: Places, sheet: Sheet, vcenters: VCenters) -> None:
    told = zip(
        vcenters.of("vRP"),
        sheet.texts("name"),
        sheet.texts("path"),
        sheet.texts("id"),
        sheet.numbers("limit"),
        sheet.numbers("reservation"),
        sheet.numbers("shares"),
        sheet.flags("expandable"),
        sheet.numbers("unreserved"),
        strict=True,
    )
    seen: set[str] = set()
    for vcenter, name, path, moid, limit, reservation, shares, expandable, unreserved in told:
        ident = vcenters.moid(vcenter, moid or f"pool/{path or name}")
        if not (name or path) or ident in seen:
            continue
        seen.add(ident)
        places.pool_at.setdefault((vcenter, path or name), len(places.pools))
        places.pools.append(
            {
                "moid": ident,
                "name": name or path.rsplit("/", 1)[-1],
                "cluster": _cluster_of_path(places, vcenter, path),
                "parent": -1,
                "reservation_mib": reservation if reservation >= 0 else 0.0,
                "limit_mib": limit_of(limit),
                "shares": shares if shares >= 0 else NAN,
                "expandable": expandable,
                "unreserved_mib": unreserved if unreserved >= 0 else NAN,
                "_path": (vcenter, path),
            }
        )
    for row in places.pools:
        vcenter, path = row.pop("_path")
        row["parent"] = places.pool_at.get((vcenter, path.rpartition("/")[0]), -1)


def _cluster_of_path(places: Places, vcenter: str, path: str) -> int:
    """``/DC/Cluster/Resources/Pool``: the datacenter may be in folders, the cluster is named."""
    parts = path.strip("/").split("/")
    for at, part in enumerate(parts):
        for datacenter in (parts[at - 1] if at else "", ""):
            found = places.cluster_at.get((vcenter, datacenter, part))
            if found is not None:
                return found
    return -1


def _datastores(places: Places, sheet: Sheet, vcenters: VCenters) -> None:
    told = zip(
        vcenters.of("vDatastore"),
        sheet.texts("name"),
        sheet.texts("id"),
        sheet.numbers("capacity"),
        sheet.numbers("free"),
        sheet.flags("accessible") if sheet.has("accessible") else [True] * sheet.length,
        sheet.texts("hosts"),
        strict=True,
    )
    seen: set[str] = set()
    sees: dict[int, list[int]] = {}
    for vcenter, name, moid, capacity, free, accessible, hosts in told:
        ident = vcenters.moid(vcenter, moid or f"datastore/{name}")
        if not name or ident in seen:
            continue
        seen.add(ident)
        at = len(places.datastores)
        places.datastore_at.setdefault((vcenter, name), at)
        for host in hosts.replace(";", ",").split(","):
            row = places.host_at.get((vcenter, host.strip()))
            if row is not None:
                sees.setdefault(row, []).append(at)
        places.datastores.append(
            {
                "moid": ident,
                "name": name,
                "capacity_mib": capacity if capacity >= 0 else NAN,
                "free_mib": free if free >= 0 else NAN,
                "accessible": accessible,
            }
        )
    for row, stores in sees.items():
        places.hosts[row]["datastores"] = tuple(stores)
