"""Active memory as ESXi estimates it: from a few random pages, so noisy, fast up, slow down."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from vsphere_market.plant import laws
from vsphere_market.plant.fleet import Fleet
from vsphere_market.units import FloatArray

_GAINS = np.array([[laws.FAST_GAIN], [laws.SLOW_GAIN]])
_ONE = laws.constant(1.0)
_SAMPLED = laws.constant(laws.SAMPLE_PAGES)


class ActiveSampler:
    """The estimator of [W02 §5.3], for all VMs.

    Each period it looks at 100 random pages of each VM that are not ballooned and counts those
    touched. The estimate is the largest of a slow average, a fast average and the current
    period's, so that rises show at once and falls show slowly.
    """

    __slots__ = ("_averages", "_change", "_rng")

    def __init__(self, count: int, rng: np.random.Generator) -> None:
        #: (2, V) the fast and the slow average.
        self._averages: FloatArray = np.zeros((2, count))
        self._change: FloatArray = np.zeros((2, count))
        self._rng = rng

    def sample(self, fleet: Fleet) -> None:
        """Finish one sample period: set ``fleet.active``."""
        visible = _visible(fleet)
        share = true_touched(fleet, visible)
        share /= np.maximum(visible, _ONE)
        np.minimum(share, _ONE, out=share)
        current = touched_pages(share, self._rng) / _SAMPLED
        change = np.subtract(current, self._averages, out=self._change)
        change *= _GAINS
        self._averages += change
        estimate = np.maximum(self._averages[0], self._averages[1])
        np.maximum(estimate, current, out=estimate)
        np.multiply(estimate, visible, out=fleet.active)
        if np.count_nonzero(fleet.on) < len(fleet):
            fleet.active *= fleet.on

    def settle(self, fleet: Fleet) -> None:
        """Start as if the present had lasted long: no noise."""
        visible = _visible(fleet)
        share = np.minimum(true_touched(fleet, visible) / np.maximum(visible, 1.0), 1.0)
        self._averages[:] = share
        np.multiply(share * fleet.on, visible, out=fleet.active)

    def forget(self, row: int) -> None:
        """Start one VM's averages anew, as a power-on does."""
        self._averages[:, row] = 0.0


#: How finely the table of sample counts tells shares and chances apart.
_SHARES, _CHANCES = 400, 400


@cache
def _count_table() -> NDArray[np.uint8]:
    """(shares, chances) how many of 100 pages are found touched: binomial quantiles.

    Drawing from a table is several times faster than drawing binomially, which at thousands of
    VMs is most of a step's time. In bytes the table stays in the processor's cache.
    """
    pages = laws.SAMPLE_PAGES
    share = np.clip(np.arange(_SHARES + 1) / _SHARES, 1e-12, 1.0 - 1e-12)[:, None]
    count = np.arange(pages + 1)
    choose = np.concatenate(([0.0], np.cumsum(np.log((pages - count[:-1]) / (count[:-1] + 1.0)))))
    likely = np.exp(choose + count * np.log(share) + (pages - count) * np.log1p(-share))
    total = np.cumsum(likely, axis=1)
    chance = (np.arange(_CHANCES) + 0.5) / _CHANCES
    table = [np.searchsorted(row, chance) for row in total]
    return np.minimum(np.array(table), pages).astype(np.uint8)


def touched_pages(share: FloatArray, rng: np.random.Generator) -> NDArray[np.uint8]:
    """How many of the sampled pages of each VM are found touched, its touched share being given."""
    draws = rng.random((2, len(share)))
    # Between two shares of the table either is taken by chance, so that the mean is right.
    draws[0] += share * _SHARES
    draws[1] *= _CHANCES
    row, column = draws.astype(np.int32)
    np.minimum(row, _SHARES, out=row)
    row *= _CHANCES
    row += column
    counts: NDArray[np.uint8] = _count_table().take(row)
    return counts


def _visible(fleet: Fleet) -> FloatArray:
    """What can be sampled: guest memory that is not ballooned."""
    return fleet.guest_size - fleet.ballooned


def true_touched(fleet: Fleet, visible: FloatArray | None = None) -> FloatArray:
    """(V,) memory really touched within one sample period, MiB: working set and sweeps.

    Sample periods are of the VM's own time [RM], so one that waits for its memory seems no less
    active for it. ``visible`` is what can be sampled, where that is known already.
    """
    room = np.maximum(_visible(fleet) if visible is None else visible, 0.0)
    touched: FloatArray = np.minimum(fleet.working, room)
    if np.count_nonzero(fleet.idle_touch):
        per_period = 1.0 - (1.0 - fleet.idle_touch) ** (laws.SAMPLE_PERIOD_S / laws.STEP_S)
        touched += (
            np.maximum(np.minimum(fleet.anon - fleet.paged, room) - touched, 0.0) * per_period
        )
    return touched
