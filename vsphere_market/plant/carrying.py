"""Carrying actions out on a world: what each kind changes, and how long it takes.

The checks are in ``admission``; here nothing is refused any more.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

import numpy as np

from vsphere_market.plant.admission import Admission
from vsphere_market.plant.estate_file import SHARE_LEVELS
from vsphere_market.plant.world import World
from vsphere_market.port import (
    Action,
    ActionKind,
    ApplyRecommendation,
    EnableHotAdd,
    Migrate,
    MigrateStorage,
    PoolSetting,
    ProvisionHost,
    Rest,
    SetMemory,
    SetPool,
    SetShares,
    Start,
    Stop,
    SuspendHost,
)
from vsphere_market.units import UNLIMITED

#: Seconds that things take [ASM]: a reconfiguration, a power-on, a guest's shutdown, pulling its
#: plug, moving its files, and a server's way into standby and out of it.
RECONFIGURE_S, START_S, SHUTDOWN_S, POWER_OFF_S = 2.0, 5.0, 45.0, 2.0
STORAGE_S, STANDBY_S, BOOT_S, MAINTENANCE_S = 300.0, 120.0, 300.0, 5.0


def duration_s(action: Action) -> float:
    """How long an action takes, migrations apart, whose length follows from what they copy."""
    match action:
        case Stop():
            return POWER_OFF_S if action.hard else SHUTDOWN_S
        case Start():
            return START_S
        case MigrateStorage():
            return STORAGE_S
        case SuspendHost():
            return STANDBY_S if action.rest is Rest.STANDBY else MAINTENANCE_S
        case ProvisionHost():
            return BOOT_S if action.rest is Rest.STANDBY else MAINTENANCE_S
        case _:
            return RECONFIGURE_S


def carry_out(world: World, admission: Admission, action: Action) -> None:
    """Change the world as the action says. Migrations go their own way."""
    inventory = world.inventory
    settings = inventory.settings
    match action:
        case SetMemory():
            _set(world, action, admission.vm(action))
        case SetShares():
            settings.shares[admission.vm(action)] = float(action.to_shares)
        case EnableHotAdd():
            settings.hot_add[admission.vm(action)] = True
        case MigrateStorage():
            target = inventory.datastore_by_moid[action.target.moid]
            inventory.vm_datastore[admission.vm(action)] = target
        case Stop():
            world.stop(admission.vm(action))
        case Start():
            row = admission.vm(action)
            host = admission.powers.start_host(action, row, admission.host_unreserved())
            world.start(row, host)
        case SetPool():
            _set_pool(world, action, admission.powers.pool(action.pool))
        case SuspendHost():
            _rest(world, admission.powers.host(action.host), action.rest, on=True)
        case ProvisionHost():
            _rest(world, admission.powers.host(action.host), action.rest, on=False)
        case Migrate() | ApplyRecommendation():
            raise AssertionError("migrations are carried out by copying")
        case _:
            assert_never(action)
    if action.subject.moid in inventory.vm_by_moid:
        settings.version[inventory.vm_by_moid[action.subject.moid]] += 1
    world.reconfigured()


def _set(world: World, action: SetMemory, row: int) -> None:
    settings, spec = world.inventory.settings, world.inventory.vms[row]
    value = np.nan if action.to_mib is None else float(action.to_mib)
    match action.setting:
        case ActionKind.LIMIT:
            settings.limit[row] = np.inf if np.isnan(value) else value
        case ActionKind.RESERVATION:
            settings.reservation[row] = value
        case ActionKind.BALLOON_CAP:
            settings.balloon_cap[row] = value
        case ActionKind.HOT_ADD | ActionKind.RESIZE:
            # Shares of one of the usual levels go by the size.
            if settings.shares[row] / settings.size[row] in SHARE_LEVELS.values():
                settings.shares[row] *= value / settings.size[row]
            if action.setting is ActionKind.HOT_ADD:
                world.grow(row, value, spec.onlining_s)
            else:
                world.resize(row, value)
            if settings.locked[row]:
                settings.reservation[row] = value
        case _:
            assert_never(action.setting)


def _set_pool(world: World, action: SetPool, row: int) -> None:
    inventory = world.inventory
    pool, after = inventory.pools[row], action.after
    match action.setting:
        case PoolSetting.RESERVATION:
            pool = replace(pool, reservation_mib=float(after or 0))
        case PoolSetting.LIMIT:
            pool = replace(pool, limit_mib=UNLIMITED if after is None else float(after))
        case PoolSetting.SHARES:
            pool = replace(pool, shares=float(after or 0))
        case _:
            assert_never(action.setting)
    inventory.pools = (*inventory.pools[:row], pool, *inventory.pools[row + 1 :])
    world.pools.reread()


def _rest(world: World, row: int, rest: Rest, *, on: bool) -> None:
    inventory = world.inventory
    (inventory.standby if rest is Rest.STANDBY else inventory.maintenance)[row] = on
