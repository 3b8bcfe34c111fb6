"""TLS contexts that verify what was asked for, and keep verifying it over reconnects.

pyVmomi's own ``thumbprint`` argument is not used: it is looked at only after the ordinary
verification has failed, and then turns verification off for the connections that follow. A pin here
is a context that trusts exactly one certificate, so that every later connection is held to it too.
Nor is pyVmomi left to choose a context: it verifies nothing on localhost.
"""

from __future__ import annotations

import hashlib
import hmac
import socket
import ssl
from dataclasses import dataclass
from http.client import HTTPException

from vsphere_market.adapter.target import OPTION_CA_FILE, OPTION_PIN, Target, TlsMode
from vsphere_market.errors import CertificateError, UnreachableError, UsageError

#: OpenSSL's codes for "I know no authority that signed this".
_UNKNOWN_ISSUER = {18, 19, 20, 21}
_EXPIRED = 10
_NOT_YET_VALID = 9
_OTHER_NAME = {62, 64}


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """What a server shows of itself.

    Attributes:
        pem: the certificate in PEM form.
        sha256: its fingerprint, 64 lower-case digits.
    """

    pem: str
    sha256: str


def shown(fingerprint: str) -> str:
    """A fingerprint the way tools print it: upper case, with colons."""
    return ":".join(fingerprint[at : at + 2] for at in range(0, len(fingerprint), 2)).upper()


def fetch_certificate(target: Target, timeout_s: float) -> ServerCertificate:
    """Ask the server for its certificate without trusting it. Nothing else is sent.

    Raises:
        UnreachableError: no TLS server answers there.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((target.host, target.port), timeout=timeout_s) as plain,
            context.wrap_socket(plain, server_hostname=target.host) as secured,
        ):
            der = secured.getpeercert(binary_form=True)
    except OSError as exc:
        raise unreachable(target, exc) from None
    assert der is not None  # a TLS server always has one
    return ServerCertificate(ssl.DER_cert_to_PEM_cert(der), hashlib.sha256(der).hexdigest())


def context_for(target: Target, timeout_s: float) -> ssl.SSLContext | None:
    """The context for every connection to ``target``; None for plain HTTP.

    With a pin, the server is asked for its certificate first, and refused if it is another one.

    Raises:
        CertificateError: the pinned certificate is not the server's.
        UsageError: a file of authorities is none.
        UnreachableError: the server cannot be asked.
    """
    if target.plain_http:
        return None
    match target.tls:
        case TlsMode.SYSTEM:
            context = ssl.create_default_context()
            # From 3.13 on Python refuses authorities that lack extensions which RFC 5280 asks
            # for, as many companies' own ones do. Who is trusted shall not depend on that.
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
            return context
        case TlsMode.CA_FILE:
            return _context_of_files(target)
        case TlsMode.PIN:
            found = fetch_certificate(target, timeout_s)
            if not hmac.compare_digest(found.sha256, target.pin_sha256):
                raise CertificateError(
                    "shows another certificate than the pinned one: SHA-256 "
                    f"{shown(found.sha256)} instead of {shown(target.pin_sha256)}",
                    where=target.address,
                    cure="find out why it was changed before you pin the new one with "
                    f"{OPTION_PIN}",
                )
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            # The pin says who it is, whatever name the certificate bears; and it is trusted by
            # itself, not for its issuer.
            context.check_hostname = False
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
            context.load_verify_locations(cadata=found.pem)
            return context
        case TlsMode.INSECURE:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return context


def _context_of_files(target: Target) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # A file may hold the server's own certificate instead of its authority's: trusted as it is.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    for path in target.ca_files:
        try:
            context.load_verify_locations(cafile=path)
        except (ssl.SSLError, OSError):
            raise UsageError(
                f"{path} holds no certificate in PEM form", where=OPTION_CA_FILE
            ) from None
    return context


def untrusted(
    target: Target, exc: ssl.SSLCertVerificationError, timeout_s: float
) -> CertificateError:
    """Say why a certificate was refused, which one it is, and what can be done."""
    try:
        shown_by_server = f" (SHA-256 {shown(fetch_certificate(target, timeout_s).sha256)})"
    except UnreachableError:
        shown_by_server = ""
    code = exc.verify_code
    cure = f"give the file of the authority that signed it with {OPTION_CA_FILE}, or, if this "
    cure += f"fingerprint is the one the server's own console shows, pin it with {OPTION_PIN}"
    if code in _UNKNOWN_ISSUER:
        what = f"its certificate{shown_by_server} is signed by nobody this machine trusts"
    elif code == _EXPIRED:
        what = f"its certificate{shown_by_server} has expired"
        cure = "renew it in the vCenter's certificate management"
    elif code == _NOT_YET_VALID:
        what = f"its certificate{shown_by_server} is not valid yet"
        cure = "compare the clocks of this machine and the vCenter"
    elif code in _OTHER_NAME:
        what = f"its certificate{shown_by_server} is for another name"
        cure = f"connect by a name that the certificate bears, or pin it with {OPTION_PIN}"
    else:
        what = f"its certificate{shown_by_server} is refused: {exc.verify_message}"
    return CertificateError(what, where=target.address, cure=cure)


def unreachable(target: Target, exc: BaseException) -> UnreachableError:
    """Say in one sentence why there was no connection."""
    check = "check the address, the network and that vCenter's services run"
    match exc:
        case socket.gaierror():
            what, cure = "there is no host of that name", "check the spelling and the DNS"
        case ConnectionRefusedError():
            what, cure = f"nothing listens on port {target.port}", check
        case TimeoutError():
            what, cure = "does not answer in time", check
        case ssl.SSLError():
            what, cure = f"port {target.port} does not speak TLS as a vCenter does", check
        case HTTPException() if str(exc)[:3].isdigit():
            what, cure = f"answers HTTP {exc}", "wait until vCenter has started, or look at it"
        case OSError() if exc.strerror:
            what, cure = f"cannot be reached ({exc.strerror})", check
        case _:
            what, cure = f"the connection was lost ({type(exc).__name__})", check
    return UnreachableError(what, where=target.address, cure=cure)
