"""Policy documents as typed, frozen objects: what each one says, and where it is written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vsphere_market.estate import KEEP_APART, KEEP_TOGETHER, NOT_ON, RUN_ON
from vsphere_market.policy.rulebook import BudgetScope, Mode
from vsphere_market.policy.schedule import Timing, parse_timing
from vsphere_market.policy.schema import Kind
from vsphere_market.policy.selectors import Selector, parse_selector
from vsphere_market.port import GRAVE, ActionKind, Finding
from vsphere_market.units import MIB_PER_GIB

UNBOUNDED = float("inf")
_PER_CENT = 0.01
_SECONDS_PER_MINUTE = 60.0
_SECONDS_PER_DAY = 86_400.0

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
        "targetPct": ("size_target", _PER_CENT),
        "percentile": ("size_percentile", _PER_CENT),
        "windowDays": ("size_window_s", _SECONDS_PER_DAY),
        "rebootAllowed": ("reboot_allowed", 1.0),
    },
    Kind.AUTOMATION: {
        "cooldownMinutes": ("cooldown_s", _SECONDS_PER_MINUTE),
        "persistCycles": ("persist_cycles", 1.0),
    },
    Kind.BALLOONING: {
        "minCapPct": ("balloon_cap_min", _PER_CENT),
        "maxCapPct": ("balloon_cap_max", _PER_CENT),
    },
}

#: The same for hosts, beside what is held back. ``utilisation`` ends in the reserve.
HOST_SETTINGS: Mapping[str, tuple[str, float]] = {
    "maxUtilisationPct": ("utilisation", _PER_CENT),
    "maxOvercommitPct": ("host_overcommit", _PER_CENT),
    "suspend": ("host_may_suspend", 1.0),
    "provision": ("host_may_provision", 1.0),
}

#: Of ``direction``: never shrink, never grow.
DIRECTIONS: Mapping[str, tuple[bool, bool]] = {
    "both": (False, False),
    "up": (True, False),
    "down": (False, True),
}

AT_MOST = "at-most"
LICENCE_GROUP = "licence-group"
MERGE_CLUSTERS = "merge-clusters"

#: ``rule`` of placement documents -> kind of rule; the last three are policies' own.
RULE_KINDS: Mapping[str, str] = {
    "keep-together": KEEP_TOGETHER,
    "keep-apart": KEEP_APART,
    "run-on": RUN_ON,
    "not-on": NOT_ON,
    AT_MOST: AT_MOST,
    LICENCE_GROUP: LICENCE_GROUP,
    MERGE_CLUSTERS: MERGE_CLUSTERS,
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

    def at_most(self, mode: Mode, pointer: str) -> ModeOf:
        """The same, or less when ``pointer`` allows only ``mode``."""
        return self if self.mode <= mode else ModeOf(self.action, mode, pointer)


@dataclass(frozen=True, slots=True)
class HoldBack:
    """What hosts keep off the market.

    Attributes:
        reserve: share of each host's memory, 0 to 1; None when not decided here.
        failover_hosts: the same as a number of hosts that may fail; None when not decided here.
        exclude: the hosts are out of the market.
        numbers: the others, attribute of the rulebook or ``utilisation`` -> value; yes is 1.
    """

    reserve: float | None
    failover_hosts: int | None
    exclude: bool
    numbers: tuple[SettingOf, ...] = ()


@dataclass(frozen=True, slots=True)
class PlacementRule:
    """A rule on where VMs live.

    Attributes:
        kind: one of the snapshot's rule kinds, or of the policies' own.
        hosts: the hosts it is about, None for a rule among VMs.
        mandatory: must, not should; None when not said.
        per_host: bound of an ``at-most``; None when not said.
        max_hosts: bound of a ``licence-group``; None when not said.
    """

    kind: str
    hosts: Selector | None
    mandatory: bool | None
    per_host: int | None = None
    max_hosts: int | None = None

    @property
    def must(self) -> bool:
        """It is mandatory: said so, or a licence, which nobody breaks a little."""
        return self.kind == LICENCE_GROUP if self.mandatory is None else self.mandatory


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
        modes: the most that it allows each kind of action, within its schedule.
        timing: when its modes, or its permissions to stop and start, hold; None for always.
        outside: the most that it allows outside its schedule.
        outside_said: the document says so itself.
        power: ``may_stop`` and ``may_start``, as far as a power document decides them.
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
    timing: Timing | None = None
    outside: Mode = Mode.RECOMMEND
    outside_said: bool = False
    power: tuple[SettingOf, ...] = ()
    hold_back: HoldBack | None = None
    rule: PlacementRule | None = None
    budget: Budget | None = None
    description: str = ""
    reason: str = ""

    def place(self, pointer: str) -> str:
        """File and JSON pointer of something in the document."""
        return self.where + pointer

    def modes_at(self, at_s: float) -> tuple[ModeOf, ...]:
        """The most that it allows each kind of action at an instant (Unix time)."""
        timing = self.timing
        if timing is None:
            return self.modes
        modes = self.modes
        if not timing.is_open(at_s):
            pointer = "/spec/outside" if self.outside_said else "/spec/schedule"
            modes = tuple(said.at_most(self.outside, pointer) for said in modes)
        freeze = timing.frozen(at_s)
        if freeze is not None:
            pointer = f"/spec/freezes/{freeze}"
            said_of = {said.action: said for said in modes}
            unsaid = (ModeOf(action, Mode.AUTOMATIC, pointer) for action in ActionKind)
            modes = tuple(
                said_of.get(most.action, most).at_most(Mode.RECOMMEND, pointer) for most in unsaid
            )
        return modes

    def power_at(self, at_s: float) -> tuple[SettingOf, ...]:
        """Whether its VMs may be stopped and started at an instant (Unix time).

        The schedule is when they may rest. A document that lets them be stopped lets them be
        started outside its schedule: what sleeps at night wakes in the morning.
        """
        if self.timing is None:
            return self.power
        inside = self.timing.is_open(at_s)
        rests = any(item.attribute == "may_stop" and item.value for item in self.power)
        return tuple(
            item
            if inside != (rests and item.attribute == "may_start")
            else SettingOf(item.attribute, 0.0, "/spec/schedule")
            for item in self.power
        )


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
        timing=parse_timing(spec) if kind in (Kind.AUTOMATION, Kind.POWER) else None,
        outside=Mode[spec.get("outside", "recommend").upper()],
        outside_said="outside" in spec,
        power=_power(spec) if kind is Kind.POWER else (),
        hold_back=_hold_back(spec) if kind is Kind.CAPACITY else None,
        rule=_rule(spec) if kind is Kind.PLACEMENT else None,
        budget=_budget(spec) if kind is Kind.DISRUPTION_BUDGET else None,
        description=raw.get("description", ""),
        reason=spec.get("reason", ""),
    )


def _settings(kind: Kind, spec: Mapping[str, Any]) -> tuple[SettingOf, ...]:
    said = [
        SettingOf(attribute, float(spec[key]) * factor, f"/spec/{key}")
        for key, (attribute, factor) in SETTINGS.get(kind, {}).items()
        if key in spec
    ]
    if kind is Kind.SIZING and "direction" in spec:
        shrink, grow = DIRECTIONS[spec["direction"]]
        said.append(SettingOf("never_shrink", float(shrink), "/spec/direction"))
        said.append(SettingOf("never_grow", float(grow), "/spec/direction"))
    band: Mapping[str, float] = spec.get("utilisationPct", {}) if kind is Kind.TIER else {}
    for key, attribute in (("min", "usage_low"), ("max", "usage_high")):
        if key in band:
            said.append(SettingOf(attribute, band[key] * _PER_CENT, f"/spec/utilisationPct/{key}"))
    return tuple(said)


def _power(spec: Mapping[str, Any]) -> tuple[SettingOf, ...]:
    return tuple(
        SettingOf(f"may_{key}", float(spec[key]), f"/spec/{key}")
        for key in ("stop", "start")
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
                    mode = Mode[spec["mode"].upper()]
                    # What is grave is named by who wants it done; forbidding it needs no naming.
                    if action not in GRAVE or mode <= Mode.RECOMMEND:
                        said.append(ModeOf(action, mode, "/spec/mode"))
            return tuple(said)
    return ()


def _hold_back(spec: Mapping[str, Any]) -> HoldBack:
    reserve = spec.get("reservePct")
    hosts = spec.get("failoverHosts")
    return HoldBack(
        reserve=None if reserve is None else reserve * _PER_CENT,
        failover_hosts=None if hosts is None else int(hosts),
        exclude=spec.get("exclude", False),
        numbers=tuple(
            SettingOf(attribute, float(spec[key]) * factor, f"/spec/{key}")
            for key, (attribute, factor) in HOST_SETTINGS.items()
            if key in spec
        ),
    )


def _rule(spec: Mapping[str, Any]) -> PlacementRule:
    hosts = spec.get("hosts")
    return PlacementRule(
        kind=RULE_KINDS[spec["rule"]],
        hosts=None if hosts is None else parse_selector(hosts, "/spec/hosts"),
        mandatory=spec.get("mandatory"),
        per_host=spec.get("perHost"),
        max_hosts=spec.get("maxHosts"),
    )


def _budget(spec: Mapping[str, Any]) -> Budget:
    return Budget(
        scope=BudgetScope(spec.get("per", "estate")),
        max_migrations=float(spec.get("maxMigrations", UNBOUNDED)),
        max_share=spec["maxPct"] * _PER_CENT if "maxPct" in spec else UNBOUNDED,
        window_s=spec["windowMinutes"] * _SECONDS_PER_MINUTE,
    )
