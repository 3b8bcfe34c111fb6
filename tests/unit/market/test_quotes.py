"""The quote table of one VM."""

from __future__ import annotations

import numpy as np

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from vsphere_market.demand import estimate_demand
from vsphere_market.market import MarketSettings, Question, Reason
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.quotes import quotes_for
from vsphere_market.policy import default_rulebook


def test_its_own_host_comes_first_then_the_cheapest_and_the_barred_last() -> None:
    snapshot = snapshot_of(
        clusters=[cluster_row()],
        hosts=[
            host_row("home", 32_768),
            host_row("busy", 32_768),
            host_row("empty", 32_768),
            host_row("away", 32_768, in_maintenance=True),
        ],
        vms=[
            vm_row("vm-0", "home", 8192),
            vm_row("vm-1", "busy", 16_384),
            vm_row("vm-2", "home", 8192, power="poweredOff"),
        ],
    )
    question = Question(
        snapshot=snapshot,
        demand=estimate_demand(snapshot),
        rulebook=default_rulebook(snapshot),
        settings=MarketSettings(),
        cooling=np.zeros(3, dtype=np.bool_),
    )
    ledger = question.ledger()
    eligibility = Eligibility(ledger, question.cooling)
    quotes = quotes_for(ledger, eligibility, 0)
    assert [quote.host.moid for quote in quotes] == ["home", "empty", "busy", "away"]
    assert [quote.refused for quote in quotes] == [None, None, None, Reason.HOST_UNFIT]
    # Alone on its host or on an empty one of the same size: the same quote.
    assert quotes[0].quote == quotes[1].quote < quotes[2].quote
    assert quotes[2].price > quotes[1].price
    assert quotes_for(ledger, eligibility, 2) == ()
