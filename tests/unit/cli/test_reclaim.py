"""``reclaim`` on a plant, in every format."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from tests.cli import vm


@pytest.mark.parametrize("how", ["table", "json", "csv", "markdown"])
def test_every_format(hot: Path, how: str) -> None:
    ended = vm("reclaim", "--plant", hot, "--format", how)
    assert ended.code == 0, ended.err
    if how == "csv":
        rows = list(csv.reader(io.StringIO(ended.out)))
        assert rows[0][0] == "vm"


def test_the_demos_oversized_vm_is_found_and_worth_the_sum() -> None:
    seen = vm("reclaim", "--plant", "demo", "--format", "json").json
    assert "test-hoard-01" in {item["vm"]["name"] for item in seen["vms"]}
    assert 0 < seen["worth"] <= sum(item["worth"] for item in seen["vms"]) * (1 + 1e-9)
    assert seen["freed_mib"] == pytest.approx(sum(one["freed_mib"] for one in seen["clusters"]))
    assert "points" in vm("reclaim", "--plant", "demo").out
