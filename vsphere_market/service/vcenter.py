"""Callers from inside the vSphere Client: who has the session, and which role goes with it."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Protocol

from vsphere_market.service.roles import Caller, Role, Way

#: What of vCenter's privileges, held on the root folder, makes which role. The largest wins. The
#: approver's is the market's own, which ``plugin register`` makes known to vCenter.
PRIVILEGES: Mapping[Role, tuple[str, ...]] = {
    Role.VIEWER: ("System.Read",),
    Role.APPROVER: ("System.Read", "VsphereMarket.Approve"),
    Role.OPERATOR: ("System.Read", "Resource.HotMigrate", "VirtualMachine.Config.Resource"),
    Role.ADMIN: (
        "System.Read",
        "Resource.HotMigrate",
        "VirtualMachine.Config.Resource",
        "Authorization.ModifyPermissions",
    ),
}
ASKED: tuple[str, ...] = tuple(
    dict.fromkeys(name for needed in PRIVILEGES.values() for name in needed)
)
#: As the Client SDK's own sample has it.
_KEPT = 100
_KEPT_S = 600.0


class _User(Protocol):
    @property
    def name(self) -> str:
        """The user's name."""

    @property
    def privileges(self) -> frozenset[str]:
        """What the user holds."""


class Cloner(Protocol):
    """Asks a vCenter who has a session (``adapter.cloning``)."""

    def user_of(self, token: str, privileges: tuple[str, ...]) -> _User | None:
        """Who it is, None where vCenter does not know it."""


class ClientSessions:
    """Remembers for ten minutes what vCenter said of a session. Only good news is remembered.

    Args:
        cloner: asks vCenter.
        now_s: a clock that only goes forward.
    """

    def __init__(self, cloner: Cloner, now_s: Callable[[], float] = time.monotonic) -> None:
        self._cloner = cloner
        self._now_s = now_s
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[Caller, float]] = OrderedDict()

    def whose(self, session: str) -> Caller | None:
        """Who has the session; None where vCenter does not know it, or lets them see nothing.

        Raises:
            UnreachableError, CertificateError: vCenter cannot be asked.
        """
        key = hashlib.sha256(session.encode("utf-8", "surrogatepass")).hexdigest()
        with self._lock:
            found = self._known.get(key)
            if found is not None and self._now_s() - found[1] < _KEPT_S:
                self._known.move_to_end(key)
                return found[0]
        user = self._cloner.user_of(session, ASKED)
        role = role_of(user.privileges) if user is not None else None
        if user is None or role is None:
            return None
        caller = Caller(user.name, role, Way.VCENTER, f"vcenter:{user.name}")
        with self._lock:
            self._known[key] = (caller, self._now_s())
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return caller


def role_of(privileges: frozenset[str]) -> Role | None:
    """The largest role that these privileges make; None for none."""
    fitting = [role for role, needed in PRIVILEGES.items() if privileges.issuperset(needed)]
    return max(fitting, default=None)
