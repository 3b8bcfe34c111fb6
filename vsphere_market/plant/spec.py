"""An estate as an administrator wrote it, checked and unfolded: one entry per host and VM."""

from __future__ import annotations

from dataclasses import dataclass

from vsphere_market.plant.workload import Workload

ESTATE_FORMAT = "vsphere-market/estate/1"


@dataclass(frozen=True, slots=True)
class HostSpec:
    """A host. Units are in the names; ``link_mbps`` 0 means no vMotion network.

    ``idle_tax``, ``balloon_max`` and ``zip_max`` are Mem.IdleTax, Mem.CtlMaxPercent and
    Mem.MemZipMaxPct as shares.
    """

    name: str
    memory_mib: float
    vmkernel_mib: float
    cores: int
    core_mhz: float
    link_mbps: float
    swap_mibps: float
    swap_latency_s: float
    connection: str
    maintenance: bool
    quarantine: bool
    version: str
    idle_tax: float
    balloon_max: float
    zip_max: float


@dataclass(frozen=True, slots=True)
class PoolSpec:
    """A resource pool; ``parent`` "" is the cluster's root pool; ``shares`` in vSphere's units."""

    name: str
    parent: str
    reservation_mib: float
    limit_mib: float
    shares: float
    expandable: bool


@dataclass(frozen=True, slots=True)
class VmSpec:
    """A virtual machine. ``pool`` "" is the root pool; ``balloon_cap_mib`` None is the default."""

    name: str
    host: str
    pool: str
    folder: str
    memory_mib: float
    vcpus: int
    reservation_mib: float
    limit_mib: float
    shares: float
    locked: bool
    hot_add: bool
    hot_add_limit_mib: float
    hot_add_increment_mib: float
    onlining_s: float
    tools: bool
    guest_os: str
    passthrough: bool
    latency_sensitive: bool
    fault_tolerance: bool
    balloon_cap_mib: float | None
    tags: tuple[str, ...]
    attributes: tuple[str, ...]
    on: bool
    template: bool
    workload: Workload


@dataclass(frozen=True, slots=True)
class RuleSpec:
    """A placement rule; ``kind`` as in ``estate.RuleTable``, members by name."""

    name: str
    kind: str
    mandatory: bool
    vms: tuple[str, ...]
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClusterSpec:
    """A cluster with all it owns; ``network`` is "" for one of its own."""

    name: str
    hosts: tuple[HostSpec, ...]
    pools: tuple[PoolSpec, ...]
    vms: tuple[VmSpec, ...]
    rules: tuple[RuleSpec, ...]
    drs: str
    drs_vmotion_rate: float
    ha: bool
    ha_admission_control: bool
    ha_reserve_memory_pct: float
    datastores: tuple[str, ...]
    network: str = ""


@dataclass(frozen=True, slots=True)
class EstateSpec:
    """A whole estate.

    Attributes:
        name: of the estate.
        about: what it shows, for people.
        start_s: Unix time at which it starts, before the warm-up.
        warm_up_s: how long it runs before anybody looks.
        seed: of all that is random.
        guest_metrics: whether guests' own paging is seen from outside.
        clusters: the clusters.
    """

    name: str
    about: str
    start_s: float
    warm_up_s: float
    seed: int
    guest_metrics: bool
    clusters: tuple[ClusterSpec, ...]
