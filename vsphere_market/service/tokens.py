"""API tokens: made here, shown once, kept as hashes, each with a role and an end.

A token is 256 random bits, so a plain SHA-256 of it is kept: there is nothing to guess. The file is
read again whenever it has changed, so that revoking works at once, from any process.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vsphere_market.errors import BusyError, InputError, StorageError, UsageError
from vsphere_market.service.roles import ROLES, Caller, Role, Way

FORMAT = "vsphere-market/tokens/1"
#: What every token begins with, so that scanners for leaked secrets can know it.
PREFIX = "vsm_"
#: What a token may be called.
NAME = r"^[A-Za-z0-9][A-Za-z0-9 ._@:-]{0,79}$"
DEFAULT_DAYS = 90.0
_LONGEST_DAYS = 3650.0
_MOST = 1000
_DAY_S = 86_400.0
#: A lock older than this was left by a program that died.
_STALE_LOCK_S = 10.0
#: So long somebody else is waited for.
_PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is kept: everything but the secret.

    Attributes:
        id: names it, in lists and in the token itself.
        name: what it is for.
        role: how far it goes.
        digest: SHA-256 of the whole token, hexadecimal.
        created_s: Unix time.
        expires_s: Unix time.
    """

    id: str
    name: str
    role: Role
    digest: str
    created_s: float
    expires_s: float

    @property
    def caller(self) -> Caller:
        """Who comes with it."""
        return Caller(self.name, self.role, Way.TOKEN, f"token:{self.id}")


class TokenStore:
    """The tokens of one service.

    Args:
        path: the file; need not exist.
        now_s: our own clock, not the source's.
    """

    def __init__(self, path: Path, now_s: Callable[[], float] = time.time) -> None:
        self.path = path
        self._now_s = now_s
        self._lock = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._kept: dict[str, Token] = {}
        self._passing: dict[str, Token] = {}

    def create(self, name: str, role: Role, days: float = DEFAULT_DAYS) -> tuple[Token, str]:
        """Make a token; gives it and its secret, which nobody can ever ask for again.

        Raises:
            UsageError: no name, or a span that makes no sense.
            StorageError, BusyError: it cannot be written down.
        """
        token, secret = self._made(name, role, days)
        with self._lock, self._alone():
            kept = self._read()
            if len(kept) >= _MOST:
                raise UsageError(
                    f"there are {len(kept)} tokens already",
                    where=str(self.path),
                    cure="revoke those that nobody uses",
                )
            self._write({**kept, token.id: token})
        return token, secret

    def lend(self, name: str, role: Role, days: float = 1.0) -> tuple[Token, str]:
        """Make a token that lives only as long as this process. It is written nowhere."""
        token, secret = self._made(name, role, days)
        with self._lock:
            self._passing[token.id] = token
        return token, secret

    def revoke(self, wanted: str) -> Token:
        """End a token, by its id or its name.

        Raises:
            UsageError: there is none, or several of that name.
        """
        with self._lock, self._alone():
            kept = self._read()
            found = [token for token in kept.values() if wanted in (token.id, token.name)]
            if len(found) != 1:
                if found:
                    ids = ", ".join(token.id for token in found)
                    raise UsageError(
                        "several tokens have this name", where=wanted, cure=f"use {ids}"
                    )
                raise UsageError(
                    "is no token here", where=wanted, cure="`vsphere-market tokens list` has them"
                )
            del kept[found[0].id]
            self._write(kept)
        return found[0]

    def all(self) -> tuple[Token, ...]:
        """Tokens that are kept, expired ones among them, the oldest first."""
        with self._lock:
            self._refresh()
            return tuple(sorted(self._kept.values(), key=lambda token: token.created_s))

    def whose(self, secret: str) -> Token | None:
        """The token, if the secret is one's and it has not expired."""
        name = secret.removeprefix(PREFIX).partition("_")[0]
        digest = _digest(secret)
        token = self.alive(name) if secret.startswith(PREFIX) else None
        if token is None or not hmac.compare_digest(token.digest, digest):
            return None
        return token

    def alive(self, wanted: str) -> Token | None:
        """The token of that id, if it is neither revoked nor expired."""
        with self._lock:
            self._refresh()
            token = self._kept.get(wanted) or self._passing.get(wanted)
        return token if token is not None and self._now_s() < token.expires_s else None

    # ------------------------------------------------------------ the file

    def _made(self, name: str, role: Role, days: float) -> tuple[Token, str]:
        if not re.fullmatch(NAME, name) or name.endswith("\n"):
            raise UsageError(
                "a token needs a name: up to 80 letters, digits, blanks and . _ @ : -",
                where="NAME",
                cure="say what it is for, for example grafana",
            )
        if not 0 < days <= _LONGEST_DAYS:
            raise UsageError(
                f"{days:g} days make no sense", where="--days", cure="give between 1 and 3650"
            )
        number = secrets.token_hex(4)
        secret = f"{PREFIX}{number}_{secrets.token_urlsafe(32)}"
        now_s = self._now_s()
        return Token(number, name, role, _digest(secret), now_s, now_s + days * _DAY_S), secret

    def _refresh(self) -> None:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            self._seen, self._kept = None, {}
            return
        except OSError as problem:
            raise _unusable(self.path, problem) from None
        mark = (found.st_mtime_ns, found.st_size, found.st_ino)
        if mark != self._seen:
            self._kept = self._read()
            self._seen = mark

    def _read(self) -> dict[str, Token]:
        try:
            document = json.loads(self.path.read_text("utf-8"))
            if document["format"] != FORMAT:
                raise ValueError(f"its format is not {FORMAT}")
            return {item["id"]: _token(item) for item in document["tokens"]}
        except FileNotFoundError:
            return {}
        except OSError as problem:
            raise _unusable(self.path, problem) from None
        except (ValueError, KeyError, TypeError) as problem:
            raise InputError(
                f"is no file of tokens ({problem})",
                where=str(self.path),
                cure="put a copy back, or remove it and make new tokens",
            ) from None

    def _write(self, tokens: dict[str, Token]) -> None:
        document = {"format": FORMAT, "tokens": [_json(token) for token in tokens.values()]}
        fresh = self.path.with_name(f"{self.path.name}.{secrets.token_hex(4)}")
        try:
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(document, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self.path)
        except OSError as problem:
            with contextlib.suppress(OSError):
                fresh.unlink()
            raise _unusable(self.path, problem) from None

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from writing, or one of two changes would be lost."""
        lock = self.path.with_name(self.path.name + ".lock")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._take(lock)
        except OSError as problem:
            raise _unusable(self.path, problem) from None
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                lock.unlink()

    def _take(self, lock: Path) -> None:
        ends_s = time.monotonic() + _PATIENCE_S
        while True:
            with contextlib.suppress(FileNotFoundError):
                if time.time() - lock.stat().st_mtime > _STALE_LOCK_S:
                    lock.unlink()
            try:
                os.close(os.open(lock, os.O_CREAT | os.O_EXCL, 0o600))
            except FileExistsError:
                if time.monotonic() > ends_s:
                    raise BusyError(
                        "somebody else is changing the tokens",
                        where=str(self.path),
                        cure="try again",
                    ) from None
                time.sleep(0.01)
            else:
                return


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _json(token: Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "role": token.role.word,
        "sha256": token.digest,
        "created_s": token.created_s,
        "expires_s": token.expires_s,
    }


def _token(item: dict[str, Any]) -> Token:
    return Token(
        str(item["id"]),
        str(item["name"]),
        ROLES[item["role"]],
        str(item["sha256"]),
        float(item["created_s"]),
        float(item["expires_s"]),
    )


def _unusable(path: Path, problem: OSError) -> StorageError:
    return StorageError(
        f"the tokens cannot be kept there ({problem.strerror})",
        where=str(path),
        cure="check the permissions of the folder, or name another file with --tokens",
    )
