"""Policy documents as typed, frozen objects: what each one says, and where it is written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vsphere_market.estate import KEEP_APART, KEEP_TOGETHER, NOT_ON, RUN_ON
from vsphere_market.policy.rulebook import BudgetScope, Mode
from vsphere_market.policy.schema import Kind
from vsphere_market.policy.selectors import Selector, parse_selector
from vsphere_market.port import ActionKind, Finding
from vsphere_market.units import MIB_PER_GIB

UNBOUNDED = float("inf")
_PER_CENT = 0.01
_SECONDS_PER_MINUTE = 60.0

#: Settings of VMs: property of a spec -> attribute of the rulebook, and what to multiply by.
SETTINGS: Mapping[Kind, Mapping[str, tuple[str, float]]] = {
    Kind.TIER: {
        "priority": ("priority", 1.0),
        "guaranteePct": ("guarantee", _PER_CENT),
        "moveSensitivity": ("move_sensitivity", 1.0),
    },
    Kind.SIZING: {
        "minGiB": ("min_size_mib", MIB_PER_GIB),
        "maxGiB": ("max_size_mib", MIB_PER_GIB),
        "stepGiB": ("step_mib", MIB_PER_GIB),
        "neverShrink": ("never_shrink", 1.0),
    },
    Kind.AUTOMATION: {"cooldownMinutes": ("cooldown_s", _SECONDS_PER_MINUTE)},
    Kind.BALLOONING: {
        "minCapPct": ("balloon_cap_min", _PER_CENT),
        "maxCapPct": ("balloon_cap_max", _PER_CENT),
    },
}

RULE_KINDS: Mapping[str, str] = {
    "keep-together": KEEP_TOGETHER,
    "keep-apart": KEEP_APART,
    "run-on": RUN_ON,
    "not-on": NOT_ON,
}


@dataclass(frozen=True, slots=True)
class SettingOf:
    """One number for one attribute of the rulebook. ``pointer`` is within the document."""

    attribute: str
    value: float
    pointer: str


@dataclass(frozen=True, slots=True)
class ModeOf:
    """The most that a document allows one kind of action."""

    action: ActionKind
    mode: Mode
    pointer: str


@dataclass(frozen=True, slots=True)
class HoldBack:
    """What hosts keep off the market.

    Attributes:
        reserve: share of each host's memory, 0 to 1; None when not decided here.
        failover_hosts: the same as a number of hosts that may fail; None when not decided here.
        exclude: the hosts are out of the market.
    """

    reserve: float | None
    failover_hosts: int | None
    exclude: bool


@dataclass(frozen=True, slots=True)
class PlacementRule:
    """A rule on where VMs live.

    Attributes:
        kind: one of the snapshot's rule kinds.
        hosts: the hosts it is about, None for a rule among VMs.
        mandatory: must, not should.
    """

    kind: str
    hosts: Selector | None
    mandatory: bool


@dataclass(frozen=True, slots=True)
class Budget:
    """How many migrations within a window. One bound at least is finite."""

    scope: BudgetScope
    max_migrations: float
    max_share: float
    window_s: float


@dataclass(frozen=True, slots=True)
class Document:
    """One policy document.

    Attributes:
        name: unique among the documents loaded together.
        kind: what it is about.
        precedence: the higher one wins where documents differ.
        selector: the VMs it is about; the hosts for a capacity document.
        where: file and JSON pointer of the document, to which pointers within it are appended.
        settings: numbers that it decides.
        modes: the most that it allows each kind of action.
        hold_back: of a capacity document.
        rule: of a placement document.
        budget: of a disruption budget.
        description: its author's words.
        reason: why VMs are excluded or only observed, in its author's words.
    """

    name: str
    kind: Kind
    precedence: int
    selector: Selector
    where: str
    settings: tuple[SettingOf, ...] = ()
    modes: tuple[ModeOf, ...] = ()
    hold_back: HoldBack | None = None
    rule: PlacementRule | None = None
    budget: Budget | None = None
    description: str = ""
    reason: str = ""

    def place(self, pointer: str) -> str:
        """File and JSON pointer of something in the document."""
        return self.where + pointer


@dataclass(frozen=True, slots=True)
class PolicySet:
    """Documents that passed every check that needs no estate.

    Attributes:
        documents: in the order they were read.
        digest: SHA-256 of what they say, independent of files and order; "" for no documents.
        findings: warnings.
    """

    documents: tuple[Document, ...]
    digest: str
    findings: tuple[Finding, ...] = ()

    def named(self, name: str) -> Document | None:
        """The document of that name."""
        return next((item for item in self.documents if item.name == name), None)


NO_POLICIES = PolicySet((), "")


def digest_of(documents: list[Mapping[str, Any]]) -> str:
    """SHA-256 over parsed, valid documents; ``$schema`` and their order do not count."""
    if not documents:
        return ""
    said = [{k: v for k, v in item.items() if k != "$schema"} for item in documents]
    said.sort(key=lambda item: str(item["name"]))
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def parse_document(raw: Mapping[str, Any], where: str) -> Document:
    """Build a document from JSON that the schema of its kind has accepted."""
    kind = Kind(raw["kind"])
    spec: Mapping[str, Any] = raw.get("spec", {})
    selector = parse_selector(raw.get("selector"), "/selector")
    return Document(
        name=raw["name"],
        kind=kind,
        precedence=int(raw.get("precedence", 0)),
        selector=selector,
        where=where,
        settings=_settings(kind, spec),
        modes=_modes(kind, spec),
        hold_back=_hold_back(spec) if kind is Kind.CAPACITY else None,
        rule=_rule(spec) if kind is Kind.PLACEMENT else None,
        budget=_budget(spec) if kind is Kind.DISRUPTION_BUDGET else None,
        description=raw.get("description", ""),
        reason=spec.get("reason", ""),
    )


def _settings(kind: Kind, spec: Mapping[str, Any]) -> tuple[SettingOf, ...]:
    return tuple(
        SettingOf(attribute, float(spec[key]) * factor, f"/spec/{key}")
        for key, (attribute, factor) in SETTINGS.get(kind, {}).items()
        if key in spec
    )


def _modes(kind: Kind, spec: Mapping[str, Any]) -> tuple[ModeOf, ...]:
    match kind:
        case Kind.EXCLUSION:
            return tuple(ModeOf(action, Mode.OFF, "/kind") for action in ActionKind)
        case Kind.OBSERVE_ONLY:
            return tuple(ModeOf(action, Mode.RECOMMEND, "/kind") for action in ActionKind)
        case Kind.AUTOMATION:
            single: Mapping[str, str] = spec.get("modes", {})
            said = []
            for action in ActionKind:
                if action.value in single:
                    mode = Mode[single[action.value].upper()]
                    said.append(ModeOf(action, mode, f"/spec/modes/{action}"))
                elif "mode" in spec:
                    said.append(ModeOf(action, Mode[spec["mode"].upper()], "/spec/mode"))
            return tuple(said)
    return ()


def _hold_back(spec: Mapping[str, Any]) -> HoldBack:
    reserve = spec.get("reservePct")
    hosts = spec.get("failoverHosts")
    return HoldBack(
        reserve=None if reserve is None else reserve * _PER_CENT,
        failover_hosts=None if hosts is None else int(hosts),
        exclude=spec.get("exclude", False),
    )


def _rule(spec: Mapping[str, Any]) -> PlacementRule:
    hosts = spec.get("hosts")
    return PlacementRule(
        kind=RULE_KINDS[spec["rule"]],
        hosts=None if hosts is None else parse_selector(hosts, "/spec/hosts"),
        mandatory=spec.get("mandatory", False),
    )


def _budget(spec: Mapping[str, Any]) -> Budget:
    return Budget(
        scope=BudgetScope(spec.get("per", "estate")),
        max_migrations=float(spec.get("maxMigrations", UNBOUNDED)),
        max_share=spec["maxPct"] * _PER_CENT if "maxPct" in spec else UNBOUNDED,
        window_s=spec["windowMinutes"] * _SECONDS_PER_MINUTE,
    )
