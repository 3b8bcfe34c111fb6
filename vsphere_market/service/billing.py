"""Bills as documents: what VMs, applications and resource pools pay at the prices of now."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from vsphere_market.control.explanations import PaidBy
from vsphere_market.market.applications import applications
from vsphere_market.market.bills import Bill, pool_bills
from vsphere_market.service import words
from vsphere_market.service.cursors import Key, by_number, cursor_of, start
from vsphere_market.service.view import View
from vsphere_market.service.words import Document, number

#: VMs that are named of each who pays.
_DEAREST = 10
#: Letters of a name that a cursor holds; an address with a longer cursor would not be taken.
_LONGEST = 150


def bill_document(bill: Bill) -> Document:
    """A bill with its parts."""
    return {
        "total": number(bill.total),
        "goods": number(bill.goods),
        "limit": number(bill.limit),
        "pool": number(bill.pool),
    }


def paid_document(paid: PaidBy) -> Document:
    """What a VM pays."""
    whole = paid.application_bill
    return {
        "bill": bill_document(paid.bill),
        "goods": words.evidence(paid.goods),
        "application": paid.application or None,
        "grouped_by": paid.grouped_by.value if paid.grouped_by else None,
        "application_bill": bill_document(whole) if whole else None,
        "application_vms": paid.application_vms,
    }


def bills_page(view: View, by: str, search: str, limit: int, cursor: str) -> Document:
    """Applications or resource pools with their bills, the dearest first.

    Args:
        view: the turn.
        by: ``application`` or ``pool``.
        search: part of a name, any case.
        limit: rows of the page.
        cursor: of the page before, "" for the first.

    Raises:
        HttpProblem: the cursor is none.
    """
    with view.locked():
        whole = view.bills.of(np.flatnonzero(view.ledger.host_of >= 0).tolist())
        every = _pools(view) if by == "pool" else _applications(view)
    return {**payers_page(every, whole.total, search, limit, cursor), "bill": bill_document(whole)}


def payers_page(
    every: Sequence[Document], whole: float, search: str, limit: int, cursor: str
) -> Document:
    """A page of all who pay, each with the share of ``whole`` that it pays; as in bills_page."""
    folded = search.casefold()
    found = [one for one in every if folded in one["name"].casefold()]
    # Many pay nothing: they come by name.
    ids = [_id(one["name"], one["moid"] or one["by"]) for one in found]
    ranks = {key: at for at, key in enumerate(sorted(ids))}
    totals = np.array([one["bill"]["total"] for one in found], dtype=np.float64)
    rank = np.array([ranks[key] for key in ids], dtype=np.int64)
    order = by_number(totals, rank, np.ones(len(found), dtype=np.bool_), True)

    def key_of(row: int) -> Key:
        return float(totals[row])

    at = start(order, key_of, ids, True, cursor)
    rows = order[at : at + limit]
    items = [
        {**found[row], "share": number(totals[row] / whole) if whole > 0 else None} for row in rows
    ]
    more = bool(rows) and at + len(rows) < len(order)
    following = cursor_of(key_of(rows[-1]), ids[rows[-1]]) if more else None
    return {"items": items, "total": len(found), "next": following}


def _id(name: str, kind: str) -> str:
    """What a cursor calls one who pays; a folder goes by its path, which may be long."""
    if len(name) > _LONGEST:
        name = name[:_LONGEST] + hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{name}\n{kind}"


def _applications(view: View) -> list[Document]:
    return [
        {
            "name": one.name,
            "moid": None,
            "by": one.grouped_by.value,
            "vms": one.running,
            "hosts": one.hosts,
            "hurt": one.hurt,
            "cause": one.cause.value,
            "bill": bill_document(one.paid),
            "dearest": _entities(view, [tenant.row for tenant in one.tenants]),
        }
        for one in applications(view.ledger)
    ]


def _pools(view: View) -> list[Document]:
    table, total = view.snapshot.pools, view.bills.total
    return [
        {
            "name": table.name[one.pool],
            "moid": table.moid[one.pool],
            "by": "pool",
            "vms": len(one.rows),
            "hosts": None,
            "hurt": None,
            "cause": None,
            "bill": bill_document(one.bill),
            # Of pools within it, too: it is their bill as well.
            "dearest": _entities(view, sorted(one.rows, key=lambda row: (-total[row], row))),
        }
        for one in pool_bills(view.ledger, view.bills)
    ]


def _entities(view: View, rows: Sequence[int]) -> list[Document]:
    vms = view.snapshot.vms
    return [{"moid": vms.moid[row], "name": vms.name[row]} for row in rows[:_DEAREST]]
