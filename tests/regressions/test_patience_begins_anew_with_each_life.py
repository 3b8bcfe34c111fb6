"""The program dies while it tries to start a VM that it stopped, and is started hours later.

The time that nobody tried counted as trying, so the start was given up before its first attempt and
the VM stayed off. Found by `make faults SEED=3`.
"""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

from tests.executions import Killed, Mortal
from tests.fakes import UUID, Fate, OnSubmit, change, entity, plan, step, vcenter
from vsphere_market.estate import POWERED_ON
from vsphere_market.executor import execute, recover
from vsphere_market.journal import open_journal
from vsphere_market.port import ActionKind, OutcomeKind, Start, Stop

PLAN = plan(
    step(1, Stop(entity("vm-1")), wave=1),
    step(2, change("vm-1", ActionKind.RESIZE, 8192, 10240), wave=2, after=["s1"]),
    step(3, Start(entity("vm-1")), wave=3, after=["s1"]),
    lasts_s=1e6,
)


def test_a_start_that_is_owed_is_tried_again(tmp_path: Path) -> None:
    vc = vcenter()
    well, lost = Fate(), Fate(OnSubmit.LOST_BEFORE)
    vc.fates["vm-1"] = [well, well, Fate(OnSubmit.TRANSIENT), lost]
    with open_journal(tmp_path / "journal.db") as journal:
        recorder = journal.recorder(estate=UUID)
        # begin, three writes for each of two steps, then intent, setback and another intent.
        with contextlib.suppress(Killed):
            execute(PLAN, vc, Mortal(recorder, 10, written=True), rng=random.Random(1))
        (left,) = journal.unsettled(UUID)
        assert left.owed and left.attempts == 2
        vc.clock.sleep(6 * 3600.0)
        vc.fates["vm-1"] = [Fate(OnSubmit.TRANSIENT)]
        (result,) = recover([left], vc, recorder, rng=random.Random(1))
        assert result.outcomes[0].kind is OutcomeKind.DONE
        assert vc.vms["vm-1"].power == POWERED_ON
