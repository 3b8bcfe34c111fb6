"""Counters: from comma-separated samples to columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from vsphere_market.adapter.bulk import Facts, Paths, Series
from vsphere_market.adapter.counters import (
    FACTORS,
    HOST_COUNTERS,
    VM_COUNTERS,
    CounterInfo,
    Counters,
    CounterSettings,
    Figures,
    How,
    Wanted,
    figures_from,
    sample_times,
)
from vsphere_market.estate import HostTable, VmTable

INFO = "20,2026-11-23T06:47:40Z,20,2026-11-23T06:48:00Z,20,2026-11-23T06:48:20Z"
NEWEST_FIRST = "20,2026-11-23T06:48:20Z,20,2026-11-23T06:48:00Z,20,2026-11-23T06:47:40Z"
LAST = 1795416500.0

GRANTED = CounterInfo(29, "mem.granted.average", "kiloBytes", 2)
ACTIVE = CounterInfo(33, "mem.active.average", "kiloBytes", 2)
SWAP_IN = CounterInfo(85, "mem.swapinRate.average", "kiloBytesPerSecond", 1)
LATENCY = CounterInfo(422, "mem.latency.average", "percent", 2)
KNOWN = [
    (Wanted("granted_mib", GRANTED.name, How.LAST), GRANTED),
    (Wanted("active_mib", ACTIVE.name, How.MEAN), ACTIVE),
    (Wanted("active_peak_mib", ACTIVE.name, How.PEAK), ACTIVE),
    (Wanted("swap_in_kibps", SWAP_IN.name, How.MEAN), SWAP_IN),
    (Wanted("latency_pct", LATENCY.name, How.MEAN), LATENCY),
]


def _figures(values: dict[int, str], info: str = INFO) -> Figures:
    return figures_from(Series("vm-1", info, values), KNOWN)


def test_levels_rates_means_and_peaks() -> None:
    figures = _figures({29: "1024,2048,4096", 33: "1024,4096,4096", 85: "0,30,60", 422: "0,150,0"})
    assert figures.values == {
        "granted_mib": 4,
        "active_mib": 3,
        "active_peak_mib": 4,
        "swap_in_kibps": 30,
        "latency_pct": pytest.approx(0.5),
    }
    assert figures.samples == 3
    assert figures.sampled_at_s == LAST


def test_samples_are_sorted_by_time() -> None:
    oldest_first = _figures({29: "1024,2048,4096"})
    newest_first = _figures({29: "4096,2048,1024"}, NEWEST_FIRST)
    assert oldest_first == newest_first


def test_minus_one_is_a_sample_that_was_not_taken() -> None:
    figures = _figures({29: "1024,2048,-1", 33: "-1,2048,4096", 85: "-1,-1,-1"})
    assert figures.values == {"granted_mib": 2, "active_mib": 3, "active_peak_mib": 4}


def test_zeros_are_samples() -> None:
    assert _figures({29: "0,0,0", 85: "0,0,0"}).values == {"granted_mib": 0, "swap_in_kibps": 0}


def test_amounts_are_whole_mebibytes() -> None:
    assert _figures({29: "0,0,2047"}).values["granted_mib"] == 1


@pytest.mark.parametrize(
    ("info", "values"),
    [
        ("", {29: ""}),
        (INFO, {29: ""}),
        (INFO, {29: "1,2"}),  # fewer samples than times
        (INFO, {29: "1,x,3"}),
        (INFO, {}),
        ("20,yesterday", {29: "1"}),
        (INFO, {999: "1,2,3"}),
    ],
)
def test_what_cannot_be_read_is_missing_and_no_error(info: str, values: dict[int, str]) -> None:
    figures = _figures(values, info)
    assert figures.values == {}
    assert figures.samples == 0
    assert math.isnan(figures.sampled_at_s)


def test_gaps_and_infinities_in_samples() -> None:
    assert _figures({29: "1024,,inf"}).values == {"granted_mib": 1}


def test_times() -> None:
    assert sample_times(INFO)[-1] == LAST
    assert sample_times("20,2026-11-23T07:48:20+01:00") == [LAST]


def test_every_wanted_counter_fills_a_column_of_its_table() -> None:
    for wanted, table in ((VM_COUNTERS, VmTable), (HOST_COUNTERS, HostTable)):
        assert {want.column for want in wanted} <= set(table.columns())
        assert len({want.column for want in wanted}) == len(wanted)


class FakeSession:
    """Answers the two small questions that counters ask of a session."""

    def __init__(self, catalogue: Sequence[Any], options: Sequence[Any]) -> None:
        self.content = SimpleNamespace(
            perfManager=SimpleNamespace(perfCounter=catalogue),
            setting=SimpleNamespace(QueryOptions=lambda name: options),
        )

    def read(self, ask: Any, where: str = "") -> Any:
        return ask(self.content)


class FakeReader:
    """Remembers what was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, tuple[int, ...], int]] = []

    def inventory(self, paths: Paths) -> list[Facts]:
        raise NotImplementedError

    def objects(self, kind: str, moids: Sequence[str], paths: Sequence[str]) -> list[Facts]:
        raise NotImplementedError

    def counters(
        self,
        kind: str,
        moids: Sequence[str],
        counter_ids: Sequence[int],
        max_sample: int,
        each: Sequence[int] = (),
    ) -> list[Series]:
        self.asked.append((len(moids), tuple(counter_ids), max_sample))
        return [Series(moid, INFO, dict.fromkeys(counter_ids, "1024,1024,1024")) for moid in moids]


def _entry(key: int, group: str, name: str, rollup: str, unit: str = "kiloBytes") -> Any:
    return SimpleNamespace(
        key=key,
        groupInfo=SimpleNamespace(key=group),
        nameInfo=SimpleNamespace(key=name),
        rollupType=rollup,
        unitInfo=SimpleNamespace(key=unit),
        level=1,
    )


CATALOGUE = [
    _entry(12, "mem", "granted", "average"),
    _entry(13, "mem", "granted", "maximum"),
    _entry(14, "mem", "active", "average"),
    _entry(15, "mem", "latency", "average", unit="parsecs"),
]


def _counters(reader: FakeReader, options: Sequence[Any] = (), **settings: int) -> Counters:
    session: Any = FakeSession(CATALOGUE, options)
    return Counters(session, reader, CounterSettings(**settings))


def test_ids_are_resolved_by_name_and_unknown_ones_are_not_asked_for() -> None:
    reader = FakeReader()
    figures = _counters(reader).read("VirtualMachine", ["vm-1"], VM_COUNTERS)
    assert reader.asked == [(1, (12, 14), 15)]
    assert figures["vm-1"].values == {"granted_mib": 1, "active_mib": 1, "active_peak_mib": 1}


def test_a_unit_that_nobody_knows_leaves_its_column_empty() -> None:
    assert "parsecs" not in FACTORS
    figures = _counters(FakeReader()).read("VirtualMachine", ["vm-1"], VM_COUNTERS)
    assert "latency_pct" not in figures["vm-1"].values


def test_batches_follow_the_setting_and_the_servers_limit() -> None:
    vms = [f"vm-{number}" for number in range(10)]
    reader = FakeReader()
    _counters(reader, batch=4, samples=3).read("VirtualMachine", vms, VM_COUNTERS)
    assert [(count, samples) for count, _, samples in reader.asked] == [(4, 3), (4, 3), (2, 3)]

    reader = FakeReader()
    limited = _counters(reader, [SimpleNamespace(value="5")], batch=256)
    limited.read("VirtualMachine", vms, VM_COUNTERS)
    assert [count for count, _, _ in reader.asked] == [5, 5]


@pytest.mark.parametrize("value", ["-1", "0", "many", None])
def test_a_limit_that_is_none(value: Any) -> None:
    assert _counters(FakeReader(), [SimpleNamespace(value=value)]).batch() == 256


def test_nobody_to_ask_for() -> None:
    reader = FakeReader()
    assert _counters(reader).read("VirtualMachine", [], VM_COUNTERS) == {}
    assert reader.asked == []
