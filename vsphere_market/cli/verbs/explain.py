"""``explain``: what is behind a VM, a host, an application or a step."""

from __future__ import annotations

import re
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
from vsphere_market.cli.report import Format, Report
from vsphere_market.errors import UsageError

if TYPE_CHECKING:
    from vsphere_market.control.explanations import StepExplanation


@with_options(
    source=source_options, policies=policy_options, journal=journal_options, how=format_options
)
def explain(
    subject: Annotated[
        str,
        Argument(
            help="A VM or host, by name or managed object id, an application by its tag, vApp or "
            "folder, or a step such as s3.",
            metavar="VM|HOST|APP|STEP",
        ),
    ],
    source: SourceArgs,
    policies: tuple[Path, ...],
    journal: JournalPlace | None,
    how: Format,
    plan: Annotated[
        Path | None,
        Option(
            "--plan",
            help="For a step: the plan file it is in; else the newest plan of the journal.",
            metavar="PLAN",
        ),
    ] = None,
) -> None:
    """Show why: demand, root cause, quotes of all hosts, offers, policy and past actions."""
    from vsphere_market.cli.render import busy, show
    from vsphere_market.cli.verbs import explainview
    from vsphere_market.cli.verbs.appview import application_report
    from vsphere_market.cli.verbs.shared import warn_of
    from vsphere_market.control import explain as explaining
    from vsphere_market.control.applications import explain_application, names_an_application
    from vsphere_market.control.decide import frame, policies_from
    from vsphere_market.control.journals import known_journal
    from vsphere_market.control.names import Thing, find, is_named

    if plan is not None or re.fullmatch(r"s[0-9]+", subject):
        show(explainview.step_report(_step(subject, plan, journal)), how)
        return
    wanted = policies_from(policies)
    with source.open() as opened, known_journal(opened, journal) as known:
        with busy(f"reading {opened.label}"):
            taken = opened.observe()
        framed = frame(taken, wanted, now_s=opened.clock.now_s(), journal=known)
        report: Report
        if not is_named(taken, subject) and names_an_application(taken, subject):
            warn_of(framed)
            show(application_report(explain_application(framed, subject), framed.snapshot), how)
            return
        found = find(taken, subject)
        if found.thing is Thing.VM:
            vm = explaining.explain_vm_row(framed, found.row, known)
            report = explainview.vm_report(vm)
        else:
            host = explaining.explain_host_row(framed, found.row, known)
            report = explainview.host_report(host)
    warn_of(framed)
    show(report, how)


def _step(subject: str, plan: Path | None, journal: JournalPlace | None) -> StepExplanation:
    """A step of a plan file, or of the journal's newest plan."""
    from vsphere_market.control.explain import explain_step, last_plan
    from vsphere_market.control.journals import named_journal
    from vsphere_market.market.planfile import read_plan

    with named_journal(journal) as known:
        if plan is None and known is None:
            raise UsageError(
                "no plan is known", where=subject, cure="name the plan file with --plan"
            )
        made = read_plan(plan) if plan is not None else last_plan(known)
        return explain_step(made, subject, known)
