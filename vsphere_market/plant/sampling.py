"""Active memory as ESXi estimates it: from a few random pages, so noisy, fast up, slow down."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from vsphere_market.plant import laws
from vsphere_market.plant.fleet import Fleet
from vsphere_market.units import FloatArray


class ActiveSampler:
    """The estimator of [W02 §5.3], for all VMs.

    Each period it looks at 100 random pages of each VM that are not ballooned and counts those
    touched. The estimate is the largest of a slow average, a fast average and the current
    period's, so that rises show at once and falls show slowly.
    """

    __slots__ = ("_fast", "_rng", "_slow")

    def __init__(self, count: int, rng: np.random.Generator) -> None:
        self._fast: FloatArray = np.zeros(count)
        self._slow: FloatArray = np.zeros(count)
        self._rng = rng

    def sample(self, fleet: Fleet) -> None:
        """Finish one sample period: set ``fleet.active``."""
        share = np.clip(true_touched(fleet) / np.maximum(_visible(fleet), 1.0), 0.0, 1.0)
        current = touched_pages(share, self._rng) / laws.SAMPLE_PAGES
        self._fast += laws.FAST_GAIN * (current - self._fast)
        self._slow += laws.SLOW_GAIN * (current - self._slow)
        estimate = np.maximum(np.maximum(self._fast, self._slow), current)
        np.multiply(estimate, _visible(fleet), out=fleet.active)
        fleet.active *= fleet.on

    def settle(self, fleet: Fleet) -> None:
        """Start as if the present had lasted long: no noise."""
        share = np.clip(true_touched(fleet) / np.maximum(_visible(fleet), 1.0), 0.0, 1.0)
        self._fast[:] = share
        self._slow[:] = share
        np.multiply(share * fleet.on, _visible(fleet), out=fleet.active)

    def forget(self, row: int) -> None:
        """Start one VM's averages anew, as a power-on does."""
        self._fast[row] = 0.0
        self._slow[row] = 0.0


#: How finely the table of sample counts tells shares and chances apart.
_SHARES, _CHANCES = 400, 400


@cache
def _count_table() -> NDArray[np.uint8]:
    """(shares, chances) how many of 100 pages are found touched: binomial quantiles.

    Drawing from a table is several times faster than drawing binomially, which at thousands of
    VMs is most of a step's time.
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


def touched_pages(share: FloatArray, rng: np.random.Generator) -> FloatArray:
    """How many of the sampled pages of each VM are found touched, its touched share being given."""
    draws = rng.random((2, len(share)))
    # Between two shares of the table either is taken by chance, so that the mean is right.
    row = (share * _SHARES + draws[0]).astype(np.int64)
    np.minimum(row, _SHARES, out=row)
    column = (draws[1] * _CHANCES).astype(np.int64)
    counts: FloatArray = _count_table()[row, column].astype(np.float64)
    return counts


def _visible(fleet: Fleet) -> FloatArray:
    """What can be sampled: guest memory that is not ballooned."""
    return fleet.guest_size - fleet.ballooned


def true_touched(fleet: Fleet) -> FloatArray:
    """(V,) memory really touched within one sample period, MiB: working set and sweeps.

    Sample periods are of the VM's own time [RM], so one that waits for its memory seems no less
    active for it.
    """
    room = np.maximum(_visible(fleet), 0.0)
    touched: FloatArray = np.minimum(fleet.working, room)
    if np.count_nonzero(fleet.idle_touch):
        per_period = 1.0 - (1.0 - fleet.idle_touch) ** (laws.SAMPLE_PERIOD_S / laws.STEP_S)
        touched += (
            np.maximum(np.minimum(fleet.anon - fleet.paged, room) - touched, 0.0) * per_period
        )
    return touched
