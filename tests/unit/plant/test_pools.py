"""Resource pools: shares among siblings, reservations and limits divided, expandable borrowing."""

from __future__ import annotations

import pytest

from tests.plants import finish, plant, row, run, setting, vm, world
from vsphere_market.errors import StaleFault
from vsphere_market.port import ActionKind, TaskState

FULL = {"footprint": 1.0, "cache": 0.0}
SMALL = [{"name": "esx", "memory_gib": 32}]


def test_shares_count_among_siblings_only() -> None:
    """One VM in a pool of high shares beats many in one of low shares, whatever their own are."""
    alive = world(
        [vm("king", 24, 0.8, **FULL, pool="high", shares="low"),
         vm("crowd-{n}", 8, 0.8, **FULL, pool="low", shares="high", count=4)],
        SMALL,
        pools=[{"name": "high", "shares": 8000}, {"name": "low", "shares": 1000}],
    )  # fmt: skip
    run(alive, 3600)
    held = alive.fleet.held()
    assert held[0] > 20 * 1024
    assert held[1:].max() < 4 * 1024


def test_an_empty_pool_competes_with_nobody() -> None:
    alive = world(
        [vm("a", 4, 0.1), vm("off", 4, 0.1, pool="empty", power="poweredOff")],
        pools=[{"name": "empty", "shares": "high"}],
    )
    assert alive.fleet.shares[row(alive, "a")] == pytest.approx(40960)


def test_a_pool_limit_squeezes_on_an_idle_host() -> None:
    alive = world(
        [vm("in-{n}", 8, 0.2, footprint=0.9, pool="capped", count=3), vm("free", 8, 0.2)],
        [{"name": "esx", "memory_gib": 128}],
        pools=[{"name": "capped", "limit_gib": 12}],
    )
    run(alive, 3600)
    inside = alive.fleet.held()[:3]
    assert inside.sum() <= 12 * 1024 + 1
    assert inside.sum() > 11 * 1024
    assert alive.fleet.ballooned[:3].sum() > 4 * 1024
    assert alive.fleet.ballooned[3] == 0


def test_a_pool_reservation_protects_its_vms() -> None:
    def held(reservation: float) -> float:
        alive = world(
            [vm("in-{n}", 8, 0.1, **FULL, pool="kept", count=2),
             vm("busy-{n}", 12, 0.9, **FULL, count=2)],
            SMALL,
            pools=[{"name": "kept", "reservation_gib": reservation}],
        )  # fmt: skip
        run(alive, 3600)
        return float(alive.fleet.held()[:2].sum())

    assert held(14) >= 14 * 1024 - 2
    assert held(0) < 12 * 1024


def test_nested_limits_both_hold() -> None:
    alive = world(
        [vm("a-{n}", 8, 0.2, footprint=0.9, pool="inner", count=2),
         vm("b", 8, 0.2, footprint=0.9, pool="outer")],
        [{"name": "esx", "memory_gib": 128}],
        pools=[{"name": "outer", "limit_gib": 12},
               {"name": "inner", "parent": "outer", "limit_gib": 6}],
    )  # fmt: skip
    run(alive, 3600)
    held = alive.fleet.held()
    assert held[:2].sum() <= 6 * 1024 + 1
    assert held.sum() <= 12 * 1024 + 1


def reserve(expandable: bool, mib: int) -> TaskState | str:
    port = plant(
        [vm("a", 16, 0.1, pool="p")], [{"name": "esx", "memory_gib": 64}],
        pools=[{"name": "p", "reservation_gib": 4, "expandable": expandable}],
    )  # fmt: skip
    try:
        handle = port.submit(setting(port, "a", ActionKind.RESERVATION, 0, mib))
    except StaleFault as fault:
        return fault.fault
    return finish(port, handle)[0].state


def test_an_expandable_pool_borrows_from_its_parent_and_another_does_not() -> None:
    assert reserve(False, 3072) is TaskState.SUCCESS
    assert reserve(False, 8192) == "InsufficientMemoryResourcesFault"
    assert reserve(True, 8192) is TaskState.SUCCESS


def test_borrowing_ends_where_the_ancestors_have_nothing_left() -> None:
    port = plant(
        [vm("a", 64, 0.1, pool="child"), vm("b", 32, 0.1, reservation_gib=30)],
        [{"name": "esx", "memory_gib": 64}],
        pools=[{"name": "parent", "reservation_gib": 2, "expandable": True},
               {"name": "child", "parent": "parent", "expandable": True}],
    )  # fmt: skip
    with pytest.raises(StaleFault, match="can reserve"):
        port.submit(setting(port, "a", ActionKind.RESERVATION, 0, 40 * 1024))
    snapshot = port.observe()
    unreserved = snapshot.pools.unreserved_mib[list(snapshot.pools.name).index("child")]
    (status,) = finish(
        port, port.submit(setting(port, "a", ActionKind.RESERVATION, 0, int(unreserved)))
    )
    assert status.state is TaskState.SUCCESS


def test_a_pool_limit_bounds_what_can_be_reserved_in_it() -> None:
    port = plant(
        [vm("a", 16, 0.1, pool="p")], [{"name": "esx", "memory_gib": 64}],
        pools=[{"name": "p", "limit_gib": 8, "expandable": True}],
    )  # fmt: skip
    with pytest.raises(StaleFault):
        port.submit(setting(port, "a", ActionKind.RESERVATION, 0, 10 * 1024))
