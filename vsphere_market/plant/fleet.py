"""The state of the model: one array per quantity, one entry per VM or host.

Where a VM's pages are, seen from the host (MiB), is kept so that always

    size = unbacked + granted + ballooned + swapped + compressed

*unbacked* being what the guest has never touched, or what a deflating balloon gave back to it
untouched; it is not kept but follows. *compressed* counts pages before compression.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from vsphere_market.plant import laws
from vsphere_market.units import BoolArray, FloatArray, IndexArray


def _zeros(count: int) -> FloatArray:
    return np.zeros(count)


@dataclass(slots=True, eq=False)
class Hosts:
    """Hosts of the estate, H entries each.

    Attributes:
        memory: physical memory.
        vmkernel: used by the VMkernel.
        swap_mibps: what the swap device reads or writes per second.
        swap_latency_s: time to read one swapped page.
        link_mibps: vMotion network; 0 is none.
        idle_cost: what an idle page costs against an active one, from Mem.IdleTax.
        balloon_max: Mem.CtlMaxPercent as a share.
        zip_max: Mem.MemZipMaxPct as a share, 0 without compression.
        min_free: free memory that the scheduler wants.
        state: 0 high, 1 clear, 2 soft, 3 hard, 4 low.
        worst: the worst state within the last step; reclamation may have ended it.
        last: free memory that is never handed out.
        incoming: memory already taken by VMs that are being migrated here.
        free: free memory after the last step.
    """

    memory: FloatArray
    vmkernel: FloatArray
    swap_mibps: FloatArray
    swap_latency_s: FloatArray
    link_mibps: FloatArray
    idle_cost: FloatArray
    balloon_max: FloatArray
    zip_max: FloatArray
    min_free: FloatArray = field(init=False)
    state: IndexArray = field(init=False)
    worst: IndexArray = field(init=False)
    last: FloatArray = field(init=False)
    incoming: FloatArray = field(init=False)
    free: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        count = len(self.memory)
        self.min_free = laws.min_free_mib(self.memory)
        self.state = np.zeros(count, dtype=np.int64)
        self.worst = self.state
        self.last = laws.LAST_SHARE * self.min_free
        self.incoming = _zeros(count)
        self.free = self.memory - self.vmkernel

    def __len__(self) -> int:
        return len(self.memory)


_ZIP_RATIO = laws.constant(laws.ZIP_RATIO)
#: Columns of a fleet in the order of its matrix. Those that reclamation changes stand together,
#: and before and among them those that refaults need and change; then what reclamation has to know,
#: and the rest. The demand, which moves on at every step, stands together at the border.
_MANNERS = ("idle_touch", "vcpus")
_PAGES = ("granted", "compressed", "hot_out", "warm_out", "swapped")
_CHANGED = (*_PAGES, "ballooned", "cache", "paged")
_KNOWN = (
    "size", "guest_size", "limit", "reservation", "shares", "balloon_cap", "active", "warm",
    "working", "anon",
)  # fmt: skip
_REST = (
    "cache_want", "target", "balloon_target", "fresh", "drift", "overhead", "write_mibps",
    "moving", "latency", "stall",
)  # fmt: skip
_COLUMNS = _MANNERS + _CHANGED + _KNOWN + _REST
_TAKEN = slice(len(_MANNERS), len(_MANNERS + _CHANGED + _KNOWN))
_CHANGING = slice(len(_MANNERS), len(_MANNERS + _CHANGED))
_FAULTING = slice(len(_MANNERS + _PAGES))
_DEMAND = slice(_TAKEN.stop - 2, _TAKEN.stop + 1)
_WAITS = slice(-2, None)
_OUTSIDE = slice(len(_MANNERS + _PAGES) - 1, len(_MANNERS + _PAGES) + 1)


class Fleet:
    """VMs of the estate, V entries each, powered-off ones among them (they hold nothing).

    All columns of amounts are rows of one matrix, so that some VMs can be taken out, worked on as
    a smaller fleet, and put back, in two calls.

    Args:
        host: row of its host.
        on: powered on.
        size: configured memory.
        vcpus: virtual CPUs.
        reservation: guaranteed memory, pools' guarantees included.
        limit: upper limit of host memory, pools' limits included; inf is none.
        shares: effective shares among all VMs of a host.
        tools: VMware Tools run.
        balloon_cap: largest balloon.

    Attributes:
        matrix: (columns, V) all that follows, and the arguments that are amounts.
        demand: (3, V) working, anon and cache_want, as rows of the matrix.
        outside: (2, V) swapped and ballooned, likewise.
        waits: (2, V) latency and stall, likewise.
        nothing: (V,) zeros, the bound of what is never negative; faster than the number.
        guest_size: memory that the guest has brought online, at most ``size``.
        overhead: host memory to run it, 0 when off.
        granted, ballooned, swapped, compressed: where its pages are.
        working: working set, what the guest touches within a sample period; may exceed the size.
        warm: what was in the working set within the last day or so, fading.
        fresh: pages that were not even warm, taken into the working set per step.
        hot_out: swapped or compressed pages that belong to the working set.
        warm_out: those that do not, but belong to the warm set.
        anon: memory the guest's programs have allocated.
        paged: the part of it that is in the guest's own page file.
        cache: guest page cache now.
        cache_want: page cache it would fill if left alone.
        idle_touch: share of idle pages touched per step.
        drift: share of the working set exchanged for idle pages per step.
        write_mibps: pages written per second.
        active: sampled estimate of touched memory.
        balloon_target: what the balloon is asked to take.
        target: what the scheduler last granted it, inf before it had to say.
        stall: share of the last step spent waiting for memory, all causes.
        latency: the part of it that ``mem.latency`` shows: swap-in and decompression.
        moving: share of the last step lost to a migration.
    """

    __slots__ = (
        "demand",
        "host",
        "matrix",
        "nothing",
        "on",
        "outside",
        "tools",
        "waits",
        *_COLUMNS,
    )

    demand: FloatArray
    nothing: FloatArray
    outside: FloatArray
    waits: FloatArray
    granted: FloatArray
    ballooned: FloatArray
    swapped: FloatArray
    compressed: FloatArray
    hot_out: FloatArray
    warm_out: FloatArray
    cache: FloatArray
    paged: FloatArray
    target: FloatArray
    balloon_target: FloatArray
    size: FloatArray
    guest_size: FloatArray
    limit: FloatArray
    reservation: FloatArray
    shares: FloatArray
    balloon_cap: FloatArray
    active: FloatArray
    working: FloatArray
    warm: FloatArray
    fresh: FloatArray
    anon: FloatArray
    idle_touch: FloatArray
    drift: FloatArray
    vcpus: FloatArray
    overhead: FloatArray
    cache_want: FloatArray
    write_mibps: FloatArray
    stall: FloatArray
    latency: FloatArray
    moving: FloatArray

    def __init__(  # noqa: PLR0913 - all by name
        self,
        *,
        host: IndexArray,
        on: BoolArray,
        size: FloatArray,
        vcpus: FloatArray,
        reservation: FloatArray,
        limit: FloatArray,
        shares: FloatArray,
        tools: BoolArray,
        balloon_cap: FloatArray,
    ) -> None:
        self.lay(np.zeros((len(_COLUMNS), len(host))), host, on, tools)
        self.size[:] = size
        self.guest_size[:] = size
        self.vcpus[:] = vcpus
        self.reservation[:] = reservation
        self.limit[:] = limit
        self.shares[:] = shares
        self.balloon_cap[:] = balloon_cap
        self.target[:] = np.inf
        self.overhead[:] = np.where(on, laws.overhead_mib(size, vcpus), 0.0)

    def lay(self, matrix: FloatArray, host: IndexArray, on: BoolArray, tools: BoolArray) -> None:
        """Make all columns rows of that matrix."""
        self.matrix, self.host, self.on, self.tools = matrix, host, on, tools
        for name, column in zip(_COLUMNS, matrix, strict=True):
            setattr(self, name, column)
        self.demand, self.outside, self.waits = matrix[_DEMAND], matrix[_OUTSIDE], matrix[_WAITS]
        self.nothing = np.zeros(len(host))
        self.nothing.setflags(write=False)

    def __len__(self) -> int:
        return len(self.host)

    def __deepcopy__(self, memo: object) -> Fleet:
        copied = Fleet.__new__(Fleet)
        copied.lay(self.matrix.copy(), self.host.copy(), self.on.copy(), self.tools.copy())
        return copied

    def take(self, rows: IndexArray) -> Fleet:
        """Some VMs as a fleet of their own, without the columns that reclamation has no use for."""
        part = Fleet.__new__(Fleet)
        part.matrix = self.matrix[_TAKEN].take(rows, axis=1)
        part.host, part.on, part.tools = self.host[rows], self.on[rows], self.tools[rows]
        part.nothing = np.zeros(len(rows))
        # Spelt out in the order of the column names, since this is done at every step.
        (
            part.granted, part.compressed, part.hot_out, part.warm_out, part.swapped,
            part.ballooned, part.cache, part.paged, part.size, part.guest_size, part.limit,
            part.reservation, part.shares, part.balloon_cap, part.active, part.warm, part.working,
            part.anon,
        ) = part.matrix  # fmt: skip
        return part

    def put(self, rows: IndexArray, part: Fleet) -> None:
        """Put back what was taken and worked on."""
        self.matrix[_CHANGING, rows] = part.matrix[: len(_CHANGED)]

    def pages(self, rows: IndexArray) -> FloatArray:
        """(7, n) some VMs' idle_touch, vcpus, granted, compressed, hot_out, warm_out, swapped."""
        block: FloatArray = self.matrix[_FAULTING].take(rows, axis=1)
        return block

    def put_pages(self, rows: IndexArray, block: FloatArray) -> None:
        """Put back what :meth:`pages` gave and was worked on."""
        _, _, granted, compressed, hot_out, warm_out, swapped = block
        self.granted[rows] = granted
        self.compressed[rows] = compressed
        self.hot_out[rows] = hot_out
        self.warm_out[rows] = warm_out
        self.swapped[rows] = swapped

    def held(self) -> FloatArray:
        """Host memory that each VM takes, overhead apart: granted and its compression cache."""
        held = self.compressed * _ZIP_RATIO
        held += self.granted
        return held

    def unbacked(self) -> FloatArray:
        """What is neither backed nor taken: the guest's untouched memory."""
        return self.size - self.granted - self.ballooned - self.swapped - self.compressed

    def used_by_host(self, hosts: Hosts) -> FloatArray:
        """(H,) memory in use on each host, VMkernel and incoming migrations included."""
        per_vm = self.held() + self.overhead
        used = laws.summed(per_vm, self.host, len(hosts))
        return used + hosts.vmkernel + hosts.incoming


class Flows:
    """What moved in the last step, MiB per VM; rates are these over the step.

    Attributes:
        matrix: all of them, one row each in this order, so that sums and copies are one call.
        by_host: (3, V) rows of it that are told anew in each step, all but guests' own paging.
        swap_in, swap_out: between host memory and the swap file.
        unzip: out of the compression cache by touch.
        guest_paging: read back by the guest from its own page file.
    """

    __slots__ = ("by_host", "guest_paging", "matrix", "swap_in", "swap_out", "unzip")

    def __init__(self, count: int) -> None:
        self.matrix: FloatArray = np.zeros((4, count))
        self.swap_in: FloatArray = self.matrix[0]
        self.swap_out: FloatArray = self.matrix[1]
        self.unzip: FloatArray = self.matrix[2]
        self.guest_paging: FloatArray = self.matrix[3]
        self.by_host: FloatArray = self.matrix[:3]
