"""What is measured: counters over the last minutes, and the truth that only judges see."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from vsphere_market.plant import laws
from vsphere_market.plant.memory import MemoryModel
from vsphere_market.units import FloatArray, IndexArray

#: Seconds that counters are averaged over.
WINDOW_S = 300.0
#: Seconds per published sample, as vCenter's realtime counters have.
SAMPLE_S = 20.0
_STEP_S = laws.constant(laws.STEP_S)
_SLOTS = round(WINDOW_S / laws.STEP_S)
_KINDS = ("active", "swap_in", "swap_out", "unzip", "guest_paging", "latency", "stall")


class Recorder:
    """A ring of the last five minutes, one slot per step.

    Amounts are MiB per step, latency and stall shares of time.
    """

    __slots__ = ("_begun", "_ring", "_steps")

    def __init__(self, count: int) -> None:
        self._ring: FloatArray = np.zeros((_SLOTS, len(_KINDS), count))
        #: Steps recorded, and (V,) how many of them were before a VM's samples began.
        self._steps = 0
        self._begun = np.zeros(count, dtype=np.int64)

    def record(self, model: MemoryModel) -> None:
        """Take down the step just done."""
        slot, fleet, flows = self._ring[self._steps % _SLOTS], model.fleet, model.flows
        slot[0] = fleet.active
        slot[1:5] = flows.matrix
        slot[5:] = fleet.waits
        self._steps += 1

    def restart(self, row: int) -> None:
        """Forget a VM's samples, as when it is powered on."""
        self._ring[:, :, row] = 0.0
        self._begun[row] = self._steps

    def mean(self, kind: str) -> FloatArray:
        """(V,) mean over what has been recorded of the window."""
        total: FloatArray = self._ring[:, _KINDS.index(kind)].sum(axis=0)
        return total / np.maximum(self._held(), 1)

    def peak(self, kind: str) -> FloatArray:
        """(V,) largest value in the window."""
        largest: FloatArray = self._ring[:, _KINDS.index(kind)].max(axis=0)
        return largest

    def samples(self) -> FloatArray:
        """(V,) 20-second samples that the window holds."""
        samples: FloatArray = np.floor(self._held() * (laws.STEP_S / SAMPLE_S))
        return samples

    def _held(self) -> IndexArray:
        """(V,) steps that the window holds."""
        return np.minimum(self._steps - self._begun, _SLOTS)


@dataclass(slots=True, eq=False)
class Truth:
    """Sums since the warm-up ended. No controller may look at them.

    Attributes:
        seconds: simulated time they cover.
        stall_s: (V,) seconds spent waiting for memory, all causes.
        flows_mib: (4, V) amounts in the order of ``Flows.matrix``.
        moves: migrations that succeeded.
        moved_mib: what they copied, all migrations.
        failed_moves: migrations that did not.
    """

    stall_s: FloatArray
    flows_mib: FloatArray
    seconds: float = 0.0
    moves: int = 0
    moved_mib: float = 0.0
    failed_moves: int = 0
    _scratch: FloatArray = field(init=False, repr=False)
    #: (2, V) sums over steps of what is swapped and ballooned, MiB.
    _outside: FloatArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._scratch = np.zeros(len(self.stall_s))
        self._outside = np.zeros((2, len(self.stall_s)))

    @classmethod
    def nothing(cls, count: int) -> Truth:
        """Sums of nothing yet."""
        return cls(np.zeros(count), np.zeros((4, count)))

    def add(self, model: MemoryModel) -> None:
        """Take in the step just done."""
        fleet, flows, scratch = model.fleet, model.flows, self._scratch
        self.seconds += laws.STEP_S
        np.multiply(fleet.stall, _STEP_S, out=scratch)
        self.stall_s += scratch
        self.flows_mib += flows.matrix
        self._outside += fleet.outside

    @property
    def balloon_mib_s(self) -> FloatArray:
        """(V,) memory in balloons, times how long."""
        held: FloatArray = self._outside[1] * laws.STEP_S
        return held

    @property
    def swap_mib_s(self) -> FloatArray:
        """(V,) memory in swap, times how long."""
        held: FloatArray = self._outside[0] * laws.STEP_S
        return held

    @property
    def swap_in_mib(self) -> FloatArray:
        """(V,) memory read back from swap."""
        row: FloatArray = self.flows_mib[0]
        return row

    @property
    def swap_out_mib(self) -> FloatArray:
        """(V,) memory written to swap."""
        row: FloatArray = self.flows_mib[1]
        return row

    @property
    def unzipped_mib(self) -> FloatArray:
        """(V,) memory that came back from the compression cache."""
        row: FloatArray = self.flows_mib[2]
        return row

    @property
    def guest_paged_mib(self) -> FloatArray:
        """(V,) memory that guests read back from their own page files."""
        row: FloatArray = self.flows_mib[3]
        return row

    @property
    def balloon_gib_hours(self) -> float:
        """Ballooned memory over time, all VMs."""
        return float(self.balloon_mib_s.sum()) / 1024.0 / 3600.0

    @property
    def swap_gib_hours(self) -> float:
        """Swapped memory over time, all VMs."""
        return float(self.swap_mib_s.sum()) / 1024.0 / 3600.0

    @property
    def swap_in_gib(self) -> float:
        """Memory read back from swap, all VMs."""
        return float(self.swap_in_mib.sum()) / 1024.0

    @property
    def moved_gib(self) -> float:
        """Memory copied by migrations, failed ones among them."""
        return self.moved_mib / 1024.0


@dataclass(frozen=True, slots=True)
class Pressure:
    """How much an estate suffers, over the last five minutes.

    Attributes:
        stall_pct: mean share of time that powered-on VMs spent waiting for memory.
        stall_worst_pct: the same of the VM that waited most.
        stalled_vms: VMs that waited more than 1 % of the time.
        ballooned_mib: in balloons now.
        swapped_mib: swapped now.
        compressed_mib: compressed now, before compression.
        swapin_kibps: rate of swap-in.
        swapout_kibps: rate of swap-out.
        guest_paging_kibps: rate of guests' own paging.
    """

    stall_pct: float
    stall_worst_pct: float
    stalled_vms: int
    ballooned_mib: float
    swapped_mib: float
    compressed_mib: float
    swapin_kibps: float
    swapout_kibps: float
    guest_paging_kibps: float
