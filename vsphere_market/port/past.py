"""What a source remembers by itself of demand and storage, from before anybody watched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from vsphere_market.estate import Snapshot
from vsphere_market.units import FloatArray, IndexArray


@dataclass(frozen=True, slots=True, eq=False)
class PastDemand:
    """Hourly maxima of active memory, as a source kept them.

    Attributes:
        hours: (N,) hours since 1970, rising, without gaps.
        active_mib: (V, N) in the order of the snapshot's VMs; NaN where nothing was kept.
        counters: the counters that it came from, for people; empty when nothing was kept.
    """

    hours: IndexArray
    active_mib: FloatArray
    counters: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class PastStorage:
    """What a source kept of requests to storage, by the hour.

    Attributes:
        hours: (N,) hours since 1970, rising, without gaps.
        vm_iops: (V, N) requests per second to the files in each VM's home datastore; NaN where
            nothing was kept, as everywhere here.
        vm_kibps: (V, N) their throughput, KiB/s.
        iops: (D, N) requests per second to each datastore of the snapshot, of all its hosts.
        kibps: (D, N) their throughput, KiB/s.
        latency_ms: (D, N) how long they took.
        counters: what it came from, for people; empty when nothing was kept.
    """

    hours: IndexArray
    vm_iops: FloatArray
    vm_kibps: FloatArray
    iops: FloatArray
    kibps: FloatArray
    latency_ms: FloatArray
    counters: tuple[str, ...]

    @classmethod
    def nothing(cls, snapshot: Snapshot) -> PastStorage:
        """Nothing was kept."""
        none = np.empty(0, dtype=np.int64)
        vms, stores = np.empty((len(snapshot.vms), 0)), np.empty((len(snapshot.datastores), 0))
        return cls(none, vms, vms, stores, stores, stores, ())


@runtime_checkable
class Remembers(Protocol):
    """A source with a history of its own. Not every one has."""

    def past_demand(self, snapshot: Snapshot, days: float) -> PastDemand:
        """What is remembered of the last days of the snapshot's running VMs.

        Raises:
            UnreachableError, NotPermittedError: it cannot be asked.
        """

    def past_storage(self, snapshot: Snapshot, days: float) -> PastStorage:
        """What is remembered of the last days of the snapshot's datastores. Raises likewise."""
