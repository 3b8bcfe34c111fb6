"""Leaving out what was not needed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks import hindsight
from benchmarks.closed_loop import ROWS, comparison
from tests.estates import snapshot_of
from vsphere_market.proving.controller import Circumstances
from vsphere_market.proving.jobs import estate_of
from vsphere_market.proving.roster import make, parse
from vsphere_market.proving.trial import MIGRATE_ONLY, Setup, run

WHAT = comparison(next(row for row in ROWS if row.estate == "affinity-laden"), "migrate", 1, 1.0)
SETUP = Setup(estate_of(WHAT.estate, WHAT.traces)[0], parse("market"), 1, 1.0, MIGRATE_ONLY)


@pytest.fixture(scope="module")
def script() -> list[hindsight.Ordered]:
    recorder = hindsight.Recorder(make(SETUP.controller, Circumstances(SETUP.kinds)))
    run(SETUP, recorder)
    return recorder.script


def test_the_whole_script_played_is_the_trial(script: list[hindsight.Ordered]) -> None:
    assert script
    there, again = run(SETUP), run(SETUP, hindsight.Player(script, frozenset()))
    assert again.measures["pain"] == there.measures["pain"]
    assert again.measures["moved_gib"] == there.measures["moved_gib"]


def test_nothing_of_it_is_what_doing_nothing_leaves(script: list[hindsight.Ordered]) -> None:
    nothing = run(replace(SETUP, controller=parse("none")))
    left = run(SETUP, hindsight.Player(script, frozenset(range(len(script)))))
    assert left.measures["pain"] == nothing.measures["pain"]


def test_what_is_left_out_was_not_needed_and_the_rest_was(
    script: list[hindsight.Ordered],
) -> None:
    pain = run(SETUP).measures["pain"]
    out = hindsight.needless(SETUP, script, 1.01 * pain, range(len(script)))
    assert 0 < len(out) < len(script)
    assert run(SETUP, hindsight.Player(script, out)).measures["pain"] <= 1.01 * pain
    everything = frozenset(range(len(script)))
    assert run(SETUP, hindsight.Player(script, everything)).measures["pain"] > 2.0 * pain


def test_order_is_kept_among_those_that_are_left(script: list[hindsight.Ordered]) -> None:
    one = script[0].order
    chain = [
        hindsight.Ordered(0.0, one, ()),
        hindsight.Ordered(0.0, one, (0,)),
        hindsight.Ordered(0.0, one, (0, 1)),
        hindsight.Ordered(600.0, one, ()),
    ]
    player = hindsight.Player(chain, frozenset({1}))
    seen = snapshot_of()  # what it looks at does not matter to it
    first = player.decide(seen, 300.0, ())
    assert [order.after for order in first] == [(), (0,)]
    assert player.decide(seen, 500.0, ()) == []
    assert len(player.decide(seen, 600.0, ())) == 1


def test_the_best_rival_is_the_one_that_the_results_name() -> None:
    def trial(controller: str, pain: float) -> dict[str, object]:
        return {"controller": controller, "pain": pain, "moves": 1.0, "moved_gib": 10.0 * pain}

    trials = [trial("none", 0.1), trial("drs", 3.0), trial("drs", 5.0), trial("drs", 4.0)]
    rows = [
        {"estate": "one", "actions": "migrate", "trials": [*trials, trial("hbal", 6.0)]},
        {"estate": "one", "actions": "all", "trials": []},
        {"estate": "quiet", "actions": "migrate", "trials": trials},
    ]
    summary = {"migrate": {"rows": [{"estate": "one", "best_rival": "drs"}]}}
    best = hindsight.best_rivals({"rows": rows, "summary": summary})
    assert best == {"one": {"pain": 4.0, "moves": 1.0, "moved_gib": 40.0}}


def test_a_row_that_nobody_cures_is_refused_before_anything_is_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        hindsight.main(["overcommitted-2.0"])
    assert "overcommitted-2.0 is no row that can be cured" in capsys.readouterr().err
