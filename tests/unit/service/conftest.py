"""One service for all tests that only read, and one of its own for each that changes something."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service_app import Served, served


@pytest.fixture(scope="package")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """For reading."""
    with served(tmp_path_factory.mktemp("service")) as found:
        yield found


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Served]:
    """For changing."""
    with served(tmp_path) as found:
        yield found
