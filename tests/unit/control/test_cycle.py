"""One turn of the loop over the plant: it sees, decides, acts within its modes, and writes down."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.roads import HOT, LIMITED, automatic, hot_plant, policies, road
from vsphere_market.control.cycle import one_cycle, squeeze_of
from vsphere_market.errors import MarketError, StorageError, UnreachableError
from vsphere_market.journal import Filter, JournalRecorder
from vsphere_market.market import Reason
from vsphere_market.market.planfile import plan_from_json
from vsphere_market.plant import PlantVCenter
from vsphere_market.policy import NO_POLICIES, Mode


def test_what_is_automatic_is_done(tmp_path: Path) -> None:
    plant = hot_plant()
    before = plant.pressure()
    with road(tmp_path, plant) as way:
        report = one_cycle(way, 1)
        assert report.plan.steps
        assert report.done == len(report.plan.steps)
        assert report.failed == 0
        assert report.recommended == ()
        plant.clock.sleep(600)
        again = one_cycle(way, 2)
    assert before.ballooned_mib > 1000
    assert plant.pressure().ballooned_mib < 0.1 * before.ballooned_mib
    assert again.plan.steps == ()
    assert again.result is None


def test_what_needs_approval_is_only_recommended(tmp_path: Path) -> None:
    plant = hot_plant()
    with road(tmp_path, plant, NO_POLICIES) as way:
        report = one_cycle(way, 1)
        assert report.result is None
        assert len(report.recommended) == len(report.plan.steps) > 0
        assert way.journal.steps() == ()
        # It is written down as decided all the same.
        assert len(way.journal.decisions()) == len(report.plan.steps)


def test_modes_are_told_apart_within_one_plan(tmp_path: Path) -> None:
    some = {**automatic(), "name": "some", "selector": {"name": "hot-0*"}, "precedence": 5}
    rest = {**automatic("recommend"), "name": "rest", "selector": {"name": "hot-1*"}}
    plant = hot_plant()
    with road(tmp_path, plant, policies(some, rest)) as way:
        report = one_cycle(way, 1)
    done = {step.id for step in report.plan.steps if step.mode is Mode.AUTOMATIC}
    assert report.chosen == done
    assert {step.action.subject.name[:5] for step in report.recommended} <= {"hot-1"}


def test_a_shadow_touches_nothing(tmp_path: Path) -> None:
    plant = hot_plant()
    before = plant.observe()
    with road(tmp_path, plant, shadow=True) as way:
        report = one_cycle(way, 1)
        assert report.plan.steps
        assert report.result is None
        (cycle,) = way.journal.cycles()
        assert cycle.status == "shadow"
        assert "would be done" in cycle.sentence
    after = plant.observe()
    assert after.vms.host.tolist() == before.vms.host.tolist()


def test_a_budget_holds_over_cycles(tmp_path: Path) -> None:
    budget = {
        "apiVersion": "vsphere-market/v1",
        "kind": "disruption-budget",
        "name": "gently",
        "spec": {"maxMigrations": 1, "windowMinutes": 30},
    }
    plant = hot_plant()
    with road(tmp_path, plant, policies(automatic(), budget)) as way:
        first = one_cycle(way, 1)
        assert first.done == 1
        assert {item.reason for item in first.plan.refusals} == {Reason.BUDGET_SPENT}
        plant.clock.sleep(300)
        second = one_cycle(way, 2)
        assert second.plan.steps == ()
        plant.clock.sleep(1800)
        assert one_cycle(way, 3).done == 1


def test_the_journal_tells_the_whole_story(tmp_path: Path) -> None:
    plant = hot_plant()
    with road(tmp_path, plant, who="tester") as way:
        report = one_cycle(way, 1)
        journal = way.journal
        (cycle,) = journal.cycles()
        assert (cycle.kind, cycle.status) == ("run", "done")
        assert cycle.vms == len(report.frame.snapshot.vms)
        (plan,) = journal.plans()
        text = journal.plan_document(plan.id)
        assert text is not None
        assert plan_from_json(json.loads(text), where="journal") == report.plan
        (execution,) = journal.executions()
        assert (execution.plan, execution.who, execution.error) == (plan.id, "tester", "")
        assert len(journal.steps(Filter(execution=execution.id))) == len(report.plan.steps)
        prices = {sample.host: sample.price for sample in journal.host_samples()}
        assert prices == {view.host.name: view.price for view in report.view.hosts}
        sample = journal.vm_sample(cycle.id)
        assert sample is not None
        assert "working_set_mib" in sample.columns
        assert journal.verify().intact


def test_a_vm_that_was_moved_rests(tmp_path: Path) -> None:
    plant = hot_plant()
    with road(tmp_path, plant) as way:
        report = one_cycle(way, 1)
        moved = {
            step.action.subject.moid for step in report.plan.steps if step.action.kind == "migrate"
        }
        again = one_cycle(way, 2)
    vms = again.frame.snapshot.vms
    resting = {
        moid for moid, rests in zip(vms.moid, again.frame.question.cooling, strict=True) if rests
    }
    assert resting == moved


def test_a_limit_is_lifted_before_anything_else(tmp_path: Path) -> None:
    plant = hot_plant(LIMITED)
    with road(tmp_path, plant) as way:
        report = one_cycle(way, 1)
    assert [(step.action.kind, step.action.subject.name) for step in report.plan.steps] == [
        ("limit", "squeezed")
    ]
    plant.clock.sleep(900)
    squeezed = plant.observe().vms
    assert squeezed.ballooned_mib[squeezed.name.index("squeezed")] == 0


class _Mute:
    """A port that cannot be read any more."""

    def __init__(self, plant: PlantVCenter) -> None:
        self._plant = plant

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plant, name)

    def observe(self) -> Any:
        raise UnreachableError("is gone", where="vc")


def test_an_estate_that_cannot_be_read_leaves_no_trace(tmp_path: Path) -> None:
    mute: Any = _Mute(hot_plant())
    with road(tmp_path, mute) as way:
        with pytest.raises(UnreachableError):
            one_cycle(way, 1)
        assert way.journal.cycles() == ()


def test_a_journal_that_fails_ends_the_cycle_as_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: Any, **_kwargs: Any) -> str:
        raise StorageError("the disk is full")

    plant = hot_plant()
    before = plant.observe().vms.host.tolist()
    with road(tmp_path, plant) as way:
        monkeypatch.setattr(JournalRecorder, "begin", full)
        with pytest.raises(MarketError, match="disk is full"):
            one_cycle(way, 1)
        (cycle,) = way.journal.cycles()
    assert cycle.status == "failed"
    assert "disk is full" in cycle.sentence
    assert plant.observe().vms.host.tolist() == before


def test_sums_over_counters_that_nobody_gave() -> None:
    snapshot = hot_plant(HOT, warm_up_min=0).observe()
    squeeze = squeeze_of(snapshot)
    # Right after power-on nothing has been sampled, and nothing is not zero.
    assert squeeze.swapin_kibps != squeeze.swapin_kibps
    assert not squeeze.active
