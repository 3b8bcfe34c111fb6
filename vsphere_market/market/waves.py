"""Putting a sequence of trades into waves that may run at the same time.

A migration occupies both ends until it ends. Steps of a wave are checked against the state before
the wave plus all of the wave's arrivals, none of its departures having left: whatever order they
finish in, no host is ever asked for more than it has.
"""

from __future__ import annotations

from collections import Counter
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


@dataclass(frozen=True, slots=True, eq=False)
class _Release:
    """Room that a trade gives back on a host once it is done.

    Attributes:
        at: position of the trade.
        host: row of the host.
        room: (3,) MiB.
    """

    at: int
    host: int
    room: FloatArray


def schedule(question: Question, trades: Sequence[Trade]) -> tuple[Slot, ...]:
    """Give every trade its wave and the earlier trades it needs; the order stays."""
    ledger = question.ledger()
    settings = question.settings
    slots: list[Slot] = []
    releases: list[_Release] = []
    switches = {trade.group for trade in trades if isinstance(trade.what, Switch)} - {0}
    wave = 1
    inside = _Wave(len(ledger.snapshot.hosts))
    for at, trade in enumerate(trades):
        what = trade.what
        needs = _needs(ledger, trades[:at], trade, releases, switches)
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
            releases.append(_Release(at, host, given[host]))
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


def _needs(
    ledger: Ledger,
    earlier: Sequence[Trade],
    trade: Trade,
    releases: Sequence[_Release],
    switches: Set[int],
) -> tuple[int, ...]:
    """Earlier trades without which this one could not be done.

    Those of the same VM and of its group; what gave room on the host that it loads, if without it
    there were none; moves of VMs that a rule ties it to; and a host's waking, or its emptying.
    """
    what, vm = trade.what, trade.what.vm
    needs = {at for at, before in enumerate(earlier) if vm >= 0 and before.what.vm == vm}
    needs |= _of_group(earlier, trade, switches)
    host = _host_loaded(ledger, what)
    for at, before in enumerate(earlier):
        match before.what, what:
            case Switch(host=woken, on=True), _ if woken == host:
                needs.add(at)
            case Move() | Power() as left, Switch(on=False) if left.source == what.host:
                needs.add(at)
    if isinstance(what, Move) and vm in ledger.rules.ruled:
        kin = ledger.rules.partners(vm)
        moved = {
            before.what.vm: at
            for at, before in enumerate(earlier)
            if isinstance(before.what, Move | Power)
        }
        needs |= {at for other, at in moved.items() if other in kin}
        ends = {
            before.what.vm: (before.what.source, before.what.target)
            for before in earlier
            if isinstance(before.what, Move | Power)
        }
        others = ledger.rules.makes_way(vm, what.source, host, ends)
        needs |= {moved[other] for other in others}
    given = [release for release in releases if release.host == host]
    if given and host >= 0:
        still = sum((release.room for release in given), np.zeros(len(Space)))
        if not isinstance(what, Move) or not _fits(ledger, vm, host, still):
            needs |= {release.at for release in given}
    return tuple(sorted(needs))


def _of_group(earlier: Sequence[Trade], trade: Trade, switches: Set[int]) -> set[int]:
    """What of its group has to be done before.

    One after the other: what pays together only is not half begun where it cannot go on. Only moves
    that empty or fill a host do not wait for each other.
    """
    if not trade.group:
        return set()
    own = [at for at, before in enumerate(earlier) if before.group == trade.group]
    if isinstance(trade.what, Switch):
        return set(own)
    switched = [at for at in own if isinstance(earlier[at].what, Switch)]
    if isinstance(trade.what, Move) and trade.group in switches:
        return set(switched)
    return set(own[-1:])
