"""What a source remembers by itself of its VMs' demand, from before anybody watched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

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


@runtime_checkable
class Remembers(Protocol):
    """A source with a history of its own. Not every one has."""

    def past_demand(self, snapshot: Snapshot, days: float) -> PastDemand:
        """What is remembered of the last days of the snapshot's running VMs.

        Raises:
            UnreachableError, NotPermittedError: it cannot be asked.
        """
