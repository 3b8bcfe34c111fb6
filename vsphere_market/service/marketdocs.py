"""The market as documents: the estate, prices, one cluster's market over time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

import vsphere_market
from vsphere_market.journal import Filter, Journal, estate_key
from vsphere_market.market import HostView
from vsphere_market.market.view import StoreView
from vsphere_market.service import words
from vsphere_market.service.ready import Ready
from vsphere_market.service.view import View
from vsphere_market.service.words import Document
from vsphere_market.units import BoolArray

T = TypeVar("T")

#: Squeezed VMs that the prices show; /v1/vms has all of them.
SQUEEZED_SHOWN = 100
#: Points of a supply curve.
_POINTS = 60
#: Plans whose certificates make the series of potential and bound.
_MOST_PLANS = 2000
_MOST_SAMPLES = 60_000


def host_document(view: View, item: HostView) -> Document:
    """One seller."""
    causes = view.causes.get(item.host.moid, Counter())
    row = view.snapshot.hosts.row(item.host.moid)
    cluster = int(view.snapshot.hosts.cluster[row])
    return {
        "moid": item.host.moid,
        "name": item.host.name,
        "cluster": view.snapshot.clusters.moid[cluster] if cluster >= 0 else None,
        "cluster_name": item.cluster or None,
        "price": words.number(item.price),
        "load": words.number(item.load),
        "footprint": words.number(item.footprint),
        "usable_mib": words.number(item.usable_mib),
        "pressure": item.pressure.value,
        "ballooned_mib": words.number(item.ballooned_mib),
        "swapped_mib": words.number(item.swapped_mib),
        "swap_kibps": words.number(item.swap_kibps),
        "vms": item.vms,
        "fit": item.fit,
        "causes": {cause.value: count for cause, count in causes.most_common()},
    }


def _store(item: StoreView) -> Document:
    return {
        "moid": item.store.moid,
        "name": item.store.name,
        "price": words.number(item.price),
        "load": words.number(item.load),
        "iops": words.number(item.iops),
        "latency_ms": words.number(item.latency_ms),
        "free_mib": words.number(item.free_mib),
        "hours": round(item.hours),
    }


def prices_document(view: View, cluster: str | None = None) -> Document:
    """Hosts by price, and who is squeezed the most.

    Args:
        view: the turn.
        cluster: managed object id; None for all of the estate.
    """
    hosts = [host_document(view, item) for item in view.market.hosts]
    squeezed: Sequence[Document]
    if cluster is not None:
        hosts = [item for item in hosts if item["cluster"] == cluster]
        here = {item["moid"] for item in hosts}
        found = [item for item in view.market.squeezed if item.host.moid in here]
    else:
        found = list(view.market.squeezed)
    squeezed = [words.diagnosis(item) for item in found[:SQUEEZED_SHOWN]]
    return {
        "turn": view.number,
        "taken_at": words.moment(view.snapshot.taken_at_s),
        "potential": words.number(view.market.potential),
        "hosts": hosts,
        "datastores": [_store(item) for item in view.market.stores],
        "squeezed": squeezed,
        "squeezed_total": len(found),
    }


def cluster_documents(view: View) -> list[Document]:
    """Every cluster in a few numbers; standalone hosts are in none."""
    clusters, vms, hosts = view.snapshot.clusters, view.snapshot.vms, view.snapshot.hosts
    running = view.frame.question.demand.running
    short: Counter[int] = Counter(int(vms.cluster[item.row]) for item in view.market.squeezed)
    found = []
    for row, moid in enumerate(clusters.moid):
        here = [view.host_views[hosts.moid[host]] for host in np.flatnonzero(hosts.cluster == row)]
        usable = sum(item.usable_mib for item in here)
        prices = [item.price for item in here if item.fit]
        found.append(
            {
                "moid": moid,
                "name": clusters.name[row],
                "datacenter": clusters.datacenter[row] or None,
                "drs": clusters.drs_behavior[row] or None if clusters.drs_enabled[row] else None,
                "ha": bool(clusters.ha_enabled[row]),
                "hosts": len(here),
                "vms": int((vms.cluster == row).sum()),
                "running_vms": int((running & (vms.cluster == row)).sum()),
                "squeezed_vms": short[row],
                "usable_mib": words.number(usable),
                "load": words.number(
                    sum(item.load * item.usable_mib for item in here) / usable if usable else None
                ),
                "footprint": words.number(
                    sum(item.footprint * item.usable_mib for item in here) / usable
                    if usable
                    else None
                ),
                "price_low": words.number(min(prices)) if prices else None,
                "price_high": words.number(max(prices)) if prices else None,
            }
        )
    return found


def estate_document(view: View) -> Document:
    """What of the estate's summary one turn decides; the service adds what it knows itself."""
    snapshot, squeeze = view.snapshot, view.squeeze
    causes = Counter(item.cause.value for item in view.market.squeezed)
    return {
        "turn": view.number,
        "taken_at": words.moment(snapshot.taken_at_s),
        "source": {
            "kind": snapshot.source.kind,
            "name": snapshot.source.name,
            "instance_uuid": snapshot.source.instance_uuid or None,
            "version": snapshot.source.version or None,
        },
        "engine": vsphere_market.__version__,
        "hosts": len(snapshot.hosts),
        "vms": len(snapshot.vms),
        "running_vms": int(view.frame.question.demand.running.sum()),
        "squeezed_vms": len(view.market.squeezed),
        "hurting_vms": sum(item.hurts for item in view.market.squeezed),
        "causes": dict(causes.most_common()),
        "squeeze": {
            "ballooned_mib": words.number(squeeze.ballooned_mib),
            "swapped_mib": words.number(squeeze.swapped_mib),
            "compressed_mib": words.number(squeeze.compressed_mib),
            "swapin_kibps": words.number(squeeze.swapin_kibps),
            "swapout_kibps": words.number(squeeze.swapout_kibps),
        },
        "potential": words.number(view.market.potential),
        "certificate": words.certificate(view.plan),
        "plan": str(view.plan_number),
        "plan_steps": len(view.plan.steps),
        "clusters": cluster_documents(view),
        "missing": list(snapshot.missing),
        "policy_findings": [
            {
                "severity": item.severity.value,
                "code": item.code,
                "where": item.subject,
                "what": item.what,
                "cure": item.cure,
            }
            for item in view.frame.findings
        ],
    }


def prices_of(view: View, cluster: str | None = None) -> Ready:
    """The prices as they are sent; see :func:`prices_document`."""
    return view.shelf.get(("prices", cluster), lambda: prices_document(view, cluster))


def estate_of(view: View) -> Document:
    """The estate's summary, made once a turn."""
    found = view.kept.get("estate")
    if found is None:
        found = view.kept["estate"] = estate_document(view)
    return found


def prepare(view: View) -> None:
    """Make what most readers ask for first, before any of them waits for it."""
    estate_of(view)
    prices_of(view)
    for moid in view.snapshot.clusters.moid:
        prices_of(view, moid)
    _ = view.price_of_vm, view.moid_rank, view.steps_of, view.diagnoses, view.bills


# ---------------------------------------------------------------- one cluster over time


@dataclass(frozen=True, slots=True)
class Span:
    """Which part of the past is asked for.

    Attributes:
        since_s: Unix time; None for as far as there are samples.
        until_s: Unix time; None for now.
        points: at most so many moments; more are thinned out evenly.
    """

    since_s: float | None = None
    until_s: float | None = None
    points: int = 300


def market_document(view: View, journal: Journal, cluster: int, span: Span) -> Document:
    """One cluster's market: prices per host over time, supply and demand now, potential and bound.

    Args:
        view: the latest turn.
        journal: knows the past.
        cluster: row of the cluster.
        span: how far back.
    """
    clusters = view.snapshot.clusters
    return {
        "turn": view.number,
        "cluster": {"moid": clusters.moid[cluster], "name": clusters.name[cluster]},
        "series": _series(view, journal, cluster, span),
        "potential": _potential(view, journal, span),
        **curves_document(view, view.snapshot.hosts.cluster == cluster),
    }


def _series(view: View, journal: Journal, cluster: int, span: Span) -> Document:
    """Prices and loads of the cluster's hosts: one column of times, one of values per host."""
    hosts = view.snapshot.hosts
    names = {hosts.moid[row]: hosts.name[row] for row in np.flatnonzero(hosts.cluster == cluster)}
    wanted = Filter(since_s=span.since_s, until_s=span.until_s, limit=_MOST_SAMPLES)
    samples = [item for item in journal.host_samples(wanted) if item.moid in names]
    moments = sorted({item.at_s for item in samples})
    kept = _thinned(moments, span.points)
    place = {at_s: at for at, at_s in enumerate(kept)}
    empty: list[float | None] = [None] * len(kept)
    columns = {moid: (list(empty), list(empty), list(empty)) for moid in names}
    for item in samples:
        at = place.get(item.at_s)
        if at is None:
            continue
        price, load, balloon = columns[item.moid]
        price[at] = words.number(item.price)
        load[at] = words.number(item.load)
        balloon[at] = words.number(item.ballooned_mib)
    return {
        "at_s": kept,
        "hosts": [
            {"moid": moid, "name": names[moid], "price": p, "load": u, "ballooned_mib": b}
            for moid, (p, u, b) in columns.items()
        ],
    }


def _potential(view: View, journal: Journal, span: Span) -> Document:
    """Potential and bound of the estate's plans over time."""
    wanted = Filter(
        since_s=span.since_s,
        until_s=span.until_s,
        estate=estate_key(view.snapshot.source),
        limit=_MOST_PLANS,
    )
    plans = sorted(journal.plans(wanted), key=lambda item: (item.created_s, item.id))
    kept = _thinned(plans, span.points)
    return {
        "at_s": [item.created_s for item in kept],
        "before": [words.number(item.potential_before) for item in kept],
        "after": [words.number(item.potential_after) for item in kept],
        "lower_bound": [words.number(item.lower_bound) for item in kept],
    }


def _thinned(items: list[T], most: int) -> list[T]:
    """At most so many of them, evenly, the newest always among them."""
    if len(items) <= most:
        return items
    step = len(items) / most
    return [items[min(len(items) - 1, int((at + 1) * step) - 1)] for at in range(most)]


def curves_document(view: View, here: BoolArray) -> Document:
    """Supply and demand of some hosts now, in MiB of memory load against points per MiB.

    *Supply*: how much load the hosts that take VMs would carry if each sold up to that price.
    *Demand*: how much load pays at least that price where it lives now, the dearest first. Were
    all hosts open to all, the whole load would cost the price at which supply meets it; what is
    paid above that is what trading could spare.
    """
    ledger = view.ledger
    good = ledger.supply.goods[0]
    now = good.columns.start
    capacity = ledger.supply.usable
    load = ledger.load[:, now]
    fit = here & ledger.supply.fit
    usable = float(capacity[fit].sum())
    # Loads up to a third above full: beyond, the tangent is straight and shows nothing new.
    shares = np.linspace(0.0, 1.3, _POINTS)
    supply = [
        {"load_mib": words.number(share * usable), "price": words.number(price)}
        for share, price in zip(shares.tolist(), good.curve.price(shares).tolist(), strict=True)
    ]
    spot = good.curve.price(load / capacity)
    rows = sorted(np.flatnonzero(here & (load > 0)).tolist(), key=lambda row: -float(spot[row]))
    paid = np.cumsum(load[rows]).tolist() if rows else []
    total = float(load[here].sum())
    even = total / usable if usable else float("nan")
    return {
        "supply": supply,
        "demand": [
            {
                "load_mib": words.number(float(cumulated)),
                "price": words.number(float(spot[row])),
                "host": view.snapshot.hosts.name[row],
            }
            for row, cumulated in zip(rows, paid, strict=True)
        ],
        "equilibrium": {
            "load_mib": words.number(total),
            "usable_mib": words.number(usable),
            "price": words.number(float(good.curve.price(np.array([even]))[0]) if usable else None),
        },
    }
