"""What hosts have to sell."""

from __future__ import annotations

import numpy as np
import pytest

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from vsphere_market.demand import estimate_demand
from vsphere_market.market import MarketSettings, Question
from vsphere_market.market.goods import guards, min_free_mib, usable_memory
from vsphere_market.policy import default_rulebook


@pytest.mark.parametrize(
    ("gib", "mib"),
    # The first 28 GiB give 901 MiB exactly; 100 GiB about 1.6 GiB; 1 TiB about 10.8 GiB.
    [(4, 245.76), (12, 573.44), (28, 901.12), (100, 1638.4), (1024, 11100.16)],
)
def test_min_free_follows_the_sliding_scale(gib: float, mib: float) -> None:
    assert min_free_mib(np.array([gib * 1024.0]))[0] == pytest.approx(mib)


def test_what_the_host_tells_goes_before_formulas() -> None:
    snapshot = snapshot_of(
        clusters=[cluster_row()],
        hosts=[
            host_row("told", 102_400, vmkernel_mib=3000, low_free_threshold_mib=2000),
            {k: v for k, v in host_row("silent", 102_400).items() if "mib" not in k}
            | {"memory_mib": 102_400},
        ],
    )
    usable, physical = usable_memory(snapshot.hosts, np.array([0.0, 0.0]))
    assert physical.tolist() == [99_400, 102_400 - 1024 - 2048]
    assert usable[0] == 97_400
    assert usable[1] == pytest.approx(physical[1] - 1638.4)


def test_policy_holds_back_a_share_of_physical_memory() -> None:
    snapshot = snapshot_of(clusters=[cluster_row()], hosts=[host_row("host-1", 10_000)])
    usable, physical = usable_memory(snapshot.hosts, np.array([0.25]))
    assert (usable[0], physical[0]) == (7_500, 10_000)


def question(**vm: object) -> Question:
    snapshot = snapshot_of(
        clusters=[cluster_row()],
        hosts=[host_row("host-1", 65_536)],
        vms=[vm_row("vm-1", "host-1", 8192, overhead_mib=0, **vm)],
    )
    return Question(
        snapshot=snapshot,
        demand=estimate_demand(snapshot),
        rulebook=default_rulebook(snapshot),
        settings=MarketSettings(),
        cooling=np.zeros(1, dtype=np.bool_),
    )


def pinned(**vm: object) -> float:
    ledger = question(active_mib=1000, granted_mib=8192, **vm).ledger()
    return float(ledger.taken[0, ledger.supply.goods[2].columns.start])


def test_the_balloon_takes_idle_memory_up_to_its_cap() -> None:
    working = 1100.0  # with headroom
    assert pinned() == pytest.approx(8192 - 0.65 * 8192)
    assert pinned(balloon_cap_mib=1024) == pytest.approx(8192 - 1024)
    assert pinned(balloon_cap_mib=8192) == pytest.approx(8192 - 0.65 * 8192)
    assert pinned(reservation_mib=8000) == pytest.approx(8000)
    assert pinned(limit_mib=2000) == pytest.approx(max(2000 - 0.65 * 8192, working))


def test_without_tools_nothing_can_be_ballooned() -> None:
    assert pinned(tools_running=False) == pytest.approx(8192)


def test_a_limit_cuts_what_a_vm_takes_from_its_host() -> None:
    ledger = question(active_mib=4000, limit_mib=2000).ledger()
    memory, footprint = (good.columns.start for good in ledger.supply.goods[:2])
    assert ledger.taken[0, memory] == 2000
    assert ledger.taken[0, footprint] == 2000


def test_idle_memory_weighs_a_quarter() -> None:
    ledger = question(active_mib=1000, granted_mib=5100).ledger()
    assert ledger.taken[0, 0] == pytest.approx(1100 + 0.25 * 4000)


def test_guards_are_sold_where_they_are_told() -> None:
    def sold(host: dict[str, object], **vm: object) -> dict[str, float]:
        snapshot = snapshot_of(
            clusters=[cluster_row()],
            hosts=[host_row("host-1", 65_536, **host)],
            vms=[vm_row("vm-1", "host-1", 8192, **vm)],
        )
        return {one.name: float(one.amount[0]) for one in guards(snapshot, MarketSettings())}

    assert sold({}) == {"cpu": 0.0}
    assert sold({"cpu_cores": 8}, vcpus=4, cpu_demand_mhz=900) == {"cpu": 900.0, "vcpu": 4.0}
    # Traffic without uplinks, or uplinks without traffic, make no market.
    assert sold({}, net_kibps=5000) == sold({"uplink_mbps": 10_000}) == {"cpu": 0.0}
    assert sold({"uplink_mbps": 10_000}, net_kibps=5000) == {"cpu": 0.0, "network": 5000.0}
    assert sold({}, io_kibps=5000) == sold({"storage_mbps": 16_000}) == {"cpu": 0.0}
    assert sold({"storage_mbps": 16_000}, io_kibps=5000) == {"cpu": 0.0, "storage": 5000.0}


def test_guards_have_no_part_in_the_price_of_memory() -> None:
    def price(**host: object) -> float:
        snapshot = snapshot_of(
            clusters=[cluster_row()],
            hosts=[host_row("host-1", 65_536, cpu_mhz=1000, **host)],
            vms=[vm_row("vm-1", "host-1", 8192, cpu_demand_mhz=990, vcpus=64, net_kibps=1e6)],
        )
        asked = Question(
            snapshot=snapshot,
            demand=estimate_demand(snapshot),
            rulebook=default_rulebook(snapshot),
            settings=MarketSettings(),
            cooling=np.zeros(1, dtype=np.bool_),
        )
        return float(asked.ledger().host_price()[0])

    assert price() == price(cpu_cores=2) == price(cpu_cores=2, uplink_mbps=100)
