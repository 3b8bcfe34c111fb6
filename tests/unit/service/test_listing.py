"""Lists: whatever the order and the size of pages, every row comes once and in order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.service_app import Served
from vsphere_market.service import listing
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


def test_order_of_ids_settles_ties_of_texts_backwards() -> None:
    rank = np.array([2, 0, 1])
    mask = np.ones(3, dtype=np.bool_)
    assert listing._by_text(["a", "a", "b"], rank, mask, True) == [2, 1, 0]
