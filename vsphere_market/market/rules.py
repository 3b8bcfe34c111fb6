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
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

import numpy as np

from vsphere_market.estate import KEEP_APART, KEEP_TOGETHER, NOT_ON, RUN_ON, RuleTable
from vsphere_market.market.rulekinds import Crowd, HostRule, PairRule, Stakes, Verdict
from vsphere_market.market.settings import MarketSettings
from vsphere_market.policy import CrowdRule
from vsphere_market.units import BoolArray, FloatArray, IndexArray


class RuleBoard:
    """Counts of rule members per host, kept true while VMs move.

    Only VMs that are on some host (``host_of`` not -1) count.

    Attributes:
        pairs: rules to keep together or apart.
        hosts: rules that name hosts.
        crowds: rules that bound how many.
        counts: (pairs, H) members of pair rules on each host.
        heads: (crowds, H) members of crowd rules.
        ruled: rows of the VMs that any rule is about.
        clock: how often a VM under rules has moved; what was true at one time still is while it
            stands.
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
        self._neutral = Verdict(np.zeros(hosts), np.zeros(hosts), np.ones(hosts, dtype=np.bool_))
        for wanted in crowds:
            self._take(wanted, settings)
        most = [(crowd.per_host, crowd.hosts_used) for crowd in self.crowds]
        self._most: FloatArray = np.array(most, dtype=np.float64).reshape(-1, 2)
        self.heads: FloatArray = np.zeros((len(self.crowds), hosts))
        for at, crowd in enumerate(self.crowds):
            on = host_of[list(crowd.vms)]
            np.add.at(self.heads[at], on[on >= 0], 1.0)
        self.ruled: Set[int] = frozenset(
            self._pairs_of.keys() | self._hosts_of.keys() | self._crowds_of.keys()
        )
        self.clock = 0
        #: When a member of each rule last moved; hosts that a rule names do not.
        self._pair_moved = [0] * len(self.pairs)
        self._crowd_moved = [0] * len(self.crowds)
        self._pair_stakes = Stakes.of(self.pairs)
        self._host_stakes = Stakes.of(self.hosts)
        self._crowd_stakes = Stakes.of(self.crowds)
        self._sign: FloatArray = np.array([1.0 if pair.apart else -1.0 for pair in self.pairs])
        shut = [~rule_.allowed for rule_ in self.hosts]
        self._shut: FloatArray = np.array(shut, dtype=np.float64).reshape(len(shut), hosts)
        self._licences = bool(np.isfinite(self._most[:, 1]).any())
        self._every = np.arange(hosts)
        #: The last question about one VM, and its answer.
        self._asked = (-1, -1, 0), self._neutral

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
        if vm not in self._crowds_of:
            return set()
        gone = {other for other, (left, _) in moves.items() if left == target}
        came = {other for other, (_, there) in moves.items() if there == source}
        needed: set[int] = set()
        for at in self._crowds_of[vm]:
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

    def changed(self, vms: Iterable[int], since: int) -> list[int]:
        """Those of some VMs of which a rule has seen another member move since a ``clock``."""
        if self.clock == since:
            return []
        tables = ((self._pairs_of, self._pair_moved), (self._crowds_of, self._crowd_moved))
        return [
            vm
            for vm in vms
            if any(moved[at] > since for of, moved in tables for at in of.get(vm, ()))
        ]

    def verdict(self, vm: int, host: int) -> Verdict:
        """What having ``vm`` on each host means to its rules, given where the others are.

        ``host`` is where it is now. Together-rules count negative, as pairs that are not broken.
        """
        if vm not in self.ruled:
            return self._neutral
        # Whoever asks about one host after the other asks the same again.
        asked = vm, host, self.clock
        if asked != self._asked[0]:
            found = self.verdicts([vm], self._every, np.array([host]))
            one = Verdict(found.points[:, 0], found.breaches[:, 0], found.kept[:, 0])
            self._asked = asked, one
        return self._asked[1]

    def verdicts(self, vms: Sequence[int], hosts: IndexArray, home: IndexArray) -> Verdict:
        """:meth:`verdict` of each of n VMs on some hosts, (hosts, n).

        Args:
            vms: rows of VMs.
            hosts: rows of the hosts that are asked about.
            home: (n,) positions among ``hosts`` of those that the VMs are on.
        """
        shape = len(vms), len(hosts)
        points: FloatArray = np.zeros(shape)
        breaches: FloatArray = np.zeros(shape)
        # What is broken more than now, of mandatory rules and of soft ones.
        worse: BoolArray = np.zeros(shape, dtype=np.bool_)
        softly: BoolArray = np.zeros(shape, dtype=np.bool_)
        # Each VM's rules one after the other: sums are then the same to the last digit, whoever
        # else is asked about.
        for rows, at, kind, wrong in self._wrong(vms, hosts, home):
            part = rows if len(rows) < len(vms) else slice(None)
            more = wrong > wrong[np.arange(len(rows)), home[rows], None]
            must = kind.mandatory[at, None]
            points[part] += wrong * kind.penalty[at, None]
            breaches[part] += wrong * must
            worse[part] |= more & must
            softly[part] |= more & ~must
        # What must be gives way to nothing, and what should be to what must.
        softly &= breaches >= breaches[np.arange(len(vms)), home, None]
        return Verdict(points.T, breaches.T, ~(worse | softly).T)

    def costs(self, vm: int, host: int) -> FloatArray:
        """Points (H,) of soft rules, as in :meth:`verdict`."""
        return self.verdict(vm, host).points

    def allowed(self, vm: int, host: int) -> BoolArray:
        """(H,) hosts that rules let ``vm`` go to from ``host``, as in :meth:`verdict`."""
        return self.verdict(vm, host).kept

    def _wrong(
        self, vms: Sequence[int], hosts: IndexArray, home: IndexArray
    ) -> Iterator[tuple[IndexArray, IndexArray, Stakes, FloatArray]]:
        """The violations that VMs have a part in on each host; arguments as in :meth:`verdicts`.

        Yields positions (m,) of VMs, each once, the number of a rule of each among its kind, the
        kind, and violations (m, hosts).
        """
        for rows, at in _by_turns(self._pairs_of, vms):
            others = self.counts[at[:, None], hosts]
            others[np.arange(len(rows)), home[rows]] -= 1.0
            yield rows, at, self._pair_stakes, others * self._sign[at, None]
        for rows, at in _by_turns(self._hosts_of, vms):
            yield rows, at, self._host_stakes, self._shut[at[:, None], hosts]
        for rows, at in _by_turns(self._crowds_of, vms):
            others = self.heads[at[:, None], hosts]
            here = np.arange(len(rows)), home[rows]
            # A VM that is alone of its crowd takes the host with it.
            alone = others[here] == 1.0
            others[here] -= 1.0
            per_host, hosts_used = self._most[at].T
            over = (others >= per_host[:, None]).astype(np.float64)
            if self._licences:
                used = (self.heads[at] > 0).sum(axis=1) - alone
                over += (others <= 0) & (used >= hosts_used)[:, None]
            yield rows, at, self._crowd_stakes, over

    def move(self, vm: int, source: int, target: int) -> None:
        """Keep the counts true; -1 is nowhere."""
        if vm not in self.ruled:
            return
        self.clock += 1
        for table, rules, moved in (
            (self.counts, self._pairs_of, self._pair_moved),
            (self.heads, self._crowds_of, self._crowd_moved),
        ):
            for at in rules.get(vm, ()):
                moved[at] = self.clock
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
        asked = self._wrong([vm], np.array([source, target]), np.zeros(1, dtype=np.int64))
        return [
            kind.rules[at[0]].name
            for _, at, kind, wrong in asked
            if kind.mandatory[at[0]] and wrong[0, 1] < wrong[0, 0]
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


def _by_turns(
    of: Mapping[int, Sequence[int]], vms: Sequence[int]
) -> Iterator[tuple[IndexArray, IndexArray]]:
    """The first rule of each VM that has one, then the second of each that has two, and so on.

    Yields positions of VMs and numbers of rules, (m,) each.
    """
    rules = [(row, of[vm]) for row, vm in enumerate(vms) if vm in of]
    turn = 0
    while rules:
        pairs = np.array([(row, numbers[turn]) for row, numbers in rules])
        yield pairs[:, 0], pairs[:, 1]
        turn += 1
        rules = [(row, numbers) for row, numbers in rules if len(numbers) > turn]
