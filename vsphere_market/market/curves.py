"""Price curves and their integrals.

Load u is demand over usable capacity. Up to a knee the price is 1/(1-u)², the marginal delay of
an M/M/1 server; beyond the knee its tangent goes on, so that price stays finite, rising and
smooth on hosts that are already over-full. Surcharges are hinges: nothing up to a threshold, then
a price that rises linearly, for ballooning up to a plateau. All curves are convex, which everything
else relies on.

``docs/design/price.md`` derives them, ``tests/property/test_curves.py`` holds them to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vsphere_market.units import FloatArray


@dataclass(frozen=True, slots=True)
class DelayCurve:
    """Price 1/(1-u)² up to ``knee``, then its tangent.

    Attributes:
        knee: u*, above 0 and below 1.
    """

    knee: float

    def price(self, load: FloatArray) -> FloatArray:
        """Marginal price at a load, any shape; loads are not negative."""
        below = np.minimum(load, self.knee)
        slope = 2.0 / (1.0 - self.knee) ** 3
        price: FloatArray = 1.0 / (1.0 - below) ** 2 + slope * np.maximum(load - self.knee, 0.0)
        return price

    def integral(self, load: FloatArray) -> FloatArray:
        """Integral of the price from 0 to a load, any shape."""
        below = np.minimum(load, self.knee)
        over = np.maximum(load - self.knee, 0.0)
        slope = 2.0 / (1.0 - self.knee) ** 3
        # below / (1 - below) + over · (1 / (1 - knee)² + slope / 2 · over), with little made anew:
        # of all that the market works out, most is this.
        total: FloatArray = over * (0.5 * slope)
        total += 1.0 / (1.0 - self.knee) ** 2
        total *= over
        below /= 1.0 - below
        total += below
        return total

    def load_at(self, integral: FloatArray) -> FloatArray:
        """The load up to which the price sums up to ``integral``, any shape: its inverse."""
        at_knee = 1.0 / (1.0 - self.knee) ** 2
        slope = 2.0 / (1.0 - self.knee) ** 3
        below = integral / (1.0 + integral)
        over = np.maximum(integral - self.knee / (1.0 - self.knee), 0.0)
        # The positive root of slope/2 x² + at_knee x = over.
        beyond = (np.sqrt(at_knee**2 + 2.0 * slope * over) - at_knee) / slope
        load: FloatArray = np.where(over > 0.0, self.knee + beyond, below)
        return load


@dataclass(frozen=True, slots=True)
class HingeCurve:
    """Price 0 up to ``start``, then ``slope`` per unit of load."""

    start: float
    slope: float

    def price(self, load: FloatArray) -> FloatArray:
        """Marginal price at a load, any shape."""
        price: FloatArray = self.slope * np.maximum(load - self.start, 0.0)
        return price

    def integral(self, load: FloatArray) -> FloatArray:
        """Integral of the price from 0 to a load, any shape."""
        over = np.maximum(load - self.start, 0.0)
        total: FloatArray = (0.5 * self.slope) * over * over
        return total


@dataclass(frozen=True, slots=True)
class PlateauCurve:
    """Price 0 up to ``start``, then ``slope`` per unit of load, but never more than ``most``.

    For what hurts the same however much of it there is: a host that lacks a tenth balloons a MiB
    for a MiB, and so does one that lacks a half.
    """

    start: float
    slope: float
    most: float

    def price(self, load: FloatArray) -> FloatArray:
        """Marginal price at a load, any shape."""
        over = np.maximum(load - self.start, 0.0)
        price: FloatArray = np.minimum(self.slope * over, self.most)
        return price

    def integral(self, load: FloatArray) -> FloatArray:
        """Integral of the price from 0 to a load, any shape."""
        over = np.maximum(load - self.start, 0.0)
        flat = np.maximum(over - self._rise, 0.0)
        flat *= flat
        total: FloatArray = over * over
        total -= flat
        total *= 0.5 * self.slope
        return total

    @property
    def _rise(self) -> float:
        """Load beyond ``start`` at which the price stops rising."""
        return self.most / self.slope if self.slope > 0.0 else np.inf


@dataclass(frozen=True, slots=True, eq=False)
class HingeCurves:
    """Hinges side by side, one for each row of loads (…, k, m).

    Attributes:
        start: (k, 1).
        slope: (k, 1).
    """

    start: FloatArray
    slope: FloatArray

    def integral(self, load: FloatArray) -> FloatArray:
        """Integrals of the prices from 0 to loads (…, k, m)."""
        over = np.maximum(load - self.start, 0.0)
        over *= over
        over *= 0.5 * self.slope
        return over


Curve = DelayCurve | HingeCurve | PlateauCurve
