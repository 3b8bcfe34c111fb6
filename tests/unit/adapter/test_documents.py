"""The pages on counters and faults say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vsphere_market.adapter.counters import HOST_COUNTERS, VM_COUNTERS, Wanted
from vsphere_market.adapter.faults import FAULTS
from vsphere_market.adapter.privileges import NEEDED
from vsphere_market.estate import HostTable, VmTable

DOCS = Path(__file__).resolve().parents[3] / "docs"


def _section(page: str, heading: str) -> str:
    text = (DOCS / page).read_text(encoding="utf-8")
    return text.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]


@pytest.mark.parametrize(("heading", "wanted"), [("VMs", VM_COUNTERS), ("Hosts", HOST_COUNTERS)])
def test_every_counter_is_on_the_page(heading: str, wanted: tuple[Wanted, ...]) -> None:
    rows = dict(
        re.findall(r"^\| `(\w+)` \| `([\w.]+)`", _section("counters.md", heading), re.MULTILINE)
    )
    assert rows == {want.column: want.counter for want in wanted}


@pytest.mark.parametrize(("heading", "wanted"), [("VMs", VM_COUNTERS), ("Hosts", HOST_COUNTERS)])
def test_how_samples_are_put_together_is_on_the_page(
    heading: str, wanted: tuple[Wanted, ...]
) -> None:
    section = _section("counters.md", heading)
    for want in wanted:
        row = next(line for line in section.splitlines() if line.startswith(f"| `{want.column}`"))
        assert row.split(" | ")[3].startswith(want.how.value), want.column


def test_columns_named_on_the_page_exist() -> None:
    named = set(
        re.findall(
            r"^\| `(\w+_(?:mib|kibps|pct|mhz|mbps))`", _section("counters.md", "VMs"), re.MULTILINE
        )
    )
    assert named <= set(VmTable.columns())
    named = set(re.findall(r"^\| `(\w+)` \|", _section("counters.md", "Hosts"), re.MULTILINE))
    assert named <= set(HostTable.columns())


def test_faults_named_on_the_page_are_judged_so() -> None:
    rows = re.findall(
        r"^\| (\w[\w ]*?) \| .*? \| (.*) \|$", _section("design/vcenter.md", "Faults"), re.MULTILINE
    )
    judged = {"transient": "RETRY", "stale": "REREAD", "final": "GIVE_UP", "not permitted": "ASK"}
    seen = 0
    for judgement, examples in rows:
        if judgement not in judged:
            continue
        for name in re.findall(r"`(\w+?)`s?", examples):
            if name in ("GenericVmConfigFault", "SystemError"):
                continue  # by their text
            assert FAULTS[name].means.name == judged[judgement], name
            seen += 1
    assert seen > 10


def test_privileges_are_on_the_page() -> None:
    section = _section("design/vcenter.md", "Privileges")
    for needed in NEEDED.values():
        for privilege in needed:
            assert f"`{privilege}`" in section
