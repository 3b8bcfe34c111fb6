"""The goods that hosts sell: which they are, how much each host has, how much each VM takes.

A good is a column: VMs take amounts that depend on nothing but themselves, hosts have capacities,
and a convex curve makes cost of load. Because of that the potential is a sum of convex functions
of sums over VMs, and every claim of the market (exact quotes, an end to trading, a lower bound)
follows. The goods:

* *memory* at each date of the demand curve: working set + κ · idle + overhead;
* *footprint*: all that the VMs would hold; above capacity ESXi balloons;
* *pinned memory* at each date: what no balloon can free; above capacity ESXi swaps;
* *CPU*, *vCPUs*, *network* and *storage*: guards, so that a memory trade does not wreck something
  else. They are sold where the source tells hosts' capacities and VMs' amounts, and trade on their
  own where they are the bottleneck. In points they are MiB-equivalents: the estate's memory per
  unit of each.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from vsphere_market.demand import Demand
from vsphere_market.estate import CONNECTED, VSAN_CLOSED, HostTable, Snapshot
from vsphere_market.market.curves import Curve, DelayCurve, HingeCurve, PlateauCurve
from vsphere_market.market.settings import MarketSettings
from vsphere_market.policy import Rulebook
from vsphere_market.units import BoolArray, FloatArray, IndexArray

#: Mem.CtlMaxPercent: largest balloon as a share of the VM's size (Resource Management guide 6.7).
BALLOON_MAX_SHARE = 0.65
#: Of a host that does not even sleep.
POWERED_OFF = "poweredOff"
#: Smallest capacity of a good that is sold at all, so that nothing divides by zero.
LEAST_CAPACITY = 1.0


#: A capacity that is never reached: of a host that does not tell how much it has. Products of it
#: with any load are still numbers.
BOUNDLESS = 1e150
#: KiB/s that a network of 1 Mb/s carries.
KIBPS_PER_MBPS = 1e6 / 8 / 1024


def balloon_curve(settings: MarketSettings) -> PlateauCurve:
    """What ballooning costs, on a host, in a pool or under a limit."""
    return PlateauCurve(settings.balloon_from, settings.balloon_slope, settings.balloon_most)


def swap_curve(settings: MarketSettings) -> HingeCurve:
    """What swapping costs, wherever."""
    return HingeCurve(settings.swap_from, settings.swap_slope)


class Space(IntEnum):
    """Columns of what a host must have room for; prices do not enter here.

    PINNED: memory that no balloon can free, within usable memory.
    ADMITTED: reservation and overhead, within physical memory less the VMkernel's.
    SIZED: configured size, within the ceiling that policy sets for over-commitment.
    """

    PINNED = 0
    ADMITTED = 1
    SIZED = 2


@dataclass(frozen=True, slots=True)
class Good:
    """A block of columns that share a curve.

    Attributes:
        name: ``memory``, ``footprint``, ``pinned``, or one of the guards: ``cpu``, ``vcpu``,
            ``network``.
        curve: cost of load.
        columns: the columns of the load and capacity matrices.
        weight: per column.
    """

    name: str
    curve: Curve
    columns: slice
    weight: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Supply:
    """What the hosts sell.

    Attributes:
        goods: the blocks of columns.
        capacity: (H, K) usable capacity, MiB or MHz; at least :data:`LEAST_CAPACITY`.
        usable: (H,) memory for sale, MiB.
        space: (H, 3) what may not be exceeded, MiB, in the order of :class:`Space`.
        fit: (H,) may take VMs.
        open: (H,) may give VMs away.
    """

    goods: tuple[Good, ...]
    capacity: FloatArray
    usable: FloatArray
    space: FloatArray
    fit: BoolArray
    open: BoolArray

    @property
    def memory(self) -> slice:
        """The columns of memory, at all dates, of footprint and of pinned memory."""
        return slice(0, self.goods[2].columns.stop)

    def cost(self, load: FloatArray, hosts: IndexArray | slice | int = slice(None)) -> FloatArray:
        """Cost in points of loads (…, K) on hosts whose capacity rows ``hosts`` selects."""
        capacity = self.capacity[hosts]
        total: FloatArray = np.zeros(np.broadcast_shapes(load.shape, capacity.shape)[:-1])
        for good in self.goods:
            part = capacity[..., good.columns]
            value = good.curve.integral(load[..., good.columns] / part)
            value *= part
            # Not a product of matrices: those of this size are not worth the threads that BLAS
            # wakes, and their last digits depend on how many rows there are.
            total += np.einsum("...k,k->...", value, good.weight)
        return total

    def even_cost(self, load: FloatArray, hosts: IndexArray) -> float:
        """Points that ``hosts`` cost at least with loads (K,) together: all at the same load."""
        capacity = self.capacity[hosts].sum(axis=0)
        total = 0.0
        for good in self.goods:
            part = capacity[good.columns]
            total += float((part * good.curve.integral(load[good.columns] / part)) @ good.weight)
        return total

    def price(self, load: FloatArray, hosts: IndexArray | slice = slice(None)) -> FloatArray:
        """Weighted marginal price of every column at loads (n, K) on ``hosts``, the same shape."""
        capacity = self.capacity[hosts]
        price = np.empty_like(load)
        for good in self.goods:
            cols = good.columns
            price[:, cols] = good.curve.price(load[:, cols] / capacity[:, cols]) * good.weight
        return price


def min_free_mib(memory_mib: FloatArray) -> FloatArray:
    """ESXi's minFree sliding scale, MiB: 6 % of 4 GiB, 4 % of 8, 2 % of 16, 1 % of the rest.

    For hosts that give no ``mem.lowfreethreshold``. Source: ESXi 5.0 and later, as published by
    F. Denneman (2011).
    """
    gib = memory_mib / 1024.0
    free = (
        0.06 * np.clip(gib, 0, 4)
        + 0.04 * np.clip(gib - 4, 0, 8)
        + 0.02 * np.clip(gib - 12, 0, 16)
        + 0.01 * np.maximum(gib - 28, 0)
    )
    return 1024.0 * free


def usable_memory(hosts: HostTable, reserve: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Memory for sale and memory for reservations of each host, (H,) MiB.

    Args:
        hosts: the host table.
        reserve: (H,) share of physical memory that policy holds back.
    """
    memory = hosts.memory_mib
    vmkernel = np.where(np.isnan(hosts.vmkernel_mib), 1024.0 + 0.02 * memory, hosts.vmkernel_mib)
    threshold = np.where(
        np.isnan(hosts.low_free_threshold_mib), min_free_mib(memory), hosts.low_free_threshold_mib
    )
    physical = np.maximum(memory - vmkernel, 0.0)
    usable = np.maximum(physical - threshold - reserve * memory, 0.0)
    return usable, physical


def crowded(hosts: HostTable, occupied: FloatArray, market: IndexArray) -> FloatArray:
    """(H, 3) what each host holds when it is as full as the fullest host that it trades with, MiB.

    Where some host has more pinned memory than it has memory, it swaps, and the others need not
    stay below what they have: evening out is what is left to do then, and what that is worth is
    the potential's to say. Nothing where no host of the market swaps; what policy holds back does
    not count as memory that a host lacks.

    Args:
        hosts: the host table.
        occupied: (H, 3) what each holds now, MiB.
        market: (H,) which hosts trade with each other.
    """
    usable = np.maximum(usable_memory(hosts, np.zeros(len(hosts)))[0], LEAST_CAPACITY)
    share = occupied[:, Space.PINNED] / usable
    full = np.zeros((len(hosts), len(Space)))
    for number in np.unique(market[market >= 0]).tolist():
        members = market == number
        worst = float(share[members].max())
        if worst > 1.0:
            full[members, Space.PINNED] = worst * usable[members]
    return full


@dataclass(frozen=True, slots=True, eq=False)
class Guard:
    """A good beside memory.

    Attributes:
        name: of the good.
        curve: cost of load.
        weight: against memory, in MiB-equivalents.
        capacity: (H,) in the good's own unit; 0 where the host does not tell.
        amount: (V,) what each VM takes, running or not; 0 where it is not known.
    """

    name: str
    curve: Curve
    weight: float
    capacity: FloatArray
    amount: FloatArray


def guards(snapshot: Snapshot, settings: MarketSettings) -> tuple[Guard, ...]:
    """The goods beside memory that this estate tells enough about; CPU is always the first.

    *cpu*: MHz that VMs would use, of the MHz that a host has. *vcpu*: virtual CPUs against cores;
    beyond a few per core they wait for each other however little each computes, which vSphere shows
    as readiness. *network*: throughput of VMs against a host's uplinks. *storage*: what VMs read
    and write against its storage adapters; what datastores make of it is in ``storage``.
    """
    vms, hosts = snapshot.vms, snapshot.hosts
    delay = DelayCurve(settings.knee)
    found = [
        Guard(
            "cpu",
            delay,
            settings.cpu_weight,
            np.nan_to_num(hosts.cpu_mhz),
            np.nan_to_num(vms.cpu_demand_mhz),
        )
    ]
    cores = np.nan_to_num(hosts.cpu_cores)
    if (cores > 0).any():
        crowded = HingeCurve(1.0, settings.vcpu_slope)
        most = settings.vcpus_per_core * cores
        found.append(Guard("vcpu", crowded, settings.vcpu_weight, most, np.nan_to_num(vms.vcpus)))
    uplinks = np.nan_to_num(hosts.uplink_mbps) * KIBPS_PER_MBPS
    traffic = np.nan_to_num(vms.net_kibps)
    if (uplinks > 0).any() and (traffic > 0).any():
        found.append(Guard("network", delay, settings.network_weight, uplinks, traffic))
    adapters = np.nan_to_num(hosts.storage_mbps) * KIBPS_PER_MBPS
    written = np.nan_to_num(vms.io_kibps)
    if (adapters > 0).any() and (written > 0).any():
        found.append(Guard("storage", delay, settings.storage_weight, adapters, written))
    return tuple(found)


def held_back(hosts: HostTable, rulebook: Rulebook, awake: BoolArray) -> FloatArray:
    """(H,) share of each host's memory that policy holds back while hosts are ``awake`` (H,).

    What the largest hosts that may fail hold has to find room on those that are awake: a host
    that is put to sleep leaves the others a larger share of it.
    """
    share = rulebook.host_reserve.copy()
    failures = rulebook.host_failover
    for cluster in np.unique(hosts.cluster[(failures > 0) & (hosts.cluster >= 0)]).tolist():
        members = (hosts.cluster == cluster) & (failures > 0) & awake & ~rulebook.host_excluded
        memory = np.sort(hosts.memory_mib[members])[::-1]
        if memory.sum() > 0:
            lost = np.array([memory[: int(count)].sum() for count in failures[members]])
            share[members] = np.maximum(share[members], lost / memory.sum())
    return share


def make_supply(
    snapshot: Snapshot,
    demand: Demand,
    rulebook: Rulebook,
    settings: MarketSettings,
    awake: BoolArray,
) -> Supply:
    """Lay out the goods of an estate and every host's capacity in them.

    Args:
        snapshot: the estate.
        demand: of its VMs.
        rulebook: what hosts hold back.
        settings: the curves' constants.
        awake: (H,) hosts that are not in standby, in the market's thought at least.
    """
    hosts = snapshot.hosts
    usable, physical = usable_memory(hosts, held_back(hosts, rulebook, awake))
    usable = np.maximum(usable, LEAST_CAPACITY)
    dates = demand.curve.shape[1]
    delay = DelayCurve(settings.knee)
    one = np.ones(1)
    goods = [
        Good("memory", delay, slice(0, dates), demand.date_weight),
        Good(
            "footprint",
            balloon_curve(settings),
            slice(dates, dates + 1),
            one,
        ),
        Good(
            "pinned",
            swap_curve(settings),
            slice(dates + 1, 2 * dates + 1),
            demand.date_weight,
        ),
    ]
    capacities = [np.repeat(usable[:, None], 2 * dates + 1, axis=1)]
    for guard in guards(snapshot, settings):
        column = slice(goods[-1].columns.stop, goods[-1].columns.stop + 1)
        told = guard.capacity > 0
        # MiB-equivalents: the estate's memory per unit of the good.
        exchange = usable[told].sum() / guard.capacity[told].sum() if told.any() else 1.0
        goods.append(Good(guard.name, guard.curve, column, guard.weight * exchange * one))
        capacities.append(np.where(told, guard.capacity, BOUNDLESS)[:, None])
    capacity = np.concatenate(capacities, axis=1)
    alive = awake & np.array([link == CONNECTED for link in hosts.connection], dtype=np.bool_)
    alive &= np.array([power != POWERED_OFF for power in hosts.power], dtype=np.bool_)
    open_ = alive & ~rulebook.host_excluded
    fit = open_ & ~hosts.in_maintenance & ~hosts.in_quarantine & ~hosts.failover_host
    fit &= np.array([part not in VSAN_CLOSED for part in hosts.vsan], dtype=np.bool_)
    space = np.stack([usable, physical, rulebook.host_overcommit * hosts.memory_mib], axis=1)
    return Supply(tuple(goods), capacity, usable, space, fit, open_)
