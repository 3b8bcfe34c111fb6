"""Which privileges each kind of action needs, and whether the account holds them.

Reading needs no more than the Read-only role. Sources: vSphere API reference, "Required
Privileges" of each method; ``RelocateVM_Task`` asks for cold migration too, running or not.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from vsphere_market.adapter import soap
from vsphere_market.adapter.session import Session
from vsphere_market.adapter.soap import vim
from vsphere_market.errors import ActionError, NotPermittedError
from vsphere_market.port import (
    GRAVE,
    Action,
    ActionKind,
    Entity,
    Finding,
    Migrate,
    MigrateStorage,
    Severity,
)
from vsphere_market.port.kinds import KINDS, Subject

log = logging.getLogger(__name__)

#: Managed type of what each kind of action is about.
SUBJECTS: Mapping[ActionKind, str] = MappingProxyType(
    {kind: one.subject.value for kind, one in KINDS.items()}
)
#: What an account needs on the subject of each kind of action.
NEEDED: Mapping[ActionKind, tuple[str, ...]] = MappingProxyType(
    {kind: one.privileges for kind, one in KINDS.items()}
)
#: The same with what it needs on other objects: what a role for it holds.
IN_ROLE: Mapping[ActionKind, tuple[str, ...]] = MappingProxyType(
    {
        kind: (*one.privileges, *(more for few in one.elsewhere.values() for more in few))
        for kind, one in KINDS.items()
    }
)
_THINGS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        Subject.VM: ("VM", "VMs"),
        Subject.HOST: ("host", "hosts"),
        Subject.POOL: ("resource pool", "resource pools"),
        Subject.CLUSTER: ("cluster", "clusters"),
    }
)
#: Objects per question.
_BATCH = 500


def lacking(
    session: Session, kind: str, moids: Sequence[str], privileges: Sequence[str]
) -> dict[str, list[str]]:
    """Privilege -> ids of the objects on which this session does not hold it.

    Args:
        session: the login.
        kind: the objects' managed type.
        moids: their ids.
        privileges: what to ask for.

    Raises:
        ActionError, NotPermittedError: the server does not tell.
    """
    without: dict[str, list[str]] = {privilege: [] for privilege in privileges}
    managed = getattr(vim, kind)
    for at in range(0, len(moids), _BATCH):
        entities = [soap.reference(managed, moid, session.stub) for moid in moids[at : at + _BATCH]]

        def ask(content: Any, entities: Sequence[Any] = entities) -> list[Any]:
            return list(
                content.authorizationManager.HasPrivilegeOnEntities(
                    entities, session.key, list(privileges)
                )
                or ()
            )

        for answer in session.read(ask):
            for one in answer.privAvailability or ():
                if not one.isGranted and one.privId in without:
                    without[one.privId].append(soap.moid(answer.entity))
    return without


def missing_for(session: Session, action: Action) -> list[Finding]:
    """ERROR findings on the privileges that an action lacks on its subject; [] if nobody can tell.

    A storage move asks for some on the datastore that it goes to as well, a move into another
    cluster for some on the resource pool there.
    """
    kind = action.kind
    asked = [(SUBJECTS[kind], action.subject, NEEDED[kind])]
    other = _other(action)
    if other is not None:
        asked += [(managed, other, few) for managed, few in KINDS[kind].elsewhere.items()]
    try:
        absent = [
            (privilege, entity)
            for managed, entity, needed in asked
            for privilege, where in lacking(session, managed, [entity.moid], needed).items()
            if where
        ]
    except (ActionError, NotPermittedError) as exc:
        log.debug("privileges are not to be seen: %s", exc)
        return []
    return [
        Finding(
            "NoPermission",
            Severity.ERROR,
            action.subject.name,
            f"{session.user} lacks the privilege {privilege}"
            + ("" if entity == action.subject else f" on {entity.name}"),
            "have it granted",
        )
        for privilege, entity in absent
    ]


def _other(action: Action) -> Entity | None:
    """The other object on which an action needs privileges, if it names one."""
    match action:
        case MigrateStorage():
            return action.target
        case Migrate() if action.pools is not None:
            return action.pools[1]
        case _:
            return None


def privilege_findings(session: Session, names: Mapping[str, Mapping[str, str]]) -> list[Finding]:
    """One finding per kind of action: whether the account may do it, and on how many objects.

    Args:
        session: the login.
        names: managed type -> object id -> name.
    """
    without: dict[str, dict[str, list[str]]] = {}
    try:
        for managed, known in names.items():
            needed = {
                privilege
                for kind in ActionKind
                if SUBJECTS[kind] == managed
                for privilege in NEEDED[kind]
            }
            if known:
                without[managed] = lacking(session, managed, list(known), sorted(needed))
    except (ActionError, NotPermittedError) as exc:
        return [
            Finding(
                "privileges-unknown",
                Severity.INFO,
                session.user,
                f"this vCenter does not tell which privileges the account holds ({exc.what})",
            )
        ]
    return [
        _finding(kind, session.user, without[SUBJECTS[kind]], names[SUBJECTS[kind]])
        for kind in ActionKind
        if SUBJECTS[kind] in without
    ]


def _finding(
    kind: ActionKind, user: str, without: Mapping[str, Sequence[str]], names: Mapping[str, str]
) -> Finding:
    absent = {privilege: where for privilege in NEEDED[kind] if (where := without[privilege])}
    code = f"privileges-{kind}"
    one, many = _THINGS[SUBJECTS[kind]]
    if not absent:
        things = f"all {len(names)} {many}" if len(names) > 1 else f"the one {one}"
        return Finding(code, Severity.OK, user, f"{user} may do {kind} on {things}")
    refused = sorted({names[moid] for where in absent.values() for moid in where if moid in names})
    missing = " and ".join(sorted(absent))
    verb = "is" if len(absent) == 1 else "are"
    cure = f"grant {missing} to {user} where those {many} are, or leave {kind} out of the policies"
    if len(refused) == len(names):
        what = f"{user} may do {kind} on no {one}: {missing} {verb} missing"
        # Kinds that nothing does unless a policy names them need no privilege until then.
        severity = Severity.INFO if kind in GRAVE else Severity.ERROR
        return Finding(code, severity, user, what, cure)
    what = (
        f"{user} may not do {kind} on {len(refused)} of {len(names)} {many}, such as {refused[0]}: "
        f"{missing} {verb} missing"
    )
    return Finding(code, Severity.INFO if kind in GRAVE else Severity.WARNING, user, what, cure)
