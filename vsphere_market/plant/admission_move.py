"""What a vCenter refuses when a VM goes to another cluster."""

from __future__ import annotations

from collections.abc import Callable

from vsphere_market.errors import FinalFault, StaleFault
from vsphere_market.plant.world import World
from vsphere_market.port import Entity, Migrate
from vsphere_market.units import FloatArray, gib_text


def check_cluster(
    world: World, action: Migrate, row: int, target: int, unreserved: Callable[[], FloatArray]
) -> None:
    """A VM that leaves its cluster leaves its pool, and must be seen and taken by the other.

    Args:
        world: the estate.
        action: the migration.
        row: the VM.
        target: the host that it goes to.
        unreserved: gives (P,) what can still be reserved in each pool, MiB.

    Raises:
        ActionError: what vCenter would answer.
    """
    inventory, name = world.inventory, action.vm.name
    cluster = int(inventory.host_cluster[target])
    if action.pools is None:
        if int(inventory.host_cluster[world.fleet.host[row]]) != cluster:
            raise FinalFault(
                "a move out of its cluster needs a resource pool there",
                fault="InvalidArgument", where=name,
            )  # fmt: skip
        return
    left, joined = (_pool(world, pool, name) for pool in action.pools)
    if int(inventory.vm_pool[row]) != left:
        raise StaleFault(
            f"it is in another resource pool than {action.pools[0].name}",
            fault="InvalidState", where=name, cure="read the estate again",
        )  # fmt: skip
    if int(inventory.pool_cluster[joined]) != cluster:
        raise FinalFault(
            f"{action.pools[1].name} is no pool of the target's cluster",
            fault="InvalidArgument", where=name,
        )  # fmt: skip
    label = inventory.hosts[target].name
    if not inventory.datastore_seen[inventory.vm_datastore[row], cluster]:
        raise FinalFault(
            f"host {label} does not see its datastore", fault="CannotAccessVmComponent", where=name
        )
    if inventory.vm_network[row] != inventory.networks[cluster]:
        raise FinalFault(
            f"host {label} does not see its network", fault="CannotAccessNetwork", where=name
        )
    need = float(inventory.settings.reservation[row] + world.fleet.overhead[row])
    free = float(unreserved()[joined])
    if need > free:
        raise StaleFault(
            f"pool {action.pools[1].name} can reserve {gib_text(free)} more, "
            f"{gib_text(need)} are needed",
            fault="InsufficientMemoryResourcesFault", where=name,
            cure="free reservations, or move it elsewhere",
        )  # fmt: skip


def _pool(world: World, pool: Entity, name: str) -> int:
    row = world.inventory.pool_by_moid.get(pool.moid)
    if row is None:
        raise StaleFault(
            f"there is no pool {pool.name} any more", fault="ManagedObjectNotFound", where=name,
            cure="read the estate again",
        )  # fmt: skip
    return row
