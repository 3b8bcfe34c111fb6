"""Whether a request may come in at all: from where, who sends it, and how often.

Asked before anything of a request is parsed. What needs a role beyond that is asked by the route
(``routing``).
"""

from __future__ import annotations

import base64
import hmac
import math
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Protocol
from urllib.parse import urlsplit

from vsphere_market.service.problems import HttpProblem
from vsphere_market.service.rates import Rates
from vsphere_market.service.roles import Caller, Way
from vsphere_market.service.sessions import COOKIE, SessionStore
from vsphere_market.service.settings import Limits
from vsphere_market.service.tokens import TokenStore

CSRF_HEADER = "x-csrf-token"
VCENTER_HEADER = "vmware-api-session-id"
#: What changes nothing.
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
#: What anybody may ask: is it alive, what can it do, and the console's own files, which hold no
#: data. Logging in is open, too.
OPEN = frozenset({"/healthz", "/readyz", "/openapi.json"})
_LOGIN = ("POST", "/v1/session")


class VCenterSessions(Protocol):
    """Tells who has a session of vCenter."""

    def whose(self, session: str) -> Caller | None:
        """Who it is, or None when vCenter does not know it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What matters of a request.

    Attributes:
        method: upper case.
        path: decoded.
        headers: by lower-case name; of one that came twice, the last.
        address: of the other end.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    address: str


class Access:
    """The gatekeeper.

    Args:
        tokens: of this service.
        sessions: of browsers.
        vcenter: sessions of vCenter; None where the source is none.
        hosts: values of the Host header that mean us, lower case, with port.
        origins: origins of pages that may call.
        limits: how often.
    """

    def __init__(
        self,
        tokens: TokenStore,
        sessions: SessionStore,
        vcenter: VCenterSessions | None,
        *,
        hosts: frozenset[str],
        origins: frozenset[str],
        limits: Limits,
    ) -> None:
        self._tokens = tokens
        self._sessions = sessions
        self._vcenter = vcenter
        self._hosts = hosts
        self._origins = origins
        self._reads = Rates(limits.reads_per_s, limits.reads_per_s * limits.burst_s)
        self._writes = Rates(limits.writes_per_s, limits.writes_per_s * limits.burst_s)
        per_s = limits.failures_per_min / 60.0
        self._failures = Rates(per_s, limits.failures_per_min)

    def admit(self, asked: Asked) -> Caller | None:
        """Who calls; None where anybody may.

        Raises:
            HttpProblem: the request may not come in.
        """
        self._from_here(asked)
        if asked.path in OPEN or not _guarded(asked.path):
            return None
        if (asked.method, asked.path) == _LOGIN:
            self._patient(asked)
            return None
        caller = self._who(asked)
        if caller.way is Way.COOKIE and asked.method not in SAFE:
            self._meant(asked, caller)
        self._not_too_often(asked, caller)
        return caller

    def failed(self, address: str) -> None:
        """A login from there was wrong."""
        self._failures.take(address)

    # ------------------------------------------------------------ the parts

    def _from_here(self, asked: Asked) -> None:
        """Addressed to us, and not sent by some foreign page."""
        host = asked.headers.get("host", "").lower()
        if host not in self._hosts:
            raise HttpProblem(
                403,
                "wrong-host",
                "the request is addressed to another host",
                where=host[:200],
                cure="use a name that the service knows, or start it with --name",
            )
        origin = asked.headers.get("origin")
        if origin is None:
            return
        if origin not in self._origins and _host_of(origin) != host:
            raise HttpProblem(
                403,
                "wrong-origin",
                "a page of another origin may not call this service",
                where=origin[:200],
                cure="start the service with --allow-origin if it should",
            )

    def _who(self, asked: Asked) -> Caller:
        headers = asked.headers
        self._patient(asked)
        given = headers.get("authorization", "")
        if given:
            token = self._tokens.whose(_secret_of(given))
            if token is None:
                raise self._refused(asked, "the token is not valid (any more)")
            return token.caller
        if VCENTER_HEADER in headers:
            if self._vcenter is None:
                raise self._refused(
                    asked, "this service has no vCenter that could know the session"
                )
            caller = self._vcenter.whose(headers[VCENTER_HEADER])
            if caller is None:
                raise self._refused(asked, "vCenter does not know the session (any more)")
            return caller
        secret = _cookie(headers.get("cookie", ""))
        if secret:
            found = self._sessions.whose(secret)
            if found is None:
                raise self._refused(asked, "the session has ended")
            return found
        raise _nobody("no token was given")

    def _refused(self, asked: Asked, what: str) -> HttpProblem:
        self.failed(asked.address)
        return _nobody(what)

    def _patient(self, asked: Asked) -> None:
        """Who was wrong too often has to wait."""
        wait_s = self._failures.wait_s(asked.address)
        if wait_s > 0:
            raise _too_often("too many logins from there were wrong", wait_s)

    def _meant(self, asked: Asked, caller: Caller) -> None:
        """A browser adds its cookie to whatever any page sends; only our own knows the rest."""
        if "origin" not in asked.headers:
            raise HttpProblem(
                403,
                "no-origin",
                "a change with a cookie has to say from which page it comes",
                cure="browsers do so by themselves; programs send a token instead of a cookie",
            )
        if not _same(asked.headers.get(CSRF_HEADER, ""), caller.csrf):
            raise HttpProblem(
                403,
                "no-csrf-token",
                "a change with a cookie needs the session's CSRF token",
                where=CSRF_HEADER,
                cure="send the csrf_token that /v1/session gives",
            )

    def _not_too_often(self, asked: Asked, caller: Caller) -> None:
        rates = self._reads if asked.method in SAFE else self._writes
        wait_s = rates.take(caller.key)
        if wait_s > 0:
            raise _too_often("too many requests", wait_s)


def _guarded(path: str) -> bool:
    """Whether a path leads to data. Everything else can only be the console's files."""
    return path.startswith(("/v1/", "/metrics")) or path == "/v1"


def _nobody(what: str) -> HttpProblem:
    return HttpProblem(
        401,
        "no-token",
        what,
        cure="send `Authorization: Bearer TOKEN`; `vsphere-market tokens create` makes one",
        headers={"WWW-Authenticate": "Bearer"},
    )


def _too_often(what: str, wait_s: float) -> HttpProblem:
    seconds = max(1, math.ceil(wait_s))
    return HttpProblem(
        429,
        "too-often",
        what,
        cure=f"wait {seconds} s",
        headers={"Retry-After": str(seconds)},
    )


def _host_of(origin: str) -> str:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return ""
    return parts.netloc.lower() if parts.scheme == "https" else ""


def _secret_of(header: str) -> str:
    """The token in an Authorization header; with Basic it is the password, whatever the name."""
    scheme, _, given = header.partition(" ")
    match scheme.lower():
        case "bearer":
            return given.strip()
        case "basic":
            try:
                return base64.b64decode(given.strip(), validate=True).decode().partition(":")[2]
            except ValueError:
                return ""
        case _:
            return ""


def _cookie(header: str) -> str:
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found is not None else ""


def _same(given: str, wanted: str) -> bool:
    return bool(wanted) and hmac.compare_digest(given.encode(), wanted.encode())
