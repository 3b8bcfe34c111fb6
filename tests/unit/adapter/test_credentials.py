"""Passwords: where they are looked for, and that they are shown nowhere."""

from __future__ import annotations

import logging
import pickle

import pytest

from vsphere_market.adapter import Credentials, Secret, Target, credentials_for
from vsphere_market.errors import ExitCode, NotPermittedError, UsageError
from vsphere_market.secret import keyring_password

WORD = "correct horse"
TARGET = Target(host="vcenter", user="ann")


def _no_keyring(service: str, account: str) -> str | None:
    return None


def test_a_secret_shows_itself_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret(WORD)
    credentials = Credentials("ann", secret)
    logging.getLogger("test").warning("%s %r %s", secret, secret, credentials)
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret:>20}",
        repr(credentials),
        caplog.text,
    ]
    assert not [text for text in shown if WORD in text]
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        hash(secret)
    assert secret.reveal() == WORD


def test_secrets_compare_by_value() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert not Secret("")


def test_the_environment_comes_first_then_the_keyring_then_a_person() -> None:
    asked: list[str] = []

    def prompt(question: str) -> str:
        asked.append(question)
        return "typed"

    def keyring(service: str, account: str) -> str | None:
        assert (service, account) == ("vsphere-market", "ann@vcenter")
        return "stored"

    def found(target: Target, environ: dict[str, str], **ways: object) -> str:
        return credentials_for(target, environ=environ, **ways).password.reveal()  # type: ignore[arg-type]

    with_url = Target(host="vcenter", user="ann", url_password=Secret("in url"))
    environ = {"GOVC_PASSWORD": "in environment"}
    assert found(with_url, environ, keyring=keyring, prompt=prompt) == "in url"
    assert found(TARGET, environ, keyring=keyring, prompt=prompt) == "in environment"
    assert found(TARGET, {}, keyring=keyring, prompt=prompt) == "stored"
    assert asked == []
    assert found(TARGET, {}, keyring=_no_keyring, prompt=prompt) == "typed"
    assert asked == ["Password of ann at vcenter: "]


def test_no_password_anywhere() -> None:
    with pytest.raises(NotPermittedError, match="no password was found for ann") as caught:
        credentials_for(TARGET, environ={}, keyring=_no_keyring)
    assert caught.value.exit_code is ExitCode.NOT_PERMITTED
    assert "keyring set vsphere-market ann@vcenter" in str(caught.value)


def test_an_empty_answer_is_no_password() -> None:
    with pytest.raises(NotPermittedError):
        credentials_for(TARGET, environ={}, keyring=_no_keyring, prompt=lambda _: "")


def test_no_user() -> None:
    with pytest.raises(UsageError, match="no user was named for vcenter"):
        credentials_for(Target(host="vcenter"), environ={"GOVC_PASSWORD": "x"})


def test_a_machine_without_a_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    import keyring
    from keyring.backends.fail import Keyring as NoKeyring

    nobody = NoKeyring()  # type: ignore[no-untyped-call]
    monkeypatch.setattr(keyring, "get_password", nobody.get_password)
    assert keyring_password("vsphere-market", "ann@vcenter") is None
