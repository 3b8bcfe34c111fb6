"""Placement rules that cannot hold together, the policies' own and vSphere's.

What is checked is sound, not complete: a conflict that is named is one, but a tangle of many rules
may be impossible without being named here. The market then keeps what it can.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from vsphere_market.estate import (
    KEEP_APART,
    KEEP_TOGETHER,
    NOT_ON,
    POWERED_ON,
    RUN_ON,
    RuleTable,
    Snapshot,
)
from vsphere_market.policy.documents import PolicySet
from vsphere_market.policy.problems import counted, error, listed, quote, warning
from vsphere_market.policy.rulebook import Rulebook
from vsphere_market.port import Finding


@dataclass(frozen=True, slots=True)
class _Rule:
    """One rule; ``where`` is "" for vSphere's own. Hosts are a bit mask of host rows."""

    name: str
    where: str
    cluster: int
    kind: str
    mandatory: bool
    vms: tuple[int, ...]
    hosts: int

    @property
    def title(self) -> str:
        return quote(self.name) if self.where else f"vSphere's rule {quote(self.name)}"


def rule_findings(rulebook: Rulebook, snapshot: Snapshot, policies: PolicySet) -> Iterator[Finding]:
    """Conflicts among placement rules in which a policy has a part."""
    if not len(rulebook.rules) and not rulebook.crowds:
        return
    rules = [*_rules(rulebook.rules, policies), *_rules(snapshot.rules, None)]
    must = [rule for rule in rules if rule.mandatory]
    hosts = _Hosts(must, rulebook, snapshot)
    nowhere = list(hosts.findings())
    yield from nowhere
    torn = set[str]()
    for finding in _torn(must, must, snapshot):
        torn.add(finding.subject)
        yield finding
    for finding in _torn(rules, must, snapshot):
        if finding.subject not in torn:
            yield finding
    if not nowhere:
        yield from _crowded(rules, hosts, snapshot)
        yield from _overcrowded(rulebook, hosts, snapshot, policies)


def _rules(table: RuleTable, policies: PolicySet | None) -> Iterator[_Rule]:
    for row in range(len(table)):
        if not table.enabled[row]:
            continue
        document = policies.named(table.name[row]) if policies else None
        yield _Rule(
            name=table.name[row],
            where=document.place("/spec/rule") if document else "",
            cluster=int(table.cluster[row]),
            kind=table.kind[row],
            mandatory=bool(table.mandatory[row]),
            vms=table.vms[row],
            hosts=_bits(table.hosts[row]),
        )


def _bits(rows: Iterable[int]) -> int:
    bits = 0
    for row in rows:
        bits |= 1 << row
    return bits


class _Hosts:
    """Where mandatory rules let each VM run."""

    def __init__(self, must: Sequence[_Rule], rulebook: Rulebook, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._rules: dict[int, list[_Rule]] = {}
        for rule in must:
            if rule.kind in (RUN_ON, NOT_ON):
                for vm in rule.vms:
                    self._rules.setdefault(vm, []).append(rule)
        hosts = snapshot.hosts
        clusters = np.unique(hosts.cluster).tolist()
        self._open = {
            cluster: _bits(
                np.flatnonzero((hosts.cluster == cluster) & ~rulebook.host_excluded).tolist()
            )
            for cluster in clusters
        }
        self._all = {
            cluster: _bits(np.flatnonzero(hosts.cluster == cluster).tolist())
            for cluster in clusters
        }

    def allowed(self, vm: int, *, excluded_too: bool = False) -> int:
        """Bit mask of the hosts of its cluster that rules leave it."""
        cluster = int(self._snapshot.vms.cluster[vm])
        bits = (self._all if excluded_too else self._open).get(cluster, 0)
        for rule in self._rules.get(vm, ()):
            bits &= rule.hosts if rule.kind == RUN_ON else ~rule.hosts
        return bits

    def findings(self) -> Iterator[Finding]:
        """VMs that may run nowhere, one finding for each set of rules that does it."""
        groups: dict[tuple[int, ...], list[int]] = {}
        for vm, rules in self._rules.items():
            if any(rule.where for rule in rules) and not self.allowed(vm, excluded_too=True):
                groups.setdefault(tuple(id(rule) for rule in rules), []).append(vm)
        for members in groups.values():
            rules = self._rules[members[0]]
            names = self._snapshot.vms.name
            yield error(
                "contradiction",
                _first_place(rules),
                f"{listed([rule.title for rule in rules])} together leave no host for "
                f"{counted(len(members), 'VM')}, {names[members[0]]} among them",
                "drop one of the rules, or name more hosts",
            )


def _torn(rules: Sequence[_Rule], must: Sequence[_Rule], snapshot: Snapshot) -> Iterator[Finding]:
    """VMs to be kept apart that other rules, in one or several links, keep together."""
    group = _Groups([rule for rule in rules if rule.kind == KEEP_TOGETHER])
    mandatory = rules is must
    for rule in rules:
        if rule.kind != KEEP_APART:
            continue
        seen: dict[int, int] = {}
        for vm in rule.vms:
            root = group.find(vm)
            other = seen.setdefault(root, vm)
            if other == vm:
                continue
            links = [r for r in rules if r.kind == KEEP_TOGETHER and group.touches(r, root)]
            if not rule.where and not any(link.where for link in links):
                continue  # vSphere contradicts itself; that is not the policies' fault
            say = error if mandatory else warning
            names = snapshot.vms.name
            yield say(
                "contradiction" if mandatory else "conflict",
                _first_place([rule, *links]),
                f"{names[other]} and {names[vm]} are to be kept apart by {rule.title} and "
                f"together by {listed([link.title for link in links])}",
                "drop one of the rules, or make their selectors differ",
            )
            break


def _crowded(rules: Sequence[_Rule], hosts: _Hosts, snapshot: Snapshot) -> Iterator[Finding]:
    """More running VMs to be kept apart than hosts they may run on."""
    for rule in rules:
        if rule.kind != KEEP_APART or not rule.where:
            continue
        running = [vm for vm in rule.vms if snapshot.vms.power[vm] == POWERED_ON]
        room = 0
        for vm in running:
            room |= hosts.allowed(vm)
        if len(running) <= room.bit_count():
            continue
        say = error if rule.mandatory else warning
        name = quote(snapshot.clusters.name[rule.cluster])
        yield say(
            "contradiction" if rule.mandatory else "conflict",
            rule.where,
            f"{counted(len(running), 'running VM')} of cluster {name} cannot be kept apart on "
            f"{counted(room.bit_count(), 'host')}",
            "select fewer VMs, or allow more hosts",
        )


def _overcrowded(
    rulebook: Rulebook, hosts: _Hosts, snapshot: Snapshot, policies: PolicySet
) -> Iterator[Finding]:
    """More running VMs than an at-most, or a licence for so many hosts, has room for."""
    for rule in rulebook.crowds:
        running = [vm for vm in rule.vms if snapshot.vms.power[vm] == POWERED_ON]
        bits = 0
        for vm in running:
            bits |= hosts.allowed(vm)
        room = min(bits.bit_count(), rule.hosts_used) * rule.per_host
        if not running or (room > 0 and len(running) <= room):
            continue
        document = policies.named(rule.name)
        say = error if rule.mandatory else warning
        name = quote(snapshot.clusters.name[rule.cluster])
        yield say(
            "contradiction" if rule.mandatory else "conflict",
            document.place("/spec/rule") if document else "",
            f"{counted(len(running), 'running VM')} of cluster {name} are more than the "
            f"{counted(bits.bit_count(), 'host')} they may run on take under this rule",
            "select fewer VMs, allow more hosts, or raise the number",
        )


class _Groups:
    """VMs that are tied to one another by keep-together rules (union-find)."""

    def __init__(self, rules: Sequence[_Rule]) -> None:
        self._parent: dict[int, int] = {}
        for rule in rules:
            for vm in rule.vms[1:]:
                self._parent[self.find(vm)] = self.find(rule.vms[0])

    def find(self, vm: int) -> int:
        """One VM that stands for the group of this one."""
        parent = self._parent
        while (up := parent.get(vm, vm)) != vm:
            parent[vm] = parent.get(up, up)
            vm = up
        return vm

    def touches(self, rule: _Rule, root: int) -> bool:
        """The rule is one of those that made the group."""
        return bool(rule.vms) and self.find(rule.vms[0]) == root


def _first_place(rules: Sequence[_Rule]) -> str:
    return next((rule.where for rule in rules if rule.where), "")
