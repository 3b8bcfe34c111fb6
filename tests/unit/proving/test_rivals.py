"""Each rival's rule, on snapshots made by hand."""

import math
from typing import Any

import numpy as np
import pytest

from tests.proving import GIB, crowded, decided
from vsphere_market.port import ActionKind, SetMemory
from vsphere_market.proving.controller import Controller
from vsphere_market.proving.rivals.drs import Drs, demand_of
from vsphere_market.proving.rivals.drs7 import Drs7
from vsphere_market.proving.rivals.none import Nothing
from vsphere_market.proving.rivals.rightsizing import Rightsizing
from vsphere_market.proving.rivals.threshold import Threshold


def test_none_does_nothing() -> None:
    assert decided(Nothing(), crowded()) == []


def test_threshold_takes_the_largest_from_the_fullest_to_the_emptiest() -> None:
    snapshot = crowded(vms=((0, 10, 1), (0, 20, 1), (0, 15, 1), (1, 8, 1)))
    assert decided(Threshold(), snapshot)[0] == ("vm1", "h0", "h2")


def test_threshold_stops_within_its_bound() -> None:
    # 32 against 28 of 64 GiB are 6 points apart.
    snapshot = crowded(hosts=(64, 64), vms=((0, 16, 1), (0, 16, 1), (1, 28, 1)))
    assert decided(Threshold(), snapshot) == []
    assert decided(Threshold(bound_pct=5.0), snapshot) == []  # no move would mend it
    uneven = crowded(hosts=(64, 64), vms=((0, 16, 1), (0, 4, 1), (0, 4, 1), (1, 12, 1)))
    assert decided(Threshold(bound_pct=20.0), uneven) == []
    assert decided(Threshold(bound_pct=10.0), uneven) == [("vm1", "h0", "h1")]


def test_threshold_counts_what_it_is_told_to_count() -> None:
    snapshot = crowded(hosts=(64, 64), vms=((0, 20, 1), (0, 10, 9), (0, 1, 1), (1, 31, 0)))
    assert decided(Threshold(), snapshot) == []
    assert decided(Threshold(metric="active"), snapshot)[0][0] in ("vm1", "vm0")


def test_threshold_moves_no_more_than_it_may() -> None:
    snapshot = crowded(hosts=(256, 256), vms=tuple((0, 8, 1) for _ in range(24)))
    assert len(decided(Threshold(), snapshot)) > 3
    assert len(decided(Threshold(moves=3), snapshot)) == 3


def test_drs_demand_is_active_and_a_quarter_of_idle() -> None:
    snapshot = crowded(vms=((0, 16, 8),))
    assert demand_of(snapshot).tolist() == [10 * GIB]
    assert demand_of(snapshot, 1.0).tolist() == [16 * GIB]
    assert demand_of(crowded(vms=((0, 16, 8),), limit_mib=GIB)).tolist() == [GIB]


def test_drs_thresholds_are_those_of_the_knowledge_base() -> None:
    # Priority = 6 - ceil(deviation / 0.1 * sqrt(hosts)); level 3 takes priorities 1 to 3.
    for level in (2.0, 3.0, 4.0, 5.0):
        for hosts in (2, 4, 16):
            target = Drs(level=level).target_deviation(hosts)
            just_over = target + 1e-9
            priority = 6 - math.ceil(just_over / 0.1 * math.sqrt(hosts) - 1e-12)
            assert priority <= level
            if target > 0:
                assert 6 - math.ceil(target / 0.1 * math.sqrt(hosts) - 1e-9) > level


def test_drs_level_1_does_not_balance() -> None:
    assert decided(Drs(level=1), crowded()) == []


def test_drs_lowers_the_deviation_by_the_best_single_move() -> None:
    snapshot = crowded(vms=((0, 24, 20), (0, 24, 20), (0, 24, 12), (1, 4, 1), (2, 4, 1)))
    moves = decided(Drs(level=4), snapshot)
    # One of the two that demand most leaves; which of equals is the first.
    assert moves[0][0] == "vm0"
    assert moves[0][1] == "h0"
    loads = _loads(snapshot, moves)
    assert np.std(loads) < np.std(_loads(snapshot, []))


def test_drs_tolerates_what_its_level_tolerates() -> None:
    snapshot = crowded(hosts=(64, 64), vms=((0, 8, 8), (0, 8, 8), (1, 4, 4)))
    # Deviation 0.094; level 3 of two hosts tolerates 0.2 / sqrt(2) = 0.141, level 4 half of it.
    assert decided(Drs(level=3), snapshot) == []
    assert decided(Drs(level=4), snapshot) == [("vm0", "h0", "h1")]


def test_drs_does_not_move_what_costs_more_than_it_brings() -> None:
    def slow(mbps: float) -> Any:
        snapshot = crowded(hosts=(64, 64), vms=((0, 30, 20), (0, 10, 8), (1, 4, 4)))
        speeds = np.full(2, mbps)
        object.__setattr__(snapshot.hosts, "vmotion_mbps", speeds)
        return snapshot

    assert decided(Drs(level=5), slow(10_000)) != []
    assert decided(Drs(level=5, stable_s=0.001), slow(10_000)) == []


def test_drs_goodness_is_a_share_of_the_deviation() -> None:
    snapshot = crowded(hosts=(64, 64), vms=((0, 30, 20), (0, 1, 1), (1, 4, 4)))
    assert decided(Drs(level=5, min_goodness=0.99), snapshot) == []


@pytest.mark.parametrize("controller", [Threshold(), Drs(level=5), Drs7()])
def test_reservations_are_respected(controller: Controller) -> None:
    # Every VM reserves 16 GiB; h1 has 8 GiB left to reserve.
    snapshot = crowded(
        hosts=(80, 24),
        vms=((0, 16, 16), (0, 16, 16), (0, 16, 16), (0, 16, 16), (1, 16, 1)),
        reservation_mib=16 * GIB,
    )
    assert decided(controller, snapshot) == []


@pytest.mark.parametrize("controller", [Threshold(), Drs(level=5), Drs7()])
def test_mandatory_rules_are_respected(controller: Controller) -> None:
    rule = {
        "moid": "r1", "name": "apart", "cluster": "domain-c1", "kind": "antiAffinity",
        "mandatory": True, "enabled": True, "vms": ["vm0", "vm1", "vm2", "vm3"],
    }  # fmt: skip
    snapshot = crowded(
        hosts=(64, 64), vms=((0, 30, 30), (0, 30, 30), (0, 30, 30), (1, 1, 1)), rules=[rule]
    )
    assert decided(controller, snapshot) == []


@pytest.mark.parametrize("controller", [Threshold(), Drs(level=5), Drs7()])
def test_balanced_hosts_are_left_alone(controller: Controller) -> None:
    assert decided(controller, crowded(vms=((0, 16, 8), (1, 16, 8), (2, 16, 8)))) == []


def test_drs7_moves_to_a_host_that_scores_better_by_its_margin() -> None:
    snapshot = crowded(hosts=(64, 64), vms=((0, 30, 1), (0, 30, 1), (0, 20, 1), (1, 4, 1)))
    moves = decided(Drs7(), snapshot)
    # 80 of 64 GiB granted; the smallest that mends it costs least to move.
    assert moves[0][1:] == ("h0", "h1")
    assert decided(Drs7(margin=60.0), snapshot) == []


def test_drs7_scores_fall_with_load() -> None:
    scores = Drs7().score(np.array([0.1, 0.7, 0.85, 1.0, 1.5]))
    assert scores[0] == scores[1] == 100.0
    assert scores[1] > scores[2] > scores[3] > scores[4]


def test_drs7_decides_every_minute() -> None:
    assert Drs7().period_s == 60.0


def test_rightsizing_takes_a_percentile_that_forgets() -> None:
    sizer = Rightsizing()
    peaks = dict.fromkeys(range(20), 100.0) | {20: 1000.0}
    assert sizer.estimate(dict(peaks), 20) == 100.0
    # A day of the higher value outweighs what is older by its half-life.
    assert sizer.estimate(peaks | dict.fromkeys(range(21, 45), 1000.0), 44) == 1000.0


def test_rightsizing_grows_by_hot_add_and_then_rests() -> None:
    snapshot = crowded(
        vms=((0, 8, 7.9), (0, 8, 4)), hot_add_enabled=True, hot_add_limit_mib=64 * GIB,
        hot_add_increment_mib=128,
    )  # fmt: skip
    sizer = Rightsizing()
    orders = list(sizer.decide(snapshot, 1e9, ()))
    assert [order.action.subject.moid for order in orders] == ["vm0"]
    action = orders[0].action
    assert isinstance(action, SetMemory)
    assert action.setting is ActionKind.HOT_ADD
    wanted = 1.15 * 7.9 * GIB
    assert action.to_mib is not None
    assert wanted <= action.to_mib < wanted + 128
    assert (action.to_mib - 8 * GIB) % 128 == 0
    assert list(sizer.decide(snapshot, 1e9 + 300, ())) == []


def test_rightsizing_leaves_alone_what_cannot_grow() -> None:
    assert list(Rightsizing().decide(crowded(vms=((0, 8, 8),)), 1e9, ())) == []


def _loads(snapshot: Any, moves: list[tuple[str, str, str]]) -> np.ndarray:
    host_of = snapshot.vms.host.copy()
    for vm, _, target in moves:
        host_of[snapshot.vms.row(vm)] = snapshot.hosts.row(target)
    demand = demand_of(snapshot)
    load = np.bincount(host_of, demand, minlength=len(snapshot.hosts))
    return np.asarray(load / snapshot.hosts.memory_mib)
