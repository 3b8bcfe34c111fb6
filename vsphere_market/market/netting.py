"""From trades in the order in which minds were made up and changed, to one clean list of wishes.

A wish is a trade that pays for itself, or a group that pays together. A VM that changed its mind
has one wish in the end, from its first state to its last; a group whose member changed its mind
later, or earlier, takes that into itself.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from vsphere_market.market.trades import (
    Change,
    Move,
    PoolChange,
    Power,
    StorageMove,
    Switch,
    Trade,
    What,
)

#: What is done together: one trade alone, or the members of a group in order.
Wish = tuple[What, ...]
#: What a trade changes: the row of a VM, host or pool, and the kind of change.
Key = tuple[int, str]


def key_of(what: What) -> Key:
    """What it changes; two trades of one key are one in the end."""
    match what:
        case Power():
            return what.vm, "power"
        case Switch():
            return what.host, "switch"
        case PoolChange():
            return what.pool, f"pool-{what.setting}"
        case _:
            return what.vm, what.kind.value


def grouped(trades: Sequence[Trade]) -> list[list[Trade]]:
    """Trades as they are done: alone, or all of a group, which stand side by side."""
    groups: list[list[Trade]] = []
    for trade in trades:
        if trade.group and groups and groups[-1][0].group == trade.group:
            groups[-1].append(trade)
        else:
            groups.append([trade])
    return groups


def net(trades: Sequence[Trade]) -> list[Wish]:
    """First state to last state of each VM and kind, at the place of the last trade of its wish.

    At the last place, because what it ends with was possible and worth it then. A host's rest is no
    wish: which VMs have to make way for it, is found anew.
    """
    switched = {trade.group for trade in trades if trade.group and isinstance(trade.what, Switch)}
    trades = [
        dataclasses.replace(trade, group=0) if trade.group in switched else trade
        for trade in trades
        if not isinstance(trade.what, Switch)
    ]
    leader: dict[Key, Key] = {}

    def find(key: Key) -> Key:
        while leader.setdefault(key, key) != key:
            key = leader[key]
        return key

    head: dict[int, Key] = {}
    for trade in trades:
        key = find(key_of(trade.what))
        if trade.group:
            leader[key] = find(head.setdefault(trade.group, key))
    netted: dict[Key, What] = {}
    for trade in trades:
        key = key_of(trade.what)
        netted[key] = _joined(netted.pop(key, None), trade.what)
    wishes: dict[Key, list[What]] = {}
    for key, what in netted.items():
        root = find(key)
        members = wishes.pop(root, [])
        wishes[root] = members
        if not _undone(what):
            members.append(what)
    return [tuple(members) for members in wishes.values() if members]


def _joined(first: What | None, last: What) -> What:
    """From the first state to the last."""
    match first, last:
        case Move(), Move():
            return Move(last.vm, first.source, last.target)
        case Power(), Power():
            return Power(last.vm, first.source, last.target)
        case StorageMove(), StorageMove():
            return StorageMove(last.vm, first.source, last.target)
        case Change(), Change():
            return Change(last.vm, last.kind, first.before, last.after)
        case PoolChange(), PoolChange():
            return PoolChange(last.pool, last.setting, first.before, last.after)
        case _:
            return last


def _undone(what: What) -> bool:
    """It ends where it began."""
    match what:
        case Move() | Power() | StorageMove():
            return what.source == what.target
        case Change() | PoolChange():
            return what.before == what.after
        case _:
            return False
