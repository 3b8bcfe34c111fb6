"""Who has a session of the vSphere Client, told by vCenter itself.

A plugin's page hands over the session's token; vCenter turns it into a ticket that is good once,
and the ticket into a session of that user's own, which is asked for the user's name and privileges
and ended again. The address and the identity of the vCenter are ours, never the request's.

Source: the vSphere Client SDK's remote plugin sample (8.0U1): ``POST …/clone-ticket`` with
``{"vc_guid": …}``, then ``SessionManager.CloneSession``. The endpoint answers registered plugins
only. Not yet seen on a real vCenter.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import requests

from vsphere_market.adapter import soap
from vsphere_market.adapter.credentials import Credentials
from vsphere_market.adapter.session import Session, Timeouts
from vsphere_market.adapter.tags import wire
from vsphere_market.adapter.target import Target
from vsphere_market.errors import ActionError, NotPermittedError, UnreachableError
from vsphere_market.secret import Secret

log = logging.getLogger(__name__)

_PATH = "/api/ui/vcenter/session/clone-ticket"
HEADER = "vmware-api-session-id"
#: Sessions and tickets are longer than this by no known vCenter.
_LONGEST = 4096
_REFUSED = (400, 401, 403, 404)


@dataclass(frozen=True, slots=True)
class ClientUser:
    """Who has a session.

    Attributes:
        name: the user's name.
        privileges: those of the asked ones that the user holds on the root folder.
    """

    name: str
    privileges: frozenset[str]


class SessionCloner:
    """Asks one vCenter about sessions.

    Args:
        target: the vCenter.
        timeouts: how long to wait.
        tickets: where tickets are had, when it is not the same address.
    """

    def __init__(self, target: Target, timeouts: Timeouts | None = None, tickets: str = "") -> None:
        self._target = target
        self._timeouts = timeouts or Timeouts()
        self._tickets = tickets or f"https://{target.address}"
        self._guid = ""

    def user_of(self, token: str, privileges: tuple[str, ...]) -> ClientUser | None:
        """Who has the session with that token; None where vCenter does not know it.

        Raises:
            UnreachableError, CertificateError: vCenter cannot be asked.
        """
        if not token.isascii() or not token.isprintable() or len(token) > _LONGEST:
            return None
        ticket = self._ticket(token)
        if not ticket:
            return None
        cloned = _Cloned(self._target, ticket, self._timeouts)
        try:
            return cloned.who(privileges)
        except NotPermittedError:
            return None
        finally:
            cloned.close()

    def _ticket(self, token: str) -> str:
        if not self._guid:
            self._guid = _identity_of(self._target, self._timeouts)
        try:
            with wire(self._target, self._timeouts) as http:
                answer = http.post(
                    self._tickets + _PATH,
                    json={"vc_guid": self._guid},
                    headers={HEADER: token},
                    allow_redirects=False,
                )
        except requests.RequestException as problem:
            raise UnreachableError(
                f"does not tell whose session it is ({type(problem).__name__})",
                where=self._target.address,
                cure="see whether its services run",
            ) from None
        if answer.status_code in _REFUSED:
            log.info("no clone ticket (HTTP %d)", answer.status_code)
            return ""
        try:
            answer.raise_for_status()
            ticket = answer.json()["session_clone_ticket"]
        except (requests.RequestException, ValueError, KeyError, TypeError):
            raise UnreachableError(
                f"gives no clone ticket (HTTP {answer.status_code})",
                where=self._target.address,
                cure="see whether the plugin is registered there",
            ) from None
        return ticket if isinstance(ticket, str) and len(ticket) <= _LONGEST else ""


class _Cloned(Session):
    """A session that comes from a ticket instead of a password."""

    def __init__(self, target: Target, ticket: str, timeouts: Timeouts) -> None:
        super().__init__(target, Credentials("", Secret("")), timeouts)
        self._ticket = ticket

    def _login(self) -> Any:
        content = _content(self._stub)
        try:
            session = content.sessionManager.CloneSession(self._ticket)
        except soap.MethodFault:
            raise NotPermittedError(
                "the ticket is not taken", where=self.target.address, cure="log in again"
            ) from None
        self._logins += 1
        self._session_key = str(session.key)
        self._name = str(session.userName)
        return content

    def who(self, privileges: tuple[str, ...]) -> ClientUser:
        """The user, with what of these privileges they hold on the root folder.

        A vCenter that refuses the question is asked for each privilege by itself: one of ours may
        be unknown there, because an extension without it is registered.
        """
        try:
            held = self._held(privileges)
        except ActionError as problem:
            if problem.fault != "InvalidArgument":
                raise
            held = frozenset[str]().union(*(self._one(privilege) for privilege in privileges))
        return ClientUser(self._name, held)

    def _one(self, privilege: str) -> frozenset[str]:
        try:
            return self._held((privilege,))
        except ActionError as problem:
            if problem.fault != "InvalidArgument":
                raise
            log.info("vCenter does not know the privilege %s", privilege)
            return frozenset()

    def _held(self, privileges: tuple[str, ...]) -> frozenset[str]:
        def ask(content: Any) -> Any:
            return content.authorizationManager.HasPrivilegeOnEntities(
                [content.rootFolder], self.key, list(privileges)
            )

        held = {
            one.privId
            for answer in self.read(ask) or ()
            for one in answer.privAvailability or ()
            if one.isGranted
        }
        return frozenset(held) & frozenset(privileges)


class _Stranger(Session):
    """A connection without any login, for what a vCenter tells everybody."""

    def _login(self) -> Any:
        return _content(self._stub)

    def close(self) -> None:
        """Let go of the connection; there is no login to end."""
        self._content = None
        super().close()


def _identity_of(target: Target, timeouts: Timeouts) -> str:
    stranger = _Stranger(target, Credentials("", Secret("")), timeouts)
    try:
        return str(stranger.read(lambda content: content.about.instanceUuid))
    finally:
        stranger.close()


def _content(stub: Any) -> Any:
    return soap.reference(soap.vim.ServiceInstance, "ServiceInstance", stub).RetrieveContent()
