"""Alerts of VMware Aria Operations (vRealize, VCF), in both forms in which they are sent.

The legacy REST plug-in has a body of its own; the webhook plug-in sends what a template says, and
ours (``docs/integrations/operations.md``) says the members of :class:`Alert`. Whatever comes is
text from a stranger: of it only names are used, to be found in the estate exactly or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from vsphere_market.control.scoping import Scope
from vsphere_market.estate import Snapshot

#: Longer names and texts are cut: no object of vCenter has them.
_LONGEST = 200


class Status(StrEnum):
    """What has become of an alert."""

    ACTIVE = "active"
    CANCELLED = "cancelled"


class Kind(StrEnum):
    """Kinds of resource that a plan can be about."""

    VM = "VirtualMachine"
    HOST = "HostSystem"
    CLUSTER = "ClusterComputeResource"


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as it was understood.

    Attributes:
        id: Operations' own, the same for all news of one alert.
        status: whether it still holds.
        resource: name of the object.
        kind: kind of the object, as Operations calls it.
        definition: what it is about.
        criticality: in Operations' word.
    """

    id: str
    status: Status
    resource: str
    kind: str
    definition: str
    criticality: str


#: Member of :class:`Alert` -> where it is in our template, then in the legacy body.
_PLACES: Mapping[str, tuple[str, ...]] = {
    "id": ("alert_id", "alertId"),
    "resource": ("resource_name", "resourceName"),
    "kind": ("resource_kind", "resourceKind"),
    "definition": ("definition", "alertName"),
    "criticality": ("criticality",),
}
#: The template's own variable, where Operations did not fill it in.
_UNFILLED = ("$CANCEL_TIME", "${CANCEL_TIME}")
_ENDED = frozenset({"cancelled", "canceled", "inactive", "closed"})


def alert_of(document: Any) -> Alert | None:
    """Understand what came; None where it is no alert."""
    if not isinstance(document, dict):
        return None
    parts = {name: _text(document, places) for name, places in _PLACES.items()}
    if not parts["id"] or not parts["resource"] or not parts["kind"]:
        return None
    return Alert(status=_status(document), **parts)


def scope_of(alert: Alert, snapshot: Snapshot) -> tuple[Scope, str]:
    """On what a plan may act because of an alert; an empty scope, and why, where on nothing.

    A VM is helped by its neighbours as often as by itself, so that the scope is its host's VMs.
    """
    match alert.kind:
        case Kind.VM:
            row, why = _only(snapshot.vms.name, alert)
            if row < 0:
                return Scope(), why
            host = int(snapshot.vms.host[row])
            if host < 0:
                return Scope(), f"{alert.resource} is on no host"
            return Scope(hosts=(snapshot.hosts.moid[host],)), ""
        case Kind.HOST:
            row, why = _only(snapshot.hosts.name, alert)
            return (Scope(), why) if row < 0 else (Scope(hosts=(snapshot.hosts.moid[row],)), "")
        case Kind.CLUSTER:
            row, why = _only(snapshot.clusters.name, alert)
            if row < 0:
                return Scope(), why
            return Scope(clusters=(snapshot.clusters.moid[row],)), ""
        case _:
            return Scope(), f"alerts on {alert.kind} are not for a memory market"


def _only(names: tuple[str, ...], alert: Alert) -> tuple[int, str]:
    """The row of the only one with exactly that name, or -1 and why."""
    count = names.count(alert.resource)
    if count == 1:
        return names.index(alert.resource), ""
    if count:
        return -1, f"{count} objects are called {alert.resource}"
    return -1, f"there is no {alert.kind} called {alert.resource} here"


def _text(document: Mapping[str, Any], places: tuple[str, ...]) -> str:
    for place in places:
        value = document.get(place)
        if isinstance(value, str) and value:
            return value[:_LONGEST]
    return ""


def _status(document: Mapping[str, Any]) -> Status:
    """Cancelled when it says so, or when it names a time of its cancellation."""
    told = document.get("status")
    if isinstance(told, str) and told.strip().lower() in _ENDED:
        return Status.CANCELLED
    for place in ("cancel_time", "cancelDate"):
        value = document.get(place)
        if isinstance(value, bool):
            continue
        if isinstance(value, int | float) and value > 0:
            return Status.CANCELLED
        if isinstance(value, str) and value.strip() not in ("", "0", "-", "null", *_UNFILLED):
            return Status.CANCELLED
    return Status.ACTIVE
