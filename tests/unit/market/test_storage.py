"""Claims of docs/design/price.md about storage."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.estates import host_row, snapshot_of, vm_row
from vsphere_market.market import MarketSettings
from vsphere_market.market.storage import StoreBoard

SETTINGS = MarketSettings()


def board(stores: list[dict[str, Any]], vms: list[dict[str, Any]]) -> StoreBoard:
    rows = [
        {"moid": f"ds-{at}", "name": f"store-{at}", "accessible": True} | row
        for at, row in enumerate(stores)
    ]
    snapshot = snapshot_of(
        clusters=[{"moid": "domain-c1", "name": "lab"}],
        hosts=[host_row("host-0", 65536)],
        datastores=rows,
        vms=[
            vm_row(f"vm-{at}", "host-0", 4096, home_datastore="ds-0", datastores=["ds-0"]) | row
            for at, row in enumerate(vms)
        ],
    )
    count = len(vms)
    return StoreBoard(snapshot, SETTINGS, np.ones(count, dtype=np.bool_), np.ones(count))


@given(st.floats(1, 1e5), st.floats(0.1, 500))
def test_what_is_seen_is_what_the_model_gives(iops: float, latency_ms: float) -> None:
    seen = board([{"iops": iops, "latency_ms": latency_ms}], [])
    load = seen.load(seen.home)
    assert load[0] == iops
    assert seen.latency(load)[0] == pytest.approx(latency_ms, rel=1e-6)
    # Little's law: what waits is what arrives while one is served.
    waiting = seen.cost(seen.home) / SETTINGS.request_cost
    assert waiting == pytest.approx(iops * latency_ms / 1000.0, rel=1e-6)


def test_more_requests_take_longer_and_fewer_less() -> None:
    seen = board([{"iops": 2000, "latency_ms": 20}], [])
    latency = [seen.latency(np.array([load]))[0] for load in (0.0, 1000.0, 2000.0, 3000.0, 9000.0)]
    assert latency == sorted(latency)
    assert latency[0] == pytest.approx(1000.0 * SETTINGS.side_by_side / seen.capacity[0])
    price = [seen.price(np.array([load]))[0] for load in (0.0, 1000.0, 9000.0)]
    assert price == sorted(price)


def test_the_price_is_the_slope_of_the_cost() -> None:
    talker = {"iops": 1e-3, "home_datastore": "ds-1", "datastores": ["ds-1"]}
    seen = board([{"iops": 2000, "latency_ms": 20}, {}], [talker])
    there = seen.cost(np.array([0])) - seen.cost(seen.home)
    assert seen.price(seen.load(seen.home))[0] == pytest.approx(there / 1e-3, rel=1e-4)


def test_large_requests_count_as_several() -> None:
    seen = board([{"iops": 100, "io_kibps": 64_000, "latency_ms": 20}], [])
    assert seen.seen[0] == 2000


def test_latency_without_requests_stays_what_it_is() -> None:
    seen = board([{"latency_ms": 28}, {"latency_ms": 1}], [{"swap_in_kibps": 1024}])
    assert np.isnan(seen.capacity).all()
    points = seen.cost_of_homes(seen.home, 0)
    assert points.tolist() == [SETTINGS.slow_swap_cost * 28, SETTINGS.slow_swap_cost * 1]


def test_requests_without_latency_are_not_sold() -> None:
    seen = board([{"iops": 0}, {"iops": 500}], [{"iops": 10}])
    assert np.isnan(seen.capacity).all()
    assert seen.cost(seen.home) == 0.0
    assert seen.relief(seen.home).tolist() == [0.0]


def test_of_files_on_several_datastores_only_swap_is_known_to_leave() -> None:
    files = {"iops": 100, "swap_in_kibps": 40, "datastores": ["ds-0", "ds-1"]}
    seen = board([{"iops": 900, "latency_ms": 5}] * 2, [files])
    assert seen.asks[0] == 10


@given(st.integers(0, 2**32 - 1))
def test_asking_for_each_datastore_gives_what_moving_there_gives(seed: int) -> None:
    dice = np.random.default_rng(seed)
    stores: list[dict[str, Any]] = [
        {"iops": float(dice.integers(0, 9000)), "latency_ms": float(dice.choice([0.3, 4, 90]))}
        for _ in range(3)
    ]
    vms: list[dict[str, Any]] = [
        {"iops": float(dice.integers(0, 2000)), "swap_in_kibps": float(dice.choice([0, 5000]))}
        for _ in range(3)
    ]
    seen = board(stores, vms)
    store = dice.integers(0, 3, 3)
    asked = seen.cost_of_homes(store, 1)
    relief = seen.relief(store)[1]
    for home in range(3):
        moved = store.copy()
        moved[1] = home
        assert asked[home] == pytest.approx(seen.cost(moved), rel=1e-9, abs=1e-6)
    if store[1] == 0:
        assert asked[0] - asked.min() <= relief + 1e-6
