"""``policies``: check policy documents, test them, see what they come to and would change."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
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
from vsphere_market.cli.report import Format, Report, Table
from vsphere_market.errors import ExitCode, UsageError

policies = typer.Typer(
    help="Policies as code: check them, test them, see what they come to and would change.",
    rich_markup_mode=None,
    no_args_is_help=True,
)


_JUNIT = Option("--junit", help="Write the results as JUnit XML as well.", metavar="FILE")


@policies.command("validate")
@with_options(source=source_options, how=format_options)
def validate(
    paths: Annotated[list[Path], Argument(help="Policy files and folders.", metavar="PATH…")],
    source: SourceArgs,
    how: Format,
    junit: Annotated[Path | None, _JUNIT] = None,
) -> int:
    """Check policies; with a source also against that estate.

    Ends with 64 when they cannot be used.
    """
    from vsphere_market.cli import words
    from vsphere_market.cli.render import show
    from vsphere_market.control.policing import validated

    with_estate = bool(source.vcenter or source.snapshot or source.plant)
    checked = validated(paths, source.open if with_estate else None)
    title = f"{words.counted(checked.documents, 'document')}: " + (
        "cannot be used" if checked.wrong else "good"
    )
    table = Table(
        title,
        words.FINDING_COLUMNS,
        words.finding_rows(checked.findings),
        empty="Nothing is wrong with them.",
    )
    document = {
        "documents": checked.documents,
        "valid": not checked.wrong,
        "findings": [
            {
                "severity": item.severity.value,
                "code": item.code,
                "where": item.subject,
                "what": item.what,
                "cure": item.cure,
            }
            for item in checked.findings
        ],
    }
    show(Report(document, [table], table), how)
    if junit is not None:
        from vsphere_market.cli.junit import JunitCase, write_junit
        from vsphere_market.policy import finding_text

        wrong = [finding_text(item) for item in checked.findings if item.severity.value == "error"]
        name = " ".join(map(str, paths))
        write_junit(junit, "policies validate", [JunitCase("policies validate", name, wrong)])
    return ExitCode.USAGE if checked.wrong else ExitCode.OK


@policies.command("explain")
@with_options(source=source_options, wanted=policy_options, how=format_options)
def explain(
    subject: Annotated[str, Argument(help="A VM or host, by name or id.", metavar="VM|HOST")],
    source: SourceArgs,
    wanted: tuple[Path, ...],
    how: Format,
) -> None:
    """Show every setting that holds for a VM or host, and which document decided it."""
    from vsphere_market.cli import words
    from vsphere_market.cli.render import show
    from vsphere_market.cli.verbs.explainview import plain_json
    from vsphere_market.control.policing import settings_of

    with source.open() as opened:
        name, settings = settings_of(opened, subject, wanted)
    table = Table(f"Policy of {name}", words.SETTING_COLUMNS, words.setting_rows(settings))
    document = {"subject": name, "settings": plain_json(list(settings))}
    show(Report(document, [table], table), how)


@policies.command("test")
@with_options(how=format_options)
def test(
    paths: Annotated[
        list[Path],
        Argument(help="Files *.test.json, and folders with such files.", metavar="PATH…"),
    ],
    how: Format,
    junit: Annotated[Path | None, _JUNIT] = None,
) -> int:
    """Run tests of policies: given an estate, are settings and actions what they should be?

    Ends with 1 when one fails, and with 64 when a file is none.
    """
    from vsphere_market.cli import words
    from vsphere_market.cli.junit import JunitCase, write_junit
    from vsphere_market.cli.render import show
    from vsphere_market.cli.report import Column
    from vsphere_market.control.policy_tests import run_tests

    results = run_tests(paths)
    failed = [result for result in results if not result.passed]
    title = f"{words.counted(len(results), 'case')}: " + (
        f"{words.counted(len(failed), 'failure')}" if failed else "all passed"
    )
    table = Table(
        title,
        (
            Column("result", "result", style=lambda value: "red" if value == "failed" else ""),
            Column("file", "file"),
            Column("case", "case"),
            Column("failures", "what is wrong", prose=True),
        ),
        [
            (
                "passed" if result.passed else "failed",
                result.file,
                result.case,
                "; ".join(result.failures),
            )
            for result in results
        ],
    )
    document = {
        "passed": len(results) - len(failed),
        "failed": len(failed),
        "cases": [
            {
                "file": result.file,
                "case": result.case,
                "passed": result.passed,
                "failures": list(result.failures),
                "seconds": round(result.seconds, 4),
            }
            for result in results
        ],
    }
    show(Report(document, [table], table), how)
    if junit is not None:
        cases = [JunitCase(r.file, r.case, r.failures, r.seconds) for r in results]
        write_junit(junit, "policies test", cases)
    return ExitCode.FAILED if failed else ExitCode.OK


@policies.command("diff")
@with_options(source=source_options, journal=journal_options, how=format_options)
def diff(
    old: Annotated[Path, Argument(help="Policy file or folder as it is.", metavar="OLD")],
    new: Annotated[Path, Argument(help="The same as it would be.", metavar="NEW")],
    source: SourceArgs,
    journal: JournalPlace | None,
    how: Format,
    detailed_exitcode: Annotated[
        bool, Option("--detailed-exitcode", help="End with 2 when something would change.")
    ] = False,
) -> int:
    """Show what changed policies would change: settings, and the plan. Changes nothing."""
    from vsphere_market.cli.render import busy, show, warn
    from vsphere_market.cli.verbs.policydiff import diff_report
    from vsphere_market.control.journals import known_journal
    from vsphere_market.control.policy_diff import policy_diff
    from vsphere_market.policy import finding_text, load_policies

    before, after = load_policies([old]), load_policies([new])
    with (
        source.open() as opened,
        known_journal(opened, journal) as known,
        busy(f"reading {opened.label}"),
    ):
        found = policy_diff(opened, before, after, known)
    for finding in found.findings:
        warn(finding_text(finding))
    show(diff_report(found), how)
    return ExitCode.CHANGES_DUE if detailed_exitcode and not found.same else ExitCode.OK


@policies.command("schema")
@with_options()
def schema(
    kind: Annotated[
        str, Argument(help="A kind of document; policy is any of them.", metavar="KIND")
    ] = "policy",
    output: Annotated[
        Path | None,
        Option("--output", "-o", help="Folder to write all schemas into.", metavar="FOLDER"),
    ] = None,
) -> None:
    """Print the JSON Schema of policy documents, or write them all into a folder."""
    from vsphere_market.cli.render import say, write_json
    from vsphere_market.cli.words import counted
    from vsphere_market.policy import schema_documents, write_schemas

    if output is not None:
        written = write_schemas(output)
        say(f"wrote {counted(len(written), 'schema')} into {output}")
        return
    known = schema_documents()
    name = f"{kind}.schema.json"
    if name not in known:
        kinds = ", ".join(sorted(file.removesuffix(".schema.json") for file in known))
        raise UsageError("is no kind of policy", where=kind, cure=f"kinds: {kinds}")
    write_json(known[name])
