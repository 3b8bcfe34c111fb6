"""Changes of an estate that one may ask about (``whatif``). Rows are those of the snapshot."""

from __future__ import annotations

from dataclasses import dataclass

from vsphere_market.policy import Rulebook


@dataclass(frozen=True, slots=True)
class LoseHost:
    """A host fails; HA restarts its VMs on the others of its cluster. ``host``: its row."""

    host: int


@dataclass(frozen=True, slots=True)
class Maintain:
    """A host enters maintenance mode; its VMs leave by vMotion. ``host``: its row."""

    host: int


@dataclass(frozen=True, slots=True)
class AddHosts:
    """Hosts like the largest open one of a cluster are added to it.

    Attributes:
        cluster: row of the cluster.
        count: how many.
    """

    cluster: int
    count: int


@dataclass(frozen=True, slots=True)
class AddVms:
    """Typical VMs are added to a cluster, or VMs of a size that use as much of it.

    Attributes:
        cluster: row of the cluster.
        count: how many.
        size_mib: their size; NaN for the median.
    """

    cluster: int
    count: int
    size_mib: float = float("nan")


@dataclass(frozen=True, slots=True)
class RemoveVms:
    """VMs are powered off. ``vms``: their rows."""

    vms: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Grow:
    """Demand grows: working sets, footprints and CPU, each within the VM's size.

    Attributes:
        pct: by so many percent; negative shrinks.
        cluster: row of the only cluster concerned; -1 for all.
    """

    pct: float
    cluster: int = -1


@dataclass(frozen=True, slots=True)
class ScaleMemory:
    """Hosts get more or less memory, as with a hardware refresh.

    Attributes:
        factor: on physical memory; 0 at least.
        cluster: row of the only cluster concerned; -1 for all hosts.
    """

    factor: float
    cluster: int = -1


@dataclass(frozen=True, slots=True)
class Refresh:
    """Hosts of a cluster are replaced by others; VMs leave those that go by vMotion.

    Attributes:
        cluster: row of the cluster.
        memory_mib: physical memory of each new host.
        count: so many new hosts; those beyond it go, others are added; 0 keeps their number.
    """

    cluster: int
    memory_mib: float
    count: int = 0


@dataclass(frozen=True, slots=True)
class Merge:
    """A cluster's hosts and VMs become another's. Both are rows of the cluster table."""

    cluster: int
    into: int


@dataclass(frozen=True, slots=True, eq=False)
class NewRules:
    """Other policies hold. ``rulebook``: compiled for the same snapshot."""

    rulebook: Rulebook


Change = (
    LoseHost
    | Maintain
    | AddHosts
    | AddVms
    | RemoveVms
    | Grow
    | ScaleMemory
    | Refresh
    | Merge
    | NewRules
)
