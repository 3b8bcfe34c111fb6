"""What an assessment says: findings with the rows behind them, places, what-ifs, the plan's effect.

Every amount is MiB. Every number that is shown can be traced: a finding lists the rows that it adds
up, and a statement names what it counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from vsphere_market.demand import Demand
from vsphere_market.estate import Snapshot
from vsphere_market.market import Plan


class Level(StrEnum):
    """How much a finding matters, the most urgent first."""

    #: Memory is being taken from VMs now, or their guests are full.
    HURTS = "hurts"
    #: Nothing is lost today, but something usual would hurt: a failed host, growth, a restart.
    RISK = "risk"
    #: Memory that is bound without being used.
    ROOM = "room"


class Basis(StrEnum):
    """What a finding stands on, and so how sure it is."""

    #: Settings as the source tells them.
    SETTING = "setting"
    #: Counters of the time that the samples span; of one instant in an RVTools export.
    COUNTER = "counter"
    #: The market's model of hosts, on top of counters.
    MODEL = "model"


class Strain(StrEnum):
    """How a host stands with what its VMs would hold if nobody squeezed them."""

    CALM = "calm"
    #: Above nine tenths of what it has for sale.
    TIGHT = "tight"
    #: Above all of it: it has to balloon.
    SHORT = "short"
    #: What no balloon can free is above it: it has to swap.
    SWAPS = "swaps"
    #: It takes no VMs: not connected, in maintenance or quarantine, or closed by policy.
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Row:
    """One row behind a finding.

    Attributes:
        table: ``vms``, ``hosts`` or ``clusters`` of the snapshot.
        row: row number there.
        mib: its part of the finding's memory.
        note: the numbers that the part comes from, in words.
    """

    table: str
    row: int
    mib: float
    note: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One root cause with the memory it affects.

    Attributes:
        code: its name for machines.
        title: its name for people.
        level: how much it matters.
        basis: what it stands on.
        what: what was found, with numbers, in one or two sentences.
        why: why it matters.
        cure: what to do.
        counted: how memory is counted.
        rows: the rows behind it, the largest first.
    """

    code: str
    title: str
    level: Level
    basis: Basis
    what: str
    why: str
    cure: str
    counted: str
    rows: tuple[Row, ...]

    @property
    def memory_mib(self) -> float:
        """Memory affected: what its rows add up to."""
        return sum(row.mib for row in self.rows)


@dataclass(frozen=True, slots=True)
class HostState:
    """A host now, and after the plan.

    Attributes:
        row: row in the snapshot's host table.
        cluster: row of its cluster, -1 for none.
        vms: running VMs on it, known ones.
        memory_mib: physical memory.
        usable_mib: memory for sale: without VMkernel, reclaim threshold and policy's reserve.
        footprint_mib: what its VMs would hold if nobody squeezed them, overhead included.
        working_mib: what they use now, and overhead.
        pinned_mib: what no balloon could free.
        reserved_mib: reservations and overhead.
        ballooned_mib: taken by balloons now.
        swapped_mib: swapped or compressed now.
        price: marginal price of memory.
        strain: how it stands.
        footprint_after_mib: after the plan.
        price_after: after the plan.
        strain_after: after the plan.
    """

    row: int
    cluster: int
    vms: int
    memory_mib: float
    usable_mib: float
    footprint_mib: float
    working_mib: float
    pinned_mib: float
    reserved_mib: float
    ballooned_mib: float
    swapped_mib: float
    price: float
    strain: Strain
    footprint_after_mib: float
    price_after: float
    strain_after: Strain

    @property
    def over_mib(self) -> float:
        """What it has sold beyond what it has, now."""
        return max(self.footprint_mib - self.usable_mib, 0.0)

    @property
    def over_after_mib(self) -> float:
        """The same after the plan."""
        return max(self.footprint_after_mib - self.usable_mib, 0.0)


@dataclass(frozen=True, slots=True)
class HostLoss:
    """What would happen if the largest host of a cluster failed.

    Attributes:
        cluster: row of the cluster.
        host: row of the host.
        vms: VMs that would have to start elsewhere.
        stranded: those of them whose reservation no other host could back.
        short_hosts: hosts left that would have to balloon.
        balloon_mib: what they would have to take by balloon.
        swap_mib: what they would have to swap.
        spare_mib: usable memory left over in the cluster; negative when it is not enough.
        price: highest price of memory in the cluster before.
        price_after: the same after.
    """

    cluster: int
    host: int
    vms: int
    stranded: int
    short_hosts: int
    balloon_mib: float
    swap_mib: float
    spare_mib: float
    price: float
    price_after: float

    @property
    def holds(self) -> bool:
        """Every VM starts again and nothing is swapped; some ballooning is borne."""
        return self.stranded == 0 and self.swap_mib <= 0.0


@dataclass(frozen=True, slots=True)
class Growth:
    """What would happen if VMs of a cluster's usual kind were added to it.

    Attributes:
        cluster: row of the cluster.
        size_mib: size of each: the median of the cluster's running VMs.
        footprint_mib: what each would hold, as VMs of the cluster do.
        asked: how many were added.
        fit: how many until the first host would have to balloon.
        most: how many would fit in all before that, with the largest host kept free.
        balloon_mib: what hosts would have to balloon with all of them, beyond today.
        price: highest price of memory in the cluster before.
        price_after: the same with all of them.
    """

    cluster: int
    size_mib: float
    footprint_mib: float
    asked: int
    fit: int
    most: int
    balloon_mib: float
    price: float
    price_after: float


@dataclass(frozen=True, slots=True)
class ClusterState:
    """A cluster now. Sums are over the hosts that take VMs, unless told otherwise."""

    row: int
    hosts: int
    open_hosts: int
    vms: int
    memory_mib: float
    usable_mib: float
    footprint_mib: float
    working_mib: float
    reserved_mib: float
    ballooned_mib: float
    swapped_mib: float
    over_mib: float
    strain: Strain
    loss: HostLoss | None
    growth: Growth | None

    @property
    def free_mib(self) -> float:
        """Usable memory that no VM would hold; negative when more is sold than there is."""
        return self.usable_mib - self.footprint_mib


@dataclass(frozen=True, slots=True)
class Effect:
    """What the plan buys.

    Attributes:
        steps: steps by kind.
        copied_mib: memory that its migrations copy.
        short_before: hosts that have to balloon or swap now.
        short_after: the same after the plan.
        over_before_mib: what hosts have sold beyond what they have.
        over_after_mib: the same after the plan.
        freed: VMs whose squeezing limit it lifts.
        grown_mib: memory it adds to full guests.
    """

    steps: Mapping[str, int]
    copied_mib: float
    short_before: int
    short_after: int
    over_before_mib: float
    over_after_mib: float
    freed: int
    grown_mib: float


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of the summary.

    Attributes:
        text: the sentence.
        tone: ``good``, ``bad`` or ``plain``.
        target: what it counts: ``finding:CODE``, ``hosts``, ``clusters``, ``plan``, ``whatif``,
            ``vms`` or ``method``.
    """

    text: str
    tone: str
    target: str


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """Everything that a report says.

    Attributes:
        snapshot: the estate.
        demand: what its VMs want.
        plan: what the market would do.
        potential: its cost as the estate stands, points.
        statements: the summary.
        findings: root causes: by level, then by memory affected.
        clusters: one per cluster that has hosts.
        hosts: one per host, in the order of the table.
        effect: what the plan buys.
        instant: the counters are of one instant, without any history.
    """

    snapshot: Snapshot
    demand: Demand
    plan: Plan
    potential: float
    statements: tuple[Statement, ...]
    findings: tuple[Finding, ...]
    clusters: tuple[ClusterState, ...]
    hosts: tuple[HostState, ...]
    effect: Effect
    instant: bool

    def finding(self, code: str) -> Finding | None:
        """The finding of that name, or None."""
        return next((found for found in self.findings if found.code == code), None)
