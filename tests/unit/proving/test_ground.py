"""What every placement rival is told of feasibility."""

from typing import Any

import pytest

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from tests.proving import GIB, crowded
from vsphere_market.estate import KEEP_APART, KEEP_TOGETHER, NOT_ON, RUN_ON
from vsphere_market.proving.ground import Ground


def test_hosts_that_take_no_vms_are_no_targets() -> None:
    hosts = [
        host_row("here", 64 * GIB),
        host_row("fine", 64 * GIB),
        host_row("resting", 64 * GIB, in_maintenance=True),
        host_row("sick", 64 * GIB, in_quarantine=True),
        host_row("gone", 64 * GIB, connection="notResponding"),
        host_row("still", 64 * GIB, vmotion_enabled=False),
        host_row("kept", 64 * GIB, failover_host=True),
        host_row("elsewhere", 64 * GIB) | {"cluster": "domain-c2"},
    ]
    snapshot = snapshot_of(
        clusters=[cluster_row(), cluster_row("domain-c2")],
        hosts=hosts,
        vms=[vm_row("vm", "here", 4 * GIB)],
    )
    assert Ground(snapshot).targets(0).tolist() == [1]


@pytest.mark.parametrize(
    "more",
    [
        {"power": "poweredOff"}, {"template": True}, {"passthrough": True},
        {"fault_tolerance": True}, {"connection": "disconnected"},
    ],
)  # fmt: skip
def test_vms_that_cannot_move_have_no_targets(more: dict[str, Any]) -> None:
    snapshot = snapshot_of(
        clusters=[cluster_row()],
        hosts=[host_row("a", 64 * GIB), host_row("b", 64 * GIB)],
        vms=[vm_row("vm", "a", 4 * GIB, **more)],
    )
    assert Ground(snapshot).targets(0).tolist() == []


@pytest.mark.parametrize(
    ("kind", "targets"),
    [(KEEP_APART, [2]), (KEEP_TOGETHER, [1]), (RUN_ON, [2]), (NOT_ON, [1])],
)
def test_mandatory_rules_bind_and_wishes_do_not(kind: str, targets: list[int]) -> None:
    def allowed(*, mandatory: bool) -> list[int]:
        rule = {
            "moid": "r", "name": "r", "cluster": "domain-c1", "kind": kind, "mandatory": mandatory,
            "enabled": True, "vms": ["vm0", "vm1"], "hosts": ["h2"],
        }  # fmt: skip
        snapshot = crowded(vms=((0, 4, 1), (1, 4, 1)), rules=[rule])
        found: list[int] = Ground(snapshot).targets(0).tolist()
        return found

    assert allowed(mandatory=True) == targets
    assert allowed(mandatory=False) == [1, 2]


def test_moving_moves_reservations() -> None:
    snapshot = crowded(hosts=(64, 20), vms=((0, 12, 1), (0, 12, 1)), reservation_mib=12 * GIB)
    ground = Ground(snapshot)
    assert ground.reserved.tolist() == [24 * GIB, 0]
    ground.move(0, 1)
    assert ground.reserved.tolist() == [12 * GIB, 12 * GIB]
    assert ground.targets(1).tolist() == []


def test_broken_rules_are_counted() -> None:
    def broken(kind: str, places: tuple[int, ...]) -> int:
        vms = tuple((place, 4.0, 1.0) for place in places)
        rule = {
            "moid": "r", "name": "r", "cluster": "domain-c1", "kind": kind, "enabled": True,
            "vms": [f"vm{at}" for at in range(len(places))], "hosts": ["h0"],
        }  # fmt: skip
        return Ground(crowded(vms=vms, rules=[rule])).broken_rules()

    assert broken(KEEP_APART, (0, 1, 2)) == 0
    assert broken(KEEP_APART, (0, 0, 0)) == 2
    assert broken(KEEP_TOGETHER, (1, 1, 1)) == 0
    assert broken(KEEP_TOGETHER, (0, 1, 2)) == 2
    assert broken(RUN_ON, (0, 1, 2)) == 2
    assert broken(NOT_ON, (0, 1, 2)) == 1
