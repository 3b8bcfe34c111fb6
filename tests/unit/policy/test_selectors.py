import dataclasses
from typing import Any

import numpy as np
import pytest

from tests.policies import compiled, document, names, shop
from vsphere_market.policy.match import VmColumns
from vsphere_market.policy.selectors import parse_selector
from vsphere_market.port import Severity


def selected(selector: Any) -> list[str]:
    snapshot = shop()
    return names(snapshot, VmColumns(snapshot).mask(parse_selector(selector, "/selector")))


PROD = ["db-1", "db-2", "web-1", "web-2"]
LAB = ["dev-1", "dev-2", "golden"]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({"name": "db-*"}, ["db-1", "db-2"]),
        ({"name": "DB-1"}, ["db-1"]),
        ({"name": "*-2"}, ["db-2", "web-2", "dev-2"]),
        ({"name": "?e[bv]-[!2]"}, ["web-1", "dev-1"]),
        ({"name": "d*-1"}, ["db-1", "dev-1"]),
        ({"name": ["solo", "web-*"]}, ["web-1", "web-2", "solo"]),
        ({"name": "*"}, [*PROD, "dev-1", "dev-2", "solo", "golden"]),
        ({"name": "b-1"}, []),
        ({"cluster": "prod-a"}, PROD),
        ({"cluster": "*"}, [*PROD, *LAB]),
        ({"not": {"cluster": "*"}}, ["solo"]),
        ({"datacenter": "DC"}, PROD),
        ({"host": "esx-2"}, ["web-2"]),
        ({"host": "alone"}, ["solo"]),
        ({"folder": "/DC/vm/prod"}, PROD),
        ({"folder": "/dc/vm/prod/"}, PROD),
        ({"folder": "/DC/vm/prod*"}, [*PROD, "dev-1"]),
        ({"folder": "/DC/*/web"}, ["web-2"]),
        ({"pool": "finance"}, PROD),
        ({"pool": "Resources"}, PROD),
        ({"tag": "tier:gold"}, ["db-1", "db-2"]),
        ({"tag": ["os:*", "tier:silver"]}, ["db-1"]),
        ({"attribute": "owner=finance*"}, ["web-2"]),
        ({"guestOs": "windows*"}, ["web-1"]),
        ({"power": "poweredOff"}, ["dev-2"]),
        ({"power": ["poweredOff", "suspended"]}, ["dev-2"]),
        ({"sizeGiB": {"min": 8}}, ["db-1", "db-2"]),
        ({"sizeGiB": {"min": 2, "max": 4}, "cluster": "prod-a"}, ["web-1", "web-2"]),
        ({"all": [{"name": "*-1"}, {"cluster": "lab"}]}, ["dev-1"]),
        ({"any": [{"name": "solo"}, {"cluster": "lab"}]}, ["dev-1", "dev-2", "solo", "golden"]),
        ({"cluster": "prod-a", "not": {"tag": "tier:*"}}, ["web-1", "web-2"]),
        ({"not": {"not": {"name": "solo"}}}, ["solo"]),
        (None, [*PROD, "dev-1", "dev-2", "solo", "golden"]),
    ],
)
def test_selects(selector: Any, expected: list[str]) -> None:
    assert selected(selector) == expected


def test_host_selectors() -> None:
    snapshot = shop()
    spec = {"reservePct": 10}
    for selector, expected in [
        ({"host": "esx-*"}, [1, 1, 1, 1, 1, 0]),
        ({"cluster": "lab"}, [0, 0, 0, 1, 1, 0]),
        ({"datacenter": "dc", "not": {"host": "*-1"}}, [0, 1, 1, 0, 0, 0]),
        (
            {"any": [{"host": "alone"}, {"all": [{"cluster": "lab"}, {"host": "*5"}]}]},
            [0] * 4 + [1, 1],
        ),
    ]:
        rulebook = compiled(snapshot, document("capacity", selector=selector, spec=spec)).rulebook
        np.testing.assert_allclose(rulebook.host_reserve, np.array(expected) * 0.1)


def warnings_of(selector: Any) -> list[tuple[str, str, str, str]]:
    found = compiled(shop(), document("observe-only", selector=selector)).findings
    return [(item.code, item.subject, item.what, item.cure) for item in found]


def test_a_selector_that_fits_nothing_is_a_warning() -> None:
    assert warnings_of({"name": "mail-*"}) == [
        (
            "matches-nothing",
            "test.json#/0/selector",
            "the document matches no VM of this estate, so it has no effect",
            "check the names in it",
        )
    ]


def test_a_name_that_does_not_exist_is_a_warning_with_what_was_probably_meant() -> None:
    assert warnings_of({"any": [{"cluster": ["Lab", "Prod-B"]}]}) == [
        (
            "unknown-cluster",
            "test.json#/0/selector/any/0/cluster",
            'the estate has no cluster "Prod-B"',
            'did you mean "Prod-A"?',
        )
    ]


def test_many_names_that_do_not_exist_make_one_finding() -> None:
    (first, second) = warnings_of({"name": ["db-11", "x", "y", "z"]})
    assert first[2:] == (
        'the estate has no VM "db-11", "x", "y" and 1 more',
        'did you mean "db-1"?',
    )
    assert second[0] == "matches-nothing"


def test_a_vm_or_tag_that_is_not_there_among_others_is_a_hint() -> None:
    selectors = ({"name": ["db-1", "db-9"]}, {"tag": ["tier:gold", "tier:glod"]})
    for selector in selectors:
        (finding,) = compiled(shop(), document("observe-only", selector=selector)).findings
        assert finding.severity is Severity.INFO


def test_names_with_wildcards_and_existing_folders_above_are_no_warning() -> None:
    assert warnings_of({"name": ["db-*", "none-*"], "folder": "/DC/vm"}) == []


def test_a_circle_of_pools_in_a_wrong_snapshot_does_no_harm() -> None:
    snapshot = shop()
    pools = snapshot.pools.replace(parent=np.array([1, 0]))
    looped = dataclasses.replace(snapshot, pools=pools)
    mask = VmColumns(looped).mask(parse_selector({"pool": "Resources"}, ""))
    assert names(looped, mask) == PROD
