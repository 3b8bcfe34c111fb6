"""What the page's script is given: VMs, hosts and steps as columns, in as few bytes as helps."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

from vsphere_market.assess import Assessment
from vsphere_market.assess.words import points
from vsphere_market.port.brief import action_ends
from vsphere_market.report.html import Html
from vsphere_market.report.words import KINDS, STRAINS, short_names
from vsphere_market.units import FloatArray

_POWER = ("poweredOn", "poweredOff", "suspended")


def data_block(made: Assessment) -> Html:
    """The data as JSON that no browser can take for markup."""
    told = json.dumps(page_data(made), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    told = told.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    # Line ends that JSON allows and old scripts do not.
    told = told.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return Html(f'<script type="application/json" id="data">{told}</script>')


def page_data(made: Assessment) -> dict[str, Any]:
    """The data: amounts in whole MiB, null where nothing is given."""
    snapshot = made.snapshot
    vms = snapshot.vms
    systems = sorted(set(vms.guest_os))
    short = dict(zip(snapshot.hosts.name, short_names(snapshot.hosts.name), strict=True))
    system_at = {system: at for at, system in enumerate(systems)}
    return {
        "clusters": list(snapshot.clusters.name),
        "hosts": list(snapshot.hosts.name),
        "short": list(short_names(snapshot.hosts.name)),
        "systems": systems,
        "vms": {
            "name": list(vms.name),
            "cluster": [int(row) for row in vms.cluster],
            "host": [int(row) for row in vms.host],
            "power": [_POWER.index(power) for power in vms.power],
            "os": [system_at[system] for system in vms.guest_os],
            "cpus": _whole(vms.vcpus),
            "size": _whole(vms.size_mib),
            "held": _whole(made.demand.footprint),
            "active": _whole(vms.active_mib),
            "working": _whole(made.demand.working_set),
            "consumed": _whole(vms.consumed_mib),
            "ballooned": _whole(vms.ballooned_mib),
            "swapped": _whole(vms.swapped_mib),
            "reserved": _whole(vms.reservation_mib),
            "limit": _whole(vms.limit_mib),
        },
        "findings": [
            {
                "code": found.code,
                "title": found.title,
                "rows": [row.row for row in found.rows] if found.rows[0].table == "vms" else [],
                "mib": [round(row.mib) for row in found.rows]
                if found.rows[0].table == "vms"
                else [],
            }
            for found in made.findings
        ],
        "states": [
            [
                round(100 * host.footprint_mib / max(host.usable_mib, 1.0)),
                round(100 * host.footprint_after_mib / max(host.usable_mib, 1.0)),
                STRAINS[host.strain][0],
                STRAINS[host.strain_after][0],
            ]
            for host in made.hosts
        ],
        "marks": dict(STRAINS.values()),
        "steps": [
            [
                step.wave,
                KINDS[step.action.kind.value],
                # A host or pool has no row among the VMs: its name is shown.
                row
                if (row := vms.row(step.action.subject.moid)) >= 0
                else step.action.subject.name,
                *(short.get(end, end) for end in action_ends(step.action)),
                points(step.saving),
                points(step.disruption),
                step.reason,
            ]
            for step in made.plan.steps
        ],
    }


def _whole(column: FloatArray | Iterable[float]) -> list[int | None]:
    return [round(float(value)) if math.isfinite(value) else None for value in column]
