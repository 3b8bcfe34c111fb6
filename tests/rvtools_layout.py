"""How each version of RVTools lays an estate out in sheets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.rvtools_estates import Estate, Host, Vm, hash_of, overhead

#: Sheet name -> header and rows.
Sheets = dict[str, tuple[list[str], list[list[Any]]]]


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
_VLICENSE = _titles(
    "Name|Key|Labels|Cost Unit|Total|Used|Expiration Date|Features|VI SDK Server|VI SDK UUID"
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
        "vLicense": (list(_VLICENSE), []),
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
        held = sum(max(vm.consumed, 0) + overhead(vm) for vm in here)
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
                    "Assigned License(s)": host.licence,
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
    for one in made.licences:
        told = {"Name": one.name, "Key": one.key, "Features": one.features}
        more = {"Labels": "", "Cost Unit": "cpuPackage", "Total": 64, "Used": 24}
        sheets["vLicense"][1].append(
            _row(_VLICENSE, sdk | told | more | {"Expiration Date": "Never"})
        )
    sheets["vMetaData"][1].append(
        [4, "4.7.1.4" if version == "4.7" else "4.0.1.0", "2026/11/23 09:15:00", made.server]
    )


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
        "Consumed": consumed + overhead(vm),
        "Consumed Overhead": overhead(vm),
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
