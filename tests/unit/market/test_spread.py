"""Goods that may be cut find one level, like water in vessels that are partly filled."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.placement import Instance
from vsphere_market.market.spread import spread
from vsphere_market.units import FloatArray

LEDGER = Instance(3, 9, 1).question().ledger()


def poured(capacity: list[float], fixed: list[float], amount: float) -> FloatArray:
    """Loads (3,) of the memory of three hosts."""
    supply = dataclasses.replace(LEDGER.supply, capacity=np.array(capacity)[:, None])
    load: FloatArray = spread(
        supply,
        np.arange(3),
        np.array(fixed)[:, None],
        np.array([[amount]]),
        np.ones((1, 3), dtype=np.bool_),
    )[:, 0]
    return load


@given(
    st.lists(st.floats(1.0, 1e6), min_size=3, max_size=3),
    st.lists(st.floats(0.0, 1e6), min_size=3, max_size=3),
    st.floats(0.0, 1e6),
)
def test_what_is_filled_comes_to_one_level_and_nothing_is_lost(
    capacity: list[float], fixed: list[float], amount: float
) -> None:
    load = poured(capacity, fixed, amount)
    assert load.sum() == pytest.approx(sum(fixed) + amount)
    level = load / np.array(capacity)
    filled = load > np.array(fixed) * (1 + 1e-9) + 1e-9
    if filled.any():
        assert level[filled] == pytest.approx(level[filled].max())
        # Nobody who got nothing stands lower.
        assert (level[~filled] >= level[filled].max() * (1 - 1e-9) - 1e-9).all()


def test_a_host_that_does_not_tell_how_much_it_has_takes_it_all() -> None:
    load = poured([100.0, 1e150, 100.0], [50.0, 0.0, 0.0], 70.0)
    assert load == pytest.approx([50.0, 70.0, 0.0])
