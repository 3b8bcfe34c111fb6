"""Explanations hold the numbers that the decision stood on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.roads import LIMITED, hot_plant, policies, road
from vsphere_market.control.cycle import one_cycle
from vsphere_market.control.decide import Frame, frame
from vsphere_market.control.explain import (
    explain_host_row,
    explain_step,
    explain_vm_row,
    last_plan,
)
from vsphere_market.errors import PlanError, UsageError
from vsphere_market.market import Cause, Reason
from vsphere_market.market.trades import TRADED
from vsphere_market.plant import PlantVCenter
from vsphere_market.port import ActionKind, OutcomeKind


def framed(plant: PlantVCenter, *documents: dict[str, Any]) -> Frame:
    snapshot = plant.observe()
    return frame(snapshot, policies(*documents), now_s=plant.clock.now_s())


def row_of(framed_: Frame, name: str) -> int:
    return framed_.snapshot.vms.name.index(name)


def test_a_limit_that_squeezes_is_lifted_and_nothing_else() -> None:
    standing = framed(hot_plant(LIMITED))
    found = explain_vm_row(standing, row_of(standing, "squeezed"))
    assert found.cause is Cause.LIMIT
    offers = {offer.kind: offer for offer in found.offers}
    assert offers[ActionKind.LIMIT].chosen
    assert offers[ActionKind.LIMIT].saving > offers[ActionKind.LIMIT].disruption > 0
    for kind in (ActionKind.MIGRATE, ActionKind.HOT_ADD):
        assert not offers[kind].chosen
        assert offers[kind].refused is not None
    assert [step.action.kind for step in found.steps] == [ActionKind.LIMIT]
    numbers = {item.name: item.value for item in found.numbers}
    assert numbers["limit"] == 6 * 1024
    assert numbers["size"] == 16 * 1024
    assert numbers["ballooned"] > 0
    assert "6 GiB" in found.steps[0].reason and "16 GiB" in found.steps[0].reason


def test_every_host_quotes_and_says_why_not() -> None:
    standing = framed(hot_plant())
    found = explain_vm_row(standing, row_of(standing, "hot-01"))
    assert [quote.host.name for quote in found.quotes] == ["esx-1", "esx-2"]
    assert found.quotes[0].quote > found.quotes[1].quote


def test_a_host_that_may_not_be_taken_says_why() -> None:
    resting = [
        {"name": "esx-1", "memory_gib": 64},
        {"name": "esx-2", "memory_gib": 64, "maintenance": True},
    ]
    standing = framed(hot_plant(hosts=resting))
    found = explain_vm_row(standing, row_of(standing, "hot-01"))
    assert found.quotes[0].refused is None
    assert found.quotes[1].refused is Reason.HOST_UNFIT


def test_each_kind_of_action_has_a_verdict() -> None:
    standing = framed(hot_plant())
    found = explain_vm_row(standing, row_of(standing, "calm-01"))
    assert {offer.kind for offer in found.offers} == set(TRADED)
    assert all(offer.sentence.endswith(".") for offer in found.offers)
    offers = {offer.kind: offer for offer in found.offers}
    assert offers[ActionKind.LIMIT].sentence == "It has no limit below its size."


def test_policy_and_its_source_are_told() -> None:
    off = {
        "apiVersion": "vsphere-market/v1",
        "kind": "automation",
        "name": "hands off",
        "selector": {"name": "hot-01"},
        "spec": {"mode": "off"},
    }
    standing = framed(hot_plant(), off)
    found = explain_vm_row(standing, row_of(standing, "hot-01"))
    offers = {offer.kind: offer for offer in found.offers}
    assert offers[ActionKind.MIGRATE].refused is Reason.MODE_OFF
    modes = {item.name: item for item in found.settings}
    assert modes["modes.migrate"].value == "off"
    assert modes["modes.migrate"].source.startswith("hands off#")


def test_a_host_shows_what_its_price_is_made_of() -> None:
    standing = framed(hot_plant())
    found = explain_host_row(standing, standing.snapshot.hosts.name.index("esx-1"))
    assert found.view.host.name == "esx-1"
    total = sum(part.value for part in found.price_parts)
    assert total == pytest.approx(found.view.price)
    assert len(found.tenants) == 12
    assert found.departures
    assert found.arrivals == ()
    assert found.tenants[0].footprint_mib >= found.tenants[-1].footprint_mib


def test_steps_are_found_in_a_plan_and_in_the_journal(tmp_path: Path) -> None:
    plant = hot_plant()
    with road(tmp_path, plant) as way:
        report = one_cycle(way, 1)
        plan = last_plan(way.journal)
        assert plan == report.plan
        first = plan.steps[0]
        found = explain_step(plan, first.id, way.journal)
        assert found.step == first
        assert [item.outcome for item in found.actions] == [OutcomeKind.DONE]
        with pytest.raises(UsageError, match="no step"):
            explain_step(plan, "s99", way.journal)
        vm = report.frame.snapshot.vms.row(first.action.subject.moid)
        past = explain_vm_row(report.frame, vm, way.journal).actions
        assert [item.step for item in past] == [first.id]
        host = explain_host_row(report.frame, 0, way.journal)
        assert len(host.samples) == 1
        assert host.actions


def test_without_any_plan_there_is_none_to_explain(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="no plan is known"):
        last_plan(None)
    with road(tmp_path, hot_plant()) as way, pytest.raises(PlanError):
        last_plan(way.journal)


def test_a_vm_that_is_off_takes_no_part() -> None:
    vms = [*LIMITED, {"name": "asleep", "memory_gib": 4, "host": "esx-2", "power": "poweredOff"}]
    standing = framed(hot_plant(vms))
    found = explain_vm_row(standing, row_of(standing, "asleep"))
    assert found.quotes == ()
    assert found.cause is Cause.NONE
    reasons = {offer.kind: offer.refused for offer in found.offers}
    # Nobody wants it on; nothing else is offered to a VM that is off.
    assert reasons.pop(ActionKind.START) is Reason.NOT_DUE
    assert set(reasons.values()) == {Reason.VM_NOT_MANAGED}
