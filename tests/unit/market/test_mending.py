"""Breaches that single moves mend whatever it costs, and those that others have to make way for."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from vsphere_market.demand import estimate_demand
from vsphere_market.estate import KEEP_APART, KEEP_TOGETHER, NOT_ON, RUN_ON
from vsphere_market.market import MarketSettings, Plan, Question, make_plan
from vsphere_market.policy import CrowdRule, default_rulebook
from vsphere_market.port import Migrate

Row = dict[str, Any]


def host(number: int, memory_mib: float = 16384, **more: Any) -> Row:
    return host_row(f"host-{number}", memory_mib, **more)


def vm(name: str, at: int, size_mib: float = 4096, **more: Any) -> Row:
    """A VM all of whose memory is reserved, so that room is what it takes."""
    return vm_row(name, f"host-{at}", size_mib, **{"reservation_mib": size_mib, **more})


def rule(kind: str, vms: list[str], hosts: list[str] | None = None, **more: Any) -> Row:
    row: Row = {"moid": f"r-{kind}", "name": kind, "kind": kind, "vms": vms}
    row |= {"mandatory": True, "enabled": True, **more}
    return row if hosts is None else row | {"hosts": hosts}


def question(crowd: CrowdRule | None = None, **tables: list[Row]) -> Question:
    snapshot = snapshot_of(clusters=[cluster_row()], **tables)
    rulebook = default_rulebook(snapshot)
    return Question(
        snapshot=snapshot,
        demand=estimate_demand(snapshot),
        rulebook=dataclasses.replace(rulebook, crowds=(crowd,) if crowd else ()),
        settings=MarketSettings(),
        cooling=np.zeros(len(snapshot.vms), dtype=np.bool_),
    )


def moves(plan: Plan) -> dict[str, str]:
    return {
        step.action.vm.name: step.action.target.name
        for step in plan.steps
        if isinstance(step.action, Migrate)
    }


def mended(plan: Plan) -> tuple[int, int]:
    return plan.certificate.breaches_before, plan.certificate.breaches_after


@pytest.mark.parametrize("apart", [True, False], ids=["apart", "run-on"])
def test_no_overload_is_worth_a_breach(apart: bool) -> None:
    """The only other host has one MHz for a hundred thousand, and no memory but the VM's own."""
    hosts = [host(1, cpu_mhz=100_000), host(2, 4500, cpu_mhz=1)]
    vms = [vm(name, 1, cpu_demand_mhz=1e8, active_mib=4096) for name in ("a", "b")]
    wanted = rule(KEEP_APART, ["a", "b"]) if apart else rule(RUN_ON, ["a"], ["host-2"])
    plan = make_plan(question(hosts=hosts, vms=vms, rules=[wanted]), now_s=0.0)
    assert mended(plan) == (1, 0)
    (step,) = plan.steps
    assert step.mends == 1 and step.saving < 0
    assert f"the mandatory rule {wanted['name']}" in step.reason
    assert plan.certificate.potential_after > plan.certificate.potential_before
    soft = make_plan(question(hosts=hosts, vms=vms, rules=[wanted | {"mandatory": False}]), 0.0)
    assert soft.steps == ()


def test_a_soft_rule_gives_way_to_a_mandatory_one() -> None:
    rules = [
        rule(KEEP_APART, ["a", "b"]),
        rule(KEEP_TOGETHER, ["a", "b", "c"], mandatory=False),
    ]
    vms = [vm(name, 1) for name in ("a", "b", "c")]
    plan = make_plan(question(hosts=[host(1), host(2)], vms=vms, rules=rules), now_s=0.0)
    assert mended(plan) == (1, 0)
    assert len(moves(plan)) == 1


def test_two_vms_change_places_where_neither_host_has_room_for_both() -> None:
    hosts = [host(1, 13000), host(2, 13000), host(3, 4400)]
    vms = [
        vm("wrong", 1),
        vm("x", 1),
        vm("y", 2),
        vm("z", 2),
        vm("w", 2),
        vm("full", 3),
    ]
    wanted = rule(RUN_ON, ["wrong"], ["host-2"])
    plan = make_plan(question(hosts=hosts, vms=vms, rules=[wanted]), now_s=0.0)
    assert mended(plan) == (1, 0)
    where = moves(plan)
    assert where.pop("wrong") == "host-2" and list(where.values()) == ["host-1"]
    first, last = (step for step in plan.steps if isinstance(step.action, Migrate))
    assert (first.together, last.together) == ((last.id,), (first.id,))
    assert "together they mend" in first.reason and "mandatory rule" in last.reason


def test_two_small_ones_make_room_for_a_large_one() -> None:
    hosts = [host(1, 9000), host(2, 9000), host(3, 4600), host(4, 4600)]
    vms = [vm("wrong", 1, 8192), vm("s", 2), vm("t", 2)]
    wanted = rule(RUN_ON, ["wrong"], ["host-2"])
    plan = make_plan(question(hosts=hosts, vms=vms, rules=[wanted]), now_s=0.0)
    assert mended(plan) == (1, 0)
    assert sorted(moves(plan).values()) == ["host-2", "host-3", "host-4"]


def test_a_chain_of_three_makes_room() -> None:
    """The one that has to go finds room only after another one went on."""
    hosts = [host(1, 9000), host(2, 9000), host(3, 9000), host(4, 4600)]
    vms = [vm("wrong", 1, 8192), vm("large", 2, 8192), vm("small", 3)]
    wanted = [rule(RUN_ON, ["wrong"], ["host-2"]), rule(NOT_ON, ["small"], ["host-1"])]
    plan = make_plan(question(hosts=hosts, vms=vms, rules=wanted), now_s=0.0)
    assert mended(plan) == (1, 0)
    assert moves(plan) == {"small": "host-4", "large": "host-3", "wrong": "host-2"}


def test_one_leaves_that_another_must_not_meet() -> None:
    """It must run on the second host, and apart from one that is there."""
    rules = [rule(RUN_ON, ["a"], ["host-2"]), rule(KEEP_APART, ["a", "b"])]
    hosts, vms = [host(1), host(2), host(3)], [vm("a", 1), vm("b", 2)]
    plan = make_plan(question(hosts=hosts, vms=vms, rules=rules), now_s=0.0)
    assert mended(plan) == (1, 0)
    assert moves(plan)["a"] == "host-2" and moves(plan)["b"] != "host-2"


def test_a_crowd_leaves_one_of_too_many_hosts_together() -> None:
    names = ["a", "b", "c", "d"]
    crowd = CrowdRule("m", "licence", 0, True, (0, 1, 2, 3), np.inf, 1.0)
    vms = [vm(name, at, 2048) for name, at in zip(names, (1, 1, 2, 2), strict=True)]
    plan = make_plan(question(crowd, hosts=[host(1), host(2)], vms=vms), now_s=0.0)
    assert mended(plan) == (1, 0)
    assert len(set(moves(plan).values())) == 1 and len(moves(plan)) == 2


def test_what_cannot_be_mended_whole_is_mended_in_part_and_the_rest_is_told() -> None:
    wanted = rule(KEEP_APART, ["a", "b", "c"])
    vms = [vm(name, 1) for name in ("a", "b", "c")]
    plan = make_plan(question(hosts=[host(1), host(2)], vms=vms, rules=[wanted]), now_s=0.0)
    assert mended(plan) == (3, 1)
    assert any(f"rule {KEEP_APART} stays broken" in one.sentence for one in plan.refusals)


def test_a_vm_that_may_not_move_is_not_asked_to_make_way() -> None:
    hosts = [host(1, 9000), host(2, 4600), host(3)]
    vms = [vm("wrong", 1), vm("stays", 2)]
    wanted = rule(RUN_ON, ["wrong"], ["host-2"])
    free = question(hosts=hosts, vms=vms, rules=[wanted])
    assert mended(make_plan(free, now_s=0.0)) == (1, 0)
    resting = dataclasses.replace(free, cooling=np.array([False, True]))
    plan = make_plan(resting, now_s=0.0)
    assert mended(plan) == (1, 1) and moves(plan) == {}
