"""Modes of what is about hosts, pools and clusters: the most cautious VM there decides."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from vsphere_market.policy import Mode, default_rulebook
from vsphere_market.policy.subjects import concerned, mode_of
from vsphere_market.port import (
    ActionKind,
    ApplyRecommendation,
    Entity,
    PoolSetting,
    ProvisionHost,
    SetPool,
    Stop,
    SuspendHost,
)


def alone(row: dict[str, Any]) -> dict[str, Any]:
    """The same, outside of clusters."""
    return {key: value for key, value in row.items() if key != "cluster"}


SNAPSHOT = snapshot_of(
    clusters=[cluster_row(), cluster_row("domain-c2")],
    hosts=[
        host_row("host-1", 65536),
        host_row("host-2", 65536, cluster="domain-c2"),
        alone(host_row("host-3", 65536)),
    ],
    pools=[
        {"moid": "top", "name": "Resources", "cluster": "domain-c1"},
        {"moid": "mid", "name": "mid", "cluster": "domain-c1", "parent": "top"},
        {"moid": "low", "name": "low", "cluster": "domain-c1", "parent": "mid"},
    ],
    vms=[
        vm_row("a", "host-1", 4096, pool="top"),
        vm_row("b", "host-1", 4096, pool="mid"),
        vm_row("c", "host-1", 4096, pool="low"),
        alone(vm_row("d", "host-3", 4096)),
    ],
)
C1, C2 = Entity("domain-c1", "one"), Entity("domain-c2", "two")


def who(action: object) -> str:
    mask = concerned(action, SNAPSHOT)  # type: ignore[arg-type] # actions of several kinds
    return "".join(SNAPSHOT.vms.name[row] for row in np.flatnonzero(mask))


def test_whom_an_action_concerns() -> None:
    assert who(Stop(Entity("b", "b"))) == "b"
    assert who(Stop(Entity("gone", "gone"))) == ""
    assert who(SetPool(Entity("mid", "mid"), PoolSetting.LIMIT, None, 1)) == "bc"
    assert who(SuspendHost(Entity("host-1", "host-1"))) == "abc"
    assert who(SuspendHost(Entity("host-3", "host-3"))) == "d"
    assert who(ProvisionHost(Entity("host-2", "host-2"))) == ""
    assert who(ApplyRecommendation(C1, "1", ())) == "abc"


def test_the_most_cautious_of_them_decides() -> None:
    book = default_rulebook(SNAPSHOT, Mode.AUTOMATIC)
    modes = dict(book.modes)
    modes[ActionKind.SUSPEND_HOST] = np.array([3, 1, 2, 0], dtype=np.int8)
    book = dataclasses.replace(book, modes=modes)
    assert mode_of(SuspendHost(Entity("host-1", "host-1")), book, SNAPSHOT) is Mode.RECOMMEND
    assert mode_of(SuspendHost(Entity("host-3", "host-3")), book, SNAPSHOT) is Mode.OFF
    assert mode_of(ApplyRecommendation(C1, "1", ()), book, SNAPSHOT) is Mode.AUTOMATIC


def test_where_there_is_nobody_the_default_decides() -> None:
    book = default_rulebook(SNAPSHOT, Mode.AUTOMATIC)
    assert mode_of(SuspendHost(Entity("host-2", "host-2")), book, SNAPSHOT) is Mode.RECOMMEND
    assert mode_of(ApplyRecommendation(C2, "1", ()), book, SNAPSHOT) is Mode.RECOMMEND
