"""``tokens``: API tokens of the service."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from vsphere_market.cli.options import format_options, with_options
from vsphere_market.cli.report import Format

if TYPE_CHECKING:
    from vsphere_market.service.tokens import Token, TokenStore

tokens = typer.Typer(
    help="API tokens of the service: make them, see them, end them.",
    rich_markup_mode=None,
    no_args_is_help=True,
)


class RoleName(StrEnum):
    """Roles, each of which may do all that the ones before it may."""

    VIEWER = "viewer"
    APPROVER = "approver"
    OPERATOR = "operator"
    ADMIN = "admin"


def token_options(
    file: Annotated[
        Path | None,
        Option(
            "--tokens",
            help="The file of API tokens. By default the user's own.",
            metavar="FILE",
            envvar="VSPHERE_MARKET_TOKENS",
        ),
    ] = None,
) -> Path | None:
    """Where tokens are kept."""
    return file


@tokens.command("create")
@with_options(file=token_options, how=format_options)
def create(
    file: Path | None,
    how: Format,
    name: Annotated[str, Argument(help="What it is for, e.g. grafana.", metavar="NAME")],
    role: Annotated[RoleName, Option(help="How far it goes.")] = RoleName.VIEWER,
    days: Annotated[float, Option(help="How long it lasts.", metavar="DAYS")] = 90.0,
) -> None:
    """Make a token, and show it this once: only its hash is kept.

    viewer looks; approver also plans, approves and skips; operator also carries out; admin also
    manages tokens.
    """
    from vsphere_market.cli.render import say, show
    from vsphere_market.cli.report import Column, Report, Table
    from vsphere_market.service.roles import ROLES

    token, secret = _store(file).create(name, ROLES[role.value], days)
    document = {**_json(token), "token": secret}
    table = Table("", (Column("token", "token"),), [(secret,)])
    show(Report(document, [table], table), how)
    say(f"token {token.id} ({token.name}, {token.role.word}) was made; it is not shown again")


@tokens.command("list")
@with_options(file=token_options, how=format_options)
def list_(file: Path | None, how: Format) -> None:
    """List tokens, without their secrets."""
    from vsphere_market.cli.render import show
    from vsphere_market.cli.report import Column, Report, Table
    from vsphere_market.cli.words import moment

    found = _store(file).all()
    columns = (
        Column("id", "id"),
        Column("name", "name"),
        Column("role", "role"),
        Column("created_s", "made", moment),
        Column("expires_s", "ends", moment),
    )
    rows = [(item.id, item.name, item.role.word, item.created_s, item.expires_s) for item in found]
    table = Table("", columns, rows, empty="There are no tokens.")
    show(Report([_json(item) for item in found], [table], table), how)


@tokens.command("revoke")
@with_options(file=token_options)
def revoke(
    file: Path | None,
    token: Annotated[str, Argument(help="Its id, or its name.", metavar="TOKEN")],
) -> None:
    """End a token at once, and every session that was begun with it."""
    from vsphere_market.cli.render import say

    ended = _store(file).revoke(token)
    say(f"token {ended.id} ({ended.name}) is no longer valid")


def _store(file: Path | None) -> TokenStore:
    from vsphere_market.service.settings import ServeSettings
    from vsphere_market.service.tokens import TokenStore

    return TokenStore(ServeSettings(tokens=file).token_file)


def _json(token: Token) -> dict[str, object]:
    return {
        "id": token.id,
        "name": token.name,
        "role": token.role.word,
        "created_s": token.created_s,
        "expires_s": token.expires_s,
    }
