"""``plan``: decide, show it, write it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
from vsphere_market.cli.report import Format
from vsphere_market.errors import ExitCode


def _schema(wanted: bool) -> None:
    if wanted:
        import typer

        from vsphere_market.cli.render import write_json
        from vsphere_market.market.planschema import plan_schema

        write_json(plan_schema())
        raise typer.Exit


@with_options(
    source=source_options, policies=policy_options, journal=journal_options, how=format_options
)
def plan(
    source: SourceArgs,
    policies: tuple[Path, ...],
    journal: JournalPlace | None,
    how: Format,
    output: Annotated[
        Path | None,
        Option("--output", "-o", help="Plan file to write, for `apply`.", metavar="PLAN"),
    ] = None,
    everything: Annotated[bool, Option("--all", help="Fold no long lists.")] = False,
    detailed_exitcode: Annotated[
        bool, Option("--detailed-exitcode", help="End with 2 when changes are due.")
    ] = False,
    schema: Annotated[
        bool,
        Option(
            "--schema",
            help="Print the JSON Schema of plan files, and do nothing else.",
            callback=_schema,
            is_eager=True,
        ),
    ] = False,
) -> int:
    """Decide what to trade, and show it with reasons and a certificate. Changes nothing."""
    del schema
    from vsphere_market.cli.render import busy, say, show
    from vsphere_market.cli.verbs.planview import plan_report
    from vsphere_market.cli.verbs.shared import warn_of
    from vsphere_market.control.decide import policies_from, view
    from vsphere_market.control.planning import plan_once
    from vsphere_market.market.planfile import write_plan

    wanted = policies_from(policies)
    with source.open() as opened, busy(f"reading {opened.label}"):
        framed, made = plan_once(opened, wanted, journal)
    warn_of(framed)
    if output is not None:
        write_plan(output, made)
    show(plan_report(made, view(framed), everything=everything), how)
    if output is not None:
        say(f"wrote {output}; carry it out with: vsphere-market apply {output}")
    return ExitCode.CHANGES_DUE if detailed_exitcode and made.steps else ExitCode.OK
