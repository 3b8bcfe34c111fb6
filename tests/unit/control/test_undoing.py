"""Taking an execution back: opposites in reverse; what has changed since is left out."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fakes import plan, step
from tests.plants import entity, setting
from tests.roads import hot_plant, policies, road
from vsphere_market.control.apply import apply, review
from vsphere_market.control.cycle import observe_and_decide
from vsphere_market.control.sources import OpenSource, SourceKind
from vsphere_market.control.undoing import undo_plan
from vsphere_market.errors import UsageError
from vsphere_market.executor import execute
from vsphere_market.journal import estate_key, open_journal
from vsphere_market.market import Origin, Plan, Reason
from vsphere_market.plant import PlantVCenter
from vsphere_market.policy import NO_POLICIES, Mode, PolicySet
from vsphere_market.port import ActionKind, Migrate, OutcomeKind, SetShares, Start, Stop

#: Lets a person approve everything, what is grave as well.
EVERYTHING = policies(
    {
        "apiVersion": "vsphere-market/v1",
        "kind": "automation",
        "name": "everything",
        "spec": {"modes": {kind.value: "approve" for kind in ActionKind}},
    }
)


def undo(
    plant: PlantVCenter, folder: Path, execution: int = 1, wanted: PolicySet = EVERYTHING
) -> Plan:
    source = OpenSource(SourceKind.PLANT, "test", port=plant)
    return undo_plan(source, wanted, execution, folder / "journal.db")[1]


def carry_out(plant: PlantVCenter, folder: Path, made: Plan) -> None:
    """Everything of a plan, whatever its modes, under the eyes of the journal."""
    with open_journal(folder / "journal.db") as journal:
        recorder = journal.recorder(estate=estate_key(plant.observe().source))
        result = execute(made, plant, recorder, rng=random.Random(1))
    assert {one.kind for one in result.outcomes} == {OutcomeKind.DONE}, result.outcomes


def of(plant: PlantVCenter, *steps: object) -> Plan:
    """A plan for this plant with these steps."""
    source, now_s = plant.observe().source, plant.clock.now_s()
    origin = Origin(source.kind, source.name, source.instance_uuid, now_s, "", "test")
    return replace(
        plan(*steps),  # type: ignore[arg-type] # steps
        created_at_s=now_s,
        expires_at_s=now_s + 3600.0,
        made_from=origin,
    )


def test_what_the_market_did_is_taken_back(tmp_path: Path) -> None:
    plant = hot_plant()
    before = plant.observe().vms
    with road(tmp_path, plant, NO_POLICIES) as way:
        made = observe_and_decide(way)[1]
        with review(way, made) as held:
            assert apply(way, held).succeeded
    back = undo(plant, tmp_path)
    moves = [one.action for one in made.steps if isinstance(one.action, Migrate)]
    assert moves
    assert {one.action for one in back.steps} >= {
        Migrate(move.vm, move.target, move.source) for move in moves
    }
    # The market would rather not, and says what it costs.
    assert back.certificate.potential_after > back.certificate.potential_before
    total = sum(one.saving for one in back.steps)
    change = back.certificate.potential_before - back.certificate.potential_after
    assert total == pytest.approx(change)
    with road(tmp_path, plant, NO_POLICIES) as way, review(way, back) as held:
        assert apply(way, held).succeeded
    assert plant.observe().vms.host.tolist() == before.host.tolist()


def test_the_last_deed_is_taken_back_first_and_a_start_stays_owed(tmp_path: Path) -> None:
    plant = hot_plant()
    vm = entity(plant, "calm-01")
    made = of(
        plant,
        step(1, Stop(vm)),
        step(2, setting(plant, "calm-01", ActionKind.RESIZE, 4096, 2048), after=["s1"]),
        step(3, Start(vm), after=["s1"]),
    )
    carry_out(plant, tmp_path, made)
    back = undo(plant, tmp_path)
    assert [one.action.kind.value for one in back.steps] == ["stop", "resize", "start"]
    assert "s1" in back.steps[2].depends_on
    carry_out(plant, tmp_path, back)
    vms, row = plant.observe().vms, plant.observe().vms.row(vm.moid)
    assert (vms.power[row], vms.size_mib[row]) == ("poweredOn", 4096)


def test_what_somebody_changed_since_is_let_alone(tmp_path: Path) -> None:
    plant = hot_plant()
    first, second = entity(plant, "calm-01"), entity(plant, "hot-01")
    shares = [
        int(plant.observe().vms.shares[plant.observe().vms.row(vm.moid)]) for vm in (first, second)
    ]
    made = of(
        plant,
        step(1, SetShares(first, shares[0], 5000)),
        step(2, SetShares(second, shares[1], 6000)),
    )
    carry_out(plant, tmp_path, made)
    plant.world.inventory.settings.shares[plant.world.inventory.vm_rows["hot-01"]] = 7777.0
    back = undo(plant, tmp_path)
    assert [one.action for one in back.steps] == [SetShares(first, 5000, shares[0])]
    assert [(item.subject, item.reason) for item in back.refusals] == [
        (second, Reason.CHANGED_SINCE)
    ]
    assert "7777" in back.refusals[0].sentence


def test_what_nothing_takes_back_is_said(tmp_path: Path) -> None:
    plant = hot_plant([{"name": "grow", "memory_gib": 4, "hot_add": True, "host": "esx-1"}])
    made = of(plant, step(1, setting(plant, "grow", ActionKind.HOT_ADD, 4096, 5120)))
    carry_out(plant, tmp_path, made)
    back = undo(plant, tmp_path)
    assert not back.steps
    assert [item.reason for item in back.refusals] == [Reason.NO_OPPOSITE]
    assert "resize" in back.refusals[0].sentence


def test_policies_bound_it_as_they_bound_any_plan(tmp_path: Path) -> None:
    plant = hot_plant()
    vm = entity(plant, "calm-01")
    row = plant.observe().vms.row(vm.moid)
    shares = int(plant.observe().vms.shares[row])
    carry_out(plant, tmp_path, of(plant, step(1, SetShares(vm, shares, 5000))))
    off = policies(
        {
            "apiVersion": "vsphere-market/v1",
            "kind": "exclusion",
            "name": "hands off",
            "selector": {"name": "calm-*"},
        }
    )
    assert [item.reason for item in undo(plant, tmp_path, wanted=off).refusals] == [Reason.MODE_OFF]


def test_an_execution_that_is_not_there(tmp_path: Path) -> None:
    plant = hot_plant()
    with pytest.raises(UsageError, match="no execution 7"):
        undo(plant, tmp_path, 7)


def test_who_may_stop_a_vm_has_to_start_it_again(tmp_path: Path) -> None:
    """A start's own mode says nothing of a start that is owed."""
    plant = hot_plant()
    vm = entity(plant, "calm-01")
    made = of(
        plant,
        step(1, Stop(vm)),
        step(2, setting(plant, "calm-01", ActionKind.RESIZE, 4096, 2048), after=["s1"]),
        replace(step(3, Start(vm), after=["s1"]), mode=Mode.RECOMMEND),
    )
    with road(tmp_path, plant, NO_POLICIES) as way, review(way, made) as held:
        assert [one.id for one in held.chosen] == ["s1", "s2", "s3"]
        assert apply(way, held).succeeded
    only_recommended = [replace(one, mode=Mode.RECOMMEND) for one in made.steps[:2]]
    shown = replace(made, steps=(*only_recommended, step(3, Start(vm), after=["s1"])))
    with road(tmp_path, plant, NO_POLICIES) as way, review(way, shown) as held:
        assert held.chosen == ()
