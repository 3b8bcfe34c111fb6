"""The assessment as JSON and CSV, for machines and spreadsheets. Names as the snapshot has them."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from vsphere_market.assess import Assessment, Changes
from vsphere_market.estate import time_text
from vsphere_market.market.planfile import plan_to_json
from vsphere_market.units import MIB_PER_GIB

ASSESSMENT_FORMAT = "vsphere-market/assessment/1"

#: Columns of the table of VMs that are amounts of memory: name -> the snapshot's column.
VM_AMOUNTS = (
    "size_mib",
    "active_mib",
    "consumed_mib",
    "ballooned_mib",
    "swapped_mib",
    "compressed_mib",
    "reservation_mib",
    "limit_mib",
)


def document(made: Assessment, changes: Changes | None = None) -> dict[str, Any]:
    """Everything that the page says, with every row behind it."""
    snapshot = made.snapshot
    told = {
        "format": ASSESSMENT_FORMAT,
        "taken_at": time_text(snapshot.taken_at_s),
        "source": {key: value for key, value in asdict(snapshot.source).items() if value},
        "one_instant": made.instant,
        "missing": list(snapshot.missing),
        "summary": [asdict(statement) for statement in made.statements],
        "effect": asdict(made.effect),
        "findings": [
            {
                "code": found.code,
                "title": found.title,
                "level": found.level.value,
                "basis": found.basis.value,
                "memory_mib": found.memory_mib,
                "what": found.what,
                "why": found.why,
                "cure": found.cure,
                "counted": found.counted,
                "rows": [
                    {
                        "moid": _column(made, row.table, "moid", row.row),
                        "name": _column(made, row.table, "name", row.row),
                        "mib": row.mib,
                        "note": row.note,
                    }
                    for row in found.rows
                ],
            }
            for found in made.findings
        ],
        "clusters": [_cluster(made, at) for at in range(len(made.clusters))],
        "hosts": [
            {
                "moid": snapshot.hosts.moid[host.row],
                "name": snapshot.hosts.name[host.row],
                **_without(asdict(host), "row", "cluster"),
                "cluster": _name(snapshot.clusters.name, host.cluster),
            }
            for host in made.hosts
        ],
        "vms": [dict(zip(VM_HEADS, row, strict=True)) for row in vm_rows(made)],
        "plan": plan_to_json(made.plan),
    }
    if changes is not None:
        told["changes"] = asdict(changes)
    return {key: _plain(value) for key, value in told.items()}


VM_HEADS = (
    "moid",
    "name",
    "cluster",
    "host",
    "power",
    "guest_os",
    "vcpus",
    *VM_AMOUNTS,
    "footprint_mib",
    "working_set_mib",
    "hot_add",
    "tools_running",
    "findings",
    "steps",
)


def vm_rows(made: Assessment) -> Iterable[tuple[Any, ...]]:
    """One row per VM, in the order of :data:`VM_HEADS`."""
    snapshot = made.snapshot
    vms = snapshot.vms
    codes: dict[int, list[str]] = {}
    for found in made.findings:
        for row in found.rows:
            if row.table == "vms":
                codes.setdefault(row.row, []).append(found.code)
    steps: dict[str, list[str]] = {}
    for step in made.plan.steps:
        steps.setdefault(step.action.subject.moid, []).append(step.id)
    for at in range(len(vms)):
        yield (
            vms.moid[at],
            vms.name[at],
            _name(snapshot.clusters.name, int(vms.cluster[at])),
            _name(snapshot.hosts.name, int(vms.host[at])),
            vms.power[at],
            vms.guest_os[at],
            float(vms.vcpus[at]),
            *(float(getattr(vms, column)[at]) for column in VM_AMOUNTS),
            float(made.demand.footprint[at]),
            float(made.demand.working_set[at]),
            bool(vms.hot_add_enabled[at]),
            bool(vms.tools_running[at]),
            codes.get(at, []),
            steps.get(vms.moid[at], []),
        )


def vms_csv(made: Assessment) -> str:
    """The table of VMs as CSV; what is not given, and no limit, stay empty."""
    return _csv(VM_HEADS, ([_cell(value) for value in row] for row in vm_rows(made)))


def findings_csv(made: Assessment) -> str:
    """Every row behind every finding as CSV."""
    heads = ("finding", "level", "basis", "table", "moid", "name", "gib", "note")
    rows = (
        (
            found.code,
            found.level.value,
            found.basis.value,
            row.table,
            _column(made, row.table, "moid", row.row),
            _column(made, row.table, "name", row.row),
            round(row.mib / MIB_PER_GIB, 2),
            row.note,
        )
        for found in made.findings
        for row in found.rows
    )
    return _csv(heads, rows)


def _csv(heads: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(heads)
    for row in rows:
        writer.writerow([_harmless(cell) for cell in row])
    return buffer.getvalue()


def _harmless(cell: Any) -> Any:
    """A text that a spreadsheet would take for a formula is shown as text."""
    if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{cell}"
    return cell


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        if not math.isfinite(value):
            return ""
        return int(value) if value == int(value) else round(value, 2)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(value) if isinstance(value, list) else value


def _cluster(made: Assessment, at: int) -> dict[str, Any]:
    cluster = made.clusters[at]
    table = made.snapshot.clusters
    told = _without(asdict(cluster), "row")
    for key in ("loss", "growth"):
        if told[key] is not None:
            told[key] = _without(told[key], "cluster")
    if cluster.loss is not None:
        told["loss"]["host"] = made.snapshot.hosts.name[cluster.loss.host]
        told["loss"]["holds"] = cluster.loss.holds
    return {"moid": table.moid[cluster.row], "name": table.name[cluster.row], **told}


def _column(made: Assessment, table: str, column: str, row: int) -> str:
    return str(getattr(made.snapshot.table(table), column)[row])


def _name(names: tuple[str, ...], row: int) -> str:
    return names[row] if row >= 0 else ""


def _without(told: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in told.items() if key not in keys}


def _plain(value: Any) -> Any:
    """What JSON can hold: no infinities, no NaN, no numpy."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return round(value, 3) if math.isfinite(value) else None
    return value
