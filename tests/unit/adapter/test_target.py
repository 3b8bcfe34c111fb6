"""Addresses, trust and govc's environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from vsphere_market.adapter import TlsMode, target_from
from vsphere_market.adapter.target import fingerprint_from
from vsphere_market.errors import ExitCode, UsageError

DIGITS = "4c3d58c280ea08a0675379a8d53b7c776a8a40eed1804e1726395bd70723d4d8"
PIN = ":".join(DIGITS[at : at + 2] for at in range(0, 64, 2)).upper()


@pytest.mark.parametrize(
    ("address", "host", "port", "user"),
    [
        ("vcenter.example.com", "vcenter.example.com", 443, ""),
        ("vcenter:8443", "vcenter", 8443, ""),
        ("https://vcenter/sdk", "vcenter", 443, ""),
        ("market@vsphere.local@vcenter", "vcenter", 443, "market@vsphere.local"),
        ("https://DOM%5Cann@vcenter:444/sdk", "vcenter", 444, "DOM\\ann"),
        ("2001:db8::7", "2001:db8::7", 443, ""),
        ("[2001:db8::7]:8443", "2001:db8::7", 8443, ""),
        (" vcenter ", "vcenter", 443, ""),
    ],
)
def test_addresses_as_people_write_them(address: str, host: str, port: int, user: str) -> None:
    target = target_from(address, environ={})
    assert (target.host, target.port, target.user) == (host, port, user)
    assert target.tls is TlsMode.SYSTEM


@pytest.mark.parametrize(
    "address", ["https://", "ftp://vcenter", "vcenter:99999", "https://[::1", "@"]
)
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(UsageError, match="no address") as caught:
        target_from(address, environ={})
    assert caught.value.exit_code is ExitCode.USAGE


def test_nothing_named() -> None:
    with pytest.raises(UsageError, match="no vCenter was named") as caught:
        target_from(environ={})
    assert "GOVC_URL" in str(caught.value)


def test_the_environment_of_govc() -> None:
    target = target_from(
        environ={
            "GOVC_URL": "https://vcenter/sdk",
            "GOVC_USERNAME": "ann@vsphere.local",
            "GOVC_INSECURE": "true",
        }
    )
    assert (target.host, target.user, target.tls) == (
        "vcenter",
        "ann@vsphere.local",
        TlsMode.INSECURE,
    )


def test_a_user_in_the_address_beats_the_environment_and_an_option_beats_both() -> None:
    environ = {"GOVC_USERNAME": "env"}
    assert target_from("vcenter", environ=environ).user == "env"
    assert target_from("url@vcenter", environ=environ).user == "url"
    assert target_from("url@vcenter", user="option", environ=environ).user == "option"


def test_a_password_in_an_option_is_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError, match="holds a password") as caught:
        target_from("https://ann:hunter2@vcenter", environ={})
    assert "hunter2" not in str(caught.value)


def test_a_password_in_govc_url_is_kept_hidden() -> None:
    target = target_from(environ={"GOVC_URL": "https://ann:hun%40ter2@vcenter/sdk"})
    assert target.url_password is not None
    assert target.url_password.reveal() == "hun@ter2"
    assert "hun" not in repr(target)
    assert "hun" not in str(target)


def test_an_unreadable_address_is_not_repeated_since_it_may_hold_a_password() -> None:
    with pytest.raises(UsageError) as caught:
        target_from(environ={"GOVC_URL": "https://ann:hunter2@vcenter:port"})
    assert "hunter2" not in str(caught.value)
    assert "GOVC_URL" in str(caught.value)


@pytest.mark.parametrize(
    "text", [PIN, DIGITS, f"SHA256:{PIN}", f"sha256 Fingerprint={PIN}", f" {PIN} "]
)
def test_fingerprints_as_tools_print_them(text: str) -> None:
    assert fingerprint_from(text) == DIGITS


def test_sha1_and_rubbish_are_no_pins() -> None:
    with pytest.raises(UsageError, match="SHA-1"):
        fingerprint_from("A1:" * 19 + "A1")
    with pytest.raises(UsageError, match="no SHA-256"):
        fingerprint_from("letmein")


def test_ways_of_trust_contradict_each_other(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="--ca-file and --pin contradict"):
        target_from("vcenter", ca_file=authority, pin=PIN, environ={})
    with pytest.raises(UsageError, match="--pin and --insecure contradict"):
        target_from("vcenter", pin=PIN, insecure=True, environ={})


def test_an_option_shuts_out_the_environments_trust(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("", encoding="utf-8")
    environ = {"GOVC_INSECURE": "1", "GOVC_TLS_CA_CERTS": str(authority)}
    assert target_from("vcenter", pin=PIN, environ=environ).tls is TlsMode.PIN
    assert target_from("vcenter", ca_file=authority, environ=environ).tls is TlsMode.CA_FILE
    strict = target_from("vcenter", insecure=False, environ=environ)
    assert (strict.tls, strict.ca_files) == (TlsMode.CA_FILE, (authority,))


def test_several_authority_files(tmp_path: Path) -> None:
    import os

    files = [tmp_path / "a.pem", tmp_path / "b.pem"]
    for file in files:
        file.write_text("", encoding="utf-8")
    listed = os.pathsep.join(map(str, files))
    target = target_from("vcenter", environ={"GOVC_TLS_CA_CERTS": listed})
    assert target.ca_files == tuple(files)


def test_an_authority_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.pem is no file"):
        target_from("vcenter", ca_file=tmp_path / "nowhere.pem", environ={})


def test_a_switch_that_is_none() -> None:
    with pytest.raises(UsageError, match="GOVC_INSECURE: is neither true nor false"):
        target_from("vcenter", environ={"GOVC_INSECURE": "maybe"})


def test_known_hosts_of_govc(tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    known.write_text(
        f"other:443 {DIGITS}\nold:443 {'A1:' * 19}A1\nvcenter:443 {PIN}\n", encoding="utf-8"
    )
    environ = {"GOVC_TLS_KNOWN_HOSTS": str(known)}
    assert target_from("vcenter", environ=environ).pin_sha256 == DIGITS
    # SHA-1 does not count, and a stranger is judged by the system's authorities.
    assert target_from("old", environ=environ).tls is TlsMode.SYSTEM
    assert target_from("stranger", environ=environ).tls is TlsMode.SYSTEM


def test_plain_http_is_for_a_simulator_on_this_machine_only() -> None:
    assert target_from("http://127.0.0.1:8989/sdk", insecure=True, environ={}).plain_http
    with pytest.raises(UsageError, match="unprotected"):
        target_from("http://127.0.0.1:8989/sdk", environ={})
    with pytest.raises(UsageError, match="this machine itself"):
        target_from("http://vcenter/sdk", insecure=True, environ={})


def test_the_address_as_people_read_it() -> None:
    assert target_from("vcenter", environ={}).address == "vcenter"
    assert target_from("vcenter:8443", environ={}).address == "vcenter:8443"
    assert target_from("[::1]:8443", environ={}).address == "[::1]:8443"
