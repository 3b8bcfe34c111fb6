"""From trades in the order in which minds were made up and changed, to one clean list of wishes.

A wish is a trade that pays for itself, or a group that pays together. A VM that changed its mind
has one wish in the end, from its first state to its last; a group whose member changed its mind
later, or earlier, takes that into itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from vsphere_market.market.trades import Change, Move, Trade

#: What is done together: one trade alone, or the members of a group in order.
Wish = tuple[Move | Change, ...]
#: What a trade changes: a VM, and the kind of change.
Key = tuple[int, str]


def key_of(what: Move | Change) -> Key:
    """What it changes; two trades of one key are one in the end."""
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

    At the last place, because what it ends with was possible and worth it then.
    """
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
    netted: dict[Key, Move | Change] = {}
    for trade in trades:
        key = key_of(trade.what)
        netted[key] = _joined(netted.pop(key, None), trade.what)
    wishes: dict[Key, list[Move | Change]] = {}
    for key, what in netted.items():
        root = find(key)
        members = wishes.pop(root, [])
        wishes[root] = members
        if not (isinstance(what, Move) and what.source == what.target):
            members.append(what)
    return [tuple(members) for members in wishes.values() if members]


def _joined(first: Move | Change | None, last: Move | Change) -> Move | Change:
    if isinstance(last, Move):
        return Move(last.vm, first.source if isinstance(first, Move) else last.source, last.target)
    before = first.before if isinstance(first, Change) else last.before
    return Change(last.vm, last.kind, before, last.after)
