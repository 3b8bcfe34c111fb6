"""Why: the numbers, quotes, offers, rules and history behind one VM, host or step."""

from __future__ import annotations

import json
import math

import numpy as np

from vsphere_market.control.decide import Frame, decide
from vsphere_market.control.explanations import (
    HostExplanation,
    Offer,
    PaidBy,
    StepExplanation,
    Tenant,
    VmExplanation,
)
from vsphere_market.control.since import squeezed_since
from vsphere_market.demand import ORIGINS, Sizing
from vsphere_market.errors import PlanError, UsageError
from vsphere_market.journal import Filter, Journal, StepRecord, estate_key
from vsphere_market.market import (
    Cause,
    Evidence,
    Plan,
    Step,
    diagnose,
)
from vsphere_market.market.applications import groups
from vsphere_market.market.bills import bills_of, goods_paid
from vsphere_market.market.cures import cures_of
from vsphere_market.market.diagnosis import host_entity
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.flips import flips
from vsphere_market.market.goods import Space
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.offers import offer_of
from vsphere_market.market.planfile import plan_from_json
from vsphere_market.market.quotes import quotes_for
from vsphere_market.market.steps import action_of
from vsphere_market.market.trades import TRADED
from vsphere_market.market.view import view_of
from vsphere_market.policy import explain_host, explain_vm
from vsphere_market.port import ActionKind, Entity, Migrate

#: The goods that are memory come first.
_MEMORY_GOODS = 3
#: What each guard is priced by.
_UNITS = {
    "cpu": "points/MHz",
    "vcpu": "points a vCPU",
    "network": "points a KiB/s",
    "storage": "points a KiB/s",
}
#: So many of a VM's or host's past actions are told.
_ACTIONS = 10
#: Goods of the market as people call them.
_GOODS = {
    "memory": "working sets and a quarter of idle memory, now and in recent hours",
    "footprint": "what fits only by ballooning",
    "pinned": "what no balloon can free",
    "cpu": "CPU",
    "vcpu": "virtual CPUs per core",
    "network": "network",
    "storage": "storage adapters",
}


def explain_vm_row(
    framed: Frame,
    row: int,
    journal: Journal | None = None,
    *,
    plan: Plan | None = None,
    ledger: Ledger | None = None,
) -> VmExplanation:
    """Everything about the VM in that row of the snapshot.

    Args:
        framed: what decisions stand on.
        row: of the VM.
        journal: what was done before; None for nothing.
        plan: the decision made of ``framed``, where it was made already.
        ledger: that of ``framed``, likewise; only read.
    """
    ledger = ledger or framed.question.ledger()
    vms = framed.snapshot.vms
    vm = Entity(vms.moid[row], vms.name[row])
    home = int(ledger.host_of[row])
    diagnosis = next((found for found in diagnose(ledger) if found.row == row), None)
    plan = plan or decide(framed)
    steps = tuple(step for step in plan.steps if step.action.subject.moid == vm.moid)
    views = {view.host.moid: view for view in view_of(ledger).hosts}
    host = host_entity(ledger, int(vms.host[row]))
    eligibility = Eligibility(ledger, framed.question.cooling)
    planned = {step.action.kind: step for step in steps}
    offers = tuple(_offer(ledger, eligibility, row, kind, planned.get(kind)) for kind in TRADED)
    since = squeezed_since(journal, framed.snapshot, (diagnosis,) if diagnosis else ())
    return VmExplanation(
        vm=vm,
        host=host,
        numbers=_vm_numbers(ledger, row),
        confidence=float(ledger.demand.confidence[row]),
        cause=diagnosis.cause if diagnosis else Cause.NONE,
        diagnosis=diagnosis,
        view=views.get(host.moid),
        paid=paid_by(ledger, row),
        quotes=quotes_for(ledger, eligibility, row) if home >= 0 else (),
        offers=offers,
        flips=tuple(
            flip
            for offer in offers
            if offer.refused is not None or offer.chosen
            for flip in flips(framed.question, row, offer.kind)
            # A step that pays only with others is no yes of its own.
            if flip.taken is offer.chosen
        ),
        cures=cures_of(ledger, eligibility, diagnosis) if diagnosis else (),
        since=since.get(vm.moid),
        steps=steps,
        refusals=tuple(item for item in plan.refusals if item.subject.moid == vm.moid),
        settings=explain_vm(framed.rulebook, framed.snapshot, row, framed.policies),
        actions=_actions(journal, framed, vm=vm.moid),
    )


def paid_by(ledger: Ledger, row: int) -> PaidBy:
    """What the VM in that row pays, and of which application that is a part."""
    bills = bills_of(ledger)
    goods = tuple(
        Evidence(_GOODS[name], points, "points") for name, points in goods_paid(ledger, row)
    )
    for (kind, name), rows in groups(ledger.snapshot).items():
        if row in rows:
            running = [vm for vm in rows if ledger.host_of[vm] >= 0]
            return PaidBy(bills.of([row]), goods, name, kind, bills.of(running), len(running))
    return PaidBy(bills.of([row]), goods)


def explain_host_row(
    framed: Frame,
    row: int,
    journal: Journal | None = None,
    *,
    plan: Plan | None = None,
    ledger: Ledger | None = None,
) -> HostExplanation:
    """Everything about the host in that row of the snapshot; see :func:`explain_vm_row`."""
    ledger = ledger or framed.question.ledger()
    hosts = framed.snapshot.hosts
    moid, name = hosts.moid[row], hosts.name[row]
    view = next(view for view in view_of(ledger).hosts if view.host.moid == moid)
    plan = plan or decide(framed)
    moves = [(step, step.action) for step in plan.steps if isinstance(step.action, Migrate)]
    samples = journal.host_samples(Filter(host=moid, limit=_ACTIONS)) if journal else ()
    return HostExplanation(
        view=view,
        numbers=_host_numbers(ledger, row),
        price_parts=_price_parts(ledger, row),
        tenants=_tenants(ledger, row),
        arrivals=tuple(step for step, move in moves if move.target.moid == moid),
        departures=tuple(step for step, move in moves if move.source.moid == moid),
        settings=explain_host(framed.rulebook, row, framed.policies),
        samples=samples,
        actions=_actions(journal, framed, host=name),
    )


def explain_step(plan: Plan, step: str, journal: Journal | None = None) -> StepExplanation:
    """Everything about one step of a plan.

    Raises:
        UsageError: the plan has no such step.
    """
    for found in plan.steps:
        if found.id == step:
            break
    else:
        steps = f"{plan.steps[0].id} to {plan.steps[-1].id}" if plan.steps else "none"
        raise UsageError("is no step of the plan", where=step, cure=f"its steps: {steps}")
    vm = found.action.subject.moid
    since = Filter(vm=vm, since_s=plan.created_at_s, limit=_ACTIONS)
    past = journal.steps(since) if journal else ()
    return StepExplanation(found, plan, tuple(one for one in past if one.action == found.action))


def last_plan(journal: Journal | None) -> Plan:
    """The newest plan in the journal.

    Raises:
        PlanError: there is none.
    """
    records = journal.plans(Filter(limit=1)) if journal else ()
    document = journal.plan_document(records[0].id) if journal and records else None
    if document is None:
        raise PlanError("no plan is known", cure="make one, or name a plan file with --plan")
    return plan_from_json(json.loads(document), where="the journal's newest plan")


# ---------------------------------------------------------------- the parts


def _offer(
    ledger: Ledger, eligibility: Eligibility, row: int, kind: ActionKind, step: Step | None
) -> Offer:
    """What a kind of action does for a VM in the plan, or would at the prices before the plan."""
    if step is not None:
        # Not the best offer by itself: other steps may make another host the better one.
        return Offer(kind, step.action, step.saving, step.disruption, None, step)
    found = offer_of(ledger, eligibility, row, kind)
    trade = found.trade
    if trade is None:
        return Offer(kind, None, math.nan, math.nan, found.refused, None)
    action = action_of(ledger, trade.what)
    return Offer(kind, action, trade.saving, trade.disruption, found.refused, None)


def _vm_numbers(ledger: Ledger, row: int) -> tuple[Evidence, ...]:
    vms, demand, terms = ledger.snapshot.vms, ledger.demand, ledger.terms
    told = f", says {vms.guest_source[row]}" if vms.guest_source[row] else ""
    return _known(
        ("size", terms.size[row], "MiB"),
        ("limit", terms.limit[row], "MiB"),
        ("reservation", terms.reservation[row], "MiB"),
        ("balloon cap", terms.cap[row], "MiB"),
        ("working set", demand.working_set[row], "MiB"),
        ("wanted by its guest", demand.wanted[row], "MiB"),
        ("footprint", demand.footprint[row], "MiB"),
        ("idle", demand.idle[row], "MiB"),
        ("overhead", demand.overhead[row], "MiB"),
        ("granted", vms.granted_mib[row], "MiB"),
        ("active", vms.active_mib[row], "MiB"),
        ("active, peak", vms.active_peak_mib[row], "MiB"),
        ("consumed", vms.consumed_mib[row], "MiB"),
        ("ballooned", vms.ballooned_mib[row], "MiB"),
        ("balloon target", vms.balloon_target_mib[row], "MiB"),
        ("swapped", vms.swapped_mib[row], "MiB"),
        ("compressed", vms.compressed_mib[row], "MiB"),
        ("swap-in", vms.swap_in_kibps[row], "KiB/s"),
        ("swap-out", vms.swap_out_kibps[row], "KiB/s"),
        ("decompression", vms.decompress_kibps[row], "KiB/s"),
        ("memory latency", vms.latency_pct[row], "%"),
        (f"guest paging{told}", vms.guest_swap_kibps[row], "KiB/s"),
        (f"needed by its guest{told}", vms.guest_needed_mib[row], "MiB"),
        ("CPU demand", vms.cpu_demand_mhz[row], "MHz"),
        *_storage_numbers(ledger, row),
        ("samples", vms.samples[row], "count"),
        ("hours remembered", np.isfinite(demand.curve[row]).sum() - 1, "hours"),
        *_sizing_numbers(demand.sizing.only(row)),
    )


def _storage_numbers(ledger: Ledger, row: int) -> list[tuple[str, float, str]]:
    """What a VM asks of storage, and what its datastore makes of it."""
    vms, board, home = ledger.snapshot.vms, ledger.charges.stores, int(ledger.store[row])
    numbers = [
        ("requests to storage", vms.iops[row], "I/O/s"),
        ("storage throughput", vms.io_kibps[row], "KiB/s"),
        ("storage latency", vms.io_latency_ms[row], "ms"),
    ]
    if home < 0:
        return numbers
    load, nan = board.load(ledger.store), float("nan")
    latency = float(board.latency(load)[home])
    name = ledger.snapshot.datastores.name[home]
    return [
        *numbers,
        (f"latency of {name}", latency, "ms"),
        (f"load of {name}", 100.0 * load[home] / board.capacity[home], "%"),
        (f"price of {name}", board.price(load)[home], "points per I/O/s"),
        (f"hours remembered of {name}", board.usual.hours[home] + 0.0 * latency, "hours"),
        (f"of them from vCenter's own history, {name}", board.usual.told[home] or nan, "hours"),
    ]


def _sizing_numbers(sizing: Sizing) -> tuple[tuple[str, float, str], ...]:
    """What months say about one VM's size, and what they stand on."""
    return (
        ("usually wanted, half of the time", sizing.percentile(50.0)[0], "MiB"),
        ("usually wanted, 95 % of the time", sizing.percentile(95.0)[0], "MiB"),
        ("usually wanted, 99 % of the time", sizing.percentile(99.0)[0], "MiB"),
        ("peak of the last week", sizing.peak(7)[0], "MiB"),
        ("peak of the last 92 days", sizing.peak()[0], "MiB"),
        ("grows", sizing.trend()[0], "MiB a day"),
        ("least size without regret", sizing.floor()[0], "MiB"),
        *((text, float(sizing.hours[0, origin]), "hours") for origin, text in ORIGINS.items()),
    )


def _host_numbers(ledger: Ledger, row: int) -> tuple[Evidence, ...]:
    hosts, supply = ledger.snapshot.hosts, ledger.supply
    footprint = supply.goods[1].columns.start
    return _known(
        ("memory", hosts.memory_mib[row], "MiB"),
        ("VMkernel", hosts.vmkernel_mib[row], "MiB"),
        ("reclaims below", hosts.low_free_threshold_mib[row], "MiB"),
        ("for sale", supply.usable[row], "MiB"),
        ("sold, footprints", ledger.load[row, footprint], "MiB"),
        ("sold, cannot be ballooned", ledger.load[row, footprint + 1], "MiB"),
        ("sold, working sets and a quarter of idle", ledger.load[row, 0], "MiB"),
        ("reserved", ledger.occupied[row, Space.ADMITTED], "MiB"),
        ("consumed", hosts.consumed_mib[row], "MiB"),
        ("memory state", hosts.memory_state[row], "0 high … 4 low"),
        ("memory latency", hosts.latency_pct[row], "%"),
        ("CPU capacity", hosts.cpu_mhz[row], "MHz"),
        ("CPU in use", hosts.cpu_used_mhz[row], "MHz"),
        ("vMotion network", hosts.vmotion_mbps[row], "Mb/s"),
        ("samples", hosts.samples[row], "count"),
        *_guard_prices(ledger, row),
    )


def _price_parts(ledger: Ledger, row: int) -> tuple[Evidence, ...]:
    """The host's price of memory, good by good; guards have prices of their own."""
    price = ledger.supply.price(ledger.load)[row]
    return tuple(
        Evidence(_GOODS[good.name], float(price[good.columns].sum()), "points/MiB")
        for good in ledger.supply.goods[:_MEMORY_GOODS]
    )


def _guard_prices(ledger: Ledger, row: int) -> list[tuple[str, float, str]]:
    """What the host asks for the goods beside memory."""
    price = ledger.supply.price(ledger.load)[row]
    return [
        (f"price of {_GOODS[good.name]}", float(price[good.columns].sum()), _UNITS[good.name])
        for good in ledger.supply.goods[_MEMORY_GOODS:]
    ]


def _tenants(ledger: Ledger, host: int) -> tuple[Tenant, ...]:
    vms, demand = ledger.snapshot.vms, ledger.demand
    causes = {found.row: found.cause for found in diagnose(ledger)}
    rows = np.flatnonzero(ledger.host_of == host)
    rows = rows[np.argsort(-demand.footprint[rows], kind="stable")]
    return tuple(
        Tenant(
            Entity(vms.moid[row], vms.name[row]),
            float(demand.working_set[row]),
            float(demand.footprint[row]),
            float(demand.taken[row]),
            causes.get(int(row), Cause.NONE),
        )
        for row in rows
    )


def _known(*numbers: tuple[str, float, str]) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(name, float(value), unit) for name, value, unit in numbers if np.isfinite(value)
    )


def _actions(
    journal: Journal | None, framed: Frame, *, vm: str = "", host: str = ""
) -> tuple[StepRecord, ...]:
    if journal is None:
        return ()
    estate = estate_key(framed.snapshot.source)
    wanted = Filter(vm=vm, host=host, estate=estate, limit=_ACTIONS)
    return tuple(step for step in journal.steps(wanted) if not step.dry_run)
