"""The certificate: given, or made on loopback and kept; never made for others."""

from __future__ import annotations

import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509

from vsphere_market.errors import InputError, StorageError, UsageError
from vsphere_market.service import tls
from vsphere_market.service.settings import ServeSettings, is_loopback, listen_address
from vsphere_market.service.tls import fingerprint, identity


def test_on_loopback_one_is_made_and_kept(tmp_path: Path) -> None:
    settings = ServeSettings(folder=tmp_path / "kept")
    first = identity(settings)
    assert first.self_made and first.fingerprint.count(":") == 31
    assert stat.S_IMODE(first.key.stat().st_mode) == 0o600
    assert identity(settings) == first, "a browser that trusts it is not asked again"
    made = x509.load_pem_x509_certificate(first.certificate.read_bytes())
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(first.certificate, first.key)
    ssl.create_default_context(cafile=str(first.certificate))


def test_one_that_is_broken_or_about_to_end_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ServeSettings(folder=tmp_path)
    first = identity(settings)
    first.certificate.write_text("nothing")
    second = identity(settings)
    assert second.fingerprint != first.fingerprint
    monkeypatch.setattr(tls, "_RENEW_DAYS", 10_000)
    assert identity(settings).fingerprint != second.fingerprint


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "market.example.com"])  # noqa: S104 - compared, not bound
def test_for_others_none_is_made(tmp_path: Path, host: str) -> None:
    with pytest.raises(UsageError, match="--tls-cert PEM and --tls-key PEM") as caught:
        identity(ServeSettings(host=host, folder=tmp_path))
    assert "127.0.0.1" in caught.value.cure
    assert not list(tmp_path.iterdir())


def test_a_given_one_is_used_wherever_it_listens(tmp_path: Path) -> None:
    made = identity(ServeSettings(folder=tmp_path))
    given = ServeSettings(host="192.0.2.1", certificate=made.certificate, key=made.key)
    found = identity(given)
    assert not found.self_made and found.fingerprint == fingerprint(made.certificate)


def test_half_a_certificate_or_one_of_two(tmp_path: Path) -> None:
    made = identity(ServeSettings(folder=tmp_path / "a"))
    other = identity(ServeSettings(folder=tmp_path / "b"))
    for half in (ServeSettings(certificate=made.certificate), ServeSettings(key=made.key)):
        with pytest.raises(UsageError, match="go together"):
            identity(half)
    with pytest.raises(InputError, match="cannot be used"):
        identity(ServeSettings(certificate=made.certificate, key=other.key))
    with pytest.raises(InputError, match=r"is not there|cannot be used"):
        identity(ServeSettings(certificate=tmp_path / "none", key=made.key))


def test_a_place_where_none_can_be_kept(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(StorageError, match="--tls-cert"):
        identity(ServeSettings(folder=blocked / "deeper"))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("127.0.0.1:8443", ("127.0.0.1", 8443)),
        ("[::1]:443", ("::1", 443)),
        (":9000", ("0.0.0.0", 9000)),  # noqa: S104 - compared, not bound
        ("market.example.com:1", ("market.example.com", 1)),
    ],
)
def test_addresses(text: str, wanted: tuple[str, int]) -> None:
    assert listen_address(text) == wanted


@pytest.mark.parametrize("text", ["", "8443", "127.0.0.1", "a:b", "::1:443", "x:99999", "[x]:1"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError, match="HOST:PORT"):
        listen_address(text)


def test_loopback() -> None:
    assert all(is_loopback(host) for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost"))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "10.0.0.1", "localhost.evil.com"))  # noqa: S104 - compared, not bound
