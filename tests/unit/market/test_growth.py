"""When a cluster runs out on its trend, and how sure that is."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from vsphere_market.demand import SizeHistory, estimate_demand, identities
from vsphere_market.market import MarketSettings, Question
from vsphere_market.market.headroom import growth_of, headroom
from vsphere_market.policy import default_rulebook

HOUR = 3600.0


def question(days: int, per_day: float, noise: float = 0.0) -> Question:
    """Ten VMs of 2 GiB of working set that want so much more each day."""
    snapshot = snapshot_of(
        clusters=[cluster_row()],
        hosts=[host_row("host-1", 131_072)],
        vms=[
            vm_row(f"vm-{n}", "host-1", 8192, active_mib=2000, active_peak_mib=2000)
            for n in range(10)
        ],
    )
    rng = np.random.default_rng(7)
    sizes, ids = SizeHistory(), identities(snapshot.vms)
    for hour in range(24 * days + 1):
        ago = 24 * days - hour
        want = 2000.0 - per_day * (ago // 24) + noise * rng.normal(size=10)
        sizes.observe(snapshot.taken_at_s - ago * HOUR, ids, np.maximum(want, 1.0))
    return Question(
        snapshot=snapshot,
        demand=estimate_demand(snapshot, sizes=sizes),
        rulebook=default_rulebook(snapshot),
        settings=MarketSettings(),
        cooling=np.zeros(10, dtype=np.bool_),
    )


def test_a_steady_trend_is_found_with_a_narrow_interval() -> None:
    growth = growth_of(question(30, 20.0), 0)
    assert growth.mid == pytest.approx(200.0, rel=0.05)
    assert growth.low <= growth.mid <= growth.high
    assert growth.high - growth.low < 20.0
    assert growth.basis.startswith("daily peaks of")


def test_noise_widens_the_interval_and_more_days_narrow_it() -> None:
    few, many = (growth_of(question(days, 20.0, noise=60.0), 0) for days in (10, 60))
    assert few.high - few.low > 3 * (many.high - many.low)
    assert many.low <= 200.0 <= many.high


def test_no_trend_lasts_for_ever_or_nearly() -> None:
    seen = headroom(question(40, 0.0, noise=50.0), 0)
    assert seen.days_early <= seen.days <= seen.days_late or math.isinf(seen.days)
    assert math.isinf(seen.days_late)


def test_days_left_are_what_fits_well_over_the_growth() -> None:
    seen = headroom(question(30, 20.0), 0)
    assert seen.profile is not None
    spare = seen.comfortable * seen.profile.memory_mib
    assert seen.days == pytest.approx(spare / seen.growth_mib_per_day)
    assert seen.days_early <= seen.days <= seen.days_late


def test_little_history_has_no_interval() -> None:
    short = question(5, 20.0)
    growth = growth_of(short, 0)
    assert math.isnan(growth.mid) and growth.basis == "less than two days of history"
    curve = np.full((10, 49), 2000.0)
    curve[:, 1:25] += 50.0
    weight = np.full(49, 1 / 49)
    demand = dataclasses.replace(short.demand, curve=curve, date_weight=weight)
    growth = growth_of(dataclasses.replace(short, demand=demand), 0)
    assert growth.mid == pytest.approx(500.0)
    assert math.isnan(growth.low) and growth.basis == "the same hours of two days"
