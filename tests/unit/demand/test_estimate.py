"""Demand from counters, one fact at a time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from vsphere_market.demand import Demand, DemandHistory, DemandSettings, estimate_demand, held_back
from vsphere_market.demand.history import share_of_day
from vsphere_market.estate import Snapshot

EXACT = DemandSettings(headroom=1.0)


def estate(*vms: dict[str, Any], **host: Any) -> Snapshot:
    return snapshot_of(
        clusters=[cluster_row()], hosts=[host_row("host-1", 65536, **host)], vms=list(vms)
    )


def demand_of(**counters: Any) -> Demand:
    return estimate_demand(estate(vm_row("vm-1", "host-1", 8192, **counters)), settings=EXACT)


def test_footprint_counts_what_was_taken() -> None:
    demand = demand_of(granted_mib=5000, ballooned_mib=1000, swapped_mib=500, compressed_mib=200)
    assert demand.footprint[0] == 6700
    assert demand.taken[0] == 1700


def test_footprint_is_at_most_the_size() -> None:
    assert demand_of(granted_mib=8000, swapped_mib=5000).footprint[0] == 8192


def test_the_working_set_is_between_mean_and_peak_of_active() -> None:
    demand = demand_of(active_mib=1000, active_peak_mib=1500)
    assert demand.working_set[0] == 1000 + EXACT.peak_share * 500
    assert demand.idle[0] == 8192 - demand.working_set[0]


def test_a_peak_that_chance_explains_is_not_wanted() -> None:
    # Of a share of 0.122 the standard error of 100 pages is 0.033 of 8 GiB, 268 MiB.
    assert demand_of(active_mib=1000, active_peak_mib=1500).wanted[0] == 1000


def test_a_peak_beyond_chance_is_wanted_all_but_what_is_chance() -> None:
    share = 1000 / 8192
    chance = 3 * 8192 * math.sqrt(share * (1 - share) / 100)
    demand = demand_of(active_mib=1000, active_peak_mib=7000)
    assert demand.wanted[0] == pytest.approx(1000 + math.sqrt(6000**2 - chance**2))
    assert 6940 < demand.wanted[0] < 7000


def test_headroom_widens_the_working_set_but_not_what_is_wanted() -> None:
    snapshot = estate(vm_row("vm-1", "host-1", 8192, active_mib=1000))
    demand = estimate_demand(snapshot, settings=DemandSettings(headroom=1.5))
    assert demand.working_set[0] == 1500
    assert demand.wanted[0] == 1000


def test_held_back_is_who_waits_for_pages_that_come_back() -> None:
    def one(**counters: Any) -> bool:
        return bool(held_back(estate(vm_row("vm-1", "host-1", 8192, **counters)).vms)[0])

    assert one(latency_pct=5, swap_in_kibps=100)
    assert one(latency_pct=5, decompress_kibps=100)
    assert not one(latency_pct=5)
    assert not one(latency_pct=0.5, swap_in_kibps=100)
    assert not one(swap_in_kibps=100)
    assert not one()


@pytest.mark.filterwarnings("error")
def test_a_vm_without_memory_wants_none() -> None:
    demand = estimate_demand(estate(vm_row("vm-1", "host-1", 0, granted_mib=0, active_mib=0)))
    assert demand.wanted[0] == demand.working_set[0] == demand.footprint[0] == 0


def test_pages_coming_back_belong_to_the_working_set_and_not_to_what_the_guest_wants() -> None:
    # 1,024 KiB/s for 300 s are 300 MiB.
    demand = demand_of(active_mib=1000, granted_mib=4000, swapped_mib=2000, swap_in_kibps=1024)
    assert demand.working_set[0] == 1300
    assert demand.wanted[0] == 1000


def test_no_more_comes_back_than_is_out() -> None:
    demand = demand_of(active_mib=1000, granted_mib=4000, swapped_mib=100, swap_in_kibps=100_000)
    assert demand.working_set[0] == 1100


def test_nothing_is_touched_that_was_never_given() -> None:
    # As after a balloon: of 5,000 MiB all was touched, and 8 GiB are sampled now.
    after = {"active_mib": 7900, "active_peak_mib": 8192, "granted_mib": 5000, "ballooned_mib": 0}
    demand = demand_of(**after)
    assert demand.working_set[0] == demand.wanted[0] == demand.footprint[0] == 5000
    swapped = demand_of(
        **{**after, "swapped_mib": 1000, "compressed_mib": 500, "swap_in_kibps": 9000}
    )
    assert swapped.working_set[0] == 6500


def test_active_memory_is_of_the_vm_s_own_time_so_waiting_does_not_lessen_it() -> None:
    for waits in (0, 50, 100):
        demand = demand_of(active_mib=1000, latency_pct=waits)
        assert demand.working_set[0] == demand.wanted[0] == 1000


def test_what_a_guest_pages_in_is_wanted_too() -> None:
    # 1,024 KiB/s for a minute are 60 MiB.
    demand = demand_of(active_mib=8000, guest_swap_kibps=1024)
    assert demand.wanted[0] == 8060
    assert demand.working_set[0] == 8000


def test_a_paging_storm_does_not_ask_for_the_moon() -> None:
    assert demand_of(active_mib=8000, guest_swap_kibps=1e6).wanted[0] == 8000 + 0.25 * 8192


def test_a_missing_counter_is_not_zero_demand() -> None:
    silent = vm_row("vm-1", "host-1", 8192)
    for name in ("granted_mib", "active_mib"):
        del silent[name]
    demand = estimate_demand(estate(silent))
    assert not demand.known[0]
    assert demand.footprint[0] == 8192
    assert demand.confidence[0] == 0


def test_unknown_vms_share_what_the_host_says_is_left() -> None:
    silent = [vm_row(f"vm-{n}", "host-1", size) for n, size in ((1, 8192), (2, 4096))]
    for row in silent:
        del row["granted_mib"], row["active_mib"]
    spoken = vm_row("vm-3", "host-1", 8192, consumed_mib=2000, overhead_mib=0)
    demand = estimate_demand(estate(*silent, spoken, consumed_mib=8000))
    assert demand.footprint[:2] == pytest.approx([4000, 2000])


def test_what_is_off_wants_nothing() -> None:
    demand = estimate_demand(estate(vm_row("vm-1", "host-1", 8192, power="poweredOff")))
    assert (demand.footprint[0], demand.working_set[0], demand.overhead[0]) == (0, 0, 0)
    assert not demand.running[0]


def test_history_gives_the_curve_its_dates() -> None:
    snapshot = estate(vm_row("vm-1", "host-1", 8192, active_mib=1000))
    history = DemandHistory()
    for hour, working in enumerate((3000.0, 500.0, 1000.0)):
        history.update(hour * 3600.0, ["vm-1"], np.array([working]))
    demand = estimate_demand(snapshot, history, EXACT)
    assert demand.curve[0].tolist() == [1000, 1000, 500, 3000]
    weight, dates = demand.date_weight, history.dates(["vm-1"])
    # 21 of the coming 24 hours were never seen: as now, as far as demand persists.
    assert dates.unknown == 21 / 24
    present = share_of_day(dates.persistence)
    assert present > EXACT.present_weight
    assert weight[0] == pytest.approx(present + (1 - present) * dates.unknown * dates.persistence)
    assert weight[1:].tolist() == pytest.approx([(1 - weight[0]) / 3] * 3)
