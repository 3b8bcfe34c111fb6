"""Seeing an estate over the wire: what was put in comes out, and what is missing stays missing."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import numpy as np
import pytest

from tests.vcsim import StockVcsim
from tests.wire.adapter.small import as_administrator, connect, document
from tests.wire.conftest import StartSimulator
from vsphere_market.adapter import CounterSettings, PyVmomiVCenter
from vsphere_market.adapter.soap import vim
from vsphere_market.errors import FinalFault
from vsphere_market.estate import TABLES, snapshot_to_json

#: What the simulator makes up, since the file leaves it open.
MADE_UP = {
    "samples", "sampled_at_s", "change_version", "instance_uuid", "unreserved_mib", "uplink_mbps",
    "home_datastore", "licence",
}  # fmt: skip


def _rows(shown: dict[str, Any], table: str) -> dict[str, dict[str, Any]]:
    return {
        row["moid"]: {key: value for key, value in row.items() if key not in MADE_UP}
        for row in shown.get(table, [])
    }


def test_an_estate_comes_out_as_it_went_in(start_simulator: StartSimulator) -> None:
    put_in = document()
    with connect(start_simulator(put_in)) as vcenter:
        shown = snapshot_to_json(vcenter.observe())
    for table in TABLES:
        expected, found = _rows(put_in, table), _rows(shown, table)
        if table == "pools":
            # The lone host's own pool, and the shares of root pools, are nobody's doing.
            expected = {"resgroup-3": expected["resgroup-3"]}
            found = {"resgroup-3": found["resgroup-3"]}
        assert found == expected, table
    assert shown["source"]["kind"] == "vcenter"
    assert shown["source"]["instance_uuid"]
    assert "missing" not in shown


def test_pages_and_batches_change_nothing(start_simulator: StartSimulator) -> None:
    simulator = start_simulator(document())
    with connect(simulator) as whole:
        expected = snapshot_to_json(whole.observe())
    simulator.clear_calls()
    with connect(simulator, page_size=3, counters=CounterSettings(batch=2)) as pieces:
        found = snapshot_to_json(pieces.observe())
    for table in TABLES:
        assert _rows(found, table) == _rows(expected, table), table
    assert len(simulator.calls("ContinueRetrievePropertiesEx")) >= 3
    assert len(simulator.calls("QueryPerf")) == math.ceil(6 / 2) + math.ceil(5 / 2)


def test_the_number_of_requests_does_not_grow_with_the_estate(
    start_simulator: StartSimulator,
) -> None:
    def requests(copies: int) -> list[str]:
        estate = document()
        estate["vms"] += [
            {**estate["vms"][5], "moid": f"vm-{number}", "name": f"vm-{number}"}
            for number in range(100, 100 + copies)
        ]
        simulator = start_simulator(estate)
        with connect(simulator) as vcenter:
            vcenter.observe()
            simulator.clear_calls()
            snapshot = vcenter.observe()
        assert len(snapshot.vms) == 8 + copies
        return [call.method for call in simulator.calls()]

    few, many = requests(0), requests(200)
    assert few == many
    assert len(few) <= 10, few


def test_means_peaks_and_last_values_over_the_window(start_simulator: StartSimulator) -> None:
    simulator = start_simulator(document())
    simulator.forget_counters("vm-1")
    start = simulator.now().timestamp() // 20 * 20
    from datetime import UTC, datetime

    for number, (active, swap_in) in enumerate([(1024, 0), (4096, 60), (1024, 30)]):
        simulator.counters(
            vms={
                "vm-1": {
                    "mem.active.average": active * 1024,
                    "mem.swapinRate.average": swap_in,
                    "mem.granted.average": 1024 * 1024 * (number + 1),
                }
            },
            time=datetime.fromtimestamp(start - 40 + 20 * number, UTC),
        )
    with connect(simulator) as vcenter:
        vms = vcenter.observe().vms
    row = vms.row("vm-1")
    assert vms.active_mib[row] == 2048
    assert vms.active_peak_mib[row] == 4096
    assert vms.swap_in_kibps[row] == 30
    assert vms.granted_mib[row] == 3072
    assert vms.samples[row] == 3
    assert vms.sampled_at_s[row] == start


def test_a_vm_without_counters_has_none_and_that_is_told(start_simulator: StartSimulator) -> None:
    simulator = start_simulator(document())
    simulator.forget_counters("vm-1")
    with connect(simulator) as vcenter:
        snapshot = vcenter.observe()
    vms, row = snapshot.vms, snapshot.vms.row("vm-1")
    assert vms.samples[row] == 0
    for column in ("swap_in_kibps", "latency_pct", "balloon_target_mib", "active_mib"):
        assert math.isnan(getattr(vms, column)[row]), column
    assert vms.samples[vms.row("vm-2")] > 0
    assert any("1 running VMs gave no realtime counters" in line for line in snapshot.missing)


def test_a_property_that_an_older_vcenter_lacks(start_simulator: StartSimulator) -> None:
    simulator = start_simulator(document())
    for path in ("summary.quickStats.grantedMemory", "runtime.inQuarantineMode"):
        simulator.add_fault(
            method="RetrievePropertiesEx",
            fault="InvalidProperty",
            detail={"name": path},
            count=1,
        )
    with connect(simulator) as vcenter:
        assert len(vcenter.observe().vms) == 8
        assert len(simulator.calls("RetrievePropertiesEx")) >= 3
        simulator.clear_calls()
        # It is not asked for again.
        vcenter.observe()
        assert all(call.fault == "" for call in simulator.calls())


def test_a_property_that_no_vcenter_lacks(start_simulator: StartSimulator) -> None:
    simulator = start_simulator(document())
    simulator.add_fault(
        method="RetrievePropertiesEx", fault="InvalidProperty", detail={"name": "nonsense"}
    )
    with connect(simulator) as vcenter, pytest.raises(FinalFault):
        vcenter.observe()


def test_something_vanishes_during_the_walk(start_simulator: StartSimulator) -> None:
    simulator = start_simulator(document())
    simulator.add_fault(
        method="ContinueRetrievePropertiesEx",
        fault="ManagedObjectNotFound",
        detail={"obj": {"type": "VirtualMachine", "value": "vm-77"}},
        count=1,
    )
    with connect(simulator, page_size=4) as vcenter:
        assert len(vcenter.observe().vms) == 8
    assert len(simulator.calls("Login")) == 1


@pytest.mark.parametrize("connection", ["disconnected", "notResponding"])
def test_a_host_that_is_away(start_simulator: StartSimulator, connection: str) -> None:
    simulator = start_simulator(document())
    simulator.set_host("host-1", connection=connection)
    with connect(simulator) as vcenter:
        snapshot = vcenter.observe()
    hosts, vms = snapshot.hosts, snapshot.vms
    row = hosts.row("host-1")
    assert hosts.connection[row] == connection
    assert hosts.samples[row] == 0
    assert vms.samples[vms.row("vm-1")] == 0
    assert vms.samples[vms.row("vm-3")] > 0


def test_an_empty_inventory(start_simulator: StartSimulator) -> None:
    estate = {**document(), "vms": [], "rules": []}
    with connect(start_simulator(estate)) as vcenter:
        snapshot = vcenter.observe()
        assert len(snapshot.vms) == 0
        assert len(snapshot.hosts) == 5
        findings = {finding.code: finding for finding in vcenter.checkup()}
    assert "Read-only role" in findings["inventory"].cure


def _custom_field(vcenter: StockVcsim, managed_type: Any) -> None:
    with as_administrator(vcenter) as content:
        field = content.customFieldsManager.AddCustomFieldDef("tier", managed_type)
        view = content.viewManager.CreateContainerView(
            content.rootFolder, [vim.VirtualMachine], True
        )
        content.customFieldsManager.SetField(view.view[0], field.key, "gold")


def test_stock_vcsim_is_read_whole(stock_vcsim: StockVcsim) -> None:
    _custom_field(stock_vcsim, vim.VirtualMachine)
    with connect(stock_vcsim, counters=CounterSettings(samples=4)) as vcenter:
        snapshot = vcenter.observe()
    vms = snapshot.vms
    assert len(vms) == 4
    assert (vms.samples == 4).all()
    assert not np.isnan(vms.granted_mib).any()
    assert sorted(vms.custom_attributes)[-1] == ("tier=gold",)
    assert set(vms.folder) == {"/DC0/vm"}


def test_custom_attributes_that_the_client_cannot_read(stock_vcsim: StockVcsim) -> None:
    # An attribute without the type of its objects makes stock vcsim answer what pyVmomi refuses.
    with contextlib.suppress(TypeError):
        _custom_field(stock_vcsim, None)
    with connect(stock_vcsim) as vcenter:
        snapshot = vcenter.observe()
    assert len(snapshot.vms) == 4
    assert any("names of custom attributes" in line for line in snapshot.missing)


def test_the_sample_time_is_the_newest_whatever_the_order(stock_vcsim: StockVcsim) -> None:
    # Stock vcsim gives the newest sample first, unlike a vCenter.
    with connect(stock_vcsim) as vcenter:
        vms = vcenter.observe().vms
        now = vcenter.clock.now_s()
    assert (now - vms.sampled_at_s < 60).all()


def test_a_vcenter_that_is_not_asked_is_not_connected_to() -> None:
    from vsphere_market.adapter import Credentials, Secret, Target

    with PyVmomiVCenter(Target("vcenter.invalid", user="a"), Credentials("a", Secret("b"))):
        pass
