"""A server for the tests of this folder that read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.service_http import Listening, listening


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    with listening(tmp_path_factory.mktemp("served")) as found:
        yield found
