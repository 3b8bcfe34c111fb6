"""The published figures and formulae, one by one."""

from __future__ import annotations

import numpy as np
import pytest

from vsphere_market.plant import laws


@pytest.mark.parametrize(
    ("gib", "expected_mib"),
    # The first 28 GB are 901 MB exactly; 100 GB about 1.6 GB; 1 TB about 10.8 GB.
    [(4, 245.76), (12, 573.44), (28, 901.12), (100, 1638.4), (1024, 11100.2)],
)
def test_min_free_follows_the_sliding_scale(gib: float, expected_mib: float) -> None:
    assert laws.min_free_mib(np.array([gib * 1024.0]))[0] == pytest.approx(expected_mib, rel=1e-4)


@pytest.mark.parametrize(
    ("gib", "vcpus", "published_mib"), [(1, 1, 25.9), (4, 2, 52.7), (16, 1, 139.6), (16, 8, 168.6)]
)
def test_overhead_meets_the_published_table(gib: int, vcpus: int, published_mib: float) -> None:
    assert float(laws.overhead_mib(gib * 1024.0, vcpus)) == pytest.approx(published_mib, abs=0.2)


@pytest.mark.parametrize(
    ("share", "state"), [(1.5, 0), (1.01, 0), (0.99, 1), (0.63, 2), (0.31, 3), (0.15, 4)]
)
def test_states_are_entered_below_their_lines(share: float, state: int) -> None:
    states = laws.next_states(np.zeros(1, dtype=np.int64), np.array([share]), np.ones(1))
    assert states[0] == state


def test_states_are_left_only_above_the_line_before() -> None:
    def after(state: int, share: float) -> int:
        return int(laws.next_states(np.array([state]), np.array([share]), np.ones(1))[0])

    assert after(laws.LOW, 0.20) == laws.LOW
    assert after(laws.LOW, 0.40) == laws.HARD
    assert after(laws.HARD, 0.50) == laws.HARD
    assert after(laws.HARD, 0.70) == laws.SOFT
    assert after(laws.SOFT, 0.90) == laws.SOFT
    assert after(laws.SOFT, 1.10) == laws.CLEAR
    assert after(laws.CLEAR, 1.10) == laws.CLEAR
    assert after(laws.CLEAR, 1.30) == laws.HIGH
    assert after(laws.HIGH, 0.10) == laws.LOW


def test_an_idle_page_costs_four_times_an_active_one() -> None:
    held = np.array([100.0, 100.0])
    weight = laws.fair_weights(np.array([10.0, 10.0]), np.array([100.0, 0.0]), held)
    assert weight[0] / weight[1] == pytest.approx(4.0)


def test_without_the_tax_only_shares_count() -> None:
    weight = laws.fair_weights(
        np.array([10.0, 20.0]), np.array([100.0, 0.0]), np.array([100.0, 100.0]), 1.0
    )
    assert weight[1] / weight[0] == pytest.approx(2.0)


def one(
    *, weight: list[float], low: list[float], high: list[float], capacity: float
) -> list[float]:
    segment = np.zeros(len(weight), dtype=np.int64)
    bounds = [np.array(values, dtype=np.float64) for values in (weight, low, high)]
    shares = laws.waterfill(bounds[0], bounds[1], bounds[2], segment, np.array([capacity]))
    return [float(share) for share in shares]


def test_waterfill_shares_in_proportion() -> None:
    shares = one(weight=[1, 2, 3], low=[0, 0, 0], high=[100, 100, 100], capacity=60)
    assert shares == pytest.approx([10, 20, 30])


def test_waterfill_keeps_the_bounds_and_redistributes() -> None:
    shares = one(weight=[1, 2, 3], low=[25, 0, 0], high=[100, 15, 100], capacity=70)
    assert shares == pytest.approx([25, 15, 30])


def test_waterfill_with_plenty_and_with_dearth() -> None:
    assert one(weight=[1, 2], low=[0, 0], high=[10, 20], capacity=100) == [10, 20]
    assert one(weight=[1, 2], low=[30, 40], high=[50, 50], capacity=10) == [30, 40]


def test_waterfill_over_a_flat_piece() -> None:
    # Between 10 and 100 of level nobody's share changes.
    shares = one(weight=[1, 1], low=[0, 100], high=[10, 200], capacity=110)
    assert shares == pytest.approx([10, 100])


def test_waterfill_of_nobody() -> None:
    empty = np.zeros(0)
    assert len(laws.waterfill(empty, empty, empty, np.zeros(0, dtype=np.int64), np.ones(3))) == 0
