"""A plan that stops a VM to change its size is applied again after it was carried out.

The VM was shut down and started once more, although its size was right already. Found by the
campaign of faults, which starts the program again after runs that end well.
"""

from __future__ import annotations

import random

from tests.fakes import change, entity, plan, step, vcenter
from vsphere_market.executor import MemoryRecorder, execute
from vsphere_market.port import ActionKind, OutcomeKind, Start, Stop


def test_it_is_left_running() -> None:
    vc = vcenter()
    todo = plan(
        step(1, Stop(entity("vm-1")), wave=1),
        step(2, change("vm-1", ActionKind.RESIZE, 8192, 10240), wave=2, after=["s1"]),
        step(3, Start(entity("vm-1")), wave=3, after=["s1", "s2"]),
        lasts_s=1e6,
    )
    first = execute(todo, vc, MemoryRecorder(), rng=random.Random(1))
    assert [one.kind for one in first.outcomes] == [OutcomeKind.DONE] * 3, first.outcomes
    sent = len(vc.sent)
    again = execute(todo, vc, MemoryRecorder(), rng=random.Random(1))
    assert [one.kind for one in again.outcomes] == [OutcomeKind.ALREADY_DONE] * 3, again.outcomes
    assert len(vc.sent) == sent, "nothing was sent"
