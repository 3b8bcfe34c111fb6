"""``snapshot``: read the source once, and write what was read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

from vsphere_market.cli.options import SourceArgs, source_options, with_options


def _schema(wanted: bool) -> None:
    if wanted:
        import typer

        from vsphere_market.cli.render import write_json
        from vsphere_market.estate.schema import snapshot_schema

        write_json(snapshot_schema())
        raise typer.Exit


@with_options(source=source_options)
def snapshot(
    source: SourceArgs,
    output: Annotated[
        Path | None,
        Option(
            "--output",
            "-o",
            help="File to write, compressed if its name ends in .gz; stdout without it.",
            metavar="FILE",
        ),
    ] = None,
    schema: Annotated[
        bool,
        Option(
            "--schema",
            help="Print the JSON Schema of snapshot files, and do nothing else.",
            callback=_schema,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """Read the source once and write it down, for looking at it later or elsewhere."""
    del schema
    from vsphere_market.cli.render import busy, say, warn, write_json
    from vsphere_market.cli.words import counted
    from vsphere_market.estate import snapshot_to_json, write_snapshot

    with source.open() as opened, busy(f"reading {opened.label}"):
        taken = opened.observe()
    for line in taken.missing:
        warn(line)
    if output is None:
        write_json(snapshot_to_json(taken))
        return
    write_snapshot(output, taken)
    vms, hosts = counted(len(taken.vms), "VM"), counted(len(taken.hosts), "host")
    say(f"wrote {vms} on {hosts} to {output}")
