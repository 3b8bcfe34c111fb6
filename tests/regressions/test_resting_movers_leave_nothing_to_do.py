"""Planning after a plan gives nothing, also where movers at rest make a cluster small.

Clusters with few VMs are solved exactly, larger ones by looking at two hosts at a time. A plan that
moved some VMs of a larger cluster left those that could still move few enough to be solved exactly,
and the next plan found chains over three hosts that the first had not looked for. A plan now ends
by letting those trade that have not been moved, with the others at rest, as the next plan will.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from tests.property.test_market_laws import planned_again
from vsphere_market.demand import estimate_demand
from vsphere_market.market import MarketSettings, Question
from vsphere_market.policy import Mode, default_rulebook

CHEAP = dataclasses.replace(
    MarketSettings(),
    move_cost=0.01,
    move_fixed=1.0,
    minimum_saving=0.0,
    discount=0.0,
    discount_now=0.0,
    comfort_price=0.0,
    comfort_now=0.0,
)


def crowded(seed: int) -> Question:
    """Four hosts and a dozen VMs of all sizes, some hosts over-full."""
    dice = np.random.default_rng(seed)
    vms = []
    for at in range(13):
        size = int(dice.choice([4096, 8192, 16384, 24576]))
        active = int(size * dice.uniform(0.2, 1.0))
        host = f"host-{dice.choice(4, p=[0.5, 0.3, 0.1, 0.1])}"
        counters = {"granted_mib": size, "active_mib": active, "active_peak_mib": active}
        vms.append(vm_row(f"vm-{at}", host, size, **counters))
    snapshot = snapshot_of(
        clusters=[cluster_row()], hosts=[host_row(f"host-{at}", 65536) for at in range(4)], vms=vms
    )
    return Question(
        snapshot=snapshot,
        demand=estimate_demand(snapshot),
        rulebook=default_rulebook(snapshot, Mode.AUTOMATIC),
        settings=CHEAP,
        cooling=np.zeros(len(vms), dtype=np.bool_),
    )


@pytest.mark.parametrize("seed", range(30))
def test_the_next_plan_is_empty(seed: int) -> None:
    assert planned_again(crowded(seed), cool_down=True) == ()
