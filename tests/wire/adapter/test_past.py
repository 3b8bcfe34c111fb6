"""vCenter's own history over the wire: the best counter that its statistics level keeps."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from tests.vcsim import StockVcsim
from tests.vcsim_estates import estate, vm_row
from tests.wire.adapter.small import connect
from tests.wire.conftest import StartSimulator
from vsphere_market.adapter.past import Interval, counter_for, intervals
from vsphere_market.port import Remembers

USAGE, ACTIVE = "mem.usage.average", "mem.active.average"


def test_level_one_gives_active_memory_as_a_share_of_the_size(
    start_simulator: StartSimulator,
) -> None:
    vms = [vm_row(f"vm-{n}", "host-11", size_mib=8192) for n in (101, 102)]
    simulator = start_simulator(estate(vms=vms), time="estate", rate=0)
    begin = simulator.now()
    for number in range(0, 181):
        # 25 % of the size, and for a quarter of an hour in between the half of it.
        share = 5000 if 60 <= number < 105 else 2500
        simulator.counters(
            vms={"vm-101": {USAGE: share, ACTIVE: 99 * 1024}},
            time=begin + timedelta(seconds=20 * number),
        )
    simulator.advance(3600)
    with connect(simulator) as vcenter:
        assert isinstance(vcenter, Remembers)
        snapshot = vcenter.observe()
        past = vcenter.past_demand(snapshot, 2.0)
    row, other = snapshot.vms.row("vm-101"), snapshot.vms.row("vm-102")
    known = past.active_mib[row][np.isfinite(past.active_mib[row])]
    assert known.max() == pytest.approx(0.5 * 8192)
    assert known.min() >= 0.25 * 8192 - 1
    assert np.isnan(past.active_mib[other]).all()
    assert past.counters[-1] == f"{USAGE} every 300 s"
    assert len(past.hours) == 2 * 24 + 1
    assert past.hours[-1] == int(snapshot.taken_at_s // 3600)


def test_what_the_levels_keep_is_asked_of_the_server(stock_vcsim: StockVcsim) -> None:
    with connect(stock_vcsim) as vcenter:
        snapshot = vcenter.observe()
        kept = intervals(vcenter._session)
        catalogue = vcenter._counters.catalogue()
        past = vcenter.past_demand(snapshot, 31.0)
    assert [one.period_s for one in kept] == [300, 1800, 7200]
    chosen = [counter_for(one, catalogue) for one in kept]
    assert {info.name for info in chosen if info} == {USAGE}
    better = counter_for(Interval(300, 86_400.0, 2), catalogue)
    best = counter_for(Interval(300, 86_400.0, 4), catalogue)
    assert better is not None and better.name == ACTIVE
    assert best is not None and best.name in ("mem.active.maximum", ACTIVE)
    assert counter_for(Interval(300, 86_400.0, 0), catalogue) is None
    # Stock vcsim makes figures up; they are shares of sizes all the same.
    known = np.isfinite(past.active_mib)
    sizes = np.broadcast_to(snapshot.vms.size_mib[:, None], known.shape)
    assert (past.active_mib[known] <= sizes[known]).all()
