"""Guests' own figures, laid over any source."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.contract.port_contract import PortContract, World
from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from tests.roads import hot_plant
from tests.unit.plant.test_contract import CALM
from vsphere_market.control.guests import GuestFile, WithGuests
from vsphere_market.control.sources import SourceOptions, open_source
from vsphere_market.demand import estimate_demand, with_guests
from vsphere_market.errors import UsageError
from vsphere_market.estate import Snapshot, snapshot_to_json, write_snapshot
from vsphere_market.plant import PlantVCenter, estate_from_json

HEAD = "vm,needed_mib,page_in_kibps\n"


def estate() -> Snapshot:
    return snapshot_of(
        clusters=[cluster_row()],
        hosts=[host_row("host-1", 65536)],
        vms=[
            vm_row("vm-1", "host-1", 8192, active_mib=1000),
            vm_row("vm-2", "host-1", 8192, active_mib=1000, guest_swap_kibps=7),
            vm_row("vm-3", "host-1", 8192, active_mib=1000),
        ],
    )


def told(tmp_path: Path, text: str) -> Snapshot:
    path = tmp_path / "guests.csv"
    path.write_text(HEAD + text)
    return with_guests(estate(), GuestFile(path).guests(estate()))


def test_a_guests_own_word_is_what_it_wants_and_says_who_said_it(tmp_path: Path) -> None:
    vms = told(tmp_path, "vm-1,6000,\nvm-2,,99\nstranger,1,1\n").vms
    assert list(vms.guest_needed_mib[:1]) == [6000.0]
    assert np.isnan(vms.guest_needed_mib[1:]).all()
    # A figure that the source gave itself stays.
    assert vms.guest_swap_kibps[1] == 7.0
    assert vms.guest_source == ("guests (guests.csv)", "guests (guests.csv)", "")


def test_sizes_follow_it_but_the_host_does_not_sell_more(tmp_path: Path) -> None:
    before, after = estimate_demand(estate()), estimate_demand(told(tmp_path, "vm-1,6000,\n"))
    assert before.wanted[0] == 1000.0
    assert after.wanted[0] == 6000.0
    assert after.curve[0, 0] == before.curve[0, 0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name,memory\n", "has no column needed_mib"),
        (HEAD + "vm-1,much,\n", "has 'much'"),
        (HEAD + "vm-1,-5,\n", "has '-5'"),
        (HEAD + "vm-1,inf,\n", "has 'inf'"),
        ("", "has no column needed_mib"),
    ],
)
def test_a_file_that_is_wrong_is_refused_in_one_sentence(
    tmp_path: Path, text: str, says: str
) -> None:
    path = tmp_path / "guests.csv"
    path.write_text(text)
    with pytest.raises(UsageError, match=says) as caught:
        GuestFile(path).guests(estate())
    assert "guests.csv" in caught.value.sentence()
    with pytest.raises(UsageError, match="cannot be read"):
        GuestFile(tmp_path / "none.csv").guests(estate())


def test_any_source_may_have_them(tmp_path: Path) -> None:
    path, file = tmp_path / "guests.csv", tmp_path / "estate.json"
    path.write_text(HEAD + "vm-1,6000,\n")
    write_snapshot(file, estate())
    with open_source(SourceOptions(snapshot=file, guests=path), environ={}) as source:
        shown = snapshot_to_json(source.observe())
    assert shown["vms"][0]["guest_needed_mib"] == 6000
    assert shown["vms"][0]["guest_source"] == "guests (guests.csv)"


def test_a_port_with_guests_is_the_port_otherwise(tmp_path: Path) -> None:
    plant = hot_plant()
    snapshot = plant.observe()
    path = tmp_path / "guests.csv"
    path.write_text(HEAD + f"{snapshot.vms.moid[0]},6000,\n")
    port = WithGuests(plant, GuestFile(path))
    assert port.observe().vms.guest_needed_mib[0] == 6000.0
    assert port.clock is plant.clock
    assert port.past_demand(snapshot, 1.0).counters == ()
    assert [one.code for one in port.checkup()] == [one.code for one in plant.checkup()]


class TestWithGuests(PortContract):
    """What every port owes the market, this one owes, too."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> Iterator[World]:
        path = tmp_path / "guests.csv"
        path.write_text(HEAD + "grow-1,1000,\n")
        plant = PlantVCenter(estate_from_json(CALM, where="calm"))
        port = WithGuests(plant, GuestFile(path))
        yield World(port=port, close_host=lambda host: plant.set_maintenance(host.moid, True))
        port.close()
