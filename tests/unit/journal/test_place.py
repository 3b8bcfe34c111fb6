"""Where a journal may be, and that no password stands on a command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from vsphere_market.errors import ExitCode, UsageError
from vsphere_market.journal import PostgresPlace, place_from
from vsphere_market.journal.postgres import connection_words


def test_a_file_is_a_file() -> None:
    assert place_from("state/journal.db", option=True) == Path("state/journal.db")


def test_a_database_is_named_by_its_url() -> None:
    url = "postgresql://market@db.example.com:5433/journal?sslmode=verify-full"
    assert place_from(url, option=True) == PostgresPlace(url)
    hosts = "postgres://market@a:5432,b:5433/journal"
    assert str(place_from(hosts, option=True)) == hosts
    assert str(place_from("postgresql:///?service=market", option=True)) == (
        "postgresql:///?service=market"
    )


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://market:s3cret@db/journal",
        "postgresql://market:@db/journal",
        "postgresql://db/journal?user=market&password=s3cret",
        "postgresql://db/journal?sslpassword=s3cret",
    ],
)
def test_a_password_on_the_command_line_is_refused_with_the_cure(url: str) -> None:
    with pytest.raises(UsageError, match="holds a password") as caught:
        place_from(url, option=True)
    assert caught.value.exit_code is ExitCode.USAGE
    assert "PGPASSWORD" in caught.value.cure
    assert "s3cret" not in str(caught.value)


def test_a_password_in_the_environment_is_taken_out_of_the_url() -> None:
    place = place_from("postgresql://market:s3%40cret@db/journal?x=1", option=False)
    assert isinstance(place, PostgresPlace)
    assert str(place) == "postgresql://market@db/journal?x=1"
    assert "cret" not in repr(place)
    assert place.secrets == (("password", "s3@cret"),)


@pytest.mark.parametrize("url", ["mysql://db/journal", "sqlite:///journal.db", "https://db"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(UsageError, match="cannot hold a journal"):
        place_from(url, option=True)


def test_libpqs_own_words_are_told_from_a_file() -> None:
    with pytest.raises(UsageError, match="neither a file nor an URL") as caught:
        place_from("host=db password=s3cret", option=True)
    assert "s3cret" not in str(caught.value)


def test_a_server_elsewhere_has_to_prove_who_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGSSLMODE", "PGSSLROOTCERT", "PGSERVICE", "PGHOST"):
        monkeypatch.delenv(name, raising=False)
    elsewhere = PostgresPlace("postgresql://db.example.com/journal")
    words = connection_words(elsewhere)
    assert (words["sslmode"], words["sslrootcert"]) == ("verify-full", "system")
    for here in ("postgresql:///journal", "postgresql://localhost/j", "postgresql:///j?host=/run"):
        assert "sslmode" not in connection_words(PostgresPlace(here))
    said = PostgresPlace("postgresql://db.example.com/journal?sslmode=require")
    assert connection_words(said)["sslmode"] == "require"
    monkeypatch.setenv("PGSSLROOTCERT", "/etc/ca.pem")
    assert "sslrootcert" not in connection_words(elsewhere)
    monkeypatch.setenv("PGSSLMODE", "verify-ca")
    assert "sslmode" not in connection_words(elsewhere)
