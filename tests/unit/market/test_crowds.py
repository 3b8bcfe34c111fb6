"""At-most and licence rules: what a quote says of them is what their points fall by."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vsphere_market.market import MarketSettings
from vsphere_market.market.rules import RuleBoard
from vsphere_market.policy import CrowdRule

HOSTS = 4


def board(host_of: list[int], per_host: float, hosts_used: float) -> RuleBoard:
    rule = CrowdRule("m", "crowd", 0, False, tuple(range(len(host_of))), per_host, hosts_used)
    return RuleBoard((), np.array(host_of), HOSTS, MarketSettings(), (rule,))


@given(
    st.lists(st.integers(0, HOSTS - 1), min_size=1, max_size=9),
    st.sampled_from([(1.0, np.inf), (2.0, np.inf), (np.inf, 1.0), (np.inf, 2.0)]),
    st.data(),
)
def test_costs_are_differences_of_the_potential(
    host_of: list[int], bounds: tuple[float, float], data: st.DataObject
) -> None:
    vm = data.draw(st.integers(0, len(host_of) - 1))
    here = board(host_of, *bounds)
    costs, allowed = here.costs(vm, host_of[vm]), here.allowed(vm, host_of[vm])
    now = here.potential(np.array(host_of))
    for target in range(HOSTS):
        moved = list(host_of)
        moved[vm] = target
        then = board(moved, *bounds).potential(np.array(moved))
        assert costs[host_of[vm]] - costs[target] == now - then
        assert bool(allowed[target]) == (then <= now)
        trial = board(host_of, *bounds)
        trial.move(vm, host_of[vm], target)
        assert trial.potential(np.array(moved)) == then


def test_a_full_host_takes_no_more_and_kin_hear_of_it() -> None:
    rules = board([0, 0, 1], 2.0, np.inf)
    assert rules.allowed(2, 1).tolist() == [False, True, True, True]
    assert rules.kin(2) == {0, 1}
    assert rules.ruled == {0, 1, 2}


def test_a_licence_for_two_hosts_opens_no_third() -> None:
    rules = board([0, 0, 1], np.inf, 2.0)
    assert rules.allowed(0, 0).tolist() == [True, True, False, False]
    # The only one on its host takes the licence with it.
    assert rules.allowed(2, 1).tolist() == [True, True, True, True]


def test_only_those_who_make_way_are_waited_for() -> None:
    # Host 0 had 0 and 1, which have left for 2 and 3; two may be on a host.
    rules = board([2, 3, 1], 2.0, np.inf)
    both = {0: (0, 2), 1: (0, 3)}
    assert rules.makes_way(2, 1, 0, both) == {0, 1}  # with both still there it is full
    assert rules.makes_way(2, 1, 0, {0: (0, 2), 1: (2, 3)}) == set()  # one leaves room enough
    assert rules.makes_way(2, 1, 2, {0: (3, 2), 1: (0, 3)}) == set()
    # A licence counts hosts, so every move of its group matters.
    assert board([2, 3, 1], np.inf, 2.0).makes_way(2, 1, 0, {0: (3, 2), 1: (2, 3)}) == {0, 1}
