"""What a vCenter refuses, and in which words: checks of actions against the world.

Each check raises the fault that vCenter gives. Nothing is changed here.
"""

from __future__ import annotations

from typing import assert_never

import numpy as np

from vsphere_market.errors import ActionError, FinalFault, StaleFault, TransientFault
from vsphere_market.estate import CONNECTED, KEEP_APART, KEEP_TOGETHER, NOT_ON, RUN_ON
from vsphere_market.plant import laws
from vsphere_market.plant.admission_move import check_cluster
from vsphere_market.plant.admission_power import PowerAdmission
from vsphere_market.plant.world import World
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
    VmAction,
)
from vsphere_market.units import FloatArray, gib_text

#: A Linux guest started with less than 3 GB cannot grow past 3 GB by hot-add.
_LINUX_LINE_MIB = 3072.0


class Admission:
    """The rules of one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        #: The rules of what is switched on and off, and of pools and storage.
        self.powers = PowerAdmission(world)

    # ---------------------------------------------------------------- reading

    def vm(self, action: VmAction) -> int:
        """Row of the action's VM."""
        row = self._world.inventory.vm_by_moid.get(action.vm.moid)
        if row is None:
            raise StaleFault(
                "there is no such VM any more", fault="ManagedObjectNotFound",
                where=action.vm.name, cure="read the estate again",
            )  # fmt: skip
        return row

    def host(self, vm: Entity, end: Entity) -> int:
        """Row of a host that a migration of ``vm`` names."""
        row = self._world.inventory.host_by_moid.get(end.moid)
        if row is None:
            raise StaleFault(
                f"there is no host {end.name} any more", fault="ManagedObjectNotFound",
                where=vm.name, cure="read the estate again",
            )  # fmt: skip
        return row

    def current(self, row: int, kind: MemorySetting) -> float | None:
        """A setting as it is: MiB, None for no limit or the host's default."""
        settings = self._world.inventory.settings
        match kind:
            case ActionKind.LIMIT:
                return None if np.isinf(settings.limit[row]) else float(settings.limit[row])
            case ActionKind.RESERVATION:
                return float(settings.reservation[row])
            case ActionKind.HOT_ADD | ActionKind.RESIZE:
                return float(settings.size[row])
            case ActionKind.BALLOON_CAP:
                cap = float(settings.balloon_cap[row])
                return None if np.isnan(cap) else cap
            case _:
                assert_never(kind)

    def standing(self, action: Action) -> Standing:
        """Whether the world is as the action expects it, or as it would leave it."""
        try:
            now, before, after = self._compared(action)
        except StaleFault:
            # It is gone.
            return Standing.OTHER
        if now == after:
            return Standing.AFTER
        return Standing.BEFORE if now == before else Standing.OTHER

    def _compared(self, action: Action) -> tuple[object, object, object]:
        """What an action changes: as it is, as it is expected, and as it is to be."""
        world = self._world
        inventory, fleet = world.inventory, world.fleet
        match action:
            case Migrate():
                here = inventory.host_moids[int(fleet.host[self.vm(action)])]
                return here, action.source.moid, action.target.moid
            case SetMemory():
                now = self.current(self.vm(action), action.setting)
                return now, action.from_mib, action.to_mib
            case SetShares():
                shares = float(inventory.settings.shares[self.vm(action)])
                return shares, action.from_shares, action.to_shares
            case EnableHotAdd():
                return bool(inventory.settings.hot_add[self.vm(action)]), False, True
            case MigrateStorage():
                here = inventory.datastore_moids[int(inventory.vm_datastore[self.vm(action)])]
                return here, action.source.moid, action.target.moid
            case Stop():
                return bool(fleet.on[self.vm(action)]), True, False
            case Start():
                return bool(fleet.on[self.vm(action)]), False, True
            case SetPool():
                now = self.current_of_pool(self.powers.pool(action.pool), action.setting)
                return now, action.before, action.after
            case SuspendHost():
                return self._rests(self.powers.host(action.host)), None, action.rest
            case ProvisionHost():
                return self._rests(self.powers.host(action.host)), action.rest, None
            case ApplyRecommendation():
                # No DRS thinks in the plant: there is nothing to apply but what has come true.
                there = [self.standing(move) is Standing.AFTER for move in action.moves]
                return all(there), None, True
            case _:
                assert_never(action)

    def _rests(self, row: int) -> Rest | None:
        inventory = self._world.inventory
        if inventory.standby[row]:
            return Rest.STANDBY
        return Rest.MAINTENANCE if inventory.maintenance[row] else None

    def current_of_pool(self, row: int, setting: PoolSetting) -> float | None:
        """A pool's setting as it is: MiB or shares, None for no limit."""
        pool = self._world.inventory.pools[row]
        match setting:
            case PoolSetting.RESERVATION:
                return pool.reservation_mib
            case PoolSetting.LIMIT:
                return None if np.isinf(pool.limit_mib) else pool.limit_mib
            case PoolSetting.SHARES:
                return pool.shares
            case _:
                assert_never(setting)

    # ---------------------------------------------------------------- checks

    def check(self, action: Action) -> None:
        """Raise what vCenter would answer to the action now."""
        powers, name = self.powers, action.subject.name
        if isinstance(action, VmAction) and self._world.inventory.vms[self.vm(action)].template:
            raise FinalFault("is a template", fault="NotSupported", where=name)
        if self.standing(action) is not Standing.BEFORE:
            raise StaleFault(
                "is not as the action expects it", fault="ConcurrentAccess", where=name,
                cure="read the estate again",
            )  # fmt: skip
        match action:
            case Migrate():
                self._check_migrate(action, self.vm(action))
            case SetMemory():
                self._check_setting(action, self.vm(action))
            case SetShares():
                powers.check_shares(action)
            case EnableHotAdd():
                powers.check_enable_hot_add(action, self.vm(action))
            case MigrateStorage():
                powers.check_storage(action, self.vm(action))
            case Stop():
                powers.check_stop(action, self.vm(action))
            case Start():
                self._check_start(action, self.vm(action))
            case SetPool():
                row = powers.pool(action.pool)
                powers.check_pool(action, row, self.pool_unreserved())
            case SuspendHost():
                powers.check_suspend(action, powers.host(action.host))
            case ProvisionHost():
                powers.check_provision(action, powers.host(action.host))
            case ApplyRecommendation():
                raise StaleFault(
                    "there is no such recommendation", fault="InvalidState", where=name
                )
            case _:
                assert_never(action)

    def _check_start(self, action: Start, row: int) -> None:
        unreserved = self.host_unreserved()
        self.powers.check_start(action, row, unreserved)
        target = self.powers.start_host(action, row, unreserved)
        self._require_rules(action.vm.name, row, target)
        settings, pool = self._world.inventory.settings, int(self._world.inventory.vm_pool[row])
        free = float(self.pool_unreserved()[pool])
        if float(settings.reservation[row]) > free:
            raise StaleFault(
                f"pool {self._world.inventory.pools[pool].name} can reserve {gib_text(free)} more",
                fault="InsufficientMemoryResourcesFault", where=action.vm.name,
            )  # fmt: skip

    def _require_rules(self, name: str, row: int, target: int) -> None:
        for rule, mandatory in self.broken_rules(row, target):
            if mandatory:
                raise FinalFault(
                    f"the rule {rule} forbids it", fault="VmHostAffinityRuleViolation", where=name,
                    cure="change the rule",
                )  # fmt: skip

    def _check_setting(self, action: SetMemory, row: int) -> None:
        spec, settings = self._world.inventory.vms[row], self._world.inventory.settings
        name, value = action.subject.name, action.to_mib
        if value is not None and value < 0:
            raise _invalid(name, "must not be negative")
        match action.setting:
            case ActionKind.LIMIT:
                if value is not None and spec.passthrough:
                    raise _invalid(name, "a VM with a passthrough device takes no memory limit")
                if value is not None and value < settings.reservation[row]:
                    raise _invalid(name, "the limit must not be below the reservation")
            case ActionKind.RESERVATION:
                self._check_reservation(action, row)
            case ActionKind.HOT_ADD:
                self._check_hot_add(action, row)
            case ActionKind.RESIZE:
                self.powers.check_resize(action, row)
            case ActionKind.BALLOON_CAP:
                pass
            case _:
                assert_never(action.setting)

    def _check_reservation(self, action: SetMemory, row: int) -> None:
        spec, settings = self._world.inventory.vms[row], self._world.inventory.settings
        name, value = action.subject.name, float(action.to_mib or 0)
        if action.to_mib is None:
            raise _invalid(name, "a reservation is an amount")
        if settings.locked[row] and value != settings.size[row]:
            raise _invalid(name, "its reservation is locked to its size")
        if (spec.passthrough or spec.latency_sensitive) and value < settings.size[row]:
            raise _invalid(name, "it must reserve all its memory")
        if value > settings.size[row]:
            raise _invalid(name, "the reservation must not exceed the configured memory")
        if value > settings.limit[row]:
            raise _invalid(name, "the reservation must not exceed the limit")
        self._check_room(name, row, value - float(settings.reservation[row]))

    def _check_hot_add(self, action: SetMemory, row: int) -> None:
        world, name = self._world, action.subject.name
        spec, settings = world.inventory.vms[row], world.inventory.settings
        if action.to_mib is None:
            raise _invalid(name, "a size is an amount")
        value, size = float(action.to_mib), float(settings.size[row])
        if not world.fleet.on[row]:
            raise StaleFault("is powered off", fault="InvalidPowerState", where=name)
        if not settings.hot_add[row] or spec.fault_tolerance or spec.passthrough:
            raise FinalFault(
                "does not take memory while it runs", fault="MemoryHotPlugNotSupported",
                where=name, cure="enable memory hot-add while it is powered off",
            )  # fmt: skip
        if value < size:
            raise FinalFault(
                "memory cannot be taken away while it runs",
                fault="MemoryHotPlugNotSupported", where=name,
            )  # fmt: skip
        step = spec.hot_add_increment_mib
        if (value - size) % step or value % 4:
            raise FinalFault(
                f"{gib_text(value)} is no multiple of the hot-add increment of {gib_text(step)}",
                fault="MemorySizeNotSupported", where=name,
            )  # fmt: skip
        ceiling = spec.hot_add_limit_mib
        linux = "linux" in spec.guest_os.lower() or spec.guest_os.lower().startswith(
            ("rhel", "sles", "ubuntu", "debian", "centos", "oracle")
        )
        if linux and settings.boot_size[row] < _LINUX_LINE_MIB:
            ceiling = min(ceiling, _LINUX_LINE_MIB)
        if value > ceiling:
            raise FinalFault(
                f"cannot grow past {gib_text(ceiling)} while it runs",
                fault="MemorySizeNotSupported", where=name, cure="power it off to grow it more",
            )  # fmt: skip
        overhead = float(laws.overhead_mib(value, spec.vcpus)) - float(world.fleet.overhead[row])
        more = value - float(settings.reservation[row]) if settings.locked[row] else 0.0
        self._check_room(name, row, more + overhead)
        host = int(world.fleet.host[row])
        if overhead > float(world.hosts.free[host]):
            raise StaleFault(
                f"host {world.inventory.hosts[host].name} has no memory left to run a larger VM",
                fault="InsufficientHostMemoryCapacityFault", where=name,
            )  # fmt: skip

    def _check_migrate(self, action: Migrate, row: int) -> None:
        world, name = self._world, action.subject.name
        inventory, fleet = world.inventory, world.fleet
        spec = inventory.vms[row]
        target = self.host(action.subject, action.target)
        source = int(fleet.host[row])
        if not fleet.on[row]:
            raise StaleFault("is powered off", fault="InvalidPowerState", where=name)
        if spec.passthrough:
            raise FinalFault(
                "has a passthrough device", fault="DisallowedMigrationDeviceAttached", where=name,
                cure="leave it where it is",
            )  # fmt: skip
        check_cluster(world, action, row, target, self.pool_unreserved)
        for end in (source, target):
            host = inventory.hosts[end]
            if inventory.connection[end] != CONNECTED:
                raise TransientFault(
                    f"host {host.name} is {inventory.connection[end]}", fault="HostNotConnected",
                    where=name, cure="connect the host",
                )  # fmt: skip
            if host.link_mbps <= 0:
                raise FinalFault(
                    f"host {host.name} has no vMotion network", fault="VMotionNotConfigured",
                    where=name, cure="enable vMotion on a VMkernel adapter",
                )  # fmt: skip
        if inventory.standby[target]:
            raise StaleFault(
                f"host {inventory.hosts[target].name} is in standby", fault="InvalidHostState",
                where=name,
            )  # fmt: skip
        if inventory.maintenance[target]:
            raise StaleFault(
                f"host {inventory.hosts[target].name} is in maintenance mode",
                fault="InvalidHostState", where=name,
            )  # fmt: skip
        self._require_rules(name, row, target)
        need = float(inventory.settings.reservation[row] + fleet.overhead[row])
        free = float(self.host_unreserved()[target])
        if need > free:
            raise StaleFault(
                f"host {inventory.hosts[target].name} can back {gib_text(free)} more, "
                f"{gib_text(need)} are needed",
                fault="InsufficientMemoryResourcesFault", where=name,
            )  # fmt: skip

    def _check_room(self, name: str, row: int, more: float) -> None:
        """Whether that much more can be reserved for a VM, on its host and in its pool."""
        world = self._world
        if more <= 0.0 or not world.fleet.on[row]:
            return
        host, pool = int(world.fleet.host[row]), int(world.inventory.vm_pool[row])
        places = (
            (f"host {world.inventory.hosts[host].name}", float(self.host_unreserved()[host])),
            (f"pool {world.inventory.pools[pool].name}", float(self.pool_unreserved()[pool])),
        )
        for place, free in places:
            if more > free:
                raise StaleFault(
                    f"{place} can reserve {gib_text(free)} more, {gib_text(more)} are asked for",
                    fault="InsufficientMemoryResourcesFault", where=name,
                    cure="free reservations or move the VM",
                )  # fmt: skip

    # ---------------------------------------------------------------- sums

    def host_reserved(self) -> FloatArray:
        """(H,) reserved on each host: VMs, their overhead, the VMkernel, and VMs on their way."""
        world = self._world
        fleet, settings = world.fleet, world.inventory.settings
        per_vm = (settings.reservation + fleet.overhead) * fleet.on
        reserved = laws.summed(per_vm, fleet.host, len(world.hosts)) + world.hosts.vmkernel
        for job in world.migrations.under_way:
            reserved[job.target] += per_vm[job.row]
        return reserved

    def host_unreserved(self) -> FloatArray:
        """(H,) what can still be reserved on each host: minFree is not for reservations."""
        hosts = self._world.hosts
        return np.maximum(hosts.memory - hosts.min_free - self.host_reserved(), 0.0)

    def pool_unreserved(self) -> FloatArray:
        """(P,) what a VM in each pool can still reserve; HA's failover reserve is held back."""
        world = self._world
        hosts, inventory = world.hosts, world.inventory
        usable = inventory.fit()
        per_host = (hosts.memory - hosts.min_free - hosts.vmkernel) * usable
        total = laws.summed(per_host, inventory.host_cluster, len(inventory.clusters))
        held_back = np.array(
            [
                c.ha_reserve_memory_pct / 100.0 if c.ha and c.ha_admission_control else 0.0
                for c in inventory.clusters
            ]
        )
        return world.pools.unreserved(world.fleet, total * (1.0 - held_back))

    def broken_rules(self, row: int, target: int) -> list[tuple[str, bool]]:
        """Rules that a VM on that host would break: name, mandatory."""
        world = self._world
        inventory, fleet = world.inventory, world.fleet
        name, host = inventory.vms[row].name, inventory.hosts[target].name
        broken = []
        for rule in inventory.rules:
            if name not in rule.vms:
                continue
            others = [inventory.vm_rows[vm] for vm in rule.vms if vm != name]
            elsewhere = {int(fleet.host[other]) for other in others if fleet.on[other]}
            wrong = {
                KEEP_APART: target in elsewhere,
                KEEP_TOGETHER: bool(elsewhere - {target}),
                RUN_ON: host not in rule.hosts,
                NOT_ON: host in rule.hosts,
            }[rule.kind]
            if wrong:
                broken.append((rule.name, rule.mandatory))
        return broken


def _invalid(name: str, what: str) -> ActionError:
    return FinalFault(what, fault="InvalidArgument", where=name)
