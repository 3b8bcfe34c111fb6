"""What is put together from what hosts and VMs tell of each datastore."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest

from vsphere_market.adapter.bulk import Facts, Series
from vsphere_market.adapter.counters import (
    HOST_COUNTERS,
    IO_COUNTERS,
    SIOC_COUNTERS,
    CounterInfo,
    Figures,
    figures_from,
)
from vsphere_market.adapter.hosts import storage_mbps
from vsphere_market.adapter.storage import Io, datastore_io, instance_of, io_of

BUSY = {"reads": 300.0, "writes": 100.0, "read_ms": 10.0, "write_ms": 2.0}


def store(url: str) -> Facts:
    return Facts("Datastore", "datastore-1", {"summary.url": url})


@pytest.mark.parametrize(
    ("url", "instance"),
    [
        ("ds:///vmfs/volumes/5f0c9a3e-1b2c-0001-a2b300000001/", "5f0c9a3e-1b2c-0001-a2b300000001"),
        ("ds:///vmfs/volumes/a1b2c3d4-e5f6a7b8", "a1b2c3d4-e5f6a7b8"),
        ("", ""),
    ],
)
def test_counters_name_a_datastore_by_the_end_of_its_url(url: str, instance: str) -> None:
    assert instance_of(store(url)) == instance


def test_requests_add_up_and_latencies_weigh_by_requests() -> None:
    quiet = {"reads": 100.0, "writes": 0.0, "read_ms": 30.0, "write_ms": 0.0}
    both = io_of([BUSY | {"read_kibps": 4000.0, "write_kibps": 800.0}, quiet])
    assert both.iops == 500
    assert both.kibps == 4800
    assert both.latency_ms == (300 * 10 + 100 * 2 + 100 * 30) / 500


def test_nobody_asked_means_no_latency_and_not_a_latency_of_zero() -> None:
    idle = io_of([dict.fromkeys(BUSY, 0.0)])
    assert idle.iops == 0
    assert math.isnan(idle.latency_ms)
    nothing = io_of([])
    assert all(map(math.isnan, (nothing.iops, nothing.kibps, nothing.latency_ms)))


def test_less_than_a_millisecond_comes_as_zero_and_is_not_nothing() -> None:
    flash = BUSY | {"read_ms": 0.0, "write_ms": 0.0}
    assert io_of([flash]).latency_ms == 0.5
    assert io_of([flash | {"sioc_iops": 400.0, "sioc_ms": 0.22}]).latency_ms == 0.22
    # Storage I/O Control that is off tells zeros.
    assert io_of([flash | {"sioc_iops": 0.0, "sioc_ms": 0.0}]).latency_ms == 0.5


def test_latency_without_a_count_of_requests_weighs_evenly() -> None:
    assert io_of([{"read_ms": 4.0, "write_ms": 8.0}]).latency_ms == 6.0


def test_a_datastore_is_what_all_hosts_tell_of_it() -> None:
    stores = [store("ds:///vmfs/volumes/one/"), store("ds:///vmfs/volumes/other/")]
    hosts = [Figures(parts={"one": BUSY}), Figures(parts={"one": BUSY, "gone": BUSY})]
    shared, unseen = datastore_io(stores, hosts)
    assert shared == Io(800, shared.kibps, 8.0)
    assert math.isnan(shared.kibps)
    assert math.isnan(unseen.iops)


def test_samples_of_each_instance_are_put_together_apart_from_the_whole() -> None:
    wanted = {want.column: want for want in (*HOST_COUNTERS, *IO_COUNTERS, *SIOC_COUNTERS)}
    known = [
        (wanted["consumed_mib"], CounterInfo(1, "", "kiloBytes", 1)),
        (wanted["reads"], CounterInfo(2, "", "number", 1)),
        (wanted["read_ms"], CounterInfo(3, "", "millisecond", 1)),
        (wanted["sioc_ms"], CounterInfo(4, "", "microsecond", 1)),
    ]
    times = "20,2026-11-23T08:00:00Z,20,2026-11-23T08:00:20Z"
    each = {"one": {2: "100,300", 3: "8,-1", 4: "2500,2500"}, "other": {2: "7,7"}}
    figures = figures_from(Series("host-1", times, {1: "1024,2048"}, each), known)
    assert figures.values == {"consumed_mib": 2}
    assert figures.parts == {
        "one": {"reads": 200, "read_ms": 8, "sioc_ms": 2.5},
        "other": {"reads": 7},
    }


def adapter(**told: Any) -> SimpleNamespace:
    return SimpleNamespace(**{"status": "online", "speed": None} | told)


def test_storage_adapters_with_a_link_add_up() -> None:
    """Fibre Channel tells bits per second, iSCSI in hardware Mb/s, others nothing that counts."""
    adapters = [
        adapter(speed=16_000_000_000),
        adapter(speed=16_000_000_000, status="offline"),
        adapter(isSoftwareBased=False, currentSpeedMb=10_000),
        adapter(isSoftwareBased=True, currentSpeedMb=10_000),
        adapter(),
    ]
    host = Facts("HostSystem", "host-1", {"config.storageDevice.hostBusAdapter": adapters})
    assert storage_mbps(host) == 26_000
    assert math.isnan(storage_mbps(Facts("HostSystem", "host-2", {})))
