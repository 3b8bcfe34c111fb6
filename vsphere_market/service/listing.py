"""Lists of VMs and hosts: filtered, sorted, and handed out page by page (``cursors``)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vsphere_market.market import CAUSE_WORDS, Cause
from vsphere_market.service.cursors import Key, by_number, by_text, cursor_of, start
from vsphere_market.service.problems import HttpProblem
from vsphere_market.service.view import View
from vsphere_market.service.words import Document, number
from vsphere_market.units import BoolArray, FloatArray

MOST_ROWS = 1000


@dataclass(frozen=True, slots=True)
class PageOf:
    """One page.

    Attributes:
        items: its rows.
        total: rows of all pages.
        next: cursor of the next page, None on the last.
    """

    items: list[Document]
    total: int
    next: str | None

    def document(self) -> Document:
        """As it is sent."""
        return {"items": self.items, "total": self.total, "next": self.next}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a list.

    Attributes:
        search: part of a name, any case.
        cluster: managed object id.
        host: likewise.
        cause: why it is short of memory.
        squeezed: only those that are short of memory, or only those that are not.
        running: only running ones, or only others.
        sort: name of a column; with ``-`` before it, the largest first.
        fields: columns to give; empty for all.
        limit: rows of a page.
        cursor: of the page before, "" for the first.
        offset: rows to leave out before the page; for tables that are scrolled by hand, where a
            turn between two pages may show a row twice.
    """

    search: str = ""
    cluster: str = ""
    host: str = ""
    cause: str = ""
    squeezed: bool | None = None
    running: bool | None = None
    sort: str = ""
    fields: tuple[str, ...] = ()
    limit: int = 100
    cursor: str = ""
    offset: int = 0


#: Column of the VM list -> attribute of the snapshot's table. The order is that of documents.
_VM_NUMBERS: Mapping[str, str] = {
    name: name
    for name in (
        "size_mib", "reservation_mib", "limit_mib", "balloon_cap_mib", "vcpus", "granted_mib",
        "active_mib", "consumed_mib", "overhead_mib", "ballooned_mib", "swapped_mib",
        "compressed_mib", "swap_in_kibps", "swap_out_kibps", "decompress_kibps", "latency_pct",
        "cpu_demand_mhz", "cpu_ready_pct",
    )
}  # fmt: skip
_VM_DEMAND = ("working_set_mib", "footprint_mib", "idle_mib", "taken_mib", "confidence")
_VM_TEXTS = ("name", "moid", "host_name", "cluster_name", "power", "cause")
VM_FIELDS: tuple[str, ...] = (
    "moid", "name", "host", "host_name", "cluster", "cluster_name", "folder", "power", "running",
    "cause", "cause_words", "hurts", "price", "bill", "application", *_VM_DEMAND, *_VM_NUMBERS,
    "hot_add_enabled", "tools_running", "tags", "steps",
)  # fmt: skip
VM_SORTS: tuple[str, ...] = (*_VM_TEXTS, "price", "bill", *_VM_DEMAND, *_VM_NUMBERS)


def vm_page(view: View, wanted: Wanted) -> PageOf:
    """A page of VMs.

    Raises:
        HttpProblem: a column that there is not, or a cursor that is none.
    """
    descending, column = wanted.sort.startswith("-"), wanted.sort.removeprefix("-") or "name"
    _known(column, VM_SORTS, "sort")
    for name in wanted.fields:
        _known(name, VM_FIELDS, "fields")
    mask = _vm_mask(view, wanted)
    keys = _vm_keys(view, column)
    if isinstance(keys, np.ndarray):
        order = by_number(keys, view.moid_rank, mask, descending)
        key_of: Callable[[int], Key] = lambda row: float(keys[row])  # noqa: E731
    else:
        texts = keys
        order = by_text(texts, view.moid_rank, mask, descending)
        key_of = texts.__getitem__
    at = start(order, key_of, view.snapshot.vms.moid, descending, wanted.cursor, wanted.offset)
    rows = order[at : at + wanted.limit]
    fields = wanted.fields or VM_FIELDS
    items = [vm_document(view, row, fields) for row in rows]
    more = bool(rows) and at + len(rows) < len(order)
    following = cursor_of(key_of(rows[-1]), view.snapshot.vms.moid[rows[-1]]) if more else None
    return PageOf(items, len(order), following)


def vm_document(view: View, row: int, fields: Sequence[str] = VM_FIELDS) -> Document:
    """One VM, with the columns asked for."""
    vms, snapshot = view.snapshot.vms, view.snapshot
    demand = view.frame.question.demand
    found = view.diagnoses.get(row)
    cause = found.cause if found else Cause.NONE
    host, cluster = int(vms.host[row]), int(vms.cluster[row])
    document: Document = {}
    for name in fields:
        value: Any
        match name:
            case "moid" | "name" | "folder" | "power":
                value = getattr(vms, name)[row]
            case "host":
                value = snapshot.hosts.moid[host] if host >= 0 else None
            case "host_name":
                value = snapshot.hosts.name[host] if host >= 0 else None
            case "cluster":
                value = snapshot.clusters.moid[cluster] if cluster >= 0 else None
            case "cluster_name":
                value = snapshot.clusters.name[cluster] if cluster >= 0 else None
            case "running":
                value = bool(demand.running[row])
            case "cause":
                value = cause.value
            case "cause_words":
                value = CAUSE_WORDS[cause]
            case "hurts":
                value = found is not None and found.hurts
            case "price":
                value = number(float(view.price_of_vm[row]))
            case "application":
                value = view.application_of.get(row)
            case "hot_add_enabled" | "tools_running":
                value = bool(getattr(vms, name)[row])
            case "tags":
                value = list(vms.tags[row])
            case "steps":
                value = list(view.steps_of.get(vms.moid[row], ()))
            case _:
                value = number(float(_vm_numbers(view, name)[row]))
        document[name] = value
    return document


def _vm_numbers(view: View, column: str) -> FloatArray:
    demand = view.frame.question.demand
    values: FloatArray
    match column:
        case "price":
            values = view.price_of_vm
        case "bill":
            values = view.bills.total
        case "working_set_mib":
            values = demand.working_set
        case "footprint_mib":
            values = demand.footprint
        case "idle_mib":
            values = demand.idle
        case "taken_mib":
            values = demand.taken
        case "confidence":
            return demand.confidence
        case _:
            values = getattr(view.snapshot.vms, _VM_NUMBERS[column])
            return values
    return values


def _vm_keys(view: View, column: str) -> FloatArray | Sequence[str]:
    """What rows are sorted by."""
    if column not in _VM_TEXTS:
        return _vm_numbers(view, column)
    vms, snapshot = view.snapshot.vms, view.snapshot
    match column:
        case "host_name":
            names = (*snapshot.hosts.name, "")
            return [names[row] for row in vms.host.tolist()]
        case "cluster_name":
            names = (*snapshot.clusters.name, "")
            return [names[row] for row in vms.cluster.tolist()]
        case "cause":
            found = view.diagnoses
            return [found[row].cause.value if row in found else "" for row in range(len(vms))]
        case _:
            texts: Sequence[str] = getattr(vms, column)
            return texts


def _vm_mask(view: View, wanted: Wanted) -> BoolArray:
    vms, snapshot = view.snapshot.vms, view.snapshot
    mask = np.ones(len(vms), dtype=np.bool_)
    if wanted.cluster:
        row = snapshot.clusters.row(wanted.cluster)
        mask &= (vms.cluster == row) & (row >= 0)
    if wanted.host:
        row = snapshot.hosts.row(wanted.host)
        mask &= (vms.host == row) & (row >= 0)
    if wanted.running is not None:
        mask &= view.frame.question.demand.running == wanted.running
    if wanted.squeezed is not None or wanted.cause:
        short = np.zeros(len(vms), dtype=np.bool_)
        rows = [
            row
            for row, item in view.diagnoses.items()
            if not wanted.cause or item.cause.value == wanted.cause
        ]
        short[rows] = True
        mask &= short if wanted.squeezed is not False else ~short
    if wanted.search:
        folded = wanted.search.casefold()
        hits = [
            at
            for at in np.flatnonzero(mask).tolist()
            if folded in vms.name[at].casefold() or wanted.search == vms.moid[at]
        ]
        mask = np.zeros(len(vms), dtype=np.bool_)
        mask[hits] = True
    return mask


# ---------------------------------------------------------------- hosts

HOST_FIELDS: tuple[str, ...] = (
    "moid", "name", "cluster", "cluster_name", "price", "load", "footprint", "usable_mib",
    "pressure", "ballooned_mib", "swapped_mib", "swap_kibps", "vms", "fit", "causes",
)  # fmt: skip
HOST_SORTS: tuple[str, ...] = (
    "price", "name", "moid", "cluster_name", "pressure", "load", "footprint", "usable_mib",
    "ballooned_mib", "swapped_mib", "swap_kibps", "vms",
)  # fmt: skip


def host_page(documents: Sequence[Document], wanted: Wanted) -> PageOf:
    """A page of hosts; ``documents`` are all of them.

    Raises:
        HttpProblem: a column that there is not, or a cursor that is none.
    """
    sort = wanted.sort or "-price"
    descending, column = sort.startswith("-"), sort.removeprefix("-")
    _known(column, HOST_SORTS, "sort")
    folded = wanted.search.casefold()
    found = [
        item
        for item in documents
        if (not wanted.cluster or item["cluster"] == wanted.cluster)
        and (not folded or folded in item["name"].casefold() or wanted.search == item["moid"])
    ]
    for name in wanted.fields:
        _known(name, HOST_FIELDS, "fields")
    ids = [item["moid"] for item in found]
    ranks = {moid: at for at, moid in enumerate(sorted(ids))}
    texts = column in ("name", "moid", "cluster_name", "pressure")

    def key_of(row: int) -> Key:
        value = found[row][column]
        return (value or "") if texts else (math.nan if value is None else float(value))

    rank = np.array([ranks[moid] for moid in ids], dtype=np.int64)
    mask = np.ones(len(found), dtype=np.bool_)
    if texts:
        order = by_text([str(key_of(row)) for row in range(len(found))], rank, mask, descending)
    else:
        numbers = np.array([key_of(row) for row in range(len(found))], dtype=np.float64)
        order = by_number(numbers, rank, mask, descending)
    at = start(order, key_of, ids, descending, wanted.cursor, wanted.offset)
    rows = order[at : at + wanted.limit]
    items = [
        {name: found[row][name] for name in wanted.fields} if wanted.fields else found[row]
        for row in rows
    ]
    more = bool(rows) and at + len(rows) < len(order)
    return PageOf(items, len(order), cursor_of(key_of(rows[-1]), ids[rows[-1]]) if more else None)


def _known(name: str, known: Sequence[str], where: str) -> None:
    if name not in known:
        raise HttpProblem(
            400,
            "wrong-input",
            f"there is no such column: {name[:60]!r}",
            where=where,
            cure=f"columns: {', '.join(known)}",
        )
