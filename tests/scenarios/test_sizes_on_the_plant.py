"""Sizes from remembered demand, on the plant's own workloads: weekends, month-ends, leaks.

Guests live for eleven weeks of hours; ``python -m benchmarks.sizes`` does the same for half a year.
From the day on that their history may be trusted, each is proposed a size every day; it is
regretted when the guest wants more within a week. The same is asked of a 90th percentile, so that
the test can fail: it regrets.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from benchmarks.sizes import DAY_H, HOUR_S, START_S, SURE, lived, proposals
from vsphere_market.demand import SizeHistory
from vsphere_market.units import FloatArray

DAYS = 77


@pytest.fixture(scope="module")
def lives() -> tuple[tuple[str, ...], FloatArray]:
    return lived(DAYS)


def test_no_size_is_regretted_within_a_week(lives: tuple[tuple[str, ...], FloatArray]) -> None:
    told = proposals(*lives)
    assert not any(any(regrets) for regrets in told["floor"].values())
    # The workloads are hard enough: what is usual says too little of a month's end.
    usual = told["90th percentile"]
    assert any(usual["month-end"])
    # … and caution is no excuse for never shrinking who can be.
    assert all(told["shrinks"]["steady"]) and all(told["shrinks"]["office"])


def test_nothing_is_sure_before_a_months_end_was_seen(
    lives: tuple[tuple[str, ...], FloatArray],
) -> None:
    names, hours = lives
    history = SizeHistory()
    seen: set[int] = set()
    for hour in range(hours.shape[1]):
        at_s = START_S + hour * HOUR_S
        history.observe(at_s, names, hours[:, hour])
        seen.add(datetime.fromtimestamp(at_s, tz=UTC).day)
        if hour % DAY_H != DAY_H - 1:
            continue
        if history.sizing(names, hours[:, hour]).confidence[0] >= SURE:
            break
    assert 1 in seen and 30 in seen
    assert hour >= 29 * DAY_H
