"""Roles that allow what is wanted and nothing else: made, checked, or told as commands."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vsphere_market.control.sources import SourceKind, SourceOptions, source_kind, vcenter_login
from vsphere_market.errors import UsageError
from vsphere_market.port import ActionKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from vsphere_market.adapter.roles import Difference, Role
    from vsphere_market.adapter.session import Session

DEFAULT_NAME = "vsphere-market"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A role to be made.

    Attributes:
        name: its name.
        kinds: kinds of action that it is to allow.
        principal: the login or group that is given it on the whole inventory; "" for nobody yet.
        group: the principal is a group.
    """

    name: str
    kinds: tuple[ActionKind, ...]
    principal: str = ""
    group: bool = False

    @property
    def privileges(self) -> tuple[str, ...]:
        """Ids of its privileges, sorted."""
        from vsphere_market.adapter.roles import needed

        return needed(self.kinds)


def reasons(wanted: Wanted) -> dict[str, tuple[str, ...]]:
    """Privilege -> the kinds of action that need it."""
    from vsphere_market.adapter.privileges import IN_ROLE
    from vsphere_market.adapter.roles import CANCEL

    why = {
        privilege: tuple(kind.value for kind in wanted.kinds if privilege in IN_ROLE[kind])
        for privilege in wanted.privileges
    }
    return why | ({CANCEL: ("stopping what was begun",)} if CANCEL in why else {})


def kinds_of(names: Collection[str]) -> tuple[ActionKind, ...]:
    """The kinds of action of these names; all of them for none.

    Raises:
        UsageError: there is no such kind.
    """
    known = {kind.value: kind for kind in ActionKind}
    for name in names:
        if name not in known:
            raise UsageError(
                f"there is no kind of action {name}", where="--kind", cure=", ".join(known)
            )
    return tuple(kind for kind in ActionKind if not names or kind.value in names)


def govc_commands(wanted: Wanted) -> tuple[str, ...]:
    """The same as commands of govc."""
    lines = [f"govc role.create {_shell(wanted.name)} {' '.join(wanted.privileges)}".rstrip()]
    if wanted.principal:
        group = " -group=true" if wanted.group else ""
        lines.append(
            f"govc permissions.set -principal {_shell(wanted.principal)}{group} "
            f"-role {_shell(wanted.name)} -propagate=true /"
        )
    return tuple(lines)


def powercli_commands(wanted: Wanted) -> tuple[str, ...]:
    """The same as commands of PowerCLI."""
    ids = ", ".join(_power(one) for one in wanted.privileges)
    having = f" -Privilege (Get-VIPrivilege -Id {ids})" if ids else ""
    lines = [f"New-VIRole -Name {_power(wanted.name)}{having}"]
    if wanted.principal:
        lines.append(
            "New-VIPermission -Entity (Get-Folder -NoRecursion) "
            f"-Principal {_power(wanted.principal)} -Role {_power(wanted.name)} -Propagate:$true"
        )
    return tuple(lines)


def create_role(
    options: SourceOptions, wanted: Wanted, *, prompt: Callable[[str], str] | None = None
) -> tuple[Role | None, Role]:
    """Make the role, and give it to its principal; the role before, and as it is now.

    Raises:
        UsageError: the source is no vCenter.
        InputError: the role is one of vCenter's own.
        NotPermittedError: the login may not change roles or permissions.
        UnreachableError, ActionError: it cannot be done.
    """
    from vsphere_market.adapter import roles

    with _session(options, prompt) as session:
        before = roles.find_role(session, wanted.name)
        role = roles.write_role(session, wanted.name, wanted.privileges)
        if wanted.principal:
            roles.grant(session, role, wanted.principal, group=wanted.group)
            found = roles.find_role(session, wanted.name)
            role = found or role
        return before, role


def check_role(
    options: SourceOptions, wanted: Wanted, *, prompt: Callable[[str], str] | None = None
) -> tuple[Role, Difference] | None:
    """The role of that name held against what is needed; None when there is none.

    Raises:
        UsageError: the source is no vCenter.
        UnreachableError, NotPermittedError, ActionError: it cannot be read.
    """
    from vsphere_market.adapter import roles

    with _session(options, prompt) as session:
        role = roles.find_role(session, wanted.name)
        return None if role is None else (role, roles.compare(session, role, wanted.kinds))


@contextmanager
def _session(options: SourceOptions, prompt: Callable[[str], str] | None) -> Iterator[Session]:
    from vsphere_market.adapter.session import Session

    if source_kind(options) is not SourceKind.VCENTER:
        raise UsageError("only a vCenter has roles", cure="name it with --vcenter")
    target, credentials = vcenter_login(options, prompt=prompt)
    session = Session(target, credentials)
    try:
        yield session
    finally:
        session.close()


def _shell(text: str) -> str:
    import shlex

    return shlex.quote(text)


def _power(text: str) -> str:
    """A literal string of PowerShell."""
    return "'" + text.replace("'", "''") + "'"
