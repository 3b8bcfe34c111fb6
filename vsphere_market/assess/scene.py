"""The estate as findings look at it: the ledger before the plan and after, and common columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vsphere_market.assess.model import HostState, Strain
from vsphere_market.estate import POWERED_ON, Snapshot
from vsphere_market.estate.rvtools import UNLISTED
from vsphere_market.market import Plan, Question
from vsphere_market.market.engine import carry_out
from vsphere_market.market.goods import Space
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.steps import whats_of
from vsphere_market.units import BoolArray, FloatArray

#: A host is tight above this share of what it has for sale.
TIGHT = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What findings are made from.

    Attributes:
        snapshot: the estate.
        before: the market's ledger as it stands.
        after: the same after every step of the plan.
        running: (V,) VMs that run, whoever owns them.
        ours: (V,) running VMs with counters that are an administrator's own: no agents, and no
            stand-ins for what the source does not list.
        listed: (V,) rows that are VMs at all.
        hosts: state of every host.
    """

    snapshot: Snapshot
    before: Ledger
    after: Ledger
    running: BoolArray
    ours: BoolArray
    listed: BoolArray
    hosts: tuple[HostState, ...]

    @property
    def footprint(self) -> FloatArray:
        """(V,) what each VM would hold if nobody squeezed it."""
        return self.before.demand.footprint

    @property
    def working(self) -> FloatArray:
        """(V,) what each VM uses now, with headroom."""
        return self.before.demand.working_set

    @property
    def taken(self) -> FloatArray:
        """(V,) ballooned, swapped and compressed."""
        return self.before.demand.taken


def scene_of(question: Question, plan: Plan) -> Scene:
    """Look at an estate before and after a plan that was made from it."""
    before, after = question.ledger(), question.ledger()
    for what in whats_of(question.snapshot, [step.action for step in plan.steps]):
        carry_out(after, what)
    after.recount()
    snapshot = question.snapshot
    vms = snapshot.vms
    running = np.array([power == POWERED_ON for power in vms.power], dtype=np.bool_)
    listed = np.array([owner != UNLISTED for owner in vms.managed_by], dtype=np.bool_)
    owned = np.array([bool(owner) for owner in vms.managed_by], dtype=np.bool_)
    ours = running & before.demand.known & ~vms.template & ~owned
    return Scene(
        snapshot, before, after, running, ours, listed, _hosts(before, after, ours & listed)
    )


def strain_of(ledger: Ledger, host: int) -> Strain:
    """How a host stands in a ledger."""
    if not ledger.supply.fit[host]:
        return Strain.CLOSED
    usable = ledger.supply.usable[host]
    _, footprint, pinned = loads(ledger)
    if pinned[host] > usable:
        return Strain.SWAPS
    if footprint[host] > usable:
        return Strain.SHORT
    return Strain.TIGHT if footprint[host] > TIGHT * usable else Strain.CALM


def loads(ledger: Ledger) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(H,) memory load now, footprint and pinned memory of every host, MiB."""
    columns = [good.columns.start for good in ledger.supply.goods[:3]]
    memory, footprint, pinned = (ledger.load[:, column] for column in columns)
    return memory, footprint, pinned


def _hosts(before: Ledger, after: Ledger, ours: BoolArray) -> tuple[HostState, ...]:
    snapshot = before.snapshot
    vms = snapshot.vms
    count = len(snapshot.hosts)
    on = np.flatnonzero(before.host_of >= 0)
    home = before.host_of[on]

    def summed(column: FloatArray) -> FloatArray:
        total = np.zeros(count)
        np.add.at(total, home, np.nan_to_num(column)[on])
        return total

    rows = np.arange(len(vms))
    working = summed(before.working(rows, before.terms) + before.demand.overhead)
    ballooned = summed(vms.ballooned_mib)
    swapped = summed(vms.swapped_mib) + summed(vms.compressed_mib)
    known = summed(ours.astype(np.float64))
    _, footprint, pinned = loads(before)
    _, footprint_after, _ = loads(after)
    price, price_after = before.host_price(), after.host_price()
    return tuple(
        HostState(
            row=host,
            cluster=int(snapshot.hosts.cluster[host]),
            vms=int(known[host]),
            memory_mib=float(snapshot.hosts.memory_mib[host]),
            usable_mib=float(before.supply.usable[host]),
            footprint_mib=float(footprint[host]),
            working_mib=float(working[host]),
            pinned_mib=float(pinned[host]),
            reserved_mib=float(before.occupied[host, Space.ADMITTED]),
            ballooned_mib=float(ballooned[host]),
            swapped_mib=float(swapped[host]),
            price=float(price[host]),
            strain=strain_of(before, host),
            footprint_after_mib=float(footprint_after[host]),
            price_after=float(price_after[host]),
            strain_after=strain_of(after, host),
        )
        for host in range(count)
    )
