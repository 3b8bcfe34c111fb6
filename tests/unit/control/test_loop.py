"""The loop keeps its beat on the source's clock, and stops when it is told to."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.plants import vm
from tests.roads import automatic, hot_plant, policies, road
from vsphere_market.control.apply import apply, review
from vsphere_market.control.cycle import CycleReport
from vsphere_market.control.decide import decide, frame
from vsphere_market.control.loop import Beat, run_loop
from vsphere_market.control.memory import recall
from vsphere_market.control.ownership import scope_of
from vsphere_market.errors import (
    BusyError,
    MarketError,
    TakenOver,
    UnreachableError,
    UsageError,
)
from vsphere_market.executor import ExecutionResult
from vsphere_market.journal import LOOP
from vsphere_market.plant import PlantVCenter
from vsphere_market.policy import NO_POLICIES
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
    plant = hot_plant()
    with (
        road(tmp_path, plant) as way,
        way.journal.own(scope_of(plant.observe()), LOOP, who="alice", what="run"),
        pytest.raises(BusyError, match='has a loop already: "run" of alice'),
    ):
        run_loop(way, Beat(1), Ear())


def test_many_may_look_on(tmp_path: Path) -> None:
    ear, plant = Ear(), hot_plant()
    with (
        road(tmp_path, plant, shadow=True) as way,
        way.journal.own(scope_of(plant.observe()), LOOP),
    ):
        run_loop(way, Beat(1), ear)
    assert len(ear.reports) == 1


def test_a_plan_can_be_applied_between_two_turns(tmp_path: Path) -> None:
    plant, ear = hot_plant(), Ear()
    told: list[str] = []

    def somebody_applies(report: CycleReport) -> None:
        plan = decide(frame(plant.observe(), NO_POLICIES, now_s=plant.clock.now_s()))
        with road(tmp_path, plant, NO_POLICIES, who="alice") as mine, review(mine, plan) as held:
            told.extend(outcome.kind.value for outcome in apply(mine, held).outcomes)

    ear.after = lambda report: somebody_applies(report) if report.number == 1 else None
    with road(tmp_path, plant, policies(automatic("recommend"))) as way:
        end = run_loop(way, Beat(2, 60.0), ear)
    assert told and set(told) == {"done"}
    assert (end.turns, end.failures) == (2, 0)


def test_a_turn_waits_for_a_plan_that_is_being_applied(tmp_path: Path) -> None:
    plant, ear = hot_plant(), Ear()
    with road(tmp_path, plant) as way, road(tmp_path, plant) as other:
        held = other.journal.own(scope_of(plant.observe()), what="apply")
        threading.Timer(0.5, held.release).start()
        end = run_loop(way, Beat(1), ear)
    assert (end.turns, end.failures) == (1, 0) and ear.reports[0].done > 0


# ---------------------------------------------------------------- clusters


def two_clusters() -> PlantVCenter:
    """Two clusters of two hosts, both hot on the first host."""
    clusters = [
        {
            "name": name,
            "hosts": [{"name": f"{name}-esx-{{n}}", "count": 2, "memory_gib": 64}],
            "vms": [vm(f"{name}-{{nn}}", 8, 0.35, footprint=0.95, count=12, host=f"{name}-esx-1")],
        }
        for name in ("gold", "silver")
    ]
    return hot_plant(clusters=clusters)


def test_a_loop_looks_after_its_own_clusters(tmp_path: Path) -> None:
    plant, ear = two_clusters(), Ear()
    with road(tmp_path, plant, clusters=("gold",)) as way:
        run_loop(way, Beat(2, 60.0), ear)
        assert {step.action.subject.name[:4] for step in way.journal.steps()} == {"gold"}
        (cycle, _) = way.journal.cycles()
        assert (cycle.vms, cycle.hosts) == (12, 2)
    assert {host.cluster for host in ear.reports[0].view.hosts} == {"gold"}


def test_two_loops_on_two_clusters_know_of_each_other_only_what_they_must(tmp_path: Path) -> None:
    plant = two_clusters()
    gold, silver = Ear(), Ear()
    with (
        road(tmp_path, plant, clusters=("gold",)) as mine,
        road(tmp_path, plant, clusters=("silver",)) as other,
    ):

        def meanwhile(report: CycleReport) -> None:
            if report.number == 1:
                run_loop(other, Beat(2, 60.0), silver)

        gold.after = meanwhile
        run_loop(mine, Beat(2, 60.0), gold)
        assert mine.journal.verify().intact
        history = recall(mine.journal, plant.observe(), plant.clock.now_s(), 0.0).history
        assert len(history) == 24, "neither forgets what the other has seen"
    assert len(silver.reports) == len(gold.reports) == 2
    assert {step.action.subject.name[:4] for step in silver.reports[0].plan.steps} == {"silv"}


def test_a_second_loop_on_the_same_cluster_is_refused_and_told_whose_it_is(
    tmp_path: Path,
) -> None:
    plant = two_clusters()
    refused: list[BusyError] = []
    with (
        road(tmp_path, plant, clusters=("gold", "silver"), who="alice") as mine,
        road(tmp_path, plant, clusters=("gold",)) as other,
    ):

        def meanwhile(_report: CycleReport) -> None:
            with pytest.raises(BusyError) as caught:
                run_loop(other, Beat(1), Ear())
            refused.append(caught.value)

        run_loop(mine, Beat(1), Ear(after=meanwhile))
    assert 'cluster gold has a loop already: "run" of alice' in refused[0].what
    assert refused[0].exit_code == 75


def test_a_loop_that_was_taken_for_dead_ends_when_it_wakes_up(tmp_path: Path) -> None:
    """Its machine stood still for so long that another loop began in its place."""
    plant, ear = two_clusters(), Ear()
    with road(tmp_path, plant, who="alice") as mine, road(tmp_path, plant, who="bob") as other:

        def stand_still(report: CycleReport) -> None:
            if report.number == 1:
                scope = scope_of(plant.observe())
                other.journal.database.run("UPDATE leases SET expires_s = 0, token = token + 1")
                lease = other.journal.own(scope, LOOP, who="bob", what="run")
                ear.after = None
                held.append(lease)

        held: list[Any] = []
        ear.after = stand_still
        with pytest.raises(TakenOver) as caught:
            run_loop(mine, Beat(5, 60.0), ear)
        assert caught.value.exit_code == 75
        assert len(ear.reports) == 1, "no second turn"
        (owner,) = [one for one in mine.journal.holders() if one.role == LOOP]
        assert owner.who == "bob", "what the other has got is not given back by us"
        held[0].release()


def test_a_cluster_that_is_not_there(tmp_path: Path) -> None:
    with (
        road(tmp_path, two_clusters(), clusters=("glod",)) as way,
        pytest.raises(UsageError, match=r'no cluster glod here.*Did you mean "gold"'),
    ):
        run_loop(way, Beat(1), Ear())


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
