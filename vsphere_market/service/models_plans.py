"""Shapes around plans: requests, plans, steps, executions, explanations."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from vsphere_market.service.models import (
    Certificate,
    Diagnosis,
    Entity,
    HostPrice,
    Moid,
    Number,
    Page,
    Problem,
    Shape,
    Time,
)


class Scope(Shape):
    """On what a plan may act; all empty is the whole estate."""

    vms: list[Moid] = Field(default=[], max_length=1000)
    hosts: list[Moid] = Field(default=[], max_length=1000)
    clusters: list[Moid] = Field(default=[], max_length=1000)


class PlanWanted(Shape):
    """What plan is wanted."""

    scope: Scope = Scope()
    note: str = Field(default="", max_length=500, description="What it is for, in your words.")


class Origin(Shape):
    """What a plan was made from."""

    source: str
    name: str
    instance_uuid: str | None
    taken_at: Time
    policies: str | None
    engine: str


class HostOutlook(Shape):
    """A host before the plan and after it."""

    host: Entity
    price_before: Number
    price_after: Number
    load_before: Number
    load_after: Number


PlanState = Literal["open", "empty", "executing", "executed", "expired"]


class Plan(Shape):
    """A plan. Its steps and refusals have pages of their own."""

    id: str
    state: PlanState
    created_at: Time
    expires_at: Time
    origin: Literal["loop", "request", "alert"]
    who: str | None
    note: str | None
    scope: Scope
    made_from: Origin
    certificate: Certificate
    steps: int
    refusals: int
    waves: int
    kinds: dict[str, int]
    approved: int
    skipped: int
    pending: int
    recommended: int
    saving: Number
    disruption: Number
    hosts: list[HostOutlook]
    executions: list[str]


class PlanEntry(Shape):
    """A plan in a list."""

    id: str
    state: PlanState
    created_at: Time
    expires_at: Time
    origin: Literal["loop", "request", "alert"]
    who: str | None
    certificate: Certificate
    steps: int
    refusals: int
    approved: int
    skipped: int


class PlanPage(Page):
    """Plans, the newest first."""

    items: list[PlanEntry]


class Evidence(Shape):
    """A number behind a decision."""

    name: str
    value: Number
    unit: str


class Quote(Shape):
    """What it would cost the market to have a VM on a host, points."""

    host: Entity
    price: Number
    quote: Number
    home: bool = Field(description="It is there now.")
    refused: str | None
    sentence: str | None


Approval = Literal["pending", "approved", "skipped", "recommended"]


class Step(Shape):
    """One action of a plan, and what was said about it."""

    id: str
    kind: str
    subject: Entity
    from_: Entity | int | None = Field(alias="from", description="Host, or MiB; null: none.")
    to: Entity | int | None = Field(description="Host, or MiB; null: none.")
    text: str
    wave: int
    depends_on: list[str]
    saving: Number
    disruption: Number
    mode: Literal["off", "recommend", "approve", "automatic"]
    reason: str
    approval: Approval
    approval_by: str | None
    approval_at: Time | None
    approval_why: str | None
    evidence: list[Evidence] | None = None
    quotes: list[Quote] | None = None


class StepPage(Page):
    """Steps, in the order in which they would be done."""

    items: list[Step]


class Refusal(Shape):
    """Something that a person might have expected, and why it is not done."""

    subject: Entity
    reason: str
    sentence: str


class RefusalPage(Page):
    """Refusals."""

    items: list[Refusal]


class Approve(Shape):
    """Which steps are approved."""

    steps: list[str] | None = Field(
        default=None,
        max_length=10_000,
        description="Ids; what they need is approved with them. null: all that policy allows.",
    )


class Skip(Shape):
    """Why a step is skipped."""

    why: str = Field(default="", max_length=500)


class Apply(Shape):
    """How a plan is carried out."""

    dry_run: bool = Field(default=False, description="Ask vCenter everything, submit nothing.")


class StepProgress(Shape):
    """How one step of an execution goes."""

    step: str
    text: str
    progress_pct: float
    outcome: str | None
    cause: str | None
    sentence: str | None
    task: str | None
    ended_at: Time | None


class Execution(Shape):
    """One carrying-out of a plan."""

    id: str
    plan: str
    who: str
    dry_run: bool
    state: Literal["starting", "running", "done", "failed", "cancelled"]
    cancelling: bool
    started_at: Time
    ended_at: Time | None
    number: int | None = Field(description="In the journal, once it has ended.")
    total: int
    ended: int
    good: int
    steps: list[StepProgress]
    problem: Problem | None


class ExecutionPage(Page):
    """Executions of this run of the service, the newest first."""

    items: list[Execution]


class Setting(Shape):
    """An effective setting, and which document decided it."""

    name: str
    value: str
    source: str
    place: str
    note: str


class Offer(Shape):
    """One kind of action, as it stands for one VM."""

    kind: str
    text: str | None
    saving: Number
    disruption: Number
    refused: str | None
    chosen: bool
    sentence: str


class Cure(Shape):
    """One way out of a VM's shortage, with its price where the market prices it."""

    subject: Entity = Field(description="The VM or pool that something is done to.")
    kind: str | None = Field(description="Of the action, null where people have to do it.")
    text: str
    saving: Number
    disruption: Number
    refused: str | None
    whole: bool = Field(description="By itself it ends the shortage; others only help.")
    sentence: str = Field(description="The verdict.")


class Flip(Shape):
    """The least change of one figure that flips the decision on a kind of action."""

    kind: str
    lever: str
    lever_words: str
    now: Number = Field(description="null for no limit.")
    needed: Number = Field(description="null for no limit.")
    unit: Literal["MiB", "points", "points/MiB"]
    taken: bool = Field(description="It is worth it now, and would not be any more.")


class Since(Shape):
    """How long a shortage has lasted without a calm look between."""

    at: Time
    looks: int
    at_least: bool = Field(description="Nothing older is known: it may have begun earlier.")


class PastAction(Shape):
    """What was done, or tried."""

    execution: int
    plan: str | None
    step: str
    kind: str
    subject: Entity
    from_: Entity | int | None = Field(alias="from")
    to: Entity | int | None
    text: str
    state: str
    outcome: str | None
    cause: str | None
    sentence: str
    dry_run: bool
    started_at: Time | None
    ended_at: Time | None


class Tenant(Shape):
    """A VM as its host sees it."""

    vm: Entity
    working_set_mib: Number
    footprint_mib: Number
    taken_mib: Number
    cause: str


class HostMoment(Shape):
    """What the journal remembers of a host."""

    at: Time
    price: Number
    load: Number
    consumed_mib: Number
    ballooned_mib: Number
    swapped_mib: Number
    swap_in_kibps: Number


class Bill(Shape):
    """What somebody pays at the prices of now, points."""

    total: Number
    goods: Number = Field(description="For every good, at the prices of hosts.")
    limit: Number = Field(description="For memory limits of VMs.")
    pool: Number = Field(description="For limits of resource pools.")


class Paid(Shape):
    """What a VM pays, and of which application that is a part."""

    bill: Bill
    goods: list[Evidence] = Field(description="For each good, the dearest first.")
    application: str | None
    grouped_by: Literal["tag", "vapp", "folder"] | None
    application_bill: Bill | None
    application_vms: int = Field(description="So many VMs of the application run.")


class Explanation(Shape):
    """Why: the numbers, quotes, rules and history behind a VM or a host."""

    turn: int
    thing: Literal["vm", "host"]
    subject: Entity
    host: Entity | None
    headline: str
    cause: str | None
    cause_words: str | None
    because: str | None = Field(description="The cause with the VM's own numbers.")
    since: Since | None
    diagnosis: Diagnosis | None
    inside: list[Evidence] = Field(description="What its guest shows.")
    outside: list[Evidence] = Field(description="What its host shows.")
    confidence: Number
    market: HostPrice | None
    paid: Paid | None = Field(description="Null for a host.")
    numbers: list[Evidence]
    price_parts: list[Evidence]
    quotes: list[Quote]
    offers: list[Offer]
    cures: list[Cure] = Field(description="The cheapest first.")
    flips: list[Flip]
    steps: list[Step]
    refusals: list[Refusal]
    tenants: list[Tenant]
    settings: list[Setting]
    samples: list[HostMoment]
    actions: list[PastAction]


class Payer(Shape):
    """An application, or a resource pool, and what its VMs pay."""

    name: str
    moid: str | None = Field(description="Of a resource pool.")
    by: Literal["tag", "vapp", "folder", "pool"]
    vms: int = Field(description="So many VMs run in it.")
    hosts: int | None = Field(description="So many hosts they are on.")
    hurt: int | None = Field(description="So many of its VMs are hurt now.")
    cause: str | None = Field(description="Why the most hurt of them is short of memory.")
    bill: Bill
    share: Number = Field(description="Its part of what all VMs pay, 0 to 1.")
    dearest: list[Entity] = Field(description="The VMs that pay most, ten at most.")


class BillPage(Page):
    """Who pays, the dearest first; every VM pays in one application at most."""

    items: list[Payer]
    bill: Bill = Field(description="What all VMs pay.")


class Whatif(Shape):
    """What is supposed; all of it at once."""

    ask: Literal["outlook", "headroom", "place"] = "outlook"
    cluster: str = Field(default="", max_length=200)
    lose: list[str] = Field(default=[], max_length=100)
    maintenance: list[str] = Field(default=[], max_length=100)
    add_hosts: int = Field(default=0, ge=0, le=1000)
    add_vms: int = Field(default=0, ge=0, le=10_000)
    size_gib: float | None = Field(default=None, gt=0, le=100_000)
    grow_pct: float = Field(default=0.0, ge=-100, le=10_000)
    memory_factor: float = Field(default=1.0, gt=0, le=1000)
    merge: list[str] = Field(default=[], max_length=100)
    policies: list[dict[str, Any]] | None = Field(
        default=None, max_length=2000, description="Other policy documents than today's."
    )


class Backtest(Shape):
    """Which controllers compete, on which shipped estate, for how long."""

    estate: str = Field(default="demo", pattern=r"^[A-Za-z0-9._-]{1,60}$")
    controllers: str = Field(default="none,market", max_length=200)
    seeds: int = Field(default=1, ge=1, le=20)
    hours: float = Field(default=2.0, ge=0.1, le=240.0)
    actions: Literal["migrate", "all"] = "all"
