"""What the market expected of its steps is held against what came, as time passes."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.roads import LIMITED, automatic, hot_plant, policies, road
from vsphere_market.control.aftermath import look_back
from vsphere_market.control.apply import apply, review
from vsphere_market.control.calibration import calibrate
from vsphere_market.control.cycle import one_cycle
from vsphere_market.control.decide import decide, frame, view
from vsphere_market.control.loop import Beat, run_loop
from vsphere_market.journal import Aftermath, Forecast, Sight
from vsphere_market.policy import NO_POLICIES


class Deaf:
    """Listens to a loop and hears nothing."""

    def settled(self, results: object) -> None: ...
    def turn(self, report: object) -> None: ...
    def trouble(self, number: int, error: object) -> None: ...
    def missed(self, beats: int) -> None: ...


def test_a_loop_looks_at_what_came_of_its_steps(tmp_path: Path) -> None:
    plant = hot_plant()
    with road(tmp_path, plant) as way:
        run_loop(way, Beat(14, 300.0), Deaf())
        past = way.journal.aftermaths(0.0)
        done = len({(one.forecast.execution, one.forecast.step) for one in past})
        assert done >= 5 and len(past) == 3 * done
        five, hour, day = ([one for one in past if one.horizon_s == s] for s in (300, 3600, 86400))
        assert all(one.seen is not None and one.seen.others is not None for one in five)
        assert any(one.seen is not None for one in hour)
        assert all(one.seen is None for one in day)
        first = min(five, key=lambda one: one.forecast.done_s)
        assert first.forecast.vm_squeezed_mib > 0 and first.seen is not None
        assert first.seen.vm_squeezed_mib < first.forecast.vm_squeezed_mib
        assert first.forecast.host_load < 1.0 and first.seen.host_load < 1.0
        judged = {(one.kind, one.horizon_s): one for one in calibrate(past)}
        migrations = judged["migrate", 300.0]
        assert migrations.judged > 0 and migrations.not_worse_pct == 100.0
        assert migrations.load_within_pct > 50.0
    with road(tmp_path, plant) as way:
        plant.clock.sleep(86_400.0)
        one_cycle(way, 1)
        day = [one for one in way.journal.aftermaths(0.0) if one.horizon_s == 86400]
        assert all(one.seen is not None for one in day)


def test_what_a_person_applied_is_looked_at_by_the_next_loop(tmp_path: Path) -> None:
    plant = hot_plant(LIMITED)
    with road(tmp_path, plant, NO_POLICIES) as way:
        plan = decide(frame(plant.observe(), NO_POLICIES, now_s=plant.clock.now_s()))
        with review(way, plan) as held:
            apply(way, held, dry_run=True)
            assert way.journal.aftermaths(0.0) == (), "a dry run changes nothing"
        with review(way, plan) as held:
            apply(way, held)
        plant.clock.sleep(300.0)
        run_loop(way, Beat(1), Deaf())
        seen = [one.seen for one in way.journal.aftermaths(0.0) if one.horizon_s == 300.0]
        assert seen and all(one is not None and one.others == 0 for one in seen)


def test_a_plan_done_in_part_makes_no_forecast_of_what_it_counted_on(tmp_path: Path) -> None:
    plant = hot_plant()
    rest = {**automatic("recommend"), "selector": {"name": "hot-1*"}}
    with road(tmp_path, plant, policies(automatic(), rest)) as way:
        report = one_cycle(way, 1)
        assert 0 < report.done < len(report.plan.steps)
        past = way.journal.aftermaths(0.0)
        assert all(math.isnan(one.forecast.host_load) for one in past)
        assert all(math.isnan(one.forecast.potential) for one in past)
        assert all(one.forecast.potential_before > 0 for one in past)


def test_nobody_looked_in_time(tmp_path: Path) -> None:
    plant = hot_plant()
    with road(tmp_path, plant) as way:
        one_cycle(way, 1)
        plant.clock.sleep(7200.0)
        framed = frame(plant.observe(), way.policies, now_s=plant.clock.now_s())
        looked = look_back(way.journal, framed.snapshot, view(framed), framed.now_s)
        past = way.journal.aftermaths(0.0)
        assert looked == 2 * len(past) / 3
        for one in past[:3]:
            if one.horizon_s < 86400:
                assert one.seen is not None and one.seen.others is None
        (first, *_) = calibrate(past)
        assert (first.seen, first.missed, first.judged) == (0, first.steps, 0)
        assert math.isnan(first.load_within_pct)


# ---------------------------------------------------------------- sums


def came(
    load: float, forecast: float = 0.7, *, others: int = 0, squeezed: float = 0.0
) -> Aftermath:
    expected = Forecast(
        1, "s1", "e", "migrate", "vm-1", "web-1", 0.0, 5.0, 1000.0, 0.0,
        "host-1", "esx-1", 0.5, 0.7, 100.0, 50.0,
    )  # fmt: skip
    return Aftermath(expected, 3600.0, 3600.0, Sight(3600.0, squeezed, 0.0, load, 52.0, others))


def test_bias_spread_and_share_within_the_band() -> None:
    (judged,) = calibrate([came(0.75), came(0.65), came(0.85), came(0.75, others=1)])
    assert (judged.steps, judged.seen, judged.undisturbed, judged.judged) == (4, 4, 3, 3)
    assert judged.load_bias_points == pytest.approx(5.0)
    assert judged.load_spread_points == pytest.approx(math.sqrt(200 / 3))
    assert judged.load_within_pct == pytest.approx(200 / 3)
    assert judged.potential_within_pct == 100.0
    (narrow,) = calibrate([came(0.75), came(0.65), came(0.85)], band_points=4.0)
    assert narrow.load_within_pct == 0.0


def test_relief_and_harm_of_vms() -> None:
    (judged,) = calibrate([came(0.7, squeezed=0.0), came(0.7, squeezed=2000.0)])
    assert (judged.relieved_pct, judged.not_worse_pct) == (50.0, 50.0)
