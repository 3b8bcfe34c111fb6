"""One login at one vCenter, kept alive.

Reads are repeated once when the session turns out to be dead or the connection was lost: asking
again changes nothing. Changes are never repeated after they may have left; only a request that the
server itself turned away for want of a login is sent again.

A dead session shows in three ways: ``NotAuthenticated``; ``ManagedObjectNotFound`` for a view or
another object of the session; success with every property missing for ``NotAuthenticated``. The
first two are told apart from true faults by asking for the current session; the third is raised as
:class:`SessionDead` by whoever reads properties.
"""

from __future__ import annotations

import http.client
import logging
import re
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from vsphere_market.adapter import soap
from vsphere_market.adapter.credentials import Credentials
from vsphere_market.adapter.faults import error_from, outcome_unknown
from vsphere_market.adapter.soap import vim
from vsphere_market.adapter.target import Target
from vsphere_market.adapter.tls import context_for, unreachable, untrusted
from vsphere_market.errors import MarketError, NotPermittedError, UnreachableError

log = logging.getLogger(__name__)
T = TypeVar("T")

_VERSIONS_PATH = "/sdk/vimServiceVersions.xml"
_VERSIONS_MAX_BYTES = 1 << 18


class SessionDead(Exception):
    """The server has forgotten the login. Never leaves this room."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait, in seconds.

    Attributes:
        probe_s: for the first contact and the certificate.
        request_s: between two pieces of an answer; a large vCenter may think for a while.
    """

    probe_s: float = 10.0
    request_s: float = 120.0


class Session:
    """A login at ``target``. Safe to be used by several threads.

    Args:
        target: where and how far to trust it.
        credentials: who logs in.
        timeouts: how long to wait.
    """

    def __init__(
        self, target: Target, credentials: Credentials, timeouts: Timeouts | None = None
    ) -> None:
        self.target = target
        self.timeouts = timeouts or Timeouts()
        self._credentials = credentials
        self._lock = threading.RLock()
        self._logins = 0
        self._closed = False
        self._stub: Any = None
        self._content: Any = None
        self._session_key = ""

    # ------------------------------------------------------------ what users of a session ask

    @property
    def content(self) -> Any:
        """The service content; connects and logs in when that has not been done yet."""
        if self._content is None:
            self._guarded(self._ensure_open)
        return self._content

    @property
    def stub(self) -> Any:
        """pyVmomi's stub, to make references with."""
        _ = self.content
        return self._stub

    @property
    def key(self) -> str:
        """The key of the session, for questions about its privileges."""
        _ = self.content
        return self._session_key

    @property
    def user(self) -> str:
        """The name that logs in."""
        return self._credentials.user

    @property
    def logins(self) -> int:
        """How often it logged in: 1, and one more for each session that died."""
        return self._logins

    def read(self, ask: Callable[[Any], T], where: str = "") -> T:
        """Run ``ask(content)``, which changes nothing; once more after a lost session.

        Args:
            ask: sends the requests. Whatever belongs to a session, views above all, is to be
                created in it, since it is gone after a new login.
            where: the name of the object asked about, for errors.

        Raises:
            UnreachableError, CertificateError, NotPermittedError: it cannot be talked to.
            ActionError: the server answered with a fault.
        """
        return self._guarded(lambda: self._read(ask), where)

    def change(self, ask: Callable[[Any], T], where: str = "") -> T:
        """Run ``ask(content)``, a single request that changes something, once.

        Raises:
            OutcomeUnknown: the connection was lost after the request may have left.
            UnreachableError, CertificateError, NotPermittedError: it never left.
            ActionError: the server refused it.
        """
        return self._guarded(lambda: self._change(ask, where), where)

    def close(self) -> None:
        """Log out, as well as that still goes. Never raises; may be called twice."""
        with self._lock:
            stub, content = self._stub, self._content
            self._stub = self._content = None
            self._closed = True
        if stub is None:
            return
        try:
            if content is not None:
                content.sessionManager.Logout()
        except soap.ANY_FAILURE as exc:
            log.debug("logging out failed: %s", type(exc).__name__)
        finally:
            stub.DropConnections()

    # ------------------------------------------------------------ repeating, or not

    def _read(self, ask: Callable[[Any], T]) -> T:
        renewed = reconnected = False
        while True:
            content, login = self._ensure_open()
            try:
                return ask(content)
            except soap.CONNECTION_LOST as exc:
                if reconnected:
                    raise
                log.info("lost %s (%s); asking again", self.target.address, type(exc).__name__)
                reconnected = True
            except (SessionDead, soap.MethodFault, soap.UnreadableAnswer) as exc:
                if renewed or not self._is_dead(exc, content):
                    raise
                log.info("the session at %s has ended", self.target.address)
                self._renew(login)
                renewed = True

    def _change(self, ask: Callable[[Any], T], where: str) -> T:
        content, login = self._ensure_open()
        try:
            try:
                return ask(content)
            except soap.NotAuthenticated:
                # Turned away at the door: nothing was done, so sending it again is safe.
                log.info("the session at %s has ended", self.target.address)
                return ask(self._renew(login))
        except soap.NO_CLEAR_ANSWER as exc:
            raise outcome_unknown(where, exc) from exc

    def _is_dead(self, exc: Exception, content: Any) -> bool:
        """Tell the faults of a dead session from real ones, by asking for the session."""
        if isinstance(exc, SessionDead | soap.NotAuthenticated):
            return True
        try:
            return content.sessionManager.currentSession is None
        except soap.MethodFault:
            return True

    def _guarded(self, work: Callable[[], T], where: str = "") -> T:
        """Turn everything that pyVmomi and the network can raise into the project's errors."""
        try:
            return work()
        except MarketError:
            raise
        except soap.ConnectFailed as exc:
            raise self._no_connection(exc.cause) from exc.cause
        except (SessionDead, soap.NotAuthenticated):
            raise NotPermittedError(
                "the login is refused again and again",
                where=self.target.address,
                cure="see whether the account's sessions are being ended by somebody",
            ) from None
        except soap.MethodFault as fault:
            raise error_from(fault, where or self.target.address) from None
        except soap.CONNECTION_LOST as exc:
            raise self._no_connection(exc) from exc
        except soap.UnreadableAnswer as exc:
            raise UnreachableError(
                f"answers with something that this program cannot read ({exc})",
                where=self.target.address,
                cure="see whether a newer pyVmomi knows this vCenter's version",
            ) from exc

    def _no_connection(self, cause: Exception) -> UnreachableError:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return untrusted(self.target, cause, self.timeouts.probe_s)
        return unreachable(self.target, cause)

    # ------------------------------------------------------------ connecting

    def _ensure_open(self) -> tuple[Any, int]:
        """The service content and the number of the login that it belongs to."""
        with self._lock:
            if self._closed:
                raise UnreachableError("the connection is closed", where=self.target.address)
            if self._content is None:
                if self._stub is None:
                    self._stub = self._connect()
                self._content = self._login()
            return self._content, self._logins

    def _renew(self, login: int) -> Any:
        """Log in again, unless another thread has done so since login number ``login``."""
        with self._lock:
            if self._logins == login:
                self._content = None
                # Login on a half-living session is refused, so its cookie is left behind.
                self._stub.SetSessionId(None)
            return self._ensure_open()[0]

    def _connect(self) -> Any:
        """Find the newest API version that both sides speak. Nothing secret is sent yet."""
        target = self.target
        context = context_for(target, self.timeouts.probe_s)
        served = self._served_versions(context)
        version = next((name for name, wire in soap.known_versions() if wire in served), None)
        if version is None:
            raise UnreachableError(
                "offers no API version that this program speaks",
                where=target.address,
                cure="it may be older than vSphere 5; see the README for supported versions",
            )
        return soap.Stub(
            host=target.host,
            port=-target.port if target.plain_http else target.port,
            version=version,
            sslContext=context,
            httpConnectionTimeout=self.timeouts.request_s,
            connectionPoolTimeout=60,
        )

    def _served_versions(self, context: ssl.SSLContext | None) -> set[str]:
        """Ask a would-be vCenter which API versions it serves."""
        target = self.target
        timeout = self.timeouts.probe_s
        connection: http.client.HTTPConnection
        if context is None:
            connection = http.client.HTTPConnection(target.host, target.port, timeout=timeout)
        else:
            connection = http.client.HTTPSConnection(
                target.host, target.port, timeout=timeout, context=context
            )
        try:
            connection.request("GET", _VERSIONS_PATH)
            answer = connection.getresponse()
            text = answer.read(_VERSIONS_MAX_BYTES).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as exc:
            raise soap.ConnectFailed(exc) from exc
        finally:
            connection.close()
        if answer.status in (http.client.BAD_GATEWAY, http.client.SERVICE_UNAVAILABLE):
            raise UnreachableError(
                f"is there, but its services are not (HTTP {answer.status})",
                where=target.address,
                cure="wait until vCenter has started, or look at its services",
            )
        if answer.status != http.client.OK or "urn:vim25" not in text:
            raise UnreachableError(
                f"answers, but is no vCenter (HTTP {answer.status})",
                where=target.address,
                cure="check the address and the port",
            )
        return set(re.findall(r"<version>\s*([\w.]+)\s*</version>", text))

    def _login(self) -> Any:
        """Log in and return the service content."""
        target = self.target
        instance = soap.reference(vim.ServiceInstance, "ServiceInstance", self._stub)
        content = instance.RetrieveContent()
        if content.about.apiType != "VirtualCenter":
            raise UnreachableError(
                f"is {content.about.fullName or 'a host'}, no vCenter",
                where=target.address,
                cure="name the vCenter that manages this host",
            )
        try:
            session = content.sessionManager.Login(
                self._credentials.user, self._credentials.password.reveal(), None
            )
        except soap.InvalidLogin:
            # The fault is not shown: it has nothing to add.
            raise NotPermittedError(
                f"the user name {self._credentials.user} or the password is wrong",
                where=target.address,
                cure="check both; the name is usually like user@vsphere.local",
            ) from None
        except soap.NO_ENTRY as fault:
            raise NotPermittedError(
                f"{self._credentials.user} may not log in ({soap.type_name(fault)})",
                where=target.address,
                cure="see whether the account is locked, expired or without any role",
            ) from None
        self._logins += 1
        self._session_key = str(session.key)
        log.info(
            "logged in at %s as %s (%s, API %s)",
            target.address,
            self._credentials.user,
            content.about.fullName,
            self._stub.version,
        )
        # What was read before the login may lack what only a user is told.
        return instance.RetrieveContent()


class VCenterClock:
    """vCenter's time: this machine's monotonic clock plus a measured offset.

    Not the wall clock of this machine, which may be wrong, and may jump.
    """

    def __init__(self) -> None:
        self._offset_s = time.time() - time.monotonic()

    def now_s(self) -> float:
        """Unix time at the vCenter, seconds."""
        return time.monotonic() + self._offset_s

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(max(0.0, seconds))

    def measure(self, session: Session) -> float:
        """Ask vCenter for its time, and return it; half of the round trip is taken off."""

        def ask(_content: Any) -> tuple[float, float]:
            instance = soap.reference(vim.ServiceInstance, "ServiceInstance", session.stub)
            before = time.monotonic()
            told = instance.CurrentTime().timestamp()
            return told, (before + time.monotonic()) / 2

        told, at = session.read(ask)
        self._offset_s = told - at
        return self.now_s()

    @property
    def skew_s(self) -> float:
        """How far vCenter's clock is ahead of this machine's wall clock, seconds."""
        return self.now_s() - time.time()
