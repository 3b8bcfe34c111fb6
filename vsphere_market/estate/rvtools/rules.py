"""Placement rules as vInfo names them: each VM tells the kinds and names of the rules it is in.

The export names the VMs of a rule, but neither the hosts of a VM-host rule nor whether a rule is
mandatory or enabled. Keep-apart and keep-together rules are taken over as mandatory, so that a
plan never breaks one by mistake; others are reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vsphere_market.estate.tables import KEEP_APART, KEEP_TOGETHER


def rules_of(
    rows: Sequence[dict[str, Any]],
    told: Sequence[tuple[str, str]],
    cluster_moids: Sequence[str],
) -> tuple[list[dict[str, Any]], set[str]]:
    """Rows of the rule table, and names of the rules that cannot be taken over.

    Args:
        rows: the VM rows.
        told: per VM, kinds and names of its rules, as the cells hold them.
        cluster_moids: ids of the clusters.
    """
    members: dict[tuple[int, str, str], list[int]] = {}
    unknown: set[str] = set()
    for vm, (kinds, names) in enumerate(told):
        if not kinds and not names:
            continue
        cluster = rows[vm]["cluster"]
        kind_list, name_list = _split(kinds), _split(names)
        if cluster < 0 or len(kind_list) != len(name_list):
            unknown.update(name_list or kind_list)
            continue
        for kind, name in zip(kind_list, name_list, strict=True):
            known = _kind(kind)
            if known:
                members.setdefault((cluster, known, name), []).append(vm)
            else:
                unknown.add(name)
    table = [
        {
            "moid": f"{cluster_moids[cluster]}/{kind}/{name}",
            "name": name,
            "cluster": cluster,
            "kind": kind,
            "mandatory": True,
            "enabled": True,
            "vms": tuple(vms),
            "hosts": (),
        }
        for (cluster, kind, name), vms in members.items()
        if len(vms) > 1
    ]
    return table, unknown


def _split(told: str) -> list[str]:
    return [part.strip() for part in told.replace(";", ",").split(",") if part.strip()]


def _kind(told: str) -> str:
    """``ClusterAntiAffinityRuleSpec`` and words of that meaning; "" for what is not told whole."""
    folded = told.lower()
    if "host" in folded or "dependency" in folded:
        return ""
    if "anti" in folded or "separate" in folded or "apart" in folded:
        return KEEP_APART
    return KEEP_TOGETHER if "affin" in folded or "together" in folded else ""
