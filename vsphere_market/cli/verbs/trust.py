"""``trust``: how far each kind of action has come, and whether its next stage is earned."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from vsphere_market.cli import words
from vsphere_market.cli.options import (
    JournalPlace,
    format_options,
    journal_options,
    with_options,
)
from vsphere_market.cli.report import Column, Format, Report, Table
from vsphere_market.errors import ExitCode

if TYPE_CHECKING:
    from vsphere_market.control.trust import Score, Thresholds


@with_options(journal=journal_options, how=format_options)
def trust(
    journal: JournalPlace | None,
    how: Format,
    thresholds: Annotated[
        Path | None,
        Option(
            help="JSON file with the thresholds that differ from the usual ones.", metavar="FILE"
        ),
    ] = None,
    as_of: Annotated[
        str, Option("--as-of", help="As it was then: 2h, or 2026-11-23T08:00.", metavar="TIME")
    ] = "",
    on: Annotated[
        str, Option("--on", help="Only on this vCenter, by name.", metavar="VCENTER")
    ] = "",
) -> int:
    """Print the scorecard: shadow, recommend, approve, automatic, for each kind of action.

    It never changes a mode. What is earned becomes true when a person writes it into a policy.
    """
    import time

    from vsphere_market.cli.render import say, show
    from vsphere_market.control.history import past_scores
    from vsphere_market.control.trust import Thresholds, read_thresholds

    asked = read_thresholds(thresholds) if thresholds else Thresholds()
    now_s = time.time()
    then_s = words.instant(as_of, "--as-of", now_s) if as_of else now_s
    scores = past_scores(then_s, asked, journal, on=on)
    if scores is None:
        say("there is no journal yet: `run`, `apply` or `plan` begin one")
    show(report(scores or (), asked), how)
    return ExitCode.OK


def _style(verdict: str) -> str:
    return "green" if verdict == "yes" else "yellow"


_COLUMNS = (
    Column("kind", "kind"),
    Column("stage", "stage"),
    Column("decisions", "decided", right=True, minor=True),
    Column("done", "done", right=True),
    Column("failed", "failed", right=True),
    Column("unknown", "unknown", right=True, minor=True),
    Column("load_within_pct", "in band", right=True, minor=True),
    Column("next", "next stage"),
    Column("earned", "earned", style=_style),
    Column("sentence", "why", prose=True),
)


def report(scores: Sequence[Score], asked: Thresholds) -> Report:
    """A scorecard as a report."""
    from vsphere_market.control.trust import thresholds_json

    keys = [column.key for column in _COLUMNS]
    rows = [
        [
            score.kind,
            score.stage.word,
            score.decisions,
            score.done,
            score.failed,
            score.unknown,
            score.calibration.load_within_pct if score.calibration else float("nan"),
            score.next.word,
            "yes" if score.earned else "no",
            score.sentence,
        ]
        for score in scores
    ]
    document = {
        "thresholds": thresholds_json(asked),
        "scores": [
            dict(zip(keys, row, strict=True))
            | {
                "earned": score.earned,
                "proofs": [
                    {
                        "what": proof.what,
                        "have": proof.have,
                        "want": proof.want,
                        "is": "at most" if proof.most else "at least",
                        "given": proof.given,
                    }
                    for proof in score.proofs
                ],
            }
            for row, score in zip(rows, scores, strict=True)
        ],
    }
    known = [row for row, score in zip(rows, scores, strict=True) if score.seen]
    rest = [score.kind for score in scores if not score.seen]
    note = f"Of the last {asked.days:g} days."
    if rest:
        note += f" Never decided by a loop: {', '.join(rest)}."
    table = Table("Scorecard", _COLUMNS, known, empty=f"Nothing was decided. {note}", note=note)
    return Report(document, [table], table)
