"""What VMs ask of datastores and what datastores give: requests, throughput, latency.

No object of vCenter tells these of a datastore as a whole in realtime. Hosts and VMs tell them of
each datastore they use, as instances of the counters of group ``datastore``; an instance is the
last part of the datastore's ``summary.url``: a VMFS UUID, or what ESXi made of an NFS mount. So a
datastore's requests are the sum over hosts, and its latency is the mean over their requests.

Latencies come in whole milliseconds. What is below one comes as 0: Storage I/O Control's figure,
in microseconds, stands in where it is measured, else half a millisecond.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from vsphere_market.adapter.bulk import Facts
from vsphere_market.adapter.counters import Figures

NAN = float("nan")
#: A latency that came as 0 although there were requests.
UNRESOLVED_MS = 0.5


@dataclass(frozen=True, slots=True)
class Io:
    """Requests to storage; NaN for what was not told.

    Attributes:
        iops: reads and writes per second.
        kibps: throughput, KiB/s.
        latency_ms: mean of all requests; NaN where there were none.
    """

    iops: float
    kibps: float
    latency_ms: float


def io_of(parts: Iterable[Mapping[str, float]]) -> Io:
    """Put together what one VM told of its datastores, or what all hosts told of one datastore."""
    told = list(parts)
    iops = _sum(told, ("reads", "writes"))
    waited = [
        (part.get(count, NAN), part.get(latency, NAN))
        for part in told
        for count, latency in (("reads", "read_ms"), ("writes", "write_ms"))
    ]
    known = [(n, ms) for n, ms in waited if math.isfinite(ms)]
    counted = [(n, ms) for n, ms in known if n > 0]
    if counted:
        latency = sum(n * ms for n, ms in counted) / sum(n for n, _ in counted)
    elif known and math.isnan(iops):
        # Nobody counts the requests: all latencies weigh the same.
        latency = sum(ms for _, ms in known) / len(known)
    else:
        latency = NAN
    normal = [
        (part["sioc_iops"], part["sioc_ms"])
        for part in told
        if part.get("sioc_iops", 0) > 0 and part.get("sioc_ms", 0) > 0
    ]
    if normal:
        # Each host tells the same of all of them; they differ by when they told it.
        aggregated = max(n for n, _ in normal)
        measured = sum(n * ms for n, ms in normal) / sum(n for n, _ in normal)
        iops = aggregated if math.isnan(iops) else iops
        latency = measured if math.isnan(latency) or latency == 0 else latency
    if latency == 0:
        latency = UNRESOLVED_MS
    return Io(iops, _sum(told, ("read_kibps", "write_kibps")), latency)


def datastore_io(stores: Sequence[Facts], hosts: Iterable[Figures]) -> list[Io]:
    """What each datastore gives, from what hosts tell of it."""
    parts: dict[str, list[Mapping[str, float]]] = {}
    for host in hosts:
        for instance, part in host.parts.items():
            parts.setdefault(instance, []).append(part)
    return [io_of(parts.get(instance_of(store), ())) for store in stores]


def instance_of(store: Facts) -> str:
    """How counters name a datastore: ``ds:///vmfs/volumes/<this>/``; "" when it is not told."""
    return str(store.get("summary.url", "")).rstrip("/").rpartition("/")[2]


def _sum(parts: Sequence[Mapping[str, float]], names: Sequence[str]) -> float:
    """The sum of what was told; NaN where nothing was."""
    given = [part[name] for part in parts for name in names if name in part]
    return sum(given) if given else NAN
