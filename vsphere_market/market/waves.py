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
                and _fits(ledger, what.vm, what.target, inside.leaving, inside.releasing)
            )
        elif joins:
            host = int(ledger.host_of[what.vm])
            # A grown or reserved VM must fit beside those that have not left yet.
            joins = not inside.leaving[host] > 0
        if not joins:
            wave += 1
            inside = _Wave(len(ledger.snapshot.hosts))
        if isinstance(what, Move):
            pinned = ledger.supply.goods[2].columns.start
            inside.busy[what.source] += 1
            inside.busy[what.target] += 1
            inside.moves += 1
            inside.leaving[what.source] += ledger.taken[what.vm, pinned]
            inside.releasing[what.source] += ledger.admitted(what.vm)
        slots.append(Slot(wave, needs))
        carry_out(ledger, what)
    return tuple(slots)


class _Wave:
    """What the present wave occupies: per host, migrations, and memory not yet left."""

    def __init__(self, hosts: int) -> None:
        self.busy: Counter[int] = Counter()
        self.moves = 0
        self.leaving: FloatArray = np.zeros(hosts)
        self.releasing: FloatArray = np.zeros(hosts)


def _fits(ledger: Ledger, vm: int, target: int, leaving: FloatArray, releasing: FloatArray) -> bool:
    pinned = ledger.supply.goods[2].columns.start
    load = ledger.load[target, pinned] + leaving[target] + ledger.taken[vm, pinned]
    held = ledger.reserved[target] + releasing[target] + ledger.admitted(vm)
    return bool(
        load <= ledger.supply.usable[target] + SLACK_MIB
        and held <= ledger.supply.physical[target] + SLACK_MIB
    )


def _needs(ledger: Ledger, earlier: tuple[Trade, ...], trade: Trade) -> tuple[int, ...]:
    """Earlier trades without which this one could not be done.

    Those of the same VM; departures from the host it loads, if without them there were no room;
    and moves of VMs that a rule ties it to.
    """
    vm = trade.what.vm
    kin = ledger.rules.kin(vm)
    host = trade.what.target if isinstance(trade.what, Move) else int(ledger.host_of[vm])
    departures = [
        at
        for at, before in enumerate(earlier)
        if isinstance(before.what, Move) and before.what.source == host
    ]
    needs = {at for at, before in enumerate(earlier) if before.what.vm == vm}
    needs |= {
        at
        for at, before in enumerate(earlier)
        if before.what.vm in kin and isinstance(before.what, Move)
    }
    if departures:
        pinned = ledger.supply.goods[2].columns.start
        gone = [earlier[at].what.vm for at in departures]
        leaving = np.zeros(len(ledger.snapshot.hosts))
        leaving[host] = float(ledger.taken[gone, pinned].sum())
        releasing = np.zeros(len(ledger.snapshot.hosts))
        releasing[host] = sum(ledger.admitted(other) for other in gone)
        if not isinstance(trade.what, Move) or not _fits(ledger, vm, host, leaving, releasing):
            needs |= set(departures)
    return tuple(sorted(needs))
