"""A plan for VMs that may be restarted took 35 s for 500 of them, and forty minutes for 4,000.

What months say about sizes was worked out for all VMs, row by row, each time that one VM was asked
about: for every VM that is too large, in trading and once more among the refusals.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from vsphere_market.demand import SizeHistory, estimate_demand, identities
from vsphere_market.demand.sizing import Sizing
from vsphere_market.market import MarketSettings, Question, Reason, make_plan
from vsphere_market.policy import default_rulebook
from vsphere_market.units import FloatArray

VMS, SIZE = 30, 8192


def test_what_months_say_is_worked_out_once_a_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [vm_row(f"vm-{n}", "host-1", SIZE, active_mib=SIZE / 8) for n in range(VMS)]
    hosts = [host_row("host-1", 2 * VMS * SIZE)]
    snapshot = snapshot_of(clusters=[cluster_row()], hosts=hosts, vms=rows)
    sizes, ids = SizeHistory(), identities(snapshot.vms)
    for hour in range(40 * 24, -1, -1):
        sizes.observe(snapshot.taken_at_s - 3600.0 * hour, ids, np.full(VMS, SIZE / 8))
    asked: list[int] = []
    trend = Sizing.trend

    def counted(sizing: Sizing) -> FloatArray:
        asked.append(len(sizing.days))
        return trend(sizing)

    monkeypatch.setattr(Sizing, "trend", counted)
    rulebook = default_rulebook(snapshot)
    rulebook = dataclasses.replace(rulebook, reboot_allowed=np.ones(VMS, dtype=np.bool_))
    nobody = np.zeros(VMS, dtype=np.bool_)
    question = Question(
        snapshot, estimate_demand(snapshot, sizes=sizes), rulebook, MarketSettings(), nobody
    )
    plan = make_plan(question, snapshot.taken_at_s)
    # Each of them was asked about: shrinking pays for none on a host that is half empty.
    assert [item.reason for item in plan.refusals] == VMS * [Reason.NOT_WORTH_IT]
    assert asked == [VMS]
