"""An oracle: it knows what every guest will really want during the next hour.

It places (and, where allowed, sizes) with the market's own engine, on true working sets in place of
estimates. It is no rival but a yardstick: what it cannot cure, nobody is blamed for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from vsphere_market.demand import estimate_demand
from vsphere_market.estate import Snapshot
from vsphere_market.market import MarketSettings, Question, make_plan
from vsphere_market.market.budgets import PastMove
from vsphere_market.proving.controller import PERIOD_S, Circumstances, Order, Parameters
from vsphere_market.proving.rivals.ours import allowed_rulebook, chosen, orders_of
from vsphere_market.units import FloatArray


class Oracle:
    """The market's engine with foresight.

    Args:
        circumstances: must hold the foresight.
        parameters: ``horizon_min`` it sees, ``slots`` it divides them into, ``cooldown_min`` for
            which it leaves a VM alone, and any of ``MarketSettings``.
    """

    def __init__(self, circumstances: Circumstances, parameters: Parameters) -> None:
        assert circumstances.foresight is not None, "an oracle is given the future"
        self.period_s = PERIOD_S
        self._circumstances = circumstances
        self._future = circumstances.foresight
        self._horizon_s = 60.0 * float(parameters.get("horizon_min", DEFAULTS["horizon_min"]))
        self._slots = int(float(parameters.get("slots", DEFAULTS["slots"])))
        self._rest_s = 60.0 * float(parameters.get("cooldown_min", DEFAULTS["cooldown_min"]))
        self._market = MarketSettings(**chosen(MarketSettings, parameters))

    def decide(
        self, snapshot: Snapshot, now_s: float, moves: Sequence[PastMove]
    ) -> Sequence[Order]:
        """Let the market clear on true demand."""
        seen = estimate_demand(snapshot)
        working, held = self._future.window(now_s, self._horizon_s)
        running = seen.running
        size = snapshot.vms.size_mib
        curve = np.minimum(slotted(working, self._slots), size[:, None]) * running[:, None]
        footprint = np.where(
            running, np.minimum(np.maximum(held.max(axis=0), curve.max(1)), size), 0
        )
        demand = dataclasses.replace(
            seen,
            footprint=np.maximum(footprint, curve.max(axis=1)),
            wanted=np.where(running, working.max(axis=0), 0.0),
            curve=curve,
            date_weight=np.full(curve.shape[1], 1.0 / curve.shape[1]),
            known=running.copy(),
        )
        rulebook = allowed_rulebook(self._circumstances, snapshot)
        resting = np.zeros(len(size), dtype=np.bool_)
        for move in moves:
            if now_s - move.ended_s < self._rest_s:
                resting[snapshot.vms.row(move.vm)] = True
        plan = make_plan(Question(snapshot, demand, rulebook, self._market, resting), now_s)
        return orders_of(plan)


#: Parameters of its own, beside ``MarketSettings``.
DEFAULTS = {"horizon_min": 60.0, "slots": 6.0, "cooldown_min": 30.0}


def slotted(working: FloatArray, slots: int) -> FloatArray:
    """(V, S) largest value in each of S parts of the time of (T, V)."""
    parts = np.array_split(working, min(slots, len(working)))
    return np.stack([part.max(axis=0) for part in parts], axis=1)
