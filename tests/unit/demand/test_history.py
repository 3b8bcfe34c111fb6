"""The ring of hourly maxima."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsphere_market.demand import DemandHistory

HOUR = 3600.0


def seen(history: DemandHistory, vm: str) -> list[float]:
    row = history.hours([vm])[0]
    return [float(value) for value in row[np.isfinite(row)]]


def test_an_hour_keeps_its_largest() -> None:
    history = DemandHistory()
    for minute, value in ((0, 5.0), (10, 9.0), (20, 7.0)):
        history.update(minute * 60.0, ["a"], np.array([value]))
    assert seen(history, "a") == [9.0]


def test_the_newest_hour_comes_first_and_gaps_are_left_out() -> None:
    history = DemandHistory()
    for hour, value in ((0, 1.0), (1, 2.0), (5, 3.0)):
        history.update(hour * HOUR, ["a"], np.array([value]))
    assert seen(history, "a") == [3.0, 2.0, 1.0]


def test_what_is_older_than_the_ring_is_forgotten() -> None:
    history = DemandHistory(hours=3)
    for hour in range(6):
        history.update(hour * HOUR, ["a"], np.array([float(hour)]))
    assert seen(history, "a") == [5.0, 4.0, 3.0]


def test_a_vm_that_is_gone_leaves_no_row() -> None:
    history = DemandHistory(hours=3)
    history.update(0.0, ["a", "b"], np.array([1.0, 2.0]))
    for hour in range(1, 4):
        history.update(hour * HOUR, ["b"], np.array([float(hour)]))
    assert len(history) == 1
    assert seen(history, "b") == [3.0, 2.0, 1.0]
    assert seen(history, "a") == []


def test_a_clock_that_jumps_back_changes_nothing() -> None:
    history = DemandHistory()
    history.update(10 * HOUR, ["a"], np.array([1.0]))
    history.update(2 * HOUR, ["a"], np.array([99.0]))
    assert seen(history, "a") == [1.0]


def test_nothing_known_is_no_sample() -> None:
    history = DemandHistory()
    history.update(0.0, ["a"], np.array([np.nan]))
    history.update(60.0, ["a"], np.array([4.0]))
    history.update(120.0, ["a"], np.array([np.nan]))
    assert seen(history, "a") == [4.0]


steps = st.lists(
    st.tuples(st.integers(0, 60), st.dictionaries(st.sampled_from("abcd"), st.floats(0, 1e6))),
    max_size=30,
)


@given(steps)
def test_the_ring_is_what_a_plain_dictionary_says(
    steps: list[tuple[int, dict[str, float]]],
) -> None:
    span = 5
    plain: dict[tuple[str, int], float] = {}
    history, hour = DemandHistory(span), 0
    for ahead, working in steps:
        hour += ahead % 4
        history.update(hour * HOUR, list(working), np.array(list(working.values())))
        for vm, value in working.items():
            plain[vm, hour] = max(value, plain.get((vm, hour), 0.0))
    for vm in "abcd":
        told = [plain[vm, h] for h in range(hour, hour - span, -1) if (vm, h) in plain]
        assert seen(history, vm) == told


@given(steps)
def test_bytes_give_the_same_history_back(steps: list[tuple[int, dict[str, float]]]) -> None:
    history = DemandHistory()
    for hour, (_, working) in enumerate(steps):
        history.update(hour * HOUR, list(working), np.array(list(working.values())))
    again = DemandHistory.from_bytes(history.to_bytes())
    ids = list("abcd")
    np.testing.assert_allclose(again.hours(ids), history.hours(ids), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("data", [b"", b"no", b"PK\x03\x04 cut short"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a demand history"):
        DemandHistory.from_bytes(data)
