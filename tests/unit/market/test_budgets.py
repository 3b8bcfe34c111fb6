"""Disruption budgets on the trading floor: what is spent, by whom, and for how long."""

from __future__ import annotations

import numpy as np
import pytest

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from vsphere_market.estate import Snapshot
from vsphere_market.market import PastMove
from vsphere_market.market.budgets import BudgetBoard
from vsphere_market.policy import BudgetScope, DisruptionBudget

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
