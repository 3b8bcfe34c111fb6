"""The nouns: what is known of VMs, hosts, clusters, pools, datastores and rules at one instant.

Names are vSphere's own where vSphere has one. Configured amounts and counters are MiB unless the
suffix says otherwise; a counter that was not given is NaN, "no limit" is +inf. Sources of each
counter and its unit on the wire are in ``docs/counters.md``.
"""

from __future__ import annotations

from dataclasses import dataclass

from vsphere_market.estate.columns import (
    RefsColumn,
    Table,
    TextColumn,
    WordsColumn,
    flag,
    number,
    ref,
    refs,
    text,
    words,
)
from vsphere_market.units import UNLIMITED, BoolArray, FloatArray, IndexArray

POWERED_ON = "poweredOn"
CONNECTED = "connected"
#: The part that a host has in vSAN: it holds data, it only votes for a cluster elsewhere, or no
#: other node sees it.
VSAN_MEMBER = "member"
VSAN_WITNESS = "witness"
VSAN_APART = "apart"
#: Hosts with these parts take no VMs.
VSAN_CLOSED = (VSAN_WITNESS, VSAN_APART)


@dataclass(frozen=True, slots=True, eq=False)
class VmTable(Table):
    """Virtual machines, one row each, templates and powered-off ones among them."""

    moid: TextColumn = text("Managed object id, e.g. vm-42.", required=True)
    name: TextColumn = text("Display name.", required=True)
    instance_uuid: TextColumn = text("vCenter's own identity of the VM; survives a rename.")
    host: IndexArray = ref("Host it runs on, or is registered on when powered off.", "hosts")
    cluster: IndexArray = ref("Cluster of that host; absent on a standalone host.", "clusters")
    pool: IndexArray = ref("Resource pool.", "pools")
    folder: TextColumn = text("Inventory folder path, e.g. /DC/vm/prod.")
    power: TextColumn = text("Power state.", choices=(POWERED_ON, "poweredOff", "suspended"))
    connection: TextColumn = text(
        "Connection state.",
        choices=(CONNECTED, "disconnected", "inaccessible", "invalid", "orphaned"),
    )
    template: BoolArray = flag("It is a template.")
    managed_by: TextColumn = text(
        "Extension that owns it (vCLS, SRM placeholder, agent VM, vSAN witness)."
    )
    guest_os: TextColumn = text("Guest id, e.g. otherLinux64Guest.")
    tools_running: BoolArray = flag("VMware Tools run, so the balloon driver can work.")
    tags: WordsColumn = words("vSphere tags as category:tag.")
    custom_attributes: WordsColumn = words("Custom attributes as name=value.")
    networks: WordsColumn = words("Managed object ids of networks it is attached to.")
    datastores: RefsColumn = refs("Datastores that hold its files.", "datastores")
    home_datastore: IndexArray = ref(
        "Datastore of its home folder, where its swap file lies.", "datastores"
    )
    storage_mib: FloatArray = number("What its files take on datastores.", "MiB")
    home_storage_mib: FloatArray = number(
        "What of it is on its home datastore; absent where that is not told.", "MiB"
    )
    swap_with_host: BoolArray = flag(
        "Its swap file lies where its host keeps such, not in its home folder."
    )

    size_mib: FloatArray = number("Configured memory.", "MiB", required=True)
    vcpus: FloatArray = number("Virtual CPUs.", "count", default=1)
    reservation_mib: FloatArray = number("Memory reservation.", "MiB", default=0)
    limit_mib: FloatArray = number("Memory limit; absent is unlimited.", "MiB", default=UNLIMITED)
    shares: FloatArray = number("Memory shares.", "shares")
    reservation_locked_to_max: BoolArray = flag("Reservation always equals the size.")
    cpu_reservation_mhz: FloatArray = number("CPU reservation.", "MHz", default=0)
    hot_add_enabled: BoolArray = flag("Memory hot-add was enabled while it was powered off.")
    hot_add_limit_mib: FloatArray = number("Largest size reachable by hot-add.", "MiB")
    hot_add_increment_mib: FloatArray = number("Hot-add grows by multiples of this.", "MiB")
    balloon_cap_mib: FloatArray = number(
        "sched.mem.maxmemctl; absent is the host's default of 65 % of the size.", "MiB"
    )
    latency_sensitivity_high: BoolArray = flag("Latency sensitivity is high.")
    passthrough: BoolArray = flag("Has a DirectPath device, so no vMotion and full reservation.")
    fault_tolerance: BoolArray = flag("Fault tolerance is on.")
    drs_override: TextColumn = text(
        "The VM's own DRS automation level; empty where the cluster's holds.",
        choices=("", "disabled", "manual", "partiallyAutomated", "fullyAutomated"),
    )
    change_version: TextColumn = text("Opaque version of the configuration.")

    granted_mib: FloatArray = number("Guest memory mapped to host memory.", "MiB")
    active_mib: FloatArray = number("Recently touched, sampled estimate, mean.", "MiB")
    active_peak_mib: FloatArray = number("Recently touched, largest sample.", "MiB")
    consumed_mib: FloatArray = number("Host memory used, without overhead.", "MiB")
    shared_mib: FloatArray = number("Shared by page sharing.", "MiB")
    overhead_mib: FloatArray = number("Host memory used to run the VM itself.", "MiB")
    ballooned_mib: FloatArray = number("Taken by the balloon.", "MiB")
    balloon_target_mib: FloatArray = number("What the balloon is asked to take.", "MiB")
    swapped_mib: FloatArray = number("Swapped by the host.", "MiB")
    compressed_mib: FloatArray = number("In the compression cache, before compression.", "MiB")
    swap_in_kibps: FloatArray = number("Rate of swap-in.", "KiB/s")
    swap_out_kibps: FloatArray = number("Rate of swap-out.", "KiB/s")
    decompress_kibps: FloatArray = number("Rate of decompression.", "KiB/s")
    latency_pct: FloatArray = number("Time waiting for swapped or compressed memory.", "%")
    entitlement_mib: FloatArray = number("What the host's scheduler grants now.", "MiB")
    cpu_demand_mhz: FloatArray = number("CPU it would use without contention.", "MHz")
    cpu_ready_pct: FloatArray = number("CPU readiness per vCPU.", "%")
    evc_mode: TextColumn = text("EVC mode that the CPU features it runs with need.")
    net_kibps: FloatArray = number("Network throughput, in and out.", "KiB/s")
    iops: FloatArray = number("Reads and writes of its files.", "1/s")
    io_kibps: FloatArray = number("Storage throughput, reads and writes.", "KiB/s")
    home_iops: FloatArray = number("Reads and writes in its home datastore.", "1/s")
    home_io_kibps: FloatArray = number("Storage throughput of its home datastore.", "KiB/s")
    io_latency_ms: FloatArray = number("How long its reads and writes take, mean.", "ms")
    guest_swap_kibps: FloatArray = number("Guest's own paging, where a source gives it.", "KiB/s")
    guest_needed_mib: FloatArray = number(
        "What the guest needs to run well, where a source gives it.", "MiB"
    )
    guest_source: TextColumn = text("Who gave the guest's figures; empty where nobody did.")
    sampled_at_s: FloatArray = number("Time of the last sample, Unix time.", "s")
    samples: FloatArray = number("Samples behind the counters.", "count", default=0)


@dataclass(frozen=True, slots=True, eq=False)
class HostTable(Table):
    """ESXi hosts."""

    moid: TextColumn = text("Managed object id.", required=True)
    name: TextColumn = text("Name.", required=True)
    cluster: IndexArray = ref("Cluster; absent on a standalone host.", "clusters")
    connection: TextColumn = text(
        "Connection state.", choices=(CONNECTED, "disconnected", "notResponding")
    )
    power: TextColumn = text(
        "Power state.", choices=(POWERED_ON, "poweredOff", "standBy", "unknown")
    )
    in_maintenance: BoolArray = flag("In maintenance mode, or entering it.")
    in_quarantine: BoolArray = flag("In quarantine mode.")
    failover_host: BoolArray = flag("Dedicated HA failover host.")
    vsan: TextColumn = text(
        "Its part in vSAN: it holds data, is the witness of a cluster elsewhere, or is a node that "
        "no other sees; empty where vSAN is off.",
        choices=("", VSAN_MEMBER, VSAN_WITNESS, VSAN_APART),
    )
    version: TextColumn = text("ESXi version.")
    licence: TextColumn = text("Name of the licence that it has; empty where that is not told.")
    licence_features: WordsColumn = words(
        "Keys of what that licence includes, e.g. vmotion; empty where that is not told."
    )
    evc_mode: TextColumn = text("Highest EVC mode that its CPU can give.")
    vmotion_enabled: BoolArray = flag("Has a VMkernel adapter for vMotion.")
    vmotion_mbps: FloatArray = number("Speed of the vMotion network.", "Mb/s")
    uplink_mbps: FloatArray = number("Physical network adapters with a link, all together.", "Mb/s")
    storage_mbps: FloatArray = number("Storage adapters with a link, all together.", "Mb/s")
    networks: WordsColumn = words("Managed object ids of networks it sees.")
    datastores: RefsColumn = refs("Datastores it sees.", "datastores")

    memory_mib: FloatArray = number("Physical memory.", "MiB", required=True)
    vmkernel_mib: FloatArray = number("Used by the VMkernel (mem.sysUsage).", "MiB")
    low_free_threshold_mib: FloatArray = number("Reclamation begins below this free.", "MiB")
    consumed_mib: FloatArray = number("Used in all, VMkernel included.", "MiB")
    reserved_mib: FloatArray = number("Reserved by VMs and VMkernel.", "MiB")
    memory_state: FloatArray = number("mem.state: 0 high … 4 low.", "state")
    ballooned_mib: FloatArray = number("Sum of balloons.", "MiB")
    swapped_mib: FloatArray = number("Swap used.", "MiB")
    compressed_mib: FloatArray = number("Compressed, before compression.", "MiB")
    swap_in_kibps: FloatArray = number("Rate of swap-in.", "KiB/s")
    swap_out_kibps: FloatArray = number("Rate of swap-out.", "KiB/s")
    latency_pct: FloatArray = number("Mean latency of memory.", "%")
    cpu_mhz: FloatArray = number("CPU capacity.", "MHz")
    cpu_cores: FloatArray = number("Physical cores.", "count")
    cpu_used_mhz: FloatArray = number("CPU in use.", "MHz")
    sampled_at_s: FloatArray = number("Time of the last sample, Unix time.", "s")
    samples: FloatArray = number("Samples behind the counters.", "count", default=0)


@dataclass(frozen=True, slots=True, eq=False)
class ClusterTable(Table):
    """Clusters. Hosts outside any cluster have no row here and sell only to their own VMs."""

    moid: TextColumn = text("Managed object id.", required=True)
    name: TextColumn = text("Name.", required=True)
    datacenter: TextColumn = text("Name of the datacenter.")
    tags: WordsColumn = words("vSphere tags as category:tag.")
    custom_attributes: WordsColumn = words("Custom attributes as name=value.")
    drs_enabled: BoolArray = flag("DRS is on.")
    drs_behavior: TextColumn = text(
        "DRS automation level.",
        choices=("", "manual", "partiallyAutomated", "fullyAutomated"),
    )
    drs_vmotion_rate: FloatArray = number("API threshold, 5 is least aggressive.", "level")
    ha_enabled: BoolArray = flag("vSphere HA is on.")
    ha_admission_control: BoolArray = flag("HA admission control is on.")
    ha_reserve_memory_pct: FloatArray = number("Memory held back for failover.", "%")
    ha_failover_level: FloatArray = number("Host failures to tolerate.", "hosts")


@dataclass(frozen=True, slots=True, eq=False)
class PoolTable(Table):
    """Resource pools, root pools among them."""

    moid: TextColumn = text("Managed object id.", required=True)
    name: TextColumn = text("Name.", required=True)
    cluster: IndexArray = ref("Cluster that owns it.", "clusters")
    parent: IndexArray = ref("Parent pool; absent on a root pool.", "pools")
    reservation_mib: FloatArray = number("Memory reservation.", "MiB", default=0)
    limit_mib: FloatArray = number("Memory limit.", "MiB", default=UNLIMITED)
    shares: FloatArray = number("Memory shares.", "shares")
    expandable: BoolArray = flag("May borrow reservation from its parent.")
    unreserved_mib: FloatArray = number("What a VM in it can still reserve.", "MiB")


@dataclass(frozen=True, slots=True, eq=False)
class DatastoreTable(Table):
    """Datastores."""

    moid: TextColumn = text("Managed object id.", required=True)
    name: TextColumn = text("Name.", required=True)
    capacity_mib: FloatArray = number("Capacity.", "MiB")
    free_mib: FloatArray = number("Free space.", "MiB")
    latency_ms: FloatArray = number("Latency of reads and writes, mean.", "ms")
    iops: FloatArray = number("Reads and writes, of all hosts together.", "1/s")
    io_kibps: FloatArray = number("Throughput, of all hosts together.", "KiB/s")
    accessible: BoolArray = flag("Accessible now.")


#: VMs are kept on one host.
KEEP_TOGETHER = "affinity"
#: VMs are kept on different hosts.
KEEP_APART = "antiAffinity"
#: VMs run on the named hosts.
RUN_ON = "vmHost"
#: VMs do not run on the named hosts.
NOT_ON = "vmAntiHost"


@dataclass(frozen=True, slots=True, eq=False)
class RuleTable(Table):
    """Placement rules that vSphere itself holds. ``moid`` is the rule's key within its cluster."""

    moid: TextColumn = text("<cluster moid>/<rule key>.", required=True)
    name: TextColumn = text("Name.", required=True)
    cluster: IndexArray = ref("Cluster.", "clusters")
    kind: TextColumn = text("What it asks.", choices=(KEEP_TOGETHER, KEEP_APART, RUN_ON, NOT_ON))
    mandatory: BoolArray = flag("Must, not should.")
    enabled: BoolArray = flag("It is enabled.")
    vms: RefsColumn = refs("The VMs it is about.", "vms")
    hosts: RefsColumn = refs("The hosts it is about.", "hosts")
