"""Trust: every mode against real TLS servers on loopback, and pins that hold."""

from __future__ import annotations

import http.client
import socket
import ssl
from pathlib import Path

import pytest

from tests.tls_server import CERTIFICATES, https_server
from vsphere_market.adapter import Credentials, PyVmomiVCenter, Secret, Target, TlsMode
from vsphere_market.adapter.session import Session, Timeouts
from vsphere_market.adapter.tls import context_for, fetch_certificate, shown
from vsphere_market.errors import CertificateError, ExitCode, UnreachableError, UsageError

QUICK = Timeouts(probe_s=5, request_s=5)
WORD = "correct horse"


def _target(port: int, tls: TlsMode = TlsMode.SYSTEM, **more: object) -> Target:
    return Target(host="127.0.0.1", port=port, user="ann", tls=tls, **more)  # type: ignore[arg-type]


def _digest(name: str) -> str:
    pem = (CERTIFICATES / f"{name}.pem").read_text(encoding="ascii")
    import hashlib

    start = pem.index("-----BEGIN CERTIFICATE")
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem[start:])).hexdigest()


def _connect(target: Target) -> None:
    session = Session(target, Credentials("ann", Secret(WORD)), QUICK)
    try:
        _ = session.content
    finally:
        session.close()


def _get(port: int, context: ssl.SSLContext) -> int:
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status
    finally:
        connection.close()


def test_the_fingerprint_is_the_certificates() -> None:
    with https_server("self-signed") as port:
        found = fetch_certificate(_target(port), 5)
    assert found.sha256 == _digest("self-signed")
    assert shown("0aff") == "0A:FF"


def test_self_signed_is_refused_with_its_fingerprint_and_the_cure() -> None:
    with https_server("self-signed") as port, pytest.raises(CertificateError) as caught:
        _connect(_target(port))
    text = str(caught.value)
    assert shown(_digest("self-signed")) in text
    assert "signed by nobody this machine trusts" in text
    assert "--ca-file" in text
    assert "--pin" in text
    assert caught.value.exit_code is ExitCode.UNREACHABLE


@pytest.mark.parametrize(
    ("certificate", "why"),
    [("expired", "has expired"), ("other-name", "is for another name")],
)
def test_other_reasons_for_refusal(certificate: str, why: str) -> None:
    own = CERTIFICATES / ("authority.pem" if certificate == "expired" else f"{certificate}.pem")
    with https_server(certificate) as port, pytest.raises(CertificateError, match=why):
        _connect(_target(port, TlsMode.CA_FILE, ca_files=(own,)))


def test_an_own_authority_is_trusted_and_no_other() -> None:
    authority = (CERTIFICATES / "authority.pem",)
    # Trusted so far that its being no vCenter is found out.
    with https_server("signed") as port, pytest.raises(UnreachableError, match="is no vCenter"):
        _connect(_target(port, TlsMode.CA_FILE, ca_files=authority))
    with https_server("self-signed") as port, pytest.raises(CertificateError):
        _connect(_target(port, TlsMode.CA_FILE, ca_files=authority))


def test_the_servers_own_certificate_serves_as_authority_file() -> None:
    file = (CERTIFICATES / "self-signed.pem",)
    with https_server("self-signed") as port, pytest.raises(UnreachableError, match="no vCenter"):
        _connect(_target(port, TlsMode.CA_FILE, ca_files=file))


def test_a_file_without_certificates(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing here\n", encoding="utf-8")
    with pytest.raises(UsageError, match="no certificate in PEM form"):
        context_for(_target(1, TlsMode.CA_FILE, ca_files=(empty,)), 5)


def test_a_pin_accepts_its_certificate_whatever_name_it_bears() -> None:
    for certificate in ("self-signed", "signed", "other-name"):
        with https_server(certificate) as port:
            context = context_for(_target(port, TlsMode.PIN, pin_sha256=_digest(certificate)), 5)
            assert context is not None
            assert _get(port, context) == 404


def test_a_pin_refuses_another_certificate_and_shows_both() -> None:
    with https_server("another") as port, pytest.raises(CertificateError) as caught:
        _connect(_target(port, TlsMode.PIN, pin_sha256=_digest("self-signed")))
    assert shown(_digest("another")) in str(caught.value)
    assert shown(_digest("self-signed")) in str(caught.value)


def test_a_pin_stays_pinned_over_reconnects() -> None:
    with https_server("self-signed") as port:
        target = _target(port, TlsMode.PIN, pin_sha256=_digest("self-signed"))
        context = context_for(target, 5)
        assert context is not None
        assert _get(port, context) == 404
    with (
        https_server("another", port=port) as again,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        _get(again, context)


def test_localhost_is_verified_too() -> None:
    with https_server("self-signed") as port, pytest.raises(CertificateError):
        _connect(Target(host="localhost", port=port, user="ann"))


def test_insecure_only_by_name() -> None:
    with https_server("self-signed") as port, pytest.raises(UnreachableError, match="no vCenter"):
        _connect(_target(port, TlsMode.INSECURE))


def test_a_web_server_is_no_vcenter() -> None:
    with (
        https_server("self-signed", status=200, body="<html>welcome</html>") as port,
        pytest.raises(UnreachableError, match="answers, but is no vCenter"),
    ):
        _connect(_target(port, TlsMode.INSECURE))


def test_a_vcenter_that_is_starting() -> None:
    with (
        https_server("self-signed", status=503) as port,
        pytest.raises(UnreachableError, match=r"its services are not \(HTTP 503\)"),
    ):
        _connect(_target(port, TlsMode.INSECURE))


def test_an_api_that_is_too_old() -> None:
    body = "<namespace><name>urn:vim25</name><version>1.0</version></namespace>"
    with (
        https_server("self-signed", status=200, body=body) as port,
        pytest.raises(UnreachableError, match="no API version"),
    ):
        _connect(_target(port, TlsMode.INSECURE))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_nothing_listens() -> None:
    port = _free_port()
    for tls in (TlsMode.SYSTEM, TlsMode.PIN):
        with pytest.raises(UnreachableError, match=f"nothing listens on port {port}"):
            _connect(_target(port, tls, pin_sha256="0" * 64))


def test_no_such_host() -> None:
    with pytest.raises(UnreachableError, match="no host of that name") as caught:
        _connect(Target(host="no-such-host.invalid", user="ann"))
    assert caught.value.exit_code is ExitCode.UNREACHABLE


def test_a_port_that_keeps_silent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        target = _target(server.getsockname()[1], TlsMode.INSECURE)
        session = Session(target, Credentials("ann", Secret(WORD)), Timeouts(0.2, 0.2))
        with pytest.raises(UnreachableError, match="does not answer in time"):
            _ = session.content


def test_a_port_that_speaks_something_else() -> None:
    import threading

    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            peer, _ = server.accept()
            with peer:
                peer.sendall(b"220 mail.example.com ESMTP\r\n")
                peer.recv(4096)

        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        with pytest.raises(UnreachableError, match="does not speak TLS"):
            _connect(_target(server.getsockname()[1], TlsMode.INSECURE))
        thread.join(timeout=5)


def test_closing_what_was_never_open() -> None:
    vcenter = PyVmomiVCenter(Target(host="vcenter", user="ann"), Credentials("ann", Secret(WORD)))
    vcenter.close()
    vcenter.close()
    with pytest.raises(UnreachableError, match="the connection is closed"):
        vcenter.observe()
