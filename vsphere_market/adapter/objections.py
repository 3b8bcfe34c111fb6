"""What speaks against an action, by our own rules, before anything is sent.

A simulator makes no such checks, and a vCenter's answer is often poorer. The first objection is
what ``submit`` raises; all of them are what ``precheck`` tells.
"""

from __future__ import annotations

from typing import assert_never

from vsphere_market.adapter.bulk import Facts
from vsphere_market.adapter.subjects import POWERED_OFF, STANDBY, Subject, standing_of
from vsphere_market.errors import ActionError, FinalFault, StaleFault
from vsphere_market.estate import CONNECTED, POWERED_ON
from vsphere_market.port import (
    Action,
    ActionKind,
    ApplyRecommendation,
    EnableHotAdd,
    Entity,
    MemorySetting,
    Migrate,
    MigrateStorage,
    PoolSetting,
    ProvisionHost,
    Rest,
    SetMemory,
    SetPool,
    SetShares,
    Standing,
    Start,
    Stop,
    SuspendHost,
)
from vsphere_market.units import gib_text

#: vSphere takes memory sizes in multiples of this.
_SIZE_STEP_MIB = 4
_TOOLS_RUNNING = "guestToolsRunning"
_WORDS: dict[MemorySetting, str] = {
    ActionKind.LIMIT: "memory limit",
    ActionKind.RESERVATION: "memory reservation",
    ActionKind.HOT_ADD: "memory size",
    ActionKind.RESIZE: "memory size",
    ActionKind.BALLOON_CAP: "balloon cap",
}


def objections(subject: Subject, action: Action) -> list[ActionError]:
    """What speaks against an action as its subject stands now."""
    name = action.subject.name
    if subject.itself is None:
        return [StaleFault("it is gone from vCenter", fault="ManagedObjectNotFound", where=name)]
    match action:
        case Migrate():
            return _against_migrate(subject, action)
        case SetMemory():
            return [*_against_value(subject, action), *_against_setting(subject, action)]
        case SetShares():
            return _against_shares(subject, action)
        case EnableHotAdd():
            return _against_enable(subject, action)
        case MigrateStorage():
            return _against_storage(subject, action)
        case Stop():
            return _against_stop(subject, action)
        case Start():
            return _against_start(subject, action)
        case SetPool():
            return _against_pool(subject, action)
        case SuspendHost():
            return _against_suspend(subject, action)
        case ProvisionHost():
            return _against_provision(subject, action)
        case ApplyRecommendation():
            return _against_recommendation(subject, action)
        case _:
            assert_never(action)


# ---------------------------------------------------------------- migrations


def _against_migrate(subject: Subject, action: Migrate) -> list[ActionError]:
    vm, hosts, name = subject.facts, subject.hosts, action.vm.name
    found: list[ActionError] = []
    if vm.get("runtime.host") != action.source.moid:
        what = f"it runs on another host than {action.source.name} by now"
        found.append(StaleFault(what, fault="InvalidState", where=name))
    found += _against_state(vm, name)
    target = hosts.get(action.target.moid)
    if target is None:
        what = f"host {action.target.name} is gone from vCenter"
        return [*found, StaleFault(what, fault="ManagedObjectNotFound", where=name)]
    found += _against_target(target, action.target.name, name)
    source = hosts.get(action.source.moid)
    if action.pools is not None:
        found += _against_pools(subject, action, action.pools, target)
    elif source is not None and source.get("parent") != target.get("parent"):
        what = f"hosts {action.source.name} and {action.target.name} are not of one cluster"
        found.append(FinalFault(what, fault="InvalidArgument", where=name))
    if vm.get("runtime.faultToleranceState", "notConfigured") not in ("notConfigured", "running"):
        what = "its fault tolerance is not in a state that can be moved"
        found.append(StaleFault(what, fault="InvalidState", where=name))
    return found


def _against_pools(
    subject: Subject, action: Migrate, pools: tuple[Entity, Entity], target: Facts
) -> list[ActionError]:
    """What speaks against changing the resource pool together with the cluster."""
    name, (left, joined) = action.vm.name, pools
    found: list[ActionError] = []
    if subject.facts.get("resourcePool") != left.moid:
        what = f"it is in another resource pool than {left.name} by now"
        found.append(StaleFault(what, fault="InvalidState", where=name))
    pool = subject.pools.get(joined.moid)
    if pool is None:
        what = f"resource pool {joined.name} is gone from vCenter"
        return [*found, StaleFault(what, fault="ManagedObjectNotFound", where=name)]
    if pool.get("owner") != target.get("parent"):
        what = f"resource pool {joined.name} is not of the cluster of host {action.target.name}"
        found.append(FinalFault(what, fault="InvalidArgument", where=name))
    return found


def _against_target(host: Facts, label: str, name: str) -> list[ActionError]:
    """What keeps a host from taking a VM."""
    found: list[ActionError] = []
    if host.get("runtime.powerState") == STANDBY:
        what = f"host {label} is in standby"
        found.append(StaleFault(what, fault="InvalidHostState", where=name))
    elif host.get("runtime.connectionState") != CONNECTED:
        what = f"host {label} is not connected"
        found.append(StaleFault(what, fault="InvalidHostConnectionState", where=name))
    elif host.get("runtime.powerState", POWERED_ON) != POWERED_ON:
        what = f"host {label} is not running"
        found.append(StaleFault(what, fault="InvalidHostState", where=name))
    if host.get("runtime.inMaintenanceMode"):
        what = f"host {label} is in maintenance mode"
        found.append(StaleFault(what, fault="InvalidState", where=name))
    return found


def _against_state(vm: Facts, name: str, power: str = POWERED_ON) -> list[ActionError]:
    if vm.get("runtime.connectionState") != CONNECTED:
        return [StaleFault("it is not connected", fault="InvalidState", where=name)]
    if vm.get("runtime.powerState") != power:
        what = "it is not running" if power == POWERED_ON else "it is not powered off"
        return [StaleFault(what, fault="InvalidPowerState", where=name)]
    return []


def _against_storage(subject: Subject, action: MigrateStorage) -> list[ActionError]:
    name, facts = action.vm.name, subject.facts
    found: list[ActionError] = []
    if subject.files_on(action) != action.source.moid:
        what = f"its files are not on datastore {action.source.name} any more"
        found.append(StaleFault(what, fault="InvalidState", where=name))
    if facts.get("runtime.connectionState") != CONNECTED:
        found.append(StaleFault("it is not connected", fault="InvalidState", where=name))
    if len(facts.get("datastore", ())) > 1 and subject.disks is None:
        what = "its files are on several datastores, and which disk is where cannot be read"
        found.append(FinalFault(what, fault="NoPermission", where=name))
    target = subject.datastores.get(action.target.moid)
    label = action.target.name
    if target is None:
        what = f"datastore {label} is gone from vCenter"
        return [*found, StaleFault(what, fault="ManagedObjectNotFound", where=name)]
    if not target.get("summary.accessible", True):
        what = f"datastore {label} is not accessible"
        found.append(StaleFault(what, fault="InvalidDatastoreState", where=name))
    if target.get("summary.maintenanceMode", "normal") != "normal":
        what = f"datastore {label} is in maintenance mode"
        found.append(StaleFault(what, fault="InvalidDatastoreState", where=name))
    host = subject.hosts.get(str(facts.get("runtime.host", "")))
    if host is not None and action.target.moid not in host.get("datastore", ()):
        what = f"its host does not see datastore {label}"
        found.append(FinalFault(what, fault="CannotAccessVmComponent", where=name))
    return found


# ---------------------------------------------------------------- settings


def _against_value(subject: Subject, action: SetMemory) -> list[ActionError]:
    now = subject.value(action.setting)
    if now == action.from_mib:
        return []
    what = f"its {_WORDS[action.setting]} is {_amount(now)} by now, not {_amount(action.from_mib)}"
    return [StaleFault(what, fault="ConcurrentAccess", where=action.vm.name)]


def _amount(mib: int | None) -> str:
    return "not set" if mib is None else gib_text(mib)


def _against_setting(subject: Subject, action: SetMemory) -> list[ActionError]:
    """Values that vCenter refuses, or, as simulators do, takes although they make no sense."""
    name, to = action.vm.name, action.to_mib
    size = subject.value(ActionKind.HOT_ADD) or 0
    limit = subject.value(ActionKind.LIMIT)
    reservation = subject.value(ActionKind.RESERVATION) or 0
    locked = bool(subject.facts.get("config.memoryReservationLockedToMax"))
    found: list[ActionError] = []

    def no(what: str, fault: str = "InvalidArgument", cure: str = "") -> None:
        found.append(FinalFault(what, fault=fault, where=name, cure=cure))

    if to is not None and to < 0:
        no(f"a {_WORDS[action.setting]} cannot be negative")
    match action.setting:
        case ActionKind.LIMIT:
            if to is not None and to < reservation:
                no(f"the limit would be below its reservation of {gib_text(reservation)}")
        case ActionKind.RESERVATION:
            if to is None:
                no("a reservation needs an amount")
                return found
            if locked and to != size:
                no("its reservation is locked to its size", cure="unlock it, or leave it alone")
            if to > size:
                no(f"the reservation would be above its size of {gib_text(size)}")
            if limit is not None and to > limit:
                no(f"the reservation would be above its limit of {gib_text(limit)}")
        case ActionKind.HOT_ADD:
            if to is None:
                no("a size needs an amount")
                return found
            found += _against_state(subject.facts, name)
            found += _against_growth(subject.facts, size, to, name)
        case ActionKind.RESIZE:
            if to is None:
                no("a size needs an amount")
                return found
            found += _against_state(subject.facts, name, POWERED_OFF)
            if to <= 0 or to % _SIZE_STEP_MIB:
                no(f"a size is a multiple of {_SIZE_STEP_MIB} MiB", "MemorySizeNotSupported")
            if not locked and to < reservation:
                no(f"the size would be below its reservation of {gib_text(reservation)}")
        case ActionKind.BALLOON_CAP:
            pass
        case _:
            assert_never(action.setting)
    return found


def _against_growth(vm: Facts, size: int, to: int, name: str) -> list[ActionError]:
    """The rules of memory hot-add."""
    fault = "MemoryHotPlugNotSupported"
    if not vm.get("config.memoryHotAddEnabled"):
        what = "memory hot-add is not enabled"
        cure = "switch it off, enable memory hot-add, and switch it on"
        return [FinalFault(what, fault=fault, where=name, cure=cure)]
    found: list[ActionError] = []
    if to <= size:
        what = f"it has {gib_text(size)} already, and memory cannot be taken from a running VM"
        found.append(FinalFault(what, fault=fault, where=name))
    highest = vm.get("config.hotPlugMemoryLimit", 0)
    if highest and to > highest:
        what = f"it can grow to {gib_text(highest)} while it runs, no further"
        found.append(FinalFault(what, fault="MemorySizeNotSupported", where=name))
    step = vm.get("config.hotPlugMemoryIncrementSize", 0) or _SIZE_STEP_MIB
    if (to - size) % step:
        what = f"it grows in steps of {gib_text(step)}"
        found.append(FinalFault(what, fault="MemorySizeNotSupported", where=name))
    if vm.get("runtime.faultToleranceState", "notConfigured") != "notConfigured":
        what = "memory cannot be added under fault tolerance"
        found.append(FinalFault(what, fault=fault, where=name))
    return found


def _against_shares(subject: Subject, action: SetShares) -> list[ActionError]:
    name = action.vm.name
    found: list[ActionError] = []
    if subject.shares != action.from_shares:
        what = f"it has {subject.shares} shares by now, not {action.from_shares}"
        found.append(StaleFault(what, fault="ConcurrentAccess", where=name))
    if action.to_shares < 1:
        found.append(FinalFault("shares are 1 or more", fault="InvalidArgument", where=name))
    return found


def _against_enable(subject: Subject, action: EnableHotAdd) -> list[ActionError]:
    name, facts = action.vm.name, subject.facts
    found = _against_state(facts, name, POWERED_OFF)
    if facts.get("config.memoryHotAddEnabled"):
        what = "its memory hot-add is enabled already"
        found.append(StaleFault(what, fault="ConcurrentAccess", where=name))
    if facts.get("runtime.faultToleranceState", "notConfigured") != "notConfigured":
        what = "memory cannot be added under fault tolerance"
        found.append(FinalFault(what, fault="MemoryHotPlugNotSupported", where=name))
    return found


def _against_pool(subject: Subject, action: SetPool) -> list[ActionError]:
    name, after = action.pool.name, action.after
    found: list[ActionError] = []
    now = subject.pool_value(action.setting)
    if now != action.before:
        what = f"its memory {action.setting} is {now} by now, not {action.before}"
        found.append(StaleFault(what, fault="ConcurrentAccess", where=name))
    if subject.facts.get("owner") == subject.facts.get("parent"):
        what = "the root pool's allocation is the cluster's own"
        found.append(FinalFault(what, fault="NotSupported", where=name))
    reservation = subject.pool_value(PoolSetting.RESERVATION) or 0
    limit = subject.pool_value(PoolSetting.LIMIT)

    def no(what: str) -> None:
        found.append(FinalFault(what, fault="InvalidArgument", where=name))

    match action.setting:
        case PoolSetting.RESERVATION:
            if after is None or after < 0:
                no("a reservation needs an amount")
            elif limit is not None and after > limit:
                no(f"the reservation would be above its limit of {gib_text(limit)}")
        case PoolSetting.LIMIT:
            if after is not None and after < reservation:
                no(f"the limit would be below its reservation of {gib_text(reservation)}")
        case PoolSetting.SHARES:
            if after is None or after < 1:
                no("shares are 1 or more")
        case _:
            assert_never(action.setting)
    return found


# ---------------------------------------------------------------- power


def _against_stop(subject: Subject, action: Stop) -> list[ActionError]:
    name = action.vm.name
    found = _against_state(subject.facts, name)
    if not action.hard and subject.facts.get("guest.toolsRunningStatus") != _TOOLS_RUNNING:
        what = "VMware Tools do not run in its guest, so that it cannot be asked to shut down"
        cure = "start or install VMware Tools, or allow a hard stop"
        found.append(FinalFault(what, fault="ToolsUnavailable", where=name, cure=cure))
    return found


def _against_start(subject: Subject, action: Start) -> list[ActionError]:
    name = action.vm.name
    found = _against_state(subject.facts, name, POWERED_OFF)
    if action.host is None:
        # Where it is registered does not bind vCenter, if DRS places it.
        return found
    host = subject.hosts.get(action.host.moid)
    if host is None:
        what = f"host {action.host.name} is gone from vCenter"
        return [*found, StaleFault(what, fault="ManagedObjectNotFound", where=name)]
    return [*found, *_against_target(host, action.host.name, name)]


def _against_suspend(subject: Subject, action: SuspendHost) -> list[ActionError]:
    name, facts = action.host.name, subject.facts
    found: list[ActionError] = []
    if subject.rest is not None:
        found.append(StaleFault("it rests already", fault="InvalidState", where=name))
    elif facts.get("runtime.connectionState") != CONNECTED:
        what = "it is not connected"
        found.append(StaleFault(what, fault="InvalidHostConnectionState", where=name))
    if subject.vms:
        first = next(iter(subject.vms.values())).get("name", "")
        what = f"{len(subject.vms)} VMs run on it, such as {first}"
        cure = "move them away first"
        found.append(StaleFault(what, fault="InvalidState", where=name, cure=cure))
    if action.rest is Rest.STANDBY and facts.get("capability.standbySupported") is False:
        what = "it does not support standby"
        cure = "let it rest in maintenance mode instead"
        found.append(FinalFault(what, fault="NotSupported", where=name, cure=cure))
    return found


def _against_provision(subject: Subject, action: ProvisionHost) -> list[ActionError]:
    if subject.rest is action.rest:
        return []
    now = "in service" if subject.rest is None else f"in {subject.rest}"
    what = f"it is {now}, not in {action.rest}"
    return [StaleFault(what, fault="InvalidState", where=action.host.name)]


def _against_recommendation(subject: Subject, action: ApplyRecommendation) -> list[ActionError]:
    if standing_of(subject, action) is Standing.BEFORE:
        meant = _moves_meant(subject.recommendation(action.key))
        if meant == {(move.vm.moid, move.target.moid) for move in action.moves}:
            return []
        what = f"recommendation {action.key} means other moves by now"
    else:
        what = f"DRS does not recommend {action.key} any more"
    return [StaleFault(what, fault="InvalidState", where=action.cluster.name)]


def _moves_meant(recommendation: object) -> set[tuple[str, str]] | None:
    """VM and target of each migration in a recommendation; None if it is about anything else."""
    moves = set()
    for one in getattr(recommendation, "action", None) or ():
        migration = getattr(one, "drsMigration", None)
        if migration is None:
            # It does something else as well, which nobody has planned.
            return None
        moves.add((_moid(migration.vm), _moid(migration.destination)))
    return moves or None


def _moid(reference: object) -> str:
    return str(getattr(reference, "_moId", reference))
