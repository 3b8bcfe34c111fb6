"""What is remembered for sizing, held to exact figures on streams that Hypothesis makes up."""

from __future__ import annotations

import dataclasses

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from vsphere_market.demand import SizeHistory, SizeSettings, pack_sizes, unpack_sizes
from vsphere_market.demand.buckets import (
    BUCKETS,
    FIRST_MIB,
    LARGEST_MIB,
    RATIO,
    bucket_end,
    bucket_of,
    from_codes,
    to_codes,
)
from vsphere_market.demand.sizing import DAYS, LEAST_TREND_DAYS, TREND_DAYS, Sizing

HOUR = 3600.0
AMOUNTS = st.floats(0.0, LARGEST_MIB, allow_nan=False)
#: Hours of one VM: what it wants, or None where it was not seen.
STREAMS = st.lists(st.one_of(st.none(), st.floats(1.0, 1e6)), min_size=1, max_size=60)


def fed(stream: list[float | None], settings_: SizeSettings | None = None) -> SizeHistory:
    """A history that saw a stream, hour by hour, and the hour after it."""
    history = SizeHistory(settings_)
    for hour, want in enumerate(stream):
        history.observe(hour * HOUR, ["a"], np.array([np.nan if want is None else want]))
    history.observe(len(stream) * HOUR, ["a"], np.array([np.nan]))
    return history


def exact(values: NDArray[np.float64], weights: NDArray[np.float64], pct: float) -> float:
    """The smallest value that a share of the weights does not exceed."""
    order = np.argsort(values)
    heaped = np.cumsum(weights[order])
    at = int(np.argmax(heaped >= pct / 100.0 * heaped[-1] * (1.0 - 1e-6)))
    return float(values[order][at])


@given(AMOUNTS)
def test_a_bucket_holds_its_amount_and_is_five_percent_wide(amount: float) -> None:
    bucket = int(bucket_of(np.array([amount]))[0])
    assert 0 <= bucket < BUCKETS
    end = float(bucket_end(np.array([bucket]))[0])
    assert amount <= end * (1 + 1e-9) or bucket == BUCKETS - 1
    assert end <= max(amount * RATIO + FIRST_MIB, FIRST_MIB) * (1 + 1e-9)


@given(st.lists(st.one_of(st.just(float("nan")), AMOUNTS), max_size=20))
def test_codes_lose_little_and_saving_again_loses_nothing(amounts: list[float]) -> None:
    values = np.array(amounts, dtype=np.float64)
    codes = to_codes(values)
    back = from_codes(codes)
    assert np.array_equal(np.isnan(back), np.isnan(values))
    given_ = ~np.isnan(values)
    assert np.allclose(back[given_], values[given_], rtol=1e-3, atol=1e-3)
    assert np.array_equal(to_codes(back), codes)


@given(STREAMS, st.floats(1.0, 100.0), st.floats(0.5, 60.0))
@settings(max_examples=200)
def test_percentiles_are_those_of_the_weighted_stream(
    stream: list[float | None], pct: float, half_life_days: float
) -> None:
    sizing = fed(stream, SizeSettings(half_life_days=half_life_days)).sizing(
        ["a"], np.array([np.nan])
    )
    found = float(sizing.percentile(pct)[0])
    seen = [(hour, want) for hour, want in enumerate(stream) if want is not None]
    if not seen:
        assert np.isnan(found)
        return
    values = np.array([want for _, want in seen])
    weights = 2.0 ** (np.array([hour for hour, _ in seen]) / (24.0 * half_life_days))
    # Weights are kept in single precision: at the edge of a step either side is right.
    low = exact(values, weights, max(pct - 1e-3, 1e-6))
    high = exact(values, weights, min(pct + 1e-3, 100.0))
    assert low * (1 - 1e-6) <= found <= high * RATIO + FIRST_MIB


@given(STREAMS, st.floats(1.0, 100.0), st.integers(1, 92))
def test_percentiles_of_days_are_exact(
    stream: list[float | None], pct: float, last_days: int
) -> None:
    sizing = fed(stream).sizing(["a"], np.array([np.nan]))
    today = len(stream) // 24
    if all(want is None for want in stream[today * 24 :]):
        # A day begins with its first sample.
        today = max((at // 24 for at, want in enumerate(stream) if want is not None), default=0)
    days = [
        max((w for w in stream[24 * day : 24 * day + 24] if w is not None), default=None)
        for day in range(max(today - last_days + 1, 0), today + 1)
    ]
    peaks = np.array([peak for peak in days if peak is not None], dtype=np.float64)
    found = float(sizing.percentile(pct, last_days)[0])
    if len(peaks):
        assert found == np.percentile(peaks, pct, method="inverted_cdf")
    else:
        assert np.isnan(found)


@given(STREAMS)
def test_the_floor_never_lies_below_what_was_seen_and_short_history_widens_it(
    stream: list[float | None],
) -> None:
    sizing = fed(stream).sizing(["a"], np.array([np.nan]))
    seen = [want for want in stream if want is not None]
    floor = float(sizing.floor()[0])
    if not seen:
        assert np.isnan(floor)
        assert sizing.confidence[0] == 0.0
        return
    assert floor >= max(seen)
    assert floor >= float(sizing.percentile(99.0)[0]) * (1.0 + 24.0 / max(len(seen), 1)) - 1e-6
    assert 0.0 < sizing.confidence[0] <= 1.0


@given(
    arrays(
        np.float64,
        st.tuples(st.integers(1, 4), st.just(DAYS)),
        elements=st.one_of(st.just(np.nan), st.floats(0.0, 1e6)),
    )
)
@settings(max_examples=100)
def test_growth_is_the_median_slope_where_a_quarter_at_most_is_down(
    days: NDArray[np.float64],
) -> None:
    grown = dataclasses.replace(Sizing.unknown(np.zeros(len(days))), days=days).trend()
    for row, found in zip(days[:, :TREND_DAYS], grown, strict=True):
        slopes = [
            (row[newer] - row[older]) / (older - newer)
            for older in range(TREND_DAYS)
            for newer in range(older)
            if np.isfinite(row[newer]) and np.isfinite(row[older])
        ]
        enough = np.isfinite(row).sum() >= LEAST_TREND_DAYS
        lower, median = np.percentile(slopes, [25.0, 50.0]) if enough else (0.0, 0.0)
        # A quarter that is 0 but for rounding may fall on either side.
        if abs(lower) > 1e-6:
            assert np.isclose(found, median if lower > 0.0 else 0.0, rtol=1e-9, atol=1e-9)


@given(STREAMS, STREAMS)
@settings(max_examples=50)
def test_a_saved_history_goes_on_as_if_it_had_not_been_saved(
    before: list[float | None], after: list[float | None]
) -> None:
    whole, saved = fed(before), unpack_sizes(pack_sizes(fed(before)))
    for hour, want in enumerate(after, start=len(before) + 1):
        row = np.array([np.nan if want is None else want])
        whole.observe(hour * HOUR, ["a"], row)
        saved.observe(hour * HOUR, ["a"], row)
        saved = unpack_sizes(pack_sizes(saved))
    now = np.array([np.nan])
    one, other = whole.sizing(["a"], now), saved.sizing(["a"], now)
    for pct in (50.0, 95.0):
        assert np.allclose(one.percentile(pct), other.percentile(pct), rtol=0.06, equal_nan=True)
    assert np.allclose(one.peak(), other.peak(), rtol=2e-3, equal_nan=True)
    assert np.array_equal(one.hours, other.hours)
    assert one.confidence[0] == other.confidence[0]


@given(STREAMS)
@settings(max_examples=50)
def test_backfilled_hours_are_those_seen_and_asking_again_adds_nothing(
    stream: list[float | None],
) -> None:
    watched = fed(stream).sizing(["a"], np.array([np.nan]))
    history = SizeHistory()
    history.observe(len(stream) * HOUR, ["a"], np.array([np.nan]))
    hours = np.arange(len(stream))
    wanted = np.array([[np.nan if want is None else want for want in stream]])
    seen = int(np.isfinite(wanted).sum())
    assert history.backfill(hours, ["a"], wanted) == seen
    assert history.backfill(hours, ["a"], wanted) == 0
    filled = history.sizing(["a"], np.array([np.nan]))
    assert np.allclose(filled.percentile(90.0), watched.percentile(90.0), rtol=0.06, equal_nan=True)
    assert np.array_equal(filled.days, watched.days, equal_nan=True)
    assert filled.confidence[0] <= watched.confidence[0]
