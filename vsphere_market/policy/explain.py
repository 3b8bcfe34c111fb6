"""What holds for one VM or host, and which line of which document decided it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vsphere_market.estate import KEEP_APART, KEEP_TOGETHER, RUN_ON, Snapshot
from vsphere_market.policy.documents import RULE_KINDS, PolicySet
from vsphere_market.policy.law import LAWS
from vsphere_market.policy.problems import listed, printable
from vsphere_market.policy.rulebook import (
    BudgetScope,
    CrowdRule,
    DisruptionBudget,
    Mode,
    Rulebook,
)
from vsphere_market.units import gib_text

_RULE_NAMES = {kind: name for name, kind in RULE_KINDS.items()}


@dataclass(frozen=True, slots=True)
class EffectiveSetting:
    """One setting as it holds.

    Attributes:
        name: attribute of the rulebook; ``modes.<kind>`` for a mode, ``rules`` and ``budgets`` for
            each of these.
        value: for people, with its unit.
        source: ``document#/pointer``, or "" for the default.
        place: file and pointer of the source, when the policies were at hand, else "".
        note: the author's reason or description of that document, or "".
    """

    name: str
    value: str
    source: str
    place: str = ""
    note: str = ""


def explain_vm(
    rulebook: Rulebook, snapshot: Snapshot, vm_row: int, policies: PolicySet | None = None
) -> tuple[EffectiveSetting, ...]:
    """Every setting of a VM, rules and budgets that count it included.

    Args:
        rulebook: made for this snapshot.
        snapshot: the estate.
        vm_row: row of the VM.
        policies: what the rulebook was compiled from; adds files and the authors' words.
    """
    values = {
        "priority": f"{rulebook.priority[vm_row]:.4g}",
        "guarantee": _share(rulebook.guarantee[vm_row], "of the working set"),
        "move_sensitivity": f"{rulebook.move_sensitivity[vm_row]:.4g}",
        "min_size_mib": gib_text(float(rulebook.min_size_mib[vm_row])),
        "max_size_mib": gib_text(float(rulebook.max_size_mib[vm_row])),
        "step_mib": gib_text(float(rulebook.step_mib[vm_row])),
        "never_shrink": _yes(rulebook.never_shrink[vm_row]),
        "cooldown_s": f"{rulebook.cooldown_s[vm_row] / 60:.4g} min",
        "balloon_cap_min": _share(rulebook.balloon_cap_min[vm_row], "of the size"),
        "balloon_cap_max": _share(rulebook.balloon_cap_max[vm_row], "of the size"),
        "never_grow": _yes(rulebook.never_grow[vm_row]),
        "size_target": _share(rulebook.size_target[vm_row], "of the size", "the market's own"),
        "usage_low": _share(rulebook.usage_low[vm_row], "of the size", "none"),
        "usage_high": _share(rulebook.usage_high[vm_row], "of the size", "the market's own"),
        "size_percentile": f"{100 * rulebook.size_percentile[vm_row]:.4g}",
        "size_window_s": f"{rulebook.size_window_s[vm_row] / 86_400:.4g} d",
        "reboot_allowed": _yes(rulebook.reboot_allowed[vm_row]),
        "persist_cycles": f"{rulebook.persist_cycles[vm_row]:.0f}",
        "may_stop": _yes(rulebook.may_stop[vm_row]),
        "may_start": _yes(rulebook.may_start[vm_row]),
    }
    for kind, modes in rulebook.modes.items():
        values[f"modes.{kind}"] = Mode(int(modes[vm_row])).name.lower()
    settings = _with_sources(values, rulebook, vm_row, policies)
    for row in range(len(rulebook.rules)):
        if vm_row in rulebook.rules.vms[row]:
            text = _rule_text(rulebook, snapshot, row, vm_row)
            settings.append(_setting("rules", text, rulebook.sources["rules"][row], policies))
    for crowd in rulebook.crowds:
        if vm_row in crowd.vms:
            source = f"{crowd.name}#/spec/rule"
            settings.append(_setting("rules", _crowd_text(crowd), source, policies))
    for budget in rulebook.budgets:
        if budget.vms[vm_row]:
            text = _budget_text(budget)
            settings.append(_setting("budgets", text, f"{budget.name}#/spec", policies))
    return tuple(settings)


def explain_host(
    rulebook: Rulebook, host_row: int, policies: PolicySet | None = None
) -> tuple[EffectiveSetting, ...]:
    """Every setting of a host."""
    values = {
        "host_excluded": _yes(rulebook.host_excluded[host_row]),
        "host_reserve": _share(rulebook.host_reserve[host_row], "of its memory"),
        "host_overcommit": _share(rulebook.host_overcommit[host_row], "of its memory", "no bound"),
        "host_may_suspend": _yes(rulebook.host_may_suspend[host_row]),
        "host_may_provision": _yes(rulebook.host_may_provision[host_row]),
    }
    return tuple(_with_sources(values, rulebook, host_row, policies))


def _with_sources(
    values: dict[str, str], rulebook: Rulebook, row: int, policies: PolicySet | None
) -> list[EffectiveSetting]:
    settings = []
    for name, value in values.items():
        sources = rulebook.sources.get(name)
        settings.append(_setting(name, value, sources[row] if sources else "", policies))
    return settings


def _setting(name: str, value: str, source: str, policies: PolicySet | None) -> EffectiveSetting:
    document_name, _, pointer = source.partition("#")
    document = policies.named(document_name) if policies and source else None
    if document is None:
        return EffectiveSetting(name, value, source, note=LAWS.get(source, ""))
    note = printable(document.reason or document.description)
    return EffectiveSetting(name, value, source, document.place(pointer), note)


def _share(share: float, of: str, none: str = "none") -> str:
    return f"{100 * share:.4g} % {of}" if math.isfinite(share) else none


def _yes(flag: object) -> str:
    return "yes" if flag else "no"


def _crowd_text(rule: CrowdRule) -> str:
    must = "must" if rule.mandatory else "should"
    bounds = []
    if math.isfinite(rule.per_host):
        bounds.append(f"have at most {rule.per_host:.0f} on one host")
    if math.isfinite(rule.hosts_used):
        bounds.append(f"run on at most {rule.hosts_used:.0f} hosts")
    return f"{len(rule.vms)} VMs {must} {' and '.join(bounds)}"


def _rule_text(rulebook: Rulebook, snapshot: Snapshot, row: int, vm_row: int) -> str:
    rules = rulebook.rules
    kind = rules.kind[row]
    must = "must" if rules.mandatory[row] else "should"
    if kind in (KEEP_TOGETHER, KEEP_APART):
        others = [snapshot.vms.name[vm] for vm in rules.vms[row] if vm != vm_row]
        manner = "be with" if kind == KEEP_TOGETHER else "not be with"
        return f"{_RULE_NAMES[kind]}: {must} {manner} {listed(others)}"
    hosts = [snapshot.hosts.name[host] for host in rules.hosts[row]]
    manner = "run on" if kind == RUN_ON else "not run on"
    return f"{_RULE_NAMES[kind]}: {must} {manner} {listed(hosts)}"


def _budget_text(budget: DisruptionBudget) -> str:
    bounds = []
    if budget.max_migrations != float("inf"):
        bounds.append(f"{budget.max_migrations:.0f} migrations")
    if budget.max_share != float("inf"):
        bounds.append(f"{100 * budget.max_share:.4g} % of the VMs")
    per = "" if budget.scope is BudgetScope.ESTATE else f" per {budget.scope}"
    return f"at most {' and '.join(bounds)}{per} in {budget.window_s / 60:.4g} min"
