"""Secrets come from the environment, a file, Vault or the keyring, and from nowhere else."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.vault import Vault, serving
from vsphere_market.errors import (
    InputError,
    MarketError,
    NotPermittedError,
    UnreachableError,
    UsageError,
)
from vsphere_market.secret import Secret, find_secret

WORD = "canary-battery-staple"
TOKEN = "hvs.canary-token"
SECRET_ID = "canary-secret-id"


def find(environ: Mapping[str, str], **more: str) -> Secret | None:
    return find_secret("PW", environ=environ, keyring=lambda *_: None, **more)


def private(path: Path, text: str = WORD + "\n", mode: int = 0o400) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.fixture
def vault() -> Iterator[Vault]:
    held = {"kv/estate/vcenter": {"password": WORD, "other": "else", "number": 7}}
    with serving(Vault(TOKEN, "market", SECRET_ID, v1=held, v2=held)) as server:
        yield server


def reach(vault: Vault, **more: str) -> dict[str, str]:
    return {
        "PW_VAULT": "kv/estate/vcenter#password",
        "VAULT_ADDR": vault.url,
        "VAULT_TOKEN": TOKEN,
        **more,
    }


def test_each_place_in_turn(tmp_path: Path, vault: Vault) -> None:
    assert find({}) is None
    assert find({"PW": WORD}) == Secret(WORD)
    assert find({"PW_FILE": str(private(tmp_path / "pw"))}) == Secret(WORD)
    assert find(reach(vault)) == Secret(WORD)
    kept = find_secret("PW", account="ann@vc", environ={}, keyring=lambda *who: "/".join(who))
    assert kept == Secret("vsphere-market/ann@vc")


def test_two_places_are_one_too_many(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="PW and PW_FILE are both set"):
        find({"PW": WORD, "PW_FILE": str(tmp_path / "pw")})


@pytest.mark.parametrize("mode", [0o440, 0o404, 0o644, 0o420, 0o602])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = private(tmp_path / "pw", mode=mode)
    with pytest.raises(InputError, match="open to others") as caught:
        find({"PW_FILE": str(path)})
    assert "chmod 400" in str(caught.value) and WORD not in str(caught.value)


@pytest.mark.parametrize("text", ["", "\n", "one\ntwo\n", "x" * 70_000])
def test_a_file_holds_one_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="does not hold one line"):
        find({"PW_FILE": str(private(tmp_path / "pw", text))})


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        find({"PW_FILE": str(tmp_path / "absent")})
    with pytest.raises(InputError, match=r"no file|cannot be read"):
        find({"PW_FILE": str(tmp_path)})
    path = tmp_path / "binary"
    path.write_bytes(b"\xff\xfe")
    path.chmod(0o400)
    with pytest.raises(InputError, match="no text"):
        find({"PW_FILE": str(path)})


def test_spaces_belong_to_a_secret(tmp_path: Path) -> None:
    assert find({"PW_FILE": str(private(tmp_path / "pw", " a b \r\n"))}) == Secret(" a b ")


# ---------------------------------------------------------------- Vault


def test_both_versions_of_the_engine(vault: Vault) -> None:
    assert find(reach(vault)) == Secret(WORD)
    assert find(reach(vault, VAULT_KV_VERSION="1")) == Secret(WORD)
    assert vault.requests == ["GET /v1/kv/data/estate/vcenter", "GET /v1/kv/estate/vcenter"]
    assert find(reach(vault, PW_VAULT="kv/estate/vcenter#other")) == Secret("else")


def test_a_token_from_a_file_or_an_approle(tmp_path: Path, vault: Vault) -> None:
    token = private(tmp_path / "token", TOKEN + "\n")
    assert find(reach(vault, VAULT_TOKEN="", VAULT_TOKEN_FILE=str(token))) == Secret(WORD)
    secret = private(tmp_path / "secret", SECRET_ID)
    role = reach(vault, VAULT_TOKEN="", VAULT_ROLE_ID="market", VAULT_SECRET_ID_FILE=str(secret))
    assert find(role) == Secret(WORD)


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        ({"VAULT_TOKEN": "hvs.wrong-canary"}, NotPermittedError, "does not let us read"),
        (
            {"VAULT_TOKEN": "", "VAULT_ROLE_ID": "market", "VAULT_SECRET_ID": "wrong-canary"},
            NotPermittedError,
            "does not let us read",
        ),
        ({"PW_VAULT": "kv/nowhere"}, NotPermittedError, "has no secret nowhere"),
        ({"PW_VAULT": "kv/estate/vcenter#absent"}, NotPermittedError, "has no field absent"),
        ({"PW_VAULT": "kv/estate/vcenter#number"}, NotPermittedError, "has no field number"),
        ({"PW_VAULT": "kv"}, UsageError, "MOUNT/PATH#FIELD"),
        ({"VAULT_KV_VERSION": "3"}, UsageError, "no version"),
        ({"VAULT_ADDR": ""}, UsageError, "address is not set"),
        ({"VAULT_ADDR": "http://127.0.0.1:9"}, UnreachableError, "does not give the secret"),
        ({"VAULT_TOKEN": ""}, UsageError, "nothing to log in"),
    ],
)
def test_what_can_be_wrong_with_vault(
    vault: Vault,
    wrong: dict[str, str],
    error: type[MarketError],
    said: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(error) as caught:
        find(reach(vault, **wrong))
    assert said in str(caught.value)
    shown = str(caught.value) + caplog.text
    assert not [word for word in (WORD, TOKEN, SECRET_ID, "wrong-canary") if word in shown]


def test_a_sealed_vault(vault: Vault) -> None:
    vault.sealed = True
    with pytest.raises(UnreachableError, match="sealed"):
        find(reach(vault))


def test_reading_all_is_not_left_to_the_umask(tmp_path: Path) -> None:
    """The check is of the file that is read, by its open handle."""
    path = private(tmp_path / "pw")
    link = tmp_path / "link"
    link.symlink_to(path)
    assert find({"PW_FILE": str(link)}) == Secret(WORD)
    path.chmod(0o444)
    with pytest.raises(InputError):
        find({"PW_FILE": str(link)})
