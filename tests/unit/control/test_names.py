"""What a person typed is found, or put right."""

from __future__ import annotations

import pytest

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from vsphere_market.control.names import Found, Thing, find
from vsphere_market.errors import UsageError
from vsphere_market.estate import Snapshot


@pytest.fixture
def snapshot() -> Snapshot:
    return snapshot_of(
        clusters=[cluster_row()],
        hosts=[host_row("host-1", 65536, name="esx-01"), host_row("host-2", 65536, name="esx-02")],
        vms=[
            vm_row("vm-1", "host-1", 4096, name="web-01"),
            vm_row("vm-2", "host-1", 4096, name="twin"),
            vm_row("vm-3", "host-1", 4096, name="twin"),
            vm_row("vm-4", "host-1", 4096, name="vm-1"),
        ],
    )


@pytest.mark.parametrize(
    ("asked", "thing", "row"),
    [
        ("web-01", Thing.VM, 0),
        ("WEB-01", Thing.VM, 0),
        ("vm-3", Thing.VM, 2),
        ("vm-1", Thing.VM, 0),  # an id beats a name
        ("esx-02", Thing.HOST, 1),
        ("host-1", Thing.HOST, 0),
    ],
)
def test_names_and_ids(snapshot: Snapshot, asked: str, thing: Thing, row: int) -> None:
    assert find(snapshot, asked) == Found(thing, row)


@pytest.mark.parametrize(("asked", "near"), [("web-0l", "web-01"), ("esx-o1", "esx-01")])
def test_a_near_miss_is_named(snapshot: Snapshot, asked: str, near: str) -> None:
    with pytest.raises(UsageError, match=f'Did you mean "{near}"'):
        find(snapshot, asked)


def test_what_is_like_nothing_is_told_so(snapshot: Snapshot) -> None:
    with pytest.raises(UsageError, match="neither a VM nor a host"):
        find(snapshot, "something else entirely")


def test_twins_are_told_apart_by_id(snapshot: Snapshot) -> None:
    with pytest.raises(UsageError, match="vm-2, vm-3"):
        find(snapshot, "twin")


def test_an_empty_inventory_is_named_as_such() -> None:
    with pytest.raises(UsageError, match="inventory is empty"):
        find(snapshot_of(), "web-01")
