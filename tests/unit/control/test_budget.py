"""Disruption budgets hold by wall-clock time, whatever the loop's pace."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from vsphere_market.control.budget import affordable
from vsphere_market.estate import Snapshot
from vsphere_market.market import Certificate, Origin, Plan, Step
from vsphere_market.market.budgets import PastMove
from vsphere_market.policy import BudgetScope, DisruptionBudget, Mode, Rulebook, default_rulebook
from vsphere_market.port import Action, ActionKind, Entity, Migrate, SetMemory

NOW = 1_795_000_000.0


def estate() -> Snapshot:
    return snapshot_of(
        clusters=[cluster_row()],
        hosts=[host_row(f"host-{n}", 65536) for n in range(3)],
        vms=[vm_row(f"vm-{n}", "host-0", 4096) for n in range(10)],
    )


def plan_of(*actions: Action, needs: dict[int, tuple[str, ...]] | None = None) -> Plan:
    steps = tuple(
        Step(f"s{at}", action, 1, (needs or {}).get(at, ()), 9.0, 1.0, Mode.AUTOMATIC, "")
        for at, action in enumerate(actions, start=1)
    )
    origin = Origin("plant", "x", "", NOW, "", "")
    return Plan(NOW, NOW + 60, origin, Certificate(2.0, 1.0, 0.5), steps, ())


def move(vm: int, source: int = 0, target: int = 1) -> Migrate:
    return Migrate(
        Entity(f"vm-{vm}", ""), Entity(f"host-{source}", ""), Entity(f"host-{target}", "")
    )


def rulebook(
    snapshot: Snapshot, scope: BudgetScope, most: float, share: float = np.inf
) -> Rulebook:
    counted = np.ones(len(snapshot.vms), dtype=np.bool_)
    counted[9] = False
    budget = DisruptionBudget("calm", scope, counted, most, share, 3600.0)
    return dataclasses.replace(default_rulebook(snapshot), budgets=(budget,))


def test_without_budgets_everything_may_be_done() -> None:
    snapshot = estate()
    plan = plan_of(move(0), move(1))
    assert affordable(plan, default_rulebook(snapshot), snapshot, (), NOW) == (
        frozenset({"s1", "s2"}),
        (),
    )


def test_the_first_steps_spend_the_budget() -> None:
    snapshot = estate()
    plan = plan_of(move(0), move(1), move(2), move(9))
    may, waiting = affordable(plan, rulebook(snapshot, BudgetScope.ESTATE, 2), snapshot, (), NOW)
    # vm-9 is not counted by the budget.
    assert may == {"s1", "s2", "s4"}
    assert [item.step.id for item in waiting] == ["s3"]
    assert "calm" in waiting[0].sentence
    assert waiting[0].until_s == NOW + 3600


def test_what_was_done_within_the_window_counts() -> None:
    snapshot = estate()
    book = rulebook(snapshot, BudgetScope.ESTATE, 1)
    recent = [PastMove("vm-5", "host-0", "host-1", NOW - 1800)]
    may, waiting = affordable(plan_of(move(0)), book, snapshot, recent, NOW)
    assert may == frozenset()
    assert waiting[0].until_s == NOW + 1800
    old = [PastMove("vm-5", "host-0", "host-1", NOW - 3601)]
    assert affordable(plan_of(move(0)), book, snapshot, old, NOW)[0] == {"s1"}


def test_settings_are_no_disruption() -> None:
    snapshot = estate()
    change = SetMemory(Entity("vm-0", ""), ActionKind.LIMIT, 2048, None)
    book = rulebook(snapshot, BudgetScope.ESTATE, 0)
    may, waiting = affordable(plan_of(change, move(0)), book, snapshot, (), NOW)
    assert may == {"s1"}
    assert waiting[0].until_s == np.inf
    assert "for good" in waiting[0].sentence


def test_a_host_counts_what_comes_and_what_goes() -> None:
    snapshot = estate()
    book = rulebook(snapshot, BudgetScope.HOST, 1)
    plan = plan_of(move(0, 0, 1), move(1, 1, 2), move(2, 2, 0))
    assert affordable(plan, book, snapshot, (), NOW)[0] == {"s1"}


def test_each_vm_may_have_a_budget_of_its_own() -> None:
    snapshot = estate()
    book = rulebook(snapshot, BudgetScope.VM, 1)
    recent = [PastMove("vm-0", "host-0", "host-1", NOW - 60)]
    may, _ = affordable(plan_of(move(0), move(1)), book, snapshot, recent, NOW)
    assert may == {"s2"}


@pytest.mark.parametrize(
    ("scope", "share", "allowed"),
    [
        (BudgetScope.ESTATE, 0.5, 4),
        (BudgetScope.CLUSTER, 0.5, 4),
        (BudgetScope.ESTATE, 0.01, 1),
        (BudgetScope.ESTATE, 0.0, 0),
    ],
)
def test_a_share_of_the_vms(scope: BudgetScope, share: float, allowed: int) -> None:
    snapshot = estate()
    plan = plan_of(*(move(vm) for vm in range(9)))
    may, _ = affordable(plan, rulebook(snapshot, scope, np.inf, share), snapshot, (), NOW)
    assert len(may) == allowed


def test_who_depends_on_a_waiting_step_waits_too() -> None:
    snapshot = estate()
    book = rulebook(snapshot, BudgetScope.ESTATE, 1)
    plan = plan_of(move(0), move(1), move(9), needs={3: ("s2",)})
    may, waiting = affordable(plan, book, snapshot, (), NOW)
    assert may == {"s1"}
    assert [item.step.id for item in waiting] == ["s2"]
