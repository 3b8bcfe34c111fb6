"""Price curves: positive, rising, smooth where they say so, and integrals that are integrals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsphere_market.market.curves import Curve, DelayCurve, HingeCurve, PlateauCurve

curves = st.one_of(
    st.builds(DelayCurve, st.floats(0.05, 0.98)),
    st.builds(HingeCurve, st.floats(0.0, 2.0), st.floats(0.0, 1e5)),
    st.builds(PlateauCurve, st.floats(0.0, 2.0), st.floats(0.0, 1e5), st.floats(0.0, 1e4)),
)
loads = st.floats(0.0, 50.0)


def at(curve: Curve, load: float) -> tuple[float, float]:
    where = np.array([load])
    return float(curve.price(where)[0]), float(curve.integral(where)[0])


@given(curves, loads, loads)
def test_prices_rise_and_stay_finite(curve: Curve, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0.0 <= at(curve, low)[0] <= at(curve, high)[0] < np.inf


@given(curves, loads, loads)
def test_the_integral_is_convex_and_its_slope_is_the_price(
    curve: Curve, one: float, other: float
) -> None:
    price, total = at(curve, one)
    # A convex function lies above each of its tangents.
    assert at(curve, other)[1] >= total + price * (other - one) - 1e-9 * (1.0 + total + price)


@given(curves, loads)
def test_the_integral_sums_the_price(curve: Curve, load: float) -> None:
    grid = np.linspace(0.0, load, 20_001)
    price = curve.price(grid)
    trapezium = float(((price[1:] + price[:-1]) / 2.0 * np.diff(grid)).sum())
    assert at(curve, load)[1] == pytest.approx(trapezium, rel=2e-3, abs=1e-6)


@given(st.floats(0.05, 0.98))
def test_price_and_slope_do_not_jump_at_the_knee(knee: float) -> None:
    curve, step = DelayCurve(knee), 1e-7
    below, here, above = (at(curve, knee + move)[0] for move in (-step, 0.0, step))
    assert above - here == pytest.approx(here - below, rel=1e-3)


def test_the_values_that_the_design_note_prints() -> None:
    curve = DelayCurve(0.9)
    printed = {0.0: 1.0, 0.5: 4.0, 0.7: 11.11, 0.8: 25.0, 0.9: 100.0, 1.0: 300.0, 1.2: 700.0}
    for load, price in printed.items():
        assert at(curve, load)[0] == pytest.approx(price, abs=0.01)
