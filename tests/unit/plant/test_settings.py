"""Reservations, limits, hot-add, balloon caps: what vCenter allows and what the host then does."""

from __future__ import annotations

import pytest

from tests.plants import finish, migrate, plant, row, setting, vm
from vsphere_market.errors import FinalFault, StaleFault, TransientFault
from vsphere_market.plant import PlantVCenter
from vsphere_market.port import ActionKind, TaskState

HOT_ADD, LIMIT = ActionKind.HOT_ADD, ActionKind.LIMIT
RESERVATION, CAP = ActionKind.RESERVATION, ActionKind.BALLOON_CAP


def done(
    port: PlantVCenter, name: str, kind: ActionKind, before: int | None, after: int | None
) -> None:
    (status,) = finish(port, port.submit(setting(port, name, kind, before, after)))
    assert status.state is TaskState.SUCCESS, status


def refused(
    port: PlantVCenter, name: str, kind: ActionKind, before: int | None, after: int | None
) -> str:
    with pytest.raises((FinalFault, StaleFault)) as caught:
        port.submit(setting(port, name, kind, before, after))
    assert caught.value.where == name
    return caught.value.fault


def test_lifting_a_limit_ends_the_squeeze() -> None:
    port = plant([vm("limited", 16, 0.7, footprint=0.9, limit_gib=8, vcpus=4)])
    port.clock.sleep(3600)
    assert port.pressure().stall_worst_pct > 30
    done(port, "limited", LIMIT, 8192, None)
    port.clock.sleep(1800)
    assert port.world.fleet.ballooned[0] == 0
    assert port.pressure().stall_worst_pct < 0.5


def test_growing_ends_guest_paging_after_the_guest_has_onlined_it() -> None:
    port = plant([vm("small", 4, 1.1, footprint=1.0, hot_add={"onlining_s": 300}, vcpus=2)])
    port.clock.sleep(600)
    before = port.pressure().guest_paging_kibps
    assert before > 0
    done(port, "small", HOT_ADD, 4096, 6144)
    port.clock.sleep(120)
    assert port.world.fleet.size[0] == 6144
    assert port.world.fleet.guest_size[0] == 4096
    assert port.world.fleet.stall[0] > 0.1
    port.clock.sleep(1200)
    assert port.world.fleet.guest_size[0] == 6144
    assert port.pressure().guest_paging_kibps == 0


def test_a_reservation_brings_memory_back_to_its_vm() -> None:
    hosts = [{"name": "esx", "memory_gib": 32}]
    port = plant(
        [vm("rich", 12, 0.9, footprint=1.0, vcpus=4, tools=False),
         vm("rest-{n}", 12, 0.9, footprint=1.0, vcpus=4, tools=False, count=2)], hosts,
    )  # fmt: skip
    port.clock.sleep(3600)
    assert port.world.recorder.mean("stall")[0] > 0.02
    done(port, "rich", RESERVATION, 0, 12288)
    port.clock.sleep(3600)
    assert port.world.recorder.mean("stall")[0] < 0.005


def test_a_higher_balloon_cap_replaces_swapping_by_ballooning() -> None:
    hosts = [{"name": "esx", "memory_gib": 32}]
    machines = [vm("hoard", 16, 0.05, footprint=1.0, cache=0.5, shares="low", balloon_cap_gib=0.5),
                vm("busy-{n}", 10, 0.7, footprint=1.0, cache=0.1, count=2)]  # fmt: skip
    port = plant(machines, hosts)
    port.clock.sleep(3600)
    swapped = float(port.world.fleet.swapped[0])
    assert swapped > 1000
    done(port, "hoard", CAP, 512, None)
    port.clock.sleep(3600)
    assert port.world.fleet.ballooned[0] <= 0.65 * 16384
    assert port.world.fleet.balloon_cap[0] == pytest.approx(0.65 * 16384)
    assert port.world.fleet.swapped[0] <= swapped, "nothing more is swapped"


def test_what_hot_add_refuses() -> None:
    port = plant(
        [vm("fixed", 4, 0.1), vm("grow", 4, 0.1, hot_add={"limit_gib": 8, "increment_mib": 128}),
         vm("tiny", 2, 0.1, hot_add=True), vm("tiny-win", 2, 0.1, hot_add=True, guest_os="windows"),
         vm("gpu", 4, 0.1, hot_add=True, passthrough=True),
         vm("off", 4, 0.1, hot_add=True, power="poweredOff")]
    )  # fmt: skip
    assert refused(port, "fixed", HOT_ADD, 4096, 5120) == "MemoryHotPlugNotSupported"
    assert refused(port, "gpu", HOT_ADD, 4096, 5120) == "MemoryHotPlugNotSupported"
    assert refused(port, "grow", HOT_ADD, 4096, 2048) == "MemoryHotPlugNotSupported"
    assert refused(port, "grow", HOT_ADD, 4096, 4100) == "MemorySizeNotSupported"
    assert refused(port, "grow", HOT_ADD, 4096, 8320) == "MemorySizeNotSupported"
    assert refused(port, "off", HOT_ADD, 4096, 5120) == "InvalidPowerState"
    # A Linux guest started below 3 GB reaches 3 GB and no more.
    assert refused(port, "tiny", HOT_ADD, 2048, 4096) == "MemorySizeNotSupported"
    done(port, "tiny", HOT_ADD, 2048, 3072)
    done(port, "tiny-win", HOT_ADD, 2048, 4096)
    done(port, "grow", HOT_ADD, 4096, 8192)


def test_what_reservations_and_limits_refuse() -> None:
    port = plant(
        [vm("plain", 8, 0.1, limit_gib=6), vm("gpu", 8, 0.1, passthrough=True),
         vm("low-latency", 8, 0.1, latency_sensitivity_high=True, reservation_gib=8)]
    )  # fmt: skip
    assert refused(port, "plain", RESERVATION, 0, 7168) == "InvalidArgument"
    assert refused(port, "plain", RESERVATION, 0, None) == "InvalidArgument"
    done(port, "plain", RESERVATION, 0, 4096)
    assert refused(port, "plain", LIMIT, 6144, 2048) == "InvalidArgument"
    assert refused(port, "gpu", RESERVATION, 8192, 4096) == "InvalidArgument"
    assert refused(port, "gpu", LIMIT, None, 4096) == "InvalidArgument"
    assert refused(port, "low-latency", RESERVATION, 8192, 4096) == "InvalidArgument"


def test_a_host_backs_no_more_than_it_has() -> None:
    hosts = [{"name": "esx", "memory_gib": 32}]
    port = plant([vm("a", 24, 0.1, reservation_gib=20), vm("b", 16, 0.1)], hosts)
    assert refused(port, "b", RESERVATION, 0, 12288) == "InsufficientMemoryResourcesFault"
    done(port, "b", RESERVATION, 0, 8192)


def test_a_locked_reservation_grows_with_its_vm() -> None:
    hosts = [{"name": "esx", "memory_gib": 32}]
    port = plant([vm("a", 8, 0.1, reservation_locked_to_max=True, hot_add=True),
                  vm("b", 16, 0.1, reservation_gib=16)], hosts)  # fmt: skip
    assert refused(port, "a", HOT_ADD, 8192, 20480) == "InsufficientMemoryResourcesFault"
    done(port, "a", HOT_ADD, 8192, 12288)
    assert port.world.inventory.settings.reservation[0] == 12288
    assert refused(port, "a", RESERVATION, 12288, 4096) == "InvalidArgument"


def test_ha_holds_back_its_part() -> None:
    hosts = [{"name": "esx-{n}", "count": 2, "memory_gib": 32}]
    ha = {"enabled": True, "admission_control": True, "reserve_memory_pct": 50}
    port = plant([vm("a", 24, 0.1, reservation_gib=20), vm("b", 16, 0.1)], hosts, ha=ha)
    assert refused(port, "b", RESERVATION, 0, 12288) == "InsufficientMemoryResourcesFault"
    done(port, "b", RESERVATION, 0, 4096)


def test_one_task_at_a_time_per_vm() -> None:
    port = plant([vm("a", 8, 0.1, host="esx-1")])
    port.submit(setting(port, "a", LIMIT, None, 8192))
    with pytest.raises(TransientFault, match="another task"):
        port.submit(migrate(port, "a", "esx-2"))
    port.clock.sleep(5)
    port.submit(migrate(port, "a", "esx-2"))


def test_tasks_that_race_are_checked_again_when_they_are_done() -> None:
    hosts = [{"name": "esx", "memory_gib": 32}]
    port = plant([vm("v-{n}", 20, 0.1, count=2)], hosts)
    handles = [port.submit(setting(port, f"v-{n}", RESERVATION, 0, 18432)) for n in (1, 2)]
    first, second = finish(port, *handles)
    assert first.state is TaskState.SUCCESS
    assert second.state is TaskState.ERROR
    assert second.error is not None
    assert second.error.fault == "InsufficientMemoryResourcesFault"


def test_shares_follow_the_size_at_the_usual_levels_only() -> None:
    port = plant([vm("usual", 4, 0.1, hot_add=True), vm("own", 4, 0.1, hot_add=True, shares=1234)])
    for name in ("usual", "own"):
        done(port, name, HOT_ADD, 4096, 8192)
    shares = port.world.inventory.settings.shares
    assert shares[row(port.world, "usual")] == 81920
    assert shares[row(port.world, "own")] == 1234


def test_growing_does_not_change_what_the_guest_wants() -> None:
    port = plant([vm("a", 4, 0.5, hot_add={"onlining_s": 0})])
    before = float(port.world.fleet.working[0])
    done(port, "a", HOT_ADD, 4096, 16384)
    port.clock.sleep(600)
    assert port.world.fleet.working[0] == before
