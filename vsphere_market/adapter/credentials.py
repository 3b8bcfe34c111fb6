"""Who logs in. The password is looked for where the user put it, and shown nowhere.

Order: a password inside ``GOVC_URL``; ``GOVC_PASSWORD``, ``GOVC_PASSWORD_FILE`` or
``GOVC_PASSWORD_VAULT``; the keyring; a prompt. Never the command line.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vsphere_market.errors import NotPermittedError, UsageError
from vsphere_market.secret import KEYRING_SERVICE, Secret, find_secret, keyring_password

if TYPE_CHECKING:
    from vsphere_market.adapter.target import Target

#: What the password is called in the environment, as govc has it.
PASSWORD = "GOVC_PASSWORD"  # noqa: S105 - the name, not the password


@dataclass(frozen=True, slots=True)
class Credentials:
    """A login name and its password."""

    user: str
    password: Secret


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
        UsageError: no user was named, or two places of the password.
        InputError: the file with the password cannot be used.
        UnreachableError: nor can Vault.
        NotPermittedError: no password was found anywhere, or Vault does not give it.
    """
    if not target.user:
        raise UsageError(
            f"no user was named for {target.address}", cure="give --user, or set GOVC_USERNAME"
        )
    account = f"{target.user}@{target.host}"
    if target.url_password:
        return Credentials(target.user, target.url_password)
    if found := find_secret(PASSWORD, account=account, environ=environ, keyring=keyring):
        return Credentials(target.user, found)
    if prompt is not None and (typed := prompt(f"Password of {target.user} at {target.address}: ")):
        return Credentials(target.user, Secret(typed))
    raise NotPermittedError(
        f"no password was found for {target.user}",
        where=target.address,
        cure=f"set {PASSWORD} or {PASSWORD}_FILE, or run: keyring set {KEYRING_SERVICE} {account}",
    )
