"""Plans from files: revalidated, approved steps only, written down with who said yes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.roads import automatic, hot_plant, policies, road, write_json
from vsphere_market.control.apply import apply, drifts, load_plan, review
from vsphere_market.control.cycle import Road, observe_and_decide
from vsphere_market.control.ownership import scope_of
from vsphere_market.errors import (
    BusyError,
    ExitCode,
    InputError,
    PlanError,
    StaleError,
    TryLaterError,
)
from vsphere_market.estate import time_text
from vsphere_market.market import Plan
from vsphere_market.market.planfile import plan_to_json
from vsphere_market.plant import PlantVCenter
from vsphere_market.policy import NO_POLICIES, Mode, PolicySet
from vsphere_market.port import Migrate, OutcomeKind

MAY_STOP = automatic(modes={"stop": "approve"})
#: What lets guests be shut down.
STOPS = {
    "apiVersion": "vsphere-market/v1",
    "kind": "power",
    "name": "stops",
    "selector": {"name": "*"},
    "spec": {"stop": True},
}


def made(plant: PlantVCenter, folder: Path, wanted: PolicySet = NO_POLICIES) -> Plan:
    with road(folder, plant, wanted) as way:
        return observe_and_decide(way)[1]


def test_a_plan_is_carried_out(tmp_path: Path) -> None:
    plant = hot_plant()
    plan = made(plant, tmp_path)
    with road(tmp_path, plant, NO_POLICIES, who="ann") as way, review(way, plan) as held:
        assert [step.id for step in held.chosen] == [step.id for step in plan.steps]
        assert held.left_out == ()
        result = apply(way, held)
        assert result.succeeded
        trail = [row for row in way.journal.audit_trail() if row.event == "approval"]
        assert "ann" in trail[0].body
        assert way.journal.cycles()[0].kind == "apply"
    snapshot = plant.observe()
    assert drifts(plan, snapshot) == ()
    for step in plan.steps:
        if isinstance(step.action, Migrate):
            row = snapshot.vms.row(step.action.subject.moid)
            assert snapshot.hosts.moid[snapshot.vms.host[row]] == step.action.target.moid


def test_applying_it_twice_does_nothing_more(tmp_path: Path) -> None:
    plant = hot_plant()
    plan = made(plant, tmp_path)
    with road(tmp_path, plant, NO_POLICIES) as way:
        with review(way, plan) as held:
            apply(way, held)
        with review(way, plan) as held:
            again = apply(way, held)
    assert set(again.counts) == {OutcomeKind.ALREADY_DONE}


def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    plant = hot_plant()
    plan = made(plant, tmp_path)
    before = plant.observe().vms.host.tolist()
    # Nobody needs to be kept out of what submits nothing, so the lock may be held by another.
    with (
        road(tmp_path, plant, NO_POLICIES) as way,
        way.journal.own(scope_of(plant.observe()), what="run"),
        review(way, plan, dry_run=True) as held,
    ):
        result = apply(way, held, dry_run=True)
    assert set(result.counts) == {OutcomeKind.WOULD_DO}
    assert plant.observe().vms.host.tolist() == before


def test_what_policy_only_recommends_is_left_out(tmp_path: Path) -> None:
    plant = hot_plant()
    rest = {**automatic("recommend"), "selector": {"name": "hot-1*"}}
    plan = made(plant, tmp_path, policies(rest))
    named = {step.id for step in plan.steps if step.action.subject.name.startswith("hot-1")}
    with road(tmp_path, plant, NO_POLICIES) as way, review(way, plan) as held:
        assert {step.id for step in held.left_out} == named
    assert named
    with (
        road(tmp_path, plant, NO_POLICIES) as way,
        pytest.raises(InputError, match="only recommends"),
        review(way, plan, only=[min(named)]),
    ):
        pass


def test_single_steps_can_be_chosen(tmp_path: Path) -> None:
    plant = hot_plant()
    plan = made(plant, tmp_path)
    first = plan.steps[0].id
    with road(tmp_path, plant, NO_POLICIES) as way:
        with review(way, plan, only=[first]) as held:
            result = apply(way, held)
        with pytest.raises(PlanError, match="no step s99"), review(way, plan, only=["s99"]):
            pass
    assert result.outcome_of(first).kind is OutcomeKind.DONE
    others = [item.kind for item in result.outcomes if item.step != first]
    assert set(others) <= {OutcomeKind.SKIPPED}


@pytest.mark.parametrize(
    "wanted", [NO_POLICIES, policies(automatic(modes={"stop": "approve"}), STOPS)]
)
def test_a_hard_stop_that_was_written_into_a_plan_is_refused(
    tmp_path: Path, wanted: PolicySet
) -> None:
    plant = hot_plant()
    plan = made(plant, tmp_path)
    document = plan_to_json(dataclasses.replace(plan, steps=plan.steps[:1]))
    vm = document["steps"][0]["subject"]
    document["steps"][0] |= {
        "kind": "stop",
        "from": "poweredOn",
        "to": "poweredOff",
        "hard": True,
    }
    file = write_json(tmp_path / "plan.json", document)
    with road(tmp_path, plant, wanted) as way:
        with (
            pytest.raises(PlanError, match=rf"would power {vm['name']} off without .* no policy"),
            review(way, load_plan(file)),
        ):
            pass
        assert way.journal.executions() == ()
    snapshot = plant.observe()
    assert snapshot.vms.power[snapshot.vms.row(vm["moid"])] == "poweredOn"
    # The same stop by the guest is another matter.
    document["steps"][0]["hard"] = False
    soft = load_plan(write_json(file, document))
    with road(tmp_path, plant, wanted) as way, review(way, soft) as held:
        assert apply(way, held).succeeded


def test_an_expired_plan_is_refused(tmp_path: Path) -> None:
    plant = hot_plant()
    plan = made(plant, tmp_path)
    plant.clock.sleep(1900)
    with road(tmp_path, plant, NO_POLICIES) as way:
        with pytest.raises(StaleError, match="expired"), review(way, plan):
            pass
        assert way.journal.executions() == ()


def test_a_plan_for_another_estate_is_refused(tmp_path: Path) -> None:
    plan = made(hot_plant(), tmp_path)
    other = hot_plant(name="elsewhere")
    with (
        road(tmp_path, other, NO_POLICIES) as way,
        pytest.raises(StaleError, match="not from"),
        review(way, plan),
    ):
        pass
    with pytest.raises(StaleError):
        drifts(plan, other.observe())


def test_a_plan_that_the_estate_has_left_behind_is_refused(tmp_path: Path) -> None:
    plant = hot_plant()
    plan = made(plant, tmp_path)
    step = next(step for step in plan.steps if isinstance(step.action, Migrate))
    assert isinstance(step.action, Migrate)
    # As if it had been planned from the other host.
    wrong = dataclasses.replace(step.action, source=step.action.target, target=step.action.target)
    moved = dataclasses.replace(
        plan,
        steps=tuple(
            dataclasses.replace(one, action=wrong) if one is step else one for one in plan.steps
        ),
    )
    with (
        road(tmp_path, plant, NO_POLICIES) as way,
        pytest.raises(StaleError, match="has changed since"),
        review(way, moved),
    ):
        pass


def test_nobody_else_may_act_meanwhile(tmp_path: Path) -> None:
    plant = hot_plant()
    plan = made(plant, tmp_path)
    with (
        road(tmp_path, plant, NO_POLICIES) as way,
        way.journal.own(scope_of(plant.observe()), what="run"),
        pytest.raises(BusyError),
        review(way, plan),
    ):
        pass


def test_a_step_is_not_taken_without_what_it_needs(tmp_path: Path) -> None:
    plant = hot_plant()
    plan = made(plant, tmp_path)
    first, *others = plan.steps
    needy = dataclasses.replace(others[0], depends_on=(first.id,))
    plan = dataclasses.replace(plan, steps=(first, needy))
    with road(tmp_path, plant, NO_POLICIES) as way:
        with (
            pytest.raises(InputError, match=f"{needy.id} needs {first.id} .*--step {first.id}"),
            review(way, plan, only=[needy.id]),
        ):
            pass
        with review(way, plan, only=[first.id, needy.id]) as held:
            assert [step.id for step in held.chosen] == [first.id, needy.id]


def frozen(plant: PlantVCenter, after_s: float, *, spans_s: float = 3600.0) -> PolicySet:
    """Everything is automatic, and a freeze begins ``after_s`` from now."""
    now_s = plant.clock.now_s()
    span = {
        key: time_text(now_s + at)[:16]
        for key, at in (("from", after_s), ("to", after_s + spans_s))
    }
    winter = {**automatic(freezes=[span]), "name": "winter", "selector": {"name": "hot-*"}}
    return policies(automatic(), winter)


def refused(way: Road, plan: Plan, *, dry_run: bool) -> str:
    with pytest.raises(TryLaterError) as raised, review(way, plan, dry_run=dry_run):
        pass
    assert raised.value.exit_code == ExitCode.TRY_LATER
    return str(raised.value)


def test_a_freeze_that_began_after_planning_stops_the_plan(tmp_path: Path) -> None:
    plant = hot_plant()
    wanted = frozen(plant, 300)
    plan = made(plant, tmp_path, wanted)
    assert {step.mode for step in plan.steps} == {Mode.AUTOMATIC}
    before = plant.observe().vms.host.tolist()
    plant.clock.sleep(600)
    with road(tmp_path, plant, wanted) as way:
        said = [refused(way, plan, dry_run=dry_run) for dry_run in (False, True)]
        assert way.journal.executions() == ()
    for text in said:
        assert 'document "winter" freezes it until' in text
        assert "freezes/0" in text and "step s1" in text and "Nothing was changed" in text
        assert f"nor {len(plan.steps) - 1} more" in text
    assert plant.observe().vms.host.tolist() == before


def test_a_freeze_that_begins_while_somebody_thinks_stops_it_too(tmp_path: Path) -> None:
    plant = hot_plant()
    wanted = frozen(plant, 300)
    plan = made(plant, tmp_path, wanted)
    with road(tmp_path, plant, wanted) as way, review(way, plan) as held:
        plant.clock.sleep(600)
        with pytest.raises(TryLaterError, match="winter"):
            apply(way, held)
        assert way.journal.executions() == ()
        assert all(cycle.kind != "apply" for cycle in way.journal.cycles())


def test_without_policies_at_hand_what_the_plan_recorded_holds(tmp_path: Path) -> None:
    plant = hot_plant()
    plan = made(plant, tmp_path, frozen(plant, 300))
    plant.clock.sleep(600)
    with road(tmp_path, plant, NO_POLICIES) as way, review(way, plan) as held:
        assert apply(way, held).succeeded


def test_only_the_chosen_steps_are_judged(tmp_path: Path) -> None:
    plant = hot_plant()
    plan = made(plant, tmp_path)
    hands_off = {
        "apiVersion": "vsphere-market/v1",
        "kind": "exclusion",
        "name": "hands off",
        "selector": {"name": plan.steps[0].action.subject.name},
    }
    with road(tmp_path, plant, policies(automatic(), hands_off)) as way:
        with pytest.raises(TryLaterError, match='"hands off" does not allow it'), review(way, plan):
            pass
        others = [
            step.id
            for step in plan.steps
            if step.action.subject != plan.steps[0].action.subject and not step.depends_on
        ]
        with review(way, plan, only=others[:1]) as held:
            assert apply(way, held).outcome_of(others[0]).kind is OutcomeKind.DONE


def test_a_schedule_that_has_ended_is_told_as_one(tmp_path: Path) -> None:
    plant = hot_plant()
    ends_s = plant.clock.now_s() + 300
    window = {"from": time_text(ends_s - 7200)[11:16], "to": time_text(ends_s)[11:16]}
    wanted = policies(automatic(schedule=[window]))
    plan = made(plant, tmp_path, wanted)
    assert {step.mode for step in plan.steps} == {Mode.AUTOMATIC}
    plant.clock.sleep(600)
    with (
        road(tmp_path, plant, wanted) as way,
        pytest.raises(TryLaterError, match='outside the schedule of document "all automatic"'),
        review(way, plan),
    ):
        pass
