"""Tokens, sessions and rates: what is kept, what is shown, and when it ends."""

from __future__ import annotations

import json
import stat
import threading
from pathlib import Path

import pytest

from vsphere_market.errors import BusyError, InputError, MarketError, UsageError
from vsphere_market.service.rates import Rates
from vsphere_market.service.roles import Role
from vsphere_market.service.sessions import IDLE_S, LONGEST_S, SessionStore
from vsphere_market.service.tokens import PREFIX, TokenStore

DAY_S = 86_400.0


class Clock:
    def __init__(self, now_s: float = 1_000_000.0) -> None:
        self.now = now_s

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> TokenStore:
    return TokenStore(tmp_path / "deep" / "tokens.json", clock)


def test_a_token_is_kept_as_a_hash_and_known_again(store: TokenStore) -> None:
    token, secret = store.create("grafana", Role.VIEWER)
    assert token.name == "grafana" and secret.startswith(PREFIX) and len(secret) > 50
    assert secret not in store.path.read_text()
    assert secret.rpartition("_")[2] not in store.path.read_text()
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    found = store.whose(secret)
    assert found == token and found.caller.role is Role.VIEWER
    assert store.whose(secret[:-1]) is None
    assert store.whose(secret + "x") is None
    assert store.whose("") is None


def test_a_token_ends_at_its_time(store: TokenStore, clock: Clock) -> None:
    _, secret = store.create("short", Role.ADMIN, days=2)
    clock.now += 2 * DAY_S - 1
    assert store.whose(secret) is not None
    clock.now += 1
    assert store.whose(secret) is None


def test_revoking_works_at_once_from_another_process(store: TokenStore, clock: Clock) -> None:
    token, secret = store.create("ci", Role.OPERATOR)
    assert store.whose(secret) is not None
    TokenStore(store.path, clock).revoke("ci")
    assert store.whose(secret) is None
    with pytest.raises(UsageError, match="is no token"):
        store.revoke(token.id)


def test_two_of_one_name_are_told_apart_by_id(store: TokenStore) -> None:
    first, secret = store.create("twin", Role.VIEWER)
    store.create("twin", Role.VIEWER)
    with pytest.raises(UsageError, match=first.id):
        store.revoke("twin")
    store.revoke(first.id)
    assert store.whose(secret) is None
    assert [item.name for item in store.all()] == ["twin"]


def test_a_lent_token_is_written_nowhere(store: TokenStore) -> None:
    _, secret = store.lend("terminal", Role.ADMIN)
    found = store.whose(secret)
    assert found is not None and found.role is Role.ADMIN
    assert not store.path.exists() and store.all() == ()


@pytest.mark.parametrize(
    ("name", "days"), [("", 1), ("x" * 81, 1), ("a\nb", 1), ("x", 0), ("x", 1e9)]
)
def test_tokens_without_sense(store: TokenStore, name: str, days: float) -> None:
    with pytest.raises(UsageError):
        store.create(name, Role.VIEWER, days)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"format": "x", "tokens": []}', "null"])
def test_a_file_that_is_none_lets_nobody_in(store: TokenStore, text: str) -> None:
    _, secret = store.create("x", Role.VIEWER)
    store.path.write_text(text)
    with pytest.raises(InputError, match="no file of tokens"):
        store.whose(secret)


def test_two_who_write_at_once_lose_nothing(store: TokenStore, clock: Clock) -> None:
    stores = [TokenStore(store.path, clock) for _ in range(4)]

    def work(own: TokenStore, at: int) -> None:
        for number in range(5):
            own.create(f"{at}-{number}", Role.VIEWER)

    threads = [threading.Thread(target=work, args=(own, at)) for at, own in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.all()) == 20
    assert len(json.loads(store.path.read_text())["tokens"]) == 20


def test_a_lock_that_somebody_holds(store: TokenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.create("x", Role.VIEWER)
    monkeypatch.setattr("vsphere_market.service.tokens._PATIENCE_S", 0.05)
    lock = store.path.with_name(store.path.name + ".lock")
    lock.touch()
    with pytest.raises(BusyError):
        store.create("y", Role.VIEWER)
    lock.unlink()
    store.create("y", Role.VIEWER)


def test_a_place_where_nothing_can_be_kept(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(MarketError, match="cannot be kept"):
        TokenStore(blocked / "tokens.json").create("x", Role.VIEWER)


# ---------------------------------------------------------------- sessions


def test_a_session_ends_with_its_token(store: TokenStore, clock: Clock) -> None:
    sessions = SessionStore(store, clock)
    token, _ = store.create("x", Role.OPERATOR)
    caller, cookie = sessions.begin(token)
    assert caller.csrf and cookie not in (caller.session, caller.csrf)
    assert sessions.whose(cookie) == caller
    assert sessions.whose(cookie + "x") is None
    store.revoke(token.id)
    assert sessions.whose(cookie) is None


def test_a_session_ends_when_idle_and_at_the_latest(store: TokenStore, clock: Clock) -> None:
    sessions = SessionStore(store, clock)
    token, _ = store.create("x", Role.OPERATOR)
    _, cookie = sessions.begin(token)
    clock.now += IDLE_S
    assert sessions.whose(cookie) is not None
    clock.now += IDLE_S + 1
    assert sessions.whose(cookie) is None
    _, cookie = sessions.begin(token)
    for _ in range(int(LONGEST_S // IDLE_S)):
        clock.now += IDLE_S
        assert sessions.whose(cookie) is not None
    clock.now += 1
    assert sessions.whose(cookie) is None


def test_logging_out(store: TokenStore, clock: Clock) -> None:
    sessions = SessionStore(store, clock)
    token, _ = store.create("x", Role.OPERATOR)
    caller, cookie = sessions.begin(token)
    sessions.end(caller.session)
    sessions.end(caller.session)
    assert sessions.whose(cookie) is None


# ---------------------------------------------------------------- rates


def test_a_bucket_lets_a_burst_through_and_then_fills_slowly(clock: Clock) -> None:
    rates = Rates(2.0, 4.0, clock)
    assert [rates.take("a") for _ in range(4)] == [0.0] * 4
    assert rates.take("a") == pytest.approx(0.5)
    assert rates.take("b") == 0.0
    clock.now += 0.5
    assert rates.take("a") == 0.0
    assert rates.take("a") > 0
    assert rates.wait_s("a") == pytest.approx(0.5)
    clock.now += 100
    assert [rates.take("a") for _ in range(4)] == [0.0] * 4
    assert rates.take("a") > 0
