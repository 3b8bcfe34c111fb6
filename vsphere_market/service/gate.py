"""The outermost layer of the application: admits requests, bounds them, and dresses answers.

Plain ASGI: it costs a few microseconds, and whatever goes wrong inside still ends in a problem
document with the same headers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from anyio import to_thread

from vsphere_market.errors import MarketError
from vsphere_market.service.access import VCENTER_HEADER, Access, Asked
from vsphere_market.service.problems import (
    MEDIA_TYPE,
    HttpProblem,
    problem_bytes,
    problem_of,
    status_of,
    unexpected,
)

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'self'; form-action 'none'; "
    "frame-ancestors {ancestors}"
)


class Gate:
    """See the module.

    Args:
        app: what lies inside.
        access: who may come in.
        body_bytes: a longer body is refused.
        ancestors: origins that may embed our pages; empty for none.
        strict: tell browsers to insist on TLS. Not on loopback, where other programs that know no
            TLS share the name.
        answered: told the method and the status of each answer.
    """

    def __init__(
        self,
        app: ASGIApp,
        access: Access,
        body_bytes: int,
        ancestors: tuple[str, ...],
        *,
        strict: bool,
        answered: Callable[[str, int], None],
    ) -> None:
        self._app = app
        self._access = access
        self._most = body_bytes
        self._answered = answered
        policy = _POLICY.format(
            ancestors=" ".join(("'self'", *ancestors)) if ancestors else "'none'"
        )
        dress = {
            "content-security-policy": policy,
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
        }
        if strict:
            dress["strict-transport-security"] = "max-age=31536000"
        if not ancestors:
            dress["x-frame-options"] = "DENY"
        self._dress = [(name.encode(), value.encode()) for name, value in dress.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        begun = False

        async def dressed(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                self._answered(scope["method"], message["status"])
                message["headers"] = [*message.get("headers", ()), *self._dress]
                _default(message, b"cache-control", b"no-store")
            await send(message)

        asked = _asked(scope)
        try:
            if VCENTER_HEADER in asked.headers:
                # vCenter may have to be asked, which takes a while.
                caller = await to_thread.run_sync(self._access.admit, asked)
            else:
                caller = self._access.admit(asked)
            if int(asked.headers.get("content-length") or 0) > self._most:
                raise _too_large(self._most)
            scope.setdefault("state", {})["caller"] = caller
            await self._app(scope, _bounded(receive, self._most), dressed)
        except MarketError as error:
            if begun:
                raise
            await _answer(error, asked.path, dressed)
        except Exception as error:
            log.exception("%s %s failed", asked.method, asked.path)
            if begun:
                raise
            await _answer(unexpected(error), asked.path, dressed)


def _asked(scope: Scope) -> Asked:
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
    }
    length = headers.get("content-length", "")
    if length and not length.isdecimal():
        headers["content-length"] = "0"  # the server counts itself
    client = scope.get("client")
    return Asked(scope["method"], scope["path"], headers, client[0] if client else "")


def _bounded(receive: Receive, most: int) -> Receive:
    """Count what comes, since nobody has to tell its length beforehand."""
    came = 0

    async def counted() -> Message:
        nonlocal came
        message = await receive()
        if message["type"] == "http.request":
            came += len(message.get("body", b""))
            if came > most:
                raise _too_large(most)
        return message

    return counted


def _too_large(most: int) -> HttpProblem:
    return HttpProblem(
        413, "too-large", f"the request is longer than {most} bytes", cure="send less at once"
    )


def _default(message: MutableMapping[str, Any], name: bytes, value: bytes) -> None:
    if not any(given.lower() == name for given, _ in message["headers"]):
        message["headers"].append((name, value))


async def _answer(error: MarketError, path: str, send: Send) -> None:
    status, _ = status_of(error)
    body = problem_bytes(problem_of(error, path))
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    if isinstance(error, HttpProblem):
        headers += [(k.lower().encode(), v.encode()) for k, v in error.headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
