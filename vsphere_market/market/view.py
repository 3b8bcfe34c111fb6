"""The market as it stands: prices, pressure and who is squeezed, before anything is decided."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vsphere_market.market.causes import Cause, Pressure
from vsphere_market.market.diagnosis import VmDiagnosis, diagnose, diagnose_hosts, host_entity
from vsphere_market.market.engine import Question
from vsphere_market.market.ledger import Ledger
from vsphere_market.port import Entity
from vsphere_market.units import BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class HostView:
    """One seller.

    Attributes:
        host: the host.
        cluster: its cluster's name, "" for a standalone host.
        price: points for one more MiB of working set.
        load: working sets, a quarter of idle memory and overhead over usable memory.
        footprint: all that its VMs would hold over usable memory; above 1 ESXi balloons.
        usable_mib: memory for sale.
        pressure: how hard it is pressed.
        causes: by which mechanisms, with the memory each is about, the largest first.
        because: the same in words, "" when there is nothing to say.
        ballooned_mib: sum over its VMs; NaN when none of them gave it.
        swapped_mib: swapped and compressed, likewise.
        swap_kibps: swap-in and swap-out, likewise.
        vms: running VMs.
        fit: takes VMs.
    """

    host: Entity
    cluster: str
    price: float
    load: float
    footprint: float
    usable_mib: float
    pressure: Pressure
    causes: tuple[tuple[Cause, float], ...]
    because: str
    ballooned_mib: float
    swapped_mib: float
    swap_kibps: float
    vms: int
    fit: bool


@dataclass(frozen=True, slots=True)
class StoreView:
    """One datastore that is known by how it serves requests; NaN for what is not told.

    Attributes:
        store: the datastore.
        price: points for one more request per second.
        load: requests over what it could serve.
        iops: requests per second, large ones counted as several.
        latency_ms: how long each takes.
        free_mib: space that is free.
        hours: remembered hours that this stands on; 0 for the last minutes alone.
    """

    store: Entity
    price: float
    load: float
    iops: float
    latency_ms: float
    free_mib: float
    hours: float


@dataclass(frozen=True, slots=True)
class MarketView:
    """Prices and pressure of an estate; hosts and datastores with the highest price first."""

    potential: float
    hosts: tuple[HostView, ...]
    squeezed: tuple[VmDiagnosis, ...]
    stores: tuple[StoreView, ...] = ()


def look(question: Question) -> MarketView:
    """See the market without trading."""
    return view_of(question.ledger())


def view_of(ledger: Ledger) -> MarketView:
    """See a ledger."""
    snapshot = ledger.snapshot
    vms, hosts = snapshot.vms, snapshot.hosts
    price = ledger.host_price()
    memory, footprint = ledger.supply.goods[0].columns, ledger.supply.goods[1].columns
    squeezed = diagnose(ledger)
    found = diagnose_hosts(ledger, squeezed)
    seen = []
    for host in range(len(hosts)):
        here = ledger.host_of == host
        usable = float(ledger.supply.usable[host])
        cluster = int(hosts.cluster[host])
        seen.append(
            HostView(
                host=host_entity(ledger, host),
                cluster=snapshot.clusters.name[cluster] if cluster >= 0 else "",
                price=float(price[host]),
                load=float(ledger.load[host, memory.start]) / usable,
                footprint=float(ledger.load[host, footprint.start]) / usable,
                usable_mib=usable,
                pressure=found[host].pressure,
                causes=found[host].causes,
                because=found[host].because,
                ballooned_mib=_sum(here, vms.ballooned_mib),
                swapped_mib=_sum(here, vms.swapped_mib, vms.compressed_mib),
                swap_kibps=_sum(here, vms.swap_in_kibps, vms.swap_out_kibps),
                vms=int(here.sum()),
                fit=bool(ledger.supply.fit[host]),
            )
        )
    seen.sort(key=lambda view: (-view.price, view.host.name))
    return MarketView(ledger.potential(), tuple(seen), squeezed, _stores(ledger))


def _stores(ledger: Ledger) -> tuple[StoreView, ...]:
    """The datastores whose latency is told, the dearest first."""
    table, board = ledger.snapshot.datastores, ledger.charges.stores
    load = board.load(ledger.store)
    price, latency = board.price(load), board.latency(load)
    seen = [
        StoreView(
            Entity(table.moid[row], table.name[row]),
            float(price[row]),
            float(load[row] / board.capacity[row]),
            float(load[row]) if np.isfinite(board.capacity[row]) else float("nan"),
            float(latency[row]),
            float(table.free_mib[row]),
            float(board.usual.hours[row]),
        )
        for row in np.flatnonzero(np.isfinite(board.latency_ms)).tolist()
    ]
    seen.sort(key=lambda one: (-np.nan_to_num(one.price), -one.latency_ms, one.store.name))
    return tuple(seen)


def _sum(rows: BoolArray, *columns: FloatArray) -> float:
    """Sum of columns over rows; NaN when there are rows and not one gave a figure."""
    figures = np.concatenate([column[rows] for column in columns])
    given = figures[~np.isnan(figures)]
    return float("nan") if len(figures) and not len(given) else float(given.sum())
