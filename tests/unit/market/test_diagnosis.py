"""Root causes: the same symptom told apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from vsphere_market.demand import estimate_demand
from vsphere_market.market import Cause, MarketSettings, Pressure, Question, diagnose, look
from vsphere_market.policy import default_rulebook


def question(*vms: dict[str, Any], memory: int = 65_536) -> Question:
    snapshot = snapshot_of(
        clusters=[cluster_row()], hosts=[host_row("host-1", memory)], vms=list(vms)
    )
    return Question(
        snapshot=snapshot,
        demand=estimate_demand(snapshot),
        rulebook=default_rulebook(snapshot),
        settings=MarketSettings(),
        cooling=np.zeros(len(snapshot.vms), dtype=np.bool_),
    )


def cause(memory: int = 65_536, **vm: Any) -> Cause:
    found = diagnose(question(vm_row("vm-1", "host-1", 8192, **vm), memory=memory).ledger())
    return found[0].cause if found else Cause.NONE


TAKEN = {"granted_mib": 5000, "ballooned_mib": 3000}


def test_nothing_taken_is_nothing_wrong() -> None:
    assert cause() is Cause.NONE


def test_a_limit_is_the_cause_whatever_the_host_has() -> None:
    assert cause(limit_mib=5000, **TAKEN) is Cause.LIMIT
    assert cause(limit_mib=5000, memory=6000, **TAKEN) is Cause.LIMIT


def test_a_limit_that_is_not_reached_is_no_cause() -> None:
    assert cause(limit_mib=7000, granted_mib=3000, active_mib=1000) is Cause.NONE


def test_a_host_that_sold_too_much_is_the_cause() -> None:
    assert cause(memory=6000, **TAKEN) is Cause.HOST_OVERCOMMIT


def test_a_full_guest_is_its_own_cause() -> None:
    assert cause(active_mib=8000) is Cause.GUEST_FULL


def test_leftovers_are_told_from_pressure() -> None:
    assert cause(granted_mib=5000, swapped_mib=3000) is Cause.STALE_SWAP
    assert cause(**TAKEN) is Cause.BALLOON_WITHOUT_PRESSURE


def test_who_hurts_comes_first() -> None:
    vms = [
        vm_row("vm-1", "host-1", 8192, **TAKEN),
        vm_row("vm-2", "host-1", 8192, granted_mib=5000, swapped_mib=3000, swap_in_kibps=10),
        vm_row("vm-3", "host-1", 8192, granted_mib=5000, swapped_mib=3000, swap_in_kibps=900),
    ]
    found = diagnose(question(*vms, memory=20_000).ledger())
    assert [item.vm.moid for item in found] == ["vm-3", "vm-2", "vm-1"]
    assert [item.hurts for item in found] == [True, True, False]


def test_pressure_of_hosts() -> None:
    def pressure(memory: int, **vm: Any) -> Pressure:
        view = look(question(vm_row("vm-1", "host-1", 8192, **vm), memory=memory))
        return view.hosts[0].pressure

    assert pressure(65_536) is Pressure.CALM
    assert pressure(6000) is Pressure.FULL
    assert pressure(6000, **TAKEN) is Pressure.BALLOONING
    assert pressure(6000, swap_out_kibps=5, **TAKEN) is Pressure.SWAPPING
