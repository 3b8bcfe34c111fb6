"""A flip of the working set moves what the VM holds with it, everywhere that is looked at.

A guest that wants more than it holds would hold more as soon as it wants anything else. The lever
changed what the ledger counts as held and not what demand does, so that memory which the guest
works with was taken for idle, and `explain` said that a balloon cap would be raised if the VM
wanted a hundredth of a per cent less.
"""

from __future__ import annotations

import numpy as np

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from tests.property.test_flips import accepted, pulled
from vsphere_market.demand import estimate_demand
from vsphere_market.market import MarketSettings, Question
from vsphere_market.market.flips import Lever, flips
from vsphere_market.policy import default_rulebook
from vsphere_market.port import ActionKind


def test_memory_that_is_wanted_is_not_idle() -> None:
    snapshot = snapshot_of(
        clusters=[cluster_row()],
        hosts=[host_row("host-1", 1)],
        vms=[
            vm_row(
                "vm-1",
                "host-1",
                4096,
                tools_running=True,
                granted_mib=3600,
                active_mib=3600,
                guest_swap_kibps=20_000,
                balloon_cap_mib=209,
            )
        ],
    )
    demand = estimate_demand(snapshot)
    assert demand.wanted[0] > snapshot.vms.size_mib[0] > demand.footprint[0]
    question = Question(
        snapshot=snapshot,
        demand=demand,
        rulebook=default_rulebook(snapshot),
        settings=MarketSettings(),
        cooling=np.zeros(1, dtype=np.bool_),
    )
    for flip in flips(question, 0, ActionKind.BALLOON_CAP):
        if flip.lever is Lever.WORKING_SET:
            there = pulled(question, 0, flip, 1.0 + 1e-9)
            assert there is not None and accepted(there, 0, flip.kind), flip
