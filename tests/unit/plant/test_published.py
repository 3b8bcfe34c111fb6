"""What has been published about ESXi's memory, as experiments on the plant."""

from __future__ import annotations

import numpy as np
import pytest

from tests.plants import row, run, vm, world
from vsphere_market.plant import laws
from vsphere_market.plant.world import World

SMALL = {"name": "esx", "memory_gib": 16.0, "vmkernel_gib": 0.5}


def idle_and_busy(tax: float) -> World:
    """Waldspurger's figure 7 in shape: two VMs with the same shares, one idle, one busy."""
    host = {**SMALL, "advanced": {"Mem.IdleTax": tax}}
    full = {"footprint": 1.0, "cache": 0.0}
    alive = world([vm("idle", 11.4, 0.02, **full), vm("busy", 11.4, 0.95, **full, vcpus=4)], [host])
    run(alive, 7200)
    return alive


def test_without_idle_tax_the_same_shares_get_the_same_memory() -> None:
    alive = idle_and_busy(0)
    held = alive.fleet.held()
    assert held[0] == pytest.approx(held[1], rel=0.05)


def test_the_idle_tax_moves_memory_to_the_busy_vm() -> None:
    alive = idle_and_busy(75)
    held, size = alive.fleet.held(), alive.fleet.size
    # The busy one gets nearly all it wants, the idle one what is left: 256 and 104 of 360 MB.
    assert held[1] > 0.9 * size[1]
    assert held[0] < 0.45 * size[0]
    assert alive.fleet.stall[1] < idle_and_busy(0).fleet.stall[1]


def test_shares_divide_what_there_is() -> None:
    full = {"footprint": 1.0, "cache": 0.0}
    alive = world(
        [
            vm("rich", 12, 0.9, **full, shares="high"),
            vm("poor", 12, 0.9, **full, shares="low"),
        ],
        [SMALL],
    )
    run(alive, 7200)
    held = alive.fleet.held()
    # Four times the shares: the rich one is satisfied, the poor one has the rest.
    assert held[0] > 2.5 * held[1]


def test_a_reservation_is_never_taken() -> None:
    full = {"footprint": 1.0, "cache": 0.0}
    alive = world(
        [
            vm("kept", 8, 0.05, **full, reservation_gib=7, shares="low"),
            vm("busy-{n}", 8, 0.9, **full, shares="high", count=2),
        ],
        [SMALL],
    )
    run(alive, 600)
    lowest = np.inf
    for _ in range(480):
        alive.step()
        lowest = min(lowest, float(alive.fleet.held()[row(alive, "kept")]))
    assert lowest >= 7 * 1024 - 1


def test_no_reclamation_while_memory_is_free() -> None:
    alive = world([vm("vm-{n}", 8, 0.3, count=4)])
    run(alive, 7200)
    fleet = alive.fleet
    assert not fleet.ballooned.any()
    assert not fleet.swapped.any()
    assert not fleet.stall.any()
    assert (alive.hosts.state == laws.HIGH).all()


def test_balloon_before_swap() -> None:
    """Footprints over memory, working sets far below: balloons do it all, and nobody waits."""
    alive = world([vm("vm-{n}", 4, 0.2, footprint=0.95, cache=0.5, count=5)], [SMALL])
    run(alive, 7200)
    fleet = alive.fleet
    assert fleet.ballooned.sum() > 2048
    assert fleet.swapped.sum() < 0.05 * fleet.ballooned.sum()
    assert fleet.stall.max() < 0.02


def test_ballooning_begins_at_about_99_percent_of_memory() -> None:
    # Footprints grow by a tenth of the VM per hour.
    leak = {"kind": "leak", "per_day": 2.4}
    alive = world([vm("vm-{n}", 4, 0.1, footprint=0.6, cache=0.3, shapes=[leak], count=5)], [SMALL])
    used_at_start = None
    for _ in range(1440):
        alive.step()
        if alive.fleet.ballooned.any():
            used_at_start = float(1.0 - alive.hosts.free[0] / alive.hosts.memory[0])
            break
    assert used_at_start is not None
    # Free was below 64 % of minFree when it began: 2.6 % of this small host, 0.7 % of 256 GB.
    share = float(alive.hosts.min_free[0] / alive.hosts.memory[0])
    assert 1.0 - 1.2 * share < used_at_start < 1.0 - 0.5 * share


def test_without_tools_memory_is_compressed_and_swapped() -> None:
    alive = world([vm("vm-{n}", 4, 0.2, footprint=0.95, count=5, tools=False)], [SMALL])
    run(alive, 3600)
    fleet = alive.fleet
    assert not fleet.ballooned.any()
    assert fleet.compressed.sum() > 0
    assert fleet.swapped.sum() > 500


def test_the_balloon_cap_is_65_percent_and_the_rest_is_swapped() -> None:
    alive = world(
        [
            vm("squeezed", 8, 0.01, footprint=1.0, cache=0.5, shares="low"),
            vm("busy-{n}", 8, 0.85, footprint=1.0, cache=0.0, shares="high", count=2),
        ],
        [SMALL],
    )
    run(alive, 3 * 3600)
    squeezed = row(alive, "squeezed")
    assert alive.fleet.ballooned[squeezed] == pytest.approx(0.65 * 8192, abs=2)
    assert alive.fleet.swapped[squeezed] > 0


def test_a_small_maxmemctl_forces_swap() -> None:
    def swapped(**more: float) -> float:
        alive = world(
            [
                vm("neighbour", 8, 0.05, footprint=1.0, cache=0.5, shares="low", **more),
                vm("busy-{n}", 8, 0.6, footprint=1.0, cache=0.1, count=2),
            ],
            [SMALL],
        )
        run(alive, 2 * 3600)
        return float(alive.fleet.swapped[row(alive, "neighbour")])

    assert swapped(balloon_cap_gib=0.25) > 1000
    assert swapped() < 0.2 * swapped(balloon_cap_gib=0.25)


def test_a_limit_below_the_size_balloons_on_an_idle_host() -> None:
    alive = world([vm("limited", 16, 0.25, footprint=0.9, limit_gib=8)])
    run(alive, 2 * 3600)
    fleet = alive.fleet
    assert alive.hosts.state[0] == laws.HIGH
    assert alive.hosts.free[0] > 40 * 1024
    assert fleet.ballooned[0] > 6000
    assert fleet.held()[0] <= 8192 + 1e-6
    assert fleet.stall[0] < 0.02, "the guest gives what it does not use"


def test_a_limit_below_the_working_set_hurts() -> None:
    alive = world([vm("limited", 16, 0.7, footprint=0.9, limit_gib=8, vcpus=4)])
    run(alive, 2 * 3600)
    assert alive.fleet.stall[0] > 0.3


def test_a_limit_without_tools_swaps_on_an_idle_host() -> None:
    alive = world([vm("limited", 16, 0.25, footprint=0.9, limit_gib=8, tools=False)])
    run(alive, 3600)
    fleet = alive.fleet
    assert not fleet.ballooned.any()
    assert fleet.swapped[0] + fleet.compressed[0] > 4096
    assert fleet.held()[0] <= 8192 + 1e-6


def test_swapped_pages_stay_until_they_are_touched() -> None:
    alive = world([vm("limited", 16, 0.2, footprint=0.9, limit_gib=8, tools=False)])
    run(alive, 3600)
    before = float(alive.fleet.swapped[0])
    alive.inventory.settings.limit[0] = np.inf
    alive.reconfigured()
    run(alive, 3600)
    assert alive.fleet.swapped[0] == pytest.approx(before, rel=0.02)
    assert alive.fleet.stall[0] < 1e-9


def test_balloons_deflate_by_themselves_when_memory_is_free_again() -> None:
    alive = world([vm("vm-{n}", 4, 0.2, footprint=0.95, cache=0.5, count=5)], [SMALL])
    run(alive, 3600)
    assert alive.fleet.ballooned.sum() > 2048
    for gone in (0, 1):
        alive.model.power(gone, False)
        for column in (alive.fleet.working, alive.fleet.anon, alive.fleet.cache_want):
            column[gone] = 0.0
    for _ in range(40):
        alive.model.step()
    assert alive.fleet.ballooned.sum() < 1


def squeezed_guest(idle_touch_min: float) -> float:
    """Stall of a guest that has to give half its memory by balloon."""
    load = {"footprint": 0.95, "cache": 0.05}
    if idle_touch_min:
        load["idle_touch_min"] = idle_touch_min
    alive = world([vm("guest", 16, 0.3, limit_gib=8, vcpus=4, **load)])
    run(alive, 2 * 3600)
    return float(alive.recorder.mean("stall")[0])


def test_java_is_hurt_by_ballooning_and_others_are_not() -> None:
    """A garbage collector sweeps the whole heap, so a guest's idle memory is not idle."""
    assert squeezed_guest(0) < 0.02
    assert squeezed_guest(5) > 0.2


def test_ballooning_costs_less_than_swapping_the_same_amount() -> None:
    def stall(tools: bool) -> float:
        # The working set drifts, so idle memory is wanted now and then.
        alive = world(
            [vm("guest", 16, 0.35, limit_gib=8, footprint=0.95, cache=0.3, tools=tools,
                drift_pct_per_h=20, vcpus=2)]
        )  # fmt: skip
        run(alive, 1800)
        alive.truth.stall_s[:] = 0
        run(alive, 3600)
        return float(alive.truth.stall_s[0])

    assert stall(tools=True) < 0.5 * stall(tools=False)


def test_an_undersized_guest_pages_by_itself_and_the_host_sees_no_latency() -> None:
    alive = world([vm("small", 4, 1.05, footprint=1.0, cache=0.02, vcpus=2)])
    run(alive, 3600)
    assert alive.fleet.stall[0] > 0.2
    assert alive.fleet.latency[0] == 0.0
    assert not alive.fleet.swapped.any()
    assert alive.model.flows.guest_paging[0] > 0


def test_random_page_choice_hits_the_working_set() -> None:
    """Swap takes hot pages too; they come back within minutes, and that is what hurts."""
    alive = world([vm("vm-{n}", 4, 0.5, footprint=0.95, count=5, tools=False)], [SMALL])
    seen = 0.0
    for _ in range(240):
        alive.step()
        seen = max(seen, float(alive.fleet.hot_out.sum()))
    assert seen > 100
    assert float(alive.truth.swap_in_mib.sum()) > 100


def test_low_blocks_and_soft_does_not() -> None:
    """A burst faster than reclamation stalls whoever allocates, until memory is found."""
    spike = {
        "kind": "boot-storm",
        "amplitude": 0.7,
        "hour": 9.2,
        "minutes": 60,
        "spread_minutes": 0,
    }
    alive = world(
        [vm("vm-{n}", 4, 0.1, footprint=0.7, cache=0.2, shapes=[spike], count=6, tools=False)],
        [SMALL],
    )
    worst, states = 0.0, set()
    for _ in range(240):
        alive.step()
        worst = max(worst, float(alive.fleet.stall.max()))
        states.add(int(alive.hosts.worst[0]))
    assert worst > 0.5
    assert max(states) >= laws.HARD


def test_the_compression_cache_is_a_tenth_of_the_vm() -> None:
    alive = world([vm("limited", 16, 0.2, footprint=0.95, limit_gib=6, tools=False)])
    run(alive, 3600)
    assert alive.fleet.compressed[0] * laws.ZIP_RATIO <= 0.1 * 16384 + 1e-6
    assert alive.fleet.compressed[0] * laws.ZIP_RATIO > 0.05 * 16384


def test_compression_can_be_switched_off() -> None:
    host = {"name": "esx", "memory_gib": 64, "advanced": {"Mem.MemZipMaxPct": 0}}
    alive = world([vm("limited", 16, 0.2, footprint=0.95, limit_gib=6, tools=False)], [host])
    run(alive, 3600)
    assert not alive.fleet.compressed.any()
    assert alive.fleet.swapped[0] > 8000
