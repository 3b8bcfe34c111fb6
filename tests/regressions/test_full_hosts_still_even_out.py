"""Where every host is full, hosts that swap still hand VMs to those that are a little less full.

A move had to leave its target with memory for all that balloons cannot free. Once no host had that
left, nothing moved at all: four hosts of eight swapped at a tenth too much, the other four stood
just below what they have, and that stayed so. Now a host may be filled as far as the fullest one
that it trades with; what evening out is worth says the potential.
"""

from __future__ import annotations

import numpy as np

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from vsphere_market.demand import estimate_demand
from vsphere_market.market import MarketSettings, Question
from vsphere_market.market.engine import clear
from vsphere_market.market.goods import Space
from vsphere_market.policy import Mode, default_rulebook

GIB = 1024


def estate(hot: int, cool: int, reserve: float = 0.0) -> Question:
    """Two hosts of 100 GiB with so many busy VMs of 5 GiB, next to nothing of them idle."""
    vms = [
        vm_row(f"vm-{host}-{at}", f"host-{host}", 5 * GIB, active_mib=4600, active_peak_mib=4600)
        for host, count in enumerate((hot, cool))
        for at in range(count)
    ]
    snapshot = snapshot_of(
        clusters=[cluster_row()],
        hosts=[host_row(f"host-{at}", 100 * GIB) for at in (0, 1)],
        vms=vms,
    )
    rulebook = default_rulebook(snapshot, Mode.AUTOMATIC)
    rulebook.host_reserve[:] = reserve
    return Question(
        snapshot=snapshot,
        demand=estimate_demand(snapshot),
        rulebook=rulebook,
        settings=MarketSettings(),
        cooling=np.zeros(len(vms), dtype=np.bool_),
    )


def test_the_fullest_host_hands_over_though_no_host_has_room() -> None:
    question = estate(hot=25, cool=20)
    ledger = question.ledger()
    room = ledger.supply.space[1, Space.PINNED] - ledger.occupied[1, Space.PINNED]
    assert room < ledger.needs[0, Space.PINNED]
    answer = clear(question)
    before = ledger.occupied[:, Space.PINNED].max()
    after = answer.ledger.occupied[:, Space.PINNED].max()
    assert answer.trades
    assert after < before


def test_nothing_is_filled_beyond_what_it_has_while_no_host_swaps() -> None:
    question = estate(hot=19, cool=15)
    ledger = question.ledger()
    assert (ledger.ceiling == ledger.supply.space).all()


def test_what_policy_holds_back_is_no_memory_that_is_lacking() -> None:
    """A host that is full only because of a reserve does not let others use up theirs."""
    ledger = estate(hot=19, cool=15, reserve=0.3).ledger()
    assert (ledger.occupied[:, Space.PINNED] > ledger.supply.usable).any()
    assert (ledger.ceiling == ledger.supply.space).all()
