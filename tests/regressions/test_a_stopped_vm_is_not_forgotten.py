"""A VM that was stopped for a change cannot be started again, for a fault that is final.

The step was called failed, and nothing ever tried again: the next start of the program found the VM
off, took that for somebody's wish, and left it. Found by the campaign of faults.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.fakes import UUID, Fate, OnTask, change, entity, plan, step, vcenter
from vsphere_market.executor import execute, recover
from vsphere_market.journal import open_journal
from vsphere_market.port import ActionKind, OutcomeKind, Start, Stop


@pytest.mark.parametrize("fate", [OnTask.FINAL, OnTask.CANCELLED])
def test_it_is_owed_until_the_vm_runs(tmp_path: Path, fate: OnTask) -> None:
    vc = vcenter()
    well = Fate()
    vc.fates["vm-1"] = [well, well, Fate(task=fate)]
    todo = plan(
        step(1, Stop(entity("vm-1")), wave=1),
        step(2, change("vm-1", ActionKind.RESIZE, 8192, 10240), wave=2, after=["s1"]),
        step(3, Start(entity("vm-1")), wave=3, after=["s1", "s2"]),
        lasts_s=1e6,
    )
    with open_journal(tmp_path / "journal.db") as journal:
        recorder = journal.recorder(estate=UUID)
        first = execute(todo, vc, recorder, rng=random.Random(1))
        assert not first.outcomes[2].kind.good, first.outcomes
        (left,) = journal.unsettled(UUID)
        assert left.owed and left.step == "s3"
        (result,) = recover([left], vc, recorder, rng=random.Random(1))
        assert result.outcomes[0].kind is OutcomeKind.DONE
        assert journal.unsettled(UUID) == ()


def test_a_start_that_nobody_stopped_is_not_owed(tmp_path: Path) -> None:
    vc = vcenter()
    vc.vms["vm-1"].power = "poweredOff"
    vc.fates["vm-1"] = [Fate(task=OnTask.FINAL)]
    todo = plan(step(1, Start(entity("vm-1"))), lasts_s=1e6)
    with open_journal(tmp_path / "journal.db") as journal:
        recorder = journal.recorder(estate=UUID)
        first = execute(todo, vc, recorder, rng=random.Random(1))
        assert first.outcomes[0].kind is OutcomeKind.FAILED
        assert journal.unsettled(UUID) == ()
