"""Virtual machines of an export: vInfo, vMemory, vCPU and vTools joined."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vsphere_market.estate.rvtools.keys import VCenters, VmKey, join_columns, vm_keys
from vsphere_market.estate.rvtools.places import Places, limit_of
from vsphere_market.estate.rvtools.sheet import Sheet
from vsphere_market.estate.rvtools.values import NAN

_VM_SHEETS = ("vInfo", "vMemory", "vCPU", "vTools")
#: vSphere's own agents; RVTools does not say who manages a VM, but these bear a fixed name.
_OWN_AGENT = re.compile(r"vCLS([ (-]|$)")
_CONNECTIONS = ("disconnected", "inaccessible", "invalid", "orphaned")
_DATASTORE = re.compile(r"\[([^\]]+)\]")
#: States of fault tolerance in which the VM is an ordinary one.
_NOT_TOLERANT = frozenset(("", "notconfigured", "disabled"))


@dataclass(slots=True)
class Machines:
    """Rows of the VM table and what was left out.

    Attributes:
        rows: one per VM.
        keys: what each is joined by.
        templates: how many templates were left out.
        placeholders: how many placeholders of disaster recovery were left out.
        twins: rows that named a VM already read.
        rules: per VM, kinds and names of the rules it is in, as told.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    keys: list[VmKey] = field(default_factory=list)
    templates: int = 0
    placeholders: int = 0
    twins: int = 0
    rules: list[tuple[str, str]] = field(default_factory=list)


def machines_of(
    sheets: Mapping[str, Sheet], vcenters: VCenters, places: Places, taken_at_s: float
) -> Machines:
    """Join the VM sheets. What vMemory alone lists is read too."""
    present = [sheets[name] for name in _VM_SHEETS if name in sheets]
    columns = join_columns(present)
    keyed = {sheet.name: vm_keys(sheet, vcenters, columns) for sheet in present}
    machines = Machines()
    by_key: dict[VmKey, dict[str, Any]] = {}
    left_out: set[VmKey] = set()
    for name in ("vInfo", "vMemory"):
        if name in sheets:
            _identities(machines, by_key, left_out, sheets[name], keyed[name], vcenters, places)
    if "vInfo" in sheets:
        _info(machines, by_key, sheets["vInfo"], keyed["vInfo"], places, vcenters)
    if "vMemory" in sheets:
        _memory(by_key, sheets["vMemory"], keyed["vMemory"])
    if "vCPU" in sheets:
        _cpu(by_key, sheets["vCPU"], keyed["vCPU"])
    if "vTools" in sheets:
        _tools(by_key, sheets["vTools"], keyed["vTools"])
    for row in machines.rows:
        _finish(row, taken_at_s)
    return machines


def _identities(
    machines: Machines,
    by_key: dict[VmKey, dict[str, Any]],
    left_out: set[VmKey],
    sheet: Sheet,
    keys: Sequence[VmKey],
    vcenters: VCenters,
    places: Places,
) -> None:
    """Make a row for every VM that is not known yet."""
    told = zip(
        keys,
        vcenters.of(sheet.name),
        sheet.texts("name"),
        sheet.texts("power"),
        sheet.flags("template"),
        sheet.flags("placeholder"),
        sheet.texts("host"),
        sheet.texts("datacenter"),
        sheet.texts("cluster"),
        sheet.texts("folder"),
        sheet.texts("id"),
        sheet.texts("uuid"),
        sheet.texts("os_config"),
        sheet.texts("os_tools"),
        strict=True,
    )
    seen: set[VmKey] = set()
    moids = {row["moid"] for row in machines.rows}
    for (
        key,
        vcenter,
        name,
        power,
        template,
        placeholder,
        host,
        datacenter,
        cluster,
        folder,
        moid,
        uuid,
        os_config,
        os_tools,
    ) in told:
        if not key:
            continue
        if key in seen:
            machines.twins += 1
            continue
        seen.add(key)
        if key in by_key or key in left_out:
            continue
        if template or placeholder:
            left_out.add(key)
            machines.templates += template
            machines.placeholders += placeholder and not template
            continue
        ident = vcenters.moid(vcenter, moid or uuid or "/".join(("vm", *key[1:])))
        if ident in moids:
            machines.twins += 1
            continue
        moids.add(ident)
        at = places.host_at.get((vcenter, host), -1)
        own = places.hosts[at]["cluster"] if at >= 0 else -1
        by_key[key] = {
            "moid": ident,
            "name": name,
            "instance_uuid": uuid,
            "host": at,
            "cluster": own if own >= 0 else places.cluster(vcenter, datacenter, cluster),
            "pool": -1,
            "folder": _folder(datacenter, folder),
            "power": _power(power),
            "connection": "connected",
            "template": False,
            "managed_by": "vCLS" if _OWN_AGENT.match(name) else "",
            "guest_os": os_config or os_tools,
            "tools_running": False,
            "size_mib": NAN,
        }
        machines.rows.append(by_key[key])
        machines.keys.append(key)
        machines.rules.append(("", ""))


def _info(
    machines: Machines,
    by_key: Mapping[VmKey, dict[str, Any]],
    sheet: Sheet,
    keys: Sequence[VmKey],
    places: Places,
    vcenters: VCenters,
) -> None:
    position = {key: at for at, key in enumerate(machines.keys)}
    told = zip(
        keys,
        vcenters.of("vInfo"),
        sheet.texts("connection"),
        sheet.texts("guest_state"),
        sheet.texts("change"),
        sheet.numbers("cpus"),
        sheet.numbers("ready", whole=False),
        sheet.numbers("memory"),
        sheet.numbers("active"),
        sheet.texts("latency"),
        sheet.texts("pool"),
        sheet.texts("ft"),
        sheet.texts("rules"),
        sheet.texts("rule_names"),
        sheet.texts("path"),
        strict=True,
    )
    for at, (
        key,
        vcenter,
        connection,
        guest_state,
        change,
        cpus,
        ready,
        memory,
        active,
        latency,
        pool,
        tolerance,
        rules,
        rule_names,
        path,
    ) in enumerate(told):
        row = by_key.get(key)
        if row is None or "change_version" in row:
            continue
        stores = {
            places.datastore_at[vcenter, name]
            for name in _DATASTORE.findall(path)
            if (vcenter, name) in places.datastore_at
        }
        attributes = sheet.attributes(at)
        row |= {
            "connection": connection.lower() if connection.lower() in _CONNECTIONS else "connected",
            "change_version": change,
            "vcpus": cpus if cpus > 0 else 1.0,
            "cpu_ready_pct": ready if ready >= 0 else NAN,
            "size_mib": memory,
            "active_mib": active if active >= 0 else NAN,
            "latency_sensitivity_high": latency.lower() == "high",
            "pool": places.pool_at.get((vcenter, pool), -1),
            "fault_tolerance": tolerance.lower() not in _NOT_TOLERANT,
            "datastores": tuple(sorted(stores)),
            # The export by database names writes vSphere tags into columns of this prefix.
            "tags": tuple(
                f"{name[5:]}:{text}" for name, text in attributes if _is_tag(name) and name[5:]
            ),
            "custom_attributes": tuple(
                f"{name}={text}" for name, text in attributes if not _is_tag(name)
            ),
            # A guess that vTools corrects, for exports without that sheet.
            "tools_running": guest_state.lower() == "running",
        }
        machines.rules[position[key]] = (rules, rule_names)


def _memory(by_key: Mapping[VmKey, dict[str, Any]], sheet: Sheet, keys: Sequence[VmKey]) -> None:
    told = zip(
        keys,
        sheet.numbers("size"),
        sheet.flags("locked"),
        sheet.numbers("overhead"),
        sheet.numbers("consumed"),
        sheet.numbers("consumed_overhead"),
        sheet.numbers("private"),
        sheet.numbers("shared"),
        sheet.numbers("swapped"),
        sheet.numbers("ballooned"),
        sheet.numbers("active"),
        sheet.numbers("entitlement"),
        sheet.numbers("shares"),
        sheet.numbers("reservation"),
        sheet.numbers("limit"),
        sheet.flags("hot_add"),
        strict=True,
    )
    for (
        key,
        size,
        locked,
        overhead,
        consumed,
        consumed_overhead,
        private,
        shared,
        swapped,
        ballooned,
        active,
        entitlement,
        shares,
        reservation,
        limit,
        hot_add,
    ) in told:
        row = by_key.get(key)
        if row is None or "limit_mib" in row:
            continue
        used_overhead = consumed_overhead if consumed_overhead >= 0 else overhead
        row |= {
            "size_mib": size if size > 0 else row["size_mib"],
            "reservation_locked_to_max": locked,
            "reservation_mib": reservation if reservation >= 0 else 0.0,
            "limit_mib": limit_of(limit),
            "shares": shares if shares >= 0 else NAN,
            "hot_add_enabled": hot_add,
            "overhead_mib": used_overhead if used_overhead >= 0 else NAN,
            # RVTools counts the overhead in, the column does not.
            "consumed_mib": max(consumed - max(used_overhead, 0.0), 0.0)
            if consumed >= 0 and used_overhead == used_overhead  # noqa: PLR0124 - not NaN
            else (consumed if consumed >= 0 else NAN),
            # What the API grants is either private or shared; there is no column of its own.
            "granted_mib": private + shared if private >= 0 and shared >= 0 else NAN,
            "shared_mib": shared if shared >= 0 else NAN,
            "swapped_mib": swapped if swapped >= 0 else NAN,
            "ballooned_mib": ballooned if ballooned >= 0 else NAN,
            "active_mib": active if active >= 0 else row.get("active_mib", NAN),
            "entitlement_mib": entitlement if entitlement >= 0 else NAN,
        }


def _cpu(by_key: Mapping[VmKey, dict[str, Any]], sheet: Sheet, keys: Sequence[VmKey]) -> None:
    told = zip(keys, sheet.numbers("overall"), sheet.numbers("reservation"), strict=True)
    for key, overall, reservation in told:
        row = by_key.get(key)
        if row is not None:
            row["cpu_demand_mhz"] = overall if overall >= 0 else NAN
            row["cpu_reservation_mhz"] = reservation if reservation >= 0 else 0.0


def _tools(by_key: Mapping[VmKey, dict[str, Any]], sheet: Sheet, keys: Sequence[VmKey]) -> None:
    for key, tools in zip(keys, sheet.texts("tools"), strict=True):
        row = by_key.get(key)
        if row is not None and tools:
            row["tools_running"] = tools.lower() in ("toolsok", "toolsold", "ok", "old")


def _finish(row: dict[str, Any], taken_at_s: float) -> None:
    """Counters of what does not run are none; and no VM is without a size."""
    for counter in ("granted_mib", "active_mib"):
        row.setdefault(counter, NAN)
    running = row["power"] == "poweredOn"
    if not row["size_mib"] > 0:
        # At least what it holds; a VM of which nothing is told counts nothing.
        row["size_mib"] = float(np.nan_to_num(np.fmax(row["granted_mib"], row["active_mib"])))
    if not running:
        for counter in ("active_mib", "consumed_mib", "granted_mib", "cpu_demand_mhz"):
            row[counter] = NAN
    known = running and not math.isnan(row.get("active_mib", NAN))
    row["samples"] = 1.0 if known else 0.0
    row["sampled_at_s"] = taken_at_s if known else NAN


def _power(told: str) -> str:
    folded = told.lower().replace(" ", "")
    if folded in ("poweredon", "on"):
        return "poweredOn"
    return "suspended" if folded == "suspended" else "poweredOff"


def _folder(datacenter: str, folder: str) -> str:
    """``/DC/vm/prod``, as policies select by; RVTools leaves the first two out."""
    inside = folder.strip("/")
    if not datacenter or inside == datacenter or inside.startswith(f"{datacenter}/"):
        return f"/{inside}"
    inside = "" if inside == "vm" else inside.removeprefix("vm/")
    return f"/{datacenter}/vm/{inside}".rstrip("/")


def _is_tag(name: str) -> bool:
    return name.lower().startswith("tags_")
