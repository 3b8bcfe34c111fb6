"""The night's walk through the whole of the campaign's lists: order, resumption, counts."""

from __future__ import annotations

from pathlib import Path

from tests.faults.campaign import Ran
from tests.faults.judge import Verdict
from tests.faults.planning import Campaign, Known
from tests.faults.troubles import Trace
from tests.faults.whole import Entry, Progress, entries, go_on, scenario
from tests.faults.world import actions

CALLS = Trace(["Login", "RelocateVM_Task"], 9, (0, 4))
LENGTHS = {"cells": 5, "writes": 3, "calls": 2}


def _campaign() -> Campaign:
    return Campaign(Known(dict.fromkeys((*actions(), "all", "loop"), CALLS)), 1)


def test_each_entry_of_each_list_is_visited_once_and_in_the_same_order() -> None:
    campaign = _campaign()
    order = entries(campaign)
    assert order == entries(_campaign())
    assert len(set(order)) == len(order) == sum(map(len, campaign.lists.values()))
    assert order[0].list == "cells" and order[-1].list == "calls"


def test_what_was_done_is_not_done_again(tmp_path: Path) -> None:
    campaign, path = _campaign(), tmp_path / "progress.jsonl"
    done = []
    for _ in range(2):
        for entry, ran in go_on(campaign, Progress.read(path), 1, 2):
            assert ran.verdict.clean, ran.verdict.lines()
            assert ran.scenario == scenario(campaign, entry).text()
            done.append(entry)
        # Killed while it wrote the next line.
        with path.open("a") as file:
            file.write('{"entry": "cells:1", "wr')
    assert done == entries(campaign)[:4]
    assert len(Progress.read(path).wrong) == 4


def test_the_last_line_counts_all_that_was_wrong(tmp_path: Path) -> None:
    progress = Progress.read(tmp_path / "progress.jsonl")
    progress.add(Entry("cells", 1), Ran(0, "", Verdict(lost=["a", "b"], violations=["c"])))
    progress.add(Entry("calls", 0), Ran(1, "", Verdict()))
    told = Progress.read(tmp_path / "progress.jsonl").text(LENGTHS)  # type: ignore[arg-type]
    assert told.splitlines() == [
        "visited 1 of 5 cells (fault x call x kind of action), kill -9 at 0 of 3 writes and at 1 "
        "of 2 calls",
        "2 runs: 2 lost, 0 repeated, 0 unknown, 1 violations",
    ]
