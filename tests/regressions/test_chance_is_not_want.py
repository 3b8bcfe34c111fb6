"""Guests that used four fifths of their memory, steadily, were given a quarter more.

ESXi looks at a hundred pages a period: the largest of a few such samples was taken for what the
guest wants. And guests that waited for their host were taken to want more than they touched, so
that a batch VM whose host was full was grown by 6 GiB: the host's fault, mended at the guest.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from vsphere_market.demand import Demand, estimate_demand
from vsphere_market.market import MarketSettings
from vsphere_market.plant.sampling import touched_pages
from vsphere_market.port import ActionKind
from vsphere_market.proving.jobs import estate_of
from vsphere_market.proving.roster import parse
from vsphere_market.proving.trial import Setup, run

SIZE = 10_240
LOOKS, PERIODS = 300, 5
ESTATES = Path(__file__).parents[2] / "mocks" / "estates"


def demand_of_guests_that_use(share: float) -> Demand:
    """Of as many guests as there are LOOKS, each seen for five periods."""
    rng = np.random.default_rng(7)
    found = np.array([touched_pages(np.full(LOOKS, share), rng) for _ in range(PERIODS)]) / 100.0
    rows = [
        vm_row(f"vm-{n}", "host-1", SIZE, active_mib=SIZE * mean, active_peak_mib=SIZE * peak)
        for n, (mean, peak) in enumerate(zip(found.mean(axis=0), found.max(axis=0), strict=True))
    ]
    hosts = [host_row("host-1", SIZE * LOOKS * 2)]
    return estimate_demand(snapshot_of(clusters=[cluster_row()], hosts=hosts, vms=rows))


def test_a_steady_guest_wants_what_it_uses() -> None:
    for share in (0.3, 0.6, 0.8):
        wanted = demand_of_guests_that_use(share).wanted / SIZE
        assert abs(wanted.mean() - share) < 0.01
        assert np.quantile(wanted, 0.99) < share + 0.06
    full = MarketSettings().guest_full
    assert (demand_of_guests_that_use(0.8).wanted < full * SIZE).mean() > 0.99
    assert (demand_of_guests_that_use(0.95).wanted > full * SIZE).mean() > 0.99


def test_who_waits_for_the_host_is_not_grown() -> None:
    spec, _ = estate_of(ESTATES / "shifts.json", None)
    kinds = frozenset({ActionKind.MIGRATE, ActionKind.HOT_ADD})
    done = run(Setup(spec, parse("market"), 1, hours=24.0, kinds=kinds, watched_h=54.0))
    assert done.measures["actions"].get("migrate", 0) > 0
    assert done.measures["actions"].get("hot-add", 0) <= 5
