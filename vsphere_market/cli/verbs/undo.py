"""``undo``: a plan that takes an execution back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

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


@with_options(
    source=source_options, policies=policy_options, journal=journal_options, how=format_options
)
def undo(
    source: SourceArgs,
    policies: tuple[Path, ...],
    journal: JournalPlace | None,
    how: Format,
    execution: Annotated[
        int, Argument(help="Number of the execution, as `history` shows it.", metavar="EXECUTION")
    ],
    output: Annotated[
        Path | None,
        Option("--output", "-o", help="Plan file to write, for `apply`.", metavar="PLAN"),
    ] = None,
) -> int:
    """Plan to take back what an execution did, the last deed first. Changes nothing by itself."""
    from vsphere_market.cli.render import busy, say, show
    from vsphere_market.cli.verbs.planview import plan_report
    from vsphere_market.cli.verbs.shared import warn_of
    from vsphere_market.control.decide import policies_from, view
    from vsphere_market.control.undoing import undo_plan
    from vsphere_market.market.planfile import write_plan

    wanted = policies_from(policies)
    with source.open() as opened, busy(f"reading {opened.label}"):
        framed, made = undo_plan(opened, wanted, execution, journal)
    warn_of(framed)
    if output is not None:
        write_plan(output, made)
    show(plan_report(made, view(framed), everything=True), how)
    if output is not None:
        say(f"wrote {output}; carry it out with: vsphere-market apply {output}")
    return ExitCode.OK
