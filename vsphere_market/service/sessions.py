"""Sessions of browsers: a random cookie, kept as a hash, that ends with its token or by itself."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from vsphere_market.service.roles import Caller, Way
from vsphere_market.service.tokens import Token, TokenStore

#: The prefix makes browsers insist on TLS, on this host and on the whole path.
COOKIE = "__Host-vsphere-market"
IDLE_S = 3600.0
LONGEST_S = 12 * 3600.0
#: More sessions than this at once have no use; the one unused longest makes way.
_MOST = 2000


@dataclass(slots=True)
class _Session:
    caller: Caller
    token: str
    begun_s: float
    used_s: float


class SessionStore:
    """Who is logged in by cookie.

    Args:
        tokens: a session lasts no longer than its token.
        now_s: a clock that only goes forward.
    """

    def __init__(self, tokens: TokenStore, now_s: Callable[[], float] = time.monotonic) -> None:
        self._tokens = tokens
        self._now_s = now_s
        self._lock = threading.Lock()
        self._open: dict[str, _Session] = {}

    def begin(self, token: Token) -> tuple[Caller, str]:
        """Log in with a token; gives the caller and the cookie's value."""
        secret = secrets.token_urlsafe(32)
        key = _key(secret)
        caller = replace(token.caller, way=Way.COOKIE, csrf=secrets.token_urlsafe(24), session=key)
        now_s = self._now_s()
        with self._lock:
            self._forget(now_s)
            if len(self._open) >= _MOST:
                oldest = min(self._open, key=lambda item: self._open[item].used_s)
                del self._open[oldest]
            self._open[key] = _Session(caller, token.id, now_s, now_s)
        return caller, secret

    def whose(self, secret: str) -> Caller | None:
        """Who has that cookie, if the session goes on; it counts as use."""
        key, now_s = _key(secret), self._now_s()
        with self._lock:
            found = self._open.get(key)
            if found is None:
                return None
            if self._over(found, now_s) or self._tokens.alive(found.token) is None:
                del self._open[key]
                return None
            found.used_s = now_s
            return found.caller

    def end(self, key: str) -> None:
        """Log out. May be called twice."""
        with self._lock:
            self._open.pop(key, None)

    def _forget(self, now_s: float) -> None:
        for key in [key for key, item in self._open.items() if self._over(item, now_s)]:
            del self._open[key]

    @staticmethod
    def _over(session: _Session, now_s: float) -> bool:
        return now_s - session.used_s > IDLE_S or now_s - session.begun_s > LONGEST_S


def _key(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
