"""vCenter restarts while hosts work on a task for longer than its deadline.

It calls the task failed, and nothing has changed at the deadline: the step was called failed, and
later the VM moved after all, with no word of it in the journal. Found by `make faults SEED=2`.
"""

from __future__ import annotations

import random
from pathlib import Path

from tests.fakes import UUID, Fate, OnTask, move, simple_plan, vcenter
from vsphere_market.executor import Deadlines, Settings, execute, recover
from vsphere_market.journal import open_journal
from vsphere_market.port import OutcomeKind

#: Orphaned tasks of the fake end after a minute and a half.
SHORT = Settings(deadlines=Deadlines(migrate_base_s=40.0, slack=0.0))


def test_it_stays_unknown_until_the_hosts_are_through(tmp_path: Path) -> None:
    vc = vcenter()
    vc.fates["vm-1"] = [Fate(task=OnTask.ORPHANED, takes_s=80.0)]
    with open_journal(tmp_path / "journal.db") as journal:
        recorder = journal.recorder(estate=UUID)
        todo = simple_plan(move("vm-1", "host-1", "host-2"))
        (first,) = execute(todo, vc, recorder, settings=SHORT, rng=random.Random(1)).outcomes
        assert first.kind is OutcomeKind.UNKNOWN and "lost sight of task-1" in first.sentence
        left = journal.unsettled(UUID)
        assert recover(left, vc, recorder, settings=SHORT, rng=random.Random(1)) == ()
        vc.clock.sleep(60.0)
        (result,) = recover(left, vc, recorder, settings=SHORT, rng=random.Random(1))
        assert result.outcomes[0].kind is OutcomeKind.DONE
        (written,) = journal.steps()
        assert written.outcome is OutcomeKind.DONE and journal.unsettled(UUID) == ()


def test_a_day_later_nobody_is_at_it_any_more(tmp_path: Path) -> None:
    vc = vcenter()
    vc.fates["vm-1"] = [Fate(task=OnTask.ORPHANED, takes_s=80.0)]
    task = vc.submit(move("vm-1", "host-1", "host-2"))
    # The host has died over it.
    vc.tasks[0].ended_s = vc.clock.now_s()
    vc.clock.sleep(86_400.0)
    vc.vms["vm-1"].host = "host-1"
    with open_journal(tmp_path / "journal.db") as journal:
        recorder = journal.recorder(estate=UUID)
        execution = recorder.begin([("s1", task.action)], vc.clock.now_s(), dry_run=False)
        recorder.intent(execution, "s1", 1, task.submitted_at_s)
        recorder.accepted(execution, "s1", task)
        vc.fates = {}
        vc.tasks[0].state = vc.tasks[0].state.ERROR
        (result,) = recover(
            journal.unsettled(UUID), vc, recorder, settings=SHORT, rng=random.Random(1)
        )
        assert result.outcomes[0].kind is OutcomeKind.FAILED
