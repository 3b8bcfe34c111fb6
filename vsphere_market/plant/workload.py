"""What guests do: working sets, programs' memory and page caches over time.

A VM's demand is a base plus any number of shapes, each a share of its memory as it was started:

    working set(t) = size x (base + sum of shapes) x (1 + noise)

It is worked out once a minute and drawn straight in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from vsphere_market.plant import laws
from vsphere_market.plant.fleet import Fleet
from vsphere_market.plant.shapes import GRID_S, PARAMETERS, Series, Shape, Sum, grouped
from vsphere_market.units import BoolArray, FloatArray

__all__ = ["GRID_S", "PARAMETERS", "Demand", "Series", "Shape", "Workload"]

_STEPS = round(GRID_S / laws.STEP_S)
_HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Workload:
    """A VM's demand.

    Attributes:
        working_set: base of the working set, share of the size; more than 1 is a VM too small.
        footprint: share of the size that the guest has touched, page cache included.
        cache: share of the footprint that is page cache.
        idle_touch_s: mean seconds between touches of an idle page; inf is never. Minutes make a
            guest whose garbage collector sweeps its heap.
        drift_per_h: share of the working set that is exchanged for idle pages per hour.
        write_share: share of the working set written per minute.
        cpu: share of its virtual CPUs' speed that it uses.
        shapes: what is added.
    """

    working_set: float = 0.2
    footprint: float = 0.8
    cache: float = 0.3
    idle_touch_s: float = np.inf
    drift_per_h: float = 0.0
    write_share: float = 0.3
    cpu: float = 0.1
    shapes: tuple[Shape, ...] = field(default_factory=tuple)


class Demand:
    """The demand of all VMs; a deterministic process of its seed.

    Args:
        workloads: one per VM.
        size_mib: (V,) size at start, what shares are shares of.
        on: (V,) powered on at start; VMs that are off stay off.
        start_s: Unix time of the first step.
        rng: for spikes, noise, churn and spread.

    Attributes:
        on: (V,) what should be powered on now.
    """

    def __init__(
        self,
        workloads: Sequence[Workload],
        size_mib: FloatArray,
        on: BoolArray,
        start_s: float,
        rng: np.random.Generator,
    ) -> None:
        self._size = np.array(size_mib)
        self._base = np.array([load.working_set for load in workloads])
        self._footprint = np.array([load.footprint for load in workloads])
        self._cache = np.array([load.cache for load in workloads])
        self._programs = 1.0 - self._cache
        # Shares of the working set per minute, as MiB per second per MiB.
        self._write = np.array([load.write_share for load in workloads]) / 60.0
        self._allowed = np.array(on, dtype=np.bool_)
        self.workloads = tuple(workloads)
        self._start_s = start_s
        self._groups = grouped([load.shapes for load in workloads], start_s, rng)
        self._leaking = any(s.kind == "leak" for load in workloads for s in load.shapes)
        self._grid = 0
        self._within = 0
        self._now, self.on = self._evaluate(start_s)
        self._next, self._on_next = self._evaluate(start_s + GRID_S)
        self._slope = self._slopes()

    def allow(self, row: int) -> None:
        """Give a VM that was off from the start its demand, from one of the next minutes on."""
        self._allowed[row] = True

    def _slopes(self) -> FloatArray:
        """(3, V) change per step towards the next evaluation; a VM that is off stays at nothing."""
        slope: FloatArray = self._next - self._now
        slope /= _STEPS
        if np.count_nonzero(self.on) < len(self.on):
            slope *= self.on
        return slope

    def settle(self, fleet: Fleet) -> None:
        """Set a fleet's demand as it is at the start, and the manners of its guests."""
        idle = np.array([load.idle_touch_s for load in self.workloads])
        fleet.idle_touch[:] = 1.0 - np.exp(-laws.STEP_S / idle)
        drift = np.array([load.drift_per_h for load in self.workloads])
        fleet.drift[:] = drift * laws.STEP_S / _HOUR_S
        self._load(fleet)

    def advance(self, fleet: Fleet) -> bool:
        """Set the demand one step later; returns whether :attr:`on` may have changed."""
        self._within += 1
        if self._within < _STEPS:
            fleet.demand += self._slope
            return False
        self._within = 0
        self._grid += 1
        self._now, self.on = self._next, self._on_next
        self._next, self._on_next = self._evaluate(self._start_s + (self._grid + 1) * GRID_S)
        self._slope = self._slopes()
        self._load(fleet)
        return True

    def _load(self, fleet: Fleet) -> None:
        np.copyto(fleet.demand, self._now)
        np.multiply(self._write, self._now[0], out=fleet.write_mibps)

    def _evaluate(self, now_s: float) -> tuple[FloatArray, BoolArray]:
        """(3, V) working set, programs' memory, page cache wanted at a time, MiB; and who is on."""
        total = Sum(
            working=self._base.copy(),
            leaked=np.zeros(len(self._size)),
            footprint=self._footprint.copy(),
            noise=np.ones(len(self._size)),
            on=self._allowed.copy(),
        )
        for group in self._groups:
            group.add(now_s, total)
        wanted = np.empty((3, len(self._size)))
        working, anon, cache = wanted
        size = self._size
        if np.count_nonzero(total.on) < len(size):
            size = size * total.on
        np.multiply(total.working, total.noise, out=working)
        np.maximum(working, 0.005, out=working)
        working *= size
        held = total.footprint * size
        np.multiply(held, self._programs, out=anon)
        if self._leaking:
            anon += total.leaked * size
        np.maximum(anon, working, out=anon)
        np.multiply(held, self._cache, out=cache)
        return wanted, total.on
