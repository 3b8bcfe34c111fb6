"""Exports of every version and language give the same estate; what is missing is said."""

import math
from pathlib import Path

import numpy as np
import pytest

from tests.rvtools_files import (
    Cluster,
    Estate,
    Host,
    Sheets,
    Vm,
    estate,
    sheets_of,
    write_csv,
    write_xlsx,
)
from vsphere_market.demand import estimate_demand
from vsphere_market.estate import KEEP_APART, Snapshot, read_snapshot, write_snapshot
from vsphere_market.estate.rvtools import UNLISTED, read_rvtools
from vsphere_market.market import MarketSettings, Question, look, make_plan
from vsphere_market.policy import default_rulebook

COLUMNS = (
    "size_mib",
    "reservation_mib",
    "limit_mib",
    "active_mib",
    "consumed_mib",
    "granted_mib",
    "overhead_mib",
    "ballooned_mib",
    "swapped_mib",
    "vcpus",
    "cpu_demand_mhz",
)


def small(**more: object) -> Estate:
    """Two hosts and four VMs, one of everything."""
    made = Estate(
        clusters=[Cluster("Prod", "domain-c8")],
        hosts=[
            Host("esx1.test", "host-1", "Prod", 65_536, own=2500),
            Host("esx2.test", "host-2", "Prod", 65_536, own=2500),
        ],
        vms=[
            Vm("web", "vm-1", "esx1.test", 8192, 800, consumed=8000, owner="anna"),
            Vm(
                "sql",
                "vm-2",
                "esx1.test",
                16384,
                4000,
                consumed=8192,
                limit=8192,
                ballooned=5000,
                swapped=192,
                tools="toolsNotRunning",
                hot_add=False,
            ),
            Vm("off", "vm-3", "esx2.test", 4096, 0, on=False, reservation=4096),
            Vm(
                "rt",
                "vm-4",
                "esx2.test",
                4096,
                900,
                consumed=3000,
                latency="high",
                reservation=2048,
                rules="ClusterAntiAffinityRuleSpec",
                rule_names="apart",
            ),
            Vm(
                "rt2",
                "vm-5",
                "esx1.test",
                4096,
                900,
                consumed=3000,
                locked=True,
                reservation=4096,
                rules="ClusterAntiAffinityRuleSpec",
                rule_names="apart",
            ),
        ],
    )
    for name, value in more.items():
        setattr(made, name, value)
    return made


def read(tmp_path: Path, sheets: Sheets) -> Snapshot:
    return read_rvtools(write_xlsx(tmp_path / "export.xlsx", sheets))


def question(snapshot: Snapshot) -> Question:
    calm = np.zeros(len(snapshot.vms), dtype=np.bool_)
    return Question(
        snapshot, estimate_demand(snapshot), default_rulebook(snapshot), MarketSettings(), calm
    )


def said(snapshot: Snapshot, *words: str) -> bool:
    return any(all(word in line for word in words) for line in snapshot.missing)


def test_a_vm_is_read_with_all_that_is_told(tmp_path: Path) -> None:
    made = read(tmp_path, sheets_of(small()))
    vms = made.vms
    row = vms.row("vm-2")
    assert vms.name[row] == "sql"
    assert vms.size_mib[row] == 16384
    assert vms.limit_mib[row] == 8192
    assert math.isinf(vms.limit_mib[vms.row("vm-1")])
    assert vms.ballooned_mib[row] == 5000
    assert vms.swapped_mib[row] == 192
    assert vms.granted_mib[row] == 8192
    assert vms.consumed_mib[row] == 8192  # the overhead, which RVTools counts in, is apart
    assert vms.overhead_mib[row] == 40 + 16384 // 128
    assert not vms.tools_running[row]
    assert not vms.hot_add_enabled[row]
    assert vms.folder[row] == "/Frankfurt/vm/Production"
    assert vms.custom_attributes[vms.row("vm-1")][0] == "Owner=anna"
    assert made.hosts.name[vms.host[row]] == "esx1.test"
    assert made.clusters.name[vms.cluster[row]] == "Prod"
    assert vms.latency_sensitivity_high[vms.row("vm-4")]
    assert vms.reservation_locked_to_max[vms.row("vm-5")]
    assert vms.samples[row] == 1
    assert made.source.kind == "rvtools"
    assert made.source.name == "vcenter01.example.test"
    # 09:15 on the wall in vMetaData is 08:15 by the workbook's own clock, which is in UTC.
    assert made.taken_at_s == 1795421700


def test_places_are_read(tmp_path: Path) -> None:
    made = read(tmp_path, sheets_of(small()))
    assert made.hosts.memory_mib.tolist() == [65_536, 65_536]
    assert made.hosts.vmotion_enabled.all()
    assert made.hosts.cpu_mhz[0] == 32 * 2600
    assert made.clusters.drs_enabled[0]
    assert made.clusters.ha_failover_level[0] == 1
    assert made.pools.name[made.vms.pool[0]] == "Resources"
    assert made.pools.cluster[0] == 0
    assert made.hosts.datastores[0] == (0,)
    assert made.vms.datastores[0] == (0,)
    assert made.rules.kind == (KEEP_APART,)
    assert made.rules.mandatory.all()
    assert {made.vms.name[row] for row in made.rules.vms[0]} == {"rt", "rt2"}


@pytest.mark.parametrize("version", ["4.7", "4.0", "3.11", "db"])
def test_versions_tell_the_same(tmp_path: Path, version: str) -> None:
    new = read_rvtools(write_xlsx(tmp_path / "new.xlsx", sheets_of(estate(60))))
    old = read_rvtools(write_xlsx(tmp_path / "old.xlsx", sheets_of(estate(60), version=version)))
    kept = [old.vms.row(moid) for moid in new.vms.moid]
    assert min(kept) >= 0
    for column in COLUMNS:
        was, now = getattr(old.vms, column)[kept], getattr(new.vms, column)
        np.testing.assert_array_equal(was, now, err_msg=column)
    assert old.hosts.name == new.hosts.name
    assert old.taken_at_s == new.taken_at_s


def test_old_versions_say_what_they_lack(tmp_path: Path) -> None:
    old = read(tmp_path, sheets_of(small(), version="3.11"))
    assert said(old, "vMemory", "Memory Reservation Locked To Max")
    # Without that column, SRM placeholders and templates are still told by Template.
    assert not said(old, "vMemory is missing")


@pytest.mark.parametrize("locale", ["en", "de", "fr", "sv"])
@pytest.mark.parametrize("version", ["4.7", "3.11"])
def test_languages_tell_the_same(tmp_path: Path, locale: str, version: str) -> None:
    sheets = sheets_of(estate(60), version=version)
    book = read_rvtools(write_xlsx(tmp_path / "book.xlsx", sheets))
    folder = read_rvtools(write_csv(tmp_path / locale, sheets, locale))
    assert folder.vms.moid == book.vms.moid
    for column in COLUMNS:
        np.testing.assert_array_equal(
            getattr(folder.vms, column), getattr(book.vms, column), err_msg=column
        )
    np.testing.assert_array_equal(folder.vms.tools_running, book.vms.tools_running)
    assert folder.clusters.drs_enabled.tolist() == book.clusters.drs_enabled.tolist()
    if version == "4.7":
        # The sheet's own time, by the clock on the wall; a CSV file keeps no other.
        assert folder.taken_at_s == 1795425300


def test_one_csv_file_stands_for_its_folder(tmp_path: Path) -> None:
    folder = write_csv(tmp_path / "csv", sheets_of(small()))
    assert len(read_rvtools(folder / "RVTools_tabvInfo.csv").vms) == 5


@pytest.mark.parametrize("prefix", ["", "x"])
@pytest.mark.parametrize("shared", [True, False])
def test_workbooks_of_different_writers(tmp_path: Path, prefix: str, shared: bool) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", sheets_of(small()), prefix=prefix, shared=shared)
    assert read_rvtools(path).vms.name == ("web", "sql", "off", "rt", "rt2")


def test_templates_and_placeholders_are_left_out(tmp_path: Path) -> None:
    made = small()
    made.vms += [
        Vm("tpl", "vm-8", "esx1.test", 4096, 0, on=False, template=True),
        Vm("srm", "vm-9", "esx1.test", 4096, 0, on=False, placeholder=True),
    ]
    assert set(read(tmp_path, sheets_of(made)).vms.name) == {"web", "sql", "off", "rt", "rt2"}


def test_several_vcenters_keep_apart(tmp_path: Path) -> None:
    made = read(tmp_path, sheets_of([estate(40, number=1), estate(40, number=2)]))
    assert len(made.vms) == 80
    assert len(set(made.vms.moid)) == 80
    assert len(made.clusters) == 2
    assert made.source.name == "vcenter01.example.test, vcenter02.example.test"
    assert made.source.instance_uuid == ""
    for row in range(80):
        cluster = made.vms.cluster[row]
        assert made.hosts.cluster[made.vms.host[row]] == cluster
    # Both vCenters call their clusters, hosts and VMs alike; nothing is mixed up.
    first = {made.hosts.name[row] for row in made.vms.host[:40]}
    assert all(name.startswith("esx1-") for name in first)


def test_the_larger_view_of_a_host_counts(tmp_path: Path) -> None:
    made = small()
    made.vms.append(Vm("ghost", "vm-7", "esx2.test", 32_768, 3000, consumed=30_000, hidden=True))
    snapshot = read(tmp_path, sheets_of(made))
    assert "ghost" not in snapshot.vms.name
    stand_in = snapshot.vms.managed_by.index(UNLISTED)
    assert snapshot.vms.host[stand_in] == snapshot.hosts.row("host-2")
    assert snapshot.vms.consumed_mib[stand_in] == pytest.approx(30_000 + 40 + 256)
    assert said(snapshot, "1 host", "1 more running VMs", "29.6 GiB")
    host = next(view for view in look(question(snapshot)).hosts if view.host.name == "esx2.test")
    assert host.footprint * host.usable_mib > 33_000
    steps = make_plan(question(snapshot), 0.0).steps
    assert snapshot.vms.moid[stand_in] not in {step.action.subject.moid for step in steps}


def test_what_no_vm_holds_is_the_hosts_own(tmp_path: Path) -> None:
    made = small()
    made.hosts[0].own = 30_000
    snapshot = read(tmp_path, sheets_of(made))
    assert snapshot.hosts.vmkernel_mib[0] == pytest.approx(30_000, rel=0.03)
    assert math.isnan(snapshot.hosts.vmkernel_mib[1])
    assert said(snapshot, "ordinary VMkernel")


@pytest.mark.parametrize(
    ("sheet", "word"),
    [
        ("vMemory", "limits"),
        ("vHost", "failover"),
        ("vCluster", "DRS"),
        ("vInfo", "rules"),
        ("vCPU", "CPU"),
        ("vTools", "balloons"),
        ("vRP", "pools"),
        ("vDatastore", "datastores"),
        ("vLicense", "licences"),
    ],
)
def test_a_missing_sheet_is_said_and_the_rest_is_read(
    tmp_path: Path, sheet: str, word: str
) -> None:
    sheets = sheets_of(small())
    del sheets[sheet]
    snapshot = read(tmp_path, sheets)
    assert len(snapshot.vms) == 5
    assert said(snapshot, f"The sheet {sheet} is missing", word)
    make_plan(question(snapshot), 0.0)


@pytest.mark.parametrize("sheet", ["vInfo", "vMemory", "vHost", "vCluster", "vTools"])
def test_every_column_may_be_missing(tmp_path: Path, sheet: str) -> None:
    whole = sheets_of(small())
    header, rows = whole[sheet]
    for at, title in enumerate(header):
        if title in ("VM", "Host", "Name", "VM ID"):
            continue
        sheets = dict(whole)
        sheets[sheet] = (
            header[:at] + header[at + 1 :],
            [row[:at] + row[at + 1 :] for row in rows],
        )
        snapshot = read(tmp_path, sheets)
        assert len(snapshot.vms) >= 5, title
        if title not in ("# Memory", "Cluster"):
            assert (snapshot.vms.host >= 0).all(), title
            assert (snapshot.vms.cluster >= 0).all(), title
        make_plan(question(snapshot), 0.0)
    for title in ("Reservation", "Limit"):
        at = whole["vMemory"][0].index(title)
        sheets = dict(whole)
        sheets["vMemory"] = (
            [name for name in whole["vMemory"][0] if name != title],
            [row[:at] + row[at + 1 :] for row in whole["vMemory"][1]],
        )
        assert said(read(tmp_path, sheets), f'no column "{title}"')


def test_cells_that_are_no_numbers_are_counted(tmp_path: Path) -> None:
    sheets = sheets_of(small())
    header, rows = sheets["vMemory"]
    rows[0][header.index("Ballooned")] = "?"
    snapshot = read(tmp_path, sheets)
    assert said(snapshot, "vMemory, 1 cell is no number")
    assert math.isnan(snapshot.vms.ballooned_mib[0])


def test_rows_that_name_a_vm_twice_are_ignored(tmp_path: Path) -> None:
    sheets = sheets_of(small())
    sheets["vInfo"][1].append(list(sheets["vInfo"][1][0]))
    snapshot = read(tmp_path, sheets)
    assert len(snapshot.vms) == 5
    assert said(snapshot, "1 row", "read already")


def test_an_unknown_kind_of_rule_is_said(tmp_path: Path) -> None:
    made = small()
    made.vms[0].rules, made.vms[0].rule_names = "ClusterVmHostRuleInfo", "licences"
    assert said(read(tmp_path, sheets_of(made)), "1 placement rule")


def test_an_export_is_an_ordinary_snapshot(tmp_path: Path) -> None:
    snapshot = read(tmp_path, sheets_of(estate(80)))
    write_snapshot(tmp_path / "s.json.gz", snapshot)
    again = read_snapshot(tmp_path / "s.json.gz")
    assert again.vms.moid == snapshot.vms.moid
    for column in COLUMNS:
        np.testing.assert_array_equal(getattr(again.vms, column), getattr(snapshot.vms, column))
    assert again.missing == snapshot.missing
