"""vCenter's own history comes into what is remembered, once."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from tests.roads import hot_plant
from vsphere_market.control.backfill import backfill, backfill_storage, enter
from vsphere_market.control.decide import frame
from vsphere_market.control.memory import Memory, observed
from vsphere_market.demand import Origin, identities
from vsphere_market.errors import UnreachableError
from vsphere_market.estate import Snapshot
from vsphere_market.journal import open_journal
from vsphere_market.plant import PlantVCenter
from vsphere_market.policy import NO_POLICIES
from vsphere_market.port import PastDemand, PastStorage

NAN = float("nan")


class Remembering(PlantVCenter):
    """The plant with a history of its own, as a vCenter has it."""

    asked = asked_storage = 0
    away = False
    stores = True

    def past_demand(self, snapshot: Snapshot, days: float) -> PastDemand:
        self.asked += 1
        if self.away:
            raise UnreachableError("does not answer", where="vcenter")
        return past(snapshot, [3000.0] * 30)

    def past_storage(self, snapshot: Snapshot, days: float) -> PastStorage:
        self.asked_storage += 1
        return busy_store(snapshot) if self.stores else PastStorage.nothing(snapshot)


def busy_store(snapshot: Snapshot) -> PastStorage:
    """Thirty hours of the first datastore and the first VM, the last of them the present one."""
    last = int(snapshot.taken_at_s // 3600)
    nothing = PastStorage.nothing(snapshot)
    stores, vms = len(snapshot.datastores), len(snapshot.vms)
    iops, latency = np.full((stores, 30), NAN), np.full((stores, 30), NAN)
    iops[0], latency[0] = 500.0, 4.0
    asked = np.full((vms, 30), NAN)
    asked[0] = 80.0
    return dataclasses.replace(
        nothing,
        hours=np.arange(last - 29, last + 1),
        vm_iops=asked,
        vm_kibps=np.full((vms, 30), NAN),
        iops=iops,
        kibps=np.full((stores, 30), NAN),
        latency_ms=latency,
        counters=("datastore.numberReadAveraged.average and its like every 1800 s",),
    )


def past(snapshot: Snapshot, hourly: list[float]) -> PastDemand:
    """The same hours of every VM, the last of them the present one."""
    last = int(snapshot.taken_at_s // 3600)
    hours = np.arange(last - len(hourly) + 1, last + 1)
    active = np.tile(np.array(hourly), (len(snapshot.vms), 1))
    return PastDemand(hours, active, ("mem.usage.average every 7200 s",))


def remembering() -> Remembering:
    plant = hot_plant()
    plant.__class__ = Remembering
    assert isinstance(plant, Remembering)
    return plant


def two_vms() -> Snapshot:
    vms = [vm_row(f"vm-{number}", "host-1", 8192) for number in (1, 2)]
    return snapshot_of(clusters=[cluster_row()], hosts=[host_row("host-1", 65536)], vms=vms)


def test_hours_before_the_present_one_are_entered_for_trading_and_for_sizing() -> None:
    snapshot = two_vms()
    memory = Memory()
    assert enter(memory, snapshot, past(snapshot, [1000.0, NAN, 3000.0, 9000.0])) == 4
    ids = identities(snapshot.vms)
    # Newest first, with headroom; the present hour is for us to see.
    curve = memory.history.dates(ids).level[0]
    assert list(curve) == pytest.approx([3300.0, 1100.0])
    observed(memory, snapshot)
    sizing = memory.sizes.sizing(ids, np.zeros(2))
    assert list(sizing.hours[:, Origin.VCENTER]) == [2, 2]
    assert sizing.days[0].max(initial=0, where=np.isfinite(sizing.days[0])) == 3000.0
    assert sizing.confidence[0] == pytest.approx(0.5 * 2 / 24 / 60)


def test_a_source_that_keeps_nothing_gives_nothing() -> None:
    snapshot = two_vms()
    nothing = PastDemand(np.arange(3), np.full((2, 3), np.nan), ())
    memory = Memory()
    assert enter(memory, snapshot, nothing) == 0
    assert len(memory.history) == len(memory.sizes) == 0


def test_it_is_read_once_and_shows_in_the_next_decision(tmp_path: Path) -> None:
    plant = remembering()
    snapshot = plant.observe()
    with open_journal(tmp_path / "j.db") as journal:
        entered = backfill(plant, journal, snapshot)
        assert entered == 29 * len(snapshot.vms)
        assert backfill(plant, journal, snapshot) == 0
        assert plant.asked == 1
        framed = frame(snapshot, NO_POLICIES, now_s=plant.clock.now_s(), journal=journal)
    demand = framed.question.demand
    assert demand.curve.shape[1] == 1 + 30
    assert (demand.sizing.hours[:, Origin.VCENTER] == 29).all()


def test_one_that_cannot_be_asked_is_asked_again(tmp_path: Path) -> None:
    plant = remembering()
    plant.away = True
    snapshot = plant.observe()
    with open_journal(tmp_path / "j.db") as journal:
        assert backfill(plant, journal, snapshot) == 0
        plant.away = False
        assert backfill(plant, journal, snapshot) > 0


def test_storage_is_read_once_too_and_is_what_is_usual(tmp_path: Path) -> None:
    plant = remembering()
    snapshot = plant.observe()
    with open_journal(tmp_path / "j.db") as journal:
        assert backfill_storage(plant, journal, snapshot) == 29 * 4
        assert backfill_storage(plant, journal, snapshot) == 0
        assert plant.asked_storage == 1
        framed = frame(snapshot, NO_POLICIES, now_s=plant.clock.now_s(), journal=journal)
    usual = framed.question.demand.storage
    assert usual is not None
    assert usual.served[0] == pytest.approx(500.0)
    assert (usual.hours[0], usual.told[0]) == (29, 29)
    assert usual.latency_ms[0] == pytest.approx(4.0)
    assert usual.asked[0] == pytest.approx(80.0)


def test_where_nothing_of_storage_was_kept_that_is_not_asked_again(tmp_path: Path) -> None:
    plant = remembering()
    plant.stores = False
    with open_journal(tmp_path / "j.db") as journal:
        assert backfill_storage(plant, journal, plant.observe()) == 0
        assert backfill_storage(plant, journal, plant.observe()) == 0
    assert plant.asked_storage == 1


def test_a_plant_has_no_history_of_its_own(tmp_path: Path) -> None:
    plant = hot_plant()
    with open_journal(tmp_path / "j.db") as journal:
        assert backfill(plant, journal, plant.observe()) == 0
