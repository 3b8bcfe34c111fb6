"""What makes a plan stale as a whole, before its first step."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.fakes import (
    START_S,
    FakeVCenter,
    Vm,
    change,
    move,
    plan,
    simple_plan,
    step,
    vcenter,
)
from vsphere_market.errors import ExitCode, StaleError
from vsphere_market.executor import drift, require_fresh
from vsphere_market.market.plan import Plan
from vsphere_market.port import ActionKind

MOVE = move("vm-1", "host-1", "host-2")


def refused(todo: Plan, vc: FakeVCenter, now_s: float = START_S) -> str:
    """The sentence that refuses the plan, or ""."""
    try:
        require_fresh(todo, vc.observe(), now_s)
    except StaleError as error:
        assert error.exit_code is ExitCode.TRY_LATER
        return str(error)
    return ""


def test_a_plan_that_fits_is_accepted() -> None:
    todo = simple_plan(
        MOVE,
        change("vm-2", ActionKind.LIMIT, None, 4096),
        change("vm-3", ActionKind.BALLOON_CAP, None, 0),
        change("vm-4", ActionKind.RESERVATION, 0, 2048),
        change("vm-2", ActionKind.HOT_ADD, 8192, 9216),
    )
    assert refused(todo, vcenter()) == ""


def test_an_expired_plan_is_refused() -> None:
    said = refused(plan(lasts_s=900.0), vcenter(), now_s=START_S + 901.0)
    assert "the plan expired at 2027-01-15T08:15:00Z" in said and "new plan" in said
    assert refused(plan(lasts_s=900.0), vcenter(), now_s=START_S + 900.0) == ""


def test_a_plan_of_another_vcenter_is_refused() -> None:
    vc = vcenter()
    assert "not from vcenter vc.test" in refused(plan(uuid="another"), vc)
    # Without an identity the name has to do.
    assert refused(plan(uuid=""), vc) == ""
    vc.uuid = ""
    assert refused(plan(), vc) == ""


def gone(vc: FakeVCenter) -> None:
    del vc.vms["vm-1"]


def off(vc: FakeVCenter) -> None:
    vc.vms["vm-1"].power = "poweredOff"


def moved(vc: FakeVCenter) -> None:
    vc.vms["vm-1"].host = "host-3"


def target_gone(vc: FakeVCenter) -> None:
    del vc.hosts["host-2"]
    vc.vms["vm-2"].host = "host-3"


def target_lost(vc: FakeVCenter) -> None:
    vc.hosts["host-2"].connection = "notResponding"


def target_busy(vc: FakeVCenter) -> None:
    vc.hosts["host-2"].in_maintenance = True


def target_votes(vc: FakeVCenter) -> None:
    vc.hosts["host-2"].vsan = "witness"


def target_cut_off(vc: FakeVCenter) -> None:
    vc.hosts["host-2"].vsan = "apart"


def target_ill(vc: FakeVCenter) -> None:
    vc.hosts["host-2"].in_quarantine = True


def target_mute(vc: FakeVCenter) -> None:
    vc.hosts["host-2"].vmotion = False


def source_lost(vc: FakeVCenter) -> None:
    vc.hosts["host-1"].connection = "disconnected"


@pytest.mark.parametrize(
    ("happens", "said"),
    [
        (gone, "web-1 is gone"),
        (off, "web-1 is powered off"),
        (moved, "web-1 is on esx-3, expected on esx-1"),
        (target_gone, "host esx-2 is gone"),
        (target_lost, "host esx-2 is not responding"),
        (target_busy, "host esx-2 is in maintenance mode"),
        (target_ill, "host esx-2 is in quarantine mode"),
        (target_votes, "host esx-2 is a vSAN witness"),
        (target_cut_off, "host esx-2 is seen by no other node of its vSAN cluster"),
        (target_mute, "host esx-2 has no vMotion network any more"),
        (source_lost, "host esx-1 is disconnected"),
    ],
)
def test_a_move_does_not_survive(happens: Callable[[FakeVCenter], None], said: str) -> None:
    vc = vcenter()
    happens(vc)
    assert f"(s1: {said})" in refused(simple_plan(MOVE), vc)


def test_leaving_a_host_in_maintenance_is_allowed() -> None:
    vc = vcenter()
    vc.hosts["host-1"].in_maintenance = True
    assert refused(simple_plan(MOVE), vc) == ""


@pytest.mark.parametrize(
    ("setting", "old", "new", "vm", "said"),
    [
        (ActionKind.LIMIT, None, 4096, Vm("vm-1", "host-1", limit_mib=2048), "limit is 2 GiB"),
        (ActionKind.LIMIT, 4096, None, Vm("vm-1", "host-1", limit_mib=2048), "expected 4 GiB"),
        (ActionKind.LIMIT, 4096, 2048, Vm("vm-1", "host-1"), "limit is unlimited"),
        (ActionKind.RESERVATION, 0, 1024, Vm("vm-1", "host-1", reservation_mib=512), "is 512 MiB"),
        (ActionKind.HOT_ADD, 8192, 9216, Vm("vm-1", "host-1", size_mib=10240), "size is 10 GiB"),
        (
            ActionKind.HOT_ADD,
            8192,
            9216,
            Vm("vm-1", "host-1", hot_add=False),
            "no memory hot-add any more",
        ),
        (ActionKind.HOT_ADD, 8192, 262144, Vm("vm-1", "host-1"), "to 131072 MiB only"),
        (
            ActionKind.BALLOON_CAP,
            None,
            0,
            Vm("vm-1", "host-1", balloon_cap_mib=1024),
            "expected the host's default",
        ),
    ],
)
def test_a_setting_that_somebody_changed(
    setting: ActionKind, old: int | None, new: int | None, vm: Vm, said: str
) -> None:
    vc = vcenter()
    vc.vms["vm-1"] = vm
    assert said in refused(simple_plan(change("vm-1", setting, old, new)), vc)


def test_a_plan_half_done_may_be_continued() -> None:
    first = change("vm-1", ActionKind.HOT_ADD, 8192, 9216)
    second = change("vm-1", ActionKind.HOT_ADD, 9216, 10240)
    todo = plan(step(1, first), step(2, second, after=("s1",)), step(3, MOVE))
    vc = vcenter()
    for size_mib in (8192, 9216, 10240):
        vc.vms["vm-1"].size_mib = size_mib
        assert refused(todo, vc) == ""
    vc.vms["vm-1"].size_mib = 9000
    assert "s1: web-1's memory size is 8.8 GiB, expected 8 GiB" in refused(todo, vc)


def test_the_first_differences_are_named_and_the_rest_counted() -> None:
    vc = vcenter(3, 6)
    todo = simple_plan(*(change(f"vm-{n}", ActionKind.LIMIT, None, 4096) for n in range(1, 7)))
    for vm in vc.vms.values():
        vm.limit_mib = 1024
    said = refused(todo, vc)
    assert [found.step for found in drift(todo, vc.observe())] == [f"s{n}" for n in range(1, 7)]
    assert re.search(r"s1: .*; s2: .*; s3: .*; and 3 more\)", said)


def test_steps_that_were_not_chosen_may_be_stale() -> None:
    vc = vcenter()
    moved(vc)
    todo = simple_plan(MOVE, change("vm-2", ActionKind.LIMIT, None, 4096))
    assert drift(todo, vc.observe(), {"s2"}) == ()
