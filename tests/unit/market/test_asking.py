"""Quotes stay true while VMs move, and are asked in blocks as if they were asked one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from benchmarks.placement import Instance
from tests.property.test_market_laws import questions
from vsphere_market.market import Question, book
from vsphere_market.market.asking import Asking
from vsphere_market.market.book import QuoteBook
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.placement import marketplaces


@given(questions(cheap=True))
@settings(max_examples=40)
def test_quotes_that_are_kept_are_what_would_be_asked_afresh(question: Question) -> None:
    ledger = question.ledger()
    for place in marketplaces(ledger, Eligibility(ledger, question.cooling)):
        place.trade(0.0)
        kept = place.asked
        if kept is None:
            continue
        kept.hear(1.0)
        fresh = Asking(ledger, place.vms, place.hosts, place.static, 1.0)
        near = 1e-9 * max(1.0, float(ledger.host_cost().sum()))
        assert np.array_equal(kept.home, fresh.home)
        for name in ("enter", "leave", "rule_cost", "pay"):
            assert np.allclose(getattr(kept, name), getattr(fresh, name), rtol=1e-9, atol=near)
        for name in ("breaches", "wrong", "rule_ok"):
            assert np.array_equal(getattr(kept, name), getattr(fresh, name))


def test_coming_and_leaving_are_asked_in_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Instance(8, 80, 1).question().ledger()
    hosts, home = np.arange(8), ledger.host_of
    whole = QuoteBook(ledger.supply, hosts, ledger.taken)
    monkeypatch.setattr(book, "BLOCK", 1000)
    for quotes in (whole, QuoteBook(ledger.supply, hosts, ledger.taken)):
        rise = quotes.rise(ledger.load, hosts, home, np.arange(80))
        for vm in range(80):
            here = int(home[vm])
            load = ledger.load.copy()
            load[here] -= ledger.taken[vm]
            freed = ledger.host_cost()[here] - ledger.supply.cost(load)[here]
            assert rise[here, vm] == pytest.approx(-freed)
            assert quotes.leave(ledger.load[[here]], home[[vm]], np.array([vm])) == pytest.approx(
                freed
            )
            others = hosts[hosts != here]
            come = ledger.supply.cost(ledger.load + ledger.taken[vm]) - ledger.host_cost()
            assert rise[others, vm] == pytest.approx(come[others])
        elsewhere = rise.copy()
        elsewhere[home, np.arange(80)] = 0.0
        entering = quotes.enter(ledger.load, hosts)
        entering[home, np.arange(80)] = 0.0
        assert elsewhere == pytest.approx(entering)
