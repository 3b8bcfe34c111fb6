"""``vro``: what VMware Orchestrator needs to call the service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Option

vro = typer.Typer(no_args_is_help=True, help="Actions and workflows for VMware Orchestrator.")


@vro.command("export", short_help="Write actions and workflows as importable sources.")
def export(
    output: Annotated[
        Path,
        Option(
            "--output", "-o", help="Folder to write to: new, or an older export.", metavar="DIR"
        ),
    ],
    runtime: Annotated[
        str,
        Option(
            "--runtime",
            help="Python runtime of the Orchestrator: python:3.10 (8.14 and later) or python:3.7.",
            metavar="RUNTIME",
        ),
    ] = "python:3.10",
) -> None:
    """Write the actions, workflows and the configuration element that call the service.

    The tree is what Build Tools for VMware Aria package and import; the zips in bundles/ are for
    creating the actions by hand.
    """
    from vsphere_market.cli.render import say
    from vsphere_market.errors import UsageError
    from vsphere_market.integrations.orchestrator import Runtime, write_sources

    known = [one.value for one in Runtime]
    if runtime not in known:
        raise UsageError(
            f"there is no runtime {runtime}", where="--runtime", cure=f"use {' or '.join(known)}"
        )
    files = write_sources(output, Runtime(runtime))
    say(f"wrote {len(files)} files to {output}")
