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
from vsphere_market.port import ActionKind
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
        rules: placement rules of the policies, in the form of the snapshot's own and with its row
            numbers. ``moid`` is ``policy/<document>/<cluster's moid, or host's>``. A rule never
            spans clusters.
        budgets: how many migrations are allowed in a span of time.
        sources: for explanations, name of an attribute above -> per-VM, per-host or per-rule text,
            "document#/pointer". Modes are under ``modes.<action kind>``. A setting without entry,
            and an empty text, is the default.
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
    rules: RuleTable
    budgets: tuple[DisruptionBudget, ...] = ()
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


#: Without policies a person approves everything.
DEFAULT_MODE = Mode.APPROVE
DEFAULT_PRIORITY = 1.0
DEFAULT_STEP_MIB = 1024.0
DEFAULT_COOLDOWN_S = 3600.0
#: What ESXi itself does without ``sched.mem.maxmemctl``.
DEFAULT_BALLOON_CAP = 0.65


def default_rulebook(snapshot: Snapshot, mode: Mode = DEFAULT_MODE) -> Rulebook:
    """The rulebook of an estate without policies: every kind in ``mode``, all VMs alike."""
    vms, hosts = len(snapshot.vms), len(snapshot.hosts)
    return Rulebook(
        digest="",
        priority=np.full(vms, DEFAULT_PRIORITY),
        guarantee=np.zeros(vms),
        modes={kind: np.full(vms, mode, dtype=np.int8) for kind in ActionKind},
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
        rules=no_rules(),
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
