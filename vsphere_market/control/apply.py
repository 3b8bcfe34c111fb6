"""Carrying out a plan from a file: is it still about this estate, which steps, and then do them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import vsphere_market
from vsphere_market.control.aftermath import keep_forecasts
from vsphere_market.control.cycle import Road, carry_out, settle
from vsphere_market.control.judging import require_allowed
from vsphere_market.errors import InputError, PlanError
from vsphere_market.estate import Snapshot
from vsphere_market.executor import (
    CancelToken,
    ExecutionResult,
    Progress,
    drift,
    require_fresh,
    require_source,
)
from vsphere_market.executor.chains import Drift
from vsphere_market.journal import Holder, Lease, Scope, plan_estate
from vsphere_market.market import Plan, Step
from vsphere_market.market.plan import restores
from vsphere_market.market.planfile import plan_to_json, read_plan
from vsphere_market.policy import Mode


@dataclass(frozen=True, slots=True)
class Review:
    """A plan held against the estate as it is now.

    Attributes:
        plan: the plan.
        snapshot: the estate.
        chosen: the steps that would be carried out, in order.
        left_out: steps that are not: not asked for, or only recommended by policy.
        settled: what an earlier run had left open, with its outcomes.
        lease: what lets us act; None for a dry run.
    """

    plan: Plan
    snapshot: Snapshot
    chosen: tuple[Step, ...]
    left_out: tuple[Step, ...]
    settled: tuple[ExecutionResult, ...] = ()
    lease: Lease | None = None


def load_plan(path: Path) -> Plan:
    """Read a plan file. Raises PlanError, naming what is wrong."""
    return read_plan(path)


@contextlib.contextmanager
def review(
    road: Road,
    plan: Plan,
    *,
    only: Sequence[str] = (),
    dry_run: bool = False,
    cancel: CancelToken | None = None,
    wait_s: float = 0.0,
    waiting: Callable[[Holder], None] = lambda _holder: None,
) -> Iterator[Review]:
    """Hold a plan against the estate, and keep others from acting until the ``with`` ends.

    Args:
        road: what to work with.
        plan: the plan.
        only: ids of the steps that are wanted; none means all.
        dry_run: nothing will be submitted, so nobody needs to be kept out.
        cancel: heard while an earlier run's steps are being settled.
        wait_s: how long to wait for who is at work, such as a loop at its turn.
        waiting: told once who is waited for.

    Raises:
        StaleError: the plan expired, belongs elsewhere, or the estate has moved on.
        TryLaterError: the stop switch is pulled, or the policies at hand do not allow one of the
            steps now.
        PolicyProblems: they contradict each other or the estate.
        BusyError: somebody else is at work with this journal.
        PlanError: it has no such step, or one that powers a VM off without asking its guest.
        UnreachableError, NotPermittedError: the estate cannot be read.
    """
    chosen = _chosen(plan, only)
    if road.switch is not None and not dry_run:
        road.switch.require_released()
    scope = Scope(plan_estate(plan))
    lease: Lease | None = None
    with contextlib.ExitStack() as stack:
        if not dry_run:
            lease = road.journal.own(
                scope, who=road.who, what="apply", wait_s=wait_s, waiting=waiting
            )
            stack.enter_context(lease)
        snapshot = road.port.observe()
        settled: tuple[ExecutionResult, ...] = ()
        if lease is not None:
            settled = settle(road, scope, cancel=cancel, lease=lease)
            if settled:
                snapshot = road.port.observe()
        ids = {step.id for step in chosen}
        require_fresh(plan, snapshot, road.port.clock.now_s(), ids)
        require_allowed(chosen, road.policies, snapshot, road.port.clock.now_s())
        left_out = tuple(step for step in plan.steps if step.id not in ids)
        yield Review(plan, snapshot, chosen, left_out, settled, lease)


def apply(
    road: Road,
    reviewed: Review,
    *,
    dry_run: bool = False,
    cancel: CancelToken | None = None,
    watch: Callable[[Progress], None] | None = None,
    number: int | None = None,
) -> ExecutionResult:
    """Carry a reviewed plan out, within its :func:`review`.

    Args:
        road: what to work with.
        reviewed: the plan, held against the estate.
        dry_run: ask everything, submit nothing.
        cancel: heard between steps.
        watch: told of the steps' progress.
        number: of the plan in the journal; None to write it there.

    Raises:
        StaleError: it expired while somebody thought about it.
        TryLaterError: a freeze began meanwhile, or a schedule ended.
        MarketError: the journal cannot be written.
    """
    journal, plan, port = road.journal, reviewed.plan, road.port
    started_s = port.clock.now_s()
    require_allowed(reviewed.chosen, road.policies, reviewed.snapshot, started_s)
    cycle = journal.begin_cycle(
        reviewed.snapshot,
        kind="dry-run" if dry_run else "apply",
        engine=vsphere_market.__version__,
        started_s=started_s,
    )
    if number is None:
        document = json.dumps(plan_to_json(plan), ensure_ascii=False, allow_nan=False)
        number = journal.write_plan(plan, document, cycle=cycle)
    ids = [step.id for step in reviewed.chosen]
    if not dry_run:
        journal.approve(number, who=road.who, steps=ids, at_s=started_s, origin=road.origin)
    result = carry_out(
        road,
        reviewed.snapshot,
        plan,
        number,
        ids,
        dry_run=dry_run,
        cancel=cancel,
        watch=watch,
        lease=reviewed.lease,
    )
    keep_forecasts(journal, reviewed.snapshot, plan, result)
    good = sum(1 for outcome in result.outcomes if outcome.kind.good)
    journal.end_cycle(
        cycle,
        ended_s=port.clock.now_s(),
        status="done" if result.succeeded else "failed",
        sentence=f"{good} of {len(ids)} steps {'would be ' if dry_run else ''}done.",
    )
    return result


def drifts(plan: Plan, snapshot: Snapshot) -> tuple[Drift, ...]:
    """Every difference between what a plan expects and the estate; for showing, not for acting.

    Raises:
        StaleError: the plan belongs to another source.
    """
    require_source(plan, snapshot)
    return drift(plan, snapshot)


def _chosen(plan: Plan, only: Sequence[str]) -> tuple[Step, ...]:
    """The wanted steps that policy lets a person approve."""
    known = {step.id: step for step in plan.steps}
    for wanted in only:
        if wanted not in known:
            raise PlanError(
                f"the plan has no step {wanted}",
                where="--step",
                cure=f"its steps are {_range(plan)}" if plan.steps else "it has none",
            )
        if known[wanted].mode < Mode.APPROVE:
            raise InputError(
                f"policy only recommends step {wanted}, so it is not carried out",
                where="--step",
                cure="change the policy's mode to approve or automatic, and plan again",
            )
        step = known[wanted]
        needed = [other for other in (*step.depends_on, *step.together) if other not in only]
        if needed:
            raise InputError(
                f"step {wanted} needs {', '.join(needed)} to be done before it",
                where="--step",
                cure=f"add {' '.join(f'--step {step}' for step in needed)}",
            )
    ids = {step for step in set(only) or set(known) if known[step].mode >= Mode.APPROVE}
    # Who stops a VM has to start it again, whatever is said of starts.
    for start, stop in restores(plan.steps).items():
        (ids.add if stop in ids else ids.discard)(start)
    return tuple(step for step in plan.steps if step.id in ids)


def _range(plan: Plan) -> str:
    first, last = plan.steps[0].id, plan.steps[-1].id
    return first if first == last else f"{first} to {last}"
