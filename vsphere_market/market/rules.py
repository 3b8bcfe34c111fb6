"""Placement rules as the ledger needs them: who is in which, and what breaking one costs.

Keep-apart and keep-together rules count pairs: a rule's violations are pairs of its members on one
host, or on different hosts. A pair belongs to both of its VMs alike, so what one VM gains by
leaving is what the potential loses, and quotes stay exact. Host rules count VMs on wrong hosts.
Crowd rules count VMs too many on a host, and hosts too many in use: what one VM's place costs is
what it adds to these when all others stay, which is exact for the same reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from vsphere_market.estate import KEEP_APART, KEEP_TOGETHER, NOT_ON, RUN_ON, RuleTable
from vsphere_market.market.settings import MarketSettings
from vsphere_market.policy import CrowdRule
from vsphere_market.units import BoolArray, FloatArray, IndexArray


@dataclass(frozen=True, slots=True)
class PairRule:
    """VMs to keep together or apart.

    Attributes:
        name: for people.
        vms: rows of its members.
        apart: apart, else together.
        penalty: points for each violating pair.
    """

    name: str
    vms: tuple[int, ...]
    apart: bool
    penalty: float


@dataclass(frozen=True, slots=True)
class HostRule:
    """VMs that run on some hosts only.

    Attributes:
        name: for people.
        vms: rows of its members.
        allowed: (H,) where they may run.
        penalty: points for each member elsewhere.
    """

    name: str
    vms: tuple[int, ...]
    allowed: BoolArray
    penalty: float


@dataclass(frozen=True, slots=True)
class Crowd:
    """VMs that shall not crowd a host, nor spread over many.

    Attributes:
        name: for people.
        vms: rows of its members.
        per_host: at most so many on one host; +inf for no such bound.
        hosts_used: at most so many hosts with any of them; +inf for no such bound.
        penalty: points for each VM, and each host, too many.
    """

    name: str
    vms: tuple[int, ...]
    per_host: float
    hosts_used: float
    penalty: float

    def excess(self, others: FloatArray) -> FloatArray:
        """(H,) what one more member on each host would be too many, beside ``others`` (H,)."""
        over = (others >= self.per_host).astype(np.float64)
        if (others > 0).sum() >= self.hosts_used:
            over += others <= 0
        return over

    def violations(self, counts: FloatArray) -> float:
        """VMs and hosts too many."""
        over = np.maximum(counts - self.per_host, 0.0).sum()
        return float(over + max(float((counts > 0).sum()) - self.hosts_used, 0.0))


class RuleBoard:
    """Counts of rule members per host, kept true while VMs move.

    Only VMs that are on some host (``host_of`` not -1) count.
    """

    def __init__(
        self,
        tables: Iterable[RuleTable],
        host_of: IndexArray,
        hosts: int,
        settings: MarketSettings,
        crowds: Iterable[CrowdRule] = (),
    ) -> None:
        self.pairs: list[PairRule] = []
        self.hosts: list[HostRule] = []
        self.crowds: list[Crowd] = []
        self._crowds_of: dict[int, list[int]] = {}
        self._pairs_of: dict[int, list[int]] = {}
        self._hosts_of: dict[int, list[int]] = {}
        for table in tables:
            self._read(table, hosts, settings)
        self.counts: FloatArray = np.zeros((len(self.pairs), hosts))
        for at, rule in enumerate(self.pairs):
            for vm in rule.vms:
                if host_of[vm] >= 0:
                    self.counts[at, host_of[vm]] += 1
        self._count = hosts
        for wanted in crowds:
            self._take(wanted, settings)
        self.heads: FloatArray = np.zeros((len(self.crowds), hosts))
        for at, crowd in enumerate(self.crowds):
            on = host_of[list(crowd.vms)]
            np.add.at(self.heads[at], on[on >= 0], 1.0)

    @property
    def ruled(self) -> set[int]:
        """Rows of the VMs that any rule is about."""
        return self._pairs_of.keys() | self._hosts_of.keys() | self._crowds_of.keys()

    def partners(self, vm: int) -> set[int]:
        """Rows of the VMs that pair rules tie it to."""
        return {other for at in self._pairs_of.get(vm, ()) for other in self.pairs[at].vms} - {vm}

    def makes_way(
        self, vm: int, source: int, target: int, moves: Mapping[int, tuple[int, int]]
    ) -> set[int]:
        """VMs without whose moves, done already, a crowd rule would keep ``vm`` off a host.

        Those that left the target, where it would be one too many beside them; and those that came
        to its source, where it was not one too many without them, so that it may be one elsewhere.
        A crowd is large, and most of its moves have nothing to do with each other.

        Args:
            vm: row of a VM that is about to move.
            source: where it is.
            target: where to.
            moves: VMs that moved before, each with the hosts that it left and went to.
        """
        gone = {other for other, (left, _) in moves.items() if left == target}
        came = {other for other, (_, there) in moves.items() if there == source}
        needed: set[int] = set()
        for at in self._crowds_of.get(vm, ()):
            crowd = self.crowds[at]
            left = gone & set(crowd.vms)
            if left and self.heads[at, target] + len(left) + 1 > crowd.per_host:
                needed |= left
            if self.heads[at, source] > crowd.per_host:
                needed |= came & set(crowd.vms)
            if crowd.hosts_used < len(self.heads[at]):
                needed |= moves.keys() & set(crowd.vms)
        return needed - {vm}

    def kin(self, vm: int) -> set[int]:
        """Rows of the VMs whose quotes change when ``vm`` moves: its partners in rules."""
        crowd = {other for at in self._crowds_of.get(vm, ()) for other in self.crowds[at].vms}
        return (self.partners(vm) | crowd) - {vm}

    def costs(self, vm: int, host: int) -> FloatArray:
        """Points (H,) that having ``vm`` on each host costs, given where the others are.

        ``host`` is where it is now. Together-rules count negative, as pairs that are not broken.
        """
        total: FloatArray = np.zeros(self._count)
        for at in self._pairs_of.get(vm, ()):
            rule = self.pairs[at]
            others = self.counts[at].copy()
            others[host] -= 1
            total += rule.penalty * others if rule.apart else -rule.penalty * others
        for at in self._hosts_of.get(vm, ()):
            total += np.where(self.hosts[at].allowed, 0.0, self.hosts[at].penalty)
        for at in self._crowds_of.get(vm, ()):
            others = self.heads[at].copy()
            others[host] -= 1
            total += self.crowds[at].penalty * self.crowds[at].excess(others)
        return total

    def allowed(self, vm: int, host: int) -> BoolArray:
        """(H,) hosts where no rule would be broken more than it is with ``vm`` on ``host``."""
        good: BoolArray = np.ones(self._count, dtype=np.bool_)
        for at in self._pairs_of.get(vm, ()):
            rule = self.pairs[at]
            others = self.counts[at].copy()
            others[host] -= 1
            here = others[host]
            good &= (others <= here) if rule.apart else (others >= here)
        for at in self._hosts_of.get(vm, ()):
            rule_allowed = self.hosts[at].allowed
            if rule_allowed[host]:
                good &= rule_allowed
        for at in self._crowds_of.get(vm, ()):
            others = self.heads[at].copy()
            others[host] -= 1
            excess = self.crowds[at].excess(others)
            good &= excess <= excess[host]
        return good

    def move(self, vm: int, source: int, target: int) -> None:
        """Keep the counts true; -1 is nowhere."""
        for table, rules in ((self.counts, self._pairs_of), (self.heads, self._crowds_of)):
            for at in rules.get(vm, ()):
                if source >= 0:
                    table[at, source] -= 1
                if target >= 0:
                    table[at, target] += 1

    def potential(self, host_of: IndexArray) -> float:
        """Points of all violations."""
        total = 0.0
        for at, rule in enumerate(self.pairs):
            row = self.counts[at]
            same = float((row * (row - 1)).sum()) / 2
            placed = float(row.sum())
            total += rule.penalty * (same if rule.apart else placed * (placed - 1) / 2 - same)
        for rule_ in self.hosts:
            wrong = sum(
                1 for vm in rule_.vms if host_of[vm] >= 0 and not rule_.allowed[host_of[vm]]
            )
            total += rule_.penalty * wrong
        for at, crowd in enumerate(self.crowds):
            total += crowd.penalty * crowd.violations(self.heads[at])
        return total

    def _take(self, wanted: CrowdRule, settings: MarketSettings) -> None:
        penalty = settings.must_penalty if wanted.mandatory else settings.rule_penalty
        for vm in wanted.vms:
            self._crowds_of.setdefault(vm, []).append(len(self.crowds))
        self.crowds.append(
            Crowd(wanted.name, wanted.vms, wanted.per_host, wanted.hosts_used, penalty)
        )

    def _read(self, table: RuleTable, hosts: int, settings: MarketSettings) -> None:
        for row in range(len(table)):
            if not table.enabled[row]:
                continue
            must = bool(table.mandatory[row])
            penalty = settings.must_penalty if must else settings.rule_penalty
            vms, kind = tuple(dict.fromkeys(table.vms[row])), table.kind[row]
            if kind in (KEEP_APART, KEEP_TOGETHER):
                rule = PairRule(table.name[row], vms, kind == KEEP_APART, penalty)
                for vm in vms:
                    self._pairs_of.setdefault(vm, []).append(len(self.pairs))
                self.pairs.append(rule)
            elif kind in (RUN_ON, NOT_ON):
                named = np.zeros(hosts, dtype=np.bool_)
                named[list(table.hosts[row])] = True
                host_rule = HostRule(
                    table.name[row], vms, named if kind == RUN_ON else ~named, penalty
                )
                for vm in vms:
                    self._hosts_of.setdefault(vm, []).append(len(self.hosts))
                self.hosts.append(host_rule)
