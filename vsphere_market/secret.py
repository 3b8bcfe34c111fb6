"""Secrets: where they may be, and that they show themselves nowhere.

A setting that is secret has a name, such as ``GOVC_PASSWORD``, and may come from four places, in
this order:

1. the environment: ``NAME``;
2. a file: ``NAME_FILE`` names it. Others than its owner must not be able to read it;
3. HashiCorp Vault: ``NAME_VAULT`` says where, as ``MOUNT/PATH#FIELD``;
4. the desktop's keyring.

Never from the command line, a policy, a plan or any other file. How Vault is reached is said by
Vault's own variables: ``VAULT_ADDR``, ``VAULT_CACERT``, ``VAULT_NAMESPACE``, and either
``VAULT_TOKEN`` (or ``VAULT_TOKEN_FILE``) or an AppRole's ``VAULT_ROLE_ID`` and
``VAULT_SECRET_ID`` (or ``VAULT_SECRET_ID_FILE``). ``VAULT_KV_VERSION`` is 2 unless it says 1.
"""

from __future__ import annotations

import hmac
import logging
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from vsphere_market.errors import (
    InputError,
    NotPermittedError,
    UnreachableError,
    UsageError,
)

log = logging.getLogger(__name__)

#: The service name under which ``keyring set`` stores a secret.
KEYRING_SERVICE = "vsphere-market"
#: A secret file is one line; nothing that long is one.
_MOST_BYTES = 65_536
#: Seconds that Vault may take to answer.
_VAULT_TIMEOUT_S = 10.0


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


def keyring_password(service: str, account: str) -> str | None:
    """Ask the desktop's keyring; None when it has nothing, is locked, or does not exist."""
    import keyring
    from keyring.errors import KeyringError

    try:
        return keyring.get_password(service, account)
    except KeyringError as exc:
        log.debug("no help from the keyring: %s", type(exc).__name__)
        return None


def find_secret(
    name: str,
    *,
    account: str = "",
    environ: Mapping[str, str] = os.environ,
    keyring: Callable[[str, str], str | None] = keyring_password,
) -> Secret | None:
    """Look for a secret setting; None when it is nowhere.

    Args:
        name: what it is called, e.g. ``GOVC_PASSWORD``.
        account: what the keyring calls it; "" not to ask the keyring.
        environ: the process environment.
        keyring: looks a password up by service and account.

    Raises:
        UsageError: two places are named, or one of them wrongly.
        InputError: a file cannot be used, or others can read it.
        UnreachableError, NotPermittedError: Vault does not give it.
    """
    given = [place for place in (name, f"{name}_FILE", f"{name}_VAULT") if environ.get(place)]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} are both set", cure="set one of them")
    if environ.get(name):
        return Secret(environ[name])
    if path := environ.get(f"{name}_FILE"):
        return secret_from_file(Path(path), where=f"{name}_FILE")
    if reference := environ.get(f"{name}_VAULT"):
        return secret_from_vault(reference, where=f"{name}_VAULT", environ=environ)
    if account and (stored := keyring(KEYRING_SERVICE, account)):
        return Secret(stored)
    return None


def secret_from_file(path: Path, *, where: str) -> Secret:
    """Read a secret from a file of its own, without the line's end.

    Args:
        path: the file.
        where: the setting that named it, for errors.

    Raises:
        InputError: it is none, is empty, or is open to others.
    """
    try:
        # The file that is looked at is the file that is read, whatever happens to its name.
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            _require_private(status, path, where)
            data = file.read(_MOST_BYTES + 1)
    except OSError as exc:
        raise InputError(f"{path} cannot be read ({exc.strerror})", where=where) from None
    try:
        text = data.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise InputError(f"{path} holds no text", where=where) from None
    if not text or len(data) > _MOST_BYTES or "\n" in text:
        raise InputError(
            f"{path} does not hold one line", where=where, cure="put the secret alone into it"
        )
    return Secret(text)


def _require_private(status: os.stat_result, path: Path, where: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{path} is no file", where=where)
    if os.name != "posix":  # Windows keeps rights elsewhere
        return
    if status.st_mode & 0o077:
        raise InputError(
            f"{path} is open to others (mode {stat.S_IMODE(status.st_mode):04o})",
            where=where,
            cure=f"run: chmod 400 {path}; in Kubernetes, set defaultMode: 0400 on the volume",
        )


# ---------------------------------------------------------------- Vault


def secret_from_vault(
    reference: str, *, where: str, environ: Mapping[str, str] = os.environ
) -> Secret:
    """Read one field of a key-value secret of HashiCorp Vault, version 1 or 2 of the engine.

    Args:
        reference: ``MOUNT/PATH#FIELD``; the field is ``password`` when it is left out.
        where: the setting that said so, for errors.
        environ: Vault's own variables.

    Raises:
        UsageError: something is not set, or hvac is not installed.
        UnreachableError: Vault does not answer.
        NotPermittedError: it does not let us in, or has no such secret.
    """
    mount, path, key = _parts(reference, where)
    version = environ.get("VAULT_KV_VERSION", "2")
    if version not in ("1", "2"):
        raise UsageError(
            f"{version} is no version of Vault's key-value engine",
            where="VAULT_KV_VERSION",
            cure="1 or 2",
        )
    address = environ.get("VAULT_ADDR", "")
    if not address.startswith(("https://", "http://")):
        raise UsageError(
            "Vault's address is not set", where="VAULT_ADDR", cure="for example https://vault:8200"
        )
    try:
        import hvac
        import hvac.exceptions
        import requests
    except ImportError:
        raise UsageError(
            "reading from Vault needs a part that is not installed",
            where=where,
            cure="pip install 'vsphere-market[vault]'",
        ) from None
    try:
        client = hvac.Client(
            url=address,
            verify=environ.get("VAULT_CACERT") or True,
            namespace=environ.get("VAULT_NAMESPACE") or None,
            timeout=_VAULT_TIMEOUT_S,
        )
        _log_in(client, environ)
        found = _fields(client, mount, path, version)
    except hvac.exceptions.InvalidPath:
        raise NotPermittedError(
            f"Vault has no secret {path} at {mount}",
            where=where,
            cure="check the path, and VAULT_KV_VERSION",
        ) from None
    except (
        hvac.exceptions.Forbidden,
        hvac.exceptions.Unauthorized,
        hvac.exceptions.InvalidRequest,
    ):
        # What Vault answers is not shown: it may quote what it was sent.
        raise NotPermittedError(
            f"Vault does not let us read {path} at {mount}",
            where=where,
            cure="check the token, or the AppRole, and its policy",
        ) from None
    except (hvac.exceptions.VaultError, requests.RequestException, OSError, ValueError) as exc:
        raise UnreachableError(
            f"Vault does not give the secret ({type(exc).__name__})",
            where=address,
            cure="see whether it is sealed, and whether VAULT_ADDR and VAULT_CACERT are right",
        ) from None
    value = found.get(key)
    if not isinstance(value, str) or not value:
        raise NotPermittedError(
            f"Vault's secret {path} at {mount} has no field {key}",
            where=where,
            cure="name the field after #",
        )
    return Secret(value)


def _parts(reference: str, where: str) -> tuple[str, str, str]:
    place, _, key = reference.partition("#")
    mount, _, path = place.strip("/").partition("/")
    if not mount or not path:
        raise UsageError(
            f"{reference} names no secret of Vault", where=where, cure="write MOUNT/PATH#FIELD"
        )
    return mount, path, key or "password"


def _log_in(client: Any, environ: Mapping[str, str]) -> None:
    """With a token, or as an AppRole. Vault's own secrets come from nowhere else."""

    def own(name: str) -> Secret | None:
        if environ.get(name):
            return Secret(environ[name])
        path = environ.get(f"{name}_FILE")
        return secret_from_file(Path(path), where=f"{name}_FILE") if path else None

    if token := own("VAULT_TOKEN"):
        client.token = token.reveal()
        return
    role = environ.get("VAULT_ROLE_ID", "")
    secret = own("VAULT_SECRET_ID")
    if not role or secret is None:
        raise UsageError(
            "there is nothing to log in to Vault with",
            where="VAULT_TOKEN",
            cure="set VAULT_TOKEN or VAULT_TOKEN_FILE, or VAULT_ROLE_ID and VAULT_SECRET_ID_FILE",
        )
    client.auth.approle.login(role_id=role, secret_id=secret.reveal())


def _fields(client: Any, mount: str, path: str, version: str) -> Mapping[str, Any]:
    if version == "1":
        answer = client.secrets.kv.v1.read_secret(path=path, mount_point=mount)
        fields = answer["data"]
    else:
        answer = client.secrets.kv.v2.read_secret_version(
            path=path, mount_point=mount, raise_on_deleted_version=True
        )
        fields = answer["data"]["data"]
    if not isinstance(fields, dict):
        raise ValueError("no fields")  # noqa: TRY004 - the answer is wrong, not our use of it
    return fields
