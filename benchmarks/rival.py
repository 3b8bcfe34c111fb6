"""hbal of Ganeti on the goods of our market: the real program, on the instance that we solve.

How an instance is told to hbal, so that both see the same:

* a host is a node; its total memory is the memory that our hosts sell (physical less VMkernel and
  minFree), and a VM is an instance on shared storage, so that it may move anywhere;
* an instance's memory is what our VM takes of one of our memory goods: of *memory* (working set, a
  quarter of idle, overhead) or of *footprint* (all that it would hold). hbal knows one memory, our
  market prices both, so both ways are run and told apart;
* an instance's vCPUs are its CPU demand in units of 20 MHz and a node's CPUs are its capacity in
  the same unit: hbal's vCPU ratio then is the load of our CPU good. Like free memory it is a share
  of the node, so that nodes of different size compare;
* nothing is known of disks and the network, so dynamic loads are ignored (``--ignore-dynu``).

hbal's options are its own defaults (it stops when a step gains less than 0.01 of a score below
0.1), or ``-g 0`` to let it go on to its own end.
"""

from __future__ import annotations

import re
import resource
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tools.system_parts import ensure
from vsphere_market.market.ledger import Ledger
from vsphere_market.proving.ground import Ground
from vsphere_market.proving.rivals.hbal import text_of

#: MHz in one of hbal's CPUs here.
CPU_UNIT_MHZ = 20.0
#: What hbal can be told an instance's memory is: columns of the ledger's goods.
MEMORY_GOODS = ("memory", "footprint")
_MOVE = re.compile(r"gnt-instance (?:migrate|failover) -f -n (\S+) (\S+)")


@dataclass(frozen=True, slots=True)
class Run:
    """What hbal did.

    Attributes:
        memory: which of our goods it was told as memory.
        to_the_end: run with ``-g 0``, not with its defaults.
        capped: it was told to stop after so many moves, and did.
        seconds: wall clock, with starting the program and reading the instance.
        cpu_seconds: of both its threads.
        curve: our potential before, and after each of its moves.
    """

    memory: str
    to_the_end: bool
    capped: bool
    seconds: float
    cpu_seconds: float
    curve: tuple[float, ...]


def run(ledger: Ledger, memory: str, *, to_the_end: bool = False, most: int | None = None) -> Run:
    """Let hbal balance the ledger's one cluster, and follow its moves on the ledger.

    Args:
        ledger: the estate; its VMs are moved.
        memory: one of :data:`MEMORY_GOODS`.
        to_the_end: ``-g 0``.
        most: at most so many moves (``-l``).
    """
    program = ensure("ganeti-htools")["hbal"]
    snapshot = ledger.snapshot
    hosts, vms = snapshot.hosts, snapshot.vms
    cpu = np.maximum(np.round(ledger.demand.cpu_mhz / CPU_UNIT_MHZ), 1.0)
    told = Ground(
        type(snapshot)(
            snapshot.taken_at_s,
            snapshot.source,
            snapshot.clusters,
            hosts.replace(cpu_cores=np.round(hosts.cpu_mhz / CPU_UNIT_MHZ)),
            snapshot.pools,
            snapshot.datastores,
            vms.replace(vcpus=cpu),
            snapshot.rules,
        )
    )
    column = next(good.columns.start for good in ledger.supply.goods if good.name == memory)
    text = text_of(told, ledger.taken[:, column], np.arange(len(hosts)))
    options = ["-C", "-q", "--no-disk-moves", "--ignore-dynu"]
    options += ["-g", "0"] if to_the_end else []
    options += ["-l", str(most)] if most is not None else []
    with tempfile.TemporaryDirectory(prefix="hbal-") as folder:
        data = Path(folder) / "cluster.data"
        data.write_text(text, encoding="ascii")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.perf_counter()
        done = subprocess.run(
            [str(program), "-t", str(data), *options], capture_output=True, text=True, check=False
        )
        seconds = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise RuntimeError(f"hbal ended with code {done.returncode}: {done.stderr.strip()}")
    curve = [ledger.potential()]
    for node, instance in _MOVE.findall(done.stdout):
        ledger.move(vms.row(instance), hosts.row(node))
        curve.append(ledger.potential())
    cpu_seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    capped = most is not None and len(curve) - 1 >= most
    return Run(memory, to_the_end, capped, seconds, cpu_seconds, tuple(curve))
