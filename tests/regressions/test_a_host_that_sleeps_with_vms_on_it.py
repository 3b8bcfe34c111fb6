"""A host that told that it slept was woken although a VM ran on it, which cannot both be true.

A search at random found it: states of power and of VMs are read one after the other.
"""

from __future__ import annotations

import numpy as np

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from tests.policies import compiled, document
from vsphere_market.demand import estimate_demand
from vsphere_market.market import MarketSettings, Question
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.plan import Reason
from vsphere_market.market.switchboard import Switchboard


def woken(home: str) -> tuple[bool, Reason]:
    """Whether the second host, which tells that it sleeps, is woken for VMs that want it."""
    hosts = [host_row("host-0", 65536), host_row("host-1", 65536, power="standBy")]
    busy = {"granted_mib": 16384.0, "active_mib": 15000.0, "active_peak_mib": 16000.0}
    vms = [vm_row(f"vm-{at}", "host-0", 16384, **busy) for at in range(5)]
    snapshot = snapshot_of(
        clusters=[cluster_row()], hosts=hosts, vms=[*vms, vm_row("odd", home, 4096)]
    )
    rulebook = compiled(
        snapshot, document("capacity", "wake", spec={"suspend": True, "provision": True})
    ).rulebook
    cooling = np.zeros(len(vms) + 1, dtype=np.bool_)
    question = Question(
        snapshot, estimate_demand(snapshot), rulebook, MarketSettings(), cooling=cooling
    )
    ledger = question.ledger()
    trades, reason = Switchboard(ledger, Eligibility(ledger, cooling)).wake_one(1)
    return bool(trades), reason


def test_a_host_that_sleeps_is_woken_only_when_it_is_empty() -> None:
    assert woken("host-0")[0]
    assert woken("host-1") == (False, Reason.HOST_UNFIT)
