"""Histories of demand in the journal: written as far as they have changed, read whole."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from vsphere_market.control.memory import Memory, keep_history, observed
from vsphere_market.control.remembered import (
    is_latest,
    recalled_history,
    recalled_sizes,
    write_histories,
)
from vsphere_market.demand import DemandHistory, SizeHistory, pack_sizes
from vsphere_market.estate import Snapshot
from vsphere_market.journal import Journal, Place, estate_key, open_journal

HOUR = 3600.0
ROWS, EDITION = -1, -2


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "sqlite":
        return tmp_path / "journal.db"
    found: Place = request.getfixturevalue("postgres").place()
    return found


@pytest.fixture
def journal(place: Place) -> Iterator[Journal]:
    with open_journal(place) as opened:
        yield opened


def look(
    journal: Journal, at_s: float, wanted: dict[str, float], estate: str = "e"
) -> tuple[DemandHistory, SizeHistory]:
    """Remember, see, and write down, as a turn of the loop does; what is then remembered."""
    history, sizes = recalled_history(journal, estate), recalled_sizes(journal, estate)
    see(history, sizes, at_s, wanted)
    with journal.database.transaction():
        assert is_latest(journal, estate, history)
        write_histories(journal, estate, history, sizes, at_s)
    return recalled_history(journal, estate), recalled_sizes(journal, estate)


def see(history: DemandHistory, sizes: SizeHistory, at_s: float, wanted: dict[str, float]) -> None:
    values = np.array(list(wanted.values()))
    history.update(at_s, list(wanted), values)
    sizes.observe(at_s, list(wanted), values)


def written(journal: Journal, at_s: float, estate: str = "e") -> set[int]:
    """The parts that were written at this time."""
    parts = journal.get_parts(f"demand-history/{estate}")
    return {number for number, part in parts.items() if part.at_s == at_s}


def curve(history: DemandHistory, vm: str) -> list[float]:
    """Figures of a VM, newest first, without gaps."""
    if history.hour is None or vm not in history.rows:
        return []
    row = history.level[history.rows[vm]]
    ring = [float(row[(history.hour - back) % history.span]) for back in range(history.span)]
    return [value for value in ring if np.isfinite(value)]


def same(one: DemandHistory, other: DemandHistory) -> None:
    assert one.hour == other.hour and set(one.rows) == set(other.rows)
    for vm in one.rows:
        assert curve(one, vm) == pytest.approx(curve(other, vm), rel=1e-5, abs=1e-5)


def test_only_the_hour_that_goes_on_is_written_until_it_is_over(journal: Journal) -> None:
    both = {"a": 100.0, "b": 200.0}
    look(journal, 10 * HOUR, both)
    assert written(journal, 10 * HOUR) == {10, ROWS, EDITION}
    look(journal, 10 * HOUR + 60, both)
    assert written(journal, 10 * HOUR + 60) == {10}
    assert journal.get_blob("size-hour/e") is not None
    look(journal, 11 * HOUR, both)
    assert written(journal, 11 * HOUR) == {10, 11}
    assert journal.get_blob("size-hour/e") is None, "an hour is over: all of it was written"
    history, sizes = look(journal, 11 * HOUR + 60, {**both, "c": 300.0})
    assert written(journal, 11 * HOUR + 60) == {11, ROWS, EDITION}
    assert curve(history, "a") == [100.0, 100.0] and curve(history, "c") == [300.0]
    assert list(sizes.pending) == [100.0, 200.0, 300.0]
    assert sizes.sizing(["a"], np.array([np.nan])).days[0, 0] == pytest.approx(100.0, rel=1e-3)


def test_what_is_written_of_an_hour_does_not_grow_with_the_week(journal: Journal) -> None:
    vms = {f"vm-{number}": 100.0 + number for number in range(50)}
    for hour in range(30):
        look(journal, hour * HOUR, vms)
    look(journal, 29 * HOUR + 60, vms)
    parts = journal.get_parts("demand-history/e")
    assert len(parts) == 32 and written(journal, 29 * HOUR + 60) == {29}
    assert max(len(part.data) for number, part in parts.items() if number >= 0) == 1 + 3 * 4 * 50
    size_hour = journal.get_blob("size-hour/e")
    assert size_hour is not None and len(size_hour.data) < 50 * 4 + 50


def test_hours_that_nobody_asks_for_any_more_are_gone(journal: Journal) -> None:
    look(journal, 0.0, {"a": 1.0})
    look(journal, 10 * HOUR, {"a": 2.0})
    look(journal, 170 * HOUR, {"b": 3.0})
    parts = journal.get_parts("demand-history/e")
    assert {number for number in parts if number >= 0} == {10, 170}


def test_who_gets_the_row_of_a_vm_that_is_gone_gets_nothing_of_its_past(journal: Journal) -> None:
    look(journal, 0.0, {"old": 7.0, "other": 1.0})
    for hour in range(1, 169):
        look(journal, hour * HOUR, {"other": 1.0})
    history, _ = look(journal, 168 * HOUR + 60, {"other": 1.0, "new": 9.0})
    assert len(history.level) == 2, "the row was free"
    assert curve(history, "new") == [9.0] and curve(history, "old") == []
    assert len(curve(history, "other")) == 168


def test_two_programs_that_look_at_the_same_time_do_not_mix_up_vms(place: Place) -> None:
    def estate(*names: str) -> Snapshot:
        vms = [
            vm_row(name, "host-1", 8192, active_mib=1000 * (at + 1), active_peak_mib=1000)
            for at, name in enumerate(names)
        ]
        return snapshot_of(clusters=[cluster_row()], hosts=[host_row("host-1", 65536)], vms=vms)

    with open_journal(place) as one, open_journal(place) as other:
        first, second = estate("vm-1", "vm-2"), estate("vm-1", "vm-3")
        key = estate_key(first.source)
        mine, theirs = (
            Memory(recalled_history(each, key), sizes=recalled_sizes(each, key))
            for each in (one, other)
        )
        observed(mine, first)
        observed(theirs, second)
        keep_history(one, first, mine)
        keep_history(other, second, theirs)
        history = recalled_history(one, key)
    assert len(history) == 3
    expected = {**_figures(mine.history), **_figures(theirs.history)}
    assert _figures(history) == pytest.approx(expected, rel=1e-5)


def _figures(history: DemandHistory) -> dict[str, float]:
    return {vm: curve(history, vm)[0] for vm in history.rows}


@pytest.mark.parametrize("part", [ROWS, EDITION, 10])
def test_a_damaged_part_lets_it_begin_anew_and_is_replaced(journal: Journal, part: int) -> None:
    look(journal, 9 * HOUR, {"a": 5.0})
    look(journal, 10 * HOUR, {"a": 5.0})
    journal.put_parts("demand-history/e", {part: b"rubbish"}, version=3, at_s=0.0)
    assert len(recalled_history(journal, "e")) == 0
    history, _ = look(journal, 11 * HOUR, {"b": 6.0})
    assert set(history.rows) == {"b"} and curve(history, "b") == [6.0]
    assert {number for number in journal.get_parts("demand-history/e") if number >= 0} == {11}


def test_an_hour_of_another_size_history_is_left_out(journal: Journal) -> None:
    look(journal, 0.0, {"a": 5.0})
    look(journal, 60.0, {"a": 6.0})
    hour = journal.get_blob("size-hour/e")
    assert hour is not None
    _, sizes = look(journal, HOUR, {"a": 1.0, "b": 2.0})
    journal.put_blob("size-hour/e", hour.data, version=1, at_s=0.0)
    again = recalled_sizes(journal, "e")
    assert list(again.pending) == list(sizes.pending) == [1.0, 2.0]
    journal.put_blob("size-hour/e", b"rubbish", version=1, at_s=0.0)
    assert list(recalled_sizes(journal, "e").pending) == [1.0, 2.0]


def test_death_at_any_write_leaves_the_look_before_or_this_one(place: Place) -> None:
    """At the boundary of an hour, with a VM that is new: the most that is written at once."""
    with open_journal(place) as journal:
        look(journal, 0.0, {"a": 100.0})
        old, _ = look(journal, 60.0, {"a": 100.0})
    died = 0
    while True:
        if _dies(place, died):
            died += 1
            with open_journal(place) as journal:
                same(recalled_history(journal, "e"), old)
                assert list(recalled_sizes(journal, "e").pending) == [100.0]
        else:
            break
    assert died >= 3
    with open_journal(place) as journal:
        history, sizes = recalled_history(journal, "e"), recalled_sizes(journal, "e")
    assert curve(history, "a") == [300.0, 100.0] and curve(history, "b") == [200.0]
    assert list(sizes.pending) == [300.0, 200.0]


def _dies(place: Place, statement: int) -> bool:
    """Look in a child that is killed before this statement; False when it had fewer."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with open_journal(place) as journal:
                _kill_at(journal, statement)
                look(journal, HOUR, {"a": 300.0, "b": 200.0})
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or status == 0, status
    return status != 0


def _kill_at(journal: Journal, number: int) -> None:
    left = [number]
    for name in ("run", "run_many"):
        real = getattr(journal.database, name)

        def counted(*given: object, real: object = real) -> None:
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
            assert callable(real)
            real(*given)

        setattr(journal.database, name, counted)


steps = st.lists(
    st.tuples(
        st.sampled_from([0.01, 0.3, 1.0, 2.0, 100.0, 170.0]),
        st.dictionaries(st.sampled_from("abcd"), st.floats(1.0, 1e6), min_size=1),
    ),
    min_size=1,
    max_size=8,
)


@pytest.fixture(scope="module")
def one_journal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journal]:
    with open_journal(tmp_path_factory.mktemp("remembered") / "journal.db") as opened:
        yield opened


@settings(max_examples=40)
@given(steps)
def test_writing_and_reading_at_every_look_is_as_never_having_been_away(
    one_journal: Journal, steps: list[tuple[float, dict[str, float]]]
) -> None:
    known = one_journal.database.rows("SELECT DISTINCT name FROM parts")
    estate = f"e{len(known)}"
    history, sizes, at_s = DemandHistory(), SizeHistory(), 0.0
    told, kept = history, sizes
    for ahead, wanted in steps:
        at_s += ahead * HOUR
        see(history, sizes, at_s, wanted)
        told, kept = look(one_journal, at_s, wanted, estate)
        same(told, history)
        assert list(kept.rows) == list(sizes.rows)
        np.testing.assert_allclose(kept.pending, sizes.pending, rtol=1e-6)
    with one_journal.database.transaction():
        kept.stale = True
        write_histories(one_journal, estate, told, kept, at_s)
    whole = recalled_sizes(one_journal, estate)
    assert len(pack_sizes(whole)) == pytest.approx(len(pack_sizes(sizes)), rel=0.05)
    np.testing.assert_allclose(whole.days, sizes.days, rtol=1e-2)
