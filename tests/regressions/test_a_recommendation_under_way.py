"""vCenter restarts, or a look is refused, while DRS carries out its recommendation.

A recommendation that is being applied is on no list any more and its VMs are not yet where they are
to be, which was taken for somebody else's doing: the step was called stale, and then the VM moved.
Found by `make faults SEED=1`, once DRS was in the campaign.
"""

from __future__ import annotations

import random
from pathlib import Path

from tests.faults.campaign import simulator_of
from tests.faults.life import SimulatedClock, port_of
from tests.faults.world import UUID, plan_of
from vsphere_market.executor import execute, recover
from vsphere_market.journal import open_journal
from vsphere_market.port import OutcomeKind


def test_it_is_watched_until_the_hosts_are_through(tmp_path: Path) -> None:
    with simulator_of(("drs",)) as simulator:
        simulator.task_seconds(relocate=60.0)
        # The sixth sleep after the request: the move is under way.
        slept: list[float] = []

        def restart(now_s: float) -> None:
            slept.append(now_s)
            if len(slept) == 6:
                simulator.restart()

        clock = SimulatedClock(simulator)
        clock.slept = restart
        todo = plan_of(("drs",))
        journal_file = tmp_path / "journal.db"
        with port_of(simulator, clock) as port, open_journal(journal_file) as journal:
            recorder = journal.recorder(estate=UUID)
            result = execute(todo, port, recorder, rng=random.Random(1))
            assert len(slept) > 6
            assert result.outcomes[0].kind is OutcomeKind.DONE, result.outcomes
            assert recover(journal.unsettled(UUID), port, recorder) == ()
        assert simulator.state().vms["vm-10"].host == "host-2"
