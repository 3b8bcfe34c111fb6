"""The stop switch is heard before each step, from wherever it is pulled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.roads import hot_plant, road
from vsphere_market.control import stop as room
from vsphere_market.control.apply import review
from vsphere_market.control.cycle import one_cycle
from vsphere_market.control.decide import decide, frame
from vsphere_market.control.history import audit_trail
from vsphere_market.control.loop import Beat, run_loop
from vsphere_market.control.stop import StopSwitch, stop_file
from vsphere_market.errors import ExitCode, StorageError, TryLaterError
from vsphere_market.journal import Halt
from vsphere_market.policy import NO_POLICIES
from vsphere_market.port import OutcomeKind

HALT = Halt("alice", 1000.0, "storage maintenance")


@pytest.fixture(autouse=True)
def looks_up_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_LOOK_S", 0.0)


@pytest.mark.parametrize("how", ["journal", "file"])
def test_a_stopped_loop_looks_and_decides_and_does_nothing(tmp_path: Path, how: str) -> None:
    plant, file = hot_plant(), tmp_path / "stop"
    with road(tmp_path, plant) as way:
        if how == "file":
            file.write_text("storage maintenance\n")
        else:
            way.journal.stop(HALT)
        switch = StopSwitch(way.journal, file)
        with road(tmp_path, plant, switch=switch) as held:
            report = one_cycle(held, 1)
            assert report.plan.steps and report.result is None and report.done == 0
            assert report.halt is not None and report.halt.reason == "storage maintenance"
            assert held.journal.cycles()[0].status == "stopped"
            assert "none done: stopped" in held.journal.cycles()[0].sentence
            assert held.journal.executions() == ()
            file.unlink(missing_ok=True)
            assert (held.journal.resume("bob", 2000.0) is None) is (how == "file")
            again = one_cycle(held, 2)
            assert again.done > 0 and again.halt is None


@pytest.mark.parametrize("how", ["journal", "file"])
def test_it_is_heard_between_two_steps(tmp_path: Path, how: str) -> None:
    plant, file = hot_plant(), tmp_path / "stop"

    def somebody_says_stop(progress: Any) -> None:
        if progress.outcome is not None and progress.outcome.kind is OutcomeKind.DONE:
            if how == "file":
                file.touch()
            else:
                other.journal.stop(HALT)

    with road(tmp_path, plant) as other, road(tmp_path, plant) as way:
        switch = StopSwitch(way.journal, file)
        with road(tmp_path, plant, switch=switch) as held:
            report = one_cycle(held, 1, watch=somebody_says_stop)
    assert report.result is not None
    kinds = [outcome.kind for outcome in report.result.outcomes]
    assert OutcomeKind.DONE in kinds, "what ran was watched to its end"
    assert OutcomeKind.CANCELLED in kinds or OutcomeKind.SKIPPED in kinds
    assert OutcomeKind.UNKNOWN not in kinds


def test_apply_refuses_and_names_who_said_stop(tmp_path: Path) -> None:
    plant = hot_plant()
    with road(tmp_path, plant, NO_POLICIES) as way:
        plan = decide(frame(plant.observe(), NO_POLICIES, now_s=plant.clock.now_s()))
        way.journal.stop(HALT)
        switch = StopSwitch(way.journal, tmp_path / "stop")
        with road(tmp_path, plant, NO_POLICIES, switch=switch) as held:
            with (
                pytest.raises(TryLaterError, match=r"stopped by alice \(storage") as caught,
                review(held, plan),
            ):
                pass
            assert caught.value.exit_code is ExitCode.TRY_LATER
            assert "vsphere-market resume" in caught.value.cure
            with review(held, plan, dry_run=True):
                pass
            way.journal.resume("bob", 1.0)
            (tmp_path / "stop").touch()
            with pytest.raises(TryLaterError, match="stop file is there") as caught:
                switch.require_released()
            assert "remove the file" in caught.value.cure


def test_who_stopped_and_who_resumed_is_in_the_audit_trail(tmp_path: Path) -> None:
    with road(tmp_path, hot_plant()) as way:
        assert way.journal.resume("bob", 1.0) is None
        way.journal.stop(HALT, {"via": "cli", "host": "jump-1", "client": "10.0.0.7"})
        way.journal.stop(Halt("carol", 1100.0, ""))
        was = way.journal.resume("bob", 1200.0, {"via": "api"})
        assert was is not None and was.who == "carol"
        assert way.journal.stopped() is None and way.journal.verify().intact
        place = way.journal.place
    from vsphere_market.journal import Filter

    found = audit_trail(Filter(limit=10), place=place)
    assert found is not None
    assert [(deed.event, deed.who, deed.origin) for deed in found] == [
        ("resume", "bob", "api"),
        ("stop", "carol", ""),
        ("stop", "alice", "cli 10.0.0.7 jump-1"),
    ]
    assert found[0].sentence == "It was stopped by carol."
    assert found[2].sentence == "storage maintenance"
    assert audit_trail(Filter(limit=10), ["resume"], place) == found[:1]


class Silent:
    """A journal that cannot be asked."""

    def stopped(self) -> None:
        raise StorageError("the disk is broken")


def test_what_cannot_be_asked_counts_as_stop(tmp_path: Path) -> None:
    journal: Any = Silent()
    halt = StopSwitch(journal).state()
    assert halt is not None and "cannot be asked: the disk is broken" in halt.reason
    with road(tmp_path, hot_plant()) as way:
        way.journal.database.run("INSERT INTO meta (key, value) VALUES ('stop', 'nonsense')")
        assert way.journal.stopped() is not None
        hidden = tmp_path / "a file" / "stop"
        (tmp_path / "a file").touch()
        halt = StopSwitch(way.journal, hidden).state()
        assert halt is not None and "cannot be looked at" in halt.reason


def test_the_file_has_a_usual_place_and_can_have_another() -> None:
    usual = stop_file({})
    assert usual is not None and usual.name == "stop" and "vsphere-market" in str(usual)
    assert stop_file({"VSPHERE_MARKET_STOP_FILE": "/run/halt"}) == Path("/run/halt")


def test_a_shadow_loop_goes_on_under_a_stop(tmp_path: Path) -> None:
    class Deaf:
        def settled(self, results: object) -> None: ...
        def turn(self, report: object) -> None: ...
        def trouble(self, number: int, error: object) -> None: ...
        def missed(self, beats: int) -> None: ...

    with road(tmp_path, hot_plant()) as way:
        way.journal.stop(HALT)
        shadow = road(tmp_path, hot_plant(), shadow=True, switch=StopSwitch(way.journal))
        with shadow as held:
            end = run_loop(held, Beat(1), Deaf())
            assert held.journal.cycles()[0].status == "shadow"
    assert end.failures == 0


def test_a_user_without_a_home_has_no_usual_file_and_is_not_stopped_by_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", closed)
    assert stop_file({}) is None
    monkeypatch.undo()
    with road(tmp_path, hot_plant()) as way:
        assert StopSwitch(way.journal, None).state() is None
