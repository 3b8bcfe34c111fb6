"""pyVmomi, fenced in.

pyVmomi builds its classes at run time, so mypy learns little from them. Everything of it that this
room uses passes through here, typed ``Any`` once, instead of unchecked attributes all over.
"""

from __future__ import annotations

from http.client import HTTPException
from typing import Any
from xml.parsers.expat import ExpatError

from pyVmomi import SoapAdapter, VmomiSupport
from pyVmomi import vim as _vim
from pyVmomi import vmodl as _vmodl

from vsphere_market.adapter.answers import Responses

# pyVmomi's stub offers no other way to choose who reads its answers.
vars(SoapAdapter)["SoapResponseDeserializer"] = Responses

vim: Any = _vim
vmodl: Any = _vmodl

#: The class of all references.
ManagedObject: Any = VmomiSupport.ManagedObject
#: Any answer of the server that says no.
MethodFault: Any = vmodl.MethodFault
NotAuthenticated: Any = vim.fault.NotAuthenticated
ManagedObjectNotFound: Any = vmodl.fault.ManagedObjectNotFound
# pyVmomi looks names up when they are first used: here, so that a wrong one is found at once.
RestrictedByAdministrator: Any = vim.fault.RestrictedByAdministrator
InvalidProperty: Any = vmodl.query.InvalidProperty
InvalidLogin: Any = vim.fault.InvalidLogin
#: Refusals of a login for want of rights.
NO_ENTRY: tuple[Any, ...] = (vim.fault.NoPermission, vmodl.fault.SecurityError)

#: The ways in which a connection that was once there ends: resets, time-outs, half an answer.
CONNECTION_LOST: tuple[type[Exception], ...] = (OSError, HTTPException, ExpatError)


class ConnectFailed(Exception):
    """No connection came about, so no request can have left. ``cause`` says why."""

    def __init__(self, cause: Exception) -> None:
        self.cause = cause
        super().__init__(type(cause).__name__)


class UnreadableAnswer(Exception):
    """The server answered with something that pyVmomi does not know, such as a newer type."""

    def __init__(self, cause: Exception) -> None:
        self.cause = cause
        super().__init__(f"{type(cause).__name__}: {cause}")


class Stub(SoapAdapter.SoapStubAdapter):
    """pyVmomi's connection pool, telling "never connected" from "lost on the way"."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)  # type: ignore[no-untyped-call]

    def InvokeMethod(self, mo: Any, info: Any, args: Any, outerStub: Any = None) -> Any:  # noqa: N802, N803 - pyVmomi's names
        """Send a request and read the answer. Raises UnreadableAnswer."""
        try:
            return super().InvokeMethod(mo, info, args, outerStub)  # type: ignore[no-untyped-call]
        except (KeyError, TypeError, AttributeError, ValueError) as exc:
            raise UnreadableAnswer(exc) from exc

    def GetConnection(self) -> Any:  # noqa: N802 - pyVmomi's name
        """A live connection from the pool, or a new one. Raises ConnectFailed."""
        try:
            return super().GetConnection()  # type: ignore[no-untyped-call]
        except (OSError, HTTPException) as exc:
            raise ConnectFailed(exc) from exc


def known_versions() -> tuple[tuple[str, str], ...]:
    """The API versions this pyVmomi speaks, newest first, as (its name, the wire's id)."""
    names = VmomiSupport.GetServiceVersions("vim25")  # type: ignore[no-untyped-call]
    return tuple((name, VmomiSupport.versionIdMap[name]) for name in names)


def type_name(value: object) -> str:
    """vSphere's own name of a managed object's or data object's type."""
    return str(getattr(type(value), "_wsdlName", type(value).__name__))


def moid(reference: Any) -> str:
    """The managed object id of a reference."""
    return str(reference._moId)  # noqa: SLF001 - pyVmomi has no public name for it


def reference(managed_type: Any, object_id: str, stub: Any) -> Any:
    """A reference to an object known by its id; nothing is sent."""
    return managed_type(object_id, stub)


#: The request may have done its work, and nobody will say.
NO_CLEAR_ANSWER: tuple[type[Exception], ...] = (UnreadableAnswer, *CONNECTION_LOST)
#: Everything that a request can end in besides an answer, for places that go on regardless.
ANY_FAILURE: tuple[Any, ...] = (MethodFault, ConnectFailed, *NO_CLEAR_ANSWER)
