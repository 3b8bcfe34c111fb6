"""A restart of vCenter hid a task that its host then failed at: unknown, and known after six hours.

The campaign looked for the last time after four hours (seed 1, run 1949) and called it a fault of
the program that nobody could tell by then.
"""

from __future__ import annotations

import pytest

from tests.faults.campaign import folder_of_run, run, simulator_of
from tests.faults.life import warm_up
from tests.faults.troubles import Event, Scenario, Strike
from vsphere_market.journal import Filter, open_journal
from vsphere_market.port import OutcomeKind


@pytest.mark.parametrize("cases", [(), ("limit", "migrate")])
def test_it_is_unknown_at_first_and_failed_in_the_end(cases: tuple[str, ...]) -> None:
    hidden = Scenario(
        cases,
        strikes=(Strike(0, "task", "NotSupported", method="ReconfigVM_Task"),),
        events=(Event(0, "restart", 60.0, method="RelocateVM_Task"),),
        relocate_s=180.0,
        reconfigure_s=60.0,
        seed=1,
    )
    # Lives are forked from here, so what they import is imported here once.
    with folder_of_run() as folder, simulator_of(cases) as simulator:
        warm_up(simulator, Scenario(cases), folder)
    with folder_of_run() as folder:
        ran = run(hidden, folder)
        with open_journal(folder / "journal.db", read_only=True) as journal:
            (first, *_) = (
                step
                for step in reversed(journal.steps(Filter(limit=100)))
                if step.fault == "SystemError"
            )
            told = [row.body for row in journal.audit_trail(limit=1000) if row.event == "outcome"]
    assert ran.verdict.clean, ran.verdict.lines()
    assert ran.lives == ["done"] * 4
    assert any("the hosts may still be at it" in one for one in told)
    assert first.outcome is OutcomeKind.FAILED
