"""Patience over cycles, and schedules by the source's clock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.roads import automatic, hot_plant, policies, road
from vsphere_market.control.cycle import one_cycle
from vsphere_market.policy import Mode


def patient(cycles: int) -> dict[str, Any]:
    return automatic(persistCycles=cycles)


def test_an_action_waits_until_enough_cycles_wanted_it(tmp_path: Path) -> None:
    plant = hot_plant()
    with road(tmp_path, plant, policies(patient(3))) as way:
        first = one_cycle(way, 1)
        assert first.plan.steps
        assert first.chosen == frozenset()
        assert {(item.seen, item.wanted) for item in first.waiting} == {(1, 3)}
        assert first.recommended == ()
        assert first.held_back == {step.id for step in first.plan.steps}
        assert way.journal.cycles()[0].sentence.endswith(f"{len(first.held_back)} waiting.")
        second = one_cycle(way, 2)
        assert second.chosen == frozenset()
        third = one_cycle(way, 3)
        assert third.chosen
        assert third.held_back == frozenset()
        assert third.done == len(third.chosen)


def test_a_wish_that_was_not_there_in_between_begins_anew(tmp_path: Path) -> None:
    plant = hot_plant()
    with road(tmp_path, plant, policies(patient(2))) as way:
        one_cycle(way, 1)
        # Another command's look is no cycle of the loop.
        other = one_cycle(way, 1, kind="look")
        assert other.chosen == frozenset()
        assert {item.seen for item in other.waiting} == {1}
        assert one_cycle(way, 2).chosen


def test_what_needs_a_step_that_waits_waits_too(tmp_path: Path) -> None:
    plant = hot_plant()
    slow = {**patient(2), "name": "slow", "selector": {"name": "hot-0*"}, "precedence": 9}
    with road(tmp_path, plant, policies(automatic(), slow)) as way:
        report = one_cycle(way, 1)
    waiting = {item.step for item in report.waiting}
    assert waiting
    for step in report.plan.steps:
        if step.id in report.chosen:
            assert not waiting & set(step.depends_on)


def test_the_loop_acts_within_the_schedule_of_the_sources_clock(tmp_path: Path) -> None:
    plant = hot_plant()
    document = automatic()
    opens_s = plant.clock.now_s() + 1800
    hours, minutes = divmod(int(opens_s // 60) % 1440, 60)
    window = {"from": f"{hours:02d}:{minutes:02d}", "to": f"{(hours + 1) % 24:02d}:{minutes:02d}"}
    document["spec"] |= {"schedule": [window]}
    with road(tmp_path, plant, policies(document)) as way:
        before = one_cycle(way, 1)
        assert before.plan.steps
        assert {step.mode for step in before.plan.steps} == {Mode.RECOMMEND}
        assert before.chosen == frozenset()
        plant.clock.sleep(1860)
        within = one_cycle(way, 2)
    assert within.plan.steps
    assert within.chosen
