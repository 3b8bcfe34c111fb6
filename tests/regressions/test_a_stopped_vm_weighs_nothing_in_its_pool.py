"""A VM that the plan stops counted on in its pool, with a MiB and its own priority.

What the pool holds was then worth something else in the next plan, where the VM is off, and on a
pool that is squeezed hard the difference bought a hot-add. Found by the property that planning
after a plan gives nothing.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from vsphere_market.demand import estimate_demand
from vsphere_market.market import MarketSettings, Question
from vsphere_market.policy import default_rulebook

POOLS: list[dict[str, Any]] = [
    {"moid": "root", "name": "Resources", "cluster": "domain-c1"},
    {"moid": "dev", "name": "dev", "cluster": "domain-c1", "parent": "root", "limit_mib": 4096},
]


def question(power: str) -> Question:
    """Two VMs in a pool too small for either; the second, which matters most, is on or off."""
    snapshot = snapshot_of(
        clusters=[cluster_row()],
        hosts=[host_row("host-1", 131_072)],
        pools=POOLS,
        vms=[
            vm_row("vm-1", "host-1", 8192, pool="dev", granted_mib=8192, active_mib=6000),
            vm_row("vm-2", "host-1", 8192, pool="dev", granted_mib=8192, power=power),
        ],
    )
    rulebook = default_rulebook(snapshot)
    return Question(
        snapshot=snapshot,
        demand=estimate_demand(snapshot),
        rulebook=dataclasses.replace(rulebook, priority=np.array([1.0, 1000.0])),
        settings=MarketSettings(),
        cooling=np.zeros(2, dtype=np.bool_),
    )


def test_stopped_in_a_plan_is_as_if_it_had_been_off() -> None:
    ledger = question("poweredOn").ledger()
    ledger.power(1, -1)
    off = question("poweredOff").ledger()
    assert off.standing_cost() > 0
    assert ledger.standing_cost() == pytest.approx(off.standing_cost(), rel=1e-12)


def test_a_pool_of_which_nothing_runs_costs_nothing() -> None:
    ledger = question("poweredOff").ledger()
    ledger.power(0, -1)
    assert ledger.standing_cost() == 0.0
