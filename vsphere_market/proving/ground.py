"""What a placement rival sees of a snapshot: who may move, where to, and what the hosts can hold.

Feasibility only, as any of them must respect it: cluster, vMotion, connection, maintenance,
mandatory rules, reservations. What is *good* is each rival's own affair.
"""

from __future__ import annotations

import numpy as np

from vsphere_market.estate import (
    CONNECTED,
    KEEP_APART,
    KEEP_TOGETHER,
    NOT_ON,
    POWERED_ON,
    RUN_ON,
    Snapshot,
)
from vsphere_market.port import Entity, Migrate
from vsphere_market.proving.controller import Order
from vsphere_market.units import BoolArray, FloatArray, IndexArray


class Ground:
    """A snapshot as a placement problem; :meth:`move` changes the placement, not the snapshot.

    Attributes:
        snapshot: what it was made from.
        host_of: (V,) host of each VM that runs, -1 for those that do not.
        movable: (V,) may be moved at all.
        fit: (H,) hosts that take VMs.
        capacity: (H,) memory for VMs: physical less VMkernel, MiB.
        reserved: (H,) reservations and overhead, MiB.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        vms, hosts = snapshot.vms, snapshot.hosts
        running = _equal(vms.power, POWERED_ON) & ~vms.template & (vms.host >= 0)
        self.host_of: IndexArray = np.where(running, vms.host, -1)
        up = _equal(hosts.connection, CONNECTED) & hosts.vmotion_enabled
        self.fit: BoolArray = up & ~hosts.in_maintenance & ~hosts.in_quarantine
        self.fit = self.fit & ~hosts.failover_host
        self.movable: BoolArray = (
            running
            & _equal(vms.connection, CONNECTED)
            & ~vms.passthrough
            & ~vms.fault_tolerance
            & ~np.isnan(vms.active_mib)
            & (up[np.maximum(vms.host, 0)] if len(hosts) else False)
        )
        self.capacity: FloatArray = hosts.memory_mib - np.nan_to_num(hosts.vmkernel_mib)
        locked = vms.reservation_locked_to_max | vms.passthrough
        kept = np.where(locked, vms.size_mib, np.nan_to_num(vms.reservation_mib))
        self._kept: FloatArray = (kept + np.nan_to_num(vms.overhead_mib)) * running
        self.reserved: FloatArray = self.total(self._kept)
        threshold = np.nan_to_num(hosts.low_free_threshold_mib)
        self._reservable: FloatArray = self.capacity - threshold
        self._rules: dict[int, list[int]] = {}
        for row, kept_rule in enumerate(snapshot.rules.enabled.tolist()):
            if kept_rule and snapshot.rules.mandatory[row]:
                for vm in snapshot.rules.vms[row]:
                    self._rules.setdefault(vm, []).append(row)

    def total(self, per_vm: FloatArray) -> FloatArray:
        """(H,) sums over the VMs that run on each host now; NaN counts as nothing."""
        on = self.host_of >= 0
        weights = np.nan_to_num(per_vm[on])
        total = np.bincount(self.host_of[on], weights, minlength=len(self.snapshot.hosts))
        return np.asarray(total, dtype=np.float64)

    def targets(self, vm: int) -> IndexArray:
        """Hosts that the VM could be moved to now, its own apart."""
        if not self.movable[vm]:
            return np.zeros(0, dtype=np.int64)
        hosts, home = self.snapshot.hosts, int(self.host_of[vm])
        able = self.fit & (hosts.cluster == hosts.cluster[home]) & (hosts.cluster[home] >= 0)
        able = able & (self.reserved + self._kept[vm] <= self._reservable)
        able[home] = False
        for rule in self._rules.get(vm, ()):
            able &= self._allowed(rule, vm)
        return np.flatnonzero(able)

    def reach(self, vms: IndexArray) -> BoolArray:
        """(n, H) the same as :meth:`targets`, of many VMs at once; all of them must be movable."""
        cluster = self.snapshot.hosts.cluster
        home = self.host_of[vms]
        able: BoolArray = cluster[home][:, None] == cluster
        able &= self.fit & (cluster >= 0)
        able &= self.reserved + self._kept[vms, None] <= self._reservable
        able[np.arange(len(vms)), home] = False
        for at, vm in enumerate(vms.tolist()):
            for rule in self._rules.get(vm, ()):
                able[at] &= self._allowed(rule, vm)
        return able

    def move(self, vm: int, target: int) -> Order:
        """Put a VM on another host, and say so."""
        source = int(self.host_of[vm])
        self.reserved[source] -= self._kept[vm]
        self.reserved[target] += self._kept[vm]
        self.host_of[vm] = target
        vms, hosts = self.snapshot.vms, self.snapshot.hosts
        return Order(
            Migrate(
                Entity(vms.moid[vm], vms.name[vm]),
                Entity(hosts.moid[source], hosts.name[source]),
                Entity(hosts.moid[target], hosts.name[target]),
            )
        )

    def broken_rules(self) -> int:
        """Rules, wishes among them, that the placement breaks now: one for each VM or pair."""
        rules, count = self.snapshot.rules, 0
        for row, enabled in enumerate(rules.enabled.tolist()):
            if not enabled:
                continue
            places = [int(self.host_of[vm]) for vm in rules.vms[row] if self.host_of[vm] >= 0]
            named = set(rules.hosts[row])
            match rules.kind[row]:
                case "antiAffinity":
                    count += len(places) - len(set(places))
                case "affinity":
                    count += max(len(set(places)) - 1, 0)
                case "vmHost":
                    count += sum(place not in named for place in places)
                case _:
                    count += sum(place in named for place in places)
        return count

    def _allowed(self, rule: int, vm: int) -> BoolArray:
        """(H,) hosts where a VM would not break a rule."""
        rules, count = self.snapshot.rules, len(self.snapshot.hosts)
        named = np.zeros(count, dtype=np.bool_)
        named[list(rules.hosts[rule])] = True
        places = {int(self.host_of[kin]) for kin in rules.vms[rule] if kin != vm} - {-1}
        taken = np.zeros(count, dtype=np.bool_)
        taken[list(places)] = True
        kind = rules.kind[rule]
        if kind == RUN_ON:
            return named
        if kind == NOT_ON:
            return ~named
        if kind == KEEP_APART:
            return ~taken
        assert kind == KEEP_TOGETHER
        return taken if places else np.ones(count, dtype=np.bool_)


def _equal(column: tuple[str, ...], word: str) -> BoolArray:
    return np.array([value == word for value in column], dtype=np.bool_)


def held(snapshot: Snapshot) -> FloatArray:
    """(V,) host memory that each VM takes, overhead included, MiB; NaN without counters."""
    vms = snapshot.vms
    return vms.consumed_mib + np.nan_to_num(vms.overhead_mib)
