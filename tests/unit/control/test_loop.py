"""The loop keeps its beat on the source's clock, and stops when it is told to."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.roads import hot_plant, road
from vsphere_market.control.cycle import CycleReport
from vsphere_market.control.loop import Beat, run_loop
from vsphere_market.errors import BusyError, MarketError, UnreachableError
from vsphere_market.executor import ExecutionResult
from vsphere_market.plant import PlantVCenter
from vsphere_market.port import OutcomeKind


@dataclass
class Ear:
    """Listens to a loop, and may do something after a turn."""

    reports: list[CycleReport] = field(default_factory=list)
    troubles: list[tuple[int, MarketError]] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
    left_open: list[ExecutionResult] = field(default_factory=list)
    after: Any = None

    def settled(self, results: tuple[ExecutionResult, ...]) -> None:
        self.left_open += results

    def turn(self, report: CycleReport) -> None:
        self.reports.append(report)
        if self.after is not None:
            self.after(report)

    def trouble(self, number: int, error: MarketError) -> None:
        self.troubles.append((number, error))

    def missed(self, beats: int) -> None:
        self.skipped.append(beats)


class Moody:
    """A plant that cannot be read on some of the looks at it."""

    def __init__(self, plant: PlantVCenter, *bad: int) -> None:
        self._plant, self._bad, self._looks = plant, bad, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plant, name)

    def observe(self) -> Any:
        self._looks += 1
        if self._looks in self._bad:
            raise UnreachableError("is gone for a moment", where="vc")
        return self._plant.observe()


def test_turns_begin_on_the_beat(tmp_path: Path) -> None:
    plant, ear = hot_plant(), Ear()
    with road(tmp_path, plant) as way:
        end = run_loop(way, Beat(4, 300.0), ear)
    begun = [report.started_s for report in ear.reports]
    assert [later - earlier for earlier, later in itertools.pairwise(begun)] == [300.0] * 3
    assert (end.turns, end.failures, end.stopped, end.error) == (4, 0, False, None)
    assert [report.number for report in ear.reports] == [1, 2, 3, 4]


def test_after_six_turns_nobody_is_squeezed(tmp_path: Path) -> None:
    plant, ear = hot_plant(), Ear()
    before = plant.pressure()
    with road(tmp_path, plant) as way:
        run_loop(way, Beat(6, 300.0), ear)
    after = plant.pressure()
    assert before.ballooned_mib > 0
    assert after.ballooned_mib < 0.1 * before.ballooned_mib
    assert after.swapin_kibps == after.swapout_kibps == 0
    assert ear.reports[-1].plan.steps == ()


def test_beats_that_passed_are_not_made_up_for(tmp_path: Path) -> None:
    plant = hot_plant()

    def dawdle(report: CycleReport) -> None:
        if report.number == 1:
            plant.clock.sleep(report.started_s + 250.0 - plant.clock.now_s())

    ear = Ear(after=dawdle)
    with road(tmp_path, plant, shadow=True) as way:
        end = run_loop(way, Beat(3, 100.0), ear)
    first = ear.reports[0].started_s
    assert [report.started_s - first for report in ear.reports] == [0.0, 300.0, 400.0]
    assert ear.skipped == [2]
    assert end.missed == 2


def test_trouble_in_the_first_turn_ends_it(tmp_path: Path) -> None:
    moody: Any = Moody(hot_plant(), 1)
    with road(tmp_path, moody) as way, pytest.raises(UnreachableError):
        run_loop(way, Beat(3, 60.0), Ear())


def test_later_trouble_is_told_and_outlived(tmp_path: Path) -> None:
    moody: Any = Moody(hot_plant(), 2)
    ear = Ear()
    with road(tmp_path, moody) as way:
        end = run_loop(way, Beat(3, 60.0), ear)
    assert [number for number, _ in ear.troubles] == [2]
    assert [report.number for report in ear.reports] == [1, 3]
    assert (end.failures, end.error) == (1, None)


def test_trouble_in_the_last_turn_is_what_it_ends_with(tmp_path: Path) -> None:
    moody: Any = Moody(hot_plant(), 2)
    with road(tmp_path, moody) as way:
        end = run_loop(way, Beat(2, 60.0), Ear())
    assert isinstance(end.error, UnreachableError)


def test_a_request_to_stop_is_heard_while_waiting(tmp_path: Path) -> None:
    stop = threading.Event()
    ear = Ear(after=lambda report: stop.set() if report.number == 2 else None)
    with road(tmp_path, hot_plant()) as way:
        end = run_loop(way, Beat(None, 60.0), ear, cancel=stop)
    assert (end.turns, end.stopped) == (2, True)


def test_a_request_to_stop_is_heard_between_steps(tmp_path: Path) -> None:
    stop, plant, ear = threading.Event(), hot_plant(), Ear()
    with road(tmp_path, plant) as way:
        run_loop(way, Beat(1), ear, cancel=stop, watch=lambda _progress: stop.set())
        journal = way.journal
        kinds = {step.outcome for step in journal.steps()}
        assert journal.executions()[0].ended_s is not None
    assert OutcomeKind.SKIPPED in kinds or OutcomeKind.CANCELLED in kinds
    assert None not in kinds


def test_only_one_may_act(tmp_path: Path) -> None:
    with road(tmp_path, hot_plant()) as way, way.journal.own(), pytest.raises(BusyError):
        run_loop(way, Beat(1), Ear())


def test_many_may_look_on(tmp_path: Path) -> None:
    ear = Ear()
    with road(tmp_path, hot_plant(), shadow=True) as way, way.journal.own():
        run_loop(way, Beat(1), ear)
    assert len(ear.reports) == 1


class Crash(Exception):
    """The program dies here."""


def test_what_a_crash_left_open_is_settled_first(tmp_path: Path) -> None:
    plant = hot_plant()

    def die(_progress: Any) -> None:
        raise Crash

    with road(tmp_path, plant) as way, pytest.raises(Crash):
        run_loop(way, Beat(1), Ear(), watch=die)
    ear = Ear()
    with road(tmp_path, plant) as way:
        run_loop(way, Beat(1), ear)
        assert all(step.outcome is not None for step in way.journal.steps())
    assert ear.left_open
    assert ear.left_open[0].outcomes
