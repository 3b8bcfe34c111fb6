"""What the journal brings back: demand, cool-downs that grow, and no echo of old paging."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from tests.roads import hot_plant, road
from vsphere_market.control.cycle import one_cycle
from vsphere_market.control.memory import (
    Memory,
    cooling,
    keep_history,
    longest_span_s,
    observed,
    past_moves,
    recall,
    without_echo,
)
from vsphere_market.demand import identities
from vsphere_market.estate import Snapshot
from vsphere_market.journal import estate_key, open_journal
from vsphere_market.market import MarketSettings
from vsphere_market.market.budgets import PastMove
from vsphere_market.policy import BudgetScope, DisruptionBudget, default_rulebook

HOUR = 3600.0
NOW = 1_795_000_000.0


def two_vms() -> Snapshot:
    return snapshot_of(
        clusters=[cluster_row()],
        hosts=[host_row("host-1", 65536), host_row("host-2", 65536)],
        vms=[
            vm_row("vm-1", "host-1", 8192, guest_swap_kibps=100, active_peak_mib=8000),
            vm_row("vm-2", "host-1", 8192, guest_swap_kibps=100, active_peak_mib=8000),
        ],
    )


def move(vm: str, ago_s: float) -> PastMove:
    return PastMove(vm, "host-1", "host-2", NOW - ago_s)


@pytest.mark.parametrize(
    ("ages", "rests"),
    [
        ([], False),
        ([0.5 * HOUR], True),
        ([1.5 * HOUR], False),
        # The second move within a day doubles the cool-down of an hour, the third makes it four.
        ([1.5 * HOUR, 5 * HOUR], True),
        ([2.5 * HOUR, 5 * HOUR], False),
        ([3.5 * HOUR, 5 * HOUR, 6 * HOUR], True),
        # A move of the day before yesterday is no repeat.
        ([1.5 * HOUR, 50 * HOUR], False),
        # Eight times is the most.
        ([9 * HOUR, *(HOUR * n for n in range(10, 20))], False),
        # A clock that jumped back must not set a VM free.
        ([-HOUR], True),
    ],
)
def test_cool_downs_grow_with_repeats(ages: list[float], rests: bool) -> None:
    snapshot = two_vms()
    moves = [move("vm-1", age) for age in ages]
    resting = cooling(snapshot, default_rulebook(snapshot), moves, NOW)
    assert resting.tolist() == [rests, False]


def test_a_vm_that_is_gone_does_no_harm() -> None:
    snapshot = two_vms()
    assert not cooling(snapshot, default_rulebook(snapshot), [move("vm-9", 1)], NOW).any()


def test_how_far_back_moves_matter() -> None:
    snapshot = two_vms()
    rulebook = default_rulebook(snapshot)
    settings = MarketSettings()
    # Where VMs have been matters for a week, or for as long as the loop's settings say.
    assert longest_span_s(rulebook, settings) == 168 * HOUR
    fortnight = dataclasses.replace(settings, no_return_s=336 * HOUR)
    assert longest_span_s(rulebook, fortnight) == 336 * HOUR
    month = DisruptionBudget(
        "month", BudgetScope.ESTATE, np.ones(2, dtype=np.bool_), 5.0, np.inf, 720 * HOUR
    )
    assert longest_span_s(dataclasses.replace(rulebook, budgets=(month,)), settings) == 720 * HOUR


def test_demand_is_remembered_over_a_restart(tmp_path: Path) -> None:
    snapshot = two_vms()
    before = Memory()
    observed(before, snapshot)
    with open_journal(tmp_path / "j.db") as journal:
        keep_history(journal, snapshot, before)
    with open_journal(tmp_path / "j.db") as journal:
        memory = recall(journal, snapshot, snapshot.taken_at_s, HOUR)
    ids = identities(snapshot.vms)
    assert memory.history.dates(ids).level == pytest.approx(before.history.dates(ids).level)
    assert memory.history.dates(ids).level.shape == (2, 1)
    assert memory.sizes.pending == pytest.approx(before.sizes.pending)
    assert len(memory.sizes) == 2


def test_an_hour_of_waiting_is_remembered_as_more_than_it_showed() -> None:
    calm = snapshot_of(
        clusters=[cluster_row()],
        hosts=[host_row("host-1", 65536)],
        vms=[
            vm_row("vm-1", "host-1", 8192, active_mib=4000, active_peak_mib=4000),
            vm_row("vm-2", "host-1", 8192, active_mib=4000, active_peak_mib=4000)
            | {"swap_in_kibps": 100, "latency_pct": 5.0, "swapped_mib": 100},
        ],
    )
    memory = Memory()
    observed(memory, calm)
    quiet, waiting = memory.sizes.pending
    assert waiting > 1.15 * quiet


def test_a_damaged_history_begins_anew(tmp_path: Path) -> None:
    snapshot = two_vms()
    with open_journal(tmp_path / "j.db") as journal:
        for kind, version in (("demand", 2), ("size", 1)):
            name = f"{kind}-history/{estate_key(snapshot.source)}"
            journal.put_blob(name, b"rubbish", version=version, at_s=0.0)
        memory = recall(journal, snapshot, NOW, HOUR)
        assert len(memory.history) == len(memory.sizes) == 0
    assert recall(None, snapshot, NOW, HOUR).moves == Memory().moves


def test_a_vm_without_counters_leaves_no_trace() -> None:
    snapshot = snapshot_of(
        clusters=[cluster_row()],
        hosts=[host_row("host-1", 65536)],
        vms=[{"moid": "vm-1", "name": "vm-1", "host": "host-1", "size_mib": 4096}],
    )
    memory = Memory()
    observed(memory, snapshot)
    assert len(memory.history) == 0
    assert len(memory.sizes) == 0


def test_what_was_moved_comes_back_from_the_journal(tmp_path: Path) -> None:
    plant = hot_plant()
    with road(tmp_path, plant) as way:
        report = one_cycle(way, 1)
        assert report.done
        estate = estate_key(report.frame.snapshot.source)
        moves = past_moves(way.journal, estate, 0.0)
        assert {found.vm for found in moves} == {
            step.action.subject.moid for step in report.plan.steps if step.action.kind == "migrate"
        }
        assert past_moves(way.journal, estate, plant.clock.now_s() + 1) == ()
        assert past_moves(way.journal, "another", 0.0) == ()


def test_paging_from_before_growth_is_no_want() -> None:
    snapshot = two_vms()
    at_s = snapshot.taken_at_s
    fresh = without_echo(snapshot, {"vm-1": at_s - 100, "vm-9": at_s}).vms
    assert np.isnan(fresh.guest_swap_kibps[0])
    assert np.isnan(fresh.active_peak_mib[0])
    assert fresh.guest_swap_kibps[1] == 100
    old = without_echo(snapshot, {"vm-1": at_s - 1000}).vms
    assert old.guest_swap_kibps[0] == 100
