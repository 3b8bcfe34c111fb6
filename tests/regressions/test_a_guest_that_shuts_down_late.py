"""A guest is asked to shut down and follows an hour later, when its step was given up.

The start after it was called done already, since the VM ran; then the guest went down, and nothing
ever started it again. Found by the campaign of faults, once its guests took their time.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.fakes import UUID, FakeVCenter, Fate, OnTask, change, entity, plan, step, vcenter
from vsphere_market.estate import POWERED_ON
from vsphere_market.executor import Deadlines, Settings, execute, recover
from vsphere_market.journal import Journal, open_journal
from vsphere_market.market.plan import Plan
from vsphere_market.port import ActionKind, Cause, OutcomeKind, Start, Stop

SHORT = Settings(deadlines=Deadlines(power_s=100.0, cancel_grace_s=20.0, lost_s=5000.0))


def restart() -> Plan:
    return plan(
        step(1, Stop(entity("vm-1")), wave=1),
        step(2, change("vm-1", ActionKind.RESIZE, 8192, 10240), wave=2, after=["s1"]),
        step(3, Start(entity("vm-1")), wave=3, after=["s1"]),
        lasts_s=1e6,
    )


def settle(vc: FakeVCenter, journal: Journal) -> dict[str, OutcomeKind]:
    """What the next start of the program does before anything else."""
    recorder = journal.recorder(estate=UUID)
    left = journal.unsettled(UUID)
    results = recover(left, vc, recorder, settings=SHORT, rng=random.Random(1))
    return {one.step: one.kind for result in results for one in result.outcomes}


@pytest.fixture
def late(tmp_path: Path) -> tuple[FakeVCenter, Path]:
    """The stop was given up after two minutes; the guest goes down after an hour."""
    vc = vcenter()
    vc.fates["vm-1"] = [Fate(task=OnTask.GUEST, takes_s=3600.0)]
    with open_journal(tmp_path / "journal.db") as journal:
        recorder = journal.recorder(estate=UUID)
        first = execute(restart(), vc, recorder, settings=SHORT, rng=random.Random(1))
    assert first.outcome_of("s1").kind is OutcomeKind.UNKNOWN
    assert first.outcome_of("s3").cause is Cause.OWED
    return vc, tmp_path / "journal.db"


def test_the_vm_is_started_when_the_guest_has_gone_down(late: tuple[FakeVCenter, Path]) -> None:
    vc, path = late
    with open_journal(path) as journal:
        assert settle(vc, journal) == {}, "it may still follow"
        vc.clock.sleep(3600.0)
        vc.advance()
        assert vc.vms["vm-1"].power != POWERED_ON
        assert settle(vc, journal) == {"s1": OutcomeKind.DONE, "s3": OutcomeKind.DONE}
        assert vc.vms["vm-1"].power == POWERED_ON
        assert journal.unsettled(UUID) == ()


def test_a_guest_that_has_not_followed_for_hours_will_not(late: tuple[FakeVCenter, Path]) -> None:
    vc, path = late
    vc.tasks[0].fate.task = OnTask.STUCK
    vc.clock.sleep(5000.0)
    with open_journal(path) as journal:
        assert settle(vc, journal) == {"s1": OutcomeKind.FAILED, "s3": OutcomeKind.ALREADY_DONE}
        assert vc.vms["vm-1"].power == POWERED_ON
        assert journal.unsettled(UUID) == ()
