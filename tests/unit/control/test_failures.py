"""A VM on which an action failed is left alone for a while, and the rest is planned without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.roads import hot_plant, road
from vsphere_market.control.cycle import observe_and_decide, one_cycle
from vsphere_market.control.failures import lately
from vsphere_market.errors import FinalFault
from vsphere_market.journal import Filter, Journal, StepRecord, estate_key
from vsphere_market.market import Plan, Reason
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.plant import PlantVCenter
from vsphere_market.port import Action, ActionKind, OutcomeKind, TaskHandle


def subjects(plan: Plan) -> set[str]:
    return {step.action.subject.moid for step in plan.steps}


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> PlantVCenter:
    """A plant on which the first VM that is to be moved has a device that forbids it."""
    plant = hot_plant()
    real, stuck = plant.submit, list[str]()

    def submit(action: Action) -> TaskHandle:
        stuck[1:] = []
        if not stuck:
            stuck.append(action.subject.moid)
        if action.subject.moid in stuck:
            fault = "DisallowedMigrationDeviceAttached"
            raise FinalFault("a device is attached", fault=fault, where=action.subject.name)
        return real(action)

    monkeypatch.setattr(plant, "submit", submit)
    return plant


def test_it_is_not_tried_again_every_minute(tmp_path: Path, plant: PlantVCenter) -> None:
    with road(tmp_path, plant) as way:
        first = one_cycle(way, 1)
        assert first.result is not None
        (failed,) = {
            one.action.subject.moid
            for one in first.result.outcomes
            if one.kind is OutcomeKind.FAILED
        }
        assert first.done > 0, "the rest went on"
        plant.clock.sleep(60)
        second = one_cycle(way, 2)
        assert failed not in subjects(second.plan)
        question = second.frame.question
        row = second.frame.snapshot.vms.row(failed)
        for kind in ActionKind:
            why = Eligibility(question.ledger(), question.cooling).why_not_trade(row, kind)
            assert why is Reason.FAILED_LATELY
        # Who plans for himself is not held back.
        assert not observe_and_decide(way)[0].rulebook.failing
        estate = estate_key(second.frame.snapshot.source)
        now_s = plant.clock.now_s()
        past = lately(way.journal, estate, None, now_s)
        assert past.pinned(now_s) == {failed}
        assert past.pinned(now_s + 1800.0) == frozenset()


def test_a_turn_asks_the_journal_once_what_failed(
    tmp_path: Path, plant: PlantVCenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Filter] = []
    real = Journal.steps

    def steps(self: Journal, wanted: Filter) -> tuple[StepRecord, ...]:
        asked.append(wanted)
        return real(self, wanted)

    with road(tmp_path, plant) as way:
        monkeypatch.setattr(Journal, "steps", steps)
        assert one_cycle(way, 1).result is not None, "it acted"
    assert len([one for one in asked if OutcomeKind.FAILED in one.outcomes]) == 1
