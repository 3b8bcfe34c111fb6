"""How fast memory is taken and given: guests' resistance, page caches, swap devices."""

from __future__ import annotations

import numpy as np
import pytest

from tests.plants import run, vm, world
from vsphere_market.plant import World, laws, reclaim


def squeezed(working: float, footprint: float, cache: float) -> World:
    """One guest of 16 GiB on a host of 64, settled."""
    alive = world([vm("guest", 16, working, footprint=footprint, cache=cache)])
    run(alive, 60)
    return alive


@pytest.mark.parametrize(
    ("working", "footprint", "cache", "mibps"),
    [
        # Free memory and page cache are given at once.
        (0.2, 0.5, 0.2, laws.BALLOON_FAST_MIBPS),
        # Programs' memory that is idle has to be paged out first.
        (0.2, 1.0, 0.0, laws.BALLOON_SLOW_MIBPS),
        # So has what they use, page by page.
        (0.96, 1.0, 0.0, laws.BALLOON_HARD_MIBPS),
    ],
)
def test_a_balloon_grows_as_fast_as_its_guest_gives(
    working: float, footprint: float, cache: float, mibps: float
) -> None:
    """16,384, 2,048 and 512 pages a second [OVT]."""
    alive = squeezed(working, footprint, cache)
    want = np.array([4096.0])
    # The first step takes what happens to be free.
    reclaim.inflate(alive.fleet, want, laws.STEP_S)
    before = float(alive.fleet.ballooned[0])
    reclaim.inflate(alive.fleet, want, laws.STEP_S)
    assert float(alive.fleet.ballooned[0]) - before == pytest.approx(mibps * laws.STEP_S, rel=0.01)


def test_the_page_cache_goes_before_programs_and_comes_back_in_ten_minutes() -> None:
    alive = squeezed(0.2, 0.95, 0.5)
    fleet = alive.fleet
    full = float(fleet.cache[0])
    for _ in range(4):
        reclaim.inflate(fleet, np.array([1024.0]), laws.STEP_S)
    left = float(fleet.cache[0])
    assert left < full - 2048
    assert fleet.paged[0] == 0.0
    assert fleet.stall[0] == 0.0
    fleet.ballooned[0] = 0.0
    run(alive, laws.CACHE_FILL_S)
    # One time constant: all but a 1/e of what was missing is back.
    assert full - float(fleet.cache[0]) == pytest.approx((full - left) / np.e, rel=0.05)


def test_a_swap_device_reads_no_faster_than_it_can_and_makes_all_wait() -> None:
    def crowd(mibps: float) -> World:
        alive = world(
            [vm("vm-{n}", 8, 0.9, footprint=0.95, cache=0.0, tools=False, count=6)],
            [{"name": "esx", "memory_gib": 32, "swap_mibps": mibps}],
        )
        most = 0.0
        for _ in range(240):
            alive.step()
            flows = alive.model.flows
            assert flows.swap_in.sum() <= mibps * laws.STEP_S * (1 + 1e-9)
            most = max(most, float(flows.swap_in.sum()))
        assert most > 0.0
        return alive

    slow, fast = crowd(2.0), crowd(500.0)
    assert slow.truth.swap_in_gib < fast.truth.swap_in_gib
    assert slow.truth.stall_s.sum() > 1.05 * fast.truth.stall_s.sum()


def test_what_drifts_into_use_is_missed_where_it_was_swapped() -> None:
    """A working set that exchanges pages for idle ones comes upon those that are out."""

    def swapped_in(drift: float) -> float:
        alive = world(
            [vm("guest", 16, 0.2, limit_gib=8, footprint=0.95, cache=0.0, tools=False,
                drift_pct_per_h=drift)]
        )  # fmt: skip
        run(alive, 3600)
        before = float(alive.truth.swap_in_mib.sum())
        run(alive, 3600)
        return float(alive.truth.swap_in_mib.sum()) - before

    # 3.2 GiB of working set, a fifth an hour, about half of what is idle being out.
    assert swapped_in(20.0) > 100.0
    assert swapped_in(0.0) < 10.0
