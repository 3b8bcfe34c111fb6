"""What each kind of action would do for one VM, at the prices of now: the offer, or why not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vsphere_market.market.acts import move_worth
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.plan import Reason
from vsphere_market.market.shifts import ShiftTrader
from vsphere_market.market.terms import TermsTrader
from vsphere_market.market.trades import Move, Power, StorageMove, Trade
from vsphere_market.port import ActionKind


@dataclass(frozen=True, slots=True)
class Offer:
    """One kind of action for one VM.

    Attributes:
        kind: of the action.
        trade: what would be done, None when there is nothing to offer.
        refused: why it is not possible, or not worth it; None when it is worth it.
    """

    kind: ActionKind
    trade: Trade | None
    refused: Reason | None

    @property
    def gain(self) -> float:
        """Points that doing it would leave the estate better off; minus infinity without one."""
        if self.trade is None or self.refused not in (None, Reason.NOT_WORTH_IT, Reason.CONTENT):
            return -np.inf
        return self.trade.saving - self.trade.disruption


def offer_of(ledger: Ledger, eligibility: Eligibility, row: int, kind: ActionKind) -> Offer:
    """The offer of a kind for the VM in that row. The ledger is only looked at."""
    if kind is ActionKind.MIGRATE:
        return best_move(ledger, eligibility, row)
    if kind in (ActionKind.STOP, ActionKind.START, ActionKind.MIGRATE_STORAGE):
        return _shift(ledger, ShiftTrader(ledger, eligibility), row, kind)
    trader = TermsTrader(ledger, eligibility)
    change = trader.offer(row, kind)
    if isinstance(change, Reason):
        return Offer(kind, None, change)
    trade = trader.worth(change)
    refused = trader.why_no_room(change)
    if refused is None and not trade.worth_it:
        refused = Reason.NOT_WORTH_IT
    return Offer(kind, trade, refused)


def _shift(ledger: Ledger, shifts: ShiftTrader, row: int, kind: ActionKind) -> Offer:
    """The offer to stop or start a VM, or to move its files."""
    what: Power | StorageMove | Reason
    if kind is ActionKind.MIGRATE_STORAGE:
        what = shifts.store_offer(row)
    else:
        what = shifts.stop_offer(row) if kind is ActionKind.STOP else shifts.start_offer(row)
    if isinstance(what, Reason):
        return Offer(kind, None, what)
    trade = shifts.worth(what)
    return Offer(kind, trade, None if trade.worth_it else Reason.NOT_WORTH_IT)


def best_move(ledger: Ledger, eligibility: Eligibility, row: int) -> Offer:
    """The migration that would leave the estate best off."""
    kind = ActionKind.MIGRATE
    reason = eligibility.why_not_trade(row, kind)
    if reason is not None:
        return Offer(kind, None, reason)
    trades, reasons = [], set()
    source = int(ledger.host_of[row])
    for target in neighbours(ledger, row):
        barred = eligibility.why_not_move(row, target)
        if barred is None:
            trades.append(move_worth(ledger, Move(row, source, target)))
        else:
            reasons.add(barred)
    if not trades:
        return Offer(kind, None, reasons.pop() if len(reasons) == 1 else Reason.NO_CURE)
    best = max(trades, key=lambda trade: (trade.mends, trade.saving - trade.disruption))
    if best.worth_it:
        return Offer(kind, best, None)
    content = best.content and best.saving > best.hurdle
    return Offer(kind, best, Reason.CONTENT if content else Reason.NOT_WORTH_IT)


def neighbours(ledger: Ledger, row: int) -> list[int]:
    """Hosts that sell to the VM, its own apart."""
    home = int(ledger.host_of[row])
    if home < 0 or ledger.market[home] < 0:
        return []
    there = np.flatnonzero(ledger.market == ledger.market[home])
    return [host for host in there.tolist() if host != home]
