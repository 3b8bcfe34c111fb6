"""hbal, the cluster balancer of Ganeti, as Debian ships it: the real program, fed by text files.

Source: hbal(1) and htools(1) of ganeti-htools 3.0. It looks for the single move that lowers the
cluster's score most (weighted standard deviations of free memory, of vCPU ratio and of dynamic
load, and counts of N+1 failures and rule conflicts) until none helps. How an estate is told to it:

* a cluster is a node group, a host a node: total memory is the host's less VMkernel and minFree;
* a running VM is an instance on shared storage (template ``rbd``), so that it may move to any node;
  its memory is what ``metric`` says, and the node's free memory is what these leave, so that an
  over-committed node shows as one with less than nothing free;
* dynamic memory load (``-U``) is active memory in shares of the cluster's mean host, times a weight
  (the manual leaves the scale open); the other dynamic loads are the same for all, as it advises
  for what is not measured;
* a mandatory keep-apart rule is an exclusion tag; hbal has no other placement rules that bind, so
  VMs under other mandatory rules, and VMs that cannot move, are excluded from moving; a host that
  takes no VMs is left out with its VMs.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from vsphere_market.errors import MarketError, UsageError
from vsphere_market.estate import KEEP_APART, Snapshot
from vsphere_market.market.budgets import PastMove
from vsphere_market.proving.controller import PERIOD_S, Order
from vsphere_market.proving.ground import Ground, held
from vsphere_market.proving.rivals.drs import demand_of
from vsphere_market.units import FloatArray, IndexArray

_MOVE = re.compile(r"gnt-instance (?:migrate|failover) -f -n (\S+) (\S+)")
_PLACES = ("/usr/lib/ganeti/hbal", "/usr/lib/ganeti/tools/hbal")
#: Any size is legal, and vCPUs are not scarce.
_POLICY = (
    "128,1,1,1,1,1|1,1,0,0,1,1;16777216,4096,16777216,64,64,64"
    "|diskless,file,sharedfile,plain,blockdev,drbd,rbd,ext,gluster|100000.0|100000.0"
)
_LIMIT_S = 120.0


class Hbal:
    """Runs hbal each round and carries out what it says.

    Args:
        metric: memory of an instance: ``consumed`` is what the host gave plus what was taken by
            balloon and swap, ``demand`` active plus a quarter of idle, ``active``, or ``assigned``,
            the size.
        dynamic: weight of dynamic memory load; 0 has it ignored.
        min_gain: ``-g``, least gain of a step.
        length: ``-l``, most moves per round.
    """

    WORDS: ClassVar = {"metric": ("consumed", "demand", "active", "assigned")}

    def __init__(
        self,
        metric: str = "consumed",
        dynamic: float = 1,
        min_gain: float = 0.01,
        length: float = 20,
    ) -> None:
        self.period_s = PERIOD_S
        self._metric = metric
        self._dynamic = dynamic
        self._min_gain = min_gain
        self._length = int(length)
        self._program = program()

    def decide(
        self, snapshot: Snapshot, now_s: float, moves: Sequence[PastMove]
    ) -> Sequence[Order]:
        """Ask hbal about each cluster."""
        ground = Ground(snapshot)
        amount = self._amount(snapshot)
        orders: list[Order] = []
        with tempfile.TemporaryDirectory(prefix="hbal-") as folder:
            for cluster in range(len(snapshot.clusters)):
                rows = np.flatnonzero(ground.fit & (snapshot.hosts.cluster == cluster))
                if len(rows) > 1 and _here(ground, rows):
                    orders += self._ask(Path(folder), ground, amount, rows)
        return orders

    def _ask(
        self, folder: Path, ground: Ground, amount: FloatArray, rows: IndexArray
    ) -> list[Order]:
        data, load = folder / "cluster.data", folder / "load"
        data.write_text(text_of(ground, amount, rows), encoding="ascii")
        load.write_text(load_of(ground, rows, self._dynamic), encoding="ascii")
        command = [
            self._program, "-t", str(data), "-C", "-q",
            "-g", repr(self._min_gain), "-l", str(self._length), "--no-disk-moves",
        ]  # fmt: skip
        command += ["-U", str(load)] if self._dynamic > 0.0 else ["--ignore-dynu"]
        fixed = [ground.snapshot.vms.moid[vm] for vm in _pinned(ground, rows)]
        if fixed:
            command.append(f"--exclude-instances={','.join(fixed)}")
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_LIMIT_S, check=False
        )
        if done.returncode != 0:
            raise MarketError(
                f"hbal ended with code {done.returncode}: {done.stderr.strip()}",
                where=self._program,
            )
        orders = []
        for node, instance in _MOVE.findall(done.stdout):
            vm, target = ground.snapshot.vms.row(instance), ground.snapshot.hosts.row(node)
            # It knows neither reservations nor that a rule must hold on the way, too.
            if target in ground.targets(vm):
                orders.append(ground.move(vm, target))
        return orders

    def _amount(self, snapshot: Snapshot) -> FloatArray:
        vms = snapshot.vms
        match self._metric:
            case "assigned":
                return vms.size_mib.copy()
            case "demand":
                return demand_of(snapshot)
            case "active":
                return demand_of(snapshot, 0.0)
            case _:
                taken = np.nan_to_num(vms.ballooned_mib) + np.nan_to_num(vms.swapped_mib)
                return np.nan_to_num(held(snapshot)) + taken


def program() -> str:
    """Where hbal is.

    Raises:
        UsageError: it is not installed.
    """
    found = shutil.which("hbal") or next((place for place in _PLACES if Path(place).exists()), None)
    if found is None:
        raise UsageError(
            "the program hbal is missing", where="--controllers",
            cure="install ganeti-htools (Debian, Ubuntu: apt-get install ganeti-htools), or leave "
            "hbal out",
        )  # fmt: skip
    return found


def text_of(ground: Ground, amount: FloatArray, rows: IndexArray) -> str:
    """One cluster in the text format of htools: groups, nodes, instances, tags, policies."""
    hosts, vms = ground.snapshot.hosts, ground.snapshot.vms
    threshold = np.nan_to_num(hosts.low_free_threshold_mib)
    capacity = np.maximum(ground.capacity - threshold, 1.0)
    filled = ground.total(amount)
    nodes = [
        f"{hosts.moid[host]}|{capacity[host]:.0f}|0|{capacity[host] - filled[host]:.0f}|1000|1000|"
        f"{_cores(hosts.cpu_cores[host])}|{'M' if at == 0 else 'N'}|group|1||N"
        "|0|1|1.0"
        for at, host in enumerate(rows.tolist())
    ]
    tags = _apart(ground)
    instances = [
        f"{vms.moid[vm]}|{max(amount[vm], 1.0):.0f}|0|{max(int(vms.vcpus[vm]), 1)}|running|Y|"
        f"{hosts.moid[ground.host_of[vm]]}||rbd|{','.join(tags.get(vm, ()))}|1|1|N"
        for vm in _here(ground, rows)
    ]
    return "\n\n".join(
        (
            "cluster|group|preferred||",
            "\n".join(nodes),
            "\n".join(instances),
            "htools:iextags:apart",
            f"|{_POLICY}\ncluster|{_POLICY}\n",
        )
    )


def _cores(cores: float) -> int:
    """Cores of a node; where they are not told, so many that vCPUs do not count."""
    return 4096 if np.isnan(cores) else max(int(cores), 1)


def load_of(ground: Ground, rows: IndexArray, weight: float) -> str:
    """Dynamic loads, one line per instance: name, CPU, memory, disk, network."""
    vms = ground.snapshot.vms
    mean = float(ground.capacity[rows].mean())
    share = weight * np.nan_to_num(vms.active_mib) / mean
    # The manual recommends against zeros.
    return "".join(
        f"{vms.moid[vm]} 0.000001 {max(share[vm], 1e-6):.6f} 0.000001 0.000001\n"
        for vm in _here(ground, rows)
    )


def _here(ground: Ground, rows: IndexArray) -> list[int]:
    on: list[int] = np.flatnonzero(np.isin(ground.host_of, rows)).tolist()
    return on


def _apart(ground: Ground) -> dict[int, list[str]]:
    """Exclusion tags of VMs under mandatory keep-apart rules."""
    rules = ground.snapshot.rules
    tags: dict[int, list[str]] = {}
    for row, kind in enumerate(rules.kind):
        if kind == KEEP_APART and rules.enabled[row] and rules.mandatory[row]:
            for vm in rules.vms[row]:
                tags.setdefault(vm, []).append(f"apart:{row}")
    return tags


def _pinned(ground: Ground, rows: IndexArray) -> list[int]:
    """VMs that hbal must leave where they are."""
    rules = ground.snapshot.rules
    bound = {
        vm
        for row, kind in enumerate(rules.kind)
        if kind != KEEP_APART and rules.enabled[row] and rules.mandatory[row]
        for vm in rules.vms[row]
    }
    return [vm for vm in _here(ground, rows) if vm in bound or not ground.movable[vm]]
