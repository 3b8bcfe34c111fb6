"""Plans of few moves: better than the first of the best trades, never better than can be."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.placement import FREE, Instance, place_of
from vsphere_market.market import MarketSettings, Question
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.engine import clear
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.trades import Move, Trade, profit
from vsphere_market.policy import BudgetScope, DisruptionBudget

#: Points of rounding in sums of a million.
CLOSE = 1e-3


def planned(question: Question, most: int) -> tuple[list[Trade], Ledger]:
    """The plan of at most so many moves, and the ledger at its end."""
    ledger = question.ledger()
    (place,) = place_of(question, ledger)
    return place.trade(0.0, limit=most), ledger


def least_by(ledger: Ledger, most: int, moved: frozenset[int] = frozenset()) -> float:
    """The least potential of all that up to so many moves, each of them paying, come to."""
    here = best = ledger.potential()
    if len(moved) == most:
        return best
    eligibility = Eligibility(ledger, np.zeros(len(ledger.host_of), dtype=np.bool_))
    for vm, host in itertools.product(range(len(ledger.host_of)), range(len(ledger.load))):
        home = int(ledger.host_of[vm])
        if vm in moved or host == home or eligibility.why_not_move(vm, host) is not None:
            continue
        ledger.move(vm, host)
        if ledger.potential() < here - CLOSE:
            best = min(best, least_by(ledger, most, moved | {vm}))
        ledger.move(vm, home)
    return best


@given(st.integers(1, 10_000), st.integers(1, 3))
@settings(max_examples=12)
def test_up_to_two_moves_are_the_best_and_more_are_no_worse_than_the_first_best(
    seed: int, most: int
) -> None:
    question = Instance(3, 7, seed).question()
    trades, ledger = planned(question, most)
    assert len({trade.what.vm for trade in trades}) == len(trades) <= most
    assert all(trade.worth_it for trade in trades)
    before, after = question.ledger().potential(), ledger.potential()
    assert before - after == pytest.approx(profit(trades)[1], abs=CLOSE)
    if most <= 2:
        assert after == pytest.approx(least_by(question.ledger(), most), abs=CLOSE)
    (place,) = place_of(question, other := question.ledger())
    place.descend(0.0, most)
    assert after <= other.potential() + CLOSE


def test_two_moves_are_not_the_two_best_ones() -> None:
    question = Instance(16, 300, 2).question()
    (place,) = place_of(question, ledger := question.ledger())
    place.descend(0.0, 2)
    assert planned(question, 2)[1].potential() < 0.999 * ledger.potential()


def test_more_moves_are_never_worse() -> None:
    question = Instance(6, 60, 1).question()
    ends = [planned(question, most)[1].potential() for most in range(1, 12)]
    assert all(later <= sooner + CLOSE for sooner, later in itertools.pairwise(ends))


@pytest.mark.parametrize("market", [FREE, MarketSettings()])
def test_a_budget_is_spent_on_the_best_moves_that_it_allows(market: MarketSettings) -> None:
    free = Instance(16, 300, 2).question()
    counted = np.ones(300, dtype=np.bool_)
    budget = DisruptionBudget("calm", BudgetScope.ESTATE, counted, 6, np.inf, 3600.0)
    rulebook = dataclasses.replace(free.rulebook, budgets=(budget,))
    question = dataclasses.replace(free, rulebook=rulebook, settings=market)
    answer = clear(question)
    moves = [trade for trade in answer.trades if isinstance(trade.what, Move)]
    assert len(moves) == 6
    unbound = dataclasses.replace(free, settings=market)
    trades, _ = planned(unbound, 6)
    assert profit(moves)[1] == pytest.approx(profit(trades)[1])
    (place,) = place_of(unbound, unbound.ledger())
    assert profit(moves)[1] > profit(place.descend(0.0, 6))[1]
