"""Doing nothing: what ESXi does by itself."""

from __future__ import annotations

from collections.abc import Sequence

from vsphere_market.estate import Snapshot
from vsphere_market.market.budgets import PastMove
from vsphere_market.proving.controller import PERIOD_S, Order


class Nothing:
    """Leaves everything to the hosts."""

    def __init__(self) -> None:
        self.period_s = PERIOD_S

    def decide(
        self, snapshot: Snapshot, now_s: float, moves: Sequence[PastMove]
    ) -> Sequence[Order]:
        """No orders."""
        return ()
