"""Fixtures that start vCenter simulators; each test gets its own and leaves none behind."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.vcsim import Simulator, StockVcsim

StartSimulator = Callable[..., Simulator]


@pytest.fixture
def start_simulator() -> Iterator[StartSimulator]:
    """`Simulator.start` with the same arguments; what it starts is stopped after the test."""
    with contextlib.ExitStack() as stack:

        def start(*args: Any, **kwargs: Any) -> Simulator:
            return stack.enter_context(Simulator.start(*args, **kwargs))

        yield start


@pytest.fixture
def stock_vcsim() -> Iterator[StockVcsim]:
    """Stock vcsim v0.52.0 with its default inventory."""
    with StockVcsim.start() as stock:
        yield stock
