"""From documents and a snapshot to the rulebook, with everything that is doubtful about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vsphere_market.estate import Snapshot
from vsphere_market.policy.capacity import merge_capacity
from vsphere_market.policy.contradictions import rulebook_findings
from vsphere_market.policy.documents import Document, PolicySet
from vsphere_market.policy.law import (
    stopped,
    under_drs,
    under_stop,
    under_vsan,
    untold_findings,
)
from vsphere_market.policy.match import HostColumns, VmColumns
from vsphere_market.policy.merge import ModeMerge, NumberMerge, Statements
from vsphere_market.policy.placement import PlacementRules
from vsphere_market.policy.problems import refuse_errors, warning
from vsphere_market.policy.rulebook import DisruptionBudget, Rulebook, default_rulebook
from vsphere_market.policy.schema import Kind
from vsphere_market.port import ActionKind, Finding
from vsphere_market.units import BoolArray

#: Attributes of the rulebook that hold one number per VM and are decided by precedence.
VM_NUMBERS = (
    "priority",
    "guarantee",
    "move_sensitivity",
    "min_size_mib",
    "max_size_mib",
    "step_mib",
    "never_shrink",
    "cooldown_s",
    "balloon_cap_min",
    "balloon_cap_max",
    "never_grow",
    "size_target",
    "usage_low",
    "usage_high",
    "size_percentile",
    "size_window_s",
    "reboot_allowed",
    "persist_cycles",
)

#: The same for yes and no where the document that says no wins.
VM_PERMISSIONS = ("may_stop", "may_start")


@dataclass(frozen=True, slots=True)
class Compiled:
    """A rulebook, and what is doubtful but clear in its effect.

    Attributes:
        rulebook: the effective settings.
        findings: warnings and hints, each with its place and cure.
    """

    rulebook: Rulebook
    findings: tuple[Finding, ...]


def compile_rulebook(
    policies: PolicySet, snapshot: Snapshot, at_s: float | None = None
) -> Compiled:
    """Work out what every document means for every VM and host of an estate.

    Args:
        policies: the documents.
        snapshot: the estate.
        at_s: Unix time at the source for which schedules are evaluated; None for the time at which
            the snapshot was taken.

    Raises:
        PolicyProblems: when documents contradict each other or the estate, with all findings.
    """
    compiler = _Compiler(snapshot, snapshot.taken_at_s if at_s is None else at_s)
    # Rising precedence, and by name within one, so that the outcome never hangs on file names.
    for document in sorted(policies.documents, key=lambda item: (item.precedence, item.name)):
        compiler.add(document)
    rulebook = compiler.rulebook(policies.digest)
    findings = [*policies.findings, *untold_findings(policies, snapshot), *compiler.findings]
    findings.extend(rulebook_findings(rulebook, snapshot, policies))
    refuse_errors(findings)
    return Compiled(rulebook, tuple(findings))


class _Compiler:
    """Takes documents one by one, in rising order of precedence."""

    def __init__(self, snapshot: Snapshot, at_s: float) -> None:
        self.findings: list[Finding] = []
        self._snapshot = snapshot
        self._at_s = at_s
        self._vms = VmColumns(snapshot)
        self._hosts = HostColumns(snapshot)
        self._default = default_rulebook(snapshot)
        self._statements = Statements()
        self._numbers = {
            name: NumberMerge(self._statements, getattr(self._default, name)) for name in VM_NUMBERS
        }
        self._modes = {
            kind: ModeMerge(self._statements, modes) for kind, modes in self._default.modes.items()
        }
        self._permissions = {
            name: ModeMerge(self._statements, getattr(self._default, name).astype(np.int8))
            for name in VM_PERMISSIONS
        }
        self._capacity: list[tuple[Document, BoolArray]] = []
        self._rules = PlacementRules(snapshot)
        self._budgets: list[DisruptionBudget] = []

    def add(self, document: Document) -> None:
        """Take one document."""
        columns = self._hosts if document.kind is Kind.CAPACITY else self._vms
        mask = columns.mask(document.selector)
        self._doubt(document, mask)
        if document.kind is Kind.CAPACITY:
            self._capacity.append((document, mask))
            return
        rows = np.flatnonzero(mask)
        for setting in document.settings:
            merge = self._numbers[setting.attribute]
            merge.say(document, setting.pointer, rows, setting.value)
        for said in document.modes_at(self._at_s):
            self._modes[said.action].say(document, said.pointer, rows, said.mode)
        for setting in document.power_at(self._at_s):
            permission = self._permissions[setting.attribute]
            permission.say(document, setting.pointer, rows, int(setting.value))
        if document.rule is not None:
            hosts = document.rule.hosts
            host_mask = None if hosts is None else self._hosts.mask(hosts)
            self.findings.extend(self._rules.add(document, mask, host_mask))
        if document.budget is not None:
            self._budgets.append(_budget(document, mask))

    def rulebook(self, digest: str) -> Rulebook:
        """What all documents come to. Ties are added to the findings."""
        snapshot, sources = self._snapshot, dict[str, tuple[str, ...]]()
        arrays: dict[str, Any] = {}
        for name, merge in self._numbers.items():
            self.findings.extend(merge.ties("VM", snapshot.vms.name))
            default = getattr(self._default, name)
            arrays[name] = merge.value.astype(default.dtype)
            if merge.decided:
                sources[name] = self._statements.texts(merge.source)
        for name, permission in self._permissions.items():
            arrays[name] = permission.value > 0
            if permission.decided:
                sources[name] = self._statements.texts(permission.source)
        modes: dict[ActionKind, Any] = {}
        halted = stopped(snapshot)
        for kind, mode_merge in self._modes.items():
            texts: Sequence[str] = ()
            if mode_merge.decided:
                texts = self._statements.texts(mode_merge.source)
            modes[kind], texts = under_drs(kind, mode_merge.value, texts, snapshot)
            modes[kind], texts = under_stop(modes[kind], texts, halted)
            modes[kind].setflags(write=False)
            if texts:
                sources[f"modes.{kind}"] = tuple(texts)
        capacity = merge_capacity(self._capacity, snapshot, self._statements)
        self.findings.extend(capacity.findings)
        sources |= capacity.sources
        may_suspend = capacity.may_suspend
        if may_suspend.any():
            said = sources.get("host_may_suspend", ())
            may_suspend, sources["host_may_suspend"] = under_vsan(may_suspend, said, snapshot)
            may_suspend.setflags(write=False)
        if self._rules.sources:
            sources["rules"] = tuple(self._rules.sources)
        return replace(
            self._default,
            digest=digest,
            modes=modes,
            host_excluded=capacity.excluded,
            host_reserve=capacity.reserve,
            host_overcommit=capacity.overcommit,
            host_failover=capacity.failover,
            host_may_suspend=may_suspend,
            host_may_provision=capacity.may_provision,
            rules=self._rules.table(),
            crowds=tuple(self._rules.crowds),
            merged_clusters=tuple(self._rules.merged),
            at_s=self._at_s,
            budgets=tuple(self._budgets),
            sources=sources,
            **_read_only(arrays),
        )

    def _doubt(self, document: Document, mask: BoolArray) -> None:
        """Warn of names that the estate does not have, and of selectors that fit nothing."""
        capacity = document.kind is Kind.CAPACITY
        columns = self._hosts if capacity else self._vms
        some = bool(mask.any())
        doubts = list(columns.strangers(document.selector, document.where, some=some))
        if document.rule is not None and document.rule.hosts is not None:
            doubts.extend(self._hosts.strangers(document.rule.hosts, document.where, some=some))
        if not some:
            thing = "host" if capacity else "VM"
            doubts.append(
                warning(
                    "matches-nothing",
                    document.place("/selector"),
                    f"the document matches no {thing} of this estate, so it has no effect",
                    "check the names in it" if not doubts else "",
                )
            )
        self.findings.extend(doubts)


def _budget(document: Document, mask: BoolArray) -> DisruptionBudget:
    budget = document.budget
    assert budget is not None
    mask.setflags(write=False)
    return DisruptionBudget(
        name=document.name,
        scope=budget.scope,
        vms=mask,
        max_migrations=budget.max_migrations,
        max_share=budget.max_share,
        window_s=budget.window_s,
    )


def _read_only(arrays: Mapping[str, Any]) -> Mapping[str, Any]:
    for array in arrays.values():
        array.setflags(write=False)
    return arrays
