"""What changed policies would change: effective settings, and the plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from vsphere_market.control.decide import Frame, decide, frame
from vsphere_market.control.sources import OpenSource
from vsphere_market.journal import Journal
from vsphere_market.market import Plan, Step
from vsphere_market.policy import PolicySet
from vsphere_market.policy.effective import HOST_KEYS, VM_KEYS, host_setting, vm_setting
from vsphere_market.port import Finding
from vsphere_market.port.documents import change_to_json


@dataclass(frozen=True, slots=True)
class SettingChange:
    """A setting that holds differently for some VMs or hosts.

    Attributes:
        setting: its key in documents, or a kind of action for its mode.
        before: value under the old policies; None where nothing is said.
        after: value under the new ones.
        names: of the VMs or hosts.
        source: what decides it now, "" for the default.
    """

    setting: str
    before: Any
    after: Any
    names: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True)
class StepChange:
    """A step that only one of the plans holds, or that both hold with different modes or amounts.

    Attributes:
        change: ``added``, ``removed`` or ``changed``.
        before: the step of the old plan, if any.
        after: the step of the new plan, if any.
    """

    change: str
    before: Step | None
    after: Step | None


@dataclass(frozen=True, slots=True)
class PolicyDiff:
    """Two sets of policies over one estate.

    Attributes:
        settings: what holds differently.
        steps: what would be done differently.
        old: plan under the old policies.
        new: plan under the new ones.
        findings: what is doubtful about the new ones.
    """

    settings: tuple[SettingChange, ...]
    steps: tuple[StepChange, ...]
    old: Plan
    new: Plan
    findings: tuple[Finding, ...]

    @property
    def same(self) -> bool:
        """Nothing would be different."""
        return not self.settings and not self.steps


def policy_diff(
    source: OpenSource, old: PolicySet, new: PolicySet, journal: Journal | None = None
) -> PolicyDiff:
    """Plan twice over one look at an estate. Writes nothing.

    Raises:
        PolicyProblems: one of the sets contradicts itself or the estate.
        MarketError: the source cannot be read.
    """
    snapshot = source.observe()
    now_s = source.clock.now_s()
    before = frame(snapshot, old, now_s=now_s, journal=journal)
    after = frame(snapshot, new, now_s=now_s, journal=journal)
    plans = decide(before), decide(after)
    return PolicyDiff(
        settings=tuple(_settings(before, after)),
        steps=tuple(_steps(*plans)),
        old=plans[0],
        new=plans[1],
        findings=after.findings,
    )


def _settings(before: Frame, after: Frame) -> Iterator[SettingChange]:
    tables = (
        (VM_KEYS, vm_setting, before.snapshot.vms.name),
        (HOST_KEYS, host_setting, before.snapshot.hosts.name),
    )
    for keys, setting, names in tables:
        for key in keys:
            groups: dict[tuple[Any, Any, str], list[str]] = {}
            for row, name in enumerate(names):
                old, new = setting(before.rulebook, row, key), setting(after.rulebook, row, key)
                if old.value != new.value:
                    groups.setdefault((old.value, new.value, new.source), []).append(name)
            for (was, is_, source), members in groups.items():
                yield SettingChange(key, was, is_, tuple(members), source)


def _steps(old: Plan, new: Plan) -> Iterator[StepChange]:
    was, is_ = _by_subject(old), _by_subject(new)
    for subject in [*was, *(key for key in is_ if key not in was)]:
        before, after = was.get(subject), is_.get(subject)
        if before is None or after is None:
            yield StepChange("removed" if after is None else "added", before, after)
        elif (_end(before), before.mode) != (_end(after), after.mode):
            yield StepChange("changed", before, after)


def _by_subject(plan: Plan) -> Mapping[tuple[str, str], Step]:
    """A plan does each kind of thing to a VM once."""
    return {(step.action.subject.moid, step.action.kind.value): step for step in plan.steps}


def _end(step: Step) -> Any:
    action = step.action
    return change_to_json(action)
