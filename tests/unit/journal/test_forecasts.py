"""Forecasts and what came of them are kept once, and found again by when they are due."""

from __future__ import annotations

import dataclasses
import math

from tests.fakes import UUID, change, entity, move
from vsphere_market.journal import HORIZONS_S, Forecast, Journal, Sight
from vsphere_market.port import Action, ActionKind, Cause, Outcome, OutcomeKind

NAN = math.nan


def forecast(journal: Journal, *, done_s: float = 1000.0, step: str = "s1") -> Forecast:
    recorder = journal.recorder(estate=UUID)
    todo = move("vm-1", "host-1", "host-2")
    execution = recorder.begin([(step, todo)], done_s - 1, dry_run=False)
    recorder.outcome(
        execution, Outcome(step, todo, OutcomeKind.DONE, Cause.NONE, "Done.", done_s - 1, done_s)
    )
    return Forecast(
        int(execution), step, UUID, "migrate", "vm-1", "web-1", done_s, 5.0, 2048.0, NAN,
        "host-2", "esx-2", 0.5, 0.7, 100.0, NAN,
    )  # fmt: skip


def test_what_is_due_is_told_when_it_is_due(journal: Journal) -> None:
    one = forecast(journal)
    journal.write_forecasts([one])
    assert journal.due_aftermaths(UUID, 1299.0) == ()
    (first,) = journal.due_aftermaths(UUID, 1300.0)
    assert (first.horizon_s, first.due_s, first.seen) == (300.0, 1300.0, None)
    assert dataclasses.replace(first.forecast, vm_waiting_pct=0.0, potential=0.0) == (
        dataclasses.replace(one, vm_waiting_pct=0.0, potential=0.0)
    )
    assert math.isnan(first.forecast.vm_waiting_pct) and math.isnan(first.forecast.potential)
    assert journal.due_aftermaths("another vCenter", 1e9) == ()
    assert [item.horizon_s for item in journal.due_aftermaths(UUID, 1e9)] == list(HORIZONS_S)


def test_what_was_seen_stays_and_is_not_due_again(journal: Journal) -> None:
    journal.write_forecasts([forecast(journal)])
    (first,) = journal.due_aftermaths(UUID, 1300.0)
    journal.write_sights([(first, Sight(1305.0, 0.0, NAN, 0.65, 90.0, 0))])
    journal.write_sights([(first, Sight(9999.0, 1.0, 1.0, 1.0, 1.0, 1))])
    assert journal.due_aftermaths(UUID, 1300.0) == ()
    seen = journal.aftermaths(0.0)[0].seen
    assert seen is not None and (seen.at_s, seen.host_load, seen.others) == (1305.0, 0.65, 0)
    assert math.isnan(seen.vm_waiting_pct)
    assert [item.seen is None for item in journal.aftermaths(0.0)] == [False, True, True]
    assert len(journal.aftermaths(0.0, limit=2)) == 2
    assert journal.aftermaths(0.0, "another vCenter") == () == journal.aftermaths(1001.0)


def test_nobody_looked_in_time_is_told_from_still_to_come(journal: Journal) -> None:
    journal.write_forecasts([forecast(journal)])
    (first,) = journal.due_aftermaths(UUID, 1300.0)
    journal.write_sights([(first, Sight(5000.0))])
    seen = journal.aftermaths(0.0)[0].seen
    assert seen is not None and seen.others is None and math.isnan(seen.host_load)


def test_writing_a_forecast_twice_changes_nothing(journal: Journal) -> None:
    one = forecast(journal)
    journal.write_forecasts([one])
    journal.write_forecasts([dataclasses.replace(one, saving=99.0)])
    assert {item.forecast.saving for item in journal.aftermaths(0.0)} == {5.0}


def test_others_are_counted_on_the_same_vm_and_host(journal: Journal) -> None:
    one = forecast(journal)
    journal.write_forecasts([one])
    assert journal.other_steps(one, 5000.0) == 0
    later: list[Action] = [
        change("vm-1", ActionKind.LIMIT, None, 4096),  # the same VM
        move("vm-3", "host-2", "host-3"),  # from its host
        move("vm-4", "host-3", "host-1"),  # elsewhere
    ]
    recorder = journal.recorder(estate=UUID)
    execution = recorder.begin(
        [(f"s{n}", todo) for n, todo in enumerate(later)], 1e3, dry_run=False
    )
    for number, todo in enumerate(later):
        recorder.outcome(
            execution,
            Outcome(f"s{number}", todo, OutcomeKind.DONE, Cause.NONE, "", 1500.0, 2000.0 + number),
        )
    named = dataclasses.replace(one, host=entity("host-2").name)
    assert journal.other_steps(named, 5000.0) == 2
    assert journal.other_steps(named, 2000.0) == 1, "only those until then"


def test_they_go_with_their_execution(journal: Journal) -> None:
    journal.write_forecasts([forecast(journal)])
    journal.database.run("DELETE FROM executions")
    assert journal.aftermaths(0.0) == ()
    assert journal.database.rows("SELECT count(*) FROM aftermaths") == [(0,)]
