"""``role``: the least that a login needs in vCenter, made or checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Option

from vsphere_market.cli.options import SourceArgs, format_options, source_options, with_options
from vsphere_market.cli.report import Column, Format, Report, Table
from vsphere_market.errors import ExitCode

if TYPE_CHECKING:
    from vsphere_market.control.roles import Wanted

role = typer.Typer(
    help="A vCenter role with the privileges that are needed, and no other.",
    rich_markup_mode=None,
    no_args_is_help=True,
)

_KIND = Option(
    "--kind",
    help="A kind of action that the login is to carry out, e.g. migrate; may be given several "
    "times. All kinds without it.",
    metavar="KIND",
)
_READ_ONLY = Option("--read-only", help="No kind of action: the login only looks.")
_NAME = Option(help="The role's name.", metavar="NAME")


@role.command("create")
@with_options(source=source_options, how=format_options)
def create(
    source: SourceArgs,
    how: Format,
    name: Annotated[str, _NAME] = "vsphere-market",
    kind: Annotated[list[str] | None, _KIND] = None,
    read_only: Annotated[bool, _READ_ONLY] = False,
    principal: Annotated[
        str,
        Option(
            help="Give the role to this login on the whole inventory, e.g. DOMAIN\\\\svc-market.",
            metavar="LOGIN",
        ),
    ] = "",
    group: Annotated[bool, Option("--group", help="The principal is a group.")] = False,
    dry_run: Annotated[
        bool,
        Option(
            "--dry-run",
            help="Change nothing: show the privileges, and govc's and PowerCLI's "
            "commands that do the same.",
        ),
    ] = False,
) -> None:
    """Make the role, or give an existing one of that name exactly what is needed.

    The login that does this needs Authorization.ModifyRoles, and Authorization.ModifyPermissions
    with --principal. It is not the login that the market then uses.
    """
    from vsphere_market.cli.render import say, show
    from vsphere_market.control.roles import create_role, govc_commands, powercli_commands

    wanted = _wanted(name, kind, read_only, principal, group)
    document: dict[str, Any] = {
        "role": name,
        "kinds": [one.value for one in wanted.kinds],
        "privileges": list(wanted.privileges),
        "principal": principal,
    }
    if dry_run:
        document["govc"] = list(govc_commands(wanted))
        document["powercli"] = list(powercli_commands(wanted))
        table = _needs(wanted)
        commands = Table(
            "The same by hand",
            (Column("with", "with"), Column("command", "command", prose=True)),
            [
                *(["govc", line] for line in document["govc"]),
                *(["PowerCLI", line] for line in document["powercli"]),
            ],
        )
        show(Report(document, [table, commands], table), how)
        return
    before, made = create_role(source.options(), wanted, prompt=_prompt())
    document["created"] = before is None
    document["holders"] = [list(holder) for holder in made.holders]
    table = _needs(wanted)
    show(Report(document, [table], table), how)
    if before is None:
        say(f"role {name} was made")
    elif before.privileges != made.privileges:
        say(f"role {name} was there, and has been given what is needed and nothing else")
    else:
        say(f"role {name} was there, and is right")
    if principal:
        say(f"{principal} has it on the whole inventory")


@role.command("check")
@with_options(source=source_options, how=format_options)
def check(
    source: SourceArgs,
    how: Format,
    name: Annotated[str, _NAME] = "vsphere-market",
    kind: Annotated[list[str] | None, _KIND] = None,
    read_only: Annotated[bool, _READ_ONLY] = False,
) -> int:
    """Hold the role in vCenter against what is needed. Ends with 1 when they differ."""
    from vsphere_market.cli.render import say, show
    from vsphere_market.control.roles import check_role

    wanted = _wanted(name, kind, read_only, "", False)
    found = check_role(source.options(), wanted, prompt=_prompt())
    if found is None:
        show(Report({"role": name, "exists": False}, [table := _needs(wanted)], table), how)
        say(f"there is no role {name}; make it with: vsphere-market role create --name {name}")
        return ExitCode.FAILED
    has, difference = found
    verdicts = {
        **dict.fromkeys(set(has.privileges) & set(wanted.privileges), "needed, there"),
        **dict.fromkeys(difference.missing, "missing"),
        **dict.fromkeys(difference.superfluous, "not needed"),
        **dict.fromkeys(difference.unheard_of, "unknown to this vCenter"),
    }
    document = {
        "role": name,
        "exists": True,
        "missing": list(difference.missing),
        "superfluous": list(difference.superfluous),
        "unknown": list(difference.unheard_of),
        "holders": [list(holder) for holder in has.holders],
    }
    table = Table(
        f"Role {name}",
        (Column("privilege", "privilege"), Column("verdict", "verdict")),
        [[privilege, verdicts[privilege]] for privilege in sorted(verdicts)],
        empty="It reads, and nothing else, as it should.",
    )
    show(Report(document, [table], table), how)
    right = not (difference.missing or difference.superfluous)
    return ExitCode.OK if right else ExitCode.FAILED


def _wanted(
    name: str, kind: list[str] | None, read_only: bool, principal: str, group: bool
) -> Wanted:
    from vsphere_market.control.roles import Wanted, kinds_of
    from vsphere_market.errors import UsageError

    if read_only and kind:
        raise UsageError("--read-only and --kind contradict each other", cure="give one of them")
    return Wanted(name, () if read_only else kinds_of(kind or ()), principal, group)


def _needs(wanted: Wanted) -> Table:
    from vsphere_market.control.roles import reasons

    return Table(
        f"Role {wanted.name}: {len(wanted.privileges)} privileges besides reading",
        (Column("privilege", "privilege"), Column("for", "for", prose=True)),
        [[privilege, ", ".join(why)] for privilege, why in reasons(wanted).items()],
        empty="Reading needs none: vCenter puts what that takes into every role.",
    )


def _prompt() -> Any:
    from vsphere_market.cli.options import ask_password
    from vsphere_market.cli.render import is_terminal

    return ask_password if is_terminal() else None
