"""Counters: what was set comes back, in both formats and by time, and nothing else does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.vcsim import Simulator, SimulatorError
from tests.vcsim_estates import estate, vm_row
from tests.vcsim_soap import Soap, vim

START = datetime(2026, 11, 23, 8, tzinfo=UTC)
ACTIVE, BALLOON, STATE = "mem.active.average", "mem.vmmemctl.average", "mem.state.latest"
CONSUMED = "mem.consumed.average"


@pytest.fixture
def simulator(start_simulator: Any) -> Simulator:
    """An estate without counters, whose clock stands at START."""
    bare = [vm_row(f"vm-{n}", "host-11") for n in (101, 102)]
    hosts = [{**row, "consumed_mib": None} for row in estate()["hosts"]]
    for row in (*bare, *hosts):
        for name in ("consumed_mib", "overhead_mib", "vmkernel_mib"):
            row.pop(name, None)
    started: Simulator = start_simulator(estate(vms=bare, hosts=hosts), time="estate", rate=0)
    return started


def ids(soap: Soap) -> Mapping[str, int]:
    return {
        f"{c.groupInfo.key}.{c.nameInfo.key}.{c.rollupType}": c.key
        for c in soap.content.perfManager.perfCounter
    }


def query(soap: Soap, entity: Any, names: Sequence[str], **more: Any) -> dict[str, Any]:
    """Times and values by counter name of one entity; {} when it gives no series."""
    keys = ids(soap)
    metric = vim.PerformanceManager.MetricId
    spec = vim.PerformanceManager.QuerySpec(
        entity=entity,
        metricId=[metric(counterId=keys[name], instance="") for name in names],
        **{"intervalId": 20, "format": "csv"} | more,
    )
    answers = soap.content.perfManager.QueryPerf([spec])
    if not answers:
        return {}
    [answer] = answers
    named = {key: name for name, key in keys.items()}
    if isinstance(answer, vim.PerformanceManager.EntityMetricCSV):
        cells = answer.sampleInfoCSV.split(",")
        times = [datetime.fromisoformat(text) for text in cells[1::2]]
        values = {named[s.id.counterId]: [int(v) for v in s.value.split(",")] for s in answer.value}
    else:
        times = [info.timestamp for info in answer.sampleInfo]
        values = {named[s.id.counterId]: list(s.value) for s in answer.value}
    return {"times": times, **values}


def fill(simulator: Simulator, values: Sequence[float], name: str = ACTIVE) -> None:
    """One sample every 20 s, the last of them now."""
    for value in values:
        simulator.counters(vms={"vm-101": {name: value}})
        simulator.advance(20)
    simulator.advance(-20)


def test_what_was_never_set_has_no_series(simulator: Simulator) -> None:
    with Soap(simulator) as soap:
        assert query(soap, soap.vm("vm-101"), [ACTIVE, BALLOON]) == {}
        simulator.counters(vms={"vm-101": {ACTIVE: 4096}}, hosts={"host-11": {STATE: 1}})
        got = query(soap, soap.vm("vm-101"), [ACTIVE, BALLOON])
        assert got == {"times": [START], ACTIVE: [4096]}
        assert query(soap, soap.host("host-11"), [STATE]) == {"times": [START], STATE: [1]}
        assert query(soap, soap.vm("vm-102"), [ACTIVE]) == {}


@pytest.mark.parametrize("form", ["csv", "normal"])
def test_samples_are_a_series_oldest_first_with_zeros(simulator: Simulator, form: str) -> None:
    fill(simulator, [3, 0, 0, 5])
    with Soap(simulator) as soap:
        got = query(soap, soap.vm("vm-101"), [ACTIVE], format=form)
        assert got[ACTIVE] == [3, 0, 0, 5]
        assert got["times"] == [START + timedelta(seconds=20 * n) for n in range(4)]
        last = query(soap, soap.vm("vm-101"), [ACTIVE], format=form, maxSample=2)
        assert (last[ACTIVE], last["times"]) == ([0, 5], got["times"][2:])


def test_windows_exclude_their_start_and_include_their_end(simulator: Simulator) -> None:
    fill(simulator, [1, 2, 3, 4, 5])
    with Soap(simulator) as soap:
        window = {
            "startTime": START + timedelta(seconds=20),
            "endTime": START + timedelta(seconds=60),
        }
        assert query(soap, soap.vm("vm-101"), [ACTIVE], **window)[ACTIVE] == [3, 4]


def test_a_counter_missing_in_one_sample_is_minus_one_there(simulator: Simulator) -> None:
    simulator.counters(vms={"vm-101": {ACTIVE: 1, BALLOON: 2}})
    simulator.advance(20)
    simulator.counters(vms={"vm-101": {ACTIVE: 3}})
    with Soap(simulator) as soap:
        got = query(soap, soap.vm("vm-101"), [ACTIVE, BALLOON])
        assert (got[ACTIVE], got[BALLOON]) == ([1, 3], [2, -1])


def test_one_hour_is_kept(simulator: Simulator) -> None:
    for n in range(200):
        simulator.counters(
            vms={"vm-101": {ACTIVE: n}}, time=START + timedelta(seconds=20 * (n - 199))
        )
    with Soap(simulator) as soap:
        got = query(soap, soap.vm("vm-101"), [ACTIVE])
        assert got[ACTIVE] == list(range(20, 200))


def test_history_has_what_statistics_level_1_keeps(simulator: Simulator) -> None:
    for n in range(46):
        simulator.counters(vms={"vm-101": {ACTIVE: 100, CONSUMED: n}})
        simulator.advance(20)
    with Soap(simulator) as soap:
        got = query(soap, soap.vm("vm-101"), [ACTIVE, CONSUMED], intervalId=300)
        # Active memory is of level 2. Intervals end at :05, :10, :15 and hold 15 samples each.
        assert got["times"] == [START + timedelta(minutes=m) for m in (5, 10, 15)]
        assert got[CONSUMED] == [8, 23, 38]
        assert ACTIVE not in got
        assert query(soap, soap.vm("vm-101"), [CONSUMED], intervalId=7200) == {}


def test_samples_repeat_when_they_are_held(simulator: Simulator) -> None:
    simulator.counters(vms={"vm-101": {ACTIVE: 7}})
    simulator.settings(hold_samples=True)
    simulator.advance(65)
    with Soap(simulator) as soap:
        assert query(soap, soap.vm("vm-101"), [ACTIVE])[ACTIVE] == [7, 7, 7, 7]
        simulator.advance(7200)
        got = query(soap, soap.vm("vm-101"), [ACTIVE])
        assert len(got[ACTIVE]) == 180
        assert simulator.now() - got["times"][-1] < timedelta(seconds=20)


def test_quick_figures_follow_counters_and_the_unknown_stays_unknown(simulator: Simulator) -> None:
    quick = "summary.quickStats."
    names = ["grantedMemory", "balloonedMemory", "swappedMemory", "compressedMemory"]
    with Soap(simulator) as soap:
        one = soap.vm("vm-101")
        assert soap.read([one], [quick + n for n in names]) == {"vm-101": {}}
        simulator.counters(
            vms={"vm-101": {"mem.granted.average": 2048, BALLOON: 0, "mem.compressed.average": 9}},
            quick_stats={"vm-101": {"grantedMemory": 5}},
        )
        assert soap.read([one], [quick + n for n in names])["vm-101"] == {
            quick + "grantedMemory": 5,
            quick + "balloonedMemory": 0,
            quick + "compressedMemory": 9,
        }
        simulator.forget_counters("vm-101")
        assert soap.read([one], [quick + n for n in names]) == {"vm-101": {}}
        assert query(soap, one, [BALLOON]) == {}


def test_a_vm_that_is_off_is_not_measured(simulator: Simulator) -> None:
    simulator.counters(vms={"vm-101": {ACTIVE: 7}})
    with Soap(simulator) as soap:
        assert soap.wait(soap.vm("vm-101").PowerOffVM_Task()).ok
        assert query(soap, soap.vm("vm-101"), [ACTIVE]) == {}


def test_available_metrics_are_those_with_samples(simulator: Simulator) -> None:
    simulator.counters(vms={"vm-101": {ACTIVE: 7, CONSUMED: 8}})
    with Soap(simulator) as soap:
        ask = soap.content.perfManager.QueryAvailablePerfMetric
        named = {key: name for name, key in ids(soap).items()}
        found = ask(soap.vm("vm-101"), None, None, 20)
        assert {named[m.counterId] for m in found} == {ACTIVE, CONSUMED}
        assert [named[m.counterId] for m in ask(soap.vm("vm-101"), None, None, 300)] == [CONSUMED]


def test_the_limit_of_historical_queries(simulator: Simulator) -> None:
    simulator.settings(max_query_metrics=1)
    with Soap(simulator) as soap:
        [option] = soap.content.setting.QueryOptions("config.vpxd.stats.maxQueryMetrics")
        assert option.value == "1"
        query(soap, soap.vm("vm-101"), [ACTIVE, CONSUMED])
        with pytest.raises(vim.fault.RestrictedByAdministrator):
            query(soap, soap.vm("vm-101"), [ACTIVE, CONSUMED], intervalId=300)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ({"vms": {"vm-101": {"mem.nonsense.average": 1}}}, "mem.nonsense.average"),
        ({"vms": {"vm-999": {ACTIVE: 1}}}, "vm-999"),
        ({"vms": {"vm-101": {ACTIVE: 1}}, "time": START - timedelta(hours=1)}, "newer"),
        ({"quick_stats": {"vm-101": {"nonsense": 1}}}, "nonsense"),
    ],
)
def test_mistakes_are_told(simulator: Simulator, call: dict[str, Any], says: str) -> None:
    simulator.counters(vms={"vm-101": {ACTIVE: 7}})
    with pytest.raises(SimulatorError, match=says):
        simulator.counters(**call)
    with Soap(simulator) as soap:
        assert query(soap, soap.vm("vm-101"), [ACTIVE])[ACTIVE] == [7]


def test_the_clock(simulator: Simulator) -> None:
    with Soap(simulator) as soap:
        assert soap.si.CurrentTime() == START
        simulator.advance(90)
        assert soap.si.CurrentTime() == START + timedelta(seconds=90)
        simulator.set_clock(START - timedelta(days=1), rate=3600)
        first = simulator.now()
        assert first < START
        while simulator.now() == first:
            pass
        assert simulator.now() > first
