"""Test files of policies are written by hand: whatever one holds, the answer is a sentence."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.documents import mutated
from vsphere_market.control.policy_tests import run_tests
from vsphere_market.errors import MarketError

FOLDER = Path(__file__).resolve().parents[1] / "scenarios" / "policies"
FILES = [json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.test.json"))]


def answered(value: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.test.json"
        path.write_text(json.dumps(value))
        try:
            results = run_tests([path])
        except MarketError as exc:
            assert str(exc)
            return
        for result in results:
            assert all(result.failures)


@given(st.data())
@settings(max_examples=150)
def test_files_made_wrong_get_an_answer(data: st.DataObject) -> None:
    value: Any = data.draw(st.sampled_from(FILES))
    for _ in range(data.draw(st.integers(1, 3))):
        value = data.draw(mutated(value))
    answered(value)


@pytest.mark.parametrize("value", [None, [], {}, 1, "x", {"cases": 5}, {"cases": [[]]}])
def test_what_is_no_test_file_at_all(value: Any) -> None:
    answered(value)
