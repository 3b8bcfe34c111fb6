"""Disruption budgets on the trading floor: what is spent, by whom, and for how long."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from vsphere_market.estate import Snapshot, VmTable
from vsphere_market.market import PastMove
from vsphere_market.market.budgets import BudgetBoard
from vsphere_market.policy import BudgetScope, DisruptionBudget
from vsphere_market.units import BoolArray, IndexArray

NOW_S = 10_000.0
EVERY_VM = np.arange(6)
EVERY_HOST = np.arange(4)


def estate() -> Snapshot:
    """Two clusters of two hosts; VMs 0 to 3 in the first, 4 and 5 in the second."""
    homes = (0, 0, 0, 1, 2, 3)
    return snapshot_of(
        clusters=[cluster_row("c1"), cluster_row("c2")],
        hosts=[host_row(f"h{at}", 65536, cluster=f"c{1 + at // 2}") for at in range(4)],
        vms=[
            vm_row(f"vm-{at}", f"h{home}", 4096, cluster=f"c{1 + home // 2}")
            for at, home in enumerate(homes)
        ],
    )


def board(
    scope: BudgetScope,
    most: float = np.inf,
    share: float = np.inf,
    past: tuple[PastMove, ...] = (),
    counted: tuple[int, ...] = (0, 1, 2, 3, 4, 5),
) -> BudgetBoard:
    snapshot = estate()
    mask = np.isin(np.arange(6), counted)
    budget = DisruptionBudget("calm", scope, mask, most, share, window_s=3600.0)
    return BudgetBoard((budget,), snapshot, snapshot.vms.host, past, NOW_S)


def may(budgets: BudgetBoard, vm: int, host: int) -> bool:
    whole = bool(budgets.mask(EVERY_VM, EVERY_HOST)[vm, host])
    assert budgets.allows(vm, host) == whole
    return whole


def test_the_estates_budget_is_everybodys() -> None:
    budgets = board(BudgetScope.ESTATE, 1)
    assert may(budgets, 0, 1)
    budgets.move(0, 0, 1)
    assert not may(budgets, 1, 1)
    assert not may(budgets, 4, 3)
    # Who has moved may change its mind, and going home frees the budget.
    assert may(budgets, 0, 0)
    budgets.move(0, 1, 0)
    assert may(budgets, 1, 1)


def test_each_cluster_has_its_own() -> None:
    budgets = board(BudgetScope.CLUSTER, 1)
    budgets.move(0, 0, 1)
    assert not may(budgets, 1, 1)
    assert may(budgets, 4, 3)


def test_a_host_counts_what_leaves_and_what_comes() -> None:
    budgets = board(BudgetScope.HOST, 1)
    budgets.move(0, 0, 1)
    assert not may(budgets, 1, 1)
    assert not may(budgets, 3, 0)
    assert may(budgets, 4, 3)


def test_a_vm_that_was_moved_before_has_spent_its_own() -> None:
    past = (PastMove("vm-0", "h1", "h0", NOW_S - 60),)
    budgets = board(BudgetScope.VM, 1, past=past)
    assert not may(budgets, 0, 1)
    assert may(budgets, 1, 1)


@pytest.mark.parametrize("age_s", [3599.0, 3601.0])
def test_the_window_slides(age_s: float) -> None:
    past = (PastMove("vm-5", "h2", "h3", NOW_S - age_s),)
    assert may(board(BudgetScope.ESTATE, 1, past=past), 0, 1) == (age_s > 3600.0)


def test_a_share_counts_the_scopes_own_vms_and_allows_one_at_least() -> None:
    budgets = board(BudgetScope.CLUSTER, share=0.5)
    budgets.move(0, 0, 1)
    assert may(budgets, 1, 1)
    budgets.move(1, 0, 1)
    assert not may(budgets, 2, 1)
    little = board(BudgetScope.CLUSTER, share=0.01)
    assert may(little, 0, 1)
    assert not may(board(BudgetScope.CLUSTER, share=0.0), 0, 1)


def test_others_are_not_counted_and_not_held() -> None:
    budgets = board(BudgetScope.ESTATE, 1, counted=(0, 1))
    budgets.move(3, 1, 0)
    assert may(budgets, 0, 1)
    budgets.move(0, 0, 1)
    assert not may(budgets, 1, 1)
    assert may(budgets, 2, 1)
    assert may(budgets, 1, 0)  # staying is always free


def test_past_moves_of_what_is_gone_are_passed_over() -> None:
    past = (PastMove("vm-99", "h1", "h0", NOW_S), PastMove("vm-1", "gone", "h0", NOW_S))
    assert may(board(BudgetScope.HOST, 2, past=past), 2, 1)


def test_of_two_windows_the_one_with_least_left_decides() -> None:
    snapshot = estate()
    everybody = np.ones(6, dtype=np.bool_)
    hour, day = (
        DisruptionBudget(f"{most}", BudgetScope.CLUSTER, everybody, most, np.inf, window_s)
        for most, window_s in ((2.0, 3600.0), (3.0, 86400.0))
    )
    long_ago = tuple(PastMove("vm-0", "h1", "h0", NOW_S - 7200 - at) for at in range(2))
    for past, fits in (((), 2), (long_ago[:1], 2), (long_ago, 1)):
        for both in ((hour, day), (day, hour)):
            budgets = BudgetBoard(both, snapshot, snapshot.vms.host, past, NOW_S)
            done = 0
            while may(budgets, done, 1):
                budgets.move(done, 0, 1)
                done += 1
            assert done == fits


scopes = st.sampled_from(list(BudgetScope))
limits = st.sampled_from([0.0, 1.0, 2.0, 3.0, 50.0, np.inf])
some = st.lists(st.booleans(), min_size=6, max_size=6).map(np.array)
members = st.just(np.ones(6, dtype=np.bool_)) | some
several = st.lists(st.tuples(scopes, limits, members), max_size=3)
ways = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=12)


@given(several, ways)
def test_what_is_spent_is_what_counting_anew_would_say(
    told: list[tuple[BudgetScope, float, BoolArray]], moves: list[tuple[int, int]]
) -> None:
    snapshot = estate()
    vms = snapshot.vms
    made = [
        DisruptionBudget(f"b{at}", scope, counted, most, np.inf, window_s=3600.0)
        for at, (scope, most, counted) in enumerate(told)
    ]
    budgets = BudgetBoard(made, snapshot, vms.host, (), NOW_S)
    at = vms.host.copy()
    for vm, host in moves:
        budgets.move(vm, int(at[vm]), host)
        at[vm] = host
        mask = budgets.mask(EVERY_VM, EVERY_HOST)
        for other, target in itertools.product(range(6), range(4)):
            there = at.copy()
            there[other] = target
            fits = all(
                spent <= budget.max_migrations or spent <= before
                for budget in made
                if budget.vms[other]
                for spent, before in zip(
                    counts(budget, vms, there), counts(budget, vms, at), strict=True
                )
            )
            home = target in (at[other], vms.host[other])
            assert bool(mask[other, target]) == (fits or home)
        assert budgets.tight or mask.all()


def counts(budget: DisruptionBudget, vms: VmTable, at: IndexArray) -> list[int]:
    """What each scope of a budget has spent with VMs there."""
    away = np.flatnonzero((at != vms.host) & budget.vms)
    match budget.scope:
        case BudgetScope.VM:
            spots = away
        case BudgetScope.HOST:
            spots = np.concatenate([vms.host[away], at[away]])
        case BudgetScope.CLUSTER:
            spots = vms.cluster[away]
        case _:
            spots = np.zeros(len(away), dtype=np.int64)
    return [int(count) for count in np.bincount(spots, minlength=6)]
