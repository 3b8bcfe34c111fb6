"""Two estates side by side: as it is, after a change in thought, and after the market has traded.

What would be taken from VMs is foretold from the ledger, since nobody has observed it: a host that
has sold more than it has balloons idle memory, and swaps what no balloon can free.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vsphere_market.market.certificate import lower_bound
from vsphere_market.market.changes import Change
from vsphere_market.market.diagnosis import host_entity
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.engine import Question, clear
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.placement import marketplaces
from vsphere_market.market.plan import Plan
from vsphere_market.market.planner import make_plan
from vsphere_market.market.settle import Settlement, reachable, restart_order
from vsphere_market.market.whatif import transform
from vsphere_market.port import Entity
from vsphere_market.units import FloatArray

#: Less than this is not worth a word, MiB.
NOTICEABLE_MIB = 1.0


@dataclass(frozen=True, slots=True)
class HostSide:
    """One seller in one of the estates.

    Attributes:
        host: the host.
        cluster: its cluster's name, "" for a standalone host.
        price: points for one more MiB of working set.
        load: working sets, a quarter of idle memory and overhead over usable memory.
        footprint: all that its VMs would hold over usable memory.
        vms: running VMs.
        balloon_mib: idle memory of its VMs that it would take.
        swap_mib: what it would have to swap besides.
        fit: takes VMs.
    """

    host: Entity
    cluster: str
    price: float
    load: float
    footprint: float
    vms: int
    balloon_mib: float
    swap_mib: float
    fit: bool


@dataclass(frozen=True, slots=True)
class Squeezed:
    """A VM that would give memory up.

    Attributes:
        vm: the VM.
        host: its host.
        balloon_mib: by its balloon: its part of what the host lacks, by idle memory.
        swap_mib: by swapping: its part, by what of it no balloon can free.
    """

    vm: Entity
    host: Entity
    balloon_mib: float
    swap_mib: float


@dataclass(frozen=True, slots=True)
class Redundancy:
    """Whether a cluster could lose any one of its hosts.

    Attributes:
        cluster: its name.
        host: the host whose loss would hurt most.
        stranded: VMs that could not be restarted then.
        balloon_mib: what the others would balloon, more than they do with it.
        swap_mib: what the others would swap, more than they do with it.
    """

    cluster: str
    host: Entity
    stranded: int
    balloon_mib: float
    swap_mib: float

    @property
    def holds(self) -> bool:
        """Every VM starts again and nothing has to be swapped for it."""
        return self.stranded == 0 and self.swap_mib < NOTICEABLE_MIB


@dataclass(frozen=True, slots=True)
class Side:
    """One of the estates.

    Attributes:
        potential: points.
        lower_bound: what no placement of its VMs costs less than, points.
        hosts: the dearest first.
        squeezed: who would give memory up, the most hurt first.
        redundancy: per cluster with two open hosts at least.
        running: VMs that run.
    """

    potential: float
    lower_bound: float
    hosts: tuple[HostSide, ...]
    squeezed: tuple[Squeezed, ...]
    redundancy: tuple[Redundancy, ...]
    running: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """A change, foretold.

    Attributes:
        now: the estate as it is.
        then: after the change, before anybody reacts.
        traded: after the plan that would result.
        plan: that plan; what is only possible in thought (an added host) is in it, too.
        stranded: VMs that found no host that could back them.
        stuck: VMs that cannot leave a host in maintenance.
    """

    now: Side
    then: Side
    traded: Side
    plan: Plan
    stranded: tuple[Entity, ...]
    stuck: tuple[Entity, ...]


def foretell(question: Question, changes: Sequence[Change], now_s: float) -> Outlook:
    """What becomes of an estate when changes are made.

    Args:
        question: the estate as it is.
        changes: in order.
        now_s: Unix time at the source.
    """
    changed = transform(question, changes)
    return Outlook(
        now=side(question, question.ledger()),
        then=side(changed.question, changed.question.ledger()),
        traded=side(changed.question, clear(changed.question).ledger),
        plan=make_plan(changed.question, now_s),
        stranded=changed.stranded,
        stuck=changed.stuck,
    )


def side(question: Question, ledger: Ledger) -> Side:
    """What a ledger of a question shows."""
    places = marketplaces(ledger, Eligibility(ledger, question.cooling))
    potential = ledger.potential()
    return Side(
        potential=potential,
        lower_bound=min(lower_bound(ledger, places), potential),
        hosts=_hosts(ledger),
        squeezed=squeezed(ledger),
        redundancy=redundancy(ledger),
        running=int((ledger.host_of >= 0).sum()),
    )


def shortage(ledger: Ledger, load: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(H,) MiB that hosts with loads (H, K) would balloon, and swap besides."""
    footprint, pinned = (good.columns.start for good in ledger.supply.goods[1:3])
    usable = ledger.supply.usable
    over: FloatArray = np.maximum(load[:, footprint] - usable, 0.0)
    swap: FloatArray = np.minimum(np.maximum(load[:, pinned] - usable, 0.0), over)
    return over - swap, swap


def squeezed(ledger: Ledger) -> tuple[Squeezed, ...]:
    """Who would give memory up, the most hurt first."""
    balloon, swap = shortage(ledger, ledger.load)
    footprint, pinned = (good.columns.start for good in ledger.supply.goods[1:3])
    on = np.flatnonzero(ledger.host_of >= 0)
    home = ledger.host_of[on]
    hard = ledger.taken[on, pinned]
    soft = np.maximum(ledger.taken[on, footprint] - hard, 0.0)
    found = []
    parts = []
    for part, amount in ((soft, balloon), (hard, swap)):
        whole = np.bincount(home, part, minlength=len(balloon))
        share = amount / np.where(whole > 0.0, whole, 1.0)
        parts.append(part * share[home])
    vms = ledger.snapshot.vms
    for at in np.flatnonzero(parts[0] + parts[1] >= NOTICEABLE_MIB).tolist():
        row = int(on[at])
        found.append(
            Squeezed(
                Entity(vms.moid[row], vms.name[row]),
                host_entity(ledger, int(home[at])),
                float(parts[0][at]),
                float(parts[1][at]),
            )
        )
    found.sort(key=lambda item: (-item.swap_mib, -item.balloon_mib, item.vm.name))
    return tuple(found)


def redundancy(ledger: Ledger) -> tuple[Redundancy, ...]:
    """For each cluster the open host whose loss would hurt most, and how much."""
    snapshot = ledger.snapshot
    found = []
    for cluster, name in enumerate(snapshot.clusters.name):
        hosts = np.flatnonzero((snapshot.hosts.cluster == cluster) & ledger.supply.open)
        if len(hosts) < 2:
            continue
        losses = [_loss(ledger, int(host), name) for host in hosts]
        found.append(max(losses, key=lambda loss: (loss.stranded, loss.swap_mib, loss.balloon_mib)))
    return tuple(found)


def _loss(ledger: Ledger, host: int, cluster: str) -> Redundancy:
    vms = restart_order(ledger, np.flatnonzero(ledger.host_of == host))
    able = reachable(ledger, vms)
    able[:, host] = False
    settlement = Settlement.of(ledger)
    homes = settlement.settle(vms, able)
    settlement.load[host] = 0.0
    others = np.arange(len(ledger.load)) != host
    before = [float(part[others].sum()) for part in shortage(ledger, ledger.load)]
    after = [float(part[others].sum()) for part in shortage(ledger, settlement.load)]
    return Redundancy(
        cluster=cluster,
        host=host_entity(ledger, host),
        stranded=int((homes < 0).sum()),
        balloon_mib=max(after[0] - before[0], 0.0),
        swap_mib=max(after[1] - before[1], 0.0),
    )


def _hosts(ledger: Ledger) -> tuple[HostSide, ...]:
    snapshot, supply = ledger.snapshot, ledger.supply
    price = ledger.host_price()
    memory, footprint = (good.columns.start for good in supply.goods[:2])
    balloon, swap = shortage(ledger, ledger.load)
    running = np.bincount(ledger.host_of[ledger.host_of >= 0], minlength=len(price))
    found = []
    for host in range(len(price)):
        usable = float(supply.usable[host])
        cluster = int(snapshot.hosts.cluster[host])
        found.append(
            HostSide(
                host=host_entity(ledger, host),
                cluster=snapshot.clusters.name[cluster] if cluster >= 0 else "",
                price=float(price[host]),
                load=float(ledger.load[host, memory]) / usable,
                footprint=float(ledger.load[host, footprint]) / usable,
                vms=int(running[host]),
                balloon_mib=float(balloon[host]),
                swap_mib=float(swap[host]),
                fit=bool(supply.fit[host]),
            )
        )
    found.sort(key=lambda item: (-item.price, item.host.name))
    return tuple(found)
