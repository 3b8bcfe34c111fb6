"""Placement rules as the ledger needs them: who is in which, and what breaking one costs.

Keep-apart and keep-together rules count pairs: a rule's violations are pairs of its members on one
host, or on different hosts. A pair belongs to both of its VMs alike, so what one VM gains by
leaving is what the potential loses, and quotes stay exact. Host rules count VMs on wrong hosts.
Crowd rules count VMs too many on a host, and hosts too many in use: what one VM's place costs is
what it adds to these when all others stay, which is exact for the same reason.

A soft rule's violations cost points, part of the potential. Those of mandatory rules are
*breaches*: they cost nothing and are counted apart, for no number of points is worth one
(``docs/design/potential.md``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
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
        mandatory: each violating pair is a breach, and costs no points.
        penalty: points for each violating pair; 0 for a mandatory rule.
    """

    name: str
    vms: tuple[int, ...]
    apart: bool
    mandatory: bool
    penalty: float


@dataclass(frozen=True, slots=True)
class HostRule:
    """VMs that run on some hosts only.

    Attributes:
        name: for people.
        vms: rows of its members.
        allowed: (H,) where they may run.
        mandatory: each member elsewhere is a breach, and costs no points.
        penalty: points for each member elsewhere; 0 for a mandatory rule.
    """

    name: str
    vms: tuple[int, ...]
    allowed: BoolArray
    mandatory: bool
    penalty: float


@dataclass(frozen=True, slots=True)
class Crowd:
    """VMs that shall not crowd a host, nor spread over many.

    Attributes:
        name: for people.
        vms: rows of its members.
        per_host: at most so many on one host; +inf for no such bound.
        hosts_used: at most so many hosts with any of them; +inf for no such bound.
        mandatory: each VM, and each host, too many is a breach, and costs no points.
        penalty: points for each VM, and each host, too many; 0 for a mandatory rule.
    """

    name: str
    vms: tuple[int, ...]
    per_host: float
    hosts_used: float
    mandatory: bool
    penalty: float

    def excess(self, others: FloatArray) -> FloatArray:
        """(H,) what one more member on each host would be too many, beside ``others`` (H,)."""
        over = (others >= self.per_host).astype(np.float64)
        if (others > 0).sum() >= self.hosts_used:
            over += others <= 0
        return over


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What each host, (H,), would mean to the rules of one VM.

    Attributes:
        points: what soft rules cost with it there.
        breaches: of mandatory rules that it would have a part in there.
        kept: no mandatory rule would be broken more than now, and no soft one either, unless
            there were fewer breaches.
    """

    points: FloatArray
    breaches: FloatArray
    kept: BoolArray


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
        self._neutral = Verdict(np.zeros(hosts), np.zeros(hosts), np.ones(hosts, dtype=np.bool_))
        for wanted in crowds:
            self._take(wanted, settings)
        most = [(crowd.per_host, crowd.hosts_used) for crowd in self.crowds]
        self._most: FloatArray = np.array(most, dtype=np.float64).reshape(-1, 2)
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

    def verdict(self, vm: int, host: int) -> Verdict:
        """What having ``vm`` on each host means to its rules, given where the others are.

        ``host`` is where it is now. Together-rules count negative, as pairs that are not broken.
        """
        if not self._about(vm):
            return self._neutral
        points: FloatArray = np.zeros(self._count)
        breaches: FloatArray = np.zeros(self._count)
        kept: BoolArray = np.ones(self._count, dtype=np.bool_)
        soft: BoolArray = np.ones(self._count, dtype=np.bool_)
        for rule, wrong in self._wrong(vm, host):
            no_worse = wrong <= wrong[host]
            if rule.mandatory:
                breaches += wrong
                kept &= no_worse
            else:
                points += rule.penalty * wrong
                soft &= no_worse
        # What must be gives way to nothing, and what should be to what must.
        kept &= soft | (breaches < breaches[host])
        return Verdict(points, breaches, kept)

    def _about(self, vm: int) -> bool:
        return vm in self._pairs_of or vm in self._hosts_of or vm in self._crowds_of

    def costs(self, vm: int, host: int) -> FloatArray:
        """Points (H,) of soft rules, as in :meth:`verdict`."""
        return self.verdict(vm, host).points

    def allowed(self, vm: int, host: int) -> BoolArray:
        """(H,) hosts that rules let ``vm`` go to from ``host``, as in :meth:`verdict`."""
        return self.verdict(vm, host).kept

    def _wrong(
        self, vm: int, host: int
    ) -> Iterator[tuple[PairRule | HostRule | Crowd, FloatArray]]:
        """Each rule about ``vm`` with the violations (H,) that it has a part in on each host."""
        for at in self._pairs_of.get(vm, ()):
            rule = self.pairs[at]
            others = self.counts[at].copy()
            others[host] -= 1
            yield rule, others if rule.apart else -others
        for at in self._hosts_of.get(vm, ()):
            yield self.hosts[at], np.where(self.hosts[at].allowed, 0.0, 1.0)
        for at in self._crowds_of.get(vm, ()):
            others = self.heads[at].copy()
            others[host] -= 1
            yield self.crowds[at], self.crowds[at].excess(others)

    def move(self, vm: int, source: int, target: int) -> None:
        """Keep the counts true; -1 is nowhere."""
        for table, rules in ((self.counts, self._pairs_of), (self.heads, self._crowds_of)):
            for at in rules.get(vm, ()):
                if source >= 0:
                    table[at, source] -= 1
                if target >= 0:
                    table[at, target] += 1

    def potential(self, host_of: IndexArray) -> float:
        """Points of all violations of soft rules."""
        violations = self._violations(host_of, mandatory=False)
        return sum((rule.penalty * wrong for rule, wrong in violations if wrong), start=0.0)

    def breaches(self, host_of: IndexArray) -> int:
        """Violations of mandatory rules: pairs, VMs on wrong hosts, VMs and hosts too many."""
        return round(sum(wrong for _, wrong in self._violations(host_of, mandatory=True)))

    def in_breach(self, host_of: IndexArray) -> set[int]:
        """Rows of the VMs that have a part in a breach."""
        found: set[int] = set()
        for rule, wrong in self._violations(host_of, mandatory=True):
            match rule:
                case _ if not wrong:
                    pass
                case PairRule(apart=True):
                    at = Counter(int(host_of[vm]) for vm in rule.vms)
                    found |= {vm for vm in rule.vms if at[int(host_of[vm])] > 1}
                case HostRule():
                    found |= {vm for vm in rule.vms if not rule.allowed[host_of[vm]]}
                case _:
                    found |= set(rule.vms)
        return {vm for vm in found if host_of[vm] >= 0}

    def too_many(self) -> list[float]:
        """VMs and hosts too many of each crowd."""
        over = np.maximum(self.heads - self._most[:, :1], 0.0).sum(axis=1)
        over += np.maximum((self.heads > 0).sum(axis=1) - self._most[:, 1], 0.0)
        counts: list[float] = over.tolist()
        return counts

    def spread_out(self) -> list[tuple[int, ...]]:
        """Members of the mandatory crowds that are on too many hosts."""
        return [
            crowd.vms
            for crowd, heads in zip(self.crowds, self.heads, strict=True)
            if crowd.mandatory and (heads > 0).sum() > crowd.hosts_used
        ]

    def lessens(self, vm: int, source: int, target: int) -> list[str]:
        """Names of the mandatory rules that ``vm`` breaks less on ``target`` than on ``source``."""
        return [
            rule.name
            for rule, wrong in self._wrong(vm, source)
            if rule.mandatory and wrong[target] < wrong[source]
        ]

    def _violations(
        self, host_of: IndexArray, *, mandatory: bool
    ) -> Iterator[tuple[PairRule | HostRule | Crowd, float]]:
        if self.pairs:
            together = (self.counts * (self.counts - 1)).sum(axis=1) / 2
            placed = self.counts.sum(axis=1)
            apart = placed * (placed - 1) / 2 - together
            both = zip(self.pairs, together.tolist(), apart.tolist(), strict=True)
            for rule, same, other in both:
                if rule.mandatory == mandatory:
                    yield rule, same if rule.apart else other
        for rule_ in self.hosts:
            if rule_.mandatory == mandatory:
                on = host_of[list(rule_.vms)]
                yield rule_, float((~rule_.allowed[on[on >= 0]]).sum())
        if self.crowds:
            for crowd, wrong in zip(self.crowds, self.too_many(), strict=True):
                if crowd.mandatory == mandatory:
                    yield crowd, wrong

    def _take(self, wanted: CrowdRule, settings: MarketSettings) -> None:
        penalty = 0.0 if wanted.mandatory else settings.rule_penalty
        for vm in wanted.vms:
            self._crowds_of.setdefault(vm, []).append(len(self.crowds))
        self.crowds.append(
            Crowd(
                wanted.name,
                wanted.vms,
                wanted.per_host,
                wanted.hosts_used,
                wanted.mandatory,
                penalty,
            )
        )

    def _read(self, table: RuleTable, hosts: int, settings: MarketSettings) -> None:
        for row in range(len(table)):
            if not table.enabled[row]:
                continue
            must = bool(table.mandatory[row])
            penalty = 0.0 if must else settings.rule_penalty
            vms, kind = tuple(dict.fromkeys(table.vms[row])), table.kind[row]
            if kind in (KEEP_APART, KEEP_TOGETHER):
                rule = PairRule(table.name[row], vms, kind == KEEP_APART, must, penalty)
                for vm in vms:
                    self._pairs_of.setdefault(vm, []).append(len(self.pairs))
                self.pairs.append(rule)
            elif kind in (RUN_ON, NOT_ON):
                named = np.zeros(hosts, dtype=np.bool_)
                named[list(table.hosts[row])] = True
                host_rule = HostRule(
                    table.name[row], vms, named if kind == RUN_ON else ~named, must, penalty
                )
                for vm in vms:
                    self._hosts_of.setdefault(vm, []).append(len(self.hosts))
                self.hosts.append(host_rule)
