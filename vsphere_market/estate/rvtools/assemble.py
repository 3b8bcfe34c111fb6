"""From sheets to a snapshot, with the two views of a host's load brought together.

vHost counts what each host runs, the VM sheets list VMs, and they do not always agree: VMs that
the account may not see, or that moved while the export ran. A host's load is the larger view. What
is more than the listed VMs hold stands in the snapshot as one VM per host that nobody may trade,
so that every verb counts it; what is more than any VM holds is the host's own use.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from vsphere_market.errors import SnapshotError
from vsphere_market.estate.columns import Column, Kind, Table
from vsphere_market.estate.rvtools.gaps import gaps
from vsphere_market.estate.rvtools.keys import VCenters
from vsphere_market.estate.rvtools.machines import Machines, machines_of
from vsphere_market.estate.rvtools.places import Places, places_of
from vsphere_market.estate.rvtools.rules import rules_of
from vsphere_market.estate.rvtools.sheet import Sheet
from vsphere_market.estate.rvtools.values import NAN, day_comes_first, moment_of
from vsphere_market.estate.snapshot import Snapshot, Source
from vsphere_market.estate.tables import (
    ClusterTable,
    DatastoreTable,
    HostTable,
    PoolTable,
    RuleTable,
    VmTable,
)
from vsphere_market.units import gib_text

T = TypeVar("T", bound=Table)

#: ``managed_by`` of the rows that stand in for VMs that a host counts and no sheet lists.
UNLISTED = "rvtools/unlisted"
#: Differences below this share of a host's memory are rounding and time.
_NOTICEABLE = 0.01
#: The VMkernel's own use where nothing else is known: 1 GiB and 2 % (as the market assumes).
_KERNEL_MIB, _KERNEL_SHARE = 1024.0, 0.02


def snapshot_from(
    sheets: Mapping[str, Sheet],
    *,
    where: str,
    name: str,
    made_at_s: float,
    copied_at_s: float,
) -> Snapshot:
    """Build the snapshot of what was read.

    Args:
        sheets: the sheets that were there.
        where: the file, for errors.
        name: what to call the source where the file names no vCenter.
        made_at_s: when the file says it was made, NaN where it does not.
        copied_at_s: when the file was last written, for where nothing else is told.

    Raises:
        SnapshotError: there is no VM in it at all.
    """
    vcenters = VCenters(sheets)
    taken_at_s, doubt = _taken_at(sheets, made_at_s, copied_at_s)
    places = places_of(sheets, vcenters)
    machines = machines_of(sheets, vcenters, places, taken_at_s)
    if not machines.rows:
        raise SnapshotError(
            "holds no VM" + (" but templates" if machines.templates else ""),
            where=where,
            cure="export again with an account that may see VMs",
        )
    missing = gaps(sheets)
    if doubt:
        missing.append(doubt)
    missing += _doubts(machines, places, sheets)
    missing += _two_views(machines, places, counted="vms_total" in _columns(sheets, "vHost"))
    rules, unknown = rules_of(
        machines.rows, machines.rules, [row["moid"] for row in places.clusters]
    )
    if unknown:
        missing.append(
            f"{_counted(len(unknown), 'placement rule')} cannot be taken over, because the export "
            "does not tell their hosts or kind: a plan may need checking against them."
        )
    uuids = [one for one in vcenters.names if one]
    servers = [vcenters.names[one] or one for one in uuids]
    return Snapshot(
        taken_at_s=taken_at_s,
        source=Source(
            kind="rvtools",
            name=", ".join(servers) or name,
            instance_uuid=uuids[0] if len(uuids) == 1 else "",
            version=_version(sheets),
        ),
        clusters=_table(ClusterTable, places.clusters),
        hosts=_table(HostTable, places.hosts),
        pools=_table(PoolTable, places.pools),
        datastores=_table(DatastoreTable, places.datastores),
        vms=_table(VmTable, machines.rows),
        rules=_table(RuleTable, rules),
        missing=tuple(missing),
    )


def _taken_at(
    sheets: Mapping[str, Sheet], made_at_s: float, copied_at_s: float
) -> tuple[float, str]:
    """When the export was made, and a sentence when that is not told."""
    told = NAN
    if "vMetaData" in sheets:
        cells = sheets["vMetaData"].cells("created")
        dates = sheets["vInfo"].cells("powered_on_at") if "vInfo" in sheets else ()
        first = day_comes_first(cells)
        first = day_comes_first(dates) if first is None else first
        times = [moment_of(cell, day_first=first) for cell in cells]
        told = next((time for time in times if not math.isnan(time)), NAN)
    # The workbook's own time is in UTC; the sheet's is by the clock on the wall.
    if not math.isnan(told) and not math.isnan(made_at_s) and abs(told - made_at_s) < 26 * 3600:
        return made_at_s, ""
    if not math.isnan(told):
        return told, ""
    if not math.isnan(made_at_s):
        return made_at_s, ""
    return copied_at_s, (
        "When the export was made is not told in it: the time of the file is taken for it."
    )


def _doubts(machines: Machines, places: Places, sheets: Mapping[str, Sheet]) -> list[str]:
    found = []
    if machines.twins:
        found.append(
            f"{_counted(machines.twins, 'row')} name a VM that was read already, and are ignored."
        )
    if places.hosts:
        lost = sum(1 for row in machines.rows if row["power"] == "poweredOn" and row["host"] < 0)
        if lost:
            found.append(
                f"{_counted(lost, 'running VM')} are on hosts that vHost does not list: what they "
                "press on cannot be told."
            )
    if "vMemory" in sheets:
        bare = sum(
            1 for row in machines.rows if row["power"] == "poweredOn" and "limit_mib" not in row
        )
        if bare:
            found.append(
                f"{_counted(bare, 'running VM')} of vInfo are not in vMemory: their counters, "
                "reservations and limits cannot be told."
            )
    return found


def _two_views(machines: Machines, places: Places, *, counted: bool) -> list[str]:
    """Bring VM sheets and vHost together; sentences on what differs."""
    held = np.zeros(len(places.hosts))
    running = np.zeros(len(places.hosts))
    # Where a VM tells nothing of its memory, nothing can be missed.
    told = np.ones(len(places.hosts), dtype=np.bool_)
    for row in machines.rows:
        if row["host"] >= 0 and row["power"] == "poweredOn":
            consumed = row.get("consumed_mib", NAN)
            overhead = row.get("overhead_mib", NAN)
            held[row["host"]] += np.nan_to_num(consumed) + np.nan_to_num(overhead)
            running[row["host"]] += 1
            told[row["host"]] &= not math.isnan(consumed)
    hidden_vms = hidden_mib = own_mib = 0.0
    hidden_hosts = own_hosts = 0
    for at, host in enumerate(places.hosts):
        slack = max(_NOTICEABLE * host["memory_mib"], 256.0)
        more_vms = places.counted[at] - running[at] if counted else NAN
        more_vms = max(float(np.nan_to_num(more_vms)), 0.0)
        more = float(np.nan_to_num(places.used[at] - held[at]))
        more = more if more > slack and told[at] else 0.0
        if more > 0:
            machines.rows.append(_stand_in(host, at, more, more_vms))
        if more > 0 or more_vms > 0:
            hidden_hosts += 1
            hidden_vms += more_vms
            hidden_mib += more
        listed = float(held[at]) + more
        own = float(np.nan_to_num(host["consumed_mib"])) - listed
        usual = _KERNEL_MIB + _KERNEL_SHARE * host["memory_mib"]
        if own > usual + slack and told[at]:
            host["vmkernel_mib"] = own
            own_hosts += 1
            own_mib += own - usual
        if not math.isnan(host["consumed_mib"]):
            host["consumed_mib"] = max(host["consumed_mib"], listed)
    sentences = []
    if hidden_hosts:
        count = f"{hidden_vms:,.0f} more running VMs" if hidden_vms else "more"
        sentences.append(
            f"{_counted(hidden_hosts, 'host')} count {count} than the VM sheets list, with "
            f"{gib_text(hidden_mib)}: it is counted as load, but whose it is cannot be told."
        )
    if own_hosts:
        sentences.append(
            f"{_counted(own_hosts, 'host')} use {gib_text(own_mib)} more than their VMs and an "
            "ordinary VMkernel explain: it is counted as the hosts' own use."
        )
    return sentences


def _stand_in(host: Mapping[str, Any], at: int, mib: float, vms: float) -> dict[str, Any]:
    what = f"{_counted(int(vms), 'VM')} not in the export" if vms else "not in the export"
    return {
        "moid": f"{host['moid']}/unlisted",
        "name": f"({what})",
        "host": at,
        "cluster": host["cluster"],
        "pool": -1,
        "power": "poweredOn",
        "connection": "connected",
        "managed_by": UNLISTED,
        "size_mib": mib,
        "consumed_mib": mib,
        "overhead_mib": 0.0,
    }


def _table(cls: type[T], rows: Sequence[Mapping[str, Any]]) -> T:
    """A table from rows by column name; what a row lacks takes the column's default."""
    columns = {}
    for name, column in cls.columns().items():
        default = _default(column)
        columns[name] = [row.get(name, default) for row in rows]
    return cls(**columns)


def _default(column: Column) -> Any:
    match column.kind:
        case Kind.TEXT:
            return column.choices[0] if column.choices else ""
        case Kind.NUMBER:
            return column.default
        case Kind.FLAG:
            return False
        case Kind.REF:
            return -1
        case Kind.REFS | Kind.WORDS:
            return ()


def _version(sheets: Mapping[str, Sheet]) -> str:
    for name in ("vInfo", "vMemory"):
        if name in sheets:
            told = [text for text in sheets[name].texts("api") if text]
            if told:
                return told[0]
    return ""


def _columns(sheets: Mapping[str, Sheet], name: str) -> frozenset[str]:
    header = sheets[name].header if name in sheets else None
    return frozenset(header.at) if header else frozenset()


def _counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
