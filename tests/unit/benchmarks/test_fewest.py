"""Nobody needs fewer moves than the bound says: all placements of small estates are looked at."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fewest import least_moves
from benchmarks.placement import Instance, place_of


def least_potentials(instance: Instance) -> list[float]:
    """The least potential of all placements that no, one, two, … moves come to."""
    ledger = instance.question().ledger()
    (place,) = place_of(instance.question(), ledger)
    assert place.possible().all()
    best = [ledger.potential()] * (instance.vms + 1)
    for homes in itertools.product(range(instance.hosts), repeat=instance.vms):
        load = np.zeros_like(ledger.load)
        np.add.at(load, np.array(homes), ledger.taken)
        moves = int((np.array(homes) != ledger.host_of).sum())
        change = ledger.supply.cost(load).sum() - ledger.host_cost().sum()
        best[moves] = min(best[moves], ledger.potential() + float(change))
    return list(itertools.accumulate(best, min))


@given(st.integers(1, 10_000), st.sampled_from([(2, 7), (3, 5)]))
@settings(max_examples=8)
def test_no_placement_is_reached_with_fewer_moves_than_the_bound(
    seed: int, size: tuple[int, int]
) -> None:
    instance = Instance(*size, seed)
    question = instance.question()
    (place,) = place_of(question, ledger := question.ledger())
    bounds = []
    for moves, potential in enumerate(least_potentials(instance)[:4]):
        bounds.append(least_moves(ledger, place, potential, 5.0))
        assert bounds[-1] <= moves
    assert bounds == sorted(bounds)


def test_the_bound_is_met_where_vms_are_many() -> None:
    question = Instance(8, 80, 1).question()
    (place,) = place_of(question, question.ledger())
    trades = place.trade(0.0, limit=3)
    (afresh,) = place_of(question, ledger := question.ledger())
    reached = ledger.potential() - sum(trade.saving for trade in trades)
    assert least_moves(ledger, afresh, reached) == 3
    # With no time left, what is known holds, and nothing is asked where nothing is wanted.
    assert least_moves(ledger, afresh, reached, 0.0) <= 3
    assert least_moves(ledger, afresh, ledger.potential()) == 0


def test_what_may_not_move_is_left_where_it_is() -> None:
    question = Instance(4, 20, 1).question()
    question.cooling[::2] = True
    (place,) = place_of(question, ledger := question.ledger())
    (trade,) = place.trade(0.0, limit=1)
    (afresh,) = place_of(question, ledger := question.ledger())
    reached = ledger.potential() - trade.saving
    assert least_moves(ledger, afresh, reached) == 1
    # Further down nobody comes, with however many moves.
    with pytest.raises(ValueError, match="no placement"):
        least_moves(ledger, afresh, 0.5 * reached)
