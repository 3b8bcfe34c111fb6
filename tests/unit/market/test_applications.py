"""Applications: told from tags, vApps and folders, with one bill and one pressure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli import vm
from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from vsphere_market.demand import estimate_demand
from vsphere_market.estate import Snapshot, write_snapshot
from vsphere_market.market import Cause, MarketSettings, Question
from vsphere_market.market.applications import GroupedBy, applications, groups
from vsphere_market.market.bills import bills_of
from vsphere_market.market.ledger import Ledger
from vsphere_market.policy import default_rulebook

TAKEN = {"granted_mib": 5000, "ballooned_mib": 3000, "limit_mib": 5000, "swap_in_kibps": 50}


def estate() -> Snapshot:
    rows: list[dict[str, Any]] = [
        vm_row("vm-1", "host-1", 8192, tags=["Application:shop", "tier:gold"], **TAKEN),
        vm_row("vm-2", "host-2", 8192, tags=["application:shop"], folder="/DC/vm/web"),
        vm_row("vm-3", "host-1", 8192, pool="resgroup-v7"),
        vm_row("vm-4", "host-1", 8192, folder="/DC/vm/batch"),
        vm_row("vm-5", "host-2", 8192, folder="/DC/vm/batch", power="poweredOff"),
        vm_row("vm-6", "host-2", 8192, folder="/DC/vm"),
        vm_row("vm-7", "host-2", 8192, folder="/DC/vm/batch", template=True),
    ]
    return snapshot_of(
        clusters=[cluster_row()],
        hosts=[host_row("host-1", 32_768), host_row("host-2", 65_536)],
        pools=[
            {"moid": "resgroup-1", "name": "Resources", "cluster": "domain-c1"},
            {"moid": "resgroup-v7", "name": "erp", "cluster": "domain-c1", "parent": "resgroup-1"},
        ],
        vms=rows,
    )


def ledger() -> Ledger:
    snapshot = estate()
    return Question(
        snapshot=snapshot,
        demand=estimate_demand(snapshot),
        rulebook=default_rulebook(snapshot),
        settings=MarketSettings(),
        cooling=np.zeros(len(snapshot.vms), dtype=np.bool_),
    ).ledger()


def test_a_tag_wins_over_the_vapp_and_that_over_the_folder() -> None:
    assert groups(estate()) == {
        (GroupedBy.TAG, "shop"): (0, 1),
        (GroupedBy.VAPP, "erp"): (2,),
        (GroupedBy.FOLDER, "/DC/vm/batch"): (3, 4),
    }


def test_bill_and_pressure_are_those_of_its_vms() -> None:
    book = ledger()
    found = {one.name: one for one in applications(book)}
    shop, batch = found["shop"], found["/DC/vm/batch"]
    bills = bills_of(book)
    bill = bills.total
    assert shop.bill == pytest.approx(bill[0] + bill[1])
    assert [tenant.row for tenant in shop.tenants] == sorted((0, 1), key=lambda row: -bill[row])
    assert (shop.running, shop.hosts, shop.hurt, shop.cause) == (2, 2, 1, Cause.LIMIT)
    assert shop.taken_mib == 3000 and shop.swap_in_kibps == 50
    assert (batch.running, batch.hurt, batch.cause) == (1, 0, Cause.NONE)
    # The first pays for its limit, and nobody else does.
    assert bills.limit[0] > bills.goods[0] > 0.0
    assert bills.limit[1:].sum() == bills.pool.sum() == 0.0
    # Those that hurt come first, and every running VM's bill is somebody's.
    assert applications(book)[0] is not None and applications(book)[0].name == "shop"
    assert bills.goods.sum() == pytest.approx(
        float((book.supply.price(book.load) * book.load).sum()), rel=1e-9
    )


@pytest.mark.parametrize("how", ["table", "json", "csv", "markdown"])
def test_the_command_line_lists_and_explains_them(tmp_path: Path, how: str) -> None:
    file = tmp_path / "estate.json"
    write_snapshot(file, estate())
    listed = vm("prices", "--by", "application", "--snapshot", file, "--format", how)
    assert listed.code == 0, listed.err
    assert "shop" in listed.out
    for name in ("shop", "batch", "/DC/vm/batch"):
        told = vm("explain", name, "--snapshot", file, "--format", how)
        assert told.code == 0, told.err
    if how == "json":
        document = json.loads(vm("explain", "shop", "--snapshot", file, "--format", how).out)
        assert document["application"]["cause"] == "limit"
        assert {row["vm"] for row in document["vms"]} == {"vm-1", "vm-2"}
        assert [step["kind"] for step in document["steps"]] == ["limit"]


def test_a_name_that_is_nothing_here_is_said(tmp_path: Path) -> None:
    file = tmp_path / "estate.json"
    write_snapshot(file, estate())
    ended = vm("explain", "nonesuch", "--snapshot", file)
    assert ended.code == 64
    assert "nonesuch" in ended.err
