"""Policies by themselves: are they good, and what do they come to for one VM or host."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vsphere_market.control.names import Thing, find
from vsphere_market.control.sources import OpenSource
from vsphere_market.policy import (
    EffectiveSetting,
    PolicyProblems,
    compile_rulebook,
    explain_host,
    explain_vm,
    load_policies,
)
from vsphere_market.port import Finding


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check of policies found.

    Attributes:
        documents: how many could be read.
        findings: errors before warnings.
        wrong: they cannot be used.
    """

    documents: int
    findings: tuple[Finding, ...]
    wrong: bool


def validated(
    paths: Sequence[Path], open_estate: Callable[[], OpenSource] | None = None
) -> Checked:
    """Check policy files and folders, and against an estate if there is one.

    Args:
        paths: files and folders.
        open_estate: opens the estate to check against; None for none.

    Raises:
        MarketError: the estate cannot be read.
    """
    try:
        policies = load_policies(paths)
    except PolicyProblems as problems:
        return Checked(0, problems.findings, True)
    count = len(policies.documents)
    if open_estate is None:
        return Checked(count, policies.findings, False)
    with open_estate() as source:
        snapshot = source.observe()
    try:
        compiled = compile_rulebook(policies, snapshot)
    except PolicyProblems as problems:
        return Checked(count, problems.findings, True)
    return Checked(count, compiled.findings, False)


def settings_of(
    source: OpenSource, subject: str, paths: Sequence[Path]
) -> tuple[str, tuple[EffectiveSetting, ...]]:
    """The effective settings of a VM or host; gives its name as well.

    Raises:
        UsageError: there is no such VM or host.
        PolicyProblems: the policies cannot be used.
    """
    policies = load_policies(paths)
    snapshot = source.observe()
    found = find(snapshot, subject)
    rulebook = compile_rulebook(policies, snapshot).rulebook
    if found.thing is Thing.VM:
        name = snapshot.vms.name[found.row]
        return name, explain_vm(rulebook, snapshot, found.row, policies)
    name = snapshot.hosts.name[found.row]
    return name, explain_host(rulebook, found.row, policies)
