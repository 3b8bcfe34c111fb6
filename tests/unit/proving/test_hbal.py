"""hbal itself: what it is told, what it says, and that its moves are possible."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.proving import crowded, decided
from tools.system_parts import ensure
from vsphere_market.errors import UsageError
from vsphere_market.proving.ground import Ground
from vsphere_market.proving.rivals import hbal
from vsphere_market.proving.rivals.hbal import Hbal, load_of, text_of


@pytest.fixture(scope="module", autouse=True)
def _program() -> Iterator[None]:
    ensure("ganeti-htools")
    yield


def test_it_relieves_a_node_that_has_less_than_nothing_free() -> None:
    snapshot = crowded(vms=((0, 30, 10), (0, 30, 10), (0, 30, 10), (1, 20, 5), (2, 4, 1)))
    moves = decided(Hbal(), snapshot)
    assert moves
    assert {move[1] for move in moves} == {"h0"}
    ground = Ground(snapshot)
    for vm, _, target in moves:
        ground.move(snapshot.vms.row(vm), snapshot.hosts.row(target))
    filled = ground.total(snapshot.vms.consumed_mib)
    assert (filled < snapshot.hosts.memory_mib).all()


def test_it_leaves_an_even_cluster_alone() -> None:
    assert decided(Hbal(), crowded(vms=((0, 16, 4), (1, 16, 4), (2, 16, 4)))) == []


def test_it_moves_no_more_than_it_may() -> None:
    snapshot = crowded(hosts=(128, 128), vms=tuple((0, 8, 2) for _ in range(14)))
    assert len(decided(Hbal(), snapshot)) > 2
    assert len(decided(Hbal(length=2), snapshot)) == 2


def test_keep_apart_rules_are_exclusion_tags() -> None:
    rule = _rule("antiAffinity", ["vm0", "vm1", "vm2"])
    snapshot = crowded(
        hosts=(64, 64), vms=((0, 30, 5), (0, 30, 5), (1, 1, 1)), rules=[rule]
    )  # fmt: skip
    text = text_of(Ground(snapshot), snapshot.vms.consumed_mib, np.arange(2))
    assert "apart:0" in text
    # vm0 or vm1 would have to go to h1, where vm2 is.
    moves = decided(Hbal(), snapshot)
    assert all(target != "h1" or vm == "vm2" for vm, _, target in moves)


def test_vms_under_other_rules_stay() -> None:
    snapshot = crowded(
        hosts=(64, 64),
        vms=((0, 30, 5), (0, 30, 5)),
        rules=[_rule("vmHost", ["vm0", "vm1"], ["h0"])],
    )
    assert decided(Hbal(), snapshot) == []


def test_the_dynamic_load_can_be_left_out() -> None:
    # Free memory is even, active memory is not.
    snapshot = crowded(hosts=(64, 64), vms=((0, 4, 4), (1, 4, 0)) * 6)
    assert decided(Hbal(dynamic=0), snapshot) == []
    assert decided(Hbal(dynamic=8), snapshot) != []


def test_loads_name_every_instance_once() -> None:
    snapshot = crowded()
    lines = load_of(Ground(snapshot), np.arange(3), 1.0).splitlines()
    assert [line.split()[0] for line in lines] == ["vm0", "vm1", "vm2", "vm3"]
    assert all(float(number) > 0 for line in lines for number in line.split()[1:])


def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr(hbal, "_PLACES", ())
    with pytest.raises(UsageError, match="ganeti-htools"):
        Hbal()


def _rule(kind: str, vms: list[str], hosts: list[str] | None = None) -> dict[str, Any]:
    return {
        "moid": "r1", "name": "rule", "cluster": "domain-c1", "kind": kind, "mandatory": True,
        "enabled": True, "vms": vms, "hosts": hosts or [],
    }  # fmt: skip
