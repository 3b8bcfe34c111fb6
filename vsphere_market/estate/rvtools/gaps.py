"""What an export does not tell, and what can then not be told: one sentence each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from vsphere_market.estate.rvtools.sheet import Sheet
from vsphere_market.estate.rvtools.values import number_of

#: What no version of RVTools writes.
ALWAYS = (
    "RVTools writes no swap rates, compressed memory, memory latency, balloon caps, host memory "
    "states, vMotion networks or DirectPath devices: whether swapping hurts at this moment cannot "
    "be told, only that it has happened.",
    "The counters are of one instant: peaks, quiet hours and trends cannot be told.",
)

_SHEETS: Mapping[str, str] = MappingProxyType(
    {
        "vMemory": "reservations, limits, ballooned, swapped and consumed memory cannot be told",
        "vHost": "the memory of hosts, and so pressure, prices, failover and a plan, cannot be "
        "told",
        "vCluster": "settings of DRS and HA cannot be told and are taken for off",
        "vInfo": "sensitivity, rules and fault tolerance of VMs cannot be told",
        "vCPU": "CPU use of VMs cannot be told, so idle VMs are known by memory alone",
        "vTools": "whether balloons can work is guessed from the guest's state",
        "vRP": "limits and reservations of resource pools cannot be told",
        "vLicense": "what the licences of hosts include cannot be told, and rules nothing out",
        "vDatastore": "which hosts see which datastores cannot be told; moves may need checking",
    }
)

#: (sheet, column) -> its name, and what follows.
_COLUMNS: Mapping[tuple[str, str], tuple[str, str]] = MappingProxyType(
    {
        ("vInfo", "latency"): ("Latency Sensitivity", "latency-sensitive VMs cannot be told"),
        ("vInfo", "ft"): ("FT State", "fault-tolerant VMs cannot be told"),
        ("vInfo", "rules"): ("Cluster rule(s)", "placement rules cannot be told"),
        ("vInfo", "power"): ("Powerstate", "running VMs cannot be told; all are taken for off"),
        ("vInfo", "host"): ("Host", "where VMs run cannot be told from this sheet"),
        ("vInfo", "pool"): ("Resource pool", "which pool a VM is in cannot be told"),
        ("vMemory", "size"): ("Size MiB", "sizes come from vInfo"),
        ("vMemory", "active"): ("Active", "working sets cannot be told"),
        ("vMemory", "consumed"): ("Consumed", "memory that VMs hold cannot be told"),
        ("vMemory", "private"): ("Private", "granted memory is taken from Consumed"),
        ("vMemory", "shared"): ("Shared", "granted memory is taken from Consumed"),
        ("vMemory", "ballooned"): ("Ballooned", "ballooning cannot be told"),
        ("vMemory", "swapped"): ("Swapped", "swapping cannot be told"),
        ("vMemory", "reservation"): ("Reservation", "reservations cannot be told"),
        ("vMemory", "limit"): ("Limit", "memory limits cannot be told"),
        ("vMemory", "hot_add"): ("Hot Add", "hot-add cannot be told and is taken for off"),
        ("vMemory", "locked"): (
            "Memory Reservation Locked To Max",
            "reservations locked to the size cannot be told",
        ),
        ("vHost", "memory_usage"): ("Memory usage %", "memory in use of hosts cannot be told"),
        ("vHost", "used"): (
            "VM Used memory",
            "VMs that the sheets leave out are not noticed by their memory",
        ),
        ("vHost", "maintenance"): (
            "in Maintenance Mode",
            "hosts in maintenance cannot be told and are taken for usable",
        ),
        ("vHost", "vmotion"): ("VMotion support", "vMotion is taken to work on every host"),
        ("vHost", "licence"): ("Assigned License(s)", "which licence a host has cannot be told"),
        ("vLicense", "features"): (
            "Features",
            "what the licences of hosts include cannot be told, and rules nothing out",
        ),
        ("vHost", "cluster"): ("Cluster", "hosts of this sheet are taken for standalone"),
        ("vHost", "speed"): ("Speed", "CPU capacity of hosts cannot be told"),
        ("vHost", "cores"): ("# Cores", "CPU capacity of hosts cannot be told"),
        ("vCluster", "failover"): ("Failover Level", "failures to tolerate cannot be told"),
        ("vCluster", "drs"): ("DRS enabled", "DRS cannot be told and is taken for off"),
        ("vCluster", "behavior"): ("DRS default VM behavior", "DRS automation cannot be told"),
        ("vCluster", "ha"): ("HA enabled", "HA cannot be told and is taken for off"),
        ("vTools", "tools"): ("Tools", "whether balloons can work cannot be told"),
    }
)
#: Columns of numbers whose cells are counted when they hold something else.
_NUMBERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "vInfo": ("memory",),
        "vMemory": (
            "size",
            "consumed",
            "active",
            "ballooned",
            "swapped",
            "reservation",
            "limit",
        ),
        "vHost": ("memory",),
    }
)


def gaps(sheets: Mapping[str, Sheet]) -> list[str]:
    """Sentences on sheets, columns and cells that are missing or cannot be read."""
    found = list(ALWAYS)
    found += [
        f"The sheet {name} is missing: {then}."
        for name, then in _SHEETS.items()
        if _bare(sheets, name)
    ]
    for (name, key), (label, then) in _COLUMNS.items():
        if not _bare(sheets, name) and not sheets[name].has(key):
            found.append(f'The sheet {name} has no column "{label}": {then}.')
    for name, keys in _NUMBERS.items():
        if name in sheets:
            bad = sum(
                1
                for key in keys
                for cell in sheets[name].cells(key)
                if isinstance(cell, str) and cell.strip() and number_of(cell) != number_of(cell)
            )
            if bad:
                cells = "1 cell is" if bad == 1 else f"{bad:,} cells are"
                found.append(
                    f"In the sheet {name}, {cells} no number where there should be one: what is "
                    "missing there counts as not given."
                )
    return found


def _bare(sheets: Mapping[str, Sheet], name: str) -> bool:
    """A sheet that is not there, or there without a single column of ours."""
    return name not in sheets or sheets[name].header is None
