"""What holds for every test: the order of the suites and Hypothesis's profiles."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from tests.postgres import Server

TESTS = Path(__file__).parent

# Fast things first; a folder that is not named here comes last.
ORDER = ("unit", "property", "contract", "regressions", "scenarios", "wire", "faults")

# Neither profile has a deadline: the first call of a numpy function is slow, and pytest-timeout
# catches what hangs. In CI a failure prints the blob that `@reproduce_failure` takes, and a busy
# machine that draws examples slowly is no failure. CI looks at the same examples at every run of
# one version, so that what it says is about the change; on a workstation the search goes on.
settings.register_profile("dev", deadline=None)
settings.register_profile(
    "ci",
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
# What CI found, made as short as it goes; run it by hand, with pytest's --timeout=0.
settings.register_profile("shrink", deadline=None, print_blob=True)
# The same search for longer: `examples` of tests/searching.py multiplies.
settings.register_profile("nightly", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


def suite_of(path: Path) -> str:
    """Return the folder directly under tests/ that holds `path`, or '' for one outside."""
    return path.relative_to(TESTS).parts[0] if path.is_relative_to(TESTS) else ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the suites in order, and mark what speaks to a simulator."""
    place = {suite: number for number, suite in enumerate(ORDER)}
    items.sort(key=lambda item: place.get(suite_of(item.path), len(ORDER)))
    for item in items:
        if suite_of(item.path) == "wire":
            item.add_marker(pytest.mark.wire)


@pytest.fixture(scope="session")
def postgres() -> Iterator["Server"]:
    """A PostgreSQL server, started by the first test that needs it."""
    from tests.postgres import running_server

    with running_server() as server:
        yield server
