"""Reading estate files, format ``vsphere-market/estate/1``: what an administrator would write.

Names with a run of n in braces are patterns: ``{"name": "web-{nn}", "count": 12}`` is web-01 to
web-12. ``docs/design/plant.md`` describes every property.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from vsphere_market.errors import EstateError
from vsphere_market.estate import KEEP_APART, KEEP_TOGETHER, NOT_ON, RUN_ON, seconds_from_text
from vsphere_market.estate.files import read_json
from vsphere_market.plant.document import Node
from vsphere_market.plant.laws import (
    BALLOON_MAX_SHARE,
    IDLE_TAX,
    SWAP_LATENCY_S,
    SWAP_MIBPS,
    ZIP_MAX_SHARE,
)
from vsphere_market.plant.placing import Placer
from vsphere_market.plant.spec import (
    ESTATE_FORMAT,
    ClusterSpec,
    EstateSpec,
    HostSpec,
    PoolSpec,
    RuleSpec,
    VmSpec,
)
from vsphere_market.plant.workload_file import WorkloadReader
from vsphere_market.units import MIB_PER_GIB, UNLIMITED

#: Shares per MB of configured memory [RM].
SHARE_LEVELS: Mapping[str, float] = {"low": 5.0, "normal": 10.0, "high": 20.0}
#: A pool's shares default to those of a VM of 16 GB [RM].
_POOL_SHARES: Mapping[str, float] = {"low": 81920.0, "normal": 163840.0, "high": 327680.0}
_GUESTS = {
    "linux": "otherLinux64Guest",
    "windows": "windows2019srv_64Guest",
}
_PATTERN = re.compile(r"\{(n+)\}")
_DEFAULT_START = "2026-03-02T09:00:00Z"  # a Monday morning


def read_estate(path: Path) -> EstateSpec:
    """Read an estate file. Trace files that it names are looked for beside it.

    Raises:
        EstateError: naming the file, the JSON pointer, what is wrong there and what to do.
    """
    return estate_from_json(read_json(path, EstateError), where=str(path), folder=path.parent)


def estate_from_json(document: Any, *, where: str, folder: Path | None = None) -> EstateSpec:
    """Check a parsed estate and unfold its patterns. ``where`` names it in errors."""
    node = Node(document, where)
    if not isinstance(document, dict):
        raise node.error("is not an estate: its top level is no object")
    if document.get("format") != ESTATE_FORMAT:
        raise node.error(
            f"is {document.get('format')!r}", f'expected "{ESTATE_FORMAT}"', at="format"
        )
    node.only(
        "format", "name", "about", "start", "warm_up_min", "seed", "guest_metrics", "workloads",
        "clusters",
    )  # fmt: skip
    loads = WorkloadReader(node, folder)
    clusters = tuple(_cluster(item, loads) for item in node.items("clusters"))
    if not clusters:
        raise node.error("has no clusters", "an estate has at least one cluster")
    _no_twins(node, "cluster", (cluster.name for cluster in clusters))
    _no_twins(node, "host", (host.name for cluster in clusters for host in cluster.hosts))
    _no_twins(node, "VM", (vm.name for cluster in clusters for vm in cluster.vms))
    return EstateSpec(
        name=node.text("name", Path(where).stem or "estate"),
        about=node.text("about", ""),
        start_s=_start(node),
        warm_up_s=60.0 * node.number("warm_up_min", 30, high=100_000, unit="minutes"),
        seed=node.whole("seed", 1),
        guest_metrics=node.flag("guest_metrics", False),
        clusters=clusters,
    )


def _start(node: Node) -> float:
    text = node.text("start", _DEFAULT_START)
    try:
        return seconds_from_text(text)
    except ValueError:
        raise node.error(
            f"{text!r} is no time", f"write it like {_DEFAULT_START}", at="start"
        ) from None


def _no_twins(node: Node, kind: str, names: Iterator[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise node.error(f"has two {kind}s called {name}", "give each its own name")
        seen.add(name)


def _names(node: Node) -> tuple[str, ...]:
    """Unfold a pattern with its count; without count one object."""
    name = node.text("name")
    count = node.whole("count", 1, low=0, high=100_000)
    first = node.whole("first", 1)
    if _PATTERN.search(name) is None:
        if count > 1:
            raise node.error(
                f"{name} has a count of {count} but no number in its name",
                f'write "{name}-{{nn}}"', at="name",
            )  # fmt: skip
        return (name,) * count
    return tuple(
        _PATTERN.sub(lambda hit, n=n: str(n).zfill(len(hit[1])), name)  # type: ignore[misc]
        for n in range(first, first + count)
    )


def _cluster(node: Node, loads: WorkloadReader) -> ClusterSpec:
    node.only("name", "hosts", "pools", "vms", "rules", "drs", "ha", "datastores", "network")
    hosts = tuple(host for item in node.items("hosts") for host in _hosts(item))
    if not hosts:
        raise node.error("has no hosts", "a cluster has at least one host")
    pools: list[PoolSpec] = []
    for item in node.items("pools"):
        pools.append(_pool(item, {pool.name for pool in pools}))
    placer = Placer(hosts)
    pool_names = {pool.name for pool in pools}
    vms = tuple(vm for item in node.items("vms") for vm in _vms(item, placer, pool_names, loads))
    ha = node.child("ha") if node.has("ha") else Node({}, node.file)
    ha.only("enabled", "admission_control", "reserve_memory_pct")
    drs = node.child("drs") if node.has("drs") else Node({}, node.file)
    drs.only("behavior", "vmotion_rate")
    return ClusterSpec(
        name=node.text("name"),
        hosts=hosts,
        pools=tuple(pools),
        vms=vms,
        rules=tuple(_rule(item, vms, hosts) for item in node.items("rules")),
        drs=drs.text("behavior", "", ("manual", "partiallyAutomated", "fullyAutomated")),
        drs_vmotion_rate=drs.number("vmotion_rate", 3, low=1, high=5),
        ha=ha.flag("enabled", False),
        ha_admission_control=ha.flag("admission_control", False),
        ha_reserve_memory_pct=ha.number("reserve_memory_pct", 0, high=100, unit="%"),
        datastores=node.words("datastores") or (f"{node.text('name')}-shared",),
        network=node.text("network", ""),
    )


def _hosts(node: Node) -> Iterator[HostSpec]:
    node.only(
        "name", "count", "first", "memory_gib", "vmkernel_gib", "cores", "core_mhz",
        "vmotion_gbps", "swap_mibps", "swap_latency_ms", "connection", "maintenance",
        "quarantine", "version", "advanced",
    )  # fmt: skip
    memory = _mib(node, "memory_gib", low=4 / MIB_PER_GIB)
    # The VMkernel's own use grows slowly with the machine; an assumption of the model.
    vmkernel = _mib(node, "vmkernel_gib", 1.0 + 0.01 * memory / MIB_PER_GIB)
    if vmkernel >= 0.5 * memory:
        raise node.error(
            "leaves less than half the memory to VMs",
            "give the host more memory_gib or a smaller vmkernel_gib", at="vmkernel_gib",
        )  # fmt: skip
    advanced = node.child("advanced") if node.has("advanced") else Node({}, node.file)
    advanced.only("Mem.IdleTax", "Mem.CtlMaxPercent", "Mem.MemZipMaxPct")
    for name in _names(node):
        yield HostSpec(
            name=name,
            memory_mib=memory,
            vmkernel_mib=round(vmkernel),
            cores=node.whole("cores", 32, low=1),
            core_mhz=node.number("core_mhz", 2500, low=1, unit="MHz"),
            link_mbps=1000.0 * node.number("vmotion_gbps", 10, unit="Gb/s"),
            swap_mibps=node.number("swap_mibps", SWAP_MIBPS, low=1, unit="MiB/s"),
            swap_latency_s=node.number("swap_latency_ms", SWAP_LATENCY_S * 1000, low=0.001) / 1000,
            connection=node.text(
                "connection", "connected", ("connected", "disconnected", "notResponding")
            ),
            maintenance=node.flag("maintenance", False),
            quarantine=node.flag("quarantine", False),
            version=node.text("version", "8.0.3"),
            idle_tax=_percent(advanced, "Mem.IdleTax", IDLE_TAX, 99),
            balloon_max=_percent(advanced, "Mem.CtlMaxPercent", BALLOON_MAX_SHARE, 75),
            zip_max=_percent(advanced, "Mem.MemZipMaxPct", ZIP_MAX_SHARE, 100),
        )


def _pool(node: Node, known: set[str]) -> PoolSpec:
    node.only("name", "parent", "reservation_gib", "limit_gib", "shares", "expandable")
    parent = node.text("parent", "")
    if parent and parent not in known:
        raise node.error(f"{parent} is no pool", "list the parent before its children", at="parent")
    return PoolSpec(
        name=node.text("name"),
        parent=parent,
        reservation_mib=_mib(node, "reservation_gib", 0.0),
        limit_mib=_mib(node, "limit_gib", UNLIMITED),
        shares=_shares(node, _POOL_SHARES, 1.0),
        expandable=node.flag("expandable", True),
    )


def _vms(node: Node, placer: Placer, pools: set[str], loads: WorkloadReader) -> Iterator[VmSpec]:
    node.only(
        "name", "count", "first", "host", "pool", "folder", "memory_gib", "vcpus",
        "reservation_gib", "limit_gib", "shares", "reservation_locked_to_max", "hot_add", "tools",
        "guest_os", "passthrough", "latency_sensitivity_high", "fault_tolerance",
        "balloon_cap_gib", "tags", "custom_attributes", "power", "template", "workload",
    )  # fmt: skip
    memory = _mib(node, "memory_gib", low=4 / MIB_PER_GIB)
    locked = node.flag("reservation_locked_to_max", False) or node.flag("passthrough", False)
    reservation = _mib(node, "reservation_gib", memory / MIB_PER_GIB if locked else 0.0)
    limit = _mib(node, "limit_gib", UNLIMITED)
    if reservation > min(memory, limit):
        raise node.error(
            "is more than the VM's memory or its limit", "lower it", at="reservation_gib"
        )
    if locked and reservation < memory:
        raise node.error(
            "must be all of its memory: it has a passthrough device or is locked to its size",
            "leave it out", at="reservation_gib",
        )  # fmt: skip
    pool = node.text("pool", "")
    if pool and pool not in pools:
        raise node.error(f"{pool} is no pool of this cluster", "add it to pools", at="pool")
    hot_add, hot_limit, increment, onlining = _hot_add(node, memory)
    cap = _mib(node, "balloon_cap_gib", 0.0) if node.has("balloon_cap_gib") else None
    guest = node.text("guest_os", "linux")
    for name in _names(node):
        yield VmSpec(
            name=name,
            host=placer.place(node, memory),
            pool=pool,
            folder=node.text("folder", "/DC/vm"),
            memory_mib=memory,
            vcpus=node.whole("vcpus", 2, low=1),
            reservation_mib=reservation,
            limit_mib=limit,
            shares=_shares(node, SHARE_LEVELS, memory),
            locked=locked,
            hot_add=hot_add,
            hot_add_limit_mib=hot_limit,
            hot_add_increment_mib=increment,
            onlining_s=onlining,
            tools=node.flag("tools", True),
            guest_os=_GUESTS.get(guest, guest),
            passthrough=node.flag("passthrough", False),
            latency_sensitive=node.flag("latency_sensitivity_high", False),
            fault_tolerance=node.flag("fault_tolerance", False),
            balloon_cap_mib=cap,
            tags=node.words("tags"),
            attributes=node.words("custom_attributes"),
            on=node.text("power", "poweredOn", ("poweredOn", "poweredOff")) == "poweredOn"
            and not node.flag("template", False),
            template=node.flag("template", False),
            workload=loads.workload(node),
        )


def _hot_add(node: Node, memory: float) -> tuple[bool, float, float, float]:
    """Enabled, ceiling, increment (MiB), and seconds until the guest uses new memory."""
    # VMware's default ceiling is 16 times the size at boot; new memory comes in blocks of 128 MB.
    ceiling, increment, onlining = 16.0 * memory, 128.0, 10.0
    if not node.has("hot_add"):
        return False, ceiling, increment, onlining
    inner = node.child("hot_add")
    if isinstance(inner.value, bool):
        return inner.value, ceiling, increment, onlining
    inner.only("limit_gib", "increment_mib", "onlining_s")
    return (
        True,
        _mib(inner, "limit_gib", ceiling / MIB_PER_GIB, low=memory / MIB_PER_GIB),
        inner.number("increment_mib", increment, low=4, unit="MiB"),
        inner.number("onlining_s", onlining, unit="seconds"),
    )


def _rule(node: Node, vms: tuple[VmSpec, ...], hosts: tuple[HostSpec, ...]) -> RuleSpec:
    node.only("name", "kind", "mandatory", "vms", "hosts")
    kind = node.text("kind", choices=(KEEP_TOGETHER, KEEP_APART, RUN_ON, NOT_ON))
    rule = RuleSpec(
        name=node.text("name"),
        kind=kind,
        mandatory=node.flag("mandatory", False),
        vms=_matching(node, "vms", tuple(vm.name for vm in vms)),
        hosts=_matching(node, "hosts", tuple(host.name for host in hosts)),
    )
    if kind in (RUN_ON, NOT_ON) and not rule.hosts:
        raise node.error("names no hosts", "add hosts")
    return rule


def _matching(node: Node, key: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Names, or patterns with * and ?, of objects of the cluster."""
    found: list[str] = []
    for pattern in node.words(key):
        hits = [name for name in names if fnmatchcase(name, pattern)]
        if not hits:
            raise node.error(f"{pattern} matches nothing in this cluster", "check it", at=key)
        found += [name for name in hits if name not in found]
    return tuple(found)


def _mib(node: Node, key: str, default: Any = None, *, low: float = 0.0) -> float:
    """An amount given in GiB, as whole MiB."""
    if default is None:
        amount = node.number(key, low=low, high=1 << 20, unit="GiB")
    elif key not in node.value:
        amount = float(default)
    else:
        amount = node.number(key, low=low, high=1 << 20, unit="GiB")
    return amount if amount == UNLIMITED else float(round(amount * MIB_PER_GIB))


def _percent(node: Node, key: str, default: float, high: float) -> float:
    """A percentage as a share."""
    return node.number(key, 100.0 * default, high=high, unit="%") / 100.0


def _shares(node: Node, levels: Mapping[str, float], per: float) -> float:
    if not node.has("shares"):
        return levels["normal"] * per
    if isinstance(node.value["shares"], str):
        return levels[node.text("shares", choices=tuple(levels))] * per
    return node.number("shares", low=1)
