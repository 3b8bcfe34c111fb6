"""Tuning: each rival is given, on each estate, the parameters that serve it best there.

A small grid per controller, tried on seeds that the comparison does not use. The market is not
tuned: it runs everywhere with the same constants, which is how it will be used.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vsphere_market.proving.roster import Named

#: Seeds for tuning; comparisons use small numbers.
TUNING_SEEDS = (9001, 9002)
#: So many settings of a controller are tried on all of these seeds, the others on the first alone.
FINALISTS = 3
#: Of two settings whose pain differs by less than this, the one that moves less is better.
_SAME = 0.02

#: Controller -> its parameters' values to try; all combinations are.
GRIDS: Mapping[str, Mapping[str, Sequence[float | str]]] = {
    "threshold": {
        "metric": ("consumed", "active", "demand"),
        "bound_pct": (5.0, 10.0, 20.0, 30.0),
    },
    "drs": {"level": (2.0, 3.0, 4.0, 5.0), "idle": (0.0, 0.25, 1.0)},
    "drs7": {"metric": ("granted", "demand", "active"), "margin": (2.0, 5.0, 10.0)},
    "hbal": {
        "metric": ("consumed", "demand"),
        "dynamic": (0.0, 1.0, 8.0),
        "min_gain": (0.01, 0.05),
    },
    "rightsizing": {"percentile": (90.0, 98.0), "margin": (0.15, 0.3)},
    "oracle": {
        "horizon_min": (60.0, 360.0, 1440.0),
        "fill": (0.7, 0.85),
        "landing": (0.02, 0.2),
    },
}


@dataclass(frozen=True, slots=True)
class Tried:
    """One setting and how it did.

    Attributes:
        controller: the setting.
        pain: median over the tuning seeds that it was tried on.
        moved_gib: likewise.
        seeds: how many those were.
    """

    controller: Named
    pain: float
    moved_gib: float
    seeds: int = 1


def candidates(name: str) -> list[Named]:
    """All settings of a controller that are tried; its defaults alone if it is not tuned."""
    grid = GRIDS.get(name)
    if grid is None:
        return [Named(name)]
    names = sorted(grid)
    return [
        Named(name, tuple(zip(names, values, strict=True)))
        for values in itertools.product(*(grid[key] for key in names))
    ]


def judged(controller: Named, results: Sequence[Mapping[str, Any]]) -> Tried:
    """Sum up what one setting did on the tuning seeds."""
    return Tried(
        controller,
        statistics.median(result["pain"] for result in results),
        statistics.median(result["moved_gib"] for result in results),
        len(results),
    )


def best(tried: Sequence[Tried]) -> Tried:
    """The setting with the least pain; among those about as good, the one that moves least."""
    least = min(item.pain for item in tried)
    # What is below a hundredth of a VM-hour is nothing to choose by.
    close = [item for item in tried if item.pain <= least * (1.0 + _SAME) + 0.01]
    return min(close, key=lambda item: (item.moved_gib, item.pain, item.controller.label))


def ranked(tried: Sequence[Tried]) -> list[Tried]:
    """Settings with the best first, the others by their pain."""
    winner = best(tried)
    rest = (item for item in tried if item is not winner)
    return [
        winner,
        *sorted(rest, key=lambda item: (item.pain, item.moved_gib, item.controller.label)),
    ]
