"""The laws of the plant that are pure functions, over all their arguments."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsphere_market.plant import laws


@st.composite
def problems(draw: st.DrawFn) -> tuple[np.ndarray, ...]:
    count, segments = draw(st.integers(1, 25)), draw(st.integers(1, 5))
    weight = draw(st.lists(st.floats(0.01, 1e6), min_size=count, max_size=count))
    high = draw(st.lists(st.floats(0, 1e5), min_size=count, max_size=count))
    share = draw(st.lists(st.floats(0, 1), min_size=count, max_size=count))
    segment = draw(st.lists(st.integers(0, segments - 1), min_size=count, max_size=count))
    capacity = draw(st.lists(st.floats(0, 1e6), min_size=segments, max_size=segments))
    tops = np.array(high, dtype=np.float64)
    return (np.array(weight), tops * np.array(share), tops, np.array(segment), np.array(capacity))


@given(problems())
def test_waterfill_is_within_bounds_exact_and_fair(problem: tuple[np.ndarray, ...]) -> None:
    weight, low, high, segment, capacity = problem
    given_ = laws.waterfill(weight, low, high, segment, capacity)
    assert (given_ >= low - 1e-9).all()
    assert (given_ <= high + 1e-9).all()
    for at in range(len(capacity)):
        own = segment == at
        want = min(max(capacity[at], low[own].sum()), high[own].sum())
        assert given_[own].sum() == pytest.approx(want, abs=1e-3, rel=1e-7)
        # Whoever is short of its upper bound holds at least as much per weight as anybody above
        # its lower one: nobody can be revoked at a lower price.
        price = given_[own] / weight[own]
        short = given_[own] < high[own] * (1 - 1e-6) - 1e-3
        above = given_[own] > low[own] * (1 + 1e-6) + 1e-3
        if short.any() and above.any():
            assert price[short].min() >= price[above].max() * (1 - 1e-5)


@given(st.floats(1, 1e8), st.floats(1.0001, 4))
def test_min_free_grows_slower_than_memory(memory: float, factor: float) -> None:
    small, large = laws.min_free_mib(np.array([memory, memory * factor]))
    assert small < large <= small * factor + 1e-9
    assert 0.0099 * memory <= small <= 0.0601 * memory


@given(st.integers(0, 4), st.floats(0, 3), st.floats(0, 3))
def test_more_free_memory_never_means_a_worse_state(state: int, less: float, extra: float) -> None:
    now = np.array([state, state])
    poor, rich = laws.next_states(now, np.array([less, less + extra]), np.ones(2))
    assert rich <= poor
