"""What flips a refusal: at the figure that is named the decision flips, just before it does not."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.estates import rulebooks, snapshots
from vsphere_market.demand import estimate_demand
from vsphere_market.market import MarketSettings, Question, Reason, diagnose
from vsphere_market.market.causes import OVERSOLD
from vsphere_market.market.cures import cures_of
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.flips import Flip, Lever, flips
from vsphere_market.market.offers import offer_of
from vsphere_market.port import ActionKind

KINDS = (
    ActionKind.MIGRATE,
    ActionKind.LIMIT,
    ActionKind.HOT_ADD,
    ActionKind.RESERVATION,
    ActionKind.BALLOON_CAP,
)


@st.composite
def questions(draw: st.DrawFn) -> Question:
    snapshot = draw(snapshots(max_hosts=4, max_vms=8))
    return Question(
        snapshot=snapshot,
        demand=estimate_demand(snapshot),
        rulebook=draw(rulebooks(snapshot)),
        settings=MarketSettings(),
        cooling=np.zeros(len(snapshot.vms), dtype=np.bool_),
    )


def accepted(question: Question, row: int, kind: ActionKind) -> bool:
    ledger = question.ledger()
    eligibility = Eligibility(ledger, question.cooling)
    return offer_of(ledger, eligibility, row, kind).refused is None


def with_working_set(question: Question, row: int, factor: float) -> Question:
    """The same question, the VM wanting more or less; what it holds follows up, not down."""
    demand = question.demand
    curve, wanted = demand.curve.copy(), demand.wanted.copy()
    footprint = demand.footprint.copy()
    curve[row] *= factor
    wanted[row] *= factor
    held = max(footprint[row], curve[row].max(), wanted[row])
    footprint[row] = min(held, question.snapshot.vms.size_mib[row])
    lacking = demand.lacking.copy()
    lacking[row] = max(wanted[row] - question.snapshot.vms.size_mib[row], 0.0)
    demand = dataclasses.replace(
        demand, curve=curve, wanted=wanted, lacking=lacking, footprint=footprint
    )
    return dataclasses.replace(question, demand=demand)


def with_limit(question: Question, row: int, limit: float) -> Question:
    limits = question.snapshot.vms.limit_mib.copy()
    limits[row] = limit
    vms = question.snapshot.vms.replace(limit_mib=limits)
    return dataclasses.replace(question, snapshot=dataclasses.replace(question.snapshot, vms=vms))


def pulled(question: Question, row: int, flip: Flip, share: float) -> Question | None:
    """The question with a share of the change that a flip names; None where it is another's."""
    if flip.lever is Lever.WORKING_SET:
        change = flip.needed / flip.now - 1.0
        if share < 1.0 and abs(change) < 1e-3:
            return None
        factor = 1.0 + (
            share * change if share > 1.0 else change - 2e-3 * change - 2e-4 * np.sign(change)
        )
        return with_working_set(question, row, factor)
    if flip.lever is Lever.LIMIT and math.isinf(flip.needed):
        return with_limit(question, row, math.inf) if share >= 1.0 else None
    if flip.lever is Lever.LIMIT:
        size = float(question.snapshot.vms.size_mib[row])
        cut = size - flip.needed
        # To a MiB is exact enough.
        cut = cut if share > 1.0 else min(share * cut, cut - 1.01)
        return with_limit(question, row, size - cut) if cut > 0 else None
    return None


@given(questions(), st.integers(0, 7), st.sampled_from(KINDS))
@settings(max_examples=250, deadline=None)
def test_a_flip_flips_and_a_little_less_does_not(
    question: Question, row: int, kind: ActionKind
) -> None:
    if row >= len(question.snapshot.vms):
        return
    found = flips(question, row, kind)
    taken = accepted(question, row, kind)
    assert all(flip.taken is taken for flip in found)
    assert [flip.relative for flip in found] == sorted(flip.relative for flip in found)
    for flip in found:
        assert flip.needed != flip.now
        there = pulled(question, row, flip, 1.0 + 1e-9)
        if there is not None:
            assert accepted(there, row, kind) is not taken, flip
        before = pulled(question, row, flip, 1.0 - 3e-3)
        if before is not None:
            assert accepted(before, row, kind) is taken, flip
        if flip.lever is Lever.DISRUPTION:
            assert (flip.needed < flip.now) is not taken


@given(questions(), st.integers(0, 7), st.sampled_from(KINDS))
@settings(max_examples=60, deadline=None)
def test_asking_changes_nothing(question: Question, row: int, kind: ActionKind) -> None:
    if row >= len(question.snapshot.vms):
        return
    before = (question.demand.curve.copy(), question.demand.wanted.copy())
    potential = question.ledger().potential()
    assert flips(question, row, kind) == flips(question, row, kind)
    assert np.array_equal(before[0], question.demand.curve)
    assert np.array_equal(before[1], question.demand.wanted)
    assert question.ledger().potential() == potential


@given(questions())
@settings(max_examples=120, deadline=None)
def test_every_cause_has_a_sentence_and_cures_are_in_order(question: Question) -> None:
    ledger = question.ledger()
    eligibility = Eligibility(ledger, question.cooling)
    potential = ledger.potential()
    for item in diagnose(ledger):
        assert item.because
        cures = cures_of(ledger, eligibility, item)
        worth = [cure for cure in cures if cure.refused is None and cure.whole and cure.kind]
        assert worth == sorted(worth, key=lambda cure: cure.disruption)
        assert all(cure.saving > cure.disruption for cure in worth)
        assert all(cure.words for cure in cures)
        if item.cause not in OVERSOLD:
            assert all(cure.subject.moid == item.vm.moid or item.pool >= 0 for cure in cures)
        assert all(isinstance(cure.refused, Reason | None) for cure in cures)
    assert ledger.potential() == potential
