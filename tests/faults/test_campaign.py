"""A slice of the campaign of faults, and proof that it finds broken programs out.

`make faults RUNS=N SEED=S` runs the whole. What the runs are is in `campaign.py`.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.mutations import MUTATIONS, TELLING
from tests.faults.planning import FAULTS, WIRE, Campaign, Known
from tests.faults.troubles import Trace
from tests.faults.world import actions
from vsphere_market.adapter.faults import FAULTS as TABLE
from vsphere_market.port import ActionKind

ROOT = Path(__file__).parents[2]
_LAST = re.compile(r"(\d+) runs: (\d+) lost, (\d+) repeated, (\d+) unknown, (\d+) violations")


def campaign(*options: str) -> tuple[dict[str, int], str]:
    """Run the command in a process of its own; the counts of its last line, and all it said."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.campaign", "--workers", "1", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    said = done.stdout + done.stderr
    found = _LAST.fullmatch(done.stdout.splitlines()[-1]) if done.stdout else None
    assert found, said
    names = ("runs", "lost", "repeated", "unknown", "violations")
    counts = dict(zip(names, map(int, found.groups()), strict=True))
    assert (done.returncode == 0) == (not any(counts[name] for name in names[1:])), said
    return counts, said


@pytest.mark.parametrize("first", [0, 40])
def test_no_fault_makes_the_program_lose_track_or_repeat_itself(first: int) -> None:
    counts, said = campaign("--seed", "20261127", "--first", str(first), "--runs", "40")
    wrong = {name: count for name, count in counts.items() if name != "runs" and count}
    assert not wrong, said


@pytest.mark.parametrize(
    ("mutation", "found"),
    [
        ("resubmits", "repeated"),
        ("drops-intents", "lost"),
        ("forgets-tasks", "lost"),
        ("believes-faults", "lost"),
        ("deaf", "violations"),
    ],
)
def test_a_program_that_is_broken_on_purpose_is_found_out(mutation: str, found: str) -> None:
    counts, said = campaign("--telling", mutation, "--mutation", mutation)
    assert counts[found] >= counts["runs"], said


def test_the_same_runs_say_nothing_of_the_program_as_it_is() -> None:
    counts, said = campaign("--telling", "all")
    assert counts["runs"] == sum(map(len, TELLING.values())), said
    assert sum(counts.values()) == counts["runs"], said


def test_every_broken_program_is_tried() -> None:
    assert set(TELLING) == set(MUTATIONS) - {""}


def test_every_kind_of_action_is_in_the_campaign() -> None:
    tried = {action.kind for case in actions().values() for action in case}
    assert tried == set(ActionKind)


def test_every_fault_is_tried_at_every_call_of_every_action_once_the_seeds_are_through() -> None:
    calls = {case: Trace(["Login", "RelocateVM_Task"], 9, (0, 4)) for case in actions()}
    known = Known({**calls, "all": Trace(["Login"], 3, (1,)), "loop": Trace(["Login"], 2, (0,))})
    first = Campaign(known, 1)
    seeds = first.coverage(range(2000)).seeds
    visited = set()
    for seed in range(1, seeds + 1):
        campaign = Campaign(known, seed)
        visited |= {
            # Jitter and the death of a recovery come on top.
            replace(campaign.scenario(number), seed=0, second=())
            for number in range(2000)
        }
    for entries in first.lists.values():
        assert set(entries) <= visited
    for case in actions():
        cells = [one.strikes[0] for one in first.lists["cells"] if one.cases == (case,)]
        for call in (0, 1):
            struck = {(one.where, one.fault) for one in cells if one.call == call}
            assert struck >= {("call", fault) for fault in FAULTS} | {(w, "") for w in WIRE}


def test_every_fault_that_the_adapter_knows_is_in_the_campaign() -> None:
    """But for parents whose children are there, and what only means that a method is missing."""
    spared = {
        "InvalidHostConnectionState",
        "InsufficientResourcesFault",
        "InsufficientHostCapacityFault",
        "MemorySizeNotRecommended",
        "DisallowedOperationOnFailoverHost",
        "VMotionNotSupported",
        "VMotionInterfaceIssue",
        "CannotAccessVmComponent",
        "InvalidRequest",
        "NotEnoughCpus",
        "MethodNotFound",
        "NotImplemented",
        "MethodDisabled",
        "LicenseRestricted",
        "SecurityError",
    }
    assert set(TABLE) - spared <= set(FAULTS)
