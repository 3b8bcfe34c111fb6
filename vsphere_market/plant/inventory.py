"""What a vCenter knows of an estate besides its counters: names, settings, rules, pools."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vsphere_market.estate import CONNECTED
from vsphere_market.plant.spec import ClusterSpec, EstateSpec, HostSpec, PoolSpec, RuleSpec, VmSpec
from vsphere_market.units import UNLIMITED, BoolArray, FloatArray, IndexArray


@dataclass(slots=True, eq=False)
class Settings:
    """What can be set on VMs, one entry each; amounts in MiB.

    Attributes:
        size: configured memory.
        boot_size: size when last powered on.
        reservation, limit, shares: of the VM itself, pools apart.
        locked: reservation follows the size.
        balloon_cap: NaN is the host's default.
        hot_add: memory can be added while it runs.
        version: changes with every reconfiguration.
    """

    size: FloatArray
    boot_size: FloatArray
    reservation: FloatArray
    limit: FloatArray
    shares: FloatArray
    locked: BoolArray
    balloon_cap: FloatArray
    hot_add: BoolArray
    version: IndexArray


class Inventory:
    """Rows of everything in one estate, in the order of its file; moids like vCenter's.

    Attributes:
        clusters, hosts, pools, vms, rules: what the file said, root pools added.
        host_cluster, vm_cluster, vm_pool, pool_cluster, pool_parent, rule_cluster: row numbers;
            -1 is none.
        connection: of each host; an administrator may change it.
        maintenance: (H,) hosts in maintenance mode; likewise.
        standby: (H,) hosts that are powered down until they are woken.
        datastore_seen: (D, C) which clusters' hosts see each datastore.
        vm_datastore: row of the datastore that holds each VM's files.
        networks, vm_network: name of each cluster's network, and of the one each VM is on.
        settings: what can change on VMs.
    """

    def __init__(self, spec: EstateSpec) -> None:
        self.clusters: tuple[ClusterSpec, ...] = spec.clusters
        self.hosts: tuple[HostSpec, ...] = tuple(h for c in spec.clusters for h in c.hosts)
        self.vms: tuple[VmSpec, ...] = tuple(v for c in spec.clusters for v in c.vms)
        self.rules: tuple[RuleSpec, ...] = tuple(r for c in spec.clusters for r in c.rules)
        self.host_cluster = _owners(c.hosts for c in spec.clusters)
        self.vm_cluster = _owners(c.vms for c in spec.clusters)
        self.rule_cluster = _owners(c.rules for c in spec.clusters)
        self._lay_pools()
        self.host_rows = {host.name: row for row, host in enumerate(self.hosts)}
        self.vm_rows = {vm.name: row for row, vm in enumerate(self.vms)}
        self.cluster_moids = tuple(f"domain-c{row + 1}" for row in range(len(self.clusters)))
        self.host_moids = tuple(f"host-{row + 11}" for row in range(len(self.hosts)))
        self.pool_moids = tuple(f"resgroup-{row + 1}" for row in range(len(self.pools)))
        self.vm_moids = tuple(f"vm-{row + 1001}" for row in range(len(self.vms)))
        self.host_by_moid = {moid: row for row, moid in enumerate(self.host_moids)}
        self.vm_by_moid = {moid: row for row, moid in enumerate(self.vm_moids)}
        self.connection = [host.connection for host in self.hosts]
        self.maintenance = np.array([host.maintenance for host in self.hosts], dtype=np.bool_)
        self.standby = np.zeros(len(self.hosts), dtype=np.bool_)
        self.pool_by_moid = {moid: row for row, moid in enumerate(self.pool_moids)}
        self._lay_datastores(spec)
        self.settings = self._settings()

    def fit(self) -> BoolArray:
        """(H,) hosts that can take VMs: reached, awake, and not in maintenance mode."""
        return self.connected() & ~self.standby & ~self.maintenance

    def _lay_datastores(self, spec: EstateSpec) -> None:
        # A name that several clusters give is one datastore, which all of them see.
        self.datastores = tuple(dict.fromkeys(n for c in spec.clusters for n in c.datastores))
        self.datastore_seen = np.array(
            [[name in c.datastores for c in spec.clusters] for name in self.datastores],
            dtype=np.bool_,
        )
        self.datastore_moids = tuple(f"datastore-{row + 1}" for row in range(len(self.datastores)))
        self.datastore_by_moid = {moid: row for row, moid in enumerate(self.datastore_moids)}
        first = [self.datastores.index(c.datastores[0]) for c in spec.clusters]
        self.vm_datastore = np.array(first, dtype=np.int64)[self.vm_cluster]
        self.networks = tuple(
            c.network or f"network-{row + 1}" for row, c in enumerate(spec.clusters)
        )
        self.vm_network = tuple(self.networks[cluster] for cluster in self.vm_cluster.tolist())

    def connected(self) -> BoolArray:
        """(H,) hosts that vCenter reaches."""
        return np.array([state == CONNECTED for state in self.connection], dtype=np.bool_)

    def _lay_pools(self) -> None:
        pools: list[PoolSpec] = []
        parents: list[int] = []
        owners: list[int] = []
        vm_pool: list[int] = []
        for at, cluster in enumerate(self.clusters):
            rows = {"": len(pools)}
            pools.append(PoolSpec("Resources", "", 0.0, UNLIMITED, 0.0, False))
            parents.append(-1)
            owners.append(at)
            for pool in cluster.pools:
                parents.append(rows[pool.parent])
                rows[pool.name] = len(pools)
                pools.append(pool)
                owners.append(at)
            vm_pool += [rows[vm.pool] for vm in cluster.vms]
        self.pools = tuple(pools)
        self.pool_parent = np.array(parents, dtype=np.int64)
        self.pool_cluster = np.array(owners, dtype=np.int64)
        self.vm_pool = np.array(vm_pool, dtype=np.int64)

    def _settings(self) -> Settings:
        vms = self.vms
        size = np.array([vm.memory_mib for vm in vms])
        caps = [np.nan if vm.balloon_cap_mib is None else vm.balloon_cap_mib for vm in vms]
        return Settings(
            size=size,
            boot_size=size.copy(),
            reservation=np.array([vm.reservation_mib for vm in vms]),
            limit=np.array([vm.limit_mib for vm in vms]),
            shares=np.array([vm.shares for vm in vms]),
            locked=np.array([vm.locked for vm in vms], dtype=np.bool_),
            balloon_cap=np.array(caps, dtype=np.float64),
            hot_add=np.array([vm.hot_add for vm in vms], dtype=np.bool_),
            version=np.ones(len(vms), dtype=np.int64),
        )


def _owners(groups: object) -> IndexArray:
    """Row of the owner of each member, groups laid one after another."""
    lengths: Sequence[int] = [len(group) for group in groups]  # type: ignore[attr-defined]
    return np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
