"""TLS of the service: the certificate it is given, or on loopback one that it makes and keeps."""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import os
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from vsphere_market.errors import InputError, StorageError, UsageError
from vsphere_market.service.settings import ServeSettings

_LIFE_DAYS = 825
#: A certificate that is about to expire is made anew.
_RENEW_DAYS = 30
_NAME = "vsphere-market on this machine"


@dataclass(frozen=True, slots=True)
class Identity:
    """What the service shows of itself.

    Attributes:
        certificate: PEM file.
        key: PEM file.
        fingerprint: SHA-256, upper case with colons.
        self_made: nobody else vouches for it.
    """

    certificate: Path
    key: Path
    fingerprint: str
    self_made: bool


def identity(settings: ServeSettings) -> Identity:
    """The certificate to use.

    Raises:
        UsageError: others than this machine shall reach the service, and none is given; or only
            half of one is.
        InputError: the files are no certificate with its key.
        StorageError: the self-made one cannot be kept.
    """
    given, key = settings.certificate, settings.key
    if given is None and key is None:
        if not settings.loopback:
            raise UsageError(
                f"{settings.host} can be reached from elsewhere, so a certificate is needed that "
                "callers can trust",
                where="--listen",
                cure="give --tls-cert PEM and --tls-key PEM, or listen on 127.0.0.1",
            )
        return _self_made(settings.place)
    if given is None or key is None:
        raise UsageError(
            "a certificate and its key go together",
            where="--tls-cert" if key is None else "--tls-key",
            cure="give both",
        )
    _require_usable(given, key)
    return Identity(given, key, fingerprint(given), False)


def fingerprint(path: Path) -> str:
    """SHA-256 of the first certificate in a PEM file, as tools print it."""
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    der = certificate.public_bytes(serialization.Encoding.DER)
    digest = hashlib.sha256(der).hexdigest().upper()
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))


def _require_usable(certificate: Path, key: Path) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except FileNotFoundError as problem:
        raise InputError("is not there", where=str(problem.filename or certificate)) from None
    except (ssl.SSLError, OSError, ValueError) as problem:
        reason = getattr(problem, "reason", None) or getattr(problem, "strerror", None)
        raise InputError(
            f"the certificate and its key cannot be used ({reason or problem})",
            where=f"{certificate}, {key}",
            cure="give PEM files that belong together; the key must not ask for a password",
        ) from None


def _self_made(folder: Path) -> Identity:
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    try:
        if not _still_good(certificate, key):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _make(certificate, key)
        return Identity(certificate, key, fingerprint(certificate), True)
    except OSError as problem:
        raise StorageError(
            f"the certificate cannot be kept there ({problem.strerror})",
            where=str(folder),
            cure="check the permissions of the folder, or give --tls-cert and --tls-key",
        ) from None


def _still_good(certificate: Path, key: Path) -> bool:
    if not (certificate.exists() and key.exists()):
        return False
    try:
        _require_usable(certificate, key)
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (InputError, ValueError):
        return False
    left = found.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    return left > datetime.timedelta(days=_RENEW_DAYS)


def _make(certificate: Path, key: Path) -> None:
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
    now = datetime.datetime.now(datetime.UTC)
    names = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        x509.IPAddress(ipaddress.ip_address("::1")),
    ]
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=_LIFE_DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        # Its own authority, so that a client can be told to trust just this one.
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(secret.public_key()), critical=False
        )
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                key_cert_sign=True,
                crl_sign=False,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .sign(secret, hashes.SHA256())
    )
    pem = secret.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    key.unlink(missing_ok=True)
    handle = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
    certificate.write_bytes(built.public_bytes(serialization.Encoding.PEM))
