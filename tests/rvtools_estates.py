"""Whole estates that are made up, with the usual troubles in them, for RVTools exports of tests."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

UUID = "7f3c9a52-1be4-4c0d-9e77-52a1f0c6d8%02x"


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
    licence: str = "vSphere 8 Enterprise Plus"


@dataclass
class Licence:
    """A licence as vLicense lists it."""

    name: str = "vSphere 8 Enterprise Plus"
    key: str = "0A1B2-C3D4E-5F6G7-H8I9J-K0L1M"
    features: str = (
        "Unlimited virtual SMP, vCenter agent for VMware host, vSphere API, vSphere vMotion, "
        "vSphere HA, Hot-Pluggable virtual HW, vSphere Storage vMotion, "
        "vSphere FT (up to 8 virtual CPUs), vSphere DRS, vSphere Distributed Switch"
    )


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
    licences: list[Licence] = field(default_factory=lambda: [Licence()])
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


def hash_of(text: str) -> int:
    """A number that is the same in every run."""
    value = 0
    for letter in text:
        value = (value * 131 + ord(letter)) % (1 << 61)
    return value


def overhead(vm: Vm) -> int:
    """Memory that the host uses to run a VM, MiB."""
    return 40 + vm.size // 128 if vm.on else 0
