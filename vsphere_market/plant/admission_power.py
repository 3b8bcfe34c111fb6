"""What a vCenter refuses of power operations, hosts' rest, pools and storage moves.

The other half of ``admission``: each check raises the fault that vCenter gives and changes nothing.
"""

from __future__ import annotations

import numpy as np

from vsphere_market.errors import FinalFault, StaleFault
from vsphere_market.estate import CONNECTED
from vsphere_market.plant import laws
from vsphere_market.plant.world import World
from vsphere_market.port import (
    EnableHotAdd,
    Entity,
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
from vsphere_market.units import FloatArray, gib_text

_GONE = "ManagedObjectNotFound"
#: vSphere takes memory sizes in multiples of this.
_SIZE_UNIT_MIB = 4


class PowerAdmission:
    """The rules of one world for what is switched, resized while off, and shared out."""

    def __init__(self, world: World) -> None:
        self._world = world

    def check_resize(self, action: SetMemory, row: int) -> None:
        """A size for a VM that is off."""
        settings, name = self._world.inventory.settings, action.vm.name
        self._require_off(row, name)
        if action.to_mib is None or action.to_mib <= 0 or action.to_mib % _SIZE_UNIT_MIB:
            raise FinalFault(
                f"a size is a positive multiple of {_SIZE_UNIT_MIB} MiB",
                fault="MemorySizeNotSupported", where=name,
            )  # fmt: skip
        if not settings.locked[row] and action.to_mib < settings.reservation[row]:
            raise FinalFault(
                "the size would be below the reservation", fault="InvalidArgument", where=name,
                cure="lower the reservation first",
            )  # fmt: skip

    def check_shares(self, action: SetShares) -> None:
        """A number of shares."""
        if action.to_shares < 1:
            raise FinalFault("shares are 1 or more", fault="InvalidArgument", where=action.vm.name)

    def check_enable_hot_add(self, action: EnableHotAdd, row: int) -> None:
        """Hot-add is enabled while the VM is off, and not under fault tolerance."""
        spec, name = self._world.inventory.vms[row], action.vm.name
        self._require_off(row, name)
        if spec.fault_tolerance or spec.passthrough:
            raise FinalFault(
                "fault tolerance or a passthrough device rules out memory hot-add",
                fault="MemoryHotPlugNotSupported", where=name,
            )  # fmt: skip

    def check_storage(self, action: MigrateStorage, row: int) -> None:
        """A datastore of the VM's own cluster takes its files."""
        world, name = self._world, action.vm.name
        inventory = world.inventory
        target = inventory.datastore_by_moid.get(action.target.moid)
        if target is None:
            raise StaleFault(
                f"there is no datastore {action.target.name} any more", fault=_GONE, where=name,
                cure="read the estate again",
            )  # fmt: skip
        host = int(world.fleet.host[row])
        if not inventory.datastore_seen[target, inventory.host_cluster[host]]:
            raise FinalFault(
                f"its host does not see datastore {action.target.name}",
                fault="CannotAccessVmComponent", where=name,
            )  # fmt: skip

    def check_stop(self, action: Stop, row: int) -> None:
        """A guest shuts down by its Tools; the plug can always be pulled."""
        world, name = self._world, action.vm.name
        if not world.fleet.on[row]:
            raise StaleFault("is powered off", fault="InvalidPowerState", where=name)
        if not action.hard and not world.fleet.tools[row]:
            raise FinalFault(
                "VMware Tools do not run in its guest", fault="ToolsUnavailable", where=name,
                cure="install VMware Tools, or allow a hard stop",
            )  # fmt: skip
        if world.migrations.of(row) is not None:
            raise StaleFault("is being migrated", fault="InvalidState", where=name)

    def check_start(self, action: Start, row: int, unreserved: FloatArray) -> None:
        """A fit host of its cluster has room for it.

        Args:
            action: the start.
            row: the VM.
            unreserved: (H,) what can still be reserved on each host.
        """
        world, name = self._world, action.vm.name
        if world.fleet.on[row]:
            raise StaleFault("is powered on", fault="InvalidPowerState", where=name)
        host = self.start_host(action, row, unreserved)
        inventory = world.inventory
        label = inventory.hosts[host].name
        if inventory.host_cluster[host] != inventory.vm_cluster[row]:
            raise FinalFault(
                f"host {label} is in another cluster", fault="InvalidArgument", where=name
            )
        if not inventory.fit()[host]:
            raise StaleFault(
                f"host {label} rests or is not reached", fault="InvalidHostState", where=name,
                cure="start it on another host",
            )  # fmt: skip
        overhead = self._overhead(row)
        need = float(inventory.settings.reservation[row]) + overhead
        if need > float(unreserved[host]) or overhead > float(world.hosts.free[host]):
            raise StaleFault(
                f"host {label} can back {gib_text(float(unreserved[host]))} more, "
                f"{gib_text(need)} are needed",
                fault="InsufficientMemoryResourcesFault", where=name,
            )  # fmt: skip

    def start_host(self, action: Start, row: int, unreserved: FloatArray) -> int:
        """Row of the host that a VM is started on: asked for, its own, or what DRS picks."""
        world = self._world
        inventory = world.inventory
        if action.host is not None:
            return self.host(action.host)
        home = int(world.fleet.host[row])
        cluster = int(inventory.vm_cluster[row])
        if inventory.fit()[home] or not inventory.clusters[cluster].drs:
            return home
        fit = inventory.fit() & (inventory.host_cluster == cluster)
        return int(np.argmax(np.where(fit, unreserved, -1.0))) if fit.any() else home

    def check_pool(self, action: SetPool, row: int, unreserved: FloatArray) -> None:
        """What a pool's parent can back; ``unreserved`` (P,) is what each pool has left."""
        world, name = self._world, action.pool.name
        inventory = world.inventory
        pool, parent = inventory.pools[row], int(inventory.pool_parent[row])
        after = action.after
        if parent < 0:
            raise FinalFault(
                "the root pool's allocation is the cluster's own", fault="NotSupported", where=name
            )
        if after is not None and after < (1 if action.setting is PoolSetting.SHARES else 0):
            raise FinalFault("the amount is too small", fault="InvalidArgument", where=name)
        match action.setting:
            case PoolSetting.RESERVATION:
                if after is None or after > pool.limit_mib:
                    raise FinalFault(
                        "a reservation is an amount up to the limit",
                        fault="InvalidArgument", where=name,
                    )  # fmt: skip
                more = after - pool.reservation_mib
                if more > float(unreserved[parent]):
                    raise StaleFault(
                        f"its parent can reserve {gib_text(float(unreserved[parent]))} more, "
                        f"{gib_text(more)} are asked for",
                        fault="InsufficientMemoryResourcesFault", where=name,
                    )  # fmt: skip
            case PoolSetting.LIMIT:
                if after is not None and after < pool.reservation_mib:
                    raise FinalFault(
                        "the limit must not be below the reservation",
                        fault="InvalidArgument", where=name,
                    )  # fmt: skip
            case PoolSetting.SHARES:
                if after is None:
                    raise FinalFault("shares are a number", fault="InvalidArgument", where=name)

    def check_suspend(self, action: SuspendHost, row: int) -> None:
        """No VM runs there or is on its way there, and HA can do without the host."""
        world, name = self._world, action.host.name
        inventory, fleet = world.inventory, world.fleet
        if inventory.connection[row] != CONNECTED:
            raise StaleFault("is not connected", fault="InvalidHostConnectionState", where=name)
        if not inventory.fit()[row]:
            raise StaleFault("rests already", fault="InvalidState", where=name)
        running = np.flatnonzero((fleet.host == row) & fleet.on).tolist()
        if running:
            first = inventory.vms[running[0]].name
            raise StaleFault(
                f"{len(running)} VMs run on it, such as {first}", fault="InvalidState", where=name,
                cure="move them away first",
            )  # fmt: skip
        if any(row in (job.source, job.target) for job in world.migrations.under_way):
            raise StaleFault("a VM is on its way there", fault="InvalidState", where=name)
        cluster = inventory.clusters[int(inventory.host_cluster[row])]
        if cluster.ha and cluster.ha_admission_control:
            self._require_failover(row, name)

    def check_provision(self, action: ProvisionHost, row: int) -> None:
        """It rests in the way that it is to be brought back from."""
        inventory = self._world.inventory
        rests = inventory.standby if action.rest is Rest.STANDBY else inventory.maintenance
        if not rests[row]:
            raise StaleFault(
                "does not rest like that", fault="InvalidState", where=action.host.name
            )

    def host(self, host: Entity) -> int:
        """Row of a host."""
        row = self._world.inventory.host_by_moid.get(host.moid)
        if row is None:
            raise StaleFault(
                "there is no such host any more", fault=_GONE, where=host.name,
                cure="read the estate again",
            )  # fmt: skip
        return row

    def pool(self, pool: Entity) -> int:
        """Row of a resource pool."""
        row = self._world.inventory.pool_by_moid.get(pool.moid)
        if row is None:
            raise StaleFault(
                "there is no such pool any more", fault=_GONE, where=pool.name,
                cure="read the estate again",
            )  # fmt: skip
        return row

    def _require_off(self, row: int, name: str) -> None:
        if self._world.fleet.on[row]:
            raise StaleFault(
                "is powered on", fault="InvalidPowerState", where=name, cure="stop it first"
            )

    def _overhead(self, row: int) -> float:
        world = self._world
        size, vcpus = world.inventory.settings.size[row], world.fleet.vcpus[row]
        return float(laws.overhead_mib(size, vcpus))

    def _require_failover(self, row: int, name: str) -> None:
        """What stays of the cluster must back its reservations and the failover reserve."""
        world = self._world
        inventory, hosts = world.inventory, world.hosts
        owner = int(inventory.host_cluster[row])
        stays = inventory.fit() & (inventory.host_cluster == owner)
        stays[row] = False
        total = float(((hosts.memory - hosts.min_free - hosts.vmkernel) * stays).sum())
        cluster = inventory.clusters[owner]
        root = int(
            np.flatnonzero((inventory.pool_cluster == owner) & (inventory.pool_parent < 0))[0]
        )
        reserved = float(world.pools.committed(world.fleet)[root])
        if reserved > total * (1.0 - cluster.ha_reserve_memory_pct / 100.0):
            raise StaleFault(
                "without it HA could not keep its failover reserve",
                fault="InsufficientFailoverResourcesFault", where=name,
                cure="lower reservations, or the failover reserve",
            )  # fmt: skip
