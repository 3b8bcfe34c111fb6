"""Where to connect, and how far to trust what answers there.

Values come from the command line (``--vcenter``, ``--user``, ``--ca-file``, ``--pin``,
``--insecure``) and from govc's environment, so that who already uses govc has nothing to set up.
An option beats the environment. A password in an option is refused: it would stand in the
process list and in the shell's history.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from urllib.parse import unquote, urlsplit

from vsphere_market.errors import UsageError
from vsphere_market.secret import Secret

#: What the command line calls the settings, for messages that name a cure.
OPTION_VCENTER = "--vcenter"
OPTION_CA_FILE = "--ca-file"
OPTION_PIN = "--pin"
OPTION_INSECURE = "--insecure"

DEFAULT_PORT = 443
#: Go's strconv.ParseBool, which govc reads its switches with.
_TRUE = {"1", "t", "true"}
_FALSE = {"", "0", "f", "false"}


class TlsMode(StrEnum):
    """How the server's certificate is judged."""

    #: By the certificate authorities that this machine trusts.
    SYSTEM = "system"
    #: By the authorities in files of the user's own.
    CA_FILE = "ca-file"
    #: It must be the one certificate whose SHA-256 fingerprint is known.
    PIN = "pin"
    #: Not at all. Only ever by an explicit switch.
    INSECURE = "insecure"


@dataclass(frozen=True, slots=True)
class Target:
    """A vCenter's address and the trust put into it.

    Attributes:
        host: DNS name or IP address, IPv6 without brackets.
        port: TCP port.
        user: login name; "" when none was given.
        tls: how its certificate is judged.
        ca_files: authorities' files in PEM form, with :attr:`TlsMode.CA_FILE`.
        pin_sha256: 64 lower-case hexadecimal digits, with :attr:`TlsMode.PIN`.
        plain_http: no TLS at all; only on loopback and only with :attr:`TlsMode.INSECURE`.
        url_password: the password that stood in ``GOVC_URL``, if any.
    """

    host: str
    port: int = DEFAULT_PORT
    user: str = ""
    tls: TlsMode = TlsMode.SYSTEM
    ca_files: tuple[Path, ...] = ()
    pin_sha256: str = ""
    plain_http: bool = False
    url_password: Secret | None = field(default=None, repr=False, compare=False)

    @property
    def address(self) -> str:
        """``host`` or ``host:port``, as people write it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORT else f"{host}:{self.port}"


def target_from(
    vcenter: str = "",
    *,
    user: str = "",
    ca_file: Path | None = None,
    pin: str = "",
    insecure: bool | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Target:
    """Work out the target from options and govc's environment.

    Args:
        vcenter: value of ``--vcenter``: host, host:port, user@host or an URL; "" to take GOVC_URL.
        user: value of ``--user``; beats the user in the address and GOVC_USERNAME.
        ca_file: PEM file of the authority to trust; beats GOVC_TLS_CA_CERTS.
        pin: SHA-256 fingerprint of the server's certificate, with or without colons.
        insecure: True for no verification; None to take GOVC_INSECURE.
        environ: the process environment.

    Raises:
        UsageError: for no address, an unreadable one, a password in an option, trust options that
            contradict each other, a fingerprint that is none, or a file that is not there.
    """
    from_option = bool(vcenter)
    address = vcenter or environ.get("GOVC_URL", "")
    if not address:
        raise UsageError(
            "no vCenter was named", cure=f"give {OPTION_VCENTER} HOST, or set GOVC_URL"
        )
    where = OPTION_VCENTER if from_option else "GOVC_URL"
    host, port, url_user, url_password, plain = _split(address, where)
    if url_password is not None and from_option:
        raise UsageError(
            "holds a password, which others on this machine can read",
            where=where,
            cure="leave it out and set GOVC_PASSWORD, store it in the keyring, or type it when "
            "asked",
        )
    tls, ca_files, digest = _trust(ca_file, pin, insecure, environ, f"{host}:{port}")
    if plain and tls is not TlsMode.INSECURE:
        raise UsageError(
            "http:// sends the password unprotected",
            where=where,
            cure=f"use https://, or {OPTION_INSECURE} for a simulator on this machine",
        )
    if plain and not _is_loopback(host):
        raise UsageError(
            "http:// is only for this machine itself", where=where, cure="use https://"
        )
    return Target(
        host=host,
        port=port,
        user=user or url_user or environ.get("GOVC_USERNAME", ""),
        tls=tls,
        ca_files=ca_files,
        pin_sha256=digest,
        plain_http=plain,
        url_password=url_password,
    )


def fingerprint_from(text: str, where: str = OPTION_PIN) -> str:
    """Bring a SHA-256 fingerprint to 64 lower-case digits. Raises UsageError if it is none."""
    digits = re.sub(r"^sha-?256[:=\s]*(fingerprint=)?", "", text.strip(), flags=re.IGNORECASE)
    digits = re.sub(r"[:\s]", "", digits).lower()
    if re.fullmatch(r"[0-9a-f]{64}", digits):
        return digits
    if re.fullmatch(r"[0-9a-f]{40}", digits):
        raise UsageError(
            "is a SHA-1 fingerprint, which can be forged", where=where, cure="give the SHA-256 one"
        )
    raise UsageError(
        "is no SHA-256 fingerprint", where=where, cure="give 64 hexadecimal digits, colons or not"
    )


def _split(address: str, where: str) -> tuple[str, int, str, Secret | None, bool]:
    """Take an address apart: host, port, user, password, whether it is plain HTTP."""
    text = address.strip()
    if "://" not in text:
        # A bare IPv6 address has to be told from host:port.
        text = f"https://[{text}]" if text.count(":") > 1 and "[" not in text else f"https://{text}"
    wrong = UsageError("is no address such as vcenter.example.com", where=where)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        # The value is not repeated: it may hold a password.
        raise wrong from None
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise wrong
    password = None if parts.password is None else Secret(unquote(parts.password))
    plain = parts.scheme == "http"
    default = 80 if plain else DEFAULT_PORT
    return parts.hostname, port or default, unquote(parts.username or ""), password, plain


def _trust(
    ca_file: Path | None,
    pin: str,
    insecure: bool | None,
    environ: Mapping[str, str],
    address: str,
) -> tuple[TlsMode, tuple[Path, ...], str]:
    """Decide how the certificate is judged; any option shuts out the whole environment."""
    given = [
        name
        for name, is_given in (
            (OPTION_CA_FILE, ca_file is not None),
            (OPTION_PIN, bool(pin)),
            (OPTION_INSECURE, bool(insecure)),
        )
        if is_given
    ]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} contradict each other", cure="give one of them")
    if insecure:
        return TlsMode.INSECURE, (), ""
    if pin:
        return TlsMode.PIN, (), fingerprint_from(pin)
    if ca_file is not None:
        return TlsMode.CA_FILE, _files([ca_file], OPTION_CA_FILE), ""
    if insecure is None and _switch(environ, "GOVC_INSECURE"):
        return TlsMode.INSECURE, (), ""
    if listed := environ.get("GOVC_TLS_CA_CERTS", ""):
        files = [Path(name) for name in listed.split(os.pathsep) if name]
        return TlsMode.CA_FILE, _files(files, "GOVC_TLS_CA_CERTS"), ""
    if known := _known_host(environ.get("GOVC_TLS_KNOWN_HOSTS", ""), address):
        return TlsMode.PIN, (), known
    return TlsMode.SYSTEM, (), ""


def _switch(environ: Mapping[str, str], name: str) -> bool:
    value = environ.get(name, "").strip().lower()
    if value not in _TRUE | _FALSE:
        raise UsageError("is neither true nor false", where=name, cure="set it to 1 or 0")
    return value in _TRUE


def _files(paths: Sequence[Path], where: str) -> tuple[Path, ...]:
    for path in paths:
        if not path.is_file():
            raise UsageError(f"{path} is no file", where=where, cure="check the path")
    return tuple(paths)


def _known_host(name: str, address: str) -> str:
    """The SHA-256 fingerprint that govc's file of known hosts has for this address, or "".

    Lines are ``host:port fingerprint``. SHA-1 fingerprints, which older govc wrote, do not count.
    """
    path = Path(name).expanduser()
    if not name or not path.is_file():
        return ""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        host, _, digest = line.strip().partition(" ")
        digits = digest.strip().replace(":", "").lower()
        if host in (address, address.removesuffix(f":{DEFAULT_PORT}")) and re.fullmatch(
            r"[0-9a-f]{64}", digits
        ):
            return digits
    return ""


def _is_loopback(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")
