"""A backup is no reason to move files where it is known what is usual, and what is swapped is."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.estates import host_row, snapshot_of, vm_row
from vsphere_market.control.decide import Frame, decide, frame
from vsphere_market.control.memory import keep_history
from vsphere_market.estate import Snapshot
from vsphere_market.journal import Journal, open_journal
from vsphere_market.market import Plan
from vsphere_market.policy import NO_POLICIES
from vsphere_market.port import ActionKind

START_S = 1_795_000_000.0 // 3600 * 3600
QUIET = {"iops": 900, "latency_ms": 2.0}
BACKUP = {"iops": 4000, "latency_ms": 150.0}


def estate(hour: int, store: dict[str, Any], talker: dict[str, Any]) -> Snapshot:
    """Two VMs on one datastore, with a faster one beside it."""
    counters = {
        "granted_mib": 4096, "active_mib": 1000, "overhead_mib": 60, "ballooned_mib": 0,
        "swapped_mib": 0, "compressed_mib": 0, "samples": 15,
    }  # fmt: skip
    here = {"home_datastore": "ds-0", "datastores": ["ds-0"], "storage_mib": 40_000} | counters
    room = {"capacity_mib": 4e6, "free_mib": 3e6, "accessible": True}
    snapshot = snapshot_of(
        clusters=[{"moid": "domain-c1", "name": "lab"}],
        hosts=[host_row("host-0", 65536, datastores=["ds-0", "ds-1"])],
        datastores=[
            {"moid": "ds-0", "name": "slow", **room, **store},
            {"moid": "ds-1", "name": "flash", "iops": 5000, "latency_ms": 0.8, **room},
        ],
        vms=[
            vm_row("vm-0", "host-0", 4096, iops=300) | here | talker,
            vm_row("vm-1", "host-0", 4096, iops=300) | here,
        ],
    )
    return dataclasses.replace(snapshot, taken_at_s=START_S + hour * 3600.0)


def watched(
    journal: Journal, hours: Sequence[tuple[dict[str, Any], dict[str, Any]]]
) -> tuple[Frame, Plan]:
    """What is decided at the last of these hours, each of which was looked at once."""
    looks = []
    for hour, (store, talker) in enumerate(hours):
        snapshot = estate(hour, store, talker)
        looks.append(frame(snapshot, NO_POLICIES, now_s=snapshot.taken_at_s, journal=journal))
        keep_history(journal, snapshot, looks[-1].memory)
    return looks[-1], decide(looks[-1])


def moved(plan: Plan) -> set[str]:
    kind = ActionKind.MIGRATE_STORAGE
    return {step.action.subject.name for step in plan.steps if step.action.kind is kind}


@pytest.fixture
def journal(tmp_path: Path) -> Any:
    with open_journal(tmp_path / "journal.db") as opened:
        yield opened


def test_an_hour_of_backup_moves_files_only_where_nothing_is_remembered(journal: Journal) -> None:
    busy = {"iops": 3400}
    snapshot = estate(0, BACKUP, busy)
    once = decide(frame(snapshot, NO_POLICIES, now_s=snapshot.taken_at_s))
    assert moved(once) == {"vm-0"}
    (reason,) = (step.reason for step in once.steps)
    assert "in the last minutes; no earlier hour is remembered" in reason
    framed, plan = watched(journal, [(QUIET, {})] * 30 + [(BACKUP, busy)])
    assert moved(plan) == set()
    usual = framed.question.demand.storage
    assert usual is not None
    assert usual.hours[0] == 31
    assert usual.latency_ms[0] == pytest.approx(2.0)


def test_a_load_that_stays_is_followed_and_the_plan_says_by_how_many_hours(
    journal: Journal,
) -> None:
    _, plan = watched(journal, [(BACKUP, {"iops": 3400})] * 12)
    assert moved(plan) == {"vm-0"}
    assert "in the 12 hours that are remembered" in plan.steps[0].reason


def test_what_is_swapped_to_a_datastore_that_slows_down_leaves_at_once(journal: Journal) -> None:
    swapping = {"swap_in_kibps": 4096, "swapped_mib": 2048, "latency_pct": 30}
    _, plan = watched(journal, [(QUIET, {})] * 30 + [(BACKUP, swapping)])
    assert "vm-0" in moved(plan)
    (reason,) = (step.reason for step in plan.steps if step.action.subject.name == "vm-0")
    assert "which count where memory is swapped" in reason
