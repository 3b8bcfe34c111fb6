"""What vSphere's faults mean to a market: try again, read again, give up, or ask for rights.

The table is data. A fault is looked up by its own class name and then by those of its ancestors, so
the most specific row wins; that also keeps ``NotAuthenticated`` apart from ``NoPermission``, whose
child it is. Faults of calls arrive as exceptions and those of tasks in ``info.error``: both come
here. What the judgements mean is told in ``docs/design/vcenter.md``; where vSphere's own text is
ambiguous, the more careful class is taken.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from vsphere_market.errors import (
    ActionError,
    FinalFault,
    MarketError,
    NotPermittedError,
    OutcomeUnknown,
    StaleFault,
    TransientFault,
)

log = logging.getLogger(__name__)


class Means(Enum):
    """What has to be done about a fault."""

    RETRY = TransientFault
    REREAD = StaleFault
    GIVE_UP = FinalFault
    ASK = NotPermittedError


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table.

    Attributes:
        means: what has to be done.
        what: a sentence for people, without its full stop.
        cure: what a person can do; "" when the program does it by itself.
        said: the fault's own message says more, so it is shown too.
    """

    means: Means
    what: str
    cure: str = ""
    said: bool = False


_R, _S, _F, _P = Means.RETRY, Means.REREAD, Means.GIVE_UP, Means.ASK

#: vSphere's fault name -> its meaning. Names are those of the wire.
FAULTS: Mapping[str, Row] = MappingProxyType(
    {
        # -- the same request may succeed after a pause
        "TaskInProgress": Row(_R, "another task is running on it"),
        "ResourceInUse": Row(_R, "something that it needs is in use"),
        "Timedout": Row(_R, "the operation took too long and was ended by vCenter"),
        "HostCommunication": Row(_R, "vCenter cannot talk to the host"),
        "HostNotConnected": Row(_R, "the host is not connected", "reconnect the host"),
        "HostNotReachable": Row(_R, "the host cannot be reached", "look at its management network"),
        "MigrationNotReady": Row(_R, "a host is not ready to migrate it"),
        "RequestCanceled": Row(_R, "the task was cancelled"),
        "QuestionPending": Row(
            _R, "it waits for the answer to a question", "answer it in the vSphere Client"
        ),
        "NotAuthenticated": Row(_R, "the session ended; it is renewed for the next request"),
        # -- the object is not in the state that the action assumed
        "ConcurrentAccess": Row(_S, "its configuration was changed by somebody else meanwhile"),
        "InvalidPowerState": Row(_S, "its power state does not allow this"),
        "InvalidState": Row(_S, "its state does not allow this now", said=True),
        "InvalidHostState": Row(_S, "the host's state does not allow this"),
        "InvalidHostConnectionState": Row(_S, "the host is not connected"),
        "InsufficientResourcesFault": Row(_S, "there are not enough free resources", said=True),
        "InsufficientMemoryResourcesFault": Row(
            _S, "there is not enough unreserved memory", "release reservations, or plan again"
        ),
        "InsufficientHostMemoryCapacityFault": Row(_S, "the host has not enough memory for it"),
        "InsufficientHostCapacityFault": Row(_S, "the host has not enough capacity for it"),
        "InsufficientFailoverResourcesFault": Row(
            _S,
            "HA admission control keeps that capacity for failover",
            "lower reservations, or the cluster's failover level",
        ),
        "NoCompatibleHost": Row(_S, "no host can take it now", said=True),
        "InvalidDatastoreState": Row(_S, "the datastore's state does not allow this"),
        "InvalidDatastore": Row(_S, "the datastore is not usable", said=True),
        "NoDiskSpace": Row(
            _S, "the datastore has not enough free space", "free some, or plan again"
        ),
        "InsufficientStorageSpace": Row(
            _S, "the datastore has not enough free space", "free some, or plan again"
        ),
        "HostPowerOpFailed": Row(_S, "the host's power could not be switched", said=True),
        "VMotionLinkDown": Row(_S, "a vMotion network link is down", "look at the vMotion network"),
        "ManagedObjectNotFound": Row(_S, "it is gone from vCenter"),
        # -- this action cannot be done on this object
        "MemoryHotPlugNotSupported": Row(
            _F,
            "its memory cannot grow while it runs",
            "switch it off, enable memory hot-add, and switch it on",
        ),
        "MemorySizeNotSupported": Row(_F, "that memory size is not supported for it", said=True),
        "MemorySizeNotRecommended": Row(_F, "that memory size is not recommended for its guest"),
        "VmHostAffinityRuleViolation": Row(
            _F, "a VM-Host rule forbids that host", "change the cluster's rule"
        ),
        "RuleViolation": Row(_F, "a placement rule forbids it", "change the cluster's rule"),
        "AffinityConfigured": Row(_F, "it is bound to processors of its host by CPU affinity"),
        "DisallowedMigrationDeviceAttached": Row(
            _F, "a device that cannot move is attached", "detach it", said=True
        ),
        "DisallowedOperationOnFailoverHost": Row(_F, "the host is kept for HA failover"),
        "VMotionNotConfigured": Row(
            _F, "vMotion is not set up on a host", "enable vMotion on a VMkernel adapter"
        ),
        "VMotionNotSupported": Row(_F, "a host does not support vMotion"),
        "VMotionInterfaceIssue": Row(_F, "a host's vMotion adapter is not usable", said=True),
        "MigrationFault": Row(_F, "it cannot be migrated like this", said=True),
        "ToolsUnavailable": Row(
            _F, "VMware Tools do not run in its guest", "start or install VMware Tools"
        ),
        "VmConfigFault": Row(_F, "its configuration does not allow this", said=True),
        "CannotAccessVmComponent": Row(_F, "a part of it is not reachable there", said=True),
        "InvalidArgument": Row(_F, "vCenter does not accept the value", said=True),
        "InvalidRequest": Row(_F, "vCenter does not understand the request", said=True),
        "NotSupported": Row(_F, "vCenter does not support this here"),
        "NotEnoughCpus": Row(_F, "the host has too few processors for it"),
        "SystemError": Row(_F, "vCenter reports an internal error", said=True),
        "MethodNotFound": Row(_F, "this vCenter does not know the operation"),
        "NotImplemented": Row(_F, "this vCenter does not have the operation"),
        # -- somebody with rights has to act
        "NoPermission": Row(_P, "the privilege {privilege} is missing", "have it granted"),
        "MethodDisabled": Row(
            _P, "the operation is disabled for it", "see which solution or backup disabled it"
        ),
        "RestrictedVersion": Row(_P, "the host's licence does not allow this"),
        "NotEnoughLicenses": Row(_P, "there are not enough licences for this"),
        "LicenseRestricted": Row(_P, "the licence does not allow this"),
        "RestrictedByAdministrator": Row(_P, "an administrator restricted this", said=True),
        "SecurityError": Row(_P, "vCenter's security refuses it", said=True),
    }
)

_UNKNOWN = Row(Means.GIVE_UP, "vCenter refuses it", said=True)

#: vMotion's own troubles come as faults of configuration or system; only their text tells.
_VMOTION_TROUBLE = re.compile(
    r"vmotion|migrat\w+.{0,80}(?:failed|timed out)|switchover time|precopy|pre-copy",
    re.IGNORECASE,
)
_VMOTION_FAULTS = frozenset({"GenericVmConfigFault", "SystemError", "PlatformConfigFault"})


def names_of(fault: object) -> list[str]:
    """The fault's own name and its ancestors', most specific first, as the wire writes them."""
    names = [getattr(cls, "_wsdlName", "") for cls in type(fault).__mro__]
    return [name for name in names if name]


def row_of(fault: object) -> tuple[str, Row]:
    """The fault's own name, and the row that says what it means."""
    names = names_of(fault)
    own = names[0] if names else type(fault).__name__
    if own in _VMOTION_FAULTS and _VMOTION_TROUBLE.search(_message(fault)):
        return own, Row(Means.RETRY, "vMotion did not succeed", said=True)
    for name in names:
        if name in FAULTS:
            return own, FAULTS[name]
    return own, _UNKNOWN


def error_from(fault: object, where: str = "") -> MarketError:
    """The error to raise, or to report, for a fault of a call or of a task.

    Args:
        fault: vSphere's fault object.
        where: the name of the object that it is about.

    Returns:
        A ``TransientFault``, ``StaleFault`` or ``FinalFault`` with the fault's own name, or a
        ``NotPermittedError``.
    """
    own, row = row_of(fault)
    what = row.what.format(privilege=_privilege(fault))
    message = _message(fault)
    if row.said and message:
        what = f"{what}: {message}"
    if own == "InsufficientMemoryResourcesFault":
        what += _memory_figures(fault)
    log.debug("fault %s on %s: %s", own, where or "vCenter", message)
    if row.means is Means.ASK:
        return NotPermittedError(what, where=where, cure=row.cure)
    cls = row.means.value
    assert issubclass(cls, ActionError)
    error: ActionError = cls(what, fault=own, where=where, cure=row.cure)
    return error


def action_error_from(fault: object, where: str = "") -> ActionError:
    """Like :func:`error_from`, for places that can only report an ``ActionError``.

    A missing privilege becomes a ``FinalFault``: this action cannot be done as things are.
    """
    error = error_from(fault, where)
    if isinstance(error, ActionError):
        return error
    return FinalFault(error.what, fault=row_of(fault)[0], where=error.where, cure=error.cure)


def outcome_unknown(where: str, cause: BaseException) -> OutcomeUnknown:
    """The connection was lost after the request may have left."""
    return OutcomeUnknown(
        f"the connection was lost before vCenter answered ({type(cause).__name__})",
        fault="ConnectionLost",
        where=where,
        cure="look for its task before anything is sent again",
    )


def _message(fault: object) -> str:
    """The fault's own words in one line, without a full stop."""
    text = str(getattr(fault, "msg", None) or getattr(fault, "reason", None) or "")
    return " ".join(text.split()).rstrip(".")


def _privilege(fault: object) -> str:
    return str(getattr(fault, "privilegeId", None) or "for this")


def _memory_figures(fault: object) -> str:
    """Both figures come in bytes."""
    unreserved, requested = (getattr(fault, name, None) for name in ("unreserved", "requested"))
    if unreserved is None or requested is None:
        return ""
    return f" ({requested >> 20} MiB asked for, {unreserved >> 20} MiB unreserved)"
