"""``assess``: an offline report from an RVTools export, a snapshot or any other source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from vsphere_market.cli.options import (
    JournalPlace,
    SourceArgs,
    format_options,
    journal_options,
    policy_options,
    source_options,
    with_options,
)
from vsphere_market.cli.report import Column, Format, Report, Table, Text

if TYPE_CHECKING:
    from vsphere_market.assess import Assessment, Changes

_PAGE = Path("memory-assessment.html")


@with_options(
    source=source_options, policies=policy_options, journal=journal_options, how=format_options
)
def assess(
    source: SourceArgs,
    policies: tuple[Path, ...],
    journal: JournalPlace | None,
    how: Format,
    output: Annotated[
        Path,
        Option(
            "--output",
            "-o",
            help="The page to write; CSV and JSON files are written beside it.",
            metavar="FILE.html",
        ),
    ] = _PAGE,
    since: Annotated[
        Path | None,
        Option(help="An earlier RVTools export or snapshot to compare with.", metavar="FILE"),
    ] = None,
    anonymise: Annotated[
        bool,
        Option(
            "--anonymise",
            help="Write pseudonyms for names, addresses and ids, the same ones every time.",
        ),
    ] = False,
    key: Annotated[
        Path | None,
        Option(
            help="File with the secret that pseudonyms are made with; one is made and kept without "
            "it.",
            metavar="FILE",
        ),
    ] = None,
) -> None:
    """Write a report: where memory is pressed, why, what the market would do, what it buys."""
    from vsphere_market.cli.render import busy, say, show, warn
    from vsphere_market.cli.verbs.shared import warn_of
    from vsphere_market.control.assessing import assess_source, names_with
    from vsphere_market.control.decide import policies_from
    from vsphere_market.errors import UsageError
    from vsphere_market.report import document, write_report

    if key is not None and not anonymise:
        raise UsageError("makes no sense without --anonymise", where="--key")
    wanted = policies_from(policies)
    names = names_with(key) if anonymise else None
    with source.open() as opened, busy(f"assessing {opened.label}"):
        done = assess_source(opened, wanted, journal=journal, since=since, names=names)
    if names is None:
        warn_of(done.framed)
    else:
        for line in done.made.snapshot.missing:
            warn(line)
    files = write_report(output, done.made, done.changes)
    # The document is large, and only JSON shows it.
    whole = document(done.made, done.changes) if how is Format.JSON else {}
    show(report(done.made, done.changes, whole), how)
    beside = ", ".join(file.name for file in files[1:])
    say(f"wrote {files[0]} and beside it {beside}")


def report(made: Assessment, changes: Changes | None, whole: dict[str, Any]) -> Report:
    """The summary and the findings; JSON shows everything that is in the JSON file."""
    from vsphere_market.cli import words

    columns = (
        Column("level", "", style=_style),
        Column("finding", "finding"),
        Column("memory_mib", "memory", words.memory, right=True),
        Column("rows", "rows", right=True),
        Column("what", "what"),
        Column("cure", "cure"),
    )
    rows = [
        (found.level.value, found.title, found.memory_mib, len(found.rows), found.what, found.cure)
        for found in made.findings
    ]
    table = Table("Root causes", columns, rows, empty="Nothing was found.")
    parts: list[Table | Text] = [Text(line.text) for line in made.statements]
    if changes is not None:
        parts += [Text(line) for line in changes.summary]
    return Report(whole, [*parts, table], table)


def _style(level: str) -> str:
    return {"hurts": "red", "risk": "yellow", "room": "green"}.get(level, "")
