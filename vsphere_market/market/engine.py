"""The market at work: stages in order until no stage finds a trade, then one clean sequence.

Inside, a VM may change its mind while prices move. Nobody wants to see that: the sequence that
comes out moves each VM at most once, from where it is to where it ends, and each trade in it is
feasible and worth it at its place in the sequence. What could not be put in sequence is not done.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from vsphere_market.demand import Demand
from vsphere_market.estate import Snapshot
from vsphere_market.market.acts import carry_out, move_worth, worth_of
from vsphere_market.market.budgets import PastMove
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.netting import Key, Wish, grouped, key_of, net
from vsphere_market.market.placement import Marketplace, marketplaces
from vsphere_market.market.plan import Reason
from vsphere_market.market.settings import MarketSettings
from vsphere_market.market.shifts import ShiftTrader
from vsphere_market.market.switchboard import Switchboard
from vsphere_market.market.terms import TermsTrader
from vsphere_market.market.trades import (
    Change,
    Move,
    PoolChange,
    Power,
    StorageMove,
    Switch,
    Trade,
    What,
    worth_it,
)
from vsphere_market.policy import Rulebook
from vsphere_market.units import BoolArray

__all__ = ["Answer", "Question", "carry_out", "clear", "move_worth"]

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
        resting_stores: rows of datastores that files were copied from or to a short while ago.
    """

    snapshot: Snapshot
    demand: Demand
    rulebook: Rulebook
    settings: MarketSettings
    cooling: BoolArray
    past: tuple[PastMove, ...] = ()
    now_s: float | None = None
    settling: frozenset[int] = frozenset()
    resting_stores: frozenset[int] = frozenset()

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
            self.resting_stores,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What the market does.

    Attributes:
        trades: in order; each feasible and worth it after its predecessors.
        before: potential as the estate stands.
        after: potential after all trades.
        broken: breaches of mandatory rules as the estate stands.
        ledger: state after all trades.
        places: where nothing was traded, the marketplaces that were asked; () otherwise.
    """

    trades: tuple[Trade, ...]
    before: float
    after: float
    broken: int
    ledger: Ledger
    places: tuple[Marketplace, ...] = ()


def clear(question: Question) -> Answer:
    """Trade until nobody wants to, and put the trades in sequence.

    A sequence is accepted when each VM changes each thing once and, after it, nobody wants to
    trade. When minds keep changing, the last one is taken. Then those that have not been moved go
    on with the others at rest, where the cool-down keeps them after the plan is done: fewer VMs are
    searched more thoroughly, and planning again is to give nothing.
    """
    ledger = question.ledger()
    before, broken = ledger.potential(), ledger.breaches()
    sequence: list[Trade] = []
    wishes: list[Trade] = []
    places: list[Marketplace] = []
    for _ in range(MAX_REVISIONS):
        if wishes:
            ledger = question.ledger()
        eligibility = Eligibility(ledger, question.cooling)
        sequence = _replay(ledger, eligibility, net(wishes))
        more, places = _quiescence(ledger, eligibility)
        if not more or _each_once(sequence + more):
            sequence += more
            break
        wishes = sequence + more
    else:
        ledger = question.ledger()
        sequence = _replay(ledger, Eligibility(ledger, question.cooling), net(wishes))
    if any(isinstance(trade.what, Move) for trade in sequence):
        _finish_at_rest(ledger, question.cooling, sequence)
    ledger.recount()
    quiet = () if sequence or wishes else tuple(places)
    return Answer(tuple(sequence), before, ledger.potential(), broken, ledger, quiet)


def _finish_at_rest(ledger: Ledger, cooling: BoolArray, sequence: list[Trade]) -> None:
    """Let VMs that have not been moved go on trading; those that have, rest.

    Of each round everything up to a VM's second move is kept, so each moves once, and the end is
    quiet under the cool-down; and no host is put to rest and woken in one plan. Settings may be
    changed again.
    """
    resting = cooling.copy()
    while True:
        resting[[trade.what.vm for trade in sequence if isinstance(trade.what, Move)]] = True
        settled = frozenset(trade.what.host for trade in sequence if isinstance(trade.what, Switch))
        before = ledger.mark()
        wished, _ = _quiescence(ledger, Eligibility(ledger, resting), settled)
        fresh: list[Trade] = []
        moved: set[Key] = set()
        for group in grouped(wished):
            movers = {key_of(t.what) for t in group if isinstance(t.what, Move | Switch)}
            if movers & moved:
                break
            moved |= movers
            fresh += group
        if len(fresh) < len(wished):
            ledger.back(before)
            for trade in fresh:
                carry_out(ledger, trade.what)
        sequence += fresh
        if not fresh or len(fresh) == len(wished):
            return


def _quiescence(
    ledger: Ledger, eligibility: Eligibility, settled: frozenset[int] = frozenset()
) -> tuple[list[Trade], list[Marketplace]]:
    """All stages again and again until a whole round finds nothing; ``settled`` hosts stay.

    Returns the trades that were done, and the marketplaces as they were left.
    """
    terms = TermsTrader(ledger, eligibility)
    shifts = ShiftTrader(ledger, eligibility)
    switches = Switchboard(ledger, eligibility, settled)
    done: list[Trade] = []

    # Quotes of clusters hold as long as nothing is traded but places in them.
    kept: list[Marketplace] = []

    def place() -> list[Trade]:
        nonlocal kept
        trades: list[Trade] = []
        kept = marketplaces(ledger, eligibility, kept)
        for marketplace in kept:
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
        terms.shrink,
        terms.guarantee,
        terms.rank,
        terms.free_idle,
        shifts.store,
        shifts.stop,
        shifts.start,
        switches.wake,
        switches.rest,
    )
    for _ in range(MAX_ROUNDS):
        found: list[Trade] = []
        for stage in stages:
            some = stage()
            found += some
            if some and stage is not place:
                kept = []
        if not found:
            break
        done += found
        ledger.recount()
    return done, kept


def _each_once(trades: list[Trade]) -> bool:
    subjects = [key_of(trade.what) for trade in trades]
    return len(set(subjects)) == len(subjects)


def _replay(ledger: Ledger, eligibility: Eligibility, wishes: list[Wish]) -> list[Trade]:
    """Do the wishes in order where they are possible and worth it; try the rest again after."""
    terms = TermsTrader(ledger, eligibility)
    done: list[Trade] = []
    left = wishes
    while left:
        waiting: list[Wish] = []
        for wish in left:
            trades = _granted(ledger, eligibility, terms, wish)
            if trades:
                done += trades
            else:
                waiting.append(wish)
        if len(waiting) == len(left):
            break
        left = waiting
    return done


def _granted(
    ledger: Ledger, eligibility: Eligibility, terms: TermsTrader, wish: Wish
) -> list[Trade]:
    """Do one wish if it is possible and worth it now: all of it, or nothing."""
    if len(wish) == 1:
        trade = _tried(ledger, eligibility, terms, wish[0])
        if trade is None or not trade.worth_it:
            return []
        carry_out(ledger, trade.what)
        return [trade]
    before = ledger.mark()
    left, done = list(wish), list[Trade]()
    while left:
        for what in left:
            trade = _tried(ledger, eligibility, terms, what)
            if trade is not None:
                break
        else:
            break
        left.remove(what)
        carry_out(ledger, what)
        done.append(trade)
    if left or not worth_it(done):
        ledger.back(before)
        return []
    group = next(ledger.groups)
    return [replace(trade, group=group) for trade in done]


def _tried(
    ledger: Ledger, eligibility: Eligibility, terms: TermsTrader, what: What
) -> Trade | None:
    """What one trade is worth now, if it is possible."""
    match what:
        case Move():
            if eligibility.why_not_move(what.vm, what.target) is not None:
                return None
            return move_worth(ledger, what)
        case Change():
            offered = terms.offer(what.vm, what.kind)
            if isinstance(offered, Reason) or not _same(offered.before, what.before):
                return None
            return None if terms.why_no_room(what) is not None else terms.worth(what)
        case Power() | StorageMove():
            shifts = ShiftTrader(ledger, eligibility)
            # Offered anew: the host, or the datastore, that is best now.
            found = _shift_offer(shifts, what)
            if isinstance(found, Reason) or found != what:
                return None
            return shifts.worth(what)
        case PoolChange():
            return worth_of(ledger, what, ledger.settings.change_cost)
        case _:
            # A host is emptied, or filled, by other VMs than before: that is found anew.
            return None


def _same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def _shift_offer(shifts: ShiftTrader, what: Power | StorageMove) -> Power | StorageMove | Reason:
    if isinstance(what, StorageMove):
        return shifts.store_offer(what.vm)
    return shifts.stop_offer(what.vm) if what.target < 0 else shifts.start_offer(what.vm)
