"""Least-privilege roles: what a login needs for some kinds of action, and no more.

vCenter adds ``System.Anonymous``, ``System.View`` and ``System.Read`` to every role by itself;
reading the estate needs nothing else. Source: vSphere API reference, ``AuthorizationManager``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from vsphere_market.adapter import soap
from vsphere_market.adapter.privileges import IN_ROLE
from vsphere_market.adapter.session import Session
from vsphere_market.adapter.soap import vim
from vsphere_market.errors import FinalFault, InputError
from vsphere_market.port import ActionKind

#: What vCenter puts into every role.
SYSTEM = frozenset({"System.Anonymous", "System.View", "System.Read"})
#: Whoever starts tasks has to be able to stop them.
CANCEL = "Global.CancelTask"


@dataclass(frozen=True, slots=True)
class Role:
    """A role as vCenter has it; without the privileges that every role has.

    Attributes:
        name: its name.
        number: vCenter's id of it.
        privileges: ids, sorted.
        holders: ``(principal, object's managed object id)`` of every permission that gives it.
    """

    name: str
    number: int
    privileges: tuple[str, ...]
    holders: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """A role held against what is needed.

    Attributes:
        missing: needed, and not in the role.
        superfluous: in the role, and not needed.
        unheard_of: needed, and not known to this vCenter's version.
    """

    missing: tuple[str, ...]
    superfluous: tuple[str, ...]
    unheard_of: tuple[str, ...] = ()


def needed(kinds: Collection[ActionKind]) -> tuple[str, ...]:
    """The privileges of a role for these kinds of action, sorted; () for a role that only reads."""
    wanted = {privilege for kind in kinds for privilege in IN_ROLE[kind]}
    return tuple(sorted(wanted | {CANCEL})) if wanted else ()


def find_role(session: Session, name: str) -> Role | None:
    """The role of that name, or None.

    Raises:
        UnreachableError, NotPermittedError, ActionError: it cannot be read.
    """

    def ask(content: Any) -> Role | None:
        manager = content.authorizationManager
        for role in manager.roleList or ():
            if role.name == name:
                given = manager.RetrieveRolePermissions(role.roleId) or ()
                holders = tuple(sorted((one.principal, soap.moid(one.entity)) for one in given))
                own = tuple(sorted(set(role.privilege or ()) - SYSTEM))
                return Role(name, int(role.roleId), own, holders)
        return None

    return session.read(ask, f"role {name}")


def compare(session: Session, role: Role, kinds: Collection[ActionKind]) -> Difference:
    """Hold a role against what the kinds need.

    Raises:
        UnreachableError, NotPermittedError, ActionError: the vCenter's privileges cannot be read.
    """
    wanted, has = set(needed(kinds)), set(role.privileges)
    known = session.read(
        lambda content: {one.privId for one in content.authorizationManager.privilegeList or ()}
    )
    return Difference(
        missing=tuple(sorted(wanted - has)),
        superfluous=tuple(sorted(has - wanted)),
        unheard_of=tuple(sorted(wanted - known)) if known else (),
    )


def write_role(session: Session, name: str, privileges: Sequence[str]) -> Role:
    """Make the role, or give an existing one exactly these privileges.

    Raises:
        NotPermittedError: the login lacks ``Authorization.ModifyRoles``.
        UnreachableError, ActionError: it cannot be done.
    """
    existing = find_role(session, name)
    if existing is None:
        session.change(
            lambda content: content.authorizationManager.AddAuthorizationRole(
                name, list(privileges)
            ),
            f"role {name}",
        )
    elif existing.number < 0:
        raise InputError(
            f"{name} is a role of vCenter's own, which cannot be changed",
            where="--name",
            cure="choose another name",
        )
    elif existing.privileges != tuple(privileges):
        session.change(
            lambda content: content.authorizationManager.UpdateAuthorizationRole(
                existing.number, name, list(privileges)
            ),
            f"role {name}",
        )
    made = find_role(session, name)
    if made is None or made.privileges != tuple(privileges):
        raise FinalFault("vCenter accepted it, but has it otherwise", where=f"role {name}")
    return made


def grant(session: Session, role: Role, principal: str, *, group: bool = False) -> None:
    """Give a login, or a group of them, the role on the whole inventory.

    Raises:
        NotPermittedError: the login lacks ``Authorization.ModifyPermissions``.
        UnreachableError, ActionError: it cannot be done, or there is no such principal.
    """

    def ask(content: Any) -> Any:
        root = soap.reference(vim.Folder, soap.moid(content.rootFolder), session.stub)
        permission = vim.AuthorizationManager.Permission(
            entity=root, principal=principal, group=group, roleId=role.number, propagate=True
        )
        return content.authorizationManager.SetEntityPermissions(root, [permission])

    session.change(ask, principal)
