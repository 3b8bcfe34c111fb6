"""What the journal answers: one frozen record per row, in the project's words and units."""

from __future__ import annotations

from dataclasses import dataclass

from vsphere_market.port import Action, Cause, OutcomeKind


@dataclass(frozen=True, slots=True)
class CycleRecord:
    """One turn of the loop, or one command that read an estate.

    Attributes:
        id: number in this journal.
        estate: identity of the vCenter.
        kind: ``run``, ``apply``, ``plan`` …, as the caller named it.
        source: name of the vCenter.
        started_s: Unix time of its beginning.
        ended_s: of its end; None while it goes on, or if the program died.
        status: ``open``, or what the caller said at its end.
        sentence: the same for people.
        vms: virtual machines seen.
        hosts: hosts seen.
        scope: managed object ids of the clusters that it was about, "" for all.
        ballooned_mib: sum over VMs, MiB; NaN if no VM had the counter.
        swapped_mib: likewise.
        swap_in_kibps: likewise, KiB/s.
        swap_out_kibps: likewise.
    """

    id: int
    estate: str
    kind: str
    source: str
    started_s: float
    ended_s: float | None
    status: str
    sentence: str
    vms: int
    hosts: int
    scope: str
    ballooned_mib: float
    swapped_mib: float
    swap_in_kibps: float
    swap_out_kibps: float


@dataclass(frozen=True, slots=True)
class HostSample:
    """One host in one cycle; amounts in MiB, rates in KiB/s, NaN where not given."""

    cycle: int
    at_s: float
    moid: str
    host: str
    cluster: str
    price: float
    load: float
    memory_mib: float
    consumed_mib: float
    ballooned_mib: float
    swapped_mib: float
    compressed_mib: float
    swap_in_kibps: float
    swap_out_kibps: float
    latency_pct: float
    memory_state: float


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """A plan, without its document.

    Attributes:
        id: number in this journal.
        cycle: the cycle that made it, None if it was made outside of one.
        estate: identity of the vCenter.
        source: name of the vCenter.
        created_s: Unix time.
        expires_s: Unix time.
        policies: digest of the policies.
        engine: version that made it.
        potential_before: certificate.
        potential_after: certificate.
        lower_bound: certificate.
        steps: how many.
        refusals: how many.
    """

    id: int
    cycle: int | None
    estate: str
    source: str
    created_s: float
    expires_s: float
    policies: str
    engine: str
    potential_before: float
    potential_after: float
    lower_bound: float
    steps: int
    refusals: int


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """One step of a plan, as it was decided, whether or not it was carried out."""

    plan: int
    source: str
    created_s: float
    step: str
    kind: str
    vm_moid: str
    vm: str
    host_from: str
    host_to: str
    from_mib: int | None
    to_mib: int | None
    wave: int
    saving: float
    disruption: float
    mode: str
    reason: str


@dataclass(frozen=True, slots=True)
class RefusalRecord:
    """Something that was not done, and why."""

    plan: int
    source: str
    created_s: float
    subject_moid: str
    subject: str
    reason: str
    sentence: str


@dataclass(frozen=True, slots=True)
class ExecutionRecord:
    """One carrying-out of a plan.

    Attributes:
        id: number in this journal, the executor's execution id.
        plan: the plan's number, None if it is not in the journal any more.
        estate: identity of the vCenter.
        source: its name, "" in records of versions that did not keep it.
        who: on whose behalf.
        dry_run: nothing was submitted.
        started_s: Unix time.
        ended_s: Unix time; None while it goes on, or if the program died.
        error: the sentence of what ended it early, or "".
    """

    id: int
    plan: int | None
    estate: str
    source: str
    who: str
    dry_run: bool
    started_s: float
    ended_s: float | None
    error: str


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step of an execution, with its outcome.

    Attributes:
        execution: number of the execution.
        plan: number of the plan, None if it is not in the journal any more.
        step: id within the plan.
        action: what was to be done.
        state: ``planned``, ``intent``, ``accepted`` or ``ended``.
        attempts: intents written.
        task: the other side's id of the last task, "" if none.
        outcome: how it ended; None before that.
        cause: why; None before the end.
        sentence: why, for people; "" before the end.
        fault: vSphere's name of the fault, "" if none.
        started_s: Unix time of the first submission, None if there was none.
        ended_s: Unix time of the end, None before it.
        dry_run: nothing was submitted.
        source: name of the vCenter, "" in records of versions that did not keep it.
        who: on whose behalf.
    """

    execution: int
    plan: int | None
    step: str
    action: Action
    state: str
    attempts: int
    task: str
    outcome: OutcomeKind | None
    cause: Cause | None
    sentence: str
    fault: str
    started_s: float | None
    ended_s: float | None
    dry_run: bool
    source: str
    who: str


@dataclass(frozen=True, slots=True)
class Moves:
    """A VM's migrations that we did.

    Attributes:
        last_s: Unix time of the end of the last one.
        count: how many since the time asked for.
    """

    last_s: float
    count: int


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One row of the audit trail; ``body`` is JSON."""

    id: int
    at_s: float
    event: str
    body: str


@dataclass(frozen=True, slots=True)
class Blob:
    """Something that another room keeps here and only it understands.

    Attributes:
        version: of its format, given by its owner.
        at_s: Unix time of writing.
        data: the bytes.
    """

    version: int
    at_s: float
    data: bytes
