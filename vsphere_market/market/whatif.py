"""What if: a question about another estate than the one that is there.

Each change makes a new :class:`Question` of an old one and says whom it left without a place. The
market then judges both alike (``outlook``). Rows of tables stay where they are: a lost host is a
host that does not answer, a removed VM one that is off, and what is added comes at the end, so that
demand, policies and rules keep meaning the same rows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vsphere_market.estate import HostTable, VmTable
from vsphere_market.market.changes import (
    AddHosts,
    AddVms,
    Change,
    Grow,
    LoseHost,
    Maintain,
    Merge,
    NewRules,
    Refresh,
    RemoveVms,
    ScaleMemory,
)
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.engine import Question
from vsphere_market.market.enlarge import TAKEN, with_more_hosts, with_more_vms
from vsphere_market.market.settle import Settlement, reachable, restart_order
from vsphere_market.port import Entity
from vsphere_market.units import IndexArray


@dataclass(frozen=True, slots=True, eq=False)
class Changed:
    """A question after changes.

    Attributes:
        question: what the market is asked then.
        stranded: VMs that found no host that could back them; they are off.
        stuck: VMs that cannot leave a host in maintenance.
    """

    question: Question
    stranded: tuple[Entity, ...] = ()
    stuck: tuple[Entity, ...] = ()


def transform(question: Question, changes: Sequence[Change]) -> Changed:
    """Make changes one after the other. Rules of policies come before what needs their rows."""
    stranded: tuple[Entity, ...] = ()
    stuck: tuple[Entity, ...] = ()
    for change in changes:
        done = _transform(question, change)
        question = done.question
        stranded, stuck = stranded + done.stranded, stuck + done.stuck
    return Changed(question, stranded, stuck)


def _transform(question: Question, change: Change) -> Changed:
    match change:
        case LoseHost():
            return _lose(question, change.host)
        case Maintain():
            return _maintain(question, change.host)
        case AddHosts():
            return Changed(_add_hosts(question, change))
        case AddVms():
            return _add_vms(question, change)
        case RemoveVms():
            return Changed(_off(question, np.array(change.vms, dtype=np.int64)))
        case Grow():
            return Changed(_grow(question, change))
        case ScaleMemory():
            return Changed(_scale_memory(question, change))
        case Refresh():
            return _refresh(question, change)
        case Merge():
            return Changed(_merge(question, change))
        case NewRules():
            return Changed(dataclasses.replace(question, rulebook=change.rulebook))


# -- hosts ---------------------------------------------------------------------------------------


def _lose(question: Question, host: int) -> Changed:
    ledger = question.ledger()
    vms = restart_order(ledger, np.flatnonzero(ledger.host_of == host))
    able = reachable(ledger, vms)
    able[:, host] = False
    homes = Settlement.of(ledger).settle(vms, able)
    hosts = question.snapshot.hosts
    connection = _put(hosts.connection, host, "notResponding")
    question = _with_hosts(question, hosts.replace(connection=connection))
    placed = homes >= 0
    question = _restart(question, vms[placed], homes[placed])
    lost = vms[~placed]
    return Changed(_off(question, lost), stranded=_entities(question, lost))


def _maintain(question: Question, host: int) -> Changed:
    hosts = question.snapshot.hosts
    maintained = hosts.in_maintenance.copy()
    maintained[host] = True
    question = _with_hosts(question, hosts.replace(in_maintenance=maintained))
    ledger = question.ledger()
    # An administrator moves VMs away whatever the cool-down says.
    eligibility = Eligibility(ledger, np.zeros(len(question.snapshot.vms), dtype=np.bool_))
    vms = np.flatnonzero(ledger.host_of == host)
    vms = vms[np.argsort(-ledger.terms.size[vms], kind="stable")]
    settlement = Settlement.of(ledger)
    host_of = question.snapshot.vms.host.copy()
    stuck = []
    for vm in vms.tolist():
        able = np.zeros(len(hosts), dtype=np.bool_)
        unable = eligibility.pinned[vm] or ledger.snapshot.vms.template[vm]
        if not unable and hosts.vmotion_enabled[host]:
            able = eligibility.sees(vm) & (hosts.cluster == hosts.cluster[host])
            able &= ledger.rules.allowed(vm, host) & (hosts.cluster[host] >= 0)
        home = settlement.home(vm, able)
        if home < 0:
            stuck.append(vm)
            continue
        settlement.put(vm, host, -1.0)
        settlement.put(vm, home)
        ledger.rules.move(vm, host, home)
        host_of[vm] = home
    moved = _with_vms(question, question.snapshot.vms.replace(host=host_of))
    return Changed(moved, stuck=_entities(question, np.array(stuck, dtype=np.int64)))


def _add_hosts(question: Question, change: AddHosts) -> Question:
    hosts = question.snapshot.hosts
    own = np.flatnonzero(hosts.cluster == change.cluster)
    if not len(own):
        raise ValueError("the cluster has no host to take as an example")
    healthy = own[question.ledger().supply.fit[own]]
    own = healthy if len(healthy) else own
    like = int(own[np.argmax(hosts.memory_mib[own])])
    return with_more_hosts(question, like, max(change.count, 0))


def _scale_memory(question: Question, change: ScaleMemory) -> Question:
    hosts = question.snapshot.hosts
    mine = np.ones(len(hosts), dtype=np.bool_)
    if change.cluster >= 0:
        mine = hosts.cluster == change.cluster
    memory = np.where(mine, hosts.memory_mib * max(change.factor, 0.0), hosts.memory_mib)
    # minFree goes with memory; the VMkernel's own needs hardly do.
    threshold = np.where(mine, np.nan, hosts.low_free_threshold_mib)
    if change.factor == 1.0:
        threshold = hosts.low_free_threshold_mib
    return _with_hosts(question, hosts.replace(memory_mib=memory, low_free_threshold_mib=threshold))


def _refresh(question: Question, change: Refresh) -> Changed:
    """New hosts stand in the rows of old ones; the rest of the old ones is emptied and goes."""
    hosts = question.snapshot.hosts
    own = np.flatnonzero(hosts.cluster == change.cluster)
    kept = len(own) if change.count <= 0 else min(change.count, len(own))
    # Those that take no VMs anyway are the first to go.
    own = own[np.argsort(~question.ledger().supply.fit[own], kind="stable")]
    memory = hosts.memory_mib.copy()
    memory[own[:kept]] = max(change.memory_mib, 0.0)
    threshold = hosts.low_free_threshold_mib.copy()
    threshold[own[:kept]] = np.nan
    vmkernel = hosts.vmkernel_mib.copy()
    vmkernel[own[:kept]] = np.nan
    question = _with_hosts(
        question,
        hosts.replace(memory_mib=memory, low_free_threshold_mib=threshold, vmkernel_mib=vmkernel),
    )
    if change.count > len(own):
        like = int(own[0])
        question = with_more_hosts(question, like, change.count - len(own))
    going = own[kept:]
    # None of those that go may take the VMs of another.
    resting = question.snapshot.hosts.in_maintenance.copy()
    resting[going] = True
    question = _with_hosts(question, question.snapshot.hosts.replace(in_maintenance=resting))
    stuck: tuple[Entity, ...] = ()
    for host in going.tolist():
        done = _maintain(question, host)
        question, stuck = done.question, stuck + done.stuck
    return Changed(question, stuck=stuck)


def _merge(question: Question, change: Merge) -> Question:
    snapshot = question.snapshot
    hosts, vms, pools = snapshot.hosts, snapshot.vms, snapshot.pools

    def joined(column: IndexArray) -> IndexArray:
        return np.where(column == change.cluster, change.into, column)

    return dataclasses.replace(
        question,
        snapshot=dataclasses.replace(
            snapshot,
            hosts=hosts.replace(cluster=joined(hosts.cluster)),
            vms=vms.replace(cluster=joined(vms.cluster)),
            pools=pools.replace(cluster=joined(pools.cluster)),
        ),
    )


# -- VMs -----------------------------------------------------------------------------------------


def typical(question: Question, cluster: int) -> int:
    """Row of the running VM of a cluster that is nearest to the medians of size and working set.

    Raises:
        ValueError: no VM with counters runs there.
    """
    ledger = question.ledger()
    vms, hosts = question.snapshot.vms, question.snapshot.hosts
    home = np.where(ledger.host_of >= 0, ledger.host_of, 0)
    here = hosts.cluster[home] == cluster if len(hosts) else np.zeros(len(vms), dtype=np.bool_)
    rows = np.flatnonzero(ledger.ours & ~ledger.locked & here)
    if not len(rows):
        raise ValueError("no VM with counters runs there that could be taken as an example")
    distance = np.zeros(len(rows))
    for column in (vms.size_mib, question.demand.footprint, question.demand.working_set):
        middle = float(np.median(column[rows]))
        distance += np.abs(np.log((column[rows] + 64.0) / (middle + 64.0)))
    return int(rows[np.argmin(distance)])


def _add_vms(question: Question, change: AddVms) -> Changed:
    count = max(change.count, 0)
    if not count:
        return Changed(question)
    like = typical(question, change.cluster)
    question, rows = with_more_vms(question, like, count, change.size_mib)
    ledger = question.ledger()
    homes = Settlement.of(ledger).settle(rows, reachable(ledger, rows))
    placed = homes >= 0
    host_of = question.snapshot.vms.host.copy()
    host_of[rows[placed]] = homes[placed]
    question = _with_vms(question, question.snapshot.vms.replace(host=host_of))
    left = rows[~placed]
    return Changed(_off(question, left), stranded=_entities(question, left))


def _grow(question: Question, change: Grow) -> Question:
    vms, hosts, demand = question.snapshot.vms, question.snapshot.hosts, question.demand
    mine = demand.running.copy()
    if change.cluster >= 0 and len(hosts):
        home = np.where(vms.host >= 0, vms.host, 0)
        mine &= hosts.cluster[home] == change.cluster
    factor = np.where(mine, max(1.0 + change.pct / 100.0, 0.0), 1.0)
    footprint = np.minimum(demand.footprint * factor, np.maximum(vms.size_mib, demand.footprint))
    curve = np.minimum(demand.curve * factor[:, None], np.maximum(footprint[:, None], 0.0))
    return dataclasses.replace(
        question,
        demand=dataclasses.replace(
            demand,
            footprint=footprint,
            wanted=demand.wanted * factor,
            lacking=np.maximum(demand.wanted * factor - vms.size_mib, 0.0) * demand.running,
            curve=curve,
            taken=np.minimum(demand.taken, footprint),
            cpu_mhz=demand.cpu_mhz * factor,
        ),
    )


def _restart(question: Question, vms: IndexArray, homes: IndexArray) -> Question:
    """VMs start afresh elsewhere: nothing is taken from them yet."""
    table = question.snapshot.vms
    columns: dict[str, Any] = {"host": table.host.copy()}
    columns["host"][vms] = homes
    for name in TAKEN:
        columns[name] = getattr(table, name).copy()
        columns[name][vms] = 0.0
    taken = question.demand.taken.copy()
    taken[vms] = 0.0
    demand = dataclasses.replace(question.demand, taken=taken)
    return dataclasses.replace(_with_vms(question, table.replace(**columns)), demand=demand)


def _off(question: Question, vms: IndexArray) -> Question:
    """VMs are off and take nothing."""
    if not len(vms):
        return question
    table, demand = question.snapshot.vms, question.demand
    power = list(table.power)
    for vm in vms.tolist():
        power[vm] = "poweredOff"
    running = demand.running.copy()
    running[vms] = False
    columns: dict[str, Any] = {}
    for name in ("footprint", "wanted", "curve", "overhead", "taken", "cpu_mhz"):
        columns[name] = getattr(demand, name).copy()
        columns[name][vms] = 0.0
    demand = dataclasses.replace(demand, running=running, **columns)
    question = _with_vms(question, table.replace(power=tuple(power)))
    return dataclasses.replace(question, demand=demand)


# -- tables --------------------------------------------------------------------------------------


def _with_hosts(question: Question, hosts: HostTable) -> Question:
    return dataclasses.replace(
        question, snapshot=dataclasses.replace(question.snapshot, hosts=hosts)
    )


def _with_vms(question: Question, vms: VmTable) -> Question:
    return dataclasses.replace(question, snapshot=dataclasses.replace(question.snapshot, vms=vms))


def _put(column: tuple[str, ...], row: int, value: str) -> tuple[str, ...]:
    return (*column[:row], value, *column[row + 1 :])


def _entities(question: Question, rows: IndexArray) -> tuple[Entity, ...]:
    vms = question.snapshot.vms
    return tuple(Entity(vms.moid[row], vms.name[row]) for row in rows.tolist())
