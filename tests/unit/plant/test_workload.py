"""Shapes of demand: what each does to working sets over time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.plants import row, run, vm, world
from vsphere_market.plant.laws import STEP_S
from vsphere_market.plant.world import World

DAY_S = 86400.0
BIG = [{"name": "esx", "memory_gib": 512}]


def history(alive: World, seconds: float, every_s: float = 300.0) -> np.ndarray:
    """(samples, V) working sets as shares of the size."""
    found = []
    for _ in range(round(seconds / every_s)):
        run(alive, every_s)
        found.append(alive.fleet.working / alive.fleet.size)
    return np.array(found)


def shaped(*shapes: dict[str, Any], working: float = 0.2, start: str = "2026-03-02T00:00:00Z",
           **more: Any) -> World:  # fmt: skip
    return world([vm("a", 8, working, shapes=list(shapes), **more)], BIG, start=start)


def test_constant() -> None:
    assert np.allclose(history(shaped(), 3600), 0.2)


def test_diurnal_peaks_at_its_hour_and_rests_twelve_hours_later() -> None:
    day = history(shaped({"kind": "diurnal", "amplitude": 0.4, "peak_hour": 14}), DAY_S)[:, 0]
    assert day.max() == pytest.approx(0.6, abs=0.01)
    assert day.min() == pytest.approx(0.2, abs=0.01)
    assert np.argmax(day) * 300 / 3600 == pytest.approx(14, abs=0.3)


def test_weekly_is_for_working_days() -> None:
    week = history(shaped({"kind": "weekly", "amplitude": 0.3}), 7 * DAY_S, 3600)[:, 0]
    assert np.allclose(week[1 : 5 * 24 - 1], 0.5)
    assert np.allclose(week[5 * 24 + 1 : -1], 0.2)


def test_spikes_come_as_often_and_last_as_long_as_told() -> None:
    shape = {"kind": "spikes", "amplitude": 0.5, "per_day": 24, "minutes": 15}
    days = history(shaped(shape), 10 * DAY_S)[:, 0]
    # A spike of 15 minutes after an hour's gap on average: a fifth of the time.
    assert 0.14 < (days > 0.45).mean() < 0.26


def test_a_boot_storm_hits_all_at_about_the_same_time() -> None:
    shape = {"kind": "boot-storm", "amplitude": 0.5, "hour": 8, "minutes": 30, "spread_minutes": 10}
    alive = world(
        [vm("d-{nn}", 4, 0.1, shapes=[shape], count=20)], BIG, start="2026-03-02T06:00:00Z"
    )
    run(alive, 2.25 * 3600)
    assert (alive.fleet.working > 0.5 * 4096).all()
    run(alive, 3600)
    assert (alive.fleet.working < 0.2 * 4096).all()


def test_month_end_is_the_last_days_and_the_first() -> None:
    shape = {"kind": "month-end", "amplitude": 0.5, "days": 2}
    days = history(shaped(shape, start="2026-04-27T12:00:00Z"), 6 * DAY_S, DAY_S)[:, 0]
    # 28th, 29th, 30th, 1st, 2nd, 3rd at noon.
    assert (days > 0.5).tolist() == [False, True, True, True, False, False]


def test_a_step_comes_and_stays() -> None:
    shape = {"kind": "step", "amplitude": 0.5, "after_hours": 2}
    hours = history(shaped(shape), 5 * 3600, 3600)[:, 0]
    assert (hours > 0.5).tolist() == [False, True, True, True, True]


def test_a_leak_grows_untouched_until_the_restart() -> None:
    alive = shaped({"kind": "leak", "per_day": 0.2, "restart_days": 2}, footprint=0.5, cache=0.0)
    before = float(alive.fleet.anon[0])
    run(alive, DAY_S)
    assert alive.fleet.anon[0] - before == pytest.approx(0.2 * 8192, rel=0.02)
    assert alive.fleet.working[0] == pytest.approx(0.2 * 8192)
    assert alive.fleet.granted[0] == pytest.approx(alive.fleet.anon[0], rel=0.02)
    run(alive, 1.2 * DAY_S)
    assert alive.fleet.anon[0] < before + 0.1 * 8192


def test_noise_has_its_spread_and_mean() -> None:
    days = history(shaped({"kind": "noise", "sigma": 0.1, "minutes": 20}), 10 * DAY_S)[:, 0]
    assert days.mean() == pytest.approx(0.2, rel=0.05)
    assert days.std() == pytest.approx(0.02, rel=0.2)
    assert np.corrcoef(days[1:], days[:-1])[0, 1] == pytest.approx(np.exp(-5 / 20), abs=0.1)


def test_churn_switches_vms_on_and_off_and_off_ones_hold_nothing() -> None:
    shape = {"kind": "churn", "on_hours": 1, "off_hours": 2}
    alive = world([vm("r-{nn}", 4, 0.3, shapes=[shape], count=30)], BIG)
    shares = []
    for _ in range(200):
        run(alive, 600)
        shares.append(alive.fleet.on.mean())
        assert not alive.fleet.granted[~alive.fleet.on].any()
    assert 0.2 < np.mean(shares) < 0.47


def test_a_vm_that_does_not_fit_waits_to_be_powered_on() -> None:
    shape = {"kind": "churn", "on_hours": 1000, "off_hours": 0.01}
    hosts = [{"name": "esx", "memory_gib": 16}]
    alive = world(
        [vm("full", 8, 0.1, reservation_gib=8),
         vm("late-{n}", 4, 0.1, reservation_gib=4, shapes=[shape], count=3)], hosts,
    )  # fmt: skip
    run(alive, 3600)
    assert alive.fleet.on.sum() == 2
    assert alive.fleet.on[row(alive, "full")]


def test_shapes_of_the_same_kind_add_up() -> None:
    wave = {"kind": "weekly", "amplitude": 0.1}
    assert history(shaped(wave, wave, wave), 1200)[-1, 0] == pytest.approx(0.5)


def test_traces_replay_what_was_recorded() -> None:
    first = world([vm("t-{n}", 8, 0, shapes=[{"kind": "trace"}], count=2)], BIG)
    scaled = world([vm("t-{n}", 8, 0, shapes=[{"kind": "trace", "scale": 2}], count=2)], BIG)
    late = world([vm("t-{n}", 8, 0, shapes=[{"kind": "trace", "offset_hours": 1}], count=2)], BIG)
    short, double, shifted = (history(one, 7200) for one in (first, scaled, late))
    # Below half a percent of the VM there is no working set.
    assert np.allclose(double, np.maximum(2 * short, 0.005), atol=0.006)
    assert np.allclose(shifted[:11], short[12:23])
    assert not np.allclose(short[:, 0], short[:, 1]), "each VM of an entry takes the next record"


def test_a_working_set_may_exceed_its_vm() -> None:
    alive = world([vm("a", 4, 1.3, footprint=1.0, cache=0.0)], BIG)
    run(alive, 600)
    assert alive.fleet.working[0] == pytest.approx(1.3 * 4096)
    assert alive.fleet.granted[0] <= 4096
    assert alive.fleet.paged[0] == pytest.approx(0.3 * 4096, rel=0.01)


def test_demand_does_not_depend_on_what_is_done() -> None:
    """The same guests want the same, whatever hosts and controllers do to them."""
    shape = [{"kind": "spikes", "amplitude": 0.4}, {"kind": "noise", "sigma": 0.2}]
    roomy = world([vm("a-{n}", 8, 0.3, shapes=shape, count=4)], BIG)
    tight = world([vm("a-{n}", 8, 0.3, shapes=shape, count=4)], [{"name": "esx", "memory_gib": 16}])
    for _ in range(round(3600 / STEP_S)):
        roomy.step()
        tight.step()
        assert np.array_equal(roomy.fleet.working, tight.fleet.working)
