"""Lists: whatever the order and the size of pages, every row comes once and in order."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.service_app import Served
from vsphere_market.service.billing import payers_page
from vsphere_market.service.cursors import by_text, cursor_of
from vsphere_market.service.listing import HOST_SORTS, VM_FIELDS, VM_SORTS, Wanted, host_page
from vsphere_market.service.problems import HttpProblem


def all_rows(served: Served, path: str, **wanted: Any) -> list[dict[str, Any]]:
    client = served.client()
    rows: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = client.get(path, params={**wanted, "cursor": cursor}).json()
        rows += page["items"]
        assert page["total"] >= len(rows)
        if page["next"] is None:
            assert page["total"] == len(rows)
            return rows
        cursor = page["next"]


def in_order(values: list[Any], descending: bool) -> bool:
    """What is not given comes last; the rest is sorted."""
    known = [value for value in values if value is not None]
    assert values[: len(known)] == known
    return known == sorted(known, reverse=descending)


@pytest.mark.parametrize("column", VM_SORTS)
@pytest.mark.parametrize("sign", ["", "-"])
def test_vms_in_any_order(shared: Served, column: str, sign: str) -> None:
    rows = all_rows(shared, "/v1/vms", sort=f"{sign}{column}", limit=3)
    assert len({row["moid"] for row in rows}) == len(rows) == 13
    values = [row[column] for row in rows]
    if column == "cause":
        values = ["" if value == "none" else value for value in values]
    if column == "limit_mib":  # no limit is the largest one, and null in JSON
        values = [math.inf if value is None else value for value in values]
    assert in_order(values, bool(sign)), values


@pytest.mark.parametrize("column", HOST_SORTS)
@pytest.mark.parametrize("sign", ["", "-"])
def test_hosts_in_any_order(shared: Served, column: str, sign: str) -> None:
    rows = all_rows(shared, "/v1/hosts", sort=f"{sign}{column}", limit=1)
    assert len({row["moid"] for row in rows}) == 2
    assert in_order([row[column] for row in rows], bool(sign))


def test_filters(shared: Served) -> None:
    every = all_rows(shared, "/v1/vms")
    assert set(every[0]) == set(VM_FIELDS)
    host = next(row["host"] for row in every if row["name"] == "calm-01")
    assert [row["name"] for row in all_rows(shared, "/v1/vms", host=host)] == ["calm-01"]
    assert len(all_rows(shared, "/v1/vms", search="HOT-0")) == 9
    squeezed = all_rows(shared, "/v1/vms", squeezed=True)
    assert squeezed and all(row["cause"] != "none" for row in squeezed)
    calm = all_rows(shared, "/v1/vms", squeezed=False)
    assert len(calm) + len(squeezed) == len(every)
    cause = squeezed[0]["cause"]
    found = all_rows(shared, "/v1/vms", cause=cause)
    assert {row["cause"] for row in found} == {cause}
    assert all_rows(shared, "/v1/vms", cluster="domain-nowhere") == []
    assert all_rows(shared, "/v1/vms", running=False) == []
    assert all_rows(shared, "/v1/vms", search=every[0]["moid"]) == [every[0]]
    one = all_rows(shared, "/v1/vms", fields="name,price", search="calm")
    assert set(one[0]) == {"name", "price"}


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ({"sort": "nothing"}, 400),
        ({"fields": "name,nothing"}, 400),
        ({"cursor": "%%%"}, 404),
        ({"cursor": "eyJhIjoxfQ"}, 404),
        ({"cursor": "W10"}, 404),
        ({"sort": "price", "cursor": "WyJ4IiwieSJd"}, 404),
    ],
)
def test_wrong_wishes_are_refused(shared: Served, wanted: dict[str, str], status: int) -> None:
    for path in ("/v1/vms", "/v1/hosts"):
        answer = shared.client().get(path, params=wanted)
        assert answer.status_code == status, answer.text
        assert answer.json()["cure"]


numbers = st.one_of(st.none(), st.floats(allow_nan=False), st.sampled_from([0.0, 1.0, 2.0]))


@given(
    values=st.lists(numbers, max_size=12),
    limit=st.integers(1, 5),
    descending=st.booleans(),
)
def test_pages_of_any_numbers(values: list[float | None], limit: int, descending: bool) -> None:
    """Ties, infinities and missing numbers included."""
    rows: list[dict[str, Any]] = [
        {
            "moid": f"host-{at}", "name": f"n{at % 3}", "cluster": None, "cluster_name": None,
            "price": value, "pressure": "calm", "load": None, "footprint": None,
            "usable_mib": None, "ballooned_mib": None, "swapped_mib": None, "swap_kibps": None,
            "vms": 0,
        }
        for at, value in enumerate(values)
    ]  # fmt: skip
    sort = "-price" if descending else "price"
    seen: list[str] = []
    cursor = ""
    for _ in range(len(rows) + 1):
        page = host_page(rows, Wanted(sort=sort, limit=limit, cursor=cursor))
        seen += [item["moid"] for item in page.items]
        if page.next is None:
            break
        cursor = page.next
    assert sorted(seen) == sorted(row["moid"] for row in rows)
    price = {row["moid"]: row["price"] for row in rows}
    known = [price[moid] for moid in seen if price[moid] is not None]
    assert known == sorted(known, reverse=descending)
    assert [price[moid] for moid in seen][: len(known)] == known


@given(st.text(max_size=80))
def test_no_text_is_a_cursor_that_breaks_anything(text: str) -> None:
    rows = [{"moid": "h", "name": "n", "cluster": None, "price": 1.0}]
    try:
        host_page(rows, Wanted(sort="price", cursor=text))
    except HttpProblem as error:
        assert error.status == 404


def test_a_page_goes_on_where_it_was_although_rows_came_and_went() -> None:
    rows = [{"moid": f"h{at}", "name": "n", "cluster": None, "price": float(at)} for at in range(9)]
    first = host_page(rows, Wanted(sort="price", limit=3))
    assert first.next is not None
    changed = [row for row in rows if row["moid"] not in ("h0", "h2", "h4")]
    second = host_page(changed, Wanted(sort="price", limit=3, cursor=first.next))
    assert [row["moid"] for row in second.items] == ["h3", "h5", "h6"]


def payers(totals: Sequence[float | None]) -> list[dict[str, Any]]:
    """Applications by the bills of each, some of one name under two kinds."""
    return [
        {"name": f"app-{at // 2}", "moid": None, "by": ("tag", "folder")[at % 2],
         "bill": {"total": total}}
        for at, total in enumerate(totals)
    ]  # fmt: skip


@given(st.lists(numbers, max_size=12), st.integers(1, 5))
def test_every_payer_is_on_one_page_the_dearest_first(
    totals: list[float | None], limit: int
) -> None:
    every = payers([None if total is None else abs(total) for total in totals])
    seen: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = payers_page(every, 1.0, "", limit, cursor)
        assert page["total"] == len(every) and len(page["items"]) <= limit
        assert cursor == "" or page["items"]
        seen += page["items"]
        cursor = page["next"]
    assert sorted((one["name"], one["by"]) for one in seen) == sorted(
        (one["name"], one["by"]) for one in every
    )
    assert in_order([one["bill"]["total"] for one in seen], True)
    for one, other in itertools.pairwise(seen):
        if one["bill"] == other["bill"]:
            assert (one["name"], one["by"]) < (other["name"], other["by"])


def test_bills_go_on_where_they_were_although_prices_changed() -> None:
    first = payers_page(payers([90.0, 80.0, 70.0, 60.0, 50.0]), 350.0, "", 2, "")
    assert [one["bill"]["total"] for one in first["items"]] == [90.0, 80.0]
    # One that was not seen has come before the page, and one of those seen is gone.
    now = [one for one in payers([90.0, 80.0, 70.0, 60.0, 99.0]) if one["bill"]["total"] != 90.0]
    second = payers_page(now, 309.0, "", 2, first["next"])
    assert [one["bill"]["total"] for one in second["items"]] == [70.0, 60.0]
    assert [one["share"] for one in second["items"]] == [70.0 / 309.0, 60.0 / 309.0]
    assert second["next"] is None


@pytest.mark.parametrize("letter", ["x", "ü", "\N{CJK UNIFIED IDEOGRAPH-20000}", "\0"])
def test_cursors_of_long_paths_are_short_enough_for_an_address(letter: str) -> None:
    every = payers([5.0, 5.0, 5.0])
    for at, one in enumerate(every):
        one["name"] = letter * 5000 + str(at)
    first = payers_page(every, 15.0, "", 1, "")
    second = payers_page(every, 15.0, "", 2, first["next"])
    assert len(first["next"]) <= 2000
    names = [one["name"] for one in (*first["items"], *second["items"])]
    assert sorted(names) == [one["name"] for one in every]


def test_a_cursor_of_another_list_is_refused(shared: Served) -> None:
    for cursor in ("2", "%%%", "W10", cursor_of("name", "vm-1")):
        answer = shared.client().get("/v1/bills", params={"cursor": cursor})
        assert answer.status_code == 404, answer.text
        assert answer.json()["cure"]


def test_order_of_ids_settles_ties_of_texts_backwards() -> None:
    rank = np.array([2, 0, 1])
    mask = np.ones(3, dtype=np.bool_)
    assert by_text(["a", "a", "b"], rank, mask, True) == [2, 1, 0]
