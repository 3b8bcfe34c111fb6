"""Who logs in. The password is looked for where the user put it, and shown nowhere.

Order: the environment (a password inside ``GOVC_URL``, then ``GOVC_PASSWORD``), the keyring, a
prompt. Never the command line.
"""

from __future__ import annotations

import hmac
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from vsphere_market.errors import NotPermittedError, UsageError

if TYPE_CHECKING:
    from vsphere_market.adapter.target import Target

log = logging.getLogger(__name__)

#: The service name under which ``keyring set`` stores a password for ``user@host``.
KEYRING_SERVICE = "vsphere-market"


class Secret:
    """A string that shows itself only when asked to by name.

    It cannot be pickled, printed, logged or formatted; only :meth:`reveal` gives the text.
    """

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        self.__text = text

    def reveal(self) -> str:
        """The text itself, for the one call that sends it."""
        return self.__text

    def __bool__(self) -> bool:
        return bool(self.__text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.__text.encode(), other.__text.encode())

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "<hidden>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not to be stored")


@dataclass(frozen=True, slots=True)
class Credentials:
    """A login name and its password."""

    user: str
    password: Secret


def keyring_password(service: str, account: str) -> str | None:
    """Ask the desktop's keyring; None when it has nothing, is locked, or does not exist."""
    import keyring
    from keyring.errors import KeyringError

    try:
        return keyring.get_password(service, account)
    except KeyringError as exc:
        log.debug("no help from the keyring: %s", type(exc).__name__)
        return None


def credentials_for(
    target: Target,
    *,
    environ: Mapping[str, str] = os.environ,
    prompt: Callable[[str], str] | None = None,
    keyring: Callable[[str, str], str | None] = keyring_password,
) -> Credentials:
    """Find the password for ``target.user``.

    Args:
        target: whom to log in to.
        environ: the process environment.
        prompt: asks a person for a password, given the question; None when nobody is there.
        keyring: looks a password up by service and account.

    Raises:
        UsageError: no user was named.
        NotPermittedError: no password was found anywhere.
    """
    if not target.user:
        raise UsageError(
            f"no user was named for {target.address}", cure="give --user, or set GOVC_USERNAME"
        )
    account = f"{target.user}@{target.host}"
    if target.url_password:
        return Credentials(target.user, target.url_password)
    if from_environment := environ.get("GOVC_PASSWORD"):
        return Credentials(target.user, Secret(from_environment))
    if stored := keyring(KEYRING_SERVICE, account):
        return Credentials(target.user, Secret(stored))
    if prompt is not None and (typed := prompt(f"Password of {target.user} at {target.address}: ")):
        return Credentials(target.user, Secret(typed))
    raise NotPermittedError(
        f"no password was found for {target.user}",
        where=target.address,
        cure=f"set GOVC_PASSWORD, or run: keyring set {KEYRING_SERVICE} {account}",
    )
