"""Trades that pay only together: exact for few VMs, exchanges and chains for more."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.estates import estate
from benchmarks.placement import FREE, Instance
from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from vsphere_market.demand import estimate_demand
from vsphere_market.market import MarketSettings, Question, clear, make_plan
from vsphere_market.market.asking import Asking
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.few import best_homes
from vsphere_market.market.netting import grouped, net
from vsphere_market.market.placement import marketplaces
from vsphere_market.market.trades import Move, Trade
from vsphere_market.policy import Mode, default_rulebook
from vsphere_market.port import ActionKind, Migrate


def question_of(market: MarketSettings, **tables: list[dict[str, Any]]) -> Question:
    snapshot = snapshot_of(clusters=[cluster_row()], **tables)
    return Question(
        snapshot=snapshot,
        demand=estimate_demand(snapshot),
        rulebook=default_rulebook(snapshot),
        settings=market,
        cooling=np.zeros(len(snapshot.vms), dtype=np.bool_),
    )


def asking_of(question: Question) -> Asking:
    ledger = question.ledger()
    (place,) = marketplaces(ledger, Eligibility(ledger, question.cooling))
    static = np.ascontiguousarray(place.possible().T)
    return Asking(ledger, place.vms, place.hosts, static, 0.0)


def uneven_pair() -> dict[str, list[dict[str, Any]]]:
    """Two hosts with working sets of 7 + 5 and 4 + 4 thousand MiB: 5 against 4 is the only cure.

    Moving anything alone only turns the unevenness around.
    """
    working = {"vm-7": 7000, "vm-5": 5000, "vm-4a": 4000, "vm-4b": 4000}
    vms = [
        vm_row(
            name,
            "host-1" if size > 4000 else "host-2",
            8192,
            active_mib=size,
            granted_mib=size * 1.1,
        )
        for name, size in working.items()
    ]
    return {"hosts": [host_row(f"host-{at}", 16_000) for at in (1, 2)], "vms": vms}


@given(st.integers(0, 10_000), st.integers(2, 4), st.integers(3, 6))
@settings(max_examples=60)
def test_few_vms_are_placed_as_well_as_any_placement(seed: int, hosts: int, vms: int) -> None:
    snapshot = estate(hosts, vms, seed, 0.7)
    question = Question(
        snapshot,
        estimate_demand(snapshot),
        default_rulebook(snapshot),
        FREE,
        np.zeros(vms, dtype=np.bool_),
    )
    asking = asking_of(question)
    found = best_homes(asking, asking.mark(), np.arange(vms), np.arange(hosts))
    ledger = question.ledger()
    at_first = ledger.host_of.copy()
    costs = {}
    for homes in itertools.product(range(hosts), repeat=vms):
        for vm, host in enumerate(homes):
            ledger.move(vm, host)
        over = np.any(ledger.occupied > ledger.ceiling + 1e-6, axis=1)
        # A host that is over-full already may keep what it has.
        grown = {host for host, before in zip(homes, at_first, strict=True) if host != before}
        if not any(over[host] for host in grown):
            costs[homes] = ledger.potential()
    best = min(costs.values())
    assert costs[tuple(int(home) for home in found)] == pytest.approx(best, rel=1e-9)


def test_vms_change_places_where_no_single_move_pays() -> None:
    question = question_of(FREE, **uneven_pair())
    ledger = question.ledger()
    place = marketplaces(ledger, Eligibility(ledger, question.cooling))[0]
    answer = clear(question)
    groups = [group for group in grouped(answer.trades) if len(group) > 1]
    assert (place.savings() <= 0).all()
    assert groups, "nothing was done together"
    assert min(trade.saving for trade in groups[0]) < 0
    assert answer.after < answer.before
    assert clear(question).trades == answer.trades


def test_a_plan_says_what_pays_only_together_and_the_most_cautious_mode_decides() -> None:
    question = question_of(FREE, **uneven_pair())
    first = make_plan(question, now_s=0.0)
    together = [step for step in first.steps if step.together]
    assert together
    ids = {step.id for step in together}
    for step in together:
        assert set(step.together) < ids
        assert "together they save" in step.reason
    mover = together[0].action
    assert isinstance(mover, Migrate)
    modes = question.rulebook.modes[ActionKind.MIGRATE].copy()
    modes[:] = Mode.AUTOMATIC
    modes[question.snapshot.vms.row(mover.vm.moid)] = Mode.RECOMMEND
    question.rulebook.modes[ActionKind.MIGRATE].setflags(write=True)
    question.rulebook.modes[ActionKind.MIGRATE][:] = modes
    again = make_plan(question, now_s=0.0)
    assert {step.mode for step in again.steps if step.together} == {Mode.RECOMMEND}
    # One after the other, so that a failure leaves nothing begun in vain behind it.
    order = [step for step in again.steps if step.together]
    assert all(earlier.id in later.depends_on for earlier, later in itertools.pairwise(order))


def test_an_exchange_that_costs_more_than_it_saves_is_not_done() -> None:
    """The same estate with moves at their shipped price."""
    assert clear(question_of(MarketSettings(), **uneven_pair())).trades == ()


@pytest.mark.parametrize("seed", [2, 3, 5, 8])
def test_small_clusters_end_at_the_optimum(seed: int) -> None:
    from benchmarks.placement import ours, with_exact

    instance = Instance(4, 10, seed)
    assert with_exact(instance, ours(instance, 1))["exact_gap_pct"] <= 0.2


def moved(vm: int, source: int, target: int, group: int = 0) -> Trade:
    return Trade(Move(vm, source, target), 1.0, 0.0, 0.0, group)


def test_a_wish_is_from_first_to_last_and_a_group_stays_one() -> None:
    trades = [moved(1, 0, 1), moved(2, 0, 1, 7), moved(3, 1, 0, 7), moved(1, 1, 2), moved(4, 0, 1)]
    assert net(trades) == [
        (Move(2, 0, 1), Move(3, 1, 0)),
        (Move(1, 0, 2),),
        (Move(4, 0, 1),),
    ]


def test_a_member_that_changed_its_mind_takes_that_into_its_group() -> None:
    trades = [moved(1, 0, 1), moved(1, 1, 2, 7), moved(3, 2, 0, 7), moved(5, 0, 1), moved(3, 0, 2)]
    assert net(trades) == [(Move(5, 0, 1),), (Move(1, 0, 2),)]
