"""Asking the journal, with filters that fit and names that exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.roads import hot_plant, road
from vsphere_market.control.cycle import one_cycle
from vsphere_market.control.history import Kind, ask, verify
from vsphere_market.errors import JournalError, UsageError
from vsphere_market.journal import Filter
from vsphere_market.port import ActionKind


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    with road(tmp_path, hot_plant()) as way:
        one_cycle(way, 1)
    return tmp_path / "journal.db"


@pytest.mark.parametrize("kind", [Kind.ACTIONS, Kind.DECISIONS, Kind.PLANS, Kind.CYCLES])
def test_everything_can_be_asked_for(journal: Path, kind: Kind) -> None:
    found = ask(kind, Filter(), journal)
    assert found.records
    assert found.where == str(journal)
    assert not found.more


def test_more_than_the_limit_is_told(journal: Path) -> None:
    found = ask(Kind.ACTIONS, Filter(limit=1), journal)
    assert len(found.records) == 1
    assert found.more


def test_a_misspelt_vm_is_put_right(journal: Path) -> None:
    with pytest.raises(UsageError, match='Did you mean "hot-01"'):
        ask(Kind.ACTIONS, Filter(vm="hto-01"), journal)
    with pytest.raises(UsageError, match='Did you mean "esx-1"'):
        ask(Kind.ACTIONS, Filter(host="esx1"), journal)


def test_a_vm_without_history_is_no_error(journal: Path) -> None:
    assert ask(Kind.ACTIONS, Filter(vm="calm-01"), journal).records == ()


def test_a_filter_that_does_not_fit_is_refused(journal: Path) -> None:
    with pytest.raises(UsageError, match=r"--kind.*not filtered"):
        ask(Kind.CYCLES, Filter(kind=ActionKind.LIMIT), journal)
    with pytest.raises(UsageError, match="--host"):
        ask(Kind.REFUSALS, Filter(host="esx-1"), journal)


def test_a_named_journal_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="no journal"):
        ask(Kind.PLANS, Filter(), tmp_path / "none.db")


def test_the_usual_one_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    found = ask(Kind.PLANS, Filter())
    assert (found.records, found.where) == ((), None)
    with pytest.raises(JournalError, match="no journal yet"):
        verify()


def test_the_trail_is_sealed(journal: Path) -> None:
    assert verify(journal).intact
