"""What each VM wants: footprint, working set, idle memory, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vsphere_market.demand.sizing import Sizing
from vsphere_market.demand.storage import Usual
from vsphere_market.units import BoolArray, FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Demand:
    """Demand of V virtual machines over S dates, in MiB, rows as in the snapshot's VM table.

    Attributes:
        footprint: (V,) what the VM would hold if nobody squeezed it: granted + ballooned +
            swapped + compressed, at most its size.
        wanted: (V,) what its guest uses now or would use if its size allowed, without headroom;
            may exceed the size.
        lacking: (V,) what of that is beyond the size that the VM had when it was looked at; it will
            use it when it has it.
        curve: (V, S) working set at each date, with headroom; column 0 is now, the others are
            recent hours, newest first. At most the footprint.
        date_weight: (S,) weight of each date in a quote; they add up to 1.
        overhead: (V,) memory that the host needs to run the VM.
        taken: (V,) ballooned + swapped + compressed now: what has been taken from it.
        cpu_mhz: (V,) CPU demand.
        known: (V,) there are counters to stand on; otherwise the figures are stand-ins that keep
            its host from being taken for empty, and the VM itself is not traded.
        running: (V,) powered on, so that it takes part at all. Others have zero demand.
        confidence: (V,) 0 to 1, from the number of samples and hours behind the figures.
        sizing: what months say about the size that each VM needs.
        storage: what storage usually does; None for what the snapshot shows.
    """

    footprint: FloatArray
    wanted: FloatArray
    lacking: FloatArray
    curve: FloatArray
    date_weight: FloatArray
    overhead: FloatArray
    taken: FloatArray
    cpu_mhz: FloatArray
    known: BoolArray
    running: BoolArray
    confidence: FloatArray
    sizing: Sizing
    storage: Usual | None = None

    @property
    def working_set(self) -> FloatArray:
        """(V,) what hurts now when it is taken away, MiB."""
        now: FloatArray = self.curve[:, 0]
        return now

    @property
    def idle(self) -> FloatArray:
        """(V,) footprint beyond the working set, MiB: cheap to take by balloon."""
        return self.footprint - self.working_set

    @property
    def used(self) -> FloatArray:
        """(V,) what each VM must be able to hold, MiB: the most that it wanted of late.

        Hosts are judged by working sets, which peaks of many VMs share; a reservation or a cap is
        one VM's own, and has to do for its peak.
        """
        most: FloatArray = np.minimum(np.maximum(self.wanted, self.working_set), self.footprint)
        return most
