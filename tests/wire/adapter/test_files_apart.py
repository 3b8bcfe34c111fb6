"""Files on several datastores over the wire: what is where, what moves, and what it did there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest

from tests.vcsim import Simulator
from tests.vcsim_estates import estate, host_row, vm_row
from tests.wire.adapter.small import connect
from tests.wire.conftest import StartSimulator
from vsphere_market.adapter.vcenter import PyVmomiVCenter
from vsphere_market.port import Entity, Migrate, MigrateStorage, Severity, TaskState
from vsphere_market.port.opposites import opposites

SLOW, FLASH, ARCHIVE = "datastore-30", "datastore-31", "datastore-32"
READS = "datastore.numberReadAveraged.average"
WRITES = "datastore.numberWriteAveraged.average"
WAITS = "datastore.totalReadLatency.average"


@pytest.fixture
def simulator(start_simulator: StartSimulator) -> Simulator:
    room = {"capacity_mib": 4_096_000, "free_mib": 2_048_000, "accessible": True}
    sees = {"datastores": [SLOW, FLASH, ARCHIVE]}
    both = {"datastores": [SLOW, ARCHIVE], "home_datastore": SLOW, "storage_mib": 90_000}
    counted = {"granted_mib": 4096, "active_mib": 500, "samples": 15}
    document = estate(
        hosts=[host_row("host-11", **sees), host_row("host-12", **sees)],
        datastores=[
            {"moid": moid, "name": name, "iops": 500, "latency_ms": 3} | room
            for moid, name in ((SLOW, "slow"), (FLASH, "flash"), (ARCHIVE, "archive"))
        ],
        vms=[
            vm_row(
                "vm-101",
                "host-11",
                home_storage_mib=20_000,
                iops=500,
                home_iops=400,
                swap_with_host=True,
                **both,
                **counted,
            ),
            vm_row("vm-102", "host-11", iops=60, storage_mib=5_000, **counted),
            vm_row("vm-103", "host-11", **both),
        ],
    )
    return start_simulator(document, time="estate", rate=0)


@pytest.fixture
def vcenter(simulator: Simulator) -> Iterator[PyVmomiVCenter]:
    with connect(simulator) as found:
        yield found


def test_what_is_in_the_home_datastore_is_told_where_files_are_on_several(
    vcenter: PyVmomiVCenter,
) -> None:
    vms = vcenter.observe().vms
    apart, alone, untold = (vms.row(f"vm-{number}") for number in (101, 102, 103))
    assert (vms.storage_mib[apart], vms.home_storage_mib[apart]) == (90_000, 20_000)
    assert (vms.iops[apart], vms.home_iops[apart]) == (500, 400)
    assert vms.swap_with_host[apart]
    assert np.isnan([vms.home_storage_mib[alone], vms.home_iops[alone]]).all()
    assert not vms.swap_with_host[alone]
    assert np.isnan([vms.home_storage_mib[untold], vms.home_iops[untold]]).all()


def test_what_is_elsewhere_stays_there_and_comes_back_to_it(
    simulator: Simulator, vcenter: PyVmomiVCenter
) -> None:
    vcenter.observe()
    action = MigrateStorage(
        Entity("vm-101", "name of vm-101"), Entity(SLOW, "slow"), Entity(FLASH, "flash")
    )
    assert [
        finding for finding in vcenter.precheck(action) if finding.severity is Severity.ERROR
    ] == []
    carry_out(simulator, vcenter, action)
    assert set(simulator.state().vms["vm-101"].datastores) == {FLASH, ARCHIVE}
    snapshot = vcenter.observe()
    home = snapshot.vms.home_datastore[snapshot.vms.row("vm-101")]
    assert snapshot.datastores.moid[home] == FLASH
    (back,) = opposites(action)
    assert isinstance(back, MigrateStorage)
    carry_out(simulator, vcenter, back)
    assert set(simulator.state().vms["vm-101"].datastores) == {SLOW, ARCHIVE}


def test_a_migration_to_another_host_leaves_all_files_alone(
    simulator: Simulator, vcenter: PyVmomiVCenter
) -> None:
    vcenter.observe()
    ends = Entity("host-11", "host-11"), Entity("host-12", "host-12")
    carry_out(simulator, vcenter, Migrate(Entity("vm-101", "name of vm-101"), *ends))
    assert set(simulator.state().vms["vm-101"].datastores) == {SLOW, ARCHIVE}


def carry_out(
    simulator: Simulator, vcenter: PyVmomiVCenter, action: MigrateStorage | Migrate
) -> None:
    handle = vcenter.submit(action)
    simulator.advance(600)
    (status,) = vcenter.poll([handle])
    assert status.state is TaskState.SUCCESS, status


def test_history_of_storage_comes_from_the_statistics_level_that_keeps_it(
    simulator: Simulator, vcenter: PyVmomiVCenter
) -> None:
    snapshot = vcenter.observe()
    slow = simulator_name(vcenter, SLOW)
    begin = simulator.now()
    for number in range(1, 181):
        sample = {f"{READS}@{slow}": 300, f"{WRITES}@{slow}": 100, f"{WAITS}@{slow}": 8}
        simulator.counters(
            hosts={"host-11": sample, "host-12": sample},
            vms={"vm-102": {f"{READS}@{slow}": 40, f"{WRITES}@{slow}": 20}},
            time=begin + timedelta(seconds=20 * number),
        )
    simulator.advance(3600)
    snapshot = vcenter.observe()
    assert vcenter.past_storage(snapshot, 7.0).counters == ()
    simulator.settings(stats_level=3)
    past = vcenter.past_storage(snapshot, 7.0)
    row, other = snapshot.datastores.row(SLOW), snapshot.datastores.row(FLASH)
    assert past.iops[row, -2] == pytest.approx(800)
    assert past.latency_ms[row, -2] == pytest.approx(8)
    assert past.vm_iops[snapshot.vms.row("vm-102"), -2] == pytest.approx(60)
    assert np.isnan(past.iops[other]).all()
    assert past.counters[-1] == f"{READS} and its like every 300 s"


def simulator_name(vcenter: PyVmomiVCenter, moid: str) -> str:
    """How counters name a datastore."""
    (facts,) = vcenter._reader.objects("Datastore", [moid], ["summary.url"])
    return str(facts.get("summary.url")).rstrip("/").rpartition("/")[2]
