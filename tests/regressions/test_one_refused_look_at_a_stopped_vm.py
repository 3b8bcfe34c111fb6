"""The look that was to confirm a guest's shutdown was refused, once.

The step was called unknown although the next look would have told; then its VM was started again,
after which no look could tell any more, and the VM was left alone for good. Found by
`make faults SEED=3`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes import UUID, FakeVCenter, OnTask, change, entity, plan, step, vcenter
from vsphere_market.errors import FinalFault, MarketError, NotPermittedError
from vsphere_market.estate import POWERED_ON
from vsphere_market.executor import Progress, execute, recover
from vsphere_market.journal import open_journal
from vsphere_market.port import ActionKind, OutcomeKind, Start, Stop, TaskState

PLAN = plan(
    step(1, Stop(entity("vm-1")), wave=1),
    step(2, change("vm-1", ActionKind.RESIZE, 8192, 10240), wave=2, after=["s1"]),
    step(3, Start(entity("vm-1")), wave=3, after=["s1"]),
    lasts_s=1e6,
)


def refusing(vc: FakeVCenter, error: MarketError, times: int) -> Callable[[Progress], None]:
    """Refuses looks from the moment on at which the stop was sent."""

    def watch(progress: Progress) -> None:
        if progress.step == "s1" and progress.outcome is None and "submit" not in vc.calls:
            vc.broken["standing"] = [error] * times

    return watch


@pytest.mark.parametrize("error", [FinalFault("refused"), NotPermittedError("refused")])
def test_the_next_look_tells(tmp_path: Path, error: MarketError) -> None:
    vc = vcenter()
    watch = refusing(vc, error, 1)
    with open_journal(tmp_path / "journal.db") as journal:
        recorder = journal.recorder(estate=UUID)
        first = execute(PLAN, vc, recorder, rng=random.Random(1), watch=watch)
        assert first.outcome_of("s1").kind is OutcomeKind.DONE
        assert first.outcome_of("s3").kind is OutcomeKind.DONE
        assert vc.vms["vm-1"].power == POWERED_ON and journal.unsettled(UUID) == ()


def test_what_could_be_started_had_been_stopped(tmp_path: Path) -> None:
    vc = vcenter()
    watch = refusing(vc, FinalFault("refused"), 3)
    with open_journal(tmp_path / "journal.db") as journal:
        recorder = journal.recorder(estate=UUID)
        first = execute(PLAN, vc, recorder, rng=random.Random(1), watch=watch)
        assert first.outcome_of("s1").kind is OutcomeKind.UNKNOWN
        assert first.outcome_of("s3").kind is OutcomeKind.DONE
        (left,) = journal.unsettled(UUID)
        assert left.step == "s1" and left.restarted
        # Over the wire a guest's shutdown has no task that could end: only the VM, which runs.
        vc.tasks[0].state = TaskState.RUNNING
        vc.tasks[0].fate.task = OnTask.STUCK
        (result,) = recover([left], vc, recorder, rng=random.Random(1))
        assert result.outcomes[0].kind is OutcomeKind.DONE
        assert journal.unsettled(UUID) == ()
