"""Where memory could be got back, and what that buys at today's prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vsphere_market.control.decide import Frame
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.underused import Underused, Waste, together, underused


@dataclass(frozen=True, slots=True)
class Reclaimable:
    """One kind of waste in one cluster.

    Attributes:
        cluster: name, "" for standalone hosts.
        waste: the kind.
        vms: so many VMs.
        held_mib: host memory that they hold now.
        freed_mib: what their hosts would not have to keep any more.
        reserved_mib: reservations that would be given back.
        worth: points by which the estate's cost would fall, all of them at once.
    """

    cluster: str
    waste: Waste
    vms: int
    held_mib: float
    freed_mib: float
    reserved_mib: float
    worth: float


@dataclass(frozen=True, slots=True)
class Findings:
    """What could be got back.

    Attributes:
        vms: every VM that binds memory without need, what is worth most first.
        sums: the same by cluster and kind, likewise.
        worth: points that freeing all of it at once buys.
    """

    vms: tuple[Underused, ...]
    sums: tuple[Reclaimable, ...]
    worth: float


def reclaimable(framed: Frame) -> Findings:
    """Look for memory that is bound without need."""
    ledger = framed.question.ledger()
    items = underused(ledger)
    return Findings(items, summed_up(ledger, items), together(ledger, items))


def summed_up(ledger: Ledger, items: Sequence[Underused]) -> tuple[Reclaimable, ...]:
    """Findings by cluster and kind, what is worth most first."""
    groups: dict[tuple[str, Waste], list[Underused]] = {}
    for item in items:
        groups.setdefault((item.cluster, item.waste), []).append(item)
    found = [
        Reclaimable(
            cluster=cluster,
            waste=waste,
            vms=len(own),
            held_mib=sum(item.held_mib for item in own),
            freed_mib=sum(item.freed_mib for item in own),
            reserved_mib=sum(item.reserved_mib for item in own),
            worth=together(ledger, own),
        )
        for (cluster, waste), own in groups.items()
    ]
    found.sort(key=lambda one: (-one.worth, -one.freed_mib, one.cluster, one.waste))
    return tuple(found)
