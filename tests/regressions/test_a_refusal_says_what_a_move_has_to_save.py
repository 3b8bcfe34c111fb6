"""A move that saves more than it disturbs, and less than is asked of it, was said to disturb more.

The quote elsewhere has to be lower by a share, which is larger while little is remembered. The
refusal knew the disruption only, and that was not what stood in the way.
"""

from __future__ import annotations

import numpy as np

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from vsphere_market.demand import estimate_demand
from vsphere_market.market import MarketSettings, Question, Reason, clear
from vsphere_market.market.acts import move_worth
from vsphere_market.market.refusals import refusals
from vsphere_market.market.trades import Move
from vsphere_market.policy import default_rulebook

GIB = 1024


def question(settings: MarketSettings) -> Question:
    """A host whose VMs hold more than it has, and do little, beside one that is busy."""
    size = 2 * GIB
    rows = [
        vm_row(f"idle-{n}", "full", size, active_mib=0.5 * size, ballooned_mib=200)
        for n in range(16)
    ] + [vm_row(f"busy-{n}", "half", size, active_mib=0.9 * size) for n in range(12)]
    snapshot = snapshot_of(
        clusters=[cluster_row()],
        hosts=[host_row("full", 32 * GIB), host_row("half", 32 * GIB)],
        vms=rows,
    )
    demand, rules = estimate_demand(snapshot), default_rulebook(snapshot)
    return Question(snapshot, demand, rules, settings, np.zeros(len(rows), dtype=np.bool_))


def test_the_share_that_is_asked_is_named() -> None:
    asked = question(MarketSettings())
    trade = move_worth(asked.ledger(), Move(0, 0, 1))
    assert trade.disruption < trade.saving < trade.hurdle
    answer = clear(asked)
    assert not answer.trades
    told = {
        refusal.sentence
        for refusal in refusals(asked, answer)
        if refusal.reason is Reason.NOT_WORTH_IT and "The best quote" in refusal.sentence
    }
    (sentence,) = told
    assert "is lower by 42.7%, and has to be by 50.0%." in sentence
    assert "disturb" not in sentence


def test_where_copying_is_dear_that_is_named() -> None:
    asked = question(MarketSettings(move_cost=64.0, discount_now=0.2, discount=0.2))
    answer = clear(asked)
    assert not answer.trades
    told = [refusal.sentence for refusal in refusals(asked, answer)]
    assert any("saves less than the move would disturb" in sentence for sentence in told)
    assert not any("has to be by" in sentence for sentence in told)
