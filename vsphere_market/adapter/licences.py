"""Licences: which one each host has, and what it allows.

One call gives all assignments of a vCenter, and needs no more than reading does. Each licence lists
its features by key: ``vmotion``, ``svmotion``, ``hotplug`` and others, some with a number behind a
colon. A host in evaluation has everything; a licence that lists no feature says nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vsphere_market.adapter import soap
from vsphere_market.adapter.session import Session
from vsphere_market.errors import NotPermittedError

log = logging.getLogger(__name__)

#: Edition of hosts that have been given no licence yet: everything works while it lasts.
_EVALUATION = "eval"


@dataclass(frozen=True, slots=True)
class Licence:
    """What one host has.

    Attributes:
        name: as vCenter calls it, e.g. ``vSphere 8 Standard``.
        features: keys of what it allows, sorted; () when that is not told, or everything is.
    """

    name: str = ""
    features: tuple[str, ...] = ()


def licences(session: Session) -> Mapping[str, Licence]:
    """The licence of each host by managed object id; {} where they cannot be read."""

    def ask(content: Any) -> Any:
        try:
            manager = content.licenseManager and content.licenseManager.licenseAssignmentManager
            return manager.QueryAssignedLicenses() if manager else ()
        except (soap.MethodFault, soap.UnreadableAnswer) as exc:
            log.info("no licences: %s", type(exc).__name__)
            return ()

    try:
        found = session.read(ask)
    except NotPermittedError as exc:
        log.info("no licences: %s", exc)
        return {}
    return {str(one.entityId): licence_of(one.assignedLicense) for one in found or ()}


def licence_of(info: Any) -> Licence:
    """A licence from vCenter's own words for it."""
    if str(info.editionKey or "") == _EVALUATION:
        return Licence(str(info.name or ""))
    keys = {
        str(entry.value.key).partition(":")[0]
        for entry in info.properties or ()
        if entry.key == "feature" and hasattr(entry.value, "key")
    }
    return Licence(str(info.name or ""), tuple(sorted(keys)))
