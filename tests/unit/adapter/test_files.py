"""Files of VMs: what is at home, what is elsewhere, and who keeps the swap file."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from vsphere_market.adapter.bulk import Facts
from vsphere_market.adapter.counters import Figures
from vsphere_market.adapter.files import file_columns, hosts_keep_swap
from vsphere_market.adapter.places import Rows

MIB = 1024 * 1024
STORES = [
    Facts("Datastore", "ds-1", {"name": "fast", "summary.url": "ds:///vmfs/volumes/one/"}),
    Facts("Datastore", "ds-2", {"name": "slow", "summary.url": "ds:///vmfs/volumes/two/"}),
]
ROWS = Rows({}, {}, {}, {}, {"ds-1": 0, "ds-2": 1}, ["fast", "slow"])
COUNTED = Figures(
    {"active_mib": 1.0},
    0.0,
    1,
    {"one": {"reads": 30.0, "writes": 10.0}, "two": {"reads": 5.0, "write_kibps": 64.0}},
)


def columns(
    facts: dict[str, Any] | None = None, *, with_host: bool = False, usage: Any = None
) -> dict[str, Any]:
    """Of one VM at home on the fast datastore."""
    path = {"summary.config.vmPathName": "[fast] web/web.vmx", "datastore": ["ds-2", "ds-1"]}
    vm = Facts("VirtualMachine", "vm-1", path | (facts or {}))
    usage = {"vm-1": {"ds-1": 700.0, "ds-2": 9000.0}} if usage is None else usage
    found = file_columns([vm], ROWS, STORES, {"vm-1": COUNTED}, usage, [with_host])
    return {name: column[0] for name, column in found.items()}


def test_what_is_at_home_is_told_apart_where_files_are_on_several() -> None:
    found = columns({"summary.storage.committed": 9700 * MIB})
    assert (found["home_datastore"], found["storage_mib"], found["home_storage_mib"]) == (
        0, 9700.0, 700.0
    )  # fmt: skip
    assert found["home_iops"] == 40.0
    assert np.isnan(found["home_io_kibps"])


def test_one_datastore_needs_no_telling_apart() -> None:
    found = columns({"datastore": ["ds-1"]}, usage={})
    assert np.isnan([found["home_iops"], found["home_storage_mib"]]).all()


def test_a_home_that_is_not_known_has_nothing_in_it() -> None:
    found = columns({"summary.config.vmPathName": "[else] web/web.vmx"})
    assert found["home_datastore"] == -1
    assert np.isnan([found["home_iops"], found["home_storage_mib"]]).all()


@pytest.mark.parametrize(
    ("own", "cluster", "elsewhere"),
    [
        ({}, False, False),
        ({}, True, True),
        ({"config.swapPlacement": "inherit"}, True, True),
        ({"config.swapPlacement": "vmDirectory"}, True, False),
        ({"config.swapPlacement": "hostLocal"}, False, True),
    ],
)
def test_a_vm_says_where_its_swap_file_is_before_its_cluster_does(
    own: dict[str, str], cluster: bool, elsewhere: bool
) -> None:
    assert columns(own, with_host=cluster)["swap_with_host"] is elsewhere


def test_a_cluster_may_let_hosts_keep_swap_files() -> None:
    for placement, kept in (("hostLocal", True), ("vmDirectory", False)):
        config = SimpleNamespace(vmSwapPlacement=placement)
        cluster = Facts("ClusterComputeResource", "c", {"configurationEx": config})
        assert hosts_keep_swap(cluster) is kept
    assert not hosts_keep_swap(Facts("ClusterComputeResource", "c", {}))
