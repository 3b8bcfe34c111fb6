"""The demand that is to come. Guests want what they want, whatever is done with their hosts."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np

from vsphere_market.plant import World
from vsphere_market.plant.laws import STEP_S
from vsphere_market.units import FloatArray

#: Seconds between the entries: the plant works its demand out once a minute.
GRID_S = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class Foresight:
    """True demand of V virtual machines at T times, :data:`GRID_S` apart.

    Attributes:
        start_s: Unix time of the first entry.
        working: (T, V) working set, MiB; 0 while it is off.
        held: (T, V) programs' memory and page cache, MiB.
    """

    start_s: float
    working: FloatArray
    held: FloatArray

    @classmethod
    def of(cls, world: World, seconds: float) -> Foresight:
        """Let a copy of a world's demand run ahead; the world itself does not notice."""
        # The recorded series are only read, so the copy may share them.
        loads = world.demand.workloads
        demand = copy.deepcopy(world.demand, {id(loads): loads})
        fleet = copy.deepcopy(world.fleet)
        per_entry = round(GRID_S / STEP_S)
        working, held = [fleet.working.copy()], [fleet.anon + fleet.cache_want]
        for step in range(1, int(seconds // STEP_S) + 1):
            demand.advance(fleet)
            if step % per_entry == 0:
                working.append(fleet.working.copy())
                held.append(fleet.anon + fleet.cache_want)
        return cls(world.now_s, np.array(working), np.array(held))

    def window(self, now_s: float, seconds: float) -> tuple[FloatArray, FloatArray]:
        """(T', V) working sets and holdings from now on, for that long; at least one entry."""
        first = min(max(round((now_s - self.start_s) / GRID_S), 0), len(self.working) - 1)
        last = max(first + round(seconds / GRID_S), first + 1)
        return self.working[first:last], self.held[first:last]
