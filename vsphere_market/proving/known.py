"""Settings that a snapshot knows, in the words of estate files."""

from __future__ import annotations

import glob
from collections.abc import Mapping
from typing import Any

import numpy as np

from vsphere_market.estate import Snapshot


def settings_of(known: Snapshot, moid: str, size_mib: float) -> dict[str, Any]:
    """vCPUs, shares, hot-add, Tools and tags of a VM; nothing if it is not in the snapshot.

    ``size_mib`` is the size that it has in the estate; no ceiling is below it.
    """
    vms, row = known.vms, known.vms.row(moid)
    if row < 0:
        return {}
    found: dict[str, Any] = {
        "tags": list(vms.tags[row]),
        "custom_attributes": list(vms.custom_attributes[row]),
        "tools": bool(vms.tools_running[row]),
        "passthrough": bool(vms.passthrough[row]),
        "latency_sensitivity_high": bool(vms.latency_sensitivity_high[row]),
        "fault_tolerance": bool(vms.fault_tolerance[row]),
    }
    if vms.folder[row]:
        found["folder"] = vms.folder[row]
    if vms.guest_os[row]:
        found["guest_os"] = vms.guest_os[row]
    if vms.vcpus[row] >= 1.0:
        found["vcpus"] = int(vms.vcpus[row])
    if vms.shares[row] >= 1.0:
        found["shares"] = float(vms.shares[row])
    if vms.hot_add_enabled[row]:
        limit = float(np.fmax(vms.hot_add_limit_mib[row], size_mib))
        step = float(np.nan_to_num(vms.hot_add_increment_mib[row], nan=128.0))
        found["hot_add"] = {"limit_gib": limit / 1024.0, "increment_mib": max(step, 4.0)}
    return found


def rules_of(known: Snapshot, vms: Mapping[str, str], hosts: set[str]) -> list[dict[str, Any]]:
    """Rules about VMs (moid -> name) and hosts (names) of one cluster, as far as they are there."""
    rules = known.rules
    found = []
    for row, enabled in enumerate(rules.enabled.tolist()):
        members = [vms[moid] for at in rules.vms[row] if (moid := known.vms.moid[at]) in vms]
        places = [name for at in rules.hosts[row] if (name := known.hosts.name[at]) in hosts]
        about_hosts = bool(rules.hosts[row])
        if not enabled or not members or (about_hosts and not places):
            continue
        found.append(
            {
                "name": rules.name[row],
                "kind": rules.kind[row],
                "mandatory": bool(rules.mandatory[row]),
                # Names are patterns there.
                "vms": [glob.escape(name) for name in members],
                "hosts": [glob.escape(name) for name in places],
            }
        )
    return found
