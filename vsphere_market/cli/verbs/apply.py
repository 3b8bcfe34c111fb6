"""``apply``: hold a plan against the estate, ask, and carry it out."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from vsphere_market.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from vsphere_market.cli.report import Report
    from vsphere_market.control.apply import Review
    from vsphere_market.executor import ExecutionResult


@with_options(
    source=source_options, policies=policy_options, journal=journal_options, how=format_options
)
def apply(  # noqa: PLR0913, PLR0917 - one parameter per option
    plan: Annotated[Path, Argument(help="The plan file.", metavar="PLAN")],
    source: SourceArgs,
    policies: tuple[Path, ...],
    journal: JournalPlace | None,
    how: Format,
    yes: Annotated[bool, Option("--yes", "-y", help="Ask nothing.")] = False,
    dry_run: Annotated[
        bool, Option("--dry-run", help="Ask vCenter everything, and submit nothing.")
    ] = False,
    step: Annotated[
        list[str] | None,
        Option(help="Only this step; may be given several times.", metavar="ID"),
    ] = None,
    wait: Annotated[
        str,
        Option(help="Wait so long for a loop to end its turn: 30s, 5m.", metavar="SPAN"),
    ] = "",
    showing: Annotated[
        bool,
        Option(
            "--show-in-vcenter",
            help="Show plans as tasks and steps as events in vCenter; docs/safety.md has what it "
            "takes.",
            envvar="VSPHERE_MARKET_SHOW_IN_VCENTER",
        ),
    ] = False,
) -> int:
    """Carry out a plan: revalidate it, ask, then do it step by step.

    Steps that policy only recommends are left out. With --policies, schedules and freezes are
    judged again now; without them, what the plan recorded holds.
    """
    from vsphere_market.cli.render import busy, is_terminal, say, show
    from vsphere_market.cli.verbs.outcomes import watcher, what_went_wrong
    from vsphere_market.cli.verbs.shared import origin, stop_on_signals, who
    from vsphere_market.cli.words import seconds
    from vsphere_market.control.apply import apply as carry_out
    from vsphere_market.control.apply import load_plan, review
    from vsphere_market.control.cycle import Road
    from vsphere_market.control.decide import policies_from
    from vsphere_market.control.journals import working_journal
    from vsphere_market.control.stop import StopSwitch, stop_file

    wanted = load_plan(plan)
    known = policies_from(policies)
    if not (yes or dry_run or is_terminal()):
        raise UsageError(
            "nobody is here to say yes", where="apply", cure="give --yes, or look with --dry-run"
        )
    with ExitStack() as stack:
        opened = stack.enter_context(source.open())
        kept = stack.enter_context(working_journal(opened, journal))
        switch = StopSwitch(kept, stop_file())
        road = Road(
            opened.port, kept, known, who=who(), origin=origin(), switch=switch, show=showing
        )
        with busy(f"reading {opened.label}"):
            holding = review(
                road,
                wanted,
                only=step or (),
                dry_run=dry_run,
                wait_s=seconds(wait, "--wait") if wait else 0.0,
                waiting=lambda holder: say(f"waiting for {holder.sentence}"),
            )
            reviewed = stack.enter_context(holding)
        _tell(reviewed, opened.label)
        if not reviewed.chosen:
            say("nothing to do")
            return ExitCode.OK
        if not (yes or dry_run) and not _agreed(reviewed, opened.label):
            say("nothing was done")
            return ExitCode.OK
        cancel = stack.enter_context(stop_on_signals())
        result = carry_out(road, reviewed, dry_run=dry_run, cancel=cancel, watch=watcher())
    show(_report(result, reviewed), how)
    if result.exit_code:
        say(f"error: {what_went_wrong(result)}")
    return result.exit_code


def _tell(reviewed: Review, label: str) -> None:
    """Say on stderr what is about to be done, and what is not."""
    from vsphere_market.cli.render import say
    from vsphere_market.cli.words import action_text, counted

    for settled in reviewed.settled:
        for outcome in settled.outcomes:
            say(f"left open by an earlier run: {action_text(outcome.action)}: {outcome.kind.value}")
    if reviewed.left_out:
        say(f"{counted(len(reviewed.left_out), 'step')} of the plan will be left out")
    if reviewed.chosen:
        say(f"{counted(len(reviewed.chosen), 'step')} on {label}:")
        for step in reviewed.chosen:
            say(f"  {step.id}: {action_text(step.action)}")


def _agreed(reviewed: Review, label: str) -> bool:
    """Ask the person at the terminal."""
    import sys

    from vsphere_market.cli.words import counted

    question = f"Do {counted(len(reviewed.chosen), 'step')} on {label}? [y/N] "
    # input() would write the question to stdout, which is for data.
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip().casefold() in ("y", "yes")


def _report(result: ExecutionResult, reviewed: Review) -> Report:
    from vsphere_market.cli.report import Report
    from vsphere_market.cli.verbs.outcomes import outcome_json, outcome_table
    from vsphere_market.cli.words import counted

    good = sum(1 for outcome in result.outcomes if outcome.kind.good)
    word = "would be done" if result.dry_run else "done"
    title = f"{good} of {counted(len(reviewed.chosen), 'step')} {word}"
    table = outcome_table(result, title, {step.id for step in reviewed.chosen})
    document = {
        "execution": result.execution,
        "dry_run": result.dry_run,
        "steps_done": good,
        "succeeded": result.succeeded,
        "error": str(result.error) if result.error else None,
        "outcomes": [outcome_json(outcome) for outcome in result.outcomes],
    }
    return Report(document, [table], table)
