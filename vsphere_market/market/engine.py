"""The market at work: stages in order until no stage finds a trade, then one clean sequence.

Inside, a VM may change its mind while prices move. Nobody wants to see that: the sequence that
comes out moves each VM at most once, from where it is to where it ends, and each trade in it is
feasible and worth it at its place in the sequence. What could not be put in sequence is not done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vsphere_market.demand import Demand
from vsphere_market.estate import Snapshot
from vsphere_market.market.budgets import PastMove
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.placement import disruption, marketplaces
from vsphere_market.market.plan import Reason
from vsphere_market.market.settings import MarketSettings
from vsphere_market.market.terms import TermsTrader, changed_terms
from vsphere_market.market.trades import Change, Move, Trade
from vsphere_market.policy import Rulebook
from vsphere_market.units import BoolArray

#: Rounds of all stages; two are the rule, the bound is a belt.
MAX_ROUNDS = 50
#: How often a sequence is put together anew before VMs are put to rest.
MAX_REVISIONS = 6


@dataclass(frozen=True, slots=True)
class Question:
    """Everything that a decision depends on.

    Attributes:
        snapshot: the estate.
        demand: what its VMs want.
        rulebook: what the business wants.
        settings: the market's constants.
        cooling: (V,) VMs that were moved too short a while ago.
        past: migrations that disruption budgets count, as far back as the longest window.
        now_s: Unix time at the source, up to which budgets' windows reach; None for the time at
            which the snapshot was taken.
        settling: rows of VMs that were given memory a short while ago and are not grown yet.
    """

    snapshot: Snapshot
    demand: Demand
    rulebook: Rulebook
    settings: MarketSettings
    cooling: BoolArray
    past: tuple[PastMove, ...] = ()
    now_s: float | None = None
    settling: frozenset[int] = frozenset()

    def ledger(self) -> Ledger:
        """A fresh ledger of the estate as it stands."""
        return Ledger(
            self.snapshot,
            self.demand,
            self.rulebook,
            self.settings,
            self.past,
            self.now_s,
            self.settling,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What the market does.

    Attributes:
        trades: in order; each feasible and worth it after its predecessors.
        before: potential as the estate stands.
        after: potential after all trades.
        ledger: state after all trades.
    """

    trades: tuple[Trade, ...]
    before: float
    after: float
    ledger: Ledger


def clear(question: Question) -> Answer:
    """Trade until nobody wants to, and put the trades in sequence.

    A sequence is accepted when each VM changes each thing once and, after it, nobody wants to
    trade: then planning again gives nothing. When minds keep changing, VMs that have moved are put
    to rest for the remainder, and the cool-down keeps them there after the plan is done.
    """
    before = question.ledger().potential()
    sequence: list[Trade] = []
    wishes: list[Trade] = []
    for _ in range(MAX_REVISIONS):
        ledger = question.ledger()
        eligibility = Eligibility(ledger, question.cooling)
        sequence = _replay(ledger, eligibility, _net(wishes))
        more = _quiescence(ledger, eligibility)
        if not more or _each_once(sequence + more):
            sequence += more
            break
        wishes = sequence + more
    else:
        ledger = question.ledger()
        sequence = _replay(ledger, Eligibility(ledger, question.cooling), _net(wishes))
        _finish_at_rest(question, ledger, sequence)
    ledger.recount()
    return Answer(tuple(sequence), before, ledger.potential(), ledger)


def _finish_at_rest(question: Question, ledger: Ledger, sequence: list[Trade]) -> None:
    """Let VMs that have not been moved go on trading; those that have, rest.

    Of each round everything up to a VM's second move is kept, so each moves once, and the end is
    quiet under the cool-down. Settings may be changed again.
    """
    resting = question.cooling.copy()
    while True:
        resting[[trade.what.vm for trade in sequence if isinstance(trade.what, Move)]] = True
        trial = question.ledger()
        for trade in sequence:
            carry_out(trial, trade.what)
        wished = _quiescence(trial, Eligibility(trial, resting))
        fresh: list[Trade] = []
        for trade in wished:
            if isinstance(trade.what, Move) and any(
                isinstance(other.what, Move) and other.what.vm == trade.what.vm for other in fresh
            ):
                break
            fresh.append(trade)
            carry_out(ledger, trade.what)
        sequence += fresh
        if not fresh or len(fresh) == len(wished):
            return


def _quiescence(ledger: Ledger, eligibility: Eligibility) -> list[Trade]:
    """All stages again and again until a whole round finds nothing."""
    terms = TermsTrader(ledger, eligibility)
    done: list[Trade] = []

    def place() -> list[Trade]:
        trades: list[Trade] = []
        for marketplace in marketplaces(ledger, eligibility):
            vms = max(len(marketplace.vms), 1)
            cost = float(
                ledger.supply.cost(ledger.load[marketplace.hosts], marketplace.hosts).sum()
            )
            trades += marketplace.trade(ledger.settings.minimum_saving * cost / vms)
        return trades

    stages: tuple[Callable[[], list[Trade]], ...] = (
        terms.mend,
        place,
        terms.grow,
        terms.guarantee,
        terms.free_idle,
    )
    for _ in range(MAX_ROUNDS):
        found: list[Trade] = []
        for stage in stages:
            found += stage()
        if not found:
            break
        done += found
        ledger.recount()
    return done


def _each_once(trades: list[Trade]) -> bool:
    subjects = [(trade.what.vm, trade.what.kind) for trade in trades]
    return len(set(subjects)) == len(subjects)


def _net(trades: list[Trade]) -> list[Move | Change]:
    """First state to last state of each VM and kind, at the place of its last trade.

    At the last place, because what it ends with was possible and worth it then.
    """
    net: dict[tuple[int, str], Move | Change] = {}
    for trade in trades:
        what = trade.what
        key = (what.vm, what.kind.value)
        first = net.pop(key, None)
        if isinstance(what, Move):
            start = first.source if isinstance(first, Move) else what.source
            net[key] = Move(what.vm, start, what.target)
        else:
            before = first.before if isinstance(first, Change) else what.before
            net[key] = Change(what.vm, what.kind, before, what.after)
    return [
        what for what in net.values() if not (isinstance(what, Move) and what.source == what.target)
    ]


def _replay(ledger: Ledger, eligibility: Eligibility, wishes: list[Move | Change]) -> list[Trade]:
    """Do the wishes in order where they are possible and worth it; try the rest again after."""
    terms = TermsTrader(ledger, eligibility)
    done: list[Trade] = []
    left = wishes
    while left:
        waiting: list[Move | Change] = []
        for what in left:
            trade = _tried(ledger, eligibility, terms, what)
            if trade is None:
                waiting.append(what)
            else:
                done.append(trade)
        if len(waiting) == len(left):
            break
        left = waiting
    return done


def _tried(
    ledger: Ledger, eligibility: Eligibility, terms: TermsTrader, what: Move | Change
) -> Trade | None:
    """Do one wish if it is possible and worth it now."""
    if isinstance(what, Move):
        if eligibility.why_not_move(what.vm, what.target) is not None:
            return None
        trade = move_worth(ledger, what)
    else:
        offered = terms.offer(what.vm, what.kind)
        if isinstance(offered, Reason) or terms.why_no_room(what) is not None:
            return None
        trade = terms.worth(what)
    if not trade.worth_it:
        return None
    carry_out(ledger, what)
    return trade


def move_worth(ledger: Ledger, move: Move) -> Trade:
    """What a move would save and cost now, without doing it."""
    rows = np.array([move.vm])
    taken = ledger.taken[move.vm]
    pair = np.array([move.source, move.target])
    loads = ledger.load[pair]
    without = np.stack([np.maximum(loads[0] - taken, 0.0), loads[1]])
    alone = np.stack([without[0], loads[1] + taken])
    start, left, arrived = (ledger.supply.cost(state, pair) for state in (loads, without, alone))
    rules = ledger.rules.costs(move.vm, move.source)
    here = float(start[0] - left[0] + rules[move.source])
    there = float(arrived[1] - start[1] + rules[move.target])
    cost = float(disruption(ledger, rows, np.array([move.target]))[0, 0])
    band = ledger.settings.discount * max(here, 0.0)
    return Trade(move, here - there, cost, max(cost, band))


def carry_out(ledger: Ledger, what: Move | Change) -> None:
    """Do a move or change on the ledger, asking nothing."""
    if isinstance(what, Move):
        ledger.move(what.vm, what.target)
    else:
        ledger.change(what.vm, changed_terms(ledger, what))
