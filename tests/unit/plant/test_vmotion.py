"""Migrations: how long they take, what they need, how they fail, what they leave."""

from __future__ import annotations

import numpy as np
import pytest

from tests.plants import check_conservation, finish, migrate, plant, row, vm
from vsphere_market.errors import FinalFault, StaleFault, TransientFault
from vsphere_market.plant import PlantVCenter
from vsphere_market.plant.laws import STEP_S
from vsphere_market.port import Standing, TaskState

WIDE = [{"name": "esx-{n}", "count": 3, "memory_gib": 256, "vmotion_gbps": 10}]


def seconds(port: PlantVCenter, name: str, target: str) -> float:
    began = port.clock.now_s()
    (status,) = finish(port, port.submit(migrate(port, name, target)))
    assert status.state is TaskState.SUCCESS
    return port.clock.now_s() - began


def mover(gib: float, footprint: float, gbps: float = 10, **more: float) -> PlantVCenter:
    hosts = [{"name": "esx-{n}", "count": 2, "memory_gib": 256, "vmotion_gbps": gbps}]
    machine = vm("mover", gib, 0.1, footprint=footprint, host="esx-1")
    machine["workload"].update(more)
    return plant([machine], hosts)


def test_64_gb_over_10_gbit_take_one_to_two_minutes() -> None:
    # Estimated at 75 to 105 s for 64 GB at 8 Gb/s.
    assert 60 <= seconds(mover(64, 1.0), "mover", "esx-2") <= 105


def test_only_touched_memory_is_copied() -> None:
    port = mover(128, 0.25)
    assert seconds(port, "mover", "esx-2") < 60
    assert 32 * 0.9 < port.truth.moved_gib < 32 * 1.3


def test_a_slow_link_takes_longer() -> None:
    assert seconds(mover(16, 1.0, gbps=1), "mover", "esx-2") > 120


def test_a_busy_writer_takes_longer_and_copies_more() -> None:
    quiet, busy = mover(32, 1.0), mover(32, 1.0, working_set=0.9, write_share=1.5)
    assert seconds(busy, "mover", "esx-2") > seconds(quiet, "mover", "esx-2")
    assert busy.truth.moved_gib > 1.2 * quiet.truth.moved_gib


def test_one_that_writes_faster_than_the_link_is_slowed_down_until_it_is_over() -> None:
    port = mover(32, 1.0, gbps=1, working_set=0.9, write_share=10)
    port.submit(migrate(port, "mover", "esx-2"))
    port.clock.sleep(120)
    assert port.world.fleet.stall[0] > 0.5


def test_a_migration_costs_its_vm_a_little_time() -> None:
    port = mover(64, 1.0)
    finish(port, port.submit(migrate(port, "mover", "esx-2")))
    assert 0.5 < port.truth.stall_s[0] < 10


def test_migrations_share_the_bandwidth_of_a_link() -> None:
    port = plant([vm("m-{n}", 32, 0.1, footprint=1.0, host="esx-1", count=4)], WIDE)
    alone = seconds(port, "m-1", "esx-2")
    began = port.clock.now_s()
    finish(port, *(port.submit(migrate(port, f"m-{n}", "esx-2")) for n in (2, 3, 4)))
    assert port.clock.now_s() - began > 2 * alone


@pytest.mark.parametrize(("gbps", "most"), [(10, 8), (1, 4)])
def test_a_host_takes_part_in_few_at_a_time_and_the_rest_wait(gbps: float, most: int) -> None:
    hosts = [{"name": "esx-{n}", "count": 2, "memory_gib": 256, "vmotion_gbps": gbps}]
    port = plant([vm("m-{nn}", 8, 0.1, footprint=1.0, host="esx-1", count=12)], hosts)
    handles = [port.submit(migrate(port, f"m-{n:02d}", "esx-2")) for n in range(1, 13)]
    port.clock.sleep(STEP_S)
    states = [status.state for status in port.poll(handles)]
    assert states.count(TaskState.RUNNING) == most
    assert states.count(TaskState.QUEUED) == 12 - most
    assert {status.state for status in finish(port, *handles)} == {TaskState.SUCCESS}


def test_swapped_pages_stay_swapped_and_balloons_inflated_after_the_move() -> None:
    port = plant(
        [vm("mute", 16, 0.2, footprint=0.9, limit_gib=8, tools=False, host="esx-1"),
         vm("limited", 16, 0.2, footprint=0.9, limit_gib=8, host="esx-1")], WIDE,
    )  # fmt: skip
    port.clock.sleep(3600)
    fleet = port.world.fleet
    swapped, ballooned = float(fleet.swapped[0]), float(fleet.ballooned[1])
    assert swapped > 0
    assert ballooned > 0
    finish(port, *(port.submit(migrate(port, name, "esx-2")) for name in ("mute", "limited")))
    assert fleet.swapped[0] == pytest.approx(swapped, rel=0.01)
    assert fleet.ballooned[1] == pytest.approx(ballooned, rel=0.01)


def test_both_ends_hold_memory_while_it_is_copied() -> None:
    port = mover(64, 1.0)
    hosts = port.world.hosts
    before = hosts.free.copy()
    handle = port.submit(migrate(port, "mover", "esx-2"))
    port.clock.sleep(45)
    assert hosts.free[0] == pytest.approx(before[0], abs=10), "the source keeps it all"
    assert hosts.free[1] < before[1] - 20 * 1024, "the target fills up"
    finish(port, handle)
    assert hosts.free[0] > before[0] + 60 * 1024
    assert hosts.incoming.sum() == 0


def test_an_over_committed_target_is_put_under_pressure() -> None:
    hosts = [{"name": "esx-{n}", "count": 2, "memory_gib": 32}]
    port = plant(
        [vm("m", 16, 0.2, footprint=0.9, host="esx-1"),
         vm("r-{n}", 8, 0.2, footprint=0.9, cache=0.4, host="esx-2", count=3)], hosts,
    )  # fmt: skip
    finish(port, port.submit(migrate(port, "m", "esx-2")))
    port.clock.sleep(600)
    assert port.world.fleet.ballooned.sum() > 1024
    check_conservation(port.world)


def test_without_room_on_the_target_it_fails_and_changes_nothing() -> None:
    hosts = [{"name": "esx-{n}", "count": 2, "memory_gib": 32, "swap_mibps": 1}]
    port = plant(
        [vm("m", 24, 0.9, footprint=1.0, host="esx-1"),
         vm("r-{n}", 8, 1.0, footprint=1.0, cache=0.0, tools=False, host="esx-2", count=4)], hosts,
    )  # fmt: skip
    port.clock.sleep(1200)
    action = migrate(port, "m", "esx-2")
    (status,) = finish(port, port.submit(action))
    assert status.state is TaskState.ERROR
    assert isinstance(status.error, StaleFault)
    assert port.standing(action) is Standing.BEFORE
    assert port.truth.failed_moves == 1
    assert port.world.hosts.incoming.sum() == 0
    check_conservation(port.world)


def test_the_target_must_back_the_reservation() -> None:
    hosts = [{"name": "esx-{n}", "count": 2, "memory_gib": 32}]
    port = plant(
        [vm("m", 16, 0.1, reservation_gib=16, host="esx-1"),
         vm("r", 24, 0.1, reservation_gib=20, host="esx-2")], hosts,
    )  # fmt: skip
    with pytest.raises(StaleFault, match="can back"):
        port.submit(migrate(port, "m", "esx-2"))


def test_reservations_of_vms_on_their_way_count() -> None:
    hosts = [{"name": "esx-{n}", "count": 2, "memory_gib": 32}]
    port = plant([vm("m-{n}", 14, 0.9, reservation_gib=14, host="esx-1", count=2),
                  vm("r", 8, 0.1, reservation_gib=8, host="esx-2")], hosts)  # fmt: skip
    port.submit(migrate(port, "m-1", "esx-2"))
    with pytest.raises(StaleFault):
        port.submit(migrate(port, "m-2", "esx-2"))


def test_who_may_not_move() -> None:
    hosts = [*WIDE, {"name": "lonely", "memory_gib": 64, "vmotion_gbps": 0},
             {"name": "lost", "memory_gib": 64, "connection": "notResponding"},
             {"name": "closed", "memory_gib": 64, "maintenance": True}]  # fmt: skip
    port = plant(
        [vm("m-{n}", 4, 0.1, host="esx-1", count=2),
         vm("gpu", 4, 0.1, host="esx-1", passthrough=True),
         vm("off", 4, 0.1, host="esx-1", power="poweredOff")],
        hosts,
        rules=[{"name": "apart", "kind": "antiAffinity", "mandatory": True, "vms": ["m-*"]},
               {"name": "licence", "kind": "vmHost", "mandatory": True, "vms": ["m-*"],
                "hosts": ["esx-*", "lonely", "lost", "closed"]}],
    )  # fmt: skip
    for name, target, fault in [
        ("m-1", "lonely", FinalFault),
        ("m-1", "lost", TransientFault),
        ("m-1", "closed", StaleFault),
        ("gpu", "esx-2", FinalFault),
        ("off", "esx-2", StaleFault),
    ]:
        with pytest.raises(fault):
            port.submit(migrate(port, name, target))
    finish(port, port.submit(migrate(port, "m-1", "esx-2")))
    with pytest.raises(FinalFault, match="apart"):
        port.submit(migrate(port, "m-2", "esx-2"))


def test_a_wish_is_a_warning_and_no_refusal() -> None:
    port = plant(
        [vm("m-{n}", 4, 0.1, host="esx-{n}".replace("{n}", "1"), count=2)], WIDE,
        rules=[{"name": "together", "kind": "affinity", "vms": ["m-*"]}],
    )  # fmt: skip
    findings = port.precheck(migrate(port, "m-1", "esx-2"))
    assert [finding.severity.value for finding in findings] == ["warning"]
    finish(port, port.submit(migrate(port, "m-1", "esx-2")))


def test_cancelling_gives_everything_back() -> None:
    port = mover(64, 1.0)
    before = port.world.hosts.free.copy()
    action = migrate(port, "mover", "esx-2")
    handle = port.submit(action)
    port.clock.sleep(30)
    port.cancel(handle)
    assert port.poll([handle])[0].state is TaskState.CANCELLED
    assert np.allclose(port.world.hosts.free, before, atol=10)
    assert port.standing(action) is Standing.BEFORE
    assert row(port.world, "mover") == 0
