"""Putting a sequence of trades into waves that may run at the same time.

A migration occupies both ends until it ends. Steps of a wave are checked against the state before
the wave plus all of the wave's arrivals, none of its departures having left: whatever order they
finish in, no host is ever asked for more than it has.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from vsphere_market.market.eligibility import SLACK_MIB
from vsphere_market.market.engine import Question, carry_out
from vsphere_market.market.goods import Space
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.trades import Move, Trade
from vsphere_market.units import FloatArray


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a trade stands in the plan.

    Attributes:
        wave: from 1.
        needs: positions of earlier trades that must have succeeded.
    """

    wave: int
    needs: tuple[int, ...]


def schedule(question: Question, trades: tuple[Trade, ...]) -> tuple[Slot, ...]:
    """Give every trade its wave and the earlier trades it needs; the order stays."""
    ledger = question.ledger()
    settings = question.settings
    slots: list[Slot] = []
    wave = 1
    inside = _Wave(len(ledger.snapshot.hosts))
    for at, trade in enumerate(trades):
        what = trade.what
        needs = _needs(ledger, trades[:at], trade)
        joins = not any(slots[need].wave == wave for need in needs)
        if joins and isinstance(what, Move):
            busy = max(inside.busy[what.source], inside.busy[what.target])
            joins = (
                busy < settings.migrations_per_host
                and inside.moves < settings.migrations_at_once
                and _fits(ledger, what.vm, what.target, inside.leaving[what.target])
            )
        elif joins:
            host = int(ledger.host_of[what.vm])
            # A grown or reserved VM must fit beside those that have not left yet.
            joins = not inside.leaving[host].any()
        if not joins:
            wave += 1
            inside = _Wave(len(ledger.snapshot.hosts))
        if isinstance(what, Move):
            inside.busy[what.source] += 1
            inside.busy[what.target] += 1
            inside.moves += 1
            inside.leaving[what.source] += ledger.needs[what.vm]
        slots.append(Slot(wave, needs))
        carry_out(ledger, what)
    return tuple(slots)


class _Wave:
    """What the present wave occupies: per host, migrations, and memory not yet left."""

    def __init__(self, hosts: int) -> None:
        self.busy: Counter[int] = Counter()
        self.moves = 0
        self.leaving: FloatArray = np.zeros((hosts, len(Space)))


def _fits(ledger: Ledger, vm: int, target: int, leaving: FloatArray) -> bool:
    """There is room for the VM although what is ``leaving`` (3,) has not left yet."""
    asked = ledger.occupied[target] + leaving + ledger.needs[vm]
    return bool((asked <= ledger.supply.space[target] + SLACK_MIB).all())


def _needs(ledger: Ledger, earlier: tuple[Trade, ...], trade: Trade) -> tuple[int, ...]:
    """Earlier trades without which this one could not be done.

    Those of the same VM; departures from the host it loads, if without them there were no room;
    and moves of VMs that a rule ties it to.
    """
    vm = trade.what.vm
    kin = ledger.rules.partners(vm)
    host = trade.what.target if isinstance(trade.what, Move) else int(ledger.host_of[vm])
    departures = [
        at
        for at, before in enumerate(earlier)
        if isinstance(before.what, Move) and before.what.source == host
    ]
    needs = {at for at, before in enumerate(earlier) if before.what.vm == vm}
    if trade.group and earlier and earlier[-1].group == trade.group:
        # One after the other: what pays together only is not half begun where it cannot go on.
        needs.add(len(earlier) - 1)
    needs |= {
        at
        for at, before in enumerate(earlier)
        if before.what.vm in kin and isinstance(before.what, Move)
    }
    if isinstance(trade.what, Move):
        gone = {earlier[at].what.vm: at for at in departures}
        moved = {
            before.what.vm: at for at, before in enumerate(earlier) if isinstance(before.what, Move)
        }
        leavers = ledger.rules.makes_way(vm, host, gone.keys(), moved.keys())
        needs |= {moved[other] for other in leavers}
    if departures:
        leaving = ledger.needs[[earlier[at].what.vm for at in departures]].sum(axis=0)
        if not isinstance(trade.what, Move) or not _fits(ledger, vm, host, leaving):
            needs |= set(departures)
    return tuple(sorted(needs))
