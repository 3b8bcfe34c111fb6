"""What a vCenter would show of a world: the snapshot."""

from __future__ import annotations

import numpy as np

from vsphere_market.estate import (
    CONNECTED,
    POWERED_ON,
    ClusterTable,
    DatastoreTable,
    HostTable,
    PoolTable,
    RuleTable,
    Snapshot,
    Source,
    VmTable,
)
from vsphere_market.plant import laws, reclaim
from vsphere_market.plant.admission import Admission
from vsphere_market.plant.recorder import SAMPLE_S
from vsphere_market.plant.world import World, rate_kibps
from vsphere_market.units import BoolArray, FloatArray

#: Share of a host's CPU in use above which virtual CPUs queue [ASM].
_READY_FROM = 0.8


def snapshot(world: World, admission: Admission, now_s: float) -> Snapshot:
    """Everything as vCenter shows it, counters over the last five minutes."""
    sampled = world.now_s - (world.now_s - world.spec.start_s) % SAMPLE_S
    return Snapshot(
        taken_at_s=now_s,
        source=Source("plant", world.spec.name, f"plant-{world.spec.name}", "8.0.3"),
        clusters=_clusters(world),
        hosts=_hosts(world, admission, sampled),
        pools=_pools(world, admission),
        datastores=_datastores(world),
        vms=_vms(world, sampled),
        rules=_rules(world),
    )


def _clusters(world: World) -> ClusterTable:
    clusters = world.inventory.clusters
    return ClusterTable(
        moid=world.inventory.cluster_moids,
        name=tuple(c.name for c in clusters),
        datacenter=("DC",) * len(clusters),
        tags=((),) * len(clusters),
        custom_attributes=((),) * len(clusters),
        drs_enabled=np.array([bool(c.drs) for c in clusters]),
        drs_behavior=tuple(c.drs for c in clusters),
        drs_vmotion_rate=np.array([c.drs_vmotion_rate if c.drs else np.nan for c in clusters]),
        ha_enabled=np.array([c.ha for c in clusters]),
        ha_admission_control=np.array([c.ha_admission_control for c in clusters]),
        ha_reserve_memory_pct=np.array([c.ha_reserve_memory_pct for c in clusters]),
        ha_failover_level=np.full(len(clusters), np.nan),
    )


def _cpu_demand(world: World) -> FloatArray:
    """(V,) MHz; guests that wait for memory compute less."""
    inventory, fleet = world.inventory, world.fleet
    speed = np.array([host.core_mhz for host in inventory.hosts])[fleet.host]
    share = np.array([vm.workload.cpu for vm in inventory.vms])
    demand: FloatArray = np.round(fleet.vcpus * speed * share * (1.0 - fleet.stall) * fleet.on)
    return demand


def _hosts(world: World, admission: Admission, sampled: float) -> HostTable:
    inventory, fleet, hosts = world.inventory, world.fleet, world.hosts
    specs, count = inventory.hosts, len(inventory.hosts)
    reached = inventory.connected()
    # A host that is powered down gives no counters.
    up = reached & ~inventory.standby

    def total(per_vm: FloatArray) -> FloatArray:
        summed = laws.summed(per_vm, fleet.host, count)
        return _shown(summed, up)

    on = np.maximum(laws.summed(fleet.on.astype(np.float64), fleet.host, count), 1.0)
    recorder = world.recorder
    cores = np.array([float(spec.cores) for spec in specs])
    mhz = cores * np.array([spec.core_mhz for spec in specs])
    return HostTable(
        moid=inventory.host_moids,
        name=tuple(spec.name for spec in specs),
        cluster=inventory.host_cluster,
        connection=tuple(inventory.connection),
        power=tuple(
            "standBy" if rests else POWERED_ON if ok else "unknown"
            for ok, rests in zip(reached.tolist(), inventory.standby.tolist(), strict=True)
        ),
        in_maintenance=inventory.maintenance.copy(),
        in_quarantine=np.array([spec.quarantine for spec in specs]),
        failover_host=np.zeros(count, dtype=np.bool_),
        vsan=("",) * count,
        version=tuple(spec.version for spec in specs),
        licence=("",) * count,
        licence_features=((),) * count,
        # Every host's CPU gives what every guest wants.
        evc_mode=("",) * count,
        vmotion_enabled=np.array([spec.link_mbps > 0 for spec in specs]),
        vmotion_mbps=np.array([spec.link_mbps or np.nan for spec in specs]),
        # Networks are not modelled but for vMotion's.
        uplink_mbps=np.full(count, np.nan),
        storage_mbps=np.full(count, np.nan),
        networks=tuple((inventory.networks[c],) for c in inventory.host_cluster.tolist()),
        datastores=tuple(
            tuple(np.flatnonzero(inventory.datastore_seen[:, c]).tolist())
            for c in inventory.host_cluster.tolist()
        ),
        memory_mib=hosts.memory,
        vmkernel_mib=_shown(hosts.vmkernel, up),
        low_free_threshold_mib=_shown(np.round(hosts.min_free), up),
        consumed_mib=_shown(np.round(hosts.memory - hosts.free), up),
        reserved_mib=_shown(np.round(admission.host_reserved()), up),
        memory_state=_shown(hosts.worst.astype(np.float64), up),
        ballooned_mib=total(np.round(fleet.ballooned)),
        swapped_mib=total(np.round(fleet.swapped)),
        compressed_mib=total(np.round(fleet.compressed)),
        swap_in_kibps=total(rate_kibps(recorder.mean("swap_in"))),
        swap_out_kibps=total(rate_kibps(recorder.mean("swap_out"))),
        latency_pct=_shown(
            _hundredths(laws.summed(recorder.mean("latency"), fleet.host, count) / on), up
        ),
        cpu_mhz=mhz,
        cpu_cores=cores,
        cpu_used_mhz=total(_cpu_demand(world)),
        sampled_at_s=_shown(np.full(count, sampled), up),
        samples=np.where(up, recorder.samples().max(initial=0.0), 0.0),
    )


def _pools(world: World, admission: Admission) -> PoolTable:
    inventory = world.inventory
    pools = inventory.pools
    return PoolTable(
        moid=inventory.pool_moids,
        name=tuple(pool.name for pool in pools),
        cluster=inventory.pool_cluster,
        parent=inventory.pool_parent,
        reservation_mib=np.array([pool.reservation_mib for pool in pools]),
        limit_mib=np.array([pool.limit_mib for pool in pools]),
        shares=np.array([pool.shares or np.nan for pool in pools]),
        expandable=np.array([pool.expandable for pool in pools]),
        unreserved_mib=np.floor(admission.pool_unreserved()),
    )


def _datastores(world: World) -> DatastoreTable:
    """Datastores that all hosts of their cluster see; their space is not modelled."""
    inventory = world.inventory
    count = len(inventory.datastores)
    return DatastoreTable(
        moid=inventory.datastore_moids,
        name=inventory.datastores,
        capacity_mib=np.full(count, np.nan),
        free_mib=np.full(count, np.nan),
        latency_ms=np.full(count, np.nan),
        iops=np.full(count, np.nan),
        io_kibps=np.full(count, np.nan),
        accessible=np.ones(count, dtype=np.bool_),
    )


def _vms(world: World, sampled: float) -> VmTable:
    inventory, fleet, settings = world.inventory, world.fleet, world.inventory.settings
    recorder, vms, count = world.recorder, inventory.vms, len(inventory.vms)
    up = inventory.connected()[fleet.host]
    seen = up & fleet.on & (recorder.samples() > 0)
    entitlement = reclaim.targets(fleet, world.hosts, np.zeros(count))
    guest = recorder.mean("guest_paging") if world.spec.guest_metrics else np.full(count, np.nan)
    return VmTable(
        moid=inventory.vm_moids,
        name=tuple(vm.name for vm in vms),
        instance_uuid=tuple(f"5000c29e-0000-4000-8000-{row:012x}" for row in range(count)),
        host=fleet.host.copy(),
        cluster=inventory.host_cluster[fleet.host],
        pool=inventory.vm_pool.copy(),
        folder=tuple(vm.folder for vm in vms),
        power=tuple(POWERED_ON if on else "poweredOff" for on in fleet.on),
        connection=tuple(CONNECTED if ok else "disconnected" for ok in up),
        template=np.array([vm.template for vm in vms]),
        managed_by=("",) * count,
        guest_os=tuple(vm.guest_os for vm in vms),
        tools_running=fleet.tools & fleet.on,
        tags=tuple(vm.tags for vm in vms),
        custom_attributes=tuple(vm.attributes for vm in vms),
        networks=tuple((network,) for network in inventory.vm_network),
        datastores=tuple((datastore,) for datastore in inventory.vm_datastore.tolist()),
        home_datastore=inventory.vm_datastore.copy(),
        storage_mib=np.full(count, np.nan),
        home_storage_mib=np.full(count, np.nan),
        swap_with_host=np.zeros(count, dtype=np.bool_),
        size_mib=settings.size,
        vcpus=fleet.vcpus,
        reservation_mib=settings.reservation,
        limit_mib=settings.limit,
        shares=settings.shares,
        reservation_locked_to_max=settings.locked,
        cpu_reservation_mhz=np.zeros(count),
        hot_add_enabled=settings.hot_add.copy(),
        hot_add_limit_mib=_if(settings.hot_add, np.array([vm.hot_add_limit_mib for vm in vms])),
        hot_add_increment_mib=_if(
            settings.hot_add, np.array([vm.hot_add_increment_mib for vm in vms])
        ),
        balloon_cap_mib=settings.balloon_cap,
        latency_sensitivity_high=np.array([vm.latency_sensitive for vm in vms]),
        passthrough=np.array([vm.passthrough for vm in vms]),
        fault_tolerance=np.array([vm.fault_tolerance for vm in vms]),
        drs_override=("",) * len(vms),
        change_version=tuple(f"v{number}" for number in settings.version.tolist()),
        granted_mib=_shown(np.round(fleet.granted), seen),
        active_mib=_shown(np.round(recorder.mean("active")), seen),
        active_peak_mib=_shown(np.round(recorder.peak("active")), seen),
        # Without page sharing and beside overhead: what the VM costs its host.
        consumed_mib=_shown(np.round(fleet.held()), seen),
        shared_mib=_shown(np.zeros(count), seen),
        overhead_mib=_shown(np.round(fleet.overhead), seen),
        ballooned_mib=_shown(np.round(fleet.ballooned), seen),
        balloon_target_mib=_shown(np.round(fleet.balloon_target), seen),
        swapped_mib=_shown(np.round(fleet.swapped), seen),
        compressed_mib=_shown(np.round(fleet.compressed), seen),
        swap_in_kibps=_shown(rate_kibps(recorder.mean("swap_in")), seen),
        swap_out_kibps=_shown(rate_kibps(recorder.mean("swap_out")), seen),
        decompress_kibps=_shown(rate_kibps(recorder.mean("unzip")), seen),
        latency_pct=_shown(_hundredths(recorder.mean("latency")), seen),
        entitlement_mib=_shown(np.round(entitlement), seen),
        cpu_demand_mhz=_shown(_cpu_demand(world), seen),
        cpu_ready_pct=_shown(_ready(world), seen),
        evc_mode=("",) * count,
        net_kibps=np.full(count, np.nan),
        iops=np.full(count, np.nan),
        io_kibps=np.full(count, np.nan),
        home_iops=np.full(count, np.nan),
        home_io_kibps=np.full(count, np.nan),
        io_latency_ms=np.full(count, np.nan),
        guest_swap_kibps=_shown(rate_kibps(guest), seen & fleet.tools),
        guest_needed_mib=np.full(count, np.nan),
        guest_source=tuple(
            "guest" if told else ""
            for told in (seen & fleet.tools & world.spec.guest_metrics).tolist()
        ),
        sampled_at_s=_shown(np.full(count, sampled), seen),
        samples=np.where(seen, recorder.samples(), 0.0),
    )


def _ready(world: World) -> FloatArray:
    """(V,) CPU readiness: none until the host is 80 % busy; an assumption, CPU is not modelled."""
    inventory, fleet = world.inventory, world.fleet
    capacity = np.array([host.cores * host.core_mhz for host in inventory.hosts])
    busy = laws.summed(_cpu_demand(world), fleet.host, len(capacity)) / capacity
    ready: FloatArray = np.clip(busy - _READY_FROM, 0.0, 1.0)[fleet.host] * 100.0
    return np.asarray(np.round(ready, 2), dtype=np.float64)


def _rules(world: World) -> RuleTable:
    inventory = world.inventory
    rules, owners = inventory.rules, inventory.rule_cluster
    keys = (f"{inventory.cluster_moids[int(c)]}/{row + 1}" for row, c in enumerate(owners))
    return RuleTable(
        moid=tuple(keys),
        name=tuple(rule.name for rule in rules),
        cluster=owners,
        kind=tuple(rule.kind for rule in rules),
        mandatory=np.array([rule.mandatory for rule in rules], dtype=np.bool_),
        enabled=np.ones(len(rules), dtype=np.bool_),
        vms=tuple(tuple(inventory.vm_rows[vm] for vm in rule.vms) for rule in rules),
        hosts=tuple(tuple(inventory.host_rows[host] for host in rule.hosts) for rule in rules),
    )


def _shown(values: FloatArray, seen: BoolArray) -> FloatArray:
    """A counter where vCenter gives one, NaN elsewhere."""
    return np.where(seen, values, np.nan)


def _if(condition: BoolArray, values: FloatArray) -> FloatArray:
    return np.where(condition, values, np.nan)


def _hundredths(share: FloatArray) -> FloatArray:
    """Shares as percent with the two decimals that vSphere's percent counters have."""
    return np.round(100.0 * share, 2)
