"""One turn of the loop: observe, decide, carry out what may be, write all of it down."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

import vsphere_market
from vsphere_market.control.aftermath import keep_forecasts, look_back
from vsphere_market.control.backfill import backfill, backfill_storage
from vsphere_market.control.decide import Frame, decide, frame, view
from vsphere_market.control.failures import Lately, lately
from vsphere_market.control.memory import keep_history
from vsphere_market.control.ownership import clusters_of, scope_of, within
from vsphere_market.control.persistence import Waiting, waiting_steps, without
from vsphere_market.control.showing import Shown, showing_of
from vsphere_market.control.stop import Either, StopSwitch
from vsphere_market.errors import MarketError
from vsphere_market.estate import Snapshot
from vsphere_market.executor import (
    CancelToken,
    ExecutionResult,
    Progress,
    Settings,
    execute,
    recover,
)
from vsphere_market.journal import Halt, Journal, Lease, Scope, estate_key
from vsphere_market.market import MarketSettings, MarketView, Plan, Step
from vsphere_market.market.planfile import plan_to_json
from vsphere_market.policy import Mode, PolicySet
from vsphere_market.port import VCenterPort
from vsphere_market.units import FloatArray


@dataclass(frozen=True, slots=True)
class Squeeze:
    """How much an estate is squeezed, as its counters show it; sums over VMs, NaN not given.

    Attributes:
        ballooned_mib: in balloons.
        swapped_mib: swapped by hosts.
        compressed_mib: compressed by hosts, before compression.
        swapin_kibps: swap-in.
        swapout_kibps: swap-out.
    """

    ballooned_mib: float
    swapped_mib: float
    compressed_mib: float
    swapin_kibps: float
    swapout_kibps: float

    @property
    def active(self) -> bool:
        """Pages are being swapped now."""
        return self.swapin_kibps > 0 or self.swapout_kibps > 0


@dataclass(frozen=True, slots=True, eq=False)
class Road:
    """What a turn of the loop works with.

    Attributes:
        port: the estate.
        journal: where everything is written.
        policies: what the business wants.
        shadow: decide and write down, but touch nothing.
        who: on whose behalf.
        market: the market's constants; None for the defaults.
        execution: the executor's limits.
        clusters: the clusters to look after, by name or managed object id; none for all.
        origin: from where it is used, for the audit trail.
        switch: the stop switch; None hears none.
        show: show what is carried out in vCenter's own lists of tasks and events.
        rng: jitter of the executor's pauses; None for one seeded by the operating system.
    """

    port: VCenterPort
    journal: Journal
    policies: PolicySet
    shadow: bool = False
    who: str = ""
    market: MarketSettings | None = None
    execution: Settings | None = None
    clusters: tuple[str, ...] = ()
    origin: Mapping[str, str] = field(default_factory=dict)
    switch: StopSwitch | None = None
    show: bool = False
    rng: random.Random | None = None


@dataclass(frozen=True, slots=True, eq=False)
class CycleReport:
    """What one turn saw, decided and did.

    Attributes:
        number: from 1, counted by this run.
        started_s: Unix time at the source.
        ended_s: likewise.
        frame: what the decision stood on.
        view: the market before the trades.
        squeeze: how much the estate was squeezed at the beginning.
        plan: the decision.
        chosen: ids of the steps that were carried out.
        waiting: automatic steps that more cycles have to want first.
        result: what came of the chosen steps; None when there were none.
        halt: who had pulled the stop switch, so that nothing was carried out; None for nobody.
        cycle: number of the turn in the journal.
        plan_number: number of the plan there.
    """

    number: int
    started_s: float
    ended_s: float
    frame: Frame
    view: MarketView
    squeeze: Squeeze
    plan: Plan
    chosen: frozenset[str]
    waiting: tuple[Waiting, ...] = ()
    result: ExecutionResult | None = None
    cycle: int = 0
    plan_number: int = 0
    halt: Halt | None = None

    @property
    def recommended(self) -> tuple[Step, ...]:
        """Steps that were decided, but neither tried nor waiting to be."""
        rest = self.chosen | self.held_back
        return tuple(step for step in self.plan.steps if step.id not in rest)

    @property
    def held_back(self) -> frozenset[str]:
        """Automatic steps that wait for more cycles to want them, or that need one that waits."""
        return automatic(self.plan) - self.chosen if self.waiting else frozenset()

    @property
    def done(self) -> int:
        """Steps that succeeded."""
        if self.result is None:
            return 0
        return sum(1 for outcome in self.result.outcomes if outcome.kind.good)

    @property
    def failed(self) -> int:
        """Chosen steps that did not succeed."""
        return len(self.chosen) - self.done


def squeeze_of(snapshot: Snapshot) -> Squeeze:
    """Sum up what the counters of an estate's VMs say."""
    vms = snapshot.vms
    return Squeeze(
        ballooned_mib=_sum(vms.ballooned_mib),
        swapped_mib=_sum(vms.swapped_mib),
        compressed_mib=_sum(vms.compressed_mib),
        swapin_kibps=_sum(vms.swap_in_kibps),
        swapout_kibps=_sum(vms.swap_out_kibps),
    )


def observe_and_decide(
    road: Road, snapshot: Snapshot | None = None, *, past: Lately | None = None
) -> tuple[Frame, Plan]:
    """The first half of a turn; reads the journal, writes nothing.

    Args:
        road: what to work with.
        snapshot: the estate, if it was read just now; None to read it.
        past: nobody looks on, so VMs on which an action failed lately are left alone.

    Raises:
        UnreachableError, NotPermittedError, ActionError: the estate cannot be read.
        PolicyProblems: policies contradict each other or the estate.
        StorageError, BusyError: the journal cannot be read.
    """
    snapshot = snapshot or road.port.observe()
    snapshot = within(snapshot, scope_of(snapshot, road.clusters))
    now_s = road.port.clock.now_s()
    framed = frame(
        snapshot,
        road.policies,
        now_s=now_s,
        journal=road.journal,
        settings=road.market,
        failing=past.pinned(now_s) if past else (),
    )
    return framed, decide(framed)


def one_cycle(
    road: Road,
    number: int,
    *,
    kind: str = "run",
    snapshot: Snapshot | None = None,
    cancel: CancelToken | None = None,
    watch: Callable[[Progress], None] | None = None,
    lease: Lease | None = None,
) -> CycleReport:
    """Go round once. Only steps whose policy mode is automatic are carried out.

    Args:
        road: what to work with.
        number: of the turn.
        kind: what the journal calls the cycle.
        snapshot: the estate, if it was read just now; None to read it.
        cancel: heard between steps.
        watch: told of the steps' progress.
        lease: what lets us act; None when nobody else can be there.

    Raises:
        MarketError: it could not be observed, decided or written down. What was submitted is in
            the journal, and settled by the next turn.
    """
    started_s = road.port.clock.now_s()
    snapshot = snapshot or road.port.observe()
    backfill(road.port, road.journal, snapshot)
    backfill_storage(road.port, road.journal, snapshot)
    past = lately(road.journal, estate_key(snapshot.source), road.execution, started_s)
    framed, plan = observe_and_decide(road, snapshot, past=past)
    market_view = view(framed)
    scope = scope_of(framed.snapshot, road.clusters)
    cycle, plan_number = write_decision(road.journal, framed, plan, kind, started_s, scope)
    halt = road.switch.state() if road.switch is not None else None
    chosen = frozenset[str]() if road.shadow or halt else automatic(plan)
    waiting = waiting_steps(
        plan, chosen, framed.rulebook, framed.snapshot, road.journal, kind, scope.text
    )
    chosen = without(plan, chosen, waiting)
    result: ExecutionResult | None = None
    # Before anything is changed: afterwards the present would be the effect of this turn as well.
    look_back(road.journal, framed.snapshot, market_view, framed.now_s)
    try:
        if chosen:
            road.journal.approve(
                plan_number,
                who=road.who,
                steps=[step.id for step in plan.steps if step.id in chosen],
                at_s=framed.now_s,
                # Nobody said yes: the policies did, whose digest the plan has.
                origin={**road.origin, "via": "policy", "policies": plan.made_from.policies},
            )
            result = carry_out(
                road,
                framed.snapshot,
                plan,
                plan_number,
                chosen,
                past=past,
                cancel=cancel,
                watch=watch,
                lease=lease,
            )
            keep_forecasts(road.journal, framed.snapshot, plan, result)
    except MarketError as error:
        _end(road, cycle, "failed", error.sentence())
        raise
    report = CycleReport(
        number=number,
        started_s=started_s,
        ended_s=road.port.clock.now_s(),
        frame=framed,
        view=market_view,
        squeeze=squeeze_of(framed.snapshot),
        plan=plan,
        chosen=chosen,
        waiting=waiting,
        result=result,
        halt=halt,
        cycle=cycle,
        plan_number=plan_number,
    )
    failed = result is not None and not result.succeeded
    status = "shadow" if road.shadow else "stopped" if halt else "failed" if failed else "done"
    _end(road, cycle, status, sentence_of(report, shadow=road.shadow))
    return report


def write_decision(
    journal: Journal,
    framed: Frame,
    plan: Plan,
    kind: str,
    started_s: float,
    scope: Scope | None = None,
) -> tuple[int, int]:
    """Write down what was seen and decided; returns the numbers of the cycle and the plan."""
    snapshot = framed.snapshot
    cycle = journal.begin_cycle(
        snapshot,
        kind=kind,
        engine=vsphere_market.__version__,
        started_s=started_s,
        scope=scope.text if scope else "",
    )
    hosts = {outlook.host.moid: outlook for outlook in plan.hosts}
    demand = framed.question.demand
    journal.write_samples(
        cycle,
        snapshot,
        prices={moid: outlook.price_before for moid, outlook in hosts.items()},
        loads={moid: outlook.load_before for moid, outlook in hosts.items()},
        vm_columns={
            "working_set_mib": np.where(demand.known, demand.working_set, np.nan),
            "footprint_mib": np.where(demand.known, demand.footprint, np.nan),
        },
    )
    part = scope is not None and bool(scope.clusters)
    keep_history(journal, snapshot, framed.memory, part=part)
    document = json.dumps(plan_to_json(plan), ensure_ascii=False, allow_nan=False)
    return cycle, journal.write_plan(plan, document, cycle=cycle)


def automatic(plan: Plan) -> frozenset[str]:
    """The steps that policy lets go ahead without asking."""
    return frozenset(step.id for step in plan.steps if step.mode >= Mode.AUTOMATIC)


def carry_out(  # noqa: PLR0913 - what an execution is about, as keywords
    road: Road,
    snapshot: Snapshot,
    plan: Plan,
    plan_number: int | None,
    chosen: Collection[str],
    *,
    dry_run: bool = False,
    past: Lately | None = None,
    cancel: CancelToken | None = None,
    watch: Callable[[Progress], None] | None = None,
    lease: Lease | None = None,
) -> ExecutionResult:
    """Execute the chosen steps of a plan under the journal's eyes. Hold a lease to act.

    What nobody has asked for (``past`` is given) leaves hosts alone, and the vCenter, that failed
    in earlier turns.
    """
    estate = estate_key(snapshot.source)
    # What could not be settled is still open: nothing new is asked of the same VM.
    occupied = {
        item.action.subject.moid: item.task or f"step {item.step} of execution {item.execution}"
        for item in road.journal.unsettled(estate)
    }
    recorder = road.journal.recorder(
        estate=estate,
        plan=plan_number,
        who=road.who,
        source=snapshot.source.name,
        lease=lease,
        clusters=clusters_of(snapshot),
    )
    showing = showing_of(road.port) if road.show and not dry_run else None
    shown: Shown | None = None
    if showing is not None:
        shown = Shown(showing, road.who, snapshot, plan, plan_number, chosen)
        shown.begin()
        watch = shown.watching(watch)
    result: ExecutionResult | None = None
    try:
        result = execute(
            plan,
            road.port,
            recorder,
            settings=road.execution,
            rng=road.rng,
            chosen=chosen,
            dry_run=dry_run,
            # Who hears nobody sleeps in one piece, which a plant thanks with speed.
            cancel=cancel if road.switch is None else Either(cancel, road.switch),
            snapshot=snapshot,
            occupied=occupied,
            breakers=past.breakers(road.port.clock.now_s()) if past else None,
            watch=watch,
        )
    finally:
        if shown is not None:
            shown.end(result)
    return result


def settle(
    road: Road,
    scope: Scope,
    *,
    cancel: CancelToken | None = None,
    lease: Lease | None = None,
) -> tuple[ExecutionResult, ...]:
    """Give everything that an earlier run left open within a scope its outcome.

    Args:
        road: what to work with.
        scope: what we may act on.
        cancel: heard between steps.
        lease: what lets us act on it.

    Raises:
        MarketError: the estate or the journal cannot be read.
    """
    road.journal.close_finished(road.port.clock.now_s(), scope.estate)
    left = road.journal.unsettled(scope)
    if not left:
        return ()
    recorder = road.journal.recorder(estate=scope.estate, who=road.who, lease=lease)
    return recover(left, road.port, recorder, settings=road.execution, rng=road.rng, cancel=cancel)


def sentence_of(report: CycleReport, *, shadow: bool) -> str:
    """A turn of the loop in one sentence, for the journal and for logs."""
    steps = len(report.plan.steps)
    if not steps:
        return "Nothing to do."
    if shadow:
        return f"{_count(steps, 'step')} would be done."
    if report.halt is not None:
        return f"{_count(steps, 'step')} planned, none done: {report.halt.sentence}."
    parts = [f"{report.done} of {_count(steps, 'step')} done"]
    if report.failed:
        parts.append(f"{report.failed} not")
    if report.held_back:
        parts.append(f"{len(report.held_back)} waiting")
    if report.recommended:
        parts.append(f"{len(report.recommended)} recommended")
    return ", ".join(parts) + "."


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _end(road: Road, cycle: int, status: str, sentence: str) -> None:
    road.journal.end_cycle(cycle, ended_s=road.port.clock.now_s(), status=status, sentence=sentence)


def _sum(column: FloatArray) -> float:
    """Sum over VMs that gave the counter; NaN when none did."""
    given = column[~np.isnan(column)]
    return float(given.sum()) if len(given) else float("nan")
