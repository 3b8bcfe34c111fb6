"""What Operations is told of each object: prices, pressure, the gap, what is recommended."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from vsphere_market.control.decide import Frame
from vsphere_market.executor.words import describe
from vsphere_market.market import MarketView, Plan

#: Group under which Operations shows them.
GROUP = "vSphere Market"
#: A text that Operations shows whole.
_TEXT_MOST = 1000
_NOTHING = "none"


@dataclass(frozen=True, slots=True)
class Figure:
    """One statistic of one object; either a number or a text.

    Attributes:
        key: under :data:`GROUP`, e.g. ``price``.
        value: a number, or a text.
    """

    key: str
    value: float | str

    @property
    def stat_key(self) -> str:
        """As Operations writes it."""
        return f"{GROUP}|{self.key}"


@dataclass(frozen=True, slots=True)
class Figures:
    """Statistics by kind and managed object id, all of one moment.

    Attributes:
        at_s: Unix time.
        by_kind: kind of object (``client.KINDS``) -> managed object id -> its figures.
    """

    at_s: float
    by_kind: dict[str, dict[str, tuple[Figure, ...]]]

    def __len__(self) -> int:
        """How many objects."""
        return sum(len(objects) for objects in self.by_kind.values())


def figures_of(framed: Frame, view: MarketView, plan: Plan) -> Figures:
    """What to tell of a decision.

    Hosts: price (points a MiB), load and sold (share of usable memory). Clusters: the highest
    price of their hosts, potential, gap of the certificate in percent, steps of the plan. VMs:
    memory taken from them (MiB), the cause, the price that they pay, what is recommended. VMs
    that are neither squeezed nor in a step are told once more that they are not, so that an old
    alarm ends.
    """
    snapshot = framed.snapshot
    steps: defaultdict[str, list[str]] = defaultdict(list)
    for step in plan.steps:
        steps[step.action.subject.moid].append(describe(step.action))
    price = {host.host.moid: host.price for host in view.hosts}
    hosts: dict[str, tuple[Figure, ...]] = {
        host.host.moid: (
            Figure("price", host.price),
            Figure("load_pct", 100.0 * host.load),
            Figure("sold_pct", 100.0 * host.footprint),
            Figure("pressure", host.pressure.value),
            Figure("recommendation", _text(steps[host.host.moid])),
        )
        for host in view.hosts
    }
    squeezed = {found.vm.moid: found for found in view.squeezed}
    taken = np.nan_to_num(framed.question.demand.taken)
    vms: dict[str, tuple[Figure, ...]] = {}
    for row, moid in enumerate(snapshot.vms.moid):
        host = int(snapshot.vms.host[row])
        found = squeezed.get(moid)
        if host < 0 or snapshot.vms.template[row]:
            continue
        vms[moid] = (
            Figure("price", price.get(snapshot.hosts.moid[host], 0.0)),
            Figure("taken_mib", float(taken[row])),
            Figure("cause", found.cause.value if found else _NOTHING),
            Figure("recommendation", _text(steps[moid])),
        )
    return Figures(
        framed.now_s,
        {
            "HostSystem": hosts,
            "VirtualMachine": vms,
            "ClusterComputeResource": _clusters(framed, view, plan),
        },
    )


def _clusters(framed: Frame, view: MarketView, plan: Plan) -> dict[str, tuple[Figure, ...]]:
    clusters, hosts = framed.snapshot.clusters, framed.snapshot.hosts
    dearest: defaultdict[str, float] = defaultdict(float)
    for host in view.hosts:
        cluster = int(hosts.cluster[hosts.row(host.host.moid)])
        if cluster >= 0:
            moid = clusters.moid[cluster]
            dearest[moid] = max(dearest[moid], host.price)
    certificate = plan.certificate
    return {
        moid: (
            Figure("price", dearest[moid]),
            Figure("potential", certificate.potential_before),
            Figure("gap_pct", certificate.gap_pct),
            Figure("steps", float(len(plan.steps))),
        )
        for moid in clusters.moid
    }


def _text(sentences: list[str]) -> str:
    """Operations shows the newest text, so that none is a text as well."""
    return "; ".join(sentences)[:_TEXT_MOST] if sentences else _NOTHING
