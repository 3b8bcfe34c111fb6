"""What storage usually does: hours remembered, backups left out, swapping never."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.estates import host_row, snapshot_of, vm_row
from vsphere_market.demand import (
    DemandHistory,
    Usual,
    new_storage_history,
    remember_storage,
    usual_storage,
)
from vsphere_market.demand.storage import LEAST_REQUESTS, enter_past
from vsphere_market.estate import Snapshot

HOUR = 3600.0
QUIET = {"iops": 400.0, "latency_ms": 2.0}
BACKUP = {"iops": 9000.0, "latency_ms": 120.0}


def estate(store: dict[str, Any], hour: int = 0, **vm: Any) -> Snapshot:
    """One VM on one datastore, at an hour."""
    snapshot = snapshot_of(
        clusters=[{"moid": "domain-c1", "name": "lab"}],
        hosts=[host_row("host-0", 65536)],
        datastores=[{"moid": "ds-0", "name": "store", "accessible": True} | store],
        vms=[
            vm_row("vm-0", "host-0", 4096)
            | {"home_datastore": "ds-0", "datastores": ["ds-0"], "iops": 100.0}
            | vm
        ],
    )
    return dataclasses.replace(snapshot, taken_at_s=(470_000 + hour) * HOUR)


def after(hours: list[dict[str, Any]], **vm: Any) -> tuple[DemandHistory, Snapshot]:
    """A history of hours, the last of them now."""
    history, snapshot = new_storage_history(), estate(QUIET)
    for hour, store in enumerate(hours):
        swaps = {"swap_in_kibps": store["swaps"]} if "swaps" in store else {}
        shown = {name: value for name, value in store.items() if name != "swaps"}
        snapshot = estate(shown, hour, **vm, **swaps)
        remember_storage(history, snapshot)
    return history, snapshot


def usual(hours: list[dict[str, Any]], **vm: Any) -> Usual:
    history, snapshot = after(hours, **vm)
    return usual_storage(snapshot, history)


def test_with_nothing_remembered_the_last_minutes_are_all_there_is() -> None:
    found = usual_storage(estate(BACKUP))
    assert (found.served[0], found.latency_ms[0], found.hours[0]) == (9000.0, 120.0, 0.0)
    assert found.asked[0] == 100.0


@pytest.mark.parametrize("lasts", [1, 2])
def test_a_backup_every_night_is_not_what_is_usual(lasts: int) -> None:
    week = [BACKUP if hour % 24 < lasts else QUIET for hour in range(24 * 6 + 1)]
    found = usual(week)
    assert found.served[0] == pytest.approx(400.0)
    assert found.latency_ms[0] == pytest.approx(2.0)
    assert found.hours[0] == 24 * 6 + 1


def test_working_hours_are() -> None:
    found = usual([BACKUP if hour % 24 < 8 else QUIET for hour in range(24 * 6 + 1)])
    # A third of the hours less a tenth, of 90 %: a quarter.
    assert 0.2 < (found.served[0] - 400.0) / 8600.0 < 0.3
    assert found.latency_ms[0] > 50.0


def test_a_change_of_load_is_believed_within_a_day_and_not_at_once() -> None:
    changed = [usual([QUIET] * 48 + [BACKUP] * hours).latency_ms[0] for hours in (1, 6, 24)]
    assert changed[0] == pytest.approx(2.0)
    assert changed[0] < changed[1] < changed[2]
    assert changed[2] > 80.0


def test_what_is_swapped_to_counts_at_once_and_is_forgotten_slowly() -> None:
    swapping = BACKUP | {"swaps": 2048.0}
    now = usual([QUIET] * 48 + [swapping])
    assert now.hurried[0]
    assert (now.served[0], now.latency_ms[0], now.hours[0]) == (9000.0, 120.0, 0.0)
    later = usual([QUIET] * 48 + [swapping] + [QUIET])
    without = usual([QUIET] * 48 + [BACKUP] + [QUIET])
    assert not later.hurried[0]
    assert without.latency_ms[0] == pytest.approx(2.0)
    assert later.latency_ms[0] > 10.0


def test_swapping_to_a_datastore_that_is_no_worse_than_usual_is_no_hurry() -> None:
    found = usual([QUIET] * 30 + [{"iops": 100.0, "latency_ms": 1.0, "swaps": 100.0}])
    assert not found.hurried[0]
    assert found.latency_ms[0] == pytest.approx(2.0, rel=0.05)


def test_what_was_before_files_were_copied_is_another_load() -> None:
    history, snapshot = after([BACKUP] * 20 + [QUIET] * 5)
    copied = {"ds-0": (470_000 + 19.5) * HOUR}
    found = usual_storage(snapshot, history, copied)
    assert found.hours[0] == 5
    assert found.latency_ms[0] == pytest.approx(2.0)
    # Nothing of the time after it: the last minutes.
    just_now = usual_storage(snapshot, history, {"ds-0": (470_000 + 24.1) * HOUR})
    assert just_now.hours[0] == 0


def test_a_datastore_that_nobody_uses_now_is_known_from_when_it_was_used() -> None:
    found = usual([QUIET] * 20 + [{"iops": 0.0}] * 4)
    assert found.latency_ms[0] == pytest.approx(2.0)
    assert found.served[0] < 400.0


def test_latency_alone_is_remembered_where_nobody_counts_requests() -> None:
    found = usual([{"latency_ms": 3.0}] * 30 + [{"latency_ms": 200.0}])
    assert found.latency_ms[0] == pytest.approx(3.0)
    assert found.hours[0] == 31
    assert np.isnan(found.served[0])


def test_what_a_vm_asks_is_remembered_likewise_and_not_while_it_is_off() -> None:
    history, now = new_storage_history(), estate(QUIET)
    for hour in range(40):
        night = hour % 24 == 0
        power = "poweredOff" if hour in (10, 11) else "poweredOn"
        now = estate(QUIET, hour, iops=5000.0 if night else 50.0, power=power)
        remember_storage(history, now)
    assert usual_storage(now, history).asked[0] == pytest.approx(50.0)


def test_a_request_in_a_year_tells_no_latency_of_zero() -> None:
    found = usual([{"iops": 5e-324, "latency_ms": 1.0}])
    assert (found.served[0], found.latency_ms[0]) == (0.0, pytest.approx(1.0))


def test_hours_that_vcenter_told_are_counted_apart() -> None:
    history, now = new_storage_history(), estate(QUIET)
    for hour in range(10):
        enter_past(history, 470_000 + hour, {"vm-0": 70.0}, {"ds-0": (400.0, 0.8)})
    for hour in range(10, 14):
        now = estate(QUIET, hour, instance_uuid="")
        remember_storage(history, now)
    found = usual_storage(now, history)
    assert (found.hours[0], found.told[0]) == (14, 10)
    assert found.latency_ms[0] == pytest.approx(2.0)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.floats(0, 1e5)),
            st.one_of(st.none(), st.floats(0.01, 5000)),
            st.sampled_from([0.0, 0.0, 3000.0]),
        ),
        min_size=1,
        max_size=40,
    )
)
def test_whatever_was_seen_what_is_usual_lies_within_it(
    hours: list[tuple[float | None, float | None, float]],
) -> None:
    told = [
        {
            name: value
            for name, value in (("iops", iops), ("latency_ms", ms), ("swaps", swaps))
            if value is not None
        }
        for iops, ms, swaps in hours
    ]
    found = usual(told)
    served = [hour["iops"] for hour in told if "iops" in hour]
    served = [iops if iops >= LEAST_REQUESTS else 0.0 for iops in served]
    taken = [hour["latency_ms"] for hour in told if "latency_ms" in hour]
    if np.isfinite(found.served[0]):
        assert min(served) * 0.999 <= found.served[0] <= max(served) * 1.001
    if np.isfinite(found.latency_ms[0]):
        assert min(taken) * 0.999 <= found.latency_ms[0] <= max(taken) * 1.001
    assert 0 <= found.told[0] <= found.hours[0] <= len(hours)
