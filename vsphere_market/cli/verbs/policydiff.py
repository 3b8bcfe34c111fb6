"""``policies diff`` as a report."""

from __future__ import annotations

from typing import Any

from vsphere_market.cli.report import Column, Report, Table
from vsphere_market.cli.words import action_ends, counted
from vsphere_market.control.policy_diff import PolicyDiff, StepChange
from vsphere_market.market import Step
from vsphere_market.port import SetMemory

#: So many names of VMs are shown with a setting; all of them are in JSON.
_NAMES = 3
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}
_STYLES = {"+": "green", "-": "red", "~": "yellow"}


def diff_report(found: PolicyDiff) -> Report:
    """Settings that hold differently, and steps that only one of the plans has."""
    sign = Column("change", "", style=lambda value: _STYLES.get(value, ""))
    steps = Table(
        f"Plan: {counted(len(found.old.steps), 'step')} before, "
        f"{counted(len(found.new.steps), 'step')} after",
        (
            sign,
            Column("kind", "action"),
            Column("vm", "VM"),
            Column("before", "before"),
            Column("after", "after"),
            Column("reason", "reason", prose=True),
        ),
        [_step_row(change) for change in found.steps],
        empty="The plan stays as it is.",
    )
    settings = Table(
        f"Settings: {counted(len(found.settings), 'change')}",
        (
            Column("setting", "setting"),
            Column("before", "before"),
            Column("after", "after"),
            Column("count", "of", right=True),
            Column("names", "such as"),
            Column("source", "decided by"),
        ),
        [
            (
                change.setting,
                change.before,
                change.after,
                len(change.names),
                ", ".join(change.names[:_NAMES]),
                change.source or "default",
            )
            for change in found.settings
        ],
        empty="Every setting stays as it is.",
    )
    document = {
        "same": found.same,
        "settings": [
            {
                "setting": change.setting,
                "before": change.before,
                "after": change.after,
                "names": list(change.names),
                "source": change.source,
            }
            for change in found.settings
        ],
        "steps": [
            {
                "change": change.change,
                "kind": _either(change).action.kind.value,
                "vm": _either(change).action.subject.name,
                "before": _form(change.before),
                "after": _form(change.after),
            }
            for change in found.steps
        ],
        "potential": {
            "before": found.old.certificate.potential_after,
            "after": found.new.certificate.potential_after,
        },
    }
    return Report(document, [settings, steps], steps)


def _step_row(change: StepChange) -> tuple[str, str, str, str, str, str]:
    either = _either(change)
    return (
        _SIGNS[change.change],
        either.action.kind.value,
        either.action.subject.name,
        _words(change.before),
        _words(change.after),
        either.reason,
    )


def _either(change: StepChange) -> Step:
    step = change.after or change.before
    assert step is not None
    return step


def _words(step: Step | None) -> str:
    if step is None:
        return "–"
    form = _form(step)
    assert form is not None
    end = form["to"] if form["to"] is not None else "none"
    return f"{end} ({form['mode']})"


def _form(step: Step | None) -> dict[str, Any] | None:
    if step is None:
        return None
    action, mode = step.action, step.mode.name.lower()
    if isinstance(action, SetMemory):
        return {"from": action.from_mib, "to": action.to_mib, "unit": "MiB", "mode": mode}
    before, after = action_ends(action)
    return {"from": before, "to": after, "mode": mode}
