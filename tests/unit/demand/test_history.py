"""The ring of hours, and what it says of the coming day."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsphere_market.demand import DemandHistory
from vsphere_market.demand.history import persistence, share_of_day
from vsphere_market.demand.history_file import (
    pack_hour,
    pack_rows,
    unpack_history,
    unpack_whole,
)

HOUR = 3600.0


def seen(history: DemandHistory, vm: str) -> list[float]:
    if history.hour is None or vm not in history.rows:
        return []
    row = history.level[history.rows[vm]]
    ring = [float(row[(history.hour - back) % history.span]) for back in range(history.span)]
    return [value for value in ring if np.isfinite(value)]


@pytest.mark.parametrize(("share", "figure"), [(0.0, 7.0), (0.5, 8.0), (1.0, 9.0)])
def test_an_hour_is_between_its_mean_and_its_largest(share: float, figure: float) -> None:
    history = DemandHistory(peak_share=share)
    for minute, value in ((0, 5.0), (10, 9.0), (20, 7.0)):
        history.update(minute * 60.0, ["a"], np.array([value]))
    assert seen(history, "a") == [figure]


def test_the_coming_day_is_like_yesterday_the_day_before_and_a_week_ago() -> None:
    history = DemandHistory()
    for hour in range(168):
        history.update(hour * HOUR, ["a"], np.array([float(hour)]))
    dates = history.dates(["a"])
    # The next hour is number 168: 24, 48 and 168 hours before it are 144, 120 and 0.
    assert dates.level[0].tolist() == [
        *range(167, 143, -1),
        *range(143, 119, -1),
        *range(23, -1, -1),
    ]
    assert dates.weight == pytest.approx(np.full(72, 1 / 72))
    assert dates.unknown == 0.0


def test_hours_that_were_never_seen_are_unknown() -> None:
    history = DemandHistory()
    for hour in range(6):
        history.update(hour * HOUR, ["a"], np.array([1.0]))
    dates = history.dates(["a"])
    assert dates.weight.sum() + dates.unknown == pytest.approx(1.0)
    assert dates.unknown == pytest.approx(18 / 24)


def test_what_was_seen_once_weighs_as_much_as_what_was_seen_twice() -> None:
    history = DemandHistory()
    for hour in range(36):
        history.update(hour * HOUR, ["a"], np.array([1.0]))
    weight = history.dates(["a"]).weight
    assert weight == pytest.approx([1 / 48] * 12 + [1 / 24] * 12 + [1 / 48] * 12)


def test_demand_that_stays_persists_and_noise_does_not() -> None:
    noise = np.random.default_rng(1).normal(100.0, 10.0, (20, 48))
    assert persistence(noise) < 0.2
    assert persistence(noise[:, :24]) < 0.2
    # One hour tells nothing; a level that never changed is taken to stay.
    assert persistence(noise[:, :1]) == 1.0
    assert persistence(np.full((2, 24), 7.0)) == 1.0


def test_a_tide_is_unusual_on_the_first_day_only() -> None:
    tide = 100.0 + 50.0 * np.sin(np.arange(48) * 2 * np.pi / 24)
    assert persistence(np.tile(tide[:24], (3, 1))) > 0.9
    assert persistence(np.tile(tide, (3, 1))) == pytest.approx(0.0, abs=0.03)
    # A slow change on top of it is unusual, and stays.
    assert persistence(np.tile(tide + np.linspace(40.0, 0.0, 48) ** 2, (3, 1))) > 0.9


def test_the_present_stands_for_as_much_of_the_day_as_it_persists() -> None:
    assert share_of_day(0.0) == pytest.approx(1 / 24)
    assert share_of_day(1.0) == 1.0
    assert share_of_day(0.5) == pytest.approx((1 - 0.5**24) / (1 - 0.5) / 24)


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
    history, hour = DemandHistory(span, peak_share=1.0), 0
    for ahead, working in steps:
        hour += ahead % 4
        history.update(hour * HOUR, list(working), np.array(list(working.values())))
        for vm, value in working.items():
            plain[vm, hour] = max(value, plain.get((vm, hour), 0.0))
    for vm in "abcd":
        told = [plain[vm, h] for h in range(hour, hour - span, -1) if (vm, h) in plain]
        assert seen(history, vm) == pytest.approx(told)


@pytest.mark.parametrize("data", [b"", b"no", b"PK\x03\x04 cut short"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a demand history"):
        unpack_whole(data)
    with pytest.raises(ValueError, match="not a demand history"):
        unpack_history(data, {}, 1)
    with pytest.raises(ValueError, match="not a demand history"):
        unpack_history(pack_rows(DemandHistory()), {5: data}, 1)


def test_an_hour_with_more_rows_than_there_are_vms_is_refused() -> None:
    history = DemandHistory()
    history.update(5 * HOUR, ["a"], np.array([1.0]))
    with pytest.raises(ValueError, match="not a demand history"):
        unpack_history(pack_rows(DemandHistory()), {5: pack_hour(history, 5)}, 1)
