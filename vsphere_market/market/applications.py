"""Applications: VMs that do one job together, whose bill, pressure and priority are read as one.

The buyers' side of the supply chain: an application buys from its VMs, these from hosts. It is told
from what is there already: a tag, a vApp, or else the folder that the VMs lie in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from vsphere_market.estate import Snapshot
from vsphere_market.market.bills import Bill, Bills, bills_of
from vsphere_market.market.causes import Cause
from vsphere_market.market.diagnosis import VmDiagnosis, diagnose
from vsphere_market.market.ledger import Ledger

#: Tag categories that name an application, whatever their case.
TAG_CATEGORIES = ("application", "app", "service")
#: Managed object ids of vApps begin so; those of plain resource pools do not.
_VAPP_PREFIX = "resgroup-v"


class GroupedBy(StrEnum):
    """What an application was told from."""

    TAG = "tag"
    VAPP = "vapp"
    FOLDER = "folder"


@dataclass(frozen=True, slots=True)
class Tenant:
    """One VM of an application.

    Attributes:
        row: row in the snapshot's VM table.
        bill: points: what it takes of every good at the prices of its host, and of limits.
        diagnosis: why it is short of memory, or None.
    """

    row: int
    bill: float
    diagnosis: VmDiagnosis | None


@dataclass(frozen=True, slots=True)
class Application:
    """VMs that do one job together.

    Attributes:
        name: the tag's, the vApp's or the folder's.
        grouped_by: what it was told from.
        tenants: its VMs, the dearest first.
        running: so many of them run.
        hosts: so many hosts they are on.
        bill: points; bills of all applications and lone VMs add up.
        paid: what that is for.
        priority: of its most important VM: policy's weight.
        size_mib: configured memory of those that run.
        working_mib: working sets.
        footprint_mib: what they would hold.
        taken_mib: ballooned, swapped and compressed.
        swap_in_kibps: swap-in and decompression.
        latency_pct: of the VM that waits most; NaN where none gave it.
        hurt: so many VMs are hurt now.
        cause: of the most hurt VM; NONE where none is short.
    """

    name: str
    grouped_by: GroupedBy
    tenants: tuple[Tenant, ...]
    running: int
    hosts: int
    bill: float
    paid: Bill
    priority: float
    size_mib: float
    working_mib: float
    footprint_mib: float
    taken_mib: float
    swap_in_kibps: float
    latency_pct: float
    hurt: int
    cause: Cause


def groups(snapshot: Snapshot) -> Mapping[tuple[GroupedBy, str], tuple[int, ...]]:
    """Rows of the VMs of each application; a VM belongs to one at most.

    A tag of one of :data:`TAG_CATEGORIES` wins over the vApp, and that over the folder. The folder
    counts where it lies below the datacenter's own VM folder.
    """
    vms, pools = snapshot.vms, snapshot.pools
    found: dict[tuple[GroupedBy, str], list[int]] = {}
    for row in range(len(vms)):
        if vms.template[row] or vms.managed_by[row]:
            continue
        key = _tag(vms.tags[row])
        pool = int(vms.pool[row])
        if key is None and pool >= 0 and pools.moid[pool].startswith(_VAPP_PREFIX):
            key = (GroupedBy.VAPP, pools.name[pool])
        if key is None and vms.folder[row].count("/") > 2:
            key = (GroupedBy.FOLDER, vms.folder[row])
        if key is not None:
            found.setdefault(key, []).append(row)
    return {key: tuple(rows) for key, rows in found.items()}


def _tag(tags: tuple[str, ...]) -> tuple[GroupedBy, str] | None:
    """The application that a VM's tags name; tags are ``category:tag``."""
    for tag in tags:
        category, _, name = tag.partition(":")
        if category.casefold() in TAG_CATEGORIES and name:
            return GroupedBy.TAG, name
    return None


def applications(ledger: Ledger) -> tuple[Application, ...]:
    """Every application: those that hurt first, then by bill."""
    short = {item.row: item for item in diagnose(ledger)}
    bills = bills_of(ledger)
    found = [
        _application(ledger, kind, name, rows, bills, short)
        for (kind, name), rows in groups(ledger.snapshot).items()
    ]
    found.sort(key=lambda one: (-one.hurt, -one.swap_in_kibps, -one.bill, one.name))
    return tuple(found)


def _application(
    ledger: Ledger,
    kind: GroupedBy,
    name: str,
    rows: tuple[int, ...],
    bills: Bills,
    short: Mapping[int, VmDiagnosis],
) -> Application:
    vms, demand = ledger.snapshot.vms, ledger.demand
    every = np.array(rows)
    on = every[ledger.host_of[every] >= 0]
    latency = vms.latency_pct[on]
    hurting = [short[row] for row in rows if row in short]
    worst = max(
        hurting, key=lambda item: (item.hurts, item.swap_in_kibps, item.taken_mib), default=None
    )
    bill, paid = bills.total, bills.of(on.tolist())
    tenants = [Tenant(row, float(bill[row]), short.get(row)) for row in rows]
    tenants.sort(key=lambda item: (-item.bill, item.row))
    return Application(
        name=name,
        grouped_by=kind,
        tenants=tuple(tenants),
        running=len(on),
        hosts=len(set(ledger.host_of[on].tolist())),
        bill=paid.total,
        paid=paid,
        priority=float(ledger.rulebook.priority[every].max()),
        size_mib=float(ledger.terms.size[on].sum()),
        working_mib=float(demand.working_set[on].sum()),
        footprint_mib=float(demand.footprint[on].sum()),
        taken_mib=float(demand.taken[on].sum()),
        swap_in_kibps=float(
            np.nan_to_num(vms.swap_in_kibps[on]).sum()
            + np.nan_to_num(vms.decompress_kibps[on]).sum()
        ),
        latency_pct=float(np.nanmax(latency)) if np.isfinite(latency).any() else float("nan"),
        hurt=sum(item.hurts for item in hurting),
        cause=worst.cause if worst else Cause.NONE,
    )
