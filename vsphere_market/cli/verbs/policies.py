"""``policies``: check policy documents, see what they come to, publish their schemas."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from vsphere_market.cli.options import (
    SourceArgs,
    format_options,
    policy_options,
    source_options,
    with_options,
)
from vsphere_market.cli.report import Format, Report, Table
from vsphere_market.errors import ExitCode, UsageError

policies = typer.Typer(
    help="Policies as code: check them, see what they come to, publish their schemas.",
    rich_markup_mode=None,
    no_args_is_help=True,
)


@policies.command("validate")
@with_options(source=source_options, how=format_options)
def validate(
    paths: Annotated[list[Path], Argument(help="Policy files and folders.", metavar="PATH…")],
    source: SourceArgs,
    how: Format,
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
