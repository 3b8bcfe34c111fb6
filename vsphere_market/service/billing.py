"""Bills as documents: what VMs, applications and resource pools pay at the prices of now."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vsphere_market.control.explanations import PaidBy
from vsphere_market.market.applications import applications
from vsphere_market.market.bills import Bill, pool_bills
from vsphere_market.service import words
from vsphere_market.service.problems import HttpProblem
from vsphere_market.service.view import View
from vsphere_market.service.words import Document, number

#: VMs that are named of each who pays.
_DEAREST = 10


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


def bills_page(view: View, by: str, search: str, limit: int, offset: int) -> Document:
    """Applications or resource pools with their bills, the dearest first.

    Args:
        view: the turn.
        by: ``application`` or ``pool``.
        search: part of a name, any case.
        limit: rows of the page.
        offset: rows before it.
    """
    with view.locked():
        whole = view.bills.of(np.flatnonzero(view.ledger.host_of >= 0).tolist())
        every = _pools(view) if by == "pool" else _applications(view)
    for one in every:
        one["share"] = number(one["bill"]["total"] / whole.total) if whole.total > 0 else None
    folded = search.casefold()
    found = [one for one in every if folded in one["name"].casefold()]
    items = found[offset : offset + limit]
    following = str(offset + limit) if offset + limit < len(found) else None
    return {
        "items": items,
        "total": len(found),
        "next": following,
        "bill": bill_document(whole),
    }


def offset_of(cursor: str) -> int:
    """The place that a cursor of :func:`bills_page` names.

    Raises:
        HttpProblem: it is none.
    """
    if not cursor:
        return 0
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 9:
        raise HttpProblem(
            404, "wrong-cursor", "there is no such page of this list", where="cursor",
            cure="begin with the first page",
        )  # fmt: skip
    return int(cursor)


def _applications(view: View) -> list[Document]:
    found = sorted(applications(view.ledger), key=lambda one: (-one.bill, one.name))
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
        for one in found
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
