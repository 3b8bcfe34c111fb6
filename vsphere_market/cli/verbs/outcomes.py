"""What came of steps, as tables and JSON, and a line per step while they go on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Container
from typing import TYPE_CHECKING, Any

from vsphere_market.cli import words
from vsphere_market.cli.render import say
from vsphere_market.cli.report import Column, Table

if TYPE_CHECKING:
    from vsphere_market.executor import ExecutionResult, Progress
    from vsphere_market.port import Outcome


def outcome_style(kind: str) -> str:
    """Colour of an outcome."""
    if kind in ("done", "already-done", "would-do"):
        return "green"
    return "red" if kind in ("failed", "unknown", "refused") else "yellow"


OUTCOME_COLUMNS = (
    Column("step", "step"),
    Column("action", "action"),
    Column("outcome", "outcome", style=outcome_style),
    Column("attempts", "tries", right=True, minor=True),
    Column("sentence", "details", prose=True),
)


def outcome_table(result: ExecutionResult, title: str, chosen: Container[str]) -> Table:
    """The outcomes of the chosen steps of an execution."""
    rows = [
        (item.step, words.action_text(item.action), item.kind.value, item.attempts, item.sentence)
        for item in result.outcomes
        if item.step in chosen
    ]
    return Table(title, OUTCOME_COLUMNS, rows, empty="There was nothing to do.")


def outcome_json(item: Outcome) -> dict[str, Any]:
    """One outcome as JSON."""
    from vsphere_market.port.documents import change_to_json, entity_to_json

    return {
        "step": item.step,
        "kind": item.action.kind.value,
        "subject": entity_to_json(item.action.subject),
        **change_to_json(item.action),
        "outcome": item.kind.value,
        "cause": item.cause.value,
        "sentence": item.sentence,
        "attempts": item.attempts,
        "task": item.task,
        "fault": item.fault,
        "started_s": item.started_s,
        "ended_s": item.ended_s,
    }


def what_went_wrong(result: ExecutionResult) -> str:
    """What ended it early, or what the first step that did not succeed says."""
    if result.error is not None:
        return str(result.error)
    bad = [outcome for outcome in result.outcomes if not outcome.kind.good]
    tried = [outcome for outcome in bad if outcome.kind.value != "skipped"] or bad
    return (
        f"{words.counted(len(tried), 'step')} did not succeed; {tried[0].step}: {tried[0].sentence}"
    )


def watcher() -> Callable[[Progress], None] | None:
    """Tells on stderr how steps go: a line each, only where a person looks on."""
    if not sys.stderr.isatty():
        return None
    begun: set[str] = set()

    def watch(progress: Progress) -> None:
        action = words.action_text(progress.action)
        if progress.outcome is not None:
            kind = progress.outcome.kind.value
            if kind != "skipped":
                say(f"  {progress.step}: {kind}: {action}")
        elif progress.step not in begun:
            begun.add(progress.step)
            say(f"  {progress.step}: begun: {action}")

    return watch
