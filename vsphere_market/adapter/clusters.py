"""Clusters: DRS and HA configuration, and the placement rules that vSphere itself holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vsphere_market.adapter import soap
from vsphere_market.adapter.bulk import Facts
from vsphere_market.adapter.places import NAN, Rows, Tree, names_of
from vsphere_market.adapter.soap import vim
from vsphere_market.adapter.vms import attributes
from vsphere_market.estate import KEEP_APART, KEEP_TOGETHER, NOT_ON, RUN_ON, ClusterTable, VmTable

CLUSTER_PATHS: tuple[str, ...] = ("name", "parent", "configurationEx", "customValue")


def cluster_columns(
    clusters: Sequence[Facts],
    tree: Tree,
    custom_fields: Mapping[int, str],
    tags: Mapping[str, tuple[str, ...]],
) -> dict[str, Any]:
    """All columns of ``ClusterTable``.

    Args:
        clusters: their properties.
        tree: where they are.
        custom_fields: names of custom attributes by key.
        tags: tags by managed object id.
    """
    drs = [_part(cluster, "drsConfig") for cluster in clusters]
    das = [_part(cluster, "dasConfig") for cluster in clusters]
    behaviours = ClusterTable.columns()["drs_behavior"].choices
    return {
        "moid": [cluster.moid for cluster in clusters],
        "name": names_of(clusters),
        "datacenter": [tree.datacenter(cluster.get("parent", "")) for cluster in clusters],
        "tags": [tags.get(cluster.moid, ()) for cluster in clusters],
        "custom_attributes": [attributes(cluster, custom_fields) for cluster in clusters],
        "drs_enabled": [bool(_of(one, "enabled")) for one in drs],
        "drs_behavior": [
            value if (value := str(_of(one, "defaultVmBehavior") or "")) in behaviours else ""
            for one in drs
        ],
        "drs_vmotion_rate": [_number(_of(one, "vmotionRate")) for one in drs],
        "ha_enabled": [bool(_of(one, "enabled")) for one in das],
        "ha_admission_control": [
            bool(_of(one, "enabled")) and bool(_of(one, "admissionControlEnabled")) for one in das
        ],
        "ha_reserve_memory_pct": [
            _number(_of(_of(one, "admissionControlPolicy"), "memoryFailoverResourcesPercent"))
            for one in das
        ],
        "ha_failover_level": [_failover_level(one) for one in das],
    }


def failover_hosts(clusters: Iterable[Facts]) -> frozenset[str]:
    """The hosts that HA keeps empty for a failover."""
    found: set[str] = set()
    for cluster in clusters:
        policy = _of(_part(cluster, "dasConfig"), "admissionControlPolicy")
        found |= {soap.moid(host) for host in _of(policy, "failoverHosts") or ()}
    return frozenset(found)


def drs_overrides(clusters: Iterable[Facts]) -> dict[str, str]:
    """DRS automation levels that VMs have of their own, by managed object id."""
    known = VmTable.columns()["drs_override"].choices
    found: dict[str, str] = {}
    for cluster in clusters:
        for override in _of(cluster.get("configurationEx"), "drsVmConfig") or ():
            level = "disabled" if override.enabled is False else str(override.behavior or "")
            if level in known:
                found[soap.moid(override.key)] = level
    return found


def rule_columns(clusters: Sequence[Facts], rows: Rows) -> dict[str, Any]:
    """All columns of ``RuleTable``; rules of other kinds (VM dependencies) place nothing."""
    columns: dict[str, list[Any]] = {
        name: []
        for name in ("moid", "name", "cluster", "kind", "mandatory", "enabled", "vms", "hosts")
    }
    for number, cluster in enumerate(clusters):
        config = cluster.get("configurationEx")
        groups = {group.name: group for group in _of(config, "group") or ()}
        for rule in _of(config, "rule") or ():
            about = _about(rule, groups)
            if about is None:
                continue
            kind, vms, hosts = about
            columns["moid"].append(f"{cluster.moid}/{rule.key}")
            columns["name"].append(str(rule.name or ""))
            columns["cluster"].append(number)
            columns["kind"].append(kind)
            # DRS breaks no rule between VMs, and vCenter leaves their flag unset.
            columns["mandatory"].append(bool(rule.mandatory) or kind in (KEEP_TOGETHER, KEEP_APART))
            columns["enabled"].append(bool(rule.enabled))
            columns["vms"].append([rows.vms[moid] for moid in vms if moid in rows.vms])
            columns["hosts"].append([rows.hosts[moid] for moid in hosts if moid in rows.hosts])
    return columns


def _about(rule: Any, groups: dict[str, Any]) -> tuple[str, list[str], list[str]] | None:
    """What a rule asks, of which VMs and about which hosts, as ids."""
    if isinstance(rule, vim.cluster.AffinityRuleSpec):
        return KEEP_TOGETHER, [soap.moid(vm) for vm in rule.vm or ()], []
    if isinstance(rule, vim.cluster.AntiAffinityRuleSpec):
        return KEEP_APART, [soap.moid(vm) for vm in rule.vm or ()], []
    if isinstance(rule, vim.cluster.VmHostRuleInfo):
        vms = [soap.moid(vm) for vm in _of(groups.get(rule.vmGroupName), "vm") or ()]
        named = rule.affineHostGroupName or rule.antiAffineHostGroupName
        hosts = [soap.moid(host) for host in _of(groups.get(named), "host") or ()]
        return (RUN_ON if rule.affineHostGroupName else NOT_ON), vms, hosts
    return None


def _failover_level(das: Any) -> float:
    policy = _of(das, "admissionControlPolicy")
    level = _of(policy, "failoverLevel")
    # Clusters made before HA had policies keep it in the configuration itself.
    return _number(_of(das, "failoverLevel") if level is None else level)


def _part(cluster: Facts, name: str) -> Any:
    return _of(cluster.get("configurationEx"), name)


def _of(thing: Any, name: str) -> Any:
    """An attribute that may not be there, of a structure that may not be there."""
    return getattr(thing, name, None)


def _number(value: Any) -> float:
    return NAN if value is None else float(value)
