"""Putting a sequence of trades into waves that may run at the same time.

A migration occupies both ends until it ends. Steps of a wave are checked against the state before
the wave plus all of the wave's arrivals, none of its departures having left: whatever order they
finish in, no host is ever asked for more than it has.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np

from vsphere_market.market.acts import carry_out
from vsphere_market.market.eligibility import SLACK_MIB
from vsphere_market.market.engine import Question
from vsphere_market.market.goods import Space
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.trades import Change, Move, Power, Switch, Trade, What
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


class _Earlier:
    """Trades that come before, by what a later one may have to wait for; values are positions.

    Attributes:
        of_vm: of each VM.
        of_group: of each group.
        woke: what wakes each host.
        left: what leaves each host.
        moved: the last move of each VM.
        ends: the hosts that it left and went to.
        room: per host, MiB (3,) that a trade gives back there once it is done.
    """

    def __init__(self) -> None:
        self.trades: list[Trade] = []
        self.of_vm: defaultdict[int, list[int]] = defaultdict(list)
        self.of_group: defaultdict[int, list[int]] = defaultdict(list)
        self.woke: defaultdict[int, list[int]] = defaultdict(list)
        self.left: defaultdict[int, list[int]] = defaultdict(list)
        self.moved: dict[int, int] = {}
        self.ends: dict[int, tuple[int, int]] = {}
        self.room: defaultdict[int, list[tuple[int, FloatArray]]] = defaultdict(list)

    def add(self, trade: Trade) -> None:
        """One more."""
        at, what = len(self.trades), trade.what
        self.trades.append(trade)
        self.of_vm[what.vm].append(at)
        self.of_group[trade.group].append(at)
        match what:
            case Switch(host=host, on=True):
                self.woke[host].append(at)
            case Move() | Power():
                self.left[what.source].append(at)
                self.moved[what.vm] = at
                self.ends[what.vm] = (what.source, what.target)


def schedule(question: Question, trades: Sequence[Trade]) -> tuple[Slot, ...]:
    """Give every trade its wave and the earlier trades it needs; the order stays."""
    ledger = question.ledger()
    settings = question.settings
    slots: list[Slot] = []
    earlier = _Earlier()
    switches = {trade.group for trade in trades if isinstance(trade.what, Switch)} - {0}
    wave = 1
    inside = _Wave(len(ledger.snapshot.hosts))
    for at, trade in enumerate(trades):
        what = trade.what
        needs = _needs(ledger, earlier, trade, switches)
        joins = not any(slots[need].wave == wave for need in needs)
        if joins and isinstance(what, Move):
            busy = max(inside.busy[what.source], inside.busy[what.target])
            joins = (
                busy < settings.migrations_per_host
                and inside.moves < settings.migrations_at_once
                and _fits(ledger, what.vm, what.target, inside.leaving[what.target])
            )
        elif joins:
            host = _host_loaded(ledger, what)
            # A grown or reserved VM must fit beside those that have not left yet.
            joins = host < 0 or not inside.leaving[host].any()
        if not joins:
            wave += 1
            inside = _Wave(len(ledger.snapshot.hosts))
        if isinstance(what, Move):
            inside.busy[what.source] += 1
            inside.busy[what.target] += 1
            inside.moves += 1
        slots.append(Slot(wave, needs))
        before = ledger.occupied.copy()
        carry_out(ledger, what)
        given = np.maximum(before - ledger.occupied, 0.0)
        for host in np.flatnonzero((given > SLACK_MIB).any(axis=1)).tolist():
            inside.leaving[host] += given[host]
            earlier.room[host].append((at, given[host]))
        earlier.add(trade)
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
    return bool((asked <= ledger.ceiling[target] + SLACK_MIB).all())


def _host_loaded(ledger: Ledger, what: What) -> int:
    """The host that something asks for room, -1 for none."""
    match what:
        case Move() | Power():
            return what.target
        case Change():
            return int(ledger.host_of[what.vm])
        case _:
            return -1


def _needs(ledger: Ledger, earlier: _Earlier, trade: Trade, switches: Set[int]) -> tuple[int, ...]:
    """Earlier trades without which this one could not be done.

    Those of the same VM and of its group; what gave room on the host that it loads, if without it
    there were none; moves of VMs that a rule ties it to; and a host's waking, or its emptying.
    """
    what, vm = trade.what, trade.what.vm
    needs = set(earlier.of_vm[vm]) if vm >= 0 else set()
    needs |= _of_group(earlier, trade, switches)
    host = _host_loaded(ledger, what)
    needs.update(earlier.woke[host])
    if isinstance(what, Switch) and not what.on:
        needs.update(earlier.left[what.host])
    if isinstance(what, Move) and vm in ledger.rules.ruled:
        others = ledger.rules.makes_way(vm, what.source, host, earlier.ends)
        others |= ledger.rules.partners(vm) & earlier.moved.keys()
        needs |= {earlier.moved[other] for other in others}
    given = earlier.room[host]
    if given and host >= 0:
        still = sum((room for _, room in given), np.zeros(len(Space)))
        if not isinstance(what, Move) or not _fits(ledger, vm, host, still):
            needs |= {at for at, _ in given}
    return tuple(sorted(needs))


def _of_group(earlier: _Earlier, trade: Trade, switches: Set[int]) -> set[int]:
    """What of its group has to be done before.

    One after the other: what pays together only is not half begun where it cannot go on. Only moves
    that empty or fill a host do not wait for each other.
    """
    if not trade.group:
        return set()
    own = earlier.of_group[trade.group]
    if isinstance(trade.what, Switch):
        return set(own)
    if isinstance(trade.what, Move) and trade.group in switches:
        return {at for at in own if isinstance(earlier.trades[at].what, Switch)}
    return set(own[-1:])
