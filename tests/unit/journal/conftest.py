"""An empty journal for each test: in a file, and in a PostgreSQL that runs for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from vsphere_market.journal import Journal, Place, open_journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a file may be made."""
    return tmp_path / "state" / "journal.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, path: Path) -> Place:
    """A place for a journal, of each kind."""
    if request.param == "sqlite":
        return path
    found: Place = request.getfixturevalue("postgres").place()
    return found


@pytest.fixture
def journal(place: Place) -> Iterator[Journal]:
    with open_journal(place) as opened:
        yield opened
