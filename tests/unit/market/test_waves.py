"""Waves: what may run at the same time, and what has to wait for what."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from vsphere_market.demand import estimate_demand
from vsphere_market.market import MarketSettings, Question
from vsphere_market.market.trades import Change, Move, Trade
from vsphere_market.market.waves import schedule
from vsphere_market.policy import default_rulebook
from vsphere_market.port import ActionKind


def question(vms: list[dict[str, Any]], memory: int = 65_536, hosts: int = 4) -> Question:
    snapshot = snapshot_of(
        clusters=[cluster_row()],
        hosts=[host_row(f"host-{at}", memory) for at in range(hosts)],
        vms=vms,
    )
    return Question(
        snapshot=snapshot,
        demand=estimate_demand(snapshot),
        rulebook=default_rulebook(snapshot),
        settings=MarketSettings(),
        cooling=np.zeros(len(vms), dtype=np.bool_),
    )


def move(vm: int, source: int, target: int) -> Trade:
    return Trade(Move(vm, source, target), 1.0, 0.0, 0.0)


def waves(asked: Question, *trades: Trade) -> list[tuple[int, tuple[int, ...]]]:
    return [(slot.wave, slot.needs) for slot in schedule(asked, trades)]


def small(at: int, host: int) -> dict[str, Any]:
    return vm_row(f"vm-{at}", f"host-{host}", 4096)


def test_independent_moves_share_a_wave() -> None:
    asked = question([small(0, 0), small(1, 1)])
    assert waves(asked, move(0, 0, 2), move(1, 1, 3)) == [(1, ()), (1, ())]


def test_a_host_takes_part_in_two_migrations_at_once() -> None:
    asked = question([small(at, 0) for at in range(3)])
    moves = [move(at, 0, at + 1) for at in range(3)]
    assert [wave for wave, _ in waves(asked, *moves)] == [1, 1, 2]


def test_who_needs_room_waits_for_who_makes_it() -> None:
    # Pinned memory: no Tools, so all of it. Host 1 is full until its VM has left.
    big = [
        vm_row("vm-0", "host-1", 6000, tools_running=False, overhead_mib=0),
        vm_row("vm-1", "host-0", 6000, tools_running=False, overhead_mib=0),
    ]
    asked = question(big, memory=8000)
    assert waves(asked, move(0, 1, 2), move(1, 0, 1)) == [(1, ()), (2, (0,))]


def test_room_that_was_there_anyway_is_not_waited_for() -> None:
    asked = question([small(0, 1), small(1, 0)])
    assert waves(asked, move(0, 1, 2), move(1, 0, 1)) == [(1, ()), (1, ())]


def test_changes_of_a_vm_follow_its_move() -> None:
    asked = question([small(0, 0)])
    grow = Trade(Change(0, ActionKind.RESERVATION, 0.0, 1024.0), 1.0, 0.0, 0.0)
    assert waves(asked, move(0, 0, 1), grow) == [(1, ()), (2, (0,))]
