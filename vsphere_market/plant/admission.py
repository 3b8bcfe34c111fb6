"""What a vCenter refuses, and in which words: checks of actions against the world.

Each check raises the fault that vCenter gives. Nothing is changed here.
"""

from __future__ import annotations

import numpy as np

from vsphere_market.errors import ActionError, FinalFault, StaleFault, TransientFault
from vsphere_market.estate import CONNECTED, KEEP_APART, KEEP_TOGETHER, NOT_ON, RUN_ON
from vsphere_market.plant import laws
from vsphere_market.plant.world import World
from vsphere_market.port import Action, ActionKind, Entity, Migrate, SetMemory, Standing
from vsphere_market.units import FloatArray, gib_text

#: A Linux guest started with less than 3 GB cannot grow past 3 GB by hot-add.
_LINUX_LINE_MIB = 3072.0


class Admission:
    """The rules of one world."""

    def __init__(self, world: World) -> None:
        self._world = world

    # ---------------------------------------------------------------- reading

    def vm(self, action: Action) -> int:
        """Row of the action's VM."""
        row = self._world.inventory.vm_by_moid.get(action.subject.moid)
        if row is None:
            raise StaleFault(
                "there is no such VM any more", fault="ManagedObjectNotFound",
                where=action.subject.name, cure="read the estate again",
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

    def current(self, row: int, kind: ActionKind) -> float | None:
        """A setting as it is: MiB, None for no limit or the host's default."""
        settings = self._world.inventory.settings
        match kind:
            case ActionKind.LIMIT:
                return None if np.isinf(settings.limit[row]) else float(settings.limit[row])
            case ActionKind.RESERVATION:
                return float(settings.reservation[row])
            case ActionKind.HOT_ADD:
                return float(settings.size[row])
            case ActionKind.BALLOON_CAP:
                cap = float(settings.balloon_cap[row])
                return None if np.isnan(cap) else cap
            case ActionKind.MIGRATE:
                raise ValueError("a migration is no setting")

    def standing(self, action: Action) -> Standing:
        """Whether the world is as the action expects it, or as it would leave it."""
        inventory = self._world.inventory
        row = inventory.vm_by_moid.get(action.subject.moid)
        if row is None:
            return Standing.OTHER
        if isinstance(action, Migrate):
            here = inventory.host_moids[int(self._world.fleet.host[row])]
            before, after, now = action.source.moid, action.target.moid, here
            if now == after:
                return Standing.AFTER
            return Standing.BEFORE if now == before else Standing.OTHER
        value = self.current(row, action.setting)
        if value == action.to_mib:
            return Standing.AFTER
        return Standing.BEFORE if value == action.from_mib else Standing.OTHER

    # ---------------------------------------------------------------- checks

    def check(self, action: Action) -> None:
        """Raise what vCenter would answer to the action now."""
        row = self.vm(action)
        spec, name = self._world.inventory.vms[row], action.subject.name
        if spec.template:
            raise FinalFault("is a template", fault="NotSupported", where=name)
        if self.standing(action) is not Standing.BEFORE:
            raise StaleFault(
                "is not as the action expects it", fault="ConcurrentAccess", where=name,
                cure="read the estate again",
            )  # fmt: skip
        if isinstance(action, Migrate):
            self._check_migrate(action, row)
        else:
            self._check_setting(action, row)

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
            case ActionKind.BALLOON_CAP:
                pass
            case ActionKind.MIGRATE:
                raise _invalid(name, "a migration is no setting")

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
        if not spec.hot_add or spec.fault_tolerance or spec.passthrough:
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
        if inventory.host_cluster[source] != inventory.host_cluster[target]:
            raise FinalFault("leaves its cluster", fault="NotSupported", where=name)
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
        if inventory.maintenance[target]:
            raise StaleFault(
                f"host {inventory.hosts[target].name} is in maintenance mode",
                fault="InvalidHostState", where=name,
            )  # fmt: skip
        for rule, mandatory in self.broken_rules(row, target):
            if mandatory:
                raise FinalFault(
                    f"the rule {rule} forbids it", fault="VmHostAffinityRuleViolation", where=name,
                    cure="change the rule",
                )  # fmt: skip
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
        usable = inventory.connected() & ~inventory.maintenance
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
