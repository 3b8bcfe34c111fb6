"""Memory that is bound without being used, and what freeing it buys."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from vsphere_market.control.reclaiming import summed_up
from vsphere_market.demand import SizeHistory, estimate_demand, identities
from vsphere_market.estate import Snapshot
from vsphere_market.market import MarketSettings, Question
from vsphere_market.market.underused import Underused, Waste, underused
from vsphere_market.policy import default_rulebook

HOUR = 3600.0
IDLE = {"active_mib": 20, "active_peak_mib": 30, "cpu_demand_mhz": 5, "consumed_mib": 4000}
BUSY = {"active_mib": 5000, "active_peak_mib": 5600, "cpu_demand_mhz": 900, "consumed_mib": 8000}


def question(
    *vms: dict[str, Any], memory: int = 65_536, sizes: SizeHistory | None = None
) -> Question:
    snapshot = snapshot_of(
        clusters=[cluster_row(name="lab")], hosts=[host_row("host-1", memory)], vms=list(vms)
    )
    return Question(
        snapshot=snapshot,
        demand=estimate_demand(snapshot, sizes=sizes),
        rulebook=default_rulebook(snapshot),
        settings=MarketSettings(),
        cooling=np.zeros(len(snapshot.vms), dtype=np.bool_),
    )


def found(*vms: dict[str, Any], **more: Any) -> dict[str, Underused]:
    return {item.vm.name: item for item in underused(question(*vms, **more).ledger())}


def watched(snapshot: Snapshot, wanted: float, days: int = 31) -> SizeHistory:
    """A history in which every VM wanted the same at every hour."""
    sizes = SizeHistory()
    ids = identities(snapshot.vms)
    start_s = snapshot.taken_at_s - 24 * days * HOUR
    for hour in range(24 * days):
        sizes.observe(start_s + hour * HOUR, ids, np.full(len(ids), wanted))
    sizes.observe(snapshot.taken_at_s, ids, np.full(len(ids), wanted))
    return sizes


def test_each_kind_is_told_apart_and_nobody_is_listed_twice() -> None:
    seen = found(
        vm_row("idle", "host-1", 8192, **IDLE, reservation_mib=8192),
        vm_row("large", "host-1", 32768, active_mib=900, active_peak_mib=1000, consumed_mib=30000),
        vm_row("greedy", "host-1", 10240, **BUSY, reservation_mib=10240),
        vm_row("off", "host-1", 4096, power="poweredOff", reservation_mib=2048),
        vm_row("fine", "host-1", 8192, **BUSY),
        vm_row("template", "host-1", 4096, power="poweredOff", template=True, reservation_mib=9),
    )
    assert {name: item.waste for name, item in seen.items()} == {
        "idle": Waste.IDLE,
        "large": Waste.OVERSIZED,
        "greedy": Waste.HOARDED,
        "off": Waste.OFF_RESERVED,
    }
    assert seen["off"].worth == seen["off"].freed_mib == 0.0
    assert seen["off"].reserved_mib == 2048.0
    assert all(item.note for item in seen.values())


def test_what_it_is_worth_is_the_fall_of_the_potential() -> None:
    row = vm_row("idle", "host-1", 8192, **IDLE)
    others = [vm_row(f"vm-{n}", "host-1", 8192, **BUSY) for n in range(6)]
    with_it = question(row, *others, memory=57_344).ledger()
    without = question({**row, "power": "poweredOff"}, *others, memory=57_344).ledger()
    (item,) = underused(with_it)
    assert item.worth == pytest.approx(with_it.potential() - without.potential(), rel=1e-9)
    assert item.freed_mib == pytest.approx(8192 + 64)


def test_a_smaller_size_is_worth_what_the_market_says() -> None:
    large = {"active_mib": 900, "active_peak_mib": 1000, "consumed_mib": 30000}
    others = [vm_row(f"vm-{n}", "host-1", 8192, **BUSY) for n in range(4)]
    ledger = question(vm_row("large", "host-1", 32768, **large), *others).ledger()
    (item,) = underused(ledger)
    # Four times a GiB is below the least size, and 4 GiB do.
    assert item.freed_mib == pytest.approx(32768 - 4096)
    assert "4 GiB would do" in item.note
    small = {**large, "granted_mib": 4096, "consumed_mib": 4096}
    after = question(vm_row("large", "host-1", 4096, **small), *others).ledger()
    assert item.worth == pytest.approx(ledger.potential() - after.potential(), rel=1e-6)


def test_freeing_buys_much_on_a_full_host_and_little_on_an_empty_one() -> None:
    idle = vm_row("idle", "host-1", 8192, **IDLE)
    others = [vm_row(f"vm-{n}", "host-1", 8192, **BUSY) for n in range(6)]
    full, empty = found(idle, *others, memory=57_344), found(idle, memory=262_144)
    assert full["idle"].worth > 20 * empty["idle"].worth > 0.0


def test_a_zombie_has_done_nothing_for_two_weeks() -> None:
    row = vm_row("vm-1", "host-1", 8192, **IDLE)
    snapshot = question(row).snapshot
    assert found(row, sizes=watched(snapshot, 30.0))["vm-1"].waste is Waste.ZOMBIE
    assert found(row, sizes=watched(snapshot, 30.0, days=9))["vm-1"].waste is Waste.IDLE
    assert found(row, sizes=watched(snapshot, 3000.0))["vm-1"].waste is Waste.IDLE


def test_months_count_for_more_than_the_moment() -> None:
    row = vm_row("vm-1", "host-1", 32768, active_mib=900, active_peak_mib=1000, consumed_mib=30000)
    snapshot = question(row).snapshot
    assert "4 GiB would do" in found(row)["vm-1"].note
    # It wanted 12 GiB in the last weeks, so that much stays, and a third more.
    known = found(row, sizes=watched(snapshot, 12_000.0))["vm-1"]
    assert "17 GiB would do" in known.note or "18 GiB would do" in known.note
    assert found(row, sizes=watched(snapshot, 24_000.0)) == {}


def test_a_vm_that_waits_is_not_called_oversized() -> None:
    waiting = {"swap_in_kibps": 4000, "latency_pct": 60.0, "swapped_mib": 8000, "granted_mib": 9000}
    row = vm_row("vm-1", "host-1", 24576, active_mib=3000, active_peak_mib=3000, **waiting)
    assert found(row) == {}


def test_sums_are_by_cluster_and_kind_and_worth_less_than_their_parts() -> None:
    rows = [vm_row(f"idle-{n}", "host-1", 8192, **IDLE) for n in range(3)]
    others = [vm_row(f"vm-{n}", "host-1", 8192, **BUSY) for n in range(5)]
    ledger = question(*rows, *others).ledger()
    items = underused(ledger)
    (one,) = summed_up(ledger, items)
    assert (one.cluster, one.waste, one.vms) == ("lab", Waste.IDLE, 3)
    assert one.held_mib == 3 * 4000
    # What all of it buys is exact, too, and less than three times what one does.
    off = [{**row, "power": "poweredOff"} for row in rows]
    after = question(*off, *others).ledger()
    assert one.worth == pytest.approx(ledger.potential() - after.potential(), rel=1e-9)
    assert one.worth < sum(item.worth for item in items)
