"""What each kind of action would do for one VM, at the prices of now: the offer, or why not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.engine import move_worth
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.plan import Reason
from vsphere_market.market.terms import TermsTrader
from vsphere_market.market.trades import Move, Trade
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
        if self.trade is None or self.refused not in (None, Reason.NOT_WORTH_IT):
            return -np.inf
        return self.trade.saving - self.trade.disruption


def offer_of(ledger: Ledger, eligibility: Eligibility, row: int, kind: ActionKind) -> Offer:
    """The offer of a kind for the VM in that row. The ledger is only looked at."""
    if kind is ActionKind.MIGRATE:
        return best_move(ledger, eligibility, row)
    trader = TermsTrader(ledger, eligibility)
    change = trader.offer(row, kind)
    if isinstance(change, Reason):
        return Offer(kind, None, change)
    trade = trader.worth(change)
    refused = trader.why_no_room(change)
    if refused is None and not trade.worth_it:
        refused = Reason.NOT_WORTH_IT
    return Offer(kind, trade, refused)


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
    best = max(trades, key=lambda trade: trade.saving - trade.disruption)
    return Offer(kind, best, None if best.worth_it else Reason.NOT_WORTH_IT)


def neighbours(ledger: Ledger, row: int) -> list[int]:
    """Hosts of a VM's cluster, its own apart."""
    hosts, home = ledger.snapshot.hosts, int(ledger.host_of[row])
    if home < 0 or hosts.cluster[home] < 0:
        return []
    there = np.flatnonzero(hosts.cluster == hosts.cluster[home])
    return [host for host in there.tolist() if host != home]
