"""The order in which VMs come to where they had better be."""

from __future__ import annotations

import dataclasses

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.estates import estate
from benchmarks.placement import FREE
from vsphere_market.demand import estimate_demand
from vsphere_market.market import MarketSettings, Question
from vsphere_market.market.asking import Asking
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.exchange import better_homes
from vsphere_market.market.placement import marketplaces
from vsphere_market.market.route import Route
from vsphere_market.policy import default_rulebook

#: The shipped market, but no VM is content: more moves to put in order.
EAGER = dataclasses.replace(MarketSettings(), comfort_price=0.0, comfort_now=0.0, move_cost=0.01)


@given(
    st.integers(0, 10_000),
    st.sampled_from((FREE, EAGER, MarketSettings())),
    st.sampled_from((0.6, 0.9, 1.2)),
)
@settings(max_examples=40)
def test_the_order_without_rules_is_the_one_that_moving_back_one_by_one_gives(
    seed: int, market: MarketSettings, sold: float
) -> None:
    snapshot = estate(6, 40, seed, sold)
    cooling = np.zeros(40, dtype=np.bool_)
    question = Question(
        snapshot, estimate_demand(snapshot), default_rulebook(snapshot), market, cooling
    )
    ledger = question.ledger()
    (place,) = marketplaces(ledger, Eligibility(ledger, cooling))
    route = Route(Asking(ledger, place.vms, place.hosts, place.static, 0.0))
    asking = route.asking
    rng = np.random.default_rng(seed)
    better = better_homes(route.standing(), 0.0)
    # Some go where they had better not, so that not all can be put in order.
    asking.come(np.where(rng.random(40) < 0.2, rng.integers(0, 6, 40), better))
    pending = np.flatnonzero(route.start.home != asking.home)
    goal = asking.home.copy()
    order = route._order_by_price(pending)
    assert np.array_equal(asking.home, goal)
    assert order == route._order_by_doing(pending)
    # All of them are gone back to where they were, and none of the others.
    assert set(np.flatnonzero(asking.home != goal).tolist()) == set(order)
