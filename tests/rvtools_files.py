"""RVTools exports that are made up: whole estates, in the layouts and languages of real ones.

`estate` invents an estate with the usual troubles in it; `sheets_of` lays it out as a version of
RVTools would; `write_xlsx` and `write_csv` write the files. Nothing is copied from a real estate.
"""

from __future__ import annotations

import math
import random
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

#: Sheet name -> header and rows.
Sheets = dict[str, tuple[list[str], list[list[Any]]]]

UUID = "7f3c9a52-1be4-4c0d-9e77-52a1f0c6d8%02x"
CREATED = "2026-11-23T08:15:00Z"


def _titles(told: str) -> list[str]:
    return told.split("|")


_VINFO = _titles(
    "VM|Powerstate|Template|SRM Placeholder|Config status|DNS Name|Connection state|Guest state|"
    "Heartbeat|Consolidation Needed|PowerOn|Suspended To Memory|Suspend time|Suspend Interval|"
    "Creation date|Change Version|CPUs|Overall Cpu Readiness|Memory|Active Memory|NICs|Disks|"
    "Total disk capacity MiB|Fixed Passthru HotPlug|min Required EVC Mode Key|Latency Sensitivity|"
    "Op Notification Timeout|EnableUUID|CBT|Primary IP Address|Network #1|Network #2|Network #3|"
    "Network #4|Network #5|Network #6|Network #7|Network #8|Num Monitors|Video Ram KiB|"
    "Resource pool|Folder ID|Folder|vApp|DAS protection|FT State|FT Role|FT Latency|FT Bandwidth|"
    "FT Sec. Latency|Vm Failover In Progress|Provisioned MiB|In Use MiB|Unshared MiB|"
    "HA Restart Priority|HA Isolation Response|HA VM Monitoring|Cluster rule(s)|"
    "Cluster rule name(s)|Boot Required|Boot delay|Boot retry delay|Boot retry enabled|"
    "Boot BIOS setup|Reboot PowerOff|EFI Secure boot|Firmware|HW version|HW upgrade status|"
    "HW upgrade policy|HW target|Path|Log directory|Snapshot directory|Suspend directory|"
    "Annotation|Owner|Cost Center|Datacenter|Cluster|Host|"
    "OS according to the configuration file|OS according to the VMware Tools|Customization Info|"
    "Guest Detailed Data|VM ID|SMBIOS UUID|VM UUID|VI SDK Server type|VI SDK API Version|"
    "VI SDK Server|VI SDK UUID"
)
_VM_TAIL = (
    "Annotation|Datacenter|Cluster|Host|Folder|OS according to the configuration file|"
    "OS according to the VMware Tools|VM ID|VM UUID|VI SDK Server|VI SDK UUID"
)
_VMEMORY = _titles(
    "VM|Powerstate|Template|SRM Placeholder|Size MiB|Memory Reservation Locked To Max|Overhead|Max|"
    "Consumed|Consumed Overhead|Private|Shared|Swapped|Ballooned|Active|Entitlement|"
    "DRS Entitlement|Level|Shares|Reservation|Limit|Hot Add|" + _VM_TAIL
)
_VCPU = _titles(
    "VM|Powerstate|Template|SRM Placeholder|CPUs|Sockets|Cores p/s|Max|Overall|Level|Shares|"
    "Reservation|Entitlement|DRS Entitlement|Limit|Hot Add|Hot Remove|Numa Hotadd Exposed|"
    + _VM_TAIL
)
_VTOOLS = _titles(
    "VM|Powerstate|Template|SRM Placeholder|VM Version|Tools|Tools Version|Required Version|"
    "Upgradeable|Upgrade Policy|Sync time|" + _VM_TAIL
)
_VHOST = _titles(
    "Host|Datacenter|Cluster|Config status|in Maintenance Mode|in Quarantine Mode|"
    "vSAN Fault Domain Name|CPU Model|Speed|HT Available|HT Active|# CPU|Cores per CPU|# Cores|"
    "CPU usage %|# Memory|Memory Tiering Type|Memory usage %|Console|# NICs|# HBAs|# VMs total|"
    "# VMs|VMs per Core|# vCPUs|vCPUs per Core|vRAM|VM Used memory|VM Memory Swapped|"
    "VM Memory Ballooned|VMotion support|Storage VMotion support|Current EVC|Max EVC|"
    "Assigned License(s)|ESX Version|Boot time|Domain|Vendor|Model|Serial number|Object ID|UUID|"
    "VI SDK Server|VI SDK UUID"
)
_VCLUSTER = _titles(
    "Name|Config status|OverallStatus|NumHosts|numEffectiveHosts|TotalCpu|NumCpuCores|"
    "NumCpuThreads|Effective Cpu|TotalMemory|Effective Memory|Num VMotions|HA enabled|"
    "Failover Level|AdmissionControlEnabled|Host monitoring|Isolation Response|Restart Priority|"
    "VM Monitoring|DRS enabled|DRS default VM behavior|DRS vmotion rate|DPM enabled|Object ID|"
    "VI SDK Server|VI SDK UUID"
)
_VRP = _titles(
    "Resource Pool name|Resource Pool path|Status|# VMs total|# VMs|Mem Configured|Mem limit|"
    "Mem overheadLimit|Mem reservation|Mem level|Mem shares|Mem expandableReservation|"
    "Mem maxUsage|Mem overallUsage|Mem reservationUsed|Mem reservationUsedForVm|"
    "Mem unreservedForPool|Mem unreservedForVm|QS balloonedMemory|QS swappedMemory|Object ID|"
    "VI SDK Server|VI SDK UUID"
)
_VDATASTORE = _titles(
    "Name|Config status|Address|Accessible|Type|# VMs total|# VMs|Capacity MiB|Provisioned MiB|"
    "In Use MiB|Free MiB|Free %|# Hosts|Hosts|Cluster name|URL|Object ID|VI SDK Server|"
    "VI SDK UUID"
)
_VMETA = _titles("RVTools major version|RVTools version|xlsx creation datetime|Server")

#: Headers that older versions lack.
_NEW_IN_4 = _titles(
    "SRM Placeholder|Overall Cpu Readiness|Active Memory|Memory Reservation Locked To Max|"
    "in Quarantine Mode|# VMs total|Suspended To Memory|Suspend Interval|Op Notification Timeout|"
    "Fixed Passthru HotPlug|Total disk capacity MiB|Creation date|Customization Info|"
    "Guest Detailed Data|Memory Tiering Type|SMBIOS UUID|Folder ID|FT Role"
)
#: What the export by database names calls some columns.
_DB_NAMES = {
    "VM": "VMName",
    "Host": "Host",
    "# Memory": "MemorySize",
    "Memory usage %": "OverallMemoryUsage",
    "CPU usage %": "OverallCpuUsage",
    "Speed": "CpuMhz",
    "# Cores": "NumCpuCores",
    "OS according to the configuration file": "OS",
    "OS according to the VMware Tools": "OSTools",
    "VM UUID": "UUID",
    "Datacenter": "DataCenter",
}


@dataclass
class Vm:
    """A VM of a made-up estate; amounts in MiB."""

    name: str
    moid: str
    host: str
    size: int
    active: int
    on: bool = True
    consumed: int = -1
    ballooned: int = 0
    swapped: int = 0
    reservation: int = 0
    limit: int = -1
    hot_add: bool = True
    locked: bool = False
    latency: str = "normal"
    tools: str = "toolsOk"
    cpus: int = 2
    mhz: int = 400
    os: str = "Microsoft Windows Server 2022 (64-bit)"
    template: bool = False
    placeholder: bool = False
    rules: str = ""
    rule_names: str = ""
    folder: str = "Production"
    pool: str = ""
    hidden: bool = False
    owner: str = ""


@dataclass
class Host:
    """A host of a made-up estate."""

    name: str
    moid: str
    cluster: str
    memory: int
    cores: int = 32
    mhz: int = 2600
    cpu_pct: int = 35
    maintenance: bool = False
    own: int = 9000


@dataclass
class Cluster:
    """A cluster of a made-up estate."""

    name: str
    moid: str
    drs: bool = True
    behavior: str = "fullyAutomated"
    rate: int = 3
    ha: bool = True
    admission: bool = True
    failover: int = 1


@dataclass
class Estate:
    """What one vCenter manages."""

    server: str = "vcenter01.example.test"
    uuid: str = UUID % 1
    datacenter: str = "Frankfurt"
    clusters: list[Cluster] = field(default_factory=list)
    hosts: list[Host] = field(default_factory=list)
    vms: list[Vm] = field(default_factory=list)
    version: str = "8.0.3"


_ROLES = ("web", "app", "sql", "ora", "file", "dc", "exch", "erp", "ctx", "log", "test", "build")
_SYSTEMS = (
    "Microsoft Windows Server 2022 (64-bit)",
    "Microsoft Windows Server 2019 (64-bit)",
    "Red Hat Enterprise Linux 9 (64-bit)",
    "SUSE Linux Enterprise 15 (64-bit)",
    "Ubuntu Linux (64-bit)",
)


def estate(vms: int = 571, *, seed: int = 7, number: int = 1, hosts_per_cluster: int = 8) -> Estate:
    """An estate with the usual troubles: hot hosts, forgotten limits, hoarded reservations."""
    rng = random.Random(seed)
    made = Estate(
        server=f"vcenter{number:02d}.example.test",
        uuid=UUID % number,
        datacenter=("Frankfurt", "Dublin", "Vienna")[(number - 1) % 3],
    )
    per_cluster = max(1, min(21 * hosts_per_cluster, vms))
    clusters = max(1, round(vms / per_cluster))
    kinds = ("Production", "Databases", "Development", "Desktops")
    for c in range(clusters):
        trouble = c % 4
        made.clusters.append(
            Cluster(
                f"{kinds[trouble]}-{c + 1:02d}",
                f"domain-c{c + 8}",
                drs=trouble != 2,
                behavior="manual" if trouble == 1 else "fullyAutomated",
                rate=5 if trouble == 3 else 3,
                admission=trouble != 2,
            )
        )
        for h in range(hosts_per_cluster):
            made.hosts.append(
                Host(
                    f"esx{number}-{c + 1:02d}{h + 1:02d}.example.test",
                    f"host-{1000 + c * hosts_per_cluster + h}",
                    made.clusters[-1].name,
                    393_216 if h else 524_288,
                )
            )
    for at in range(vms):
        made.vms.append(_vm(rng, made, at, hosts_per_cluster))
    _squeeze(made, rng)
    made.vms += [
        Vm(f"tpl-windows-{n}", f"vm-9{n}", made.hosts[0].name, 8192, 0, on=False, template=True)
        for n in range(2)
    ]
    made.vms.append(
        Vm("srm-web-1", "vm-99", made.hosts[0].name, 8192, 0, on=False, placeholder=True)
    )
    return made


def _vm(rng: random.Random, made: Estate, at: int, hosts_per_cluster: int) -> Vm:
    c = at % len(made.clusters)
    # Some hosts are fuller than others: nobody has balanced them for long.
    weights = [1.0 + 0.45 * math.cos(2.4 * n + c) for n in range(hosts_per_cluster)]
    h = rng.choices(range(hosts_per_cluster), weights)[0]
    host = made.hosts[c * hosts_per_cluster + h]
    size = rng.choice((4096, 8192, 8192, 12288, 16384, 16384, 24576, 32768, 65536))
    role = rng.choice(_ROLES)
    busy = rng.betavariate(1.4, 9)
    os = rng.choice(_SYSTEMS)
    vm = Vm(
        name=f"{role}-{rng.choice('pqtd')}{at:05d}",
        moid=f"vm-{10_000 + at}",
        host=host.name,
        size=size,
        active=int(size * busy),
        on=rng.random() > 0.08,
        os=os,
        cpus=max(2, size // 8192),
        mhz=int(rng.uniform(60, 2500)),
        hot_add=rng.random() > 0.5,
        folder=f"{role.upper()}/{'Windows' if 'Windows' in os else 'Linux'}",
        owner=f"team-{rng.randrange(20):02d}",
    )
    luck = rng.random()
    if luck < 0.02:
        vm.limit = size // 2
    elif luck < 0.05:
        vm.reservation = size
        vm.locked = rng.random() < 0.3
    elif luck < 0.055:
        vm.latency = "high"
        vm.reservation = size if rng.random() < 0.4 else size // 2
    elif luck < 0.07:
        vm.active = int(size * rng.uniform(0.88, 0.99))
    elif luck < 0.11:
        vm.active, vm.mhz = 20, 15
    elif luck < 0.13:
        vm.tools = rng.choice(("toolsNotRunning", "toolsNotInstalled"))
    elif luck < 0.15:
        vm.rules = "ClusterAntiAffinityRuleSpec"
        vm.rule_names = f"apart-{at % len(made.clusters)}-{rng.randrange(4)}"
    return vm


def _squeeze(made: Estate, rng: random.Random) -> None:
    """Give every VM what its host has: where that is too little, balloon first, then swap."""
    by_host: dict[str, list[Vm]] = {}
    for vm in made.vms:
        if vm.on:
            by_host.setdefault(vm.host, []).append(vm)
    room = {host.name: host.memory - host.own - 5000 for host in made.hosts}
    for name, here in by_host.items():
        for vm in here:
            full = "Windows" in vm.os
            vm.consumed = max(int(vm.size * (1.0 if full else rng.uniform(0.4, 0.9))), vm.active)
            if 0 < vm.limit < vm.consumed:
                vm.ballooned = int((vm.consumed - vm.limit) * 0.7)
                vm.swapped = vm.consumed - vm.limit - vm.ballooned
                vm.consumed = vm.limit
        over = sum(vm.consumed for vm in here) - room[name]
        for vm in sorted(here, key=lambda vm: -(vm.consumed - vm.active)):
            if over <= 0:
                break
            take = min(over, int(0.5 * (vm.consumed - max(vm.active, vm.reservation))))
            if take > 0:
                vm.ballooned += int(take * 0.8)
                vm.swapped += take - int(take * 0.8)
                vm.consumed -= take
                over -= take


# ---------------------------------------------------------------- laying out


def sheets_of(estates: Sequence[Estate] | Estate, *, version: str = "4.7") -> Sheets:
    """An export as a version writes it: 4.7, 4.0, 3.11, or db for database names."""
    estates = [estates] if isinstance(estates, Estate) else estates
    sheets: Sheets = {
        "vInfo": (list(_VINFO), []),
        "vCPU": (list(_VCPU), []),
        "vMemory": (list(_VMEMORY), []),
        "vTools": (list(_VTOOLS), []),
        "vRP": (list(_VRP), []),
        "vCluster": (list(_VCLUSTER), []),
        "vHost": (list(_VHOST), []),
        "vDatastore": (list(_VDATASTORE), []),
        "vMetaData": (list(_VMETA), []),
    }
    for made in estates:
        _fill(sheets, made, version)
    if version == "3.11":
        del sheets["vMetaData"]
    if version in ("3.11", "4.0"):
        for name, (header, rows) in sheets.items():
            keep = [at for at, title in enumerate(header) if title not in _NEW_IN_4]
            kept = [header[at] for at in keep]
            if version == "3.11":
                kept = [title.replace("MiB", "MB").replace("KiB", "KB") for title in kept]
            sheets[name] = (kept, [[row[at] for at in keep] for row in rows])
    if version == "db":
        for name, (header, rows) in sheets.items():
            if name != "vMetaData":
                sheets[name] = ([_db_name(name, title) for title in header], rows)
    return sheets


def _db_name(sheet: str, title: str) -> str:
    if sheet == "vHost" and title == "Host":
        return "vHostName"
    told = _DB_NAMES.get(title, title)
    return sheet + "".join(part[:1].upper() + part[1:] for part in told.replace("#", "Num").split())


def _row(header: Sequence[str], values: Mapping[str, Any]) -> list[Any]:
    return [values.get(title, "") for title in header]


def _fill(sheets: Sheets, made: Estate, version: str) -> None:
    clusters = {cluster.name: cluster for cluster in made.clusters}
    hosts = {host.name: host for host in made.hosts}
    sdk = {"VI SDK Server": made.server, "VI SDK UUID": made.uuid}
    for vm in made.vms:
        if not vm.hidden:
            _fill_vm(sheets, made, vm, hosts[vm.host], sdk)
    for host in made.hosts:
        here = [vm for vm in made.vms if vm.host == host.name and vm.on and not vm.template]
        held = sum(max(vm.consumed, 0) + _overhead(vm) for vm in here)
        sheets["vHost"][1].append(
            _row(
                _VHOST,
                sdk
                | {
                    "Host": host.name,
                    "Datacenter": made.datacenter,
                    "Cluster": host.cluster,
                    "Config status": "green",
                    "in Maintenance Mode": host.maintenance,
                    "in Quarantine Mode": False,
                    "CPU Model": "Intel(R) Xeon(R) Gold 6338 CPU @ 2.00GHz",
                    "Speed": host.mhz,
                    "# CPU": 2,
                    "Cores per CPU": host.cores // 2,
                    "# Cores": host.cores,
                    "CPU usage %": host.cpu_pct,
                    "# Memory": host.memory,
                    "Memory usage %": min(99, round(100 * (held + host.own) / host.memory)),
                    "# VMs total": len([vm for vm in made.vms if vm.host == host.name]),
                    "# VMs": len(here),
                    "vRAM": sum(vm.size for vm in here),
                    "VM Used memory": held,
                    "VM Memory Swapped": sum(vm.swapped for vm in here),
                    "VM Memory Ballooned": sum(vm.ballooned for vm in here),
                    "VMotion support": True,
                    "ESX Version": "VMware ESXi 8.0.3 build-24022510",
                    "Boot time": "2026/05/03 04:11:00",
                    "Object ID": host.moid,
                    "UUID": f"4c4c4544-0044-{abs(hash_of(host.name)) % 10**12:012d}",
                },
            )
        )
    for cluster in made.clusters:
        mine = [host for host in made.hosts if host.cluster == cluster.name]
        total = sum(host.memory for host in mine)
        sheets["vCluster"][1].append(
            _row(
                _VCLUSTER,
                sdk
                | {
                    "Name": cluster.name,
                    "Config status": "green",
                    "NumHosts": len(mine),
                    "numEffectiveHosts": len(mine),
                    "TotalMemory": total,
                    "Effective Memory": total - 8192 * len(mine),
                    "HA enabled": cluster.ha,
                    "Failover Level": cluster.failover,
                    "AdmissionControlEnabled": cluster.admission,
                    "DRS enabled": cluster.drs,
                    "DRS default VM behavior": cluster.behavior,
                    "DRS vmotion rate": cluster.rate,
                    "DPM enabled": False,
                    "Object ID": cluster.moid,
                },
            )
        )
        sheets["vRP"][1].append(
            _row(
                _VRP,
                sdk
                | {
                    "Resource Pool name": "Resources",
                    "Resource Pool path": f"/{made.datacenter}/{cluster.name}/Resources",
                    "Mem limit": total,
                    "Mem reservation": total,
                    "Mem level": "normal",
                    "Mem shares": 163_840,
                    "Mem expandableReservation": True,
                    "Mem unreservedForVm": total // 2,
                    "Object ID": f"resgroup-{cluster.moid[8:]}",
                },
            )
        )
        sheets["vDatastore"][1].append(
            _row(
                _VDATASTORE,
                sdk
                | {
                    "Name": f"vsan-{cluster.name}",
                    "Accessible": True,
                    "Type": "VMFS",
                    "Capacity MiB": 60_000_000,
                    "Free MiB": 20_000_000,
                    "# Hosts": len(mine),
                    "Hosts": ", ".join(host.name for host in mine),
                    "Object ID": f"datastore-{cluster.moid[8:]}",
                },
            )
        )
    del clusters
    sheets["vMetaData"][1].append(
        [4, "4.7.1.4" if version == "4.7" else "4.0.1.0", "2026/11/23 09:15:00", made.server]
    )


def hash_of(text: str) -> int:
    """A number that is the same in every run."""
    value = 0
    for letter in text:
        value = (value * 131 + ord(letter)) % (1 << 61)
    return value


def _overhead(vm: Vm) -> int:
    return 40 + vm.size // 128 if vm.on else 0


def _fill_vm(sheets: Sheets, made: Estate, vm: Vm, host: Host, sdk: Mapping[str, str]) -> None:
    number = hash_of(made.uuid + vm.moid)
    uuid = f"5012{number % 16**4:04x}-9c1d-4b1f-a0e2-{number % 16**12:012x}"
    on = vm.on
    consumed = max(vm.consumed, 0) if on else 0
    common = dict(sdk) | {
        "VM": vm.name,
        "Powerstate": "poweredOn" if on else "poweredOff",
        "Template": vm.template,
        "SRM Placeholder": vm.placeholder,
        "Annotation": "",
        "Datacenter": made.datacenter,
        "Cluster": host.cluster,
        "Host": host.name,
        "Folder": vm.folder,
        "OS according to the configuration file": vm.os,
        "OS according to the VMware Tools": vm.os,
        "VM ID": vm.moid,
        "VM UUID": uuid,
    }
    info = common | {
        "Config status": "green",
        "DNS Name": f"{vm.name}.corp.example.test",
        "Connection state": "connected",
        "Guest state": "running" if on and vm.tools == "toolsOk" else "notRunning",
        "Heartbeat": "green",
        "Consolidation Needed": False,
        "PowerOn": "2026/05/17 04:11:09" if on else "",
        "Creation date": "2023/02/11 10:00:00",
        "Change Version": f"2026-10-{number % 28 + 1:02d}T09:12:44.123456Z",
        "CPUs": vm.cpus,
        "Overall Cpu Readiness": round(number % 300 / 100, 2),
        "Memory": vm.size,
        "Active Memory": vm.active if on else 0,
        "NICs": 1,
        "Disks": 2,
        "Total disk capacity MiB": 122_880,
        "Latency Sensitivity": vm.latency,
        "EnableUUID": True,
        "CBT": True,
        "Primary IP Address": f"10.{number % 250}.{number // 7 % 250}.{number // 11 % 250}",
        "Network #1": f"dvpg-{number % 12}",
        "Num Monitors": 1,
        "Video Ram KiB": 4096,
        "Resource pool": f"/{made.datacenter}/{host.cluster}/Resources{vm.pool}",
        "Folder ID": "group-v3",
        "DAS protection": True,
        "FT State": "notConfigured",
        "FT Latency": "gray",
        "FT Bandwidth": -1,
        "FT Sec. Latency": -1,
        "Provisioned MiB": 130_000,
        "In Use MiB": 90_000,
        "Unshared MiB": 90_000,
        "HA Restart Priority": "medium",
        "Cluster rule(s)": vm.rules,
        "Cluster rule name(s)": vm.rule_names,
        "Boot Required": False,
        "Firmware": "efi",
        "HW version": 19,
        "Path": f"[vsan-{host.cluster}] {vm.name}/{vm.name}.vmx",
        "Log directory": f"[vsan-{host.cluster}] {vm.name}/",
        "Owner": vm.owner,
        "Cost Center": number % 900 + 100 if vm.owner else "",
        "SMBIOS UUID": f"4212{uuid[4:]}",
        "VI SDK Server type": "VMware vCenter Server",
        "VI SDK API Version": made.version,
    }
    sheets["vInfo"][1].append(_row(_VINFO, info))
    shared = consumed // 50
    memory = common | {
        "Size MiB": vm.size,
        "Memory Reservation Locked To Max": vm.locked,
        "Overhead": 40 + vm.size // 128,
        "Max": vm.size,
        "Consumed": consumed + _overhead(vm),
        "Consumed Overhead": _overhead(vm),
        "Private": consumed - shared,
        "Shared": shared,
        "Swapped": vm.swapped if on else 0,
        "Ballooned": vm.ballooned if on else 0,
        "Active": vm.active if on else 0,
        "Entitlement": consumed,
        "DRS Entitlement": consumed,
        "Level": "normal",
        "Shares": vm.size * 10,
        "Reservation": vm.reservation,
        "Limit": vm.limit,
        "Hot Add": vm.hot_add,
    }
    sheets["vMemory"][1].append(_row(_VMEMORY, memory))
    cpu = common | {
        "CPUs": vm.cpus,
        "Sockets": vm.cpus,
        "Cores p/s": 1,
        "Max": vm.cpus * host.mhz,
        "Overall": vm.mhz if on else 0,
        "Level": "normal",
        "Shares": 1000 * vm.cpus,
        "Reservation": 0,
        "Limit": -1,
        "Hot Add": False,
        "Hot Remove": False,
    }
    sheets["vCPU"][1].append(_row(_VCPU, cpu))
    tools = common | {"Tools": vm.tools if on else "toolsNotRunning", "Tools Version": "12389"}
    sheets["vTools"][1].append(_row(_VTOOLS, tools))


# ---------------------------------------------------------------- writing


def write_xlsx(
    path: Path, sheets: Sheets, *, prefix: str = "", shared: bool = True, created: str = CREATED
) -> Path:
    """Write a workbook: with a table of shared strings or inline ones, with or without a prefix."""
    p = f"{prefix}:" if prefix else ""
    xmlns = f"xmlns{':' + prefix if prefix else ''}"
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    head = '<?xml version="1.0" encoding="utf-8"?>'
    strings: dict[str, int] = {}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out:
        named = "".join(
            f'<{p}sheet name={quoteattr(name)} sheetId="{at}" r:id="rId{at}"/>'
            for at, name in enumerate(sheets, 1)
        )
        out.writestr(
            "xl/workbook.xml",
            f'{head}<{p}workbook {xmlns}="{main}" xmlns:r="{rel}"><{p}sheets>{named}</{p}sheets>'
            f"</{p}workbook>",
        )
        links = "".join(
            f'<Relationship Id="rId{at}" Type="{rel}/worksheet" '
            f'Target="{"/xl/" if at % 2 else ""}worksheets/sheet{at}.xml"/>'
            for at, _ in enumerate(sheets, 1)
        )
        out.writestr(
            "xl/_rels/workbook.xml.rels",
            f'{head}<Relationships xmlns="{package}">{links}</Relationships>',
        )
        for at, (header, rows) in enumerate(sheets.values(), 1):
            with out.open(f"xl/worksheets/sheet{at}.xml", "w") as stream:
                stream.write(f'{head}<{p}worksheet {xmlns}="{main}"><{p}sheetData>'.encode())
                for number, row in enumerate([header, *rows], 1):
                    cells = _cells(row, number, p, strings if shared else None)
                    stream.write(f'<{p}row r="{number}">{cells}</{p}row>'.encode())
                stream.write(f"</{p}sheetData></{p}worksheet>".encode())
        if shared:
            with out.open("xl/sharedStrings.xml", "w") as stream:
                stream.write(f'{head}<{p}sst {xmlns}="{main}">'.encode())
                for text in strings:
                    stream.write(f"<{p}si><{p}t>{escape(text)}</{p}t></{p}si>".encode())
                stream.write(f"</{p}sst>".encode())
        if created:
            out.writestr(
                "docProps/core.xml",
                f'{head}<cp:coreProperties xmlns:cp="urn:cp" xmlns:dcterms="urn:dc">'
                f"<dcterms:created>{created}</dcterms:created></cp:coreProperties>",
            )
    return path


def _cells(row: Iterable[Any], number: int, p: str, strings: dict[str, int] | None) -> str:
    parts = []
    for at, value in enumerate(row):
        if value == "":
            continue
        text = str(value)
        place = f'r="{letters(at)}{number}"'
        if isinstance(value, int | float) and not isinstance(value, bool):
            parts.append(f"<{p}c {place}><{p}v>{value}</{p}v></{p}c>")
        elif strings is None:
            inline = f"<{p}is><{p}t>{escape(text)}</{p}t></{p}is>"
            parts.append(f'<{p}c {place} t="inlineStr">{inline}</{p}c>')
        else:
            index = strings.setdefault(text, len(strings))
            parts.append(f'<{p}c {place} t="s"><{p}v>{index}</{p}v></{p}c>')
    return "".join(parts)


def letters(at: int) -> str:
    """Column ``AB`` of position 27."""
    name = ""
    at += 1
    while at:
        at, rest = divmod(at - 1, 26)
        name = chr(65 + rest) + name
    return name


@dataclass(frozen=True)
class Locale:
    """How a language's Windows writes CSV files."""

    separator: str = ","
    thousands: str = ","
    decimal: str = "."
    yes: str = "True"
    no: str = "False"
    date: str = "{m}/{d}/{y} {H}:{M:02d}:00 AM"
    encoding: str = "utf-8-sig"


LOCALES = {
    "en": Locale(),
    "de": Locale(
        ";", ".", ",", "Wahr", "Falsch", "{d:02d}.{m:02d}.{y} {H:02d}:{M:02d}:00", "cp1252"
    ),
    "fr": Locale(
        ";", "\u202f", ",", "Vrai", "Faux", "{d:02d}/{m:02d}/{y} {H:02d}:{M:02d}:00", "utf-16"
    ),
    "sv": Locale(
        "\t", "\u00a0", ",", "Sant", "Falskt", "{y}-{m:02d}-{d:02d} {H:02d}:{M:02d}:00", "utf-8"
    ),
}


def write_csv(folder: Path, sheets: Sheets, locale: str = "en") -> Path:
    """Write the folder of CSV files with numbers grouped and dates written as there."""
    how = LOCALES[locale]
    folder.mkdir(parents=True, exist_ok=True)
    for name, (header, rows) in sheets.items():
        lines = [how.separator.join(_field(title, how) for title in header)]
        lines += [how.separator.join(_field(value, how) for value in row) for row in rows]
        text = "\r\n".join(lines) + "\r\n"
        (folder / f"RVTools_tab{name}.csv").write_bytes(text.encode(how.encoding))
    return folder


def _field(value: Any, how: Locale) -> str:
    if isinstance(value, bool):
        return how.yes if value else how.no
    if isinstance(value, int | float):
        text = f"{value:,}".replace(",", "\0").replace(".", how.decimal)
        text = text.replace("\0", how.thousands)
    else:
        text = _date(str(value), how)
    if how.separator in text or '"' in text:
        text = '"' + text.replace('"', '""') + '"'
    return text


def _date(text: str, how: Locale) -> str:
    """Dates of ``sheets_of`` in a language's own order."""
    if len(text) == 19 and text[4] == text[7] == "/":
        y, m, d, hour, minute = (
            int(text[a:b]) for a, b in ((0, 4), (5, 7), (8, 10), (11, 13), (14, 16))
        )
        return how.date.format(y=y, m=m, d=d, H=hour, M=minute)
    return text
