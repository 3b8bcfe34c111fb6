"""Mandatory rules come before everything, in whole plans over any estate and any valid policies.

Estates may be as degenerate as they like (hosts of one MHz or one MiB, VMs of many times what any
host has): no overload is worth a breach. Breaches are counted here anew from the tables.
``make nightly`` looks at thousands of cases.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.test_policy_obeyed import (
    broken,
    mandatory,
    questions,
    resized,
    ruled_hard,
    start,
)
from tests.searching import examples
from vsphere_market.demand import estimate_demand
from vsphere_market.market import Plan, Question, Reason, make_plan
from vsphere_market.market.acts import carry_out
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.engine import Answer, clear
from vsphere_market.market.netting import grouped
from vsphere_market.market.trades import Move, Power, surplus
from vsphere_market.port import Migrate, Start, Stop
from vsphere_market.units import IndexArray


@st.composite
def cases(draw: st.DrawFn) -> Question:
    """Questions of every kind of policy document, on estates that may make no sense at all."""
    question = draw(questions())
    if draw(st.booleans()):
        return question
    hosts, vms = question.snapshot.hosts, question.snapshot.vms
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    some = rng.random(len(hosts)) < 0.5
    hosts = hosts.replace(
        cpu_mhz=np.where(some, rng.choice([1.0, np.nan], len(hosts)), hosts.cpu_mhz),
        cpu_cores=np.where(some, rng.choice([1.0, np.nan], len(hosts)), hosts.cpu_cores),
        uplink_mbps=np.where(some, rng.choice([1.0, np.nan], len(hosts)), hosts.uplink_mbps),
        vmotion_mbps=np.where(some, rng.choice([1e-3, np.nan], len(hosts)), hosts.vmotion_mbps),
    )
    busy = rng.random(len(vms)) < 0.5
    vms = vms.replace(
        cpu_demand_mhz=np.where(busy, rng.choice([1e9, np.nan], len(vms)), vms.cpu_demand_mhz),
        net_kibps=np.where(busy, rng.choice([1e9, np.nan], len(vms)), vms.net_kibps),
    )
    snapshot = dataclasses.replace(question.snapshot, hosts=hosts, vms=vms)
    return dataclasses.replace(question, snapshot=snapshot, demand=estimate_demand(snapshot))


def places(question: Question, plan: Plan) -> Iterator[IndexArray]:
    """Where VMs are after each step of a plan, carried out in order on the snapshot."""
    vms, hosts = question.snapshot.vms, question.snapshot.hosts
    host_of = start(question)
    for step in plan.steps:
        match step.action:
            case Migrate(vm=vm, source=source, target=target):
                assert host_of[vms.row(vm.moid)] == hosts.row(source.moid)
                host_of[vms.row(vm.moid)] = hosts.row(target.moid)
            case Stop(vm=vm) | Start(vm=vm) if resized(
                plan, step, vms.row(vm.moid), question.snapshot
            ):
                # It is off for a moment, to be made larger or smaller, and comes back where it was.
                pass
            case Stop(vm=vm):
                host_of[vms.row(vm.moid)] = -1
            case Start(vm=vm, host=host):
                assert host is not None
                host_of[vms.row(vm.moid)] = hosts.row(host.moid)
        yield host_of.copy()


@given(cases())
@settings(max_examples=examples(100))
def test_no_step_of_a_plan_adds_a_breach_and_none_is_left_that_a_move_would_mend(
    question: Question,
) -> None:
    plan = make_plan(question, now_s=0.0)
    hard = mandatory(question)
    at = broken(question, start(question))
    assert plan.certificate.breaches_before == total(at, hard)
    for step, host_of in zip(plan.steps, places(question, plan), strict=True):
        after = broken(question, host_of)
        assert all(after[rule] <= at[rule] for rule in hard), step
        fewer = total(after, hard) < total(at, hard)
        # A soft rule gives way to a mandatory one, and to nothing else.
        assert fewer or all(after[rule] <= count for rule, count in at.items()), step
        at = after
    assert plan.certificate.breaches_after == total(at, hard)
    left = list(mending_moves(question, clear(question)))
    assert not left, left


def total(found: dict[str, float], hard: set[str]) -> float:
    return sum(found[rule] for rule in hard)


def mending_moves(question: Question, answer: Answer) -> Iterator[tuple[int, int]]:
    """Single moves, of VMs that the plan does not move, that are possible at its end and mend.

    What may be made is asked of the market's own words for it, but not what rules say.
    """
    ledger = answer.ledger
    eligibility = Eligibility(ledger, question.cooling)
    moved = {trade.what.vm for trade in answer.trades if isinstance(trade.what, Move | Power)}
    host_of = np.where(ledger.on, ledger.host_of, -1)
    hard = mandatory(question)
    before = broken(question, host_of)
    for vm in ruled_hard(question) - moved:
        for target in range(len(question.snapshot.hosts) if host_of[vm] >= 0 else 0):
            if not possible(eligibility, vm, target):
                continue
            there = host_of.copy()
            there[vm] = target
            after = broken(question, there)
            fewer = total(after, hard) < total(before, hard)
            if fewer and all(after[rule] <= before[rule] for rule in hard):
                yield vm, target


def possible(eligibility: Eligibility, vm: int, target: int) -> bool:
    """Whether anything but a rule is against a move."""
    reason = eligibility.why_not_move(vm, target)
    if reason is not Reason.BREAKS_RULE:
        return reason is None
    ledger = eligibility.ledger
    room = eligibility.roomy(np.array([vm]), np.array([target]))[0, 0]
    return bool(room) and ledger.budgets.allows(vm, target)


@given(cases())
@settings(max_examples=examples(60))
def test_breaches_and_then_points_fall_with_every_trade(question: Question) -> None:
    """The pair of what is broken and of what is paid falls: trading ends.

    It is what a trade says of itself; that its numbers are true is held where they are counted.
    """
    answer = clear(question)
    ledger = question.ledger()
    for group in grouped(answer.trades):
        mended, points = surplus(group)
        assert mended > 0 or (mended == 0 and points > 0.0)
        for trade in group:
            was = ledger.breaches()
            carry_out(ledger, trade.what)
            assert trade.mends == was - ledger.breaches() >= 0
    assert np.isfinite([answer.before, answer.after]).all()


@given(cases())
@settings(max_examples=examples(40))
def test_what_two_moves_would_mend_together_is_mended(question: Question) -> None:
    """Of two VMs that the plan does not move, one makes way and the other one's move mends."""
    answer = clear(question)
    ledger = answer.ledger
    if not ledger.breaches():
        return
    eligibility = Eligibility(ledger, question.cooling)
    moved = {trade.what.vm for trade in answer.trades if isinstance(trade.what, Move | Power)}
    still = [vm for vm in np.flatnonzero(eligibility.movers()).tolist() if vm not in moved]
    left = ledger.breaches()
    for first in still:
        for _ in each_move(eligibility, first):
            for second in still:
                for _ in each_move(eligibility, second) if second != first else ():
                    assert ledger.breaches() >= left, (first, second, ledger.host_of)


def each_move(eligibility: Eligibility, vm: int) -> Iterator[None]:
    """Every possible move of a VM, done while it is looked at."""
    ledger = eligibility.ledger
    home = int(ledger.host_of[vm])
    for target in range(len(ledger.snapshot.hosts)):
        if target != home and eligibility.why_not_move(vm, target) is None:
            ledger.move(vm, target)
            yield
            ledger.move(vm, home)
