"""The rulebook: every policy document boiled down to arrays, one entry per VM or host.

The market never sees a document. It sees, for each VM, how much it matters, what it is guaranteed,
how far each kind of action may go by itself, and between which sizes; and for each host, what is
held back. Where each setting came from is kept beside it, so that it can be explained.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

import numpy as np
from numpy.typing import NDArray

from vsphere_market.estate import RuleTable, Snapshot
from vsphere_market.port import GRAVE, ActionKind
from vsphere_market.units import BoolArray, FloatArray


class Mode(IntEnum):
    """How far an action may go by itself. The smaller of two is the more conservative."""

    #: Not even considered.
    OFF = 0
    #: Shown in plans, never executed.
    RECOMMEND = 1
    #: Executed by ``apply`` after a person said yes.
    APPROVE = 2
    #: Executed by ``run`` without asking.
    AUTOMATIC = 3


#: Modes of one action kind, one entry per VM.
ModeArray = NDArray[np.int8]


class BudgetScope(StrEnum):
    """What a disruption budget is counted for: each one of these has the whole budget."""

    VM = "vm"
    HOST = "host"
    CLUSTER = "cluster"
    ESTATE = "estate"


@dataclass(frozen=True, slots=True, eq=False)
class DisruptionBudget:
    """How many migrations a policy allows within a span of wall-clock time, however often we run.

    Attributes:
        name: the document's name.
        scope: counted per VM, per host (moves to it and from it), per cluster, or in all.
        vms: (V,) the VMs whose migrations are counted.
        max_migrations: at most so many in the window; +inf when only the share counts.
        max_share: at most this share of the scope's counted VMs, 0 to 1; +inf for none.
        window_s: the span.
    """

    name: str
    scope: BudgetScope
    vms: BoolArray
    max_migrations: float
    max_share: float
    window_s: float


@dataclass(frozen=True, slots=True, eq=False)
class CrowdRule:
    """VMs of one cluster that shall not crowd a host, or not spread over many hosts.

    Attributes:
        moid: ``policy/<document>/<cluster's moid>``.
        name: the document's name.
        cluster: row of the cluster.
        mandatory: must, not should.
        vms: rows of its members.
        per_host: at most so many members on one host; +inf for no such bound.
        hosts_used: at most so many hosts have any member; +inf for no such bound.
    """

    moid: str
    name: str
    cluster: int
    mandatory: bool
    vms: tuple[int, ...]
    per_host: float
    hosts_used: float


@dataclass(frozen=True, slots=True)
class MergedClusters:
    """Clusters that a document wants traded as one. Rows of the cluster table."""

    name: str
    clusters: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Rulebook:
    """Effective settings. Lengths: V virtual machines, H hosts of the snapshot it was made for.

    Attributes:
        digest: identifies the documents it was compiled from, "" for none.
        priority: (V,) weight of the VM's pain and of disturbing it; 1 is ordinary.
        guarantee: (V,) share of its working set that must be reserved, 0 to 1.
        modes: per action kind, (V,) :class:`Mode` values.
        min_size_mib: (V,) never shrunk below.
        max_size_mib: (V,) never grown above; +inf for none.
        step_mib: (V,) sizes change by multiples of this.
        cooldown_s: (V,) least time between two migrations of the VM.
        host_excluded: (H,) may neither give nor take VMs.
        host_reserve: (H,) share of the host's memory that is not for sale, 0 to 1.
        move_sensitivity: (V,) factor on what disturbing the VM costs; 1 is ordinary.
        never_shrink: (V,) its size may grow but not shrink.
        balloon_cap_min: (V,) least balloon cap that may be set, as a share of the VM's size.
        balloon_cap_max: (V,) largest balloon cap that may be set, as a share of the VM's size.
        never_grow: (V,) its size may shrink but not grow.
        size_target: (V,) share of the size that the working set has after a change of size; NaN
            leaves it to the market.
        usage_low: (V,) below this share the VM is a candidate for a smaller size; NaN for none.
        usage_high: (V,) from this share on it is a candidate for a larger one; NaN leaves it to
            the market.
        size_percentile: (V,) which of the working sets seen counts for shrinking, 0 to 1.
        size_window_s: (V,) how far back they are looked at.
        reboot_allowed: (V,) a size that needs a power cycle may be set.
        persist_cycles: (V,) automatic actions wait until so many cycles in a row wanted them.
        may_stop: (V,) may be shut down at ``at_s``.
        may_start: (V,) may be powered on at ``at_s``.
        host_overcommit: (H,) ceiling for the sizes of the running VMs over the host's memory;
            +inf for none.
        host_failover: (H,) so many of the largest hosts of its cluster may fail at once: what
            they hold is held back of those that are awake, ``host_reserve`` at least.
        host_may_suspend: (H,) may be put into standby.
        host_may_provision: (H,) may be woken from standby.
        crowds: how many of a group one host takes, and over how many hosts it spreads.
        merged_clusters: clusters that are traded as one.
        at_s: Unix time for which schedules were evaluated.
        failing: rows of VMs on which an action of ours failed a short while ago. Their modes are
            off, whatever the policies say.
        rules: placement rules of the policies, in the form of the snapshot's own and with its row
            numbers. ``moid`` is ``policy/<document>/<cluster's moid, or host's>``. A rule never
            spans clusters.
        budgets: how many migrations are allowed in a span of time.
        sources: for explanations, name of an attribute above -> per-VM, per-host or per-rule text,
            "document#/pointer". Modes are under ``modes.<action kind>``. A setting without entry,
            and an empty text, is the default. What vSphere itself decides is ``vSphere#/…``.
    """

    digest: str
    priority: FloatArray
    guarantee: FloatArray
    modes: Mapping[ActionKind, ModeArray]
    min_size_mib: FloatArray
    max_size_mib: FloatArray
    step_mib: FloatArray
    cooldown_s: FloatArray
    host_excluded: BoolArray
    host_reserve: FloatArray
    move_sensitivity: FloatArray
    never_shrink: BoolArray
    balloon_cap_min: FloatArray
    balloon_cap_max: FloatArray
    never_grow: BoolArray
    size_target: FloatArray
    usage_low: FloatArray
    usage_high: FloatArray
    size_percentile: FloatArray
    size_window_s: FloatArray
    reboot_allowed: BoolArray
    persist_cycles: FloatArray
    may_stop: BoolArray
    may_start: BoolArray
    host_overcommit: FloatArray
    host_failover: FloatArray
    host_may_suspend: BoolArray
    host_may_provision: BoolArray
    rules: RuleTable
    crowds: tuple[CrowdRule, ...] = ()
    merged_clusters: tuple[MergedClusters, ...] = ()
    at_s: float = 0.0
    failing: frozenset[int] = frozenset()
    budgets: tuple[DisruptionBudget, ...] = ()
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


#: Without policies a person approves everything; what is grave is only shown.
DEFAULT_MODE = Mode.APPROVE
DEFAULT_GRAVE_MODE = Mode.RECOMMEND
DEFAULT_PRIORITY = 1.0
DEFAULT_STEP_MIB = 1024.0
DEFAULT_COOLDOWN_S = 3600.0
#: What ESXi itself does without ``sched.mem.maxmemctl``.
DEFAULT_BALLOON_CAP = 0.65
DEFAULT_PERCENTILE = 0.95
DEFAULT_WINDOW_S = 14 * 86_400.0


def default_mode(kind: ActionKind) -> Mode:
    """The mode of a kind of action for which no document says anything."""
    return DEFAULT_GRAVE_MODE if kind in GRAVE else DEFAULT_MODE


def default_rulebook(snapshot: Snapshot, mode: Mode | None = None) -> Rulebook:
    """The rulebook of an estate without policies, all VMs alike.

    Args:
        snapshot: the estate.
        mode: of every kind of action; None for the defaults.
    """
    vms, hosts = len(snapshot.vms), len(snapshot.hosts)
    return Rulebook(
        digest="",
        priority=np.full(vms, DEFAULT_PRIORITY),
        guarantee=np.zeros(vms),
        modes={
            kind: np.full(vms, default_mode(kind) if mode is None else mode, dtype=np.int8)
            for kind in ActionKind
        },
        min_size_mib=np.zeros(vms),
        max_size_mib=np.full(vms, np.inf),
        step_mib=np.full(vms, DEFAULT_STEP_MIB),
        cooldown_s=np.full(vms, DEFAULT_COOLDOWN_S),
        host_excluded=np.zeros(hosts, dtype=np.bool_),
        host_reserve=np.zeros(hosts),
        move_sensitivity=np.ones(vms),
        never_shrink=np.zeros(vms, dtype=np.bool_),
        balloon_cap_min=np.zeros(vms),
        balloon_cap_max=np.full(vms, DEFAULT_BALLOON_CAP),
        never_grow=np.zeros(vms, dtype=np.bool_),
        size_target=np.full(vms, np.nan),
        usage_low=np.full(vms, np.nan),
        usage_high=np.full(vms, np.nan),
        size_percentile=np.full(vms, DEFAULT_PERCENTILE),
        size_window_s=np.full(vms, DEFAULT_WINDOW_S),
        reboot_allowed=np.zeros(vms, dtype=np.bool_),
        persist_cycles=np.ones(vms),
        may_stop=np.zeros(vms, dtype=np.bool_),
        may_start=np.zeros(vms, dtype=np.bool_),
        host_overcommit=np.full(hosts, np.inf),
        host_failover=np.zeros(hosts),
        host_may_suspend=np.zeros(hosts, dtype=np.bool_),
        host_may_provision=np.zeros(hosts, dtype=np.bool_),
        rules=no_rules(),
        at_s=snapshot.taken_at_s,
    )


def no_rules() -> RuleTable:
    """A rule table without rows."""
    none = np.zeros(0, dtype=np.bool_)
    return RuleTable(
        moid=(),
        name=(),
        cluster=np.zeros(0, dtype=np.int64),
        kind=(),
        mandatory=none,
        enabled=none,
        vms=(),
        hosts=(),
    )
