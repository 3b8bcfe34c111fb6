"""From trades to the actions of the port: one step each, and for a restart the steps around it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from vsphere_market.estate import Snapshot
from vsphere_market.market.diagnosis import host_entity
from vsphere_market.market.eligibility import root_pool
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.licences import host_licensed
from vsphere_market.market.modes import mode_of
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
from vsphere_market.port import (
    Action,
    ActionKind,
    EnableHotAdd,
    Entity,
    Migrate,
    MigrateStorage,
    ProvisionHost,
    SetMemory,
    SetPool,
    SetShares,
    Start,
    Stop,
    SuspendHost,
    memory_setting,
)


def with_power_cycles(ledger: Ledger, trades: Sequence[Trade]) -> tuple[Trade, ...]:
    """Each restart with its stop before it and its start after it, as one group.

    Hot-add is enabled in the same power cycle where policy lets it go as far as the rest, so that
    the next growth takes none.
    """
    whole: list[Trade] = []
    group = max((trade.group for trade in trades), default=0)
    for trade in trades:
        what = trade.what
        if not (isinstance(what, Change) and what.kind is ActionKind.RESIZE):
            whole.append(trade)
            continue
        number = trade.group
        if not number:
            group += 1
            number = group
        parts: list[What] = [Cycle(what.vm, ActionKind.STOP)]
        enable = Cycle(what.vm, ActionKind.ENABLE_HOT_ADD)
        vms = ledger.snapshot.vms
        able = not vms.hot_add_enabled[what.vm] and not vms.fault_tolerance[what.vm]
        able = able and host_licensed(ledger.snapshot, int(ledger.host_of[what.vm]), "hotplug")
        if able and mode_of(ledger, enable) >= mode_of(ledger, what):
            parts.append(enable)
        whole += [Trade(part, 0.0, 0.0, 0.0, number) for part in parts]
        whole.append(dataclasses.replace(trade, group=number))
        whole.append(Trade(Cycle(what.vm, ActionKind.START), 0.0, 0.0, 0.0, number))
    return tuple(whole)


def action_of(ledger: Ledger, what: What) -> Action:
    """The action that carries a trade out."""
    snapshot = ledger.snapshot
    match what:
        case Switch():
            host = host_entity(ledger, what.host)
            return ProvisionHost(host) if what.on else SuspendHost(host)
        case PoolChange():
            pool = Entity(snapshot.pools.moid[what.pool], snapshot.pools.name[what.pool])
            return SetPool(pool, what.setting, _finite(what.before), _finite(what.after))
    vm = Entity(snapshot.vms.moid[what.vm], snapshot.vms.name[what.vm])
    match what:
        case Move():
            ends = host_entity(ledger, what.source), host_entity(ledger, what.target)
            return Migrate(vm, *ends, _pools(snapshot, what))
        case Power():
            return Stop(vm) if what.target < 0 else Start(vm, host_entity(ledger, what.target))
        case StorageMove():
            return MigrateStorage(vm, _store(ledger, what.source), _store(ledger, what.target))
        case Cycle():
            if what.kind is ActionKind.ENABLE_HOT_ADD:
                return EnableHotAdd(vm)
            return Stop(vm) if what.kind is ActionKind.STOP else Start(vm)
        case Change() if what.kind is ActionKind.SHARES:
            return SetShares(vm, round(what.before), round(what.after))
        case Change():
            kind = memory_setting(what.kind)
            return SetMemory(vm, kind, _amount(kind, what.before), _amount(kind, what.after))


def whats_of(snapshot: Snapshot, actions: Sequence[Action]) -> tuple[What, ...]:
    """What actions of one plan mean for a ledger: the way back from :func:`action_of`."""
    resized = {
        action.subject.moid
        for action in actions
        if isinstance(action, SetMemory) and action.setting is ActionKind.RESIZE
    }
    return tuple(_what_of(snapshot, action, action.subject.moid in resized) for action in actions)


def _what_of(snapshot: Snapshot, action: Action, cycled: bool) -> What:
    vms, hosts, stores = snapshot.vms, snapshot.hosts, snapshot.datastores
    vm = vms.row(action.subject.moid)
    match action:
        case Migrate():
            return Move(vm, hosts.row(action.source.moid), hosts.row(action.target.moid))
        case MigrateStorage():
            return StorageMove(vm, stores.row(action.source.moid), stores.row(action.target.moid))
        case SetShares():
            return Change(vm, action.kind, float(action.from_shares), float(action.to_shares))
        case SetMemory():
            nothing = math.nan if action.setting is ActionKind.BALLOON_CAP else math.inf
            before, after = (
                nothing if amount is None else float(amount)
                for amount in (action.from_mib, action.to_mib)
            )
            return Change(vm, action.kind, before, after)
        case Stop() | Start() | EnableHotAdd() if cycled or isinstance(action, EnableHotAdd):
            return Cycle(vm, action.kind)
        case Stop():
            return Power(vm, int(vms.host[vm]), -1)
        case Start():
            host = hosts.row(action.host.moid) if action.host else int(vms.host[vm])
            return Power(vm, -1, host)
        case SetPool():
            before, after = (
                math.inf if amount is None else float(amount)
                for amount in (action.before, action.after)
            )
            pool = snapshot.pools.row(action.pool.moid)
            return PoolChange(pool, action.setting, before, after)
        case SuspendHost() | ProvisionHost():
            woken = isinstance(action, ProvisionHost)
            return Switch(hosts.row(action.host.moid), on=woken)
        case _:
            raise ValueError(f"the market makes no trade of the kind {action.kind}")


def _pools(snapshot: Snapshot, move: Move) -> tuple[Entity, Entity] | None:
    """The root pools that a VM leaves and joins when it goes to another cluster."""
    left, joined = (snapshot.hosts.cluster[end] for end in (move.source, move.target))
    if left == joined:
        return None
    rows = root_pool(snapshot, int(left)), root_pool(snapshot, int(joined))
    pools = snapshot.pools
    one, other = (Entity(pools.moid[row], pools.name[row]) for row in rows)
    return one, other


def _amount(kind: ActionKind, mib: float) -> int | None:
    """Whole MiB for the action; "no limit" and "host's default" are None."""
    if kind is ActionKind.LIMIT and np.isinf(mib):
        return None
    if kind is ActionKind.BALLOON_CAP and np.isnan(mib):
        return None
    return round(mib)


def _finite(mib: float) -> int | None:
    return round(mib) if math.isfinite(mib) else None


def _store(ledger: Ledger, row: int) -> Entity:
    stores = ledger.snapshot.datastores
    return Entity(stores.moid[row], stores.name[row])
