"""The shapes of answers, for the published document. The domain knows nothing of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Moid = Annotated[str, Field(description="Managed object id, e.g. vm-42.")]
Time = Annotated[
    str,
    Field(
        description="RFC 3339, UTC, by the source's clock.",
        json_schema_extra={"format": "date-time"},
    ),
]
Number = Annotated[float | None, Field(description="null where it is not given.")]


class Shape(BaseModel):
    """An object whose members are all listed."""

    model_config = ConfigDict(extra="forbid")


class Entity(Shape):
    """A managed object as machines and people know it."""

    moid: str
    name: str


class PolicyFinding(Shape):
    """What is doubtful or wrong about a policy document."""

    severity: Literal["ok", "info", "warning", "error"]
    code: str
    where: str
    what: str
    cure: str


class Problem(BaseModel):
    """An error (RFC 9457): what is wrong, where, and what to do about it."""

    type: str
    title: str
    status: int
    detail: str = Field(description="The whole sentence.")
    what: str
    where: str
    cure: str
    instance: str | None = None
    findings: list[PolicyFinding] | None = None


class Session(Shape):
    """Who is calling."""

    name: str
    role: Literal["viewer", "approver", "operator", "admin"]
    way: Literal["token", "cookie", "vcenter"]
    csrf_token: str | None = Field(description="To be sent as X-CSRF-Token with every change.")


class Source(Shape):
    """Where the estate is read from."""

    kind: str
    name: str
    instance_uuid: str | None
    version: str | None


class Squeeze(Shape):
    """How much an estate is squeezed, summed over its VMs."""

    ballooned_mib: Number
    swapped_mib: Number
    compressed_mib: Number
    swapin_kibps: Number
    swapout_kibps: Number


class Certificate(Shape):
    """What a plan is worth, and a bound that no placement can beat; points.

    Mandatory rules are in no potential and come before it: their breaches are counted.
    """

    potential_before: Number
    potential_after: Number
    lower_bound: Number
    gap_pct: Number
    breaches_before: int | None = Field(
        description="Breaches of mandatory rules as the estate stands, null where not remembered."
    )
    breaches_after: int | None = Field(description="The same after every step.")


class Cluster(Shape):
    """A cluster in a few numbers."""

    moid: Moid
    name: str
    datacenter: str | None
    drs: str | None = Field(description="DRS automation level, null where DRS is off.")
    ha: bool
    hosts: int
    vms: int
    running_vms: int
    squeezed_vms: int
    usable_mib: Number
    load: Number
    footprint: Number
    price_low: Number
    price_high: Number


class Stop(Shape):
    """The stop switch. While it is pulled, nothing is carried out."""

    stopped: bool
    who: str | None
    at: Time | None
    reason: str | None


class Estate(Shape):
    """The estate in one page."""

    turn: int
    taken_at: Time
    now: Time
    source: Source
    engine: str
    stage: Literal["file", "shadow", "loop"] = Field(
        description="file: only looked at; shadow: decides, and does what is approved; loop: also "
        "does what policies make automatic."
    )
    interval_s: float
    stop: Stop
    executing: str | None = Field(description="Id of the execution that goes on.")
    hosts: int
    vms: int
    running_vms: int
    squeezed_vms: int
    hurting_vms: int
    causes: dict[str, int]
    squeeze: Squeeze
    potential: Number
    certificate: Certificate
    plan: str = Field(description="Id of the latest turn's plan.")
    plan_steps: int
    clusters: list[Cluster]
    missing: list[str]
    policy_findings: list[PolicyFinding]


class HostPrice(Shape):
    """A seller. Loads and footprints are shares of what it sells; prices are points per MiB."""

    moid: Moid
    name: str
    cluster: str | None
    cluster_name: str | None
    price: Number
    load: Number
    footprint: Number
    usable_mib: Number
    pressure: Literal["calm", "full", "ballooning", "swapping", "unknown"]
    ballooned_mib: Number
    swapped_mib: Number
    swap_kibps: Number
    vms: int
    fit: bool
    causes: dict[str, int]


class Diagnosis(Shape):
    """A VM that is short of memory, and why."""

    vm: Entity
    host: Entity | None
    cause: str
    cause_words: str
    taken_mib: Number
    swap_in_kibps: Number
    latency_pct: Number
    hurts: bool
    bill: Number = Field(description="Points that it pays.")
    limit_bill: Number = Field(description="What of it is for the limit that squeezes it.")


class StorePrice(Shape):
    """A datastore that is known by how it serves requests."""

    moid: Moid
    name: str
    price: Number = Field(description="Points for one more request a second.")
    load: Number = Field(description="Requests over what it could serve.")
    iops: Number
    latency_ms: Number
    free_mib: Number
    hours: int = Field(description="Remembered hours behind it; 0: the last minutes alone.")


class Prices(Shape):
    """The market as it stands: hosts, the dearest first, and who is squeezed the most."""

    turn: int
    taken_at: Time
    potential: Number
    hosts: list[HostPrice]
    datastores: list[StorePrice] = Field(description="Of all clusters, the dearest first.")
    squeezed: list[Diagnosis]
    squeezed_total: int


class HostSeries(Shape):
    """One host over time; the columns go with ``at_s``."""

    moid: Moid
    name: str
    price: list[float | None]
    load: list[float | None]
    ballooned_mib: list[float | None]


class PriceSeries(Shape):
    """Prices over time, in columns."""

    at_s: list[float] = Field(description="Unix time, seconds.")
    hosts: list[HostSeries]


class PotentialSeries(Shape):
    """Certificates of the estate's plans over time, in columns."""

    at_s: list[float]
    before: list[float | None]
    after: list[float | None]
    lower_bound: list[float | None]


class SupplyPoint(Shape):
    """So much load would be carried at that price."""

    load_mib: Number
    price: Number


class DemandPoint(Shape):
    """So much load pays at least that price now."""

    load_mib: Number
    price: Number
    host: str


class Equilibrium(Shape):
    """What the whole load would cost if it were spread evenly."""

    load_mib: Number
    usable_mib: Number
    price: Number


class ClusterMarket(Shape):
    """One cluster's market over time, and its supply and demand now."""

    turn: int
    cluster: Entity
    series: PriceSeries
    potential: PotentialSeries
    supply: list[SupplyPoint]
    demand: list[DemandPoint]
    equilibrium: Equilibrium


class Page(Shape):
    """One page of a list."""

    total: int
    next: str | None = Field(description="Cursor of the next page, null on the last.")


class HostPage(Page):
    """Hosts."""

    items: list[dict[str, Any]]


class VmPage(Page):
    """VMs, with the columns that were asked for."""

    items: list[dict[str, Any]]


class Job(Shape):
    """Something that takes a while. Ask again until its state is done or failed."""

    id: str
    kind: Literal["plan", "snapshot", "whatif", "backtest"]
    state: Literal["queued", "running", "done", "failed"]
    who: str
    created_at: Time
    started_at: Time | None
    ended_at: Time | None
    progress_pct: float
    location: str | None = Field(description="Where its result is, once it is done.")
    plan: str | None = Field(description="Id of the plan that it made.")
    problem: Problem | None


class JobPage(Page):
    """Jobs, the newest first."""

    items: list[Job]


class JobResult(Shape):
    """A job and its result, null until it is done."""

    job: Job
    result: dict[str, Any] | None


class Snapshot(Shape):
    """A look at the estate."""

    turn: int
    taken_at: Time
    source: Source
    hosts: int
    vms: int
    clusters: int
    missing: list[str]


class SnapshotPage(Page):
    """Looks at the estate, the newest first."""

    items: list[Cycle]


class Cycle(Shape):
    """A turn of the loop, or a command that read the estate, as the journal knows it."""

    id: int
    kind: str
    source: str
    started_at: Time
    ended_at: Time | None
    status: str
    sentence: str
    vms: int
    hosts: int
    ballooned_mib: Number
    swapped_mib: Number
    swap_in_kibps: Number
    swap_out_kibps: Number


class Health(Shape):
    """It lives."""

    status: Literal["ok", "starting", "failing"]


class Readiness(Shape):
    """Whether it can answer."""

    status: Literal["ok", "starting", "failing"]
    turn: int | None
    age_s: float | None = Field(
        description="Since the estate was looked at, by the source's clock."
    )


SnapshotPage.model_rebuild()
