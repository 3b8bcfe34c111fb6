"""Quotes stay true while VMs move, and are asked in blocks as if they were asked one by one."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings

from benchmarks.placement import Instance
from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from tests.property.test_market_laws import questions
from vsphere_market.demand import estimate_demand
from vsphere_market.market import MarketSettings, Question, book
from vsphere_market.market.asking import Asking
from vsphere_market.market.book import QuoteBook
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.placement import marketplaces
from vsphere_market.policy import CrowdRule, default_rulebook


@given(questions(cheap=True))
@settings(max_examples=40)
def test_quotes_that_are_kept_are_what_would_be_asked_afresh(question: Question) -> None:
    ledger = question.ledger()
    places = marketplaces(ledger, Eligibility(ledger, question.cooling))
    for place in places:
        place.trade(0.0)
    for place in places:
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


def test_a_rule_that_reaches_over_clusters_is_heard_of() -> None:
    rows = [(f"h{at}", f"c{1 + at // 2}") for at in range(4)]
    snapshot = snapshot_of(
        clusters=[cluster_row("c1"), cluster_row("c2")],
        hosts=[host_row(host, 65536, cluster=cluster) for host, cluster in rows],
        vms=[
            vm_row(f"vm-{at}", host, 4096, cluster=cluster, active_mib=1024.0)
            for at, (host, cluster) in enumerate([rows[0], rows[1], rows[2], rows[2]])
        ],
    )
    # One licence for two hosts, of which the first cluster uses both.
    licence = CrowdRule("licence", "licence-group", 0, False, (0, 1, 2), np.inf, 2.0)
    rulebook = dataclasses.replace(default_rulebook(snapshot), crowds=(licence,))
    nobody = np.zeros(4, dtype=np.bool_)
    question = Question(snapshot, estimate_demand(snapshot), rulebook, MarketSettings(), nobody)
    ledger = question.ledger()
    first, second = (
        Asking(ledger, place.vms, place.hosts, place.static, 0.0)
        for place in marketplaces(ledger, Eligibility(ledger, nobody))
    )
    before = second.rule_cost.copy()
    first.do(first.row[0], 1)
    second.hear(0.0)
    fresh = Asking(ledger, second.vms, second.hosts, second.static, 0.0)
    assert not np.array_equal(second.rule_cost, before)
    assert np.array_equal(second.rule_cost, fresh.rule_cost)
    assert np.array_equal(second.merit, fresh.merit)


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
