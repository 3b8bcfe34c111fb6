"""What a move must save: its disruption, more than noise, and nothing where a VM is content."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from tests.estates import cluster_row, host_row, snapshot_of, vm_row
from vsphere_market.demand import estimate_demand
from vsphere_market.estate import KEEP_APART
from vsphere_market.market import MarketSettings, Question, Reason, clear
from vsphere_market.market.acts import move_worth
from vsphere_market.market.curves import DelayCurve
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.flips import Lever, flips
from vsphere_market.market.hurdle import comfort_points, hurdle
from vsphere_market.market.offers import best_move
from vsphere_market.market.placement import marketplaces
from vsphere_market.market.refusals import refusals
from vsphere_market.market.trades import Move, worth_it
from vsphere_market.policy import Mode, default_rulebook
from vsphere_market.port import ActionKind

GIB = 1024


def question(
    vms: int, settings: MarketSettings, size_mib: float = 4 * GIB, *, apart: bool = False
) -> Question:
    """So many busy VMs on a host of 32 GiB, beside an empty one; the first two had better part."""
    rows = [vm_row(f"vm-{n}", "full", size_mib, active_mib=0.85 * size_mib) for n in range(vms)]
    rule: dict[str, Any] = {"moid": "r", "name": "apart", "kind": KEEP_APART}
    rule |= {"vms": ["vm-0", "vm-1"], "mandatory": False, "enabled": True}
    snapshot = snapshot_of(
        clusters=[cluster_row()],
        hosts=[host_row("full", 32 * GIB), host_row("empty", 32 * GIB)],
        vms=rows,
        rules=[rule] if apart else [],
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


def test_more_is_comfort_while_only_the_present_is_known() -> None:
    settings = MarketSettings()
    price = DelayCurve(settings.knee).price(np.array([0.871]))
    assert settings.comfort_now == pytest.approx(float(price[0]), rel=0.01)
    asked = question(5, settings)
    assert asked.ledger().comfort == settings.comfort_now
    # Two dates, of which the present weighs a quarter.
    curve = np.repeat(asked.demand.curve, 2, axis=1)
    demand = dataclasses.replace(asked.demand, curve=curve, date_weight=np.array([0.25, 0.75]))
    ledger = dataclasses.replace(asked, demand=demand).ledger()
    assert ledger.comfort == pytest.approx(
        0.25 * settings.comfort_now + 0.75 * settings.comfort_price
    )


def test_a_vm_that_pays_little_stays_and_one_that_pays_much_goes() -> None:
    settings = MarketSettings()
    # What nobody would notice would still be worth its copying.
    cheap = dataclasses.replace(settings, move_cost=0.5, move_fixed=0.0, discount_now=0.15)
    calm = question(5, cheap)
    ledger = calm.ledger()
    load = ledger.load[0, 0] / ledger.supply.usable[0]
    assert 0.5 < load < 0.7
    offer = best_move(ledger, Eligibility(ledger, calm.cooling), 0)
    assert offer.refused is Reason.CONTENT
    assert offer.trade is not None
    assert offer.trade.saving > offer.trade.disruption
    assert not clear(calm).trades
    shopping = question(5, dataclasses.replace(cheap, comfort_price=0.0, comfort_now=0.0))
    assert clear(shopping).trades
    assert clear(question(9, cheap)).trades


def test_who_breaks_a_rule_is_not_content_however_little_it_pays() -> None:
    apart = question(3, MarketSettings(), GIB, apart=True)
    ledger = apart.ledger()
    content = [move_worth(ledger, Move(row, 0, 1)).content for row in range(3)]
    assert content == [False, False, True]
    answer = clear(apart)
    assert len(answer.trades) == 1
    assert answer.trades[0].what.vm in (0, 1)
    assert not clear(question(3, MarketSettings(), GIB)).trades


@pytest.mark.parametrize(("vms", "size_mib"), [(3, GIB), (6, 4 * GIB), (7, 4 * GIB), (9, 4 * GIB)])
@pytest.mark.parametrize("apart", [False, True])
def test_quotes_and_offers_tell_the_same_of_who_is_content(
    vms: int, size_mib: float, apart: bool
) -> None:
    asked = question(vms, MarketSettings(), size_mib, apart=apart)
    ledger = asked.ledger()
    (place,) = marketplaces(ledger, Eligibility(ledger, asked.cooling))
    place.trade(np.inf, limit=0)
    assert place.asked is not None
    every = np.arange(vms)
    offered = [move_worth(ledger, Move(row, 0, 1)).content for row in range(vms)]
    assert place.asked.content(every).tolist() == offered


def test_no_cheaper_copying_moves_who_is_content() -> None:
    calm = question(6, MarketSettings())
    ledger = calm.ledger()
    offer = best_move(ledger, Eligibility(ledger, calm.cooling), 0)
    assert offer.refused is Reason.NOT_WORTH_IT and offer.trade is not None and offer.trade.content
    (flip,) = flips(calm, 0, ActionKind.MIGRATE)
    # From there on its host is pressed: what it saves is noticed.
    assert flip.lever is Lever.PRICE and flip.needed > ledger.settings.comfort_price
    free = dataclasses.replace(calm.settings, move_cost=0.0, move_fixed=0.0, landing_cost=0.0)
    assert not clear(dataclasses.replace(calm, settings=free)).trades


def test_dearer_copying_keeps_who_would_go_whatever_noise_is_worth() -> None:
    full = question(8, MarketSettings())
    ledger = full.ledger()
    offer = best_move(ledger, Eligibility(ledger, full.cooling), 0)
    assert offer.refused is None and offer.trade is not None
    assert offer.trade.hurdle > offer.trade.disruption
    (dearer,) = [
        flip for flip in flips(full, 0, ActionKind.MIGRATE) if flip.lever is Lever.DISRUPTION
    ]
    assert dearer.taken and dearer.needed == pytest.approx(offer.trade.saving)


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
    here, pay = np.array([100.0, 100.0, -100.0]), np.array([60.0, 10.0, 5.0])
    assert (ledger.settings.discount, ledger.settings.discount_now) == (0.15, 0.5)
    # One look is all there is.
    assert hurdle(ledger, here, pay) == pytest.approx([60.0, 50.0, 5.0])


@pytest.mark.parametrize("present", [1.0, 0.4, 0.0])
def test_less_is_asked_for_what_is_remembered(present: float) -> None:
    asked = question(2, MarketSettings())
    curve = np.repeat(asked.demand.curve, 2, axis=1)
    known = dataclasses.replace(
        asked.demand, curve=curve, date_weight=np.array([present, 1.0 - present])
    )
    ledger = dataclasses.replace(asked, demand=known).ledger()
    assert ledger.discount == pytest.approx(0.15 + 0.35 * present)


def test_comfort_counts_what_a_vm_takes_at_all_dates() -> None:
    ledger = question(2, MarketSettings()).ledger()
    rows, memory = np.array([0, 1]), ledger.supply.goods[0]
    taken = ledger.taken[rows][:, memory.columns] @ memory.weight
    assert comfort_points(ledger, rows) == pytest.approx(ledger.comfort * taken)


@pytest.mark.parametrize(("busy", "many"), [(1, 0), (2, 0), (3, 3), (7, 7)])
def test_an_empty_plan_names_who_is_content_as_each_offer_does(busy: int, many: int) -> None:
    asked = question(
        busy,
        dataclasses.replace(MarketSettings(), move_cost=0.5, move_fixed=0.0, discount_now=0.15),
    )
    answer = clear(asked)
    assert not answer.trades
    eligibility = Eligibility(answer.ledger, asked.cooling)
    offers = [best_move(answer.ledger, eligibility, row) for row in range(busy)]
    declined = [row for row, offer in enumerate(offers) if offer.refused is Reason.CONTENT]
    (place,) = answer.places
    assert place.asked is not None
    assert place.vms[place.asked.too_content()].tolist() == declined
    assert len(declined) == many
    told = [item.sentence for item in refusals(asked, answer) if item.reason is Reason.CONTENT]
    assert len(told) == bool(many)
    assert all(sentence.startswith(f"{many} of its VMs would cost less") for sentence in told)


def test_one_that_is_content_is_named_and_a_plan_with_steps_says_nothing() -> None:
    cheap = dataclasses.replace(MarketSettings(), move_cost=0.5, move_fixed=0.0, discount_now=0.15)
    asked = question(3, cheap)
    asked.rulebook.modes[ActionKind.MIGRATE][:2] = Mode.OFF
    (told,) = [one for one in refusals(asked, clear(asked)) if one.reason is Reason.CONTENT]
    assert told.sentence.startswith("vm-2 would cost less elsewhere, but is content. Living")
    full = question(10, cheap)
    answer = clear(full)
    assert answer.trades and not answer.places
    assert not [one for one in refusals(full, answer) if one.reason is Reason.CONTENT]
