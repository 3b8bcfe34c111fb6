"""Scenario files of policies: each kind obeyed, refused with its reason, and contradictory.

The files are policy test files as users write them, and the product's own runner runs them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from vsphere_market.control.policy_tests import run_tests
from vsphere_market.policy import Kind

FOLDER = Path(__file__).parent / "policies"
FILES = sorted(FOLDER.glob("*.test.json"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name.removesuffix(".test.json"))
def test_scenario(file: Path) -> None:
    results = run_tests([file])
    assert results
    assert [(result.case, result.failures) for result in results if not result.passed] == []


def test_every_kind_is_obeyed_refused_and_contradictory() -> None:
    names = {file.name.removesuffix(".test.json") for file in FILES}
    for kind in Kind:
        assert {f"{kind}-obeyed", f"{kind}-refused", f"{kind}-contradictory"} <= names
