"""A plan put a host to rest, woke it and put it to rest again.

It was found where a crowd of cheap trades could not be put in one sequence at once, so that the
market let those that had moved rest and went on with the others; hosts that had been switched were
not among those that rest.
"""

from __future__ import annotations

import numpy as np

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from tests.policies import compiled, document
from vsphere_market.demand import estimate_demand
from vsphere_market.market import MarketSettings, Question
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.switchboard import Switchboard


def test_a_host_that_was_switched_stays_as_it_is() -> None:
    snapshot = snapshot_of(
        clusters=[cluster_row()],
        hosts=[host_row(f"host-{at}", 65536) for at in range(4)],
        vms=[vm_row("one", "host-0", 4096), vm_row("two", "host-1", 4096)],
    )
    free = document("capacity", "rest", spec={"suspend": True, "provision": True})
    question = Question(
        snapshot, estimate_demand(snapshot), compiled(snapshot, free).rulebook,
        MarketSettings(), cooling=np.zeros(2, dtype=np.bool_),
    )  # fmt: skip

    def rested(settled: frozenset[int]) -> set[int]:
        ledger = question.ledger()
        board = Switchboard(ledger, Eligibility(ledger, question.cooling), settled)
        board.rest()
        return set(np.flatnonzero(~ledger.awake).tolist())

    asleep = rested(frozenset())
    assert asleep
    assert not rested(frozenset(asleep)) & asleep
