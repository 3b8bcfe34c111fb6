"""The lower bound against the true optimum of small estates, solved exactly.

The potential is not linear, so the exact problem is a set partitioning: one binary variable for
every host and every set of VMs that could live there, with that set's cost; each VM is in one
chosen set, each host chooses one. HiGHS solves it to optimality.
"""

from __future__ import annotations

import dataclasses
from itertools import combinations
from typing import Any

import highspy
import numpy as np
import pytest
from hypothesis import given, settings

from tests.property.test_market_laws import questions
from vsphere_market.demand import estimate_demand
from vsphere_market.market.certificate import lower_bound
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.engine import Question, clear
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.placement import Marketplace, marketplaces
from vsphere_market.units import FloatArray

#: 2**VMs subsets per host.
MOST_VMS = 8


def exact_optimum(ledger: Ledger, places: list[Marketplace]) -> float:
    """The least potential over all placements that the marketplaces allow; rules left out."""
    rows = np.arange(len(ledger.host_of))
    # What does not hang on where VMs live is there in every placement.
    total = float(ledger.local_cost(rows, ledger.terms).sum()) + ledger.standing_cost()
    cost = ledger.host_cost()
    inside = {int(host) for place in places for host in place.hosts}
    total += sum(float(cost[host]) for host in range(len(cost)) if host not in inside)
    return total + sum(solve(ledger, place) for place in places)


def solve(ledger: Ledger, place: Marketplace) -> float:
    """Exact least cost of one cluster."""
    vms = [int(vm) for vm in place.vms]
    allowed = place.possible()
    fixed = ledger.load[place.hosts].copy()
    for vm in vms:
        slot = int(np.flatnonzero(place.hosts == ledger.host_of[vm])[0])
        fixed[slot] -= ledger.taken[vm]
    sets = [
        members for size in range(len(vms) + 1) for members in combinations(range(len(vms)), size)
    ]
    now = float(ledger.supply.cost(ledger.load[place.hosts], place.hosts).sum())
    costs: list[float] = []
    columns: list[tuple[int, tuple[int, ...]]] = []
    for slot, host in enumerate(place.hosts):
        for members in sets:
            if not all(allowed[member, slot] for member in members):
                continue
            load: FloatArray = fixed[slot] + ledger.taken[[vms[m] for m in members]].sum(axis=0)
            cost = float(ledger.supply.cost(np.maximum(load, 0.0), int(host)))
            # Costs are never negative, so one above what the whole cluster costs now is in no
            # optimum; without such columns the solver's tolerances are small against the rest.
            if cost <= now * (1 + 1e-9):
                costs.append(cost)
                columns.append((slot, members))
    return _partition(len(place.hosts), len(vms), columns, costs)


def _partition(
    hosts: int, vms: int, columns: list[tuple[int, tuple[int, ...]]], costs: list[float]
) -> float:
    solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("mip_rel_gap", 0.0)
    solver.setOptionValue("mip_abs_gap", 0.0)
    # Costs reach 1e9 points; the solver likes numbers near one.
    scale = max(*costs, 1.0)
    chosen = [solver.addBinary(obj=cost / scale) for cost in costs]
    for host in range(hosts):
        solver.addConstr(
            sum(x for x, (slot, _) in zip(chosen, columns, strict=True) if slot == host) == 1
        )
    for vm in range(vms):
        solver.addConstr(
            sum(x for x, (_, members) in zip(chosen, columns, strict=True) if vm in members) == 1
        )
    solver.minimize()
    assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
    picked = solver.allVariableValues()
    return sum(cost for cost, value in zip(costs, picked, strict=True) if value > 0.5)


def small(question: Question) -> Question:
    """The same estate with at most so many VMs that it can be solved exactly."""
    snapshot = question.snapshot
    if len(snapshot.vms) <= MOST_VMS:
        return question
    power = ["poweredOff"] * len(snapshot.vms)
    power[:MOST_VMS] = snapshot.vms.power[:MOST_VMS]
    snapshot = dataclasses.replace(snapshot, vms=snapshot.vms.replace(power=tuple(power)))
    return dataclasses.replace(question, snapshot=snapshot, demand=estimate_demand(snapshot))


@given(questions(cheap=True))
@settings(max_examples=40)
def test_the_bound_is_never_above_the_optimum(question: Question) -> None:
    question = small(question)
    for ledger in (question.ledger(), clear(question).ledger):
        places = marketplaces(ledger, Eligibility(ledger, question.cooling))
        bound = lower_bound(ledger, places)
        optimum = exact_optimum(ledger, places)
        # HiGHS stops within 1e-6 of feasibility and optimality on numbers scaled to one.
        assert bound <= optimum + 1e-6 * max(abs(optimum), 1.0)
        assert optimum <= ledger.potential() + 1e-6 * max(abs(optimum), 1.0)


@pytest.mark.parametrize("rounds", [1, 5, 60])
@given(question=questions(cheap=True))
@settings(max_examples=30)
def test_more_rounds_never_lower_the_bound(rounds: int, question: Question) -> None:
    ledger = clear(question).ledger
    places = marketplaces(ledger, Eligibility(ledger, question.cooling))
    fewer, more = lower_bound(ledger, places, rounds), lower_bound(ledger, places, rounds + 20)
    assert more >= fewer - 1e-9 * max(abs(fewer), 1.0)
