"""What is not looked at could not have gained: ``market.prospects`` against looking at everything.

``docs/design/potential.md`` names these tests as its proof.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.estates import estate
from benchmarks.placement import FREE
from vsphere_market.demand import estimate_demand
from vsphere_market.market import MarketSettings, Question
from vsphere_market.market.asking import Asking, Mark
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.few import best_homes
from vsphere_market.market.placement import marketplaces
from vsphere_market.market.prospects import Prospects
from vsphere_market.policy import default_rulebook

VMS = 14
SLOTS = np.arange(2)


@st.composite
def states(draw: st.DrawFn) -> tuple[Asking, Mark]:
    """Two hosts with a day to remember, empty to swapping, moves dear or free; some are done."""
    seed = draw(st.integers(0, 10_000))
    rng = np.random.default_rng(seed)
    snapshot = estate(2, VMS, seed, draw(st.sampled_from((0.5, 0.8, 1.0, 1.3, 2.0))))
    demand = estimate_demand(snapshot)
    dates = draw(st.sampled_from((1, 2, 9)))
    # Peaks that meet and peaks that do not: some VMs by day, some by night.
    day = 1.0 + np.cos(np.linspace(0.0, 6.0, dates) + np.pi * rng.integers(0, 2, (VMS, 1)))
    curve = np.minimum(demand.footprint[:, None] * rng.uniform(0.2, 0.5, (VMS, 1)) * day, 65_536.0)
    if draw(st.booleans()):
        # Equal VMs, so that sets tie and the first of them is to be taken.
        curve[1:] = curve[0]
    curve = np.minimum(curve, demand.footprint[:, None])
    demand = dataclasses.replace(demand, curve=curve, date_weight=np.full(dates, 1.0 / dates))
    market = FREE if draw(st.booleans()) else MarketSettings()
    cooling = np.zeros(VMS, dtype=np.bool_)
    question = Question(snapshot, demand, default_rulebook(snapshot), market, cooling)
    ledger = question.ledger()
    (place,) = marketplaces(ledger, Eligibility(ledger, cooling))
    static = np.ascontiguousarray(place.possible().T)
    static &= rng.random(static.shape) < 0.9
    asking = Asking(ledger, place.vms, place.hosts, static, 0.0)
    start = asking.mark()
    asking.come(np.where(rng.random(VMS) < 0.2, rng.integers(0, 2, VMS), asking.home))
    return asking, start


@given(states(), st.integers(4, VMS - 4))
@settings(max_examples=60)
def test_what_looks_only_at_sets_that_may_gain_finds_what_looking_at_all_does(
    state: tuple[Asking, Mark], first: int
) -> None:
    asking, start = state
    choices = [np.arange(first), np.arange(first, VMS)]
    prospects = Prospects(asking, start, choices, SLOTS)
    for at, rows in enumerate(choices):
        best = best_homes(asking, start, rows, SLOTS)
        assert np.array_equal(prospects.best_homes(at), best)
        if at not in prospects.promising:
            assert np.array_equal(best, asking.home[rows])


@given(states(), st.lists(st.booleans(), min_size=VMS, max_size=VMS))
@settings(max_examples=60)
def test_no_set_of_vms_that_changes_sides_gains_more_than_its_prospect(
    state: tuple[Asking, Mark], changing: list[bool]
) -> None:
    asking, start = state
    ledger = asking.ledger
    rows = np.arange(9)
    prospects = Prospects(asking, start, [rows], SLOTS)
    sides = np.array(changing)[rows]
    number = int((1 << np.flatnonzero(sides)).sum())
    homes = np.where(sides, 1 - asking.home[rows], asking.home[rows])

    def points(at: np.ndarray) -> float:
        moved = at != start.home[rows]
        pay = float(start.pay[at[moved], rows[moved]].sum())
        return float(ledger.supply.cost(ledger.load[asking.hosts], asking.hosts).sum()) + pay

    before = points(asking.home[rows])
    most = float(prospects.gain[0, number])
    other = asking.home.copy()
    other[rows] = homes
    able = (asking.static[homes, rows] | (homes == start.home[rows]) | ~sides).all()
    asking.put(other)
    if able:
        assert before - points(homes) <= most + prospects.slack
    else:
        assert most < -before
