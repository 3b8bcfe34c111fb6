"""What a move must save: its disruption, more than noise, and nothing where a VM is content."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from vsphere_market.demand import estimate_demand
from vsphere_market.market import MarketSettings, Question, Reason, clear
from vsphere_market.market.acts import move_worth
from vsphere_market.market.curves import DelayCurve
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.hurdle import comfort_points, hurdle
from vsphere_market.market.offers import best_move
from vsphere_market.market.trades import Move, worth_it
from vsphere_market.policy import default_rulebook

GIB = 1024


def question(vms: int, settings: MarketSettings) -> Question:
    """So many busy VMs of 4 GiB on a host of 32 GiB, beside an empty one."""
    rows = [vm_row(f"vm-{n}", "full", 4 * GIB, active_mib=3.4 * GIB) for n in range(vms)]
    snapshot = snapshot_of(
        clusters=[cluster_row()],
        hosts=[host_row("full", 32 * GIB), host_row("empty", 32 * GIB)],
        vms=rows,
    )
    return Question(
        snapshot,
        estimate_demand(snapshot),
        default_rulebook(snapshot),
        settings,
        np.zeros(vms, dtype=np.bool_),
    )


def test_comfort_is_a_host_at_four_fifths() -> None:
    settings = MarketSettings()
    price = DelayCurve(settings.knee).price(np.array([0.8]))
    assert settings.comfort_price == pytest.approx(float(price[0]))


def test_a_vm_that_pays_little_stays_and_one_that_pays_much_goes() -> None:
    settings = MarketSettings()
    # What nobody would notice would still be worth its copying.
    cheap = dataclasses.replace(settings, move_cost=0.5, move_fixed=0.0)
    calm = question(5, cheap)
    ledger = calm.ledger()
    load = ledger.load[0, 0] / ledger.supply.usable[0]
    assert 0.5 < load < 0.7
    offer = best_move(ledger, Eligibility(ledger, calm.cooling), 0)
    assert offer.refused is Reason.CONTENT
    assert offer.trade is not None
    assert offer.trade.saving > offer.trade.disruption
    assert not clear(calm).trades
    shopping = question(5, dataclasses.replace(cheap, comfort_price=0.0))
    assert clear(shopping).trades
    assert clear(question(9, cheap)).trades


def test_the_content_move_with_others_only() -> None:
    ledger = question(5, MarketSettings()).ledger()
    content = dataclasses.replace(move_worth(ledger, Move(0, 0, 1)), saving=1e9)
    assert content.content
    shopping = dataclasses.replace(content, content=False)
    assert not content.worth_it
    assert not worth_it([content, content])
    assert worth_it([content, shopping])
    assert worth_it([dataclasses.replace(content, saving=-1.0, mends=1)])
    assert not worth_it([dataclasses.replace(shopping, mends=-1)])


def test_hurdles_are_the_disruption_or_what_noise_is_worth() -> None:
    ledger = question(2, MarketSettings()).ledger()
    here, pay = np.array([100.0, 100.0, -100.0]), np.array([30.0, 10.0, 5.0])
    assert ledger.settings.discount == 0.2
    assert hurdle(ledger, here, pay) == pytest.approx([30.0, 20.0, 5.0])


def test_comfort_counts_what_a_vm_takes_at_all_dates() -> None:
    ledger = question(2, MarketSettings()).ledger()
    rows, memory = np.array([0, 1]), ledger.supply.goods[0]
    taken = ledger.taken[rows][:, memory.columns] @ memory.weight
    assert comfort_points(ledger, rows) == pytest.approx(ledger.settings.comfort_price * taken)
