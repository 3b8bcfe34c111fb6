"""The market itself, as ``run`` drives it: history, cool-downs, budgets and plan order included."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from vsphere_market.control.memory import Memory, cooling, observed
from vsphere_market.demand import DemandHistory, DemandSettings, estimate_demand
from vsphere_market.demand.history import HOURS
from vsphere_market.estate import Snapshot
from vsphere_market.market import MarketSettings, Question
from vsphere_market.market.acts import carry_out
from vsphere_market.market.budgets import PastMove
from vsphere_market.market.engine import clear
from vsphere_market.market.modes import mode_of
from vsphere_market.market.planner import partners_of
from vsphere_market.market.steps import action_of, with_power_cycles
from vsphere_market.market.waves import schedule
from vsphere_market.policy import Mode, Rulebook, compile_rulebook, default_rulebook
from vsphere_market.port import ActionKind
from vsphere_market.proving.controller import PERIOD_S, Circumstances, Order, Parameters


class Market:
    """Our controller.

    Args:
        circumstances: what it may do, and policies.
        parameters: values of ``MarketSettings`` and ``DemandSettings`` by name, and ``hours`` of
            history to remember.
    """

    def __init__(self, circumstances: Circumstances, parameters: Parameters) -> None:
        self.period_s = PERIOD_S
        self._circumstances = circumstances
        hours = parameters.get("hours")
        self._demand = DemandSettings(**chosen(DemandSettings, parameters))
        span = HOURS if hours is None else int(hours)
        self.memory = Memory(DemandHistory(span, self._demand.peak_share))
        self._market = MarketSettings(**chosen(MarketSettings, parameters))

    def watch(self, snapshot: Snapshot, now_s: float) -> None:
        """Remember, as a loop does that only recommends."""
        observed(self.memory, snapshot, self._demand)

    def decide(
        self, snapshot: Snapshot, now_s: float, moves: Sequence[PastMove]
    ) -> Sequence[Order]:
        """Let the market clear; the plan's own order and dependencies are kept."""
        rulebook = allowed_rulebook(self._circumstances, snapshot)
        memory = self.memory
        observed(memory, snapshot, self._demand)
        question = Question(
            snapshot=snapshot,
            demand=estimate_demand(snapshot, memory.history, self._demand, memory.sizes),
            rulebook=rulebook,
            settings=self._market,
            cooling=cooling(snapshot, rulebook, moves, now_s),
            past=tuple(moves),
            now_s=now_s,
        )
        return orders_of(question)


def orders_of(question: Question) -> list[Order]:
    """The steps that the plan would have and that may be done, in its order.

    A step that needs one that may not be done is left out. Quotes, reasons and refusals, which take
    most of the time of a plan, are not worked out: nobody reads them here.
    """
    ledger = question.ledger()
    trades = with_power_cycles(ledger, clear(question).trades)
    modes = [mode_of(ledger, trade.what) for trade in trades]
    partners = partners_of(trades)
    place: dict[int, int] = {}
    orders: list[Order] = []
    for at, (trade, slot) in enumerate(zip(trades, schedule(question, trades), strict=True)):
        # As in a plan: of trades that pay together only, the most cautious mode decides.
        mode = min((modes[other] for other in partners[at]), default=modes[at])
        if mode >= Mode.APPROVE and all(need in place for need in slot.needs):
            place[at] = len(orders)
            after = tuple(place[need] for need in slot.needs)
            orders.append(Order(action_of(ledger, trade.what), after))
        carry_out(ledger, trade.what)
    return orders


def allowed_rulebook(circumstances: Circumstances, snapshot: Snapshot) -> Rulebook:
    """The rulebook of a trial; without policies everything of the allowed kinds is automatic."""
    if circumstances.policies.documents:
        rulebook = compile_rulebook(circumstances.policies, snapshot).rulebook
    else:
        rulebook = default_rulebook(snapshot, Mode.AUTOMATIC)
    modes = {
        kind: rulebook.modes[kind]
        if kind in circumstances.kinds
        else np.full_like(rulebook.modes[kind], Mode.OFF)
        for kind in ActionKind
    }
    return dataclasses.replace(rulebook, modes=modes)


def chosen(kind: Any, parameters: Parameters) -> dict[str, Any]:
    """Those of the parameters that a settings class has, in the types it wants."""
    types = {field.name: field.type for field in dataclasses.fields(kind)}
    return {
        name: int(float(value)) if types[name] == "int" else float(value)
        for name, value in parameters.items()
        if name in types
    }
