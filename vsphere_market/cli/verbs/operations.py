"""``operations``: our figures to VMware Operations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from vsphere_market.cli.options import (
    JournalPlace,
    SourceArgs,
    journal_options,
    policy_options,
    source_options,
    with_options,
)

operations = typer.Typer(no_args_is_help=True, help="Figures to and from VMware Operations.")


@operations.command("push", short_help="Send prices, pressure and recommendations.")
@with_options(source=source_options, policies=policy_options, journal=journal_options)
def push(
    source: SourceArgs,
    policies: tuple[Path, ...],
    journal: JournalPlace | None,
    to: Annotated[
        str,
        Option(help="Operations' address: HOST or HOST:PORT. Also OPERATIONS_URL.", metavar="HOST"),
    ] = "",
    login: Annotated[
        str,
        Option(
            help="Login name at Operations. Also OPERATIONS_USERNAME. The password comes from "
            "OPERATIONS_PASSWORD or the keyring.",
            metavar="NAME",
        ),
    ] = "",
    auth_source: Annotated[
        str,
        Option(
            help="Operations' source of users, for those of a directory. Also "
            "OPERATIONS_AUTH_SOURCE.",
            metavar="NAME",
        ),
    ] = "",
) -> None:
    """Read the source, decide, and store prices, pressure and recommendations in Operations.

    Nothing is changed in vCenter. Run it every five minutes, as Operations collects.
    """
    from vsphere_market.cli.render import busy, say
    from vsphere_market.cli.verbs.shared import warn_of
    from vsphere_market.cli.words import counted
    from vsphere_market.control.decide import policies_from, view
    from vsphere_market.control.planning import plan_once
    from vsphere_market.integrations.operations import (
        Operations,
        figures_of,
        login_from,
    )
    from vsphere_market.integrations.operations import push as send

    whom = login_from(to, user=login, auth_source=auth_source)
    wanted = policies_from(policies)
    with source.open() as opened, busy(f"reading {opened.label}"):
        framed, made = plan_once(opened, wanted, journal)
    warn_of(framed)
    client = Operations(whom)
    try:
        with busy(f"telling {whom.target.address}"):
            sent = send(
                client,
                figures_of(framed, view(framed), made),
                framed.snapshot.source.instance_uuid,
            )
    finally:
        client.close()
    say(f"told {whom.target.address} of {counted(sent.objects, 'object')}")
    if sent.unknown:
        say(
            f"{counted(sent.unknown, 'object')} it does not know: is this vCenter among its "
            "accounts, and has it been collected yet?"
        )
