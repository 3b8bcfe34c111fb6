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
from vsphere_market.port import Action, ActionKind, Finding, Severity

log = logging.getLogger(__name__)

#: What an account needs on a VM for each kind of action.
NEEDED: Mapping[ActionKind, tuple[str, ...]] = MappingProxyType(
    {
        ActionKind.MIGRATE: ("Resource.HotMigrate", "Resource.ColdMigrate"),
        ActionKind.LIMIT: ("VirtualMachine.Config.Resource",),
        ActionKind.RESERVATION: ("VirtualMachine.Config.Resource",),
        ActionKind.HOT_ADD: ("VirtualMachine.Config.Memory",),
        ActionKind.BALLOON_CAP: ("VirtualMachine.Config.AdvancedConfig",),
    }
)
_EVERY = tuple(sorted({privilege for needed in NEEDED.values() for privilege in needed}))
#: VMs per question.
_BATCH = 500


def lacking(session: Session, vms: Sequence[str]) -> dict[str, list[str]]:
    """Privilege -> ids of the VMs on which this session does not hold it.

    Raises:
        ActionError, NotPermittedError: the server does not tell.
    """
    without: dict[str, list[str]] = {privilege: [] for privilege in _EVERY}
    for at in range(0, len(vms), _BATCH):
        entities = [
            soap.reference(vim.VirtualMachine, moid, session.stub) for moid in vms[at : at + _BATCH]
        ]

        def ask(content: Any, entities: Sequence[Any] = entities) -> list[Any]:
            return list(
                content.authorizationManager.HasPrivilegeOnEntities(
                    entities, session.key, list(_EVERY)
                )
                or ()
            )

        for answer in session.read(ask):
            for one in answer.privAvailability or ():
                if not one.isGranted and one.privId in without:
                    without[one.privId].append(soap.moid(answer.entity))
    return without


def missing_for(session: Session, action: Action) -> list[Finding]:
    """ERROR findings on the privileges that an action lacks on its VM; [] if nobody can tell."""
    try:
        without = lacking(session, [action.subject.moid])
    except (ActionError, NotPermittedError) as exc:
        log.debug("privileges are not to be seen: %s", exc)
        return []
    return [
        Finding(
            "NoPermission",
            Severity.ERROR,
            action.subject.name,
            f"{session.user} lacks the privilege {privilege}",
            "have it granted",
        )
        for privilege in NEEDED[action.kind]
        if without[privilege]
    ]


def privilege_findings(session: Session, names: Mapping[str, str]) -> list[Finding]:
    """One finding per kind of action: whether the account may do it, and on how many VMs.

    Args:
        session: the login.
        names: VM id -> name.
    """
    if not names:
        return []
    try:
        without = lacking(session, list(names))
    except (ActionError, NotPermittedError) as exc:
        return [
            Finding(
                "privileges-unknown",
                Severity.INFO,
                session.user,
                f"this vCenter does not tell which privileges the account holds ({exc.what})",
            )
        ]
    return [_finding(kind, session.user, without, names) for kind in ActionKind]


def _finding(
    kind: ActionKind, user: str, without: Mapping[str, Sequence[str]], names: Mapping[str, str]
) -> Finding:
    absent = {privilege: vms for privilege in NEEDED[kind] if (vms := without[privilege])}
    code = f"privileges-{kind}"
    if not absent:
        what = f"{user} may do {kind} on all {len(names)} VMs"
        return Finding(code, Severity.OK, user, what)
    refused = sorted({names[vm] for vms in absent.values() for vm in vms if vm in names})
    missing = " and ".join(sorted(absent))
    verb = "is" if len(absent) == 1 else "are"
    cure = f"grant {missing} to {user} where those VMs are, or leave {kind} out of the policies"
    if len(refused) == len(names):
        what = f"{user} may do {kind} on no VM: {missing} {verb} missing"
        return Finding(code, Severity.ERROR, user, what, cure)
    what = (
        f"{user} may not do {kind} on {len(refused)} of {len(names)} VMs, such as {refused[0]}: "
        f"{missing} {verb} missing"
    )
    return Finding(code, Severity.WARNING, user, what, cure)
