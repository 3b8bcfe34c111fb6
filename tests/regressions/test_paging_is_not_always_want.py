"""A guest's paging was always taken for a want beyond its size.

On the demo's estate, VMs that a balloon made page were grown, grew again on the echo of their old
paging, and ended at eight times their size.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from vsphere_market.demand import estimate_demand

SIZE = 8192


def wanted(**counters: Any) -> float:
    snapshot = snapshot_of(
        clusters=[cluster_row()],
        hosts=[host_row("host-1", 65536)],
        vms=[vm_row("vm-1", "host-1", SIZE, guest_swap_kibps=5000, **counters)],
    )
    return float(estimate_demand(snapshot).wanted[0])


def test_a_full_guest_that_pages_wants_more_than_its_size() -> None:
    assert wanted(active_mib=8000) > SIZE


@pytest.mark.parametrize("taken", ["ballooned_mib", "swapped_mib", "compressed_mib"])
def test_a_guest_that_pages_because_its_host_takes_memory_does_not(taken: str) -> None:
    assert wanted(active_mib=8000, granted_mib=6000, **{taken: 2000}) <= SIZE


def test_a_guest_that_fetches_old_pages_does_not() -> None:
    assert wanted(active_mib=4000) == 4000
