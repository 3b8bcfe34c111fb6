"""Doing trades on a ledger, and what they are worth: the same for every kind, by the potential."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields

import numpy as np

from vsphere_market.market.disruption import disruption
from vsphere_market.market.hurdle import comfort_points, content, hurdle, pressed
from vsphere_market.market.ledger import Ledger, Terms
from vsphere_market.market.trades import (
    Change,
    Cycle,
    Move,
    PoolChange,
    Power,
    StorageMove,
    Switch,
    Trade,
    What,
)
from vsphere_market.port import ActionKind, PoolSetting
from vsphere_market.units import FloatArray


def carry_out(ledger: Ledger, what: What) -> None:
    """Do something on the ledger, asking nothing."""
    match what:
        case Move():
            ledger.move(what.vm, what.target)
        case Change():
            ledger.change(what.vm, changed_terms(ledger, what))
        case Power():
            ledger.power(what.vm, what.target)
        case StorageMove():
            ledger.store[what.vm] = what.target
        case Switch():
            ledger.switch(what.host, on=what.on)
        case PoolChange():
            if what.setting is PoolSetting.LIMIT:
                ledger.pools[what.pool] = what.after
            elif what.setting is PoolSetting.RESERVATION:
                ledger.lent[what.pool] += what.after - what.before
        case Cycle():
            pass


def move_worth(ledger: Ledger, move: Move) -> Trade:
    """What a move would save and cost now, without doing it."""
    rows = np.array([move.vm])
    taken = ledger.taken[move.vm]
    pair = np.array([move.source, move.target])
    loads = ledger.load[pair]
    without = np.stack([np.maximum(loads[0] - taken, 0.0), loads[1]])
    alone = np.stack([without[0], loads[1] + taken])
    start, left, arrived = (ledger.supply.cost(state, pair) for state in (loads, without, alone))
    rules = ledger.rules.verdict(move.vm, move.source)
    here = float(start[0] - left[0] + rules.points[move.source])
    there = float(arrived[1] - start[1] + rules.points[move.target])
    mends = round(float(rules.breaches[move.source] - rules.breaches[move.target]))
    cost = float(disruption(ledger, rows, np.array([move.target]))[0, 0])
    least = float(hurdle(ledger, np.array([here]), np.array([cost]))[0])
    stays = content(
        start[:1] - left[:1],
        comfort_points(ledger, rows),
        pressed(ledger, loads[:1], pair[:1]),
        rules.points[[move.source]],
    )
    return Trade(move, here - there, cost, least, mends=mends, content=bool(stays[0]))


def change_worth(ledger: Ledger, change: Change) -> Trade:
    """What a change of terms would save and cost, without doing it."""
    vm = change.vm
    row, host = np.array([vm]), int(ledger.host_of[vm])
    after = changed_terms(ledger, change)
    local = ledger.local_cost(row, ledger.terms) - ledger.local_cost(row, after)
    load = ledger.load[host]
    changed = load - ledger.taken[vm] + ledger.amounts(row, after)[0]
    now, then = ledger.supply.cost(np.stack([load, changed]), host)
    saving = float(local[0] + now - then)
    if ledger.charges.below:
        every = np.arange(len(ledger.host_of))
        held = ledger.squeezable(every, ledger.terms)
        was = ledger.charges.of_pools(ledger.pools, held)
        held[vm] = ledger.squeezable(row, after)[0]
        saving += was - ledger.charges.of_pools(ledger.pools, held)
    cost = change_cost(ledger, change)
    return Trade(change, saving, cost, cost)


def change_cost(ledger: Ledger, change: Change) -> float:
    """Points that a change of terms costs: a setting little, a restart much."""
    settings, vm = ledger.settings, change.vm
    cost = settings.change_cost
    if change.after > change.before and change.kind in (ActionKind.HOT_ADD, ActionKind.RESIZE):
        cost += settings.grow_cost * (change.after - change.before)
    if change.kind is ActionKind.RESIZE:
        cost += restart_cost(ledger, vm)
    return cost


def restart_cost(ledger: Ledger, vm: int) -> float:
    """Points of stopping a VM: its service is away, and its working set has to be built up anew."""
    settings, rulebook = ledger.settings, ledger.rulebook
    weight = float(rulebook.priority[vm] * rulebook.move_sensitivity[vm])
    working = float(ledger.demand.working_set[vm])
    return weight * (settings.restart_fixed + settings.restart_cost * working)


def worth_of(ledger: Ledger, what: What, cost: float) -> Trade:
    """What anything would save and mend, by the sums before and after; the ledger stays."""
    before = ledger.mark()
    start, broken = ledger.potential(), ledger.breaches()
    carry_out(ledger, what)
    saving, mends = start - ledger.potential(), broken - ledger.breaches()
    ledger.back(before)
    return Trade(what, saving, cost, cost, mends=mends)


def power_worth(ledger: Ledger, power: Power, cost: float) -> Trade:
    """The same of a start or a stop: asked of its host alone, where nothing else has a say."""
    vm, host = power.vm, np.array([max(power.source, power.target)])
    row = np.array([vm])
    if vm in ledger.rules.ruled or ledger.charges.below:
        return worth_of(ledger, power, cost)
    runs = bool(ledger.on[vm])
    ledger.on[vm] = True
    taken = ledger.amounts(row, ledger.terms)
    ledger.on[vm] = runs
    load, sign = ledger.load[host], -1.0 if runs else 1.0
    saving = ledger.supply.cost(load, host) - ledger.supply.cost(load + sign * taken, host)
    if ledger.wanted_on[vm]:
        saving = saving + sign * ledger.charges.absence(row, ledger.terms)
    return Trade(power, float(saving[0]), cost, cost)


def switch_worth(ledger: Ledger, switch: Switch) -> Trade:
    """The same of putting an empty host to rest, or waking one: all hosts' reserves may change."""
    start = float(ledger.host_cost().sum())
    with supposed(ledger, switch):
        saving = start - float(ledger.host_cost().sum())
    rent = float(ledger.charges.rents[switch.host])
    saving += -rent if switch.on else rent
    cost = ledger.settings.switch_cost
    return Trade(switch, saving, cost, cost)


@contextmanager
def supposed(ledger: Ledger, switch: Switch) -> Iterator[None]:
    """Capacities as they are with a host at rest, or awake; loads stay as they are."""
    before = ledger.awake, ledger.supply, ledger.ceiling
    ledger.switch(switch.host, on=switch.on)
    try:
        yield
    finally:
        ledger.awake, ledger.supply, ledger.ceiling = before


def changed_terms(ledger: Ledger, change: Change) -> Terms:
    """The terms of all VMs after a change; only the VM's own row differs. Nothing is done yet."""
    terms, vm = ledger.terms, change.vm
    after = Terms(*(getattr(terms, column.name) for column in fields(terms)))
    match change.kind:
        case ActionKind.LIMIT:
            after.limit = _with(terms.limit, vm, change.after)
        case ActionKind.RESERVATION:
            after.reservation = _with(terms.reservation, vm, change.after)
        case ActionKind.BALLOON_CAP:
            after.cap = _with(terms.cap, vm, change.after)
        case ActionKind.SHARES:
            after.shares = _with(terms.shares, vm, change.after)
        case ActionKind.HOT_ADD | ActionKind.RESIZE:
            grown = change.after - change.before
            after.size = _with(terms.size, vm, change.after)
            # A guest that is full touches what it is given; a smaller one holds its size at most.
            held = min(terms.footprint[vm] + max(grown, 0.0), change.after)
            after.footprint = _with(terms.footprint, vm, held)
            if ledger.snapshot.vms.reservation_locked_to_max[vm]:
                after.reservation = _with(terms.reservation, vm, change.after)
        case _:
            raise ValueError(f"{change.kind} is no change of a VM's terms")
    return after


def _with(column: FloatArray, vm: int, value: float) -> FloatArray:
    changed = column.copy()
    changed[vm] = value
    return changed
