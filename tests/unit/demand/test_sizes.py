"""What is remembered for sizing: weekends, month-ends, leaks, raises, and what it costs to keep."""

from __future__ import annotations

import numpy as np
import pytest

from vsphere_market.demand import Origin, SizeHistory, SizeSettings, pack_sizes, unpack_sizes

HOUR = 3600.0
DAY = 24 * HOUR
#: A Monday, midnight UTC.
MONDAY = 4 * DAY
NAN = np.array([np.nan])


def lived(days: int, want: object, *, start_s: float = MONDAY) -> SizeHistory:
    """A history of one VM; ``want`` gives what it wants at each hour since the start."""
    assert callable(want)
    history = SizeHistory()
    for hour in range(24 * days):
        history.observe(start_s + hour * HOUR, ["a"], np.array([float(want(hour))]))
    history.observe(start_s + 24 * days * HOUR, ["a"], NAN)
    return history


def test_an_hour_counts_when_it_is_over_with_its_largest() -> None:
    history = SizeHistory()
    for minute, want in ((0, 100.0), (20, 900.0), (40, 500.0)):
        history.observe(minute * 60.0, ["a"], np.array([want]))
    sizing = history.sizing(["a"], NAN)
    assert sizing.now[0] == 900.0
    assert np.isnan(sizing.floor()[0])
    history.observe(HOUR, ["a"], np.array([50.0]))
    sizing = history.sizing(["a"], NAN)
    assert sizing.days[0, 0] == 900.0
    assert sizing.hours[0, Origin.COUNTERS] == 1


def test_a_clock_that_jumps_back_changes_nothing() -> None:
    history = lived(2, lambda hour: 1000.0)
    before = pack_sizes(history)
    history.observe(MONDAY, ["a"], np.array([9e5]))
    assert pack_sizes(history) == before


def test_saturdays_backup_is_not_forgotten_on_friday() -> None:
    def backup(hour: int) -> float:
        return 9000.0 if hour // 24 % 7 == 5 and hour % 24 == 3 else 1000.0

    # Five weeks, ending on a Friday.
    sizing = lived(33, backup).sizing(["a"], NAN)
    assert sizing.percentile(95.0)[0] < 1100.0
    assert sizing.peak()[0] == 9000.0
    assert sizing.floor()[0] >= 9000.0
    assert np.nanargmax(sizing.week[0]) == 5 * 24 + 3


def test_the_month_end_is_not_forgotten_after_eight_weeks() -> None:
    sizing = lived(60, lambda hour: 8000.0 if hour // 24 in (2, 3) else 2000.0).sizing(["a"], NAN)
    assert sizing.percentile(99.0)[0] < 2200.0
    assert sizing.floor()[0] >= 8000.0


def test_what_was_a_quarter_ago_is_forgotten() -> None:
    sizing = lived(125, lambda hour: 8000.0 if hour // 24 == 2 else 2000.0).sizing(["a"], NAN)
    assert sizing.floor()[0] < 2300.0


def test_a_leak_is_seen_and_counted_ahead() -> None:
    sizing = lived(20, lambda hour: 2000.0 + 100.0 * hour / 24).sizing(["a"], NAN)
    assert sizing.trend()[0] == pytest.approx(100.0, rel=0.01)
    assert sizing.floor()[0] >= 2000.0 + 100.0 * (20 + 13)


@pytest.mark.parametrize("days", [10, 12, 14, 17])
def test_a_week_is_no_leak(days: int) -> None:
    def want(hour: int) -> float:
        return 3000.0 if hour // 24 % 7 < 5 else 1000.0

    assert lived(days, want).sizing(["a"], NAN).trend()[0] == 0.0


def test_up_at_once_and_down_slowly() -> None:
    history = lived(28, lambda hour: 4000.0)
    history.observe(MONDAY + 28 * DAY, ["a"], np.array([7000.0]))
    assert history.sizing(["a"], NAN).floor()[0] >= 7000.0
    calm = lived(28, lambda hour: 4000.0 if hour < 24 * 14 else 2000.0).sizing(["a"], NAN)
    slot = calm.week[0]
    # Two quieter weeks took the week's shape down by a quarter of the difference each.
    assert slot == pytest.approx(np.full(168, 2000.0 + 2000.0 * 0.75**2))


def test_an_hour_that_hurt_is_entered_with_a_raise() -> None:
    history = SizeHistory()
    wanted = np.array([1000.0, 1000.0, 100.0])
    hurt = np.array([False, True, True])
    history.observe(0.0, ["a", "b", "c"], wanted, hurt)
    assert list(history.pending) == [1000.0, 1200.0, 228.0]


def test_short_history_widens_and_lacks_confidence() -> None:
    day, month = (lived(days, lambda hour: 4000.0).sizing(["a"], NAN) for days in (1, 30))
    assert day.floor()[0] == pytest.approx(2 * 4100, rel=0.05)
    assert month.floor()[0] == pytest.approx(4100 * (1 + 1 / 30), rel=0.05)
    assert day.confidence[0] == pytest.approx(1 / 60)
    assert month.confidence[0] == pytest.approx(0.5)
    assert lived(61, lambda hour: 4000.0).sizing(["a"], NAN).confidence[0] == 1.0


def test_vms_are_forgotten_after_a_quarter_and_strangers_are_unknown() -> None:
    history = SizeHistory()
    history.observe(0.0, ["old", "new"], np.array([1.0, 1.0]))
    for day in range(1, 95):
        history.observe(day * DAY, ["new"], np.array([1.0]))
    assert set(history.rows) == {"new"}
    sizing = history.sizing(["stranger"], np.array([5.0]))
    assert np.isnan(sizing.floor()[0])
    assert sizing.confidence[0] == 0.0
    assert np.isnan(sizing.percentile(95.0)[0])


def test_weights_of_many_years_stay_finite() -> None:
    history = SizeHistory(SizeSettings(half_life_days=0.1))
    for day in range(60):
        history.observe(day * DAY, ["a"], np.array([1000.0 + day]))
    assert np.isfinite(history.weights).all()
    assert history.sizing(["a"], NAN).percentile(50.0)[0] == pytest.approx(1058.0, rel=0.05)


def test_a_vm_takes_less_than_a_kilobyte() -> None:
    rng = np.random.default_rng(1)
    history = SizeHistory()
    ids = [f"5029a8c7-{number:04d}" for number in range(500)]
    level = rng.uniform(1000, 60000, 500)
    for hour in range(24 * 30):
        noise = np.exp(rng.normal(0.0, 0.2, 500))
        history.observe(hour * HOUR, ids, level * noise)
    data = pack_sizes(history)
    assert len(data) < 1000 * len(ids)
    back = unpack_sizes(data)
    pair = [one.sizing(ids, np.full(500, np.nan)) for one in (history, back)]
    assert pair[1].percentile(95.0) == pytest.approx(pair[0].percentile(95.0), rel=0.05)


@pytest.mark.parametrize("data", [b"", b"rubbish", b"PK\x05\x06" + bytes(18)])
def test_rubbish_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a size history"):
        unpack_sizes(data)
