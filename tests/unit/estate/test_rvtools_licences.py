"""Licences of an export: what rules something out is understood, and what is not rules nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.rvtools_files import Cluster, Estate, Host, Licence, Vm, sheets_of, write_csv, write_xlsx
from vsphere_market.demand import estimate_demand
from vsphere_market.estate import Snapshot, write_snapshot
from vsphere_market.estate.rvtools import read_rvtools
from vsphere_market.market import MarketSettings, Question, make_plan
from vsphere_market.policy import default_rulebook
from vsphere_market.port import ActionKind

SERIAL = "0A1B2-C3D4E-5F6G7-H8I9J-K0L1M"
OTHER = "11111-22222-33333-44444-55555"
PLUS = Licence()
ESSENTIALS = Licence(
    "vSphere 8 Essentials",
    OTHER,
    "vCenter agent for VMware host; vSphere API; Unlimited virtual SMP",
)
#: Keys as vSphere has them, numbers behind colons, and one that nobody knows here.
KEYS = Licence("vSphere 8 Standard", OTHER, "vsmp:0,esxHost,vimapi,vmotion,hotplug,holodeck")


def estate(first: str, *licences: Licence) -> Estate:
    """A full host and an empty one; what the first has is told, the second has everything."""
    vms = [
        Vm(f"app{n}", f"vm-{n}", "esx1.test", 20_480, 12_000, consumed=20_000, ballooned=3_000)
        for n in range(5)
    ]
    return Estate(
        clusters=[Cluster("Prod", "domain-c8", drs=False, ha=False)],
        hosts=[
            Host("esx1.test", "host-1", "Prod", 65_536, own=2500, licence=first),
            Host("esx2.test", "host-2", "Prod", 65_536, own=2500),
        ],
        vms=vms,
        licences=[PLUS, *licences],
    )


def read(tmp_path: Path, made: Estate) -> Snapshot:
    return read_rvtools(write_xlsx(tmp_path / "export.xlsx", sheets_of(made)))


@pytest.mark.parametrize(
    ("assigned", "listed", "name", "has", "lacks"),
    [
        (PLUS.name, [], PLUS.name, {"vmotion", "svmotion", "hotplug", "ft"}, {"holodeck"}),
        (KEYS.name, [KEYS], KEYS.name, {"vmotion", "hotplug", "holodeck", "vsmp"}, {"svmotion"}),
        (ESSENTIALS.name, [ESSENTIALS], ESSENTIALS.name, {"vsmp"}, {"vmotion", "svmotion"}),
        # Other spellings, by serial number, and both.
        ("VSPHERE 8  essentials", [ESSENTIALS], "VSPHERE 8  essentials", {"vsmp"}, {"vmotion"}),
        (OTHER, [ESSENTIALS], ESSENTIALS.name, {"vsmp"}, {"vmotion"}),
        (f"{ESSENTIALS.name} ({OTHER})", [ESSENTIALS], ESSENTIALS.name, {"vsmp"}, {"vmotion"}),
        # Two of one host: what either includes.
        (
            f"{ESSENTIALS.name}, {PLUS.name}",
            [ESSENTIALS],
            f"{ESSENTIALS.name}, {PLUS.name}",
            {"vmotion"},
            set(),
        ),
        # Two rows of one name: what either may include.
        (
            ESSENTIALS.name,
            [ESSENTIALS, Licence(ESSENTIALS.name, SERIAL[:-1] + "N", "vmotion")],
            ESSENTIALS.name,
            {"vmotion", "vsmp"},
            set(),
        ),
    ],
)
def test_a_licence_that_is_understood_gives_keys(
    tmp_path: Path,
    assigned: str,
    listed: list[Licence],
    name: str,
    has: set[str],
    lacks: set[str],
) -> None:
    hosts = read(tmp_path, estate(assigned, *listed)).hosts
    keys = set(hosts.licence_features[0])
    assert hosts.licence[0] == name
    assert has <= keys
    assert not lacks & keys
    assert "vmotion" in hosts.licence_features[1]


@pytest.mark.parametrize(
    ("assigned", "listed"),
    [
        ("", []),
        ("n/a", []),
        ("Evaluation Mode", [Licence("Evaluation Mode", "00000-00000-00000-00000-00000", "vsmp")]),
        ("vSphere 9 Something", []),
        # One of two is not listed; one is listed, in words that nobody knows here.
        (f"{ESSENTIALS.name}, vSAN 8 Advanced", [ESSENTIALS]),
        ("vSphere 8 Basis", [Licence("vSphere 8 Basis", OTHER, "Migration, Hochverfügbarkeit")]),
        ("vSphere 8 Basis", [Licence("vSphere 8 Basis", OTHER, "")]),
        # Of two of one name, one is not understood.
        (ESSENTIALS.name, [ESSENTIALS, Licence(ESSENTIALS.name, SERIAL, "")]),
    ],
)
def test_one_that_is_not_rules_nothing_out(
    tmp_path: Path, assigned: str, listed: list[Licence]
) -> None:
    assert read(tmp_path, estate(assigned, *listed)).hosts.licence_features[0] == ()


def test_no_serial_number_goes_into_a_snapshot(tmp_path: Path) -> None:
    snapshot = read(tmp_path, estate(f"{PLUS.name} ({SERIAL}); {OTHER}", ESSENTIALS))
    write_snapshot(tmp_path / "estate.json", snapshot)
    written = (tmp_path / "estate.json").read_text()
    assert json.loads(written)["hosts"][0]["licence"] == f"{PLUS.name}, {ESSENTIALS.name}"
    assert SERIAL not in written
    assert OTHER not in written


def test_csv_files_and_database_names_tell_the_same(tmp_path: Path) -> None:
    made = estate(ESSENTIALS.name, ESSENTIALS)
    whole = read(tmp_path, made).hosts.licence_features
    folder = write_csv(tmp_path / "csv", sheets_of(made))
    assert read_rvtools(folder).hosts.licence_features == whole
    names = write_xlsx(tmp_path / "db.xlsx", sheets_of(made, version="db"))
    assert read_rvtools(names).hosts.licence_features == whole


def test_a_licence_without_vmotion_keeps_vms_on_their_host(tmp_path: Path) -> None:
    def moves(made: Estate) -> int:
        snapshot = read(tmp_path, made)
        calm = np.zeros(len(snapshot.vms), dtype=np.bool_)
        rulebook, demand = default_rulebook(snapshot), estimate_demand(snapshot)
        plan = make_plan(Question(snapshot, demand, rulebook, MarketSettings(), calm), 0.0)
        return sum(step.action.kind is ActionKind.MIGRATE for step in plan.steps)

    assert moves(estate(PLUS.name)) > 0
    assert moves(estate(ESSENTIALS.name, ESSENTIALS)) == 0
