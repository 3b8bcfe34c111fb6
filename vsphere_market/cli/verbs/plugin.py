"""``plugin``: the market inside the vSphere Client."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from vsphere_market.cli.options import SourceArgs, format_options, source_options, with_options
from vsphere_market.cli.report import Column, Format, Report, Table, Text
from vsphere_market.errors import ExitCode

if TYPE_CHECKING:
    from vsphere_market.adapter.extension import ExtensionEntry

plugin = typer.Typer(
    help="The market inside the vSphere Client: register the plugin, look at it, take it out.",
    rich_markup_mode=None,
    no_args_is_help=True,
)

_KEY = Option("--key", help="The extension's key in vCenter.", metavar="KEY")
_DRY = Option("--dry-run", "--what-if", help="Look at everything, write nothing.")
_DEFAULT_KEY = "io.github.vsphere-market"


@plugin.command("register")
@with_options(source=source_options, how=format_options)
def register(  # noqa: PLR0913, PLR0917 - one parameter per option
    url: Annotated[
        str, Argument(help="The service's address, as vCenter reaches it.", metavar="URL")
    ],
    source: SourceArgs,
    how: Format,
    fingerprint: Annotated[
        str,
        Option(
            help="SHA-256 of the certificate that the service shows; `serve` prints it.",
            metavar="SHA256",
        ),
    ] = "",
    certificate: Annotated[
        Path | None,
        Option(help="That certificate as a PEM file, instead.", metavar="FILE"),
    ] = None,
    plugin_version: Annotated[
        str,
        Option(
            "--plugin-version",
            help="vCenter loads the pages anew when it changes. By default this program's.",
            metavar="VERSION",
        ),
    ] = "",
    mail: Annotated[
        str, Option(help="Whom to write to about the service.", metavar="ADDRESS")
    ] = "",
    key: Annotated[str, _KEY] = _DEFAULT_KEY,
    dry_run: Annotated[bool, _DRY] = False,
) -> None:
    """Register the plugin in a vCenter, or bring its entry up to date.

    The account needs Extension.Register and Extension.Update. Nothing is installed on the vCenter.
    """
    from vsphere_market.cli.render import show
    from vsphere_market.control.plugins import VERSION, Wanted
    from vsphere_market.control.plugins import register as write

    wanted = Wanted(url, key, plugin_version or VERSION, fingerprint, certificate, mail)
    made = write(
        source.options(), wanted, dry_run=dry_run, environ=os.environ, prompt=source.prompt()
    )
    verb = f"would be {made.done}" if dry_run and made.done != "unchanged" else str(made.done)
    sentence = f"The plugin is {verb} at {made.vcenter}."
    if made.done in ("registered", "updated") and not dry_run:
        sentence += " Reload the vSphere Client in a few minutes to see it."
    table = _entry_table(made.entry)
    document = {
        "done": made.done.value,
        "dry_run": dry_run,
        "vcenter": made.vcenter,
        "extension": _entry_document(made.entry),
    }
    show(Report(document, [Text(sentence), table], table), how)


@plugin.command("unregister")
@with_options(source=source_options, how=format_options)
def unregister(
    source: SourceArgs,
    how: Format,
    key: Annotated[str, _KEY] = _DEFAULT_KEY,
    dry_run: Annotated[bool, _DRY] = False,
) -> None:
    """Take the plugin out of a vCenter. Saying so twice is no error."""
    from vsphere_market.cli.render import show
    from vsphere_market.control.plugins import unregister as remove

    done, vcenter = remove(
        source.options(), key, dry_run=dry_run, environ=os.environ, prompt=source.prompt()
    )
    verb = f"would be {done}" if dry_run and done == "removed" else str(done)
    document = {"done": done.value, "dry_run": dry_run, "vcenter": vcenter, "key": key}
    show(Report(document, [Text(f"The plugin is {verb} at {vcenter}.")]), how)


@plugin.command("status")
@with_options(source=source_options, how=format_options)
def status(source: SourceArgs, how: Format, key: Annotated[str, _KEY] = _DEFAULT_KEY) -> int:
    """Look at the plugin's entry in a vCenter, and whether what it names is there.

    Ends with 1 when the plugin is not registered or cannot work.
    """
    from vsphere_market.cli import words
    from vsphere_market.cli.render import show
    from vsphere_market.control.plugins import status as look

    found = look(source.options(), key, environ=os.environ, prompt=source.prompt())
    findings = Table(
        f"The plugin at {found.vcenter}: {'works' if found.works else 'cannot work'}",
        words.FINDING_COLUMNS,
        words.finding_rows(found.findings),
    )
    parts: list[Table | Text] = [findings]
    if found.entry is not None:
        parts.append(_entry_table(found.entry))
    document = {
        "vcenter": found.vcenter,
        "works": found.works,
        "extension": _entry_document(found.entry) if found.entry is not None else None,
        "findings": [
            {
                "severity": item.severity.value,
                "code": item.code,
                "subject": item.subject,
                "what": item.what,
                "cure": item.cure,
            }
            for item in found.findings
        ],
    }
    show(Report(document, parts, findings), how)
    return ExitCode.OK if found.works else ExitCode.FAILED


@plugin.command("manifest")
@with_options(how=format_options)
def manifest(
    how: Format,
    output: Annotated[
        Path | None,
        Option("-o", "--output", help="Write all files of the plugin there.", metavar="FOLDER"),
    ] = None,
) -> None:
    """Show the plugin's manifest, or write it with its icons and plugin.zip into a folder.

    `serve` serves these files by itself; this is for other web servers, and for reading.
    """
    from vsphere_market.cli.render import show
    from vsphere_market.errors import StorageError
    from vsphere_market.service.clientplugin import manifest as made
    from vsphere_market.service.clientplugin import plugin_files

    files = plugin_files()
    if output is None:
        import json

        show(Report(made(), [Text(json.dumps(made(), indent=2))]), how)
        return
    try:
        output.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (output / name).write_bytes(data)
    except OSError as problem:
        raise StorageError(
            f"cannot be written ({problem.strerror})",
            where=str(output),
            cure="name another folder with -o",
        ) from None
    table = Table(
        f"{output}",
        (Column("file", "file"), Column("bytes", "bytes", right=True)),
        [(name, len(data)) for name, data in files.items()],
    )
    show(Report({"folder": str(output), "files": sorted(files)}, [table], table), how)


def _entry_table(entry: ExtensionEntry) -> Table:
    rows: list[tuple[str, str]] = [
        ("key", entry.key),
        ("version", entry.version),
        ("manifest", entry.url),
        ("certificate", f"SHA-256 {entry.thumbprint}"),
        ("tasks", ", ".join(entry.tasks) or "none"),
        ("privileges", ", ".join(item.id for item in entry.privileges) or "none"),
    ]
    if entry.mail:
        rows.append(("mail", entry.mail))
    return Table("Extension", (Column("name", "name"), Column("value", "value", prose=True)), rows)


def _entry_document(entry: ExtensionEntry) -> dict[str, Any]:
    return {
        "key": entry.key,
        "version": entry.version,
        "label": entry.label,
        "url": entry.url,
        "thumbprint": entry.thumbprint,
        "with_certificate": bool(entry.certificate),
        "mail": entry.mail or None,
        "tasks": dict(entry.tasks),
        "privileges": [item.id for item in entry.privileges],
    }
