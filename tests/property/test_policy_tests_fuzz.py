"""Test files of policies are written by hand: whatever one holds, the answer is a sentence."""

from __future__ import annotations

import json
import os
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


TIER = {"apiVersion": "vsphere-market/v1", "kind": "tier", "name": "t", "spec": {"priority": 2}}
HUGE: dict[str, Any] = {
    "policies": [TIER],
    "estate": {
        "clusters": [{"moid": "c", "name": "c"}],
        "hosts": [{"moid": "h", "name": "h", "cluster": "c", "memory_mib": 1e308}],
        "vms": [
            {"moid": f"v{n}", "name": f"v{n}", "host": "h", "cluster": "c", "size_mib": 1e308,
             "granted_mib": 1e308, "active_mib": 1e308, "samples": 9}
            for n in range(5)
        ],
    },
    "cases": [{"name": "a", "actions": [], "only": True}],
}  # fmt: skip


@pytest.mark.parametrize("amount", [1e308, 10**400, 1e16])
@pytest.mark.parametrize("table", ["hosts", "vms"])
def test_amounts_without_measure_get_an_answer(table: str, amount: float) -> None:
    """Found by hand: sums of such amounts overflowed in the market, and ended in a traceback."""
    whole = json.loads(json.dumps(HUGE))
    column = "memory_mib" if table == "hosts" else "size_mib"
    whole["estate"][table][0][column] = amount
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.test.json"
        path.write_text(json.dumps(whole))
        with pytest.raises(MarketError, match=r"beyond anything vSphere has|finite number"):
            run_tests([path])


def test_pipes_and_devices_are_not_read(tmp_path: Path) -> None:
    """Found by hand: a test that named a pipe as its snapshot waited without end."""
    pipe, path = tmp_path / "pipe", tmp_path / "x.test.json"
    os.mkfifo(pipe)
    for snapshot in (str(pipe), "/dev/zero", str(tmp_path), "a\0b"):
        whole = {"policies": [TIER], "snapshot": snapshot, "cases": HUGE["cases"]}
        path.write_text(json.dumps(whole))
        with pytest.raises(MarketError, match=r"no regular file|no path"):
            run_tests([path])
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(MarketError, match="no regular file"):
        run_tests([path])


@pytest.mark.parametrize("value", [None, [], {}, 1, "x", {"cases": 5}, {"cases": [[]]}])
def test_what_is_no_test_file_at_all(value: Any) -> None:
    answered(value)
