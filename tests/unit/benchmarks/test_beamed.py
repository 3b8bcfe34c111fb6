"""A placement that is there from the first instant."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks import beamed
from benchmarks.closed_loop import ROWS, comparison
from vsphere_market.proving.jobs import perform
from vsphere_market.proving.roster import parse_all

SKEWED = replace(
    comparison(next(row for row in ROWS if row.estate == "skewed"), "migrate", 1, 0.5),
    controllers=parse_all("none,drs"),
)


def test_where_nothing_was_moved_it_is_what_doing_nothing_leaves() -> None:
    job = SKEWED.jobs(SKEWED.controllers[:1], (1,), 0.5)[0]
    result = perform(job, None)
    assert beamed.beamed(SKEWED, result) == pytest.approx(result["pain"], abs=1e-3)


def test_it_hurts_less_than_with_the_moves_and_more_than_not_at_all() -> None:
    job = SKEWED.jobs(SKEWED.controllers[1:], (1,), 0.5)[0]
    result = perform(job, None)
    assert result["moves"] > 0
    # What had been swapped out before has to be fetched back all the same.
    assert 0.05 * result["pain"] < beamed.beamed(SKEWED, result) < result["pain"]


def test_moves_that_failed_and_the_order_of_the_others_count() -> None:
    result = perform(SKEWED.jobs(SKEWED.controllers[1:], (1,), 0.5)[0], None)
    good = [deed for deed in result["deeds"] if "why" not in deed]
    failed = [{**deed, "why": "fault"} for deed in good]
    assert beamed.beamed(SKEWED, {**result, "deeds": failed}) > beamed.beamed(SKEWED, result)
    backwards = {**result, "deeds": list(reversed(result["deeds"]))}
    assert beamed.beamed(SKEWED, backwards) == beamed.beamed(SKEWED, result)
