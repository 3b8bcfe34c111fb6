"""Metrics for Prometheus: base units, and the label names of vmware_exporter.

How many series there are is bounded: hosts, clusters and causes have a few each; VMs have some only
while they are squeezed, and only so many of them, the most hurt first.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

import vsphere_market
from vsphere_market.market import Pressure
from vsphere_market.service.view import View
from vsphere_market.units import BYTES_PER_MIB

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_KIB = 1024.0
_HOST = ("host_name", "dc_name", "cluster_name", "moid")
_VM = ("vm_name", "host_name", "dc_name", "cluster_name", "moid")
_CLUSTER = ("cluster_name", "dc_name")
_PRESSURES = {
    Pressure.CALM: 0.0, Pressure.FULL: 1.0, Pressure.BALLOONING: 2.0, Pressure.SWAPPING: 3.0,
}  # fmt: skip
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Counts:
    """What the service counts by itself, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests: Counter[tuple[str, str]] = Counter()
        self.steps: Counter[str] = Counter()
        self.alerts: Counter[str] = Counter()

    def request(self, method: str, status: int) -> None:
        """A request was answered."""
        with self._lock:
            self.requests[method if method in _METHODS else "other", str(status)] += 1

    def step(self, outcome: str) -> None:
        """A step of an execution has ended."""
        with self._lock:
            self.steps[outcome] += 1

    def alert(self, what: str) -> None:
        """An alert came in."""
        with self._lock:
            self.alerts[what] += 1

    def copy(self, counter: Counter[str]) -> dict[str, int]:
        """One of them, as it stands."""
        with self._lock:
            return dict(counter)

    def all_requests(self) -> dict[tuple[str, str], int]:
        """Requests by method and status."""
        with self._lock:
            return dict(self.requests)


def exposition(metrics: Iterable[Metric]) -> bytes:
    """Metrics in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Made(list(metrics)))
    return generate_latest(registry)


class _Made(Collector):
    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


# ---------------------------------------------------------------- of a turn


def market_metrics(view: View, vm_series: int) -> Iterator[Metric]:
    """What one turn says.

    Args:
        view: the turn.
        vm_series: squeezed VMs that get series of their own, at most.
    """
    yield from _estate(view)
    yield from _clusters(view)
    yield from _hosts(view)
    yield from _vms(view, vm_series)


def uncured(view: View) -> Counter[str]:
    """How many VMs hurt and are not helped by the plan, by the reason that it gives."""
    hurting = {item.vm.moid for item in view.market.squeezed if item.hurts}
    # A VM that is refused twice counts once, with the first reason.
    refused = {
        item.subject.moid: item.reason.value
        for item in reversed(view.plan.refusals)
        if item.subject.moid in hurting
    }
    return Counter(refused.values())


def _estate(view: View) -> Iterator[Metric]:
    proof = view.plan.certificate
    squeeze = view.squeeze
    for name, text, value in (
        ("turn_duration_seconds", "How long the last turn took.", view.made_s),
        ("potential_points", "The market's cost as the estate stands.", proof.potential_before),
        ("potential_after_points", "The same after the plan.", proof.potential_after),
        ("lower_bound_points", "No placement can be below this.", proof.lower_bound),
        ("gap_ratio", "How far the potential after the plan is above the bound.",
         proof.gap_pct / 100.0),
        ("hosts", "Hosts.", float(len(view.snapshot.hosts))),
        ("vms", "VMs.", float(len(view.snapshot.vms))),
        ("ballooned_bytes", "In balloons.", squeeze.ballooned_mib * BYTES_PER_MIB),
        ("swapped_bytes", "Swapped by hosts.", squeeze.swapped_mib * BYTES_PER_MIB),
        ("swap_in_bytes_per_second", "Swapped in by hosts.", squeeze.swapin_kibps * _KIB),
        ("swap_out_bytes_per_second", "Swapped out by hosts.", squeeze.swapout_kibps * _KIB),
    ):  # fmt: skip
        if not np.isnan(value):
            yield GaugeMetricFamily(f"vsphere_market_{name}", text, value=value)
    steps = _gauge("plan_steps", "Steps of the latest plan.", ("kind",))
    for kind, count in Counter(step.action.kind.value for step in view.plan.steps).items():
        steps.add_metric([kind], count)
    yield steps
    left = _gauge("uncured_vms", "VMs that hurt and that the plan does not help.", ("reason",))
    for reason, count in uncured(view).items():
        left.add_metric([reason], count)
    yield left
    refusals = _gauge("plan_refusals", "What the latest plan does not do.", ("reason",))
    for reason, count in Counter(item.reason.value for item in view.plan.refusals).items():
        refusals.add_metric([reason], count)
    yield refusals


def _clusters(view: View) -> Iterator[Metric]:
    clusters, vms = view.snapshot.clusters, view.snapshot.vms
    squeezed = _gauge("squeezed_vms", "VMs that are short of memory.", (*_CLUSTER, "cause"))
    counts: Counter[tuple[int, str]] = Counter(
        (int(vms.cluster[item.row]), item.cause.value) for item in view.market.squeezed
    )
    merged: Counter[tuple[str, str, str]] = Counter()
    for (row, cause), count in counts.items():
        name = clusters.name[row] if row >= 0 else ""
        centre = clusters.datacenter[row] if row >= 0 else ""
        merged[name, centre, cause] += count
    for labels, count in merged.items():
        squeezed.add_metric(list(labels), count)
    yield squeezed


def _hosts(view: View) -> Iterator[Metric]:
    families = {
        name: _gauge(f"host_{name}", text, _HOST)
        for name, text in (
            ("price_points_per_mebibyte", "Points for one more MiB of working set."),
            ("load_ratio", "Working sets and a quarter of idle memory, of what it sells."),
            ("footprint_ratio", "All that its VMs would hold, of what it sells."),
            ("usable_bytes", "Memory for sale."),
            ("ballooned_bytes", "In balloons of its VMs."),
            ("swapped_bytes", "Swapped and compressed of its VMs."),
            ("swap_bytes_per_second", "Swapped in and out."),
            ("running_vms", "Running VMs."),
            ("fit", "1 where it takes VMs."),
            ("pressure", "0 calm, 1 full, 2 ballooning, 3 swapping; absent where not known."),
        )
    }
    for item in view.market.hosts:
        row = view.snapshot.hosts.row(item.host.moid)
        labels = [item.host.name, *_place(view, int(view.snapshot.hosts.cluster[row]))]
        labels.append(item.host.moid)
        values = {
            "price_points_per_mebibyte": item.price,
            "load_ratio": item.load,
            "footprint_ratio": item.footprint,
            "usable_bytes": item.usable_mib * BYTES_PER_MIB,
            "ballooned_bytes": item.ballooned_mib * BYTES_PER_MIB,
            "swapped_bytes": item.swapped_mib * BYTES_PER_MIB,
            "swap_bytes_per_second": item.swap_kibps * _KIB,
            "running_vms": float(item.vms),
            "fit": float(item.fit),
            "pressure": _PRESSURES.get(item.pressure, float("nan")),
        }
        for name, value in values.items():
            if not np.isnan(value):
                families[name].add_metric(labels, value)
    yield from families.values()


def _vms(view: View, most: int) -> Iterator[Metric]:
    families = {
        name: _gauge(f"vm_{name}", text, _VM)
        for name, text in (
            ("taken_bytes", "Ballooned, swapped and compressed."),
            ("swap_in_bytes_per_second", "Swapped in and decompressed."),
            ("memory_latency_ratio", "Share of time that it waits for memory."),
            ("hurts", "1 where it feels it now."),
        )
    }
    vms = view.snapshot.vms
    shown = view.market.squeezed[:most]
    for item in shown:
        place = _place(view, int(vms.cluster[item.row]))
        labels = [item.vm.name, item.host.name, *place, item.vm.moid]
        values = {
            "taken_bytes": item.taken_mib * BYTES_PER_MIB,
            "swap_in_bytes_per_second": item.swap_in_kibps * _KIB,
            "memory_latency_ratio": item.latency_pct / 100.0,
            "hurts": float(item.hurts),
        }
        for name, value in values.items():
            if not np.isnan(value):
                families[name].add_metric(labels, value)
    yield from families.values()
    left_out = float(len(view.market.squeezed) - len(shown))
    yield GaugeMetricFamily(
        "vsphere_market_vm_series_left_out",
        "Squeezed VMs without series of their own.",
        value=left_out,
    )


# ---------------------------------------------------------------- of the service


def service_metrics(
    counts: Counts, facts: dict[str, float], turns: dict[str, int]
) -> Iterator[Metric]:
    """What the service knows of itself.

    Args:
        counts: what it counted.
        facts: name -> value, for gauges.
        turns: how many turns ended in which way.
    """
    build = _gauge("build_info", "The version that runs.", ("version",))
    build.add_metric([vsphere_market.__version__], 1.0)
    yield build
    for name, text in (
        ("ready", "1 where the estate has been looked at."),
        ("stopped", "1 while the stop switch is pulled."),
        ("executing", "1 while something is carried out."),
        ("snapshot_age_seconds", "Since the estate was looked at, by its own clock."),
        ("event_streams", "Readers of events."),
        ("jobs_open", "Jobs that wait or run."),
    ):
        if name in facts:
            yield GaugeMetricFamily(f"vsphere_market_{name}", text, value=facts[name])
    for name, text, label, values in (
        ("turns", "Looks at the estate.", "result", turns),
        ("steps", "Steps that were carried out, or tried.", "outcome", counts.copy(counts.steps)),
        ("alerts", "Alerts that came in.", "result", counts.copy(counts.alerts)),
    ):
        family = CounterMetricFamily(f"vsphere_market_{name}", text, labels=[label])
        for word, count in values.items():
            family.add_metric([word], count)
        yield family
    requests = CounterMetricFamily(
        "vsphere_market_http_requests", "Requests answered.", labels=["method", "code"]
    )
    for (method, code), count in counts.all_requests().items():
        requests.add_metric([method, code], count)
    yield requests


def _gauge(name: str, text: str, labels: tuple[str, ...]) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"vsphere_market_{name}", text, labels=list(labels))


def _place(view: View, cluster: int) -> list[str]:
    """Datacenter and cluster, "" outside of any."""
    clusters = view.snapshot.clusters
    return [clusters.datacenter[cluster], clusters.name[cluster]] if cluster >= 0 else ["", ""]
