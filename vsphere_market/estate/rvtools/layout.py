"""Which sheets and columns of an export are read, by all the names that versions gave them.

RVTools renamed columns (``Size MB`` became ``Size MiB``), and its export with database names
writes ``vMemorySizeMiB``. So headers are compared without case, blanks, marks, units and the
sheet's own name, and each column here lists what is left.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from vsphere_market.estate.rvtools.values import Cell

_UNIT = re.compile(r"[\s(]*\b(KiB|KB|MiB|MB|GiB|GB|TiB|TB)\)?\s*$", re.IGNORECASE)
_GLUED_UNIT = re.compile(r"(?<=[a-z])(KiB|KB|MiB|MB|GiB|GB|TiB|TB)$")
#: What one of the unit is in MiB. vSphere and RVTools up to 3.x write MB and mean MiB.
_FACTORS = {"k": 1 / 1024, "m": 1.0, "g": 1024.0, "t": 1024.0 * 1024.0}


def _names(**columns: str) -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType({key: tuple(names.split()) for key, names in columns.items()})


#: What every sheet about VMs ends with; custom attributes before them may bear the same names.
_TAIL = {
    "datacenter": "datacenter",
    "cluster": "cluster clustername",
    "host": "host hostname",
    "folder": "folder",
    "os_config": "osaccordingtotheconfigurationfile os",
    "os_tools": "osaccordingtothevmwaretools ostools",
    "id": "vmid objectid",
    "uuid": "vmuuid uuid",
    "server": "visdkserver server",
    "server_uuid": "visdkuuid",
    "api": "visdkapiversion",
}
_VM = {
    "name": "vm vmname",
    "power": "powerstate",
    "template": "template",
    "placeholder": "srmplaceholder",
}

#: Sheet -> column key -> normalised headers. Of equal headers the first counts, of the tail's the
#: last.
SHEETS: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "vMetaData": _names(
            version="rvtoolsversion", created="xlsxcreationdatetime", server="server"
        ),
        "vInfo": _names(
            **_VM,
            connection="connectionstate",
            guest_state="gueststate",
            powered_on_at="poweron",
            change="changeversion",
            cpus="cpus",
            ready="overallcpureadiness cpureadiness",
            memory="memory",
            active="activememory",
            latency="latencysensitivity",
            pool="resourcepool",
            ft="ftstate",
            rules="clusterrules",
            rule_names="clusterrulenames",
            path="path",
            annotation="annotation",
            **_TAIL,
        ),
        "vMemory": _names(
            **_VM,
            size="size memory",
            locked="memoryreservationlockedtomax",
            overhead="overhead",
            consumed="consumed",
            consumed_overhead="consumedoverhead",
            private="private",
            shared="shared",
            swapped="swapped",
            ballooned="ballooned",
            active="active",
            entitlement="entitlement",
            shares="shares",
            reservation="reservation",
            limit="limit",
            hot_add="hotadd",
            **_TAIL,
        ),
        "vCPU": _names(
            **_VM,
            overall="overall",
            reservation="reservation",
            **_TAIL,
        ),
        "vTools": _names(**_VM, tools="tools", **_TAIL),
        "vHost": _names(
            name="host name",
            datacenter="datacenter",
            cluster="cluster",
            maintenance="inmaintenancemode",
            quarantine="inquarantinemode",
            speed="speed cpumhz",
            cores="numcores numcpucores cores",
            cpu_usage="cpuusage overallcpuusage",
            memory="nummemory memorysize memory",
            memory_usage="memoryusage overallmemoryusage",
            vms="numvms vms",
            vms_total="numvmstotal vmstotal",
            used="vmusedmemory",
            swapped="vmmemoryswapped",
            ballooned="vmmemoryballooned",
            vmotion="vmotionsupport",
            version="esxversion fullname",
            licence="assignedlicenses assignedlicense",
            id="objectid",
            uuid="uuid",
            server="visdkserver",
            server_uuid="visdkuuid",
        ),
        "vCluster": _names(
            name="name",
            datacenter="datacenter",
            ha="haenabled",
            failover="failoverlevel",
            admission="admissioncontrolenabled",
            drs="drsenabled",
            behavior="drsdefaultvmbehavior",
            rate="drsvmotionrate",
            id="objectid",
            server="visdkserver",
            server_uuid="visdkuuid",
        ),
        "vRP": _names(
            name="resourcepoolname resourcepool name",
            path="resourcepoolpath path",
            limit="memlimit",
            reservation="memreservation",
            shares="memshares",
            expandable="memexpandablereservation",
            unreserved="memunreservedforvm",
            id="objectid",
            server="visdkserver",
            server_uuid="visdkuuid",
        ),
        "vLicense": _names(
            name="name licensename",
            key="key licensekey",
            features="features feature",
            server="visdkserver server",
            server_uuid="visdkuuid",
        ),
        "vDatastore": _names(
            name="name",
            accessible="accessible",
            capacity="capacity",
            free="free freespace",
            hosts="hosts",
            id="objectid",
            server="visdkserver",
            server_uuid="visdkuuid",
        ),
    }
)
_LAST_COUNTS = frozenset(_TAIL)
_BY_FOLDED = {name.lower(): name for name in SHEETS}


def sheet_called(name: str) -> str | None:
    """The sheet that a worksheet or a CSV file is: ``vInfo`` of ``RVTools_tabvInfo.csv``; or None.

    Files of old versions are called ``tabvInfo``, merged ones ``vInfo (2)`` is not accepted.
    """
    folded = name.strip().lower()
    folded = folded.rsplit("_", 1)[-1].removeprefix("rvtools").removeprefix("tab")
    return _BY_FOLDED.get(folded)


@dataclass(frozen=True, slots=True)
class Header:
    """Where the columns of a sheet are.

    Attributes:
        at: column key -> position.
        factor: column key -> what one of its unit is in MiB; 1 where the header names none.
        extra: position -> header of the columns that are custom attributes or tags.
    """

    at: Mapping[str, int]
    factor: Mapping[str, float]
    extra: Mapping[int, str]


def read_header(sheet: str, cells: Sequence[Cell]) -> Header:
    """Find the known columns in a header row."""
    wanted = {name: key for key, names in SHEETS[sheet].items() for name in names}
    rank = {name: n for names in SHEETS[sheet].values() for n, name in enumerate(names)}
    at: dict[str, int] = {}
    ranks: dict[str, int] = {}
    factor: dict[str, float] = {}
    for position, cell in enumerate(cells):
        if not isinstance(cell, str):
            continue
        name, unit = normalised(cell, sheet)
        key = wanted.get(name)
        if key is None:
            continue
        better = key not in at or rank[name] < ranks[key]
        if better or (key in _LAST_COUNTS and rank[name] == ranks[key]):
            at[key], ranks[key], factor[key] = position, rank[name], unit
    return Header(at, factor, _attributes(sheet, cells, at))


def normalised(header: str, sheet: str) -> tuple[str, float]:
    """A header without case, blanks, marks, unit and the sheet's name; and its unit in MiB."""
    text = header.strip()
    found = _UNIT.search(text) or _GLUED_UNIT.search(text)
    unit = 1.0
    if found is not None and found.start() > 0:
        unit = _FACTORS[found[1][0].lower()]
        text = text[: found.start()]
    folded = "".join(
        mark for mark in text.lower().replace("#", "num") if mark.isascii() and mark.isalnum()
    )
    prefix = sheet.lower()
    if folded.startswith(prefix) and len(folded) > len(prefix):
        folded = folded.removeprefix(prefix)
    return folded, unit


def _attributes(sheet: str, cells: Sequence[Cell], at: Mapping[str, int]) -> dict[int, str]:
    """Custom attributes stand between the annotation and the datacenter, on vInfo as elsewhere."""
    if sheet != "vInfo" or "annotation" not in at or "datacenter" not in at:
        return {}
    between = range(at["annotation"] + 1, at["datacenter"])
    return {
        position: cell.strip()
        for position in between
        if isinstance(cell := cells[position], str) and cell.strip()
    }
