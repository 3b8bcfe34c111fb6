"""The scorecard: a stage is earned by evidence, said so, and never taken by itself."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest

from tests.roads import automatic, hot_plant, policies, road
from vsphere_market.control.calibration import Calibration
from vsphere_market.control.cycle import one_cycle
from vsphere_market.control.trust import Stage, Thresholds, _score, read_thresholds, scorecard
from vsphere_market.errors import InputError
from vsphere_market.journal import Evidence
from vsphere_market.port import OutcomeKind

DAY_S = 86_400.0
GOOD = Calibration("migrate", 3600.0, 30, 30, 0, 0, 25, 20, 1.0, 3.0, 95.0, 100.0, 100.0, 90.0)
APPROVED = Evidence(
    "migrate", 100, 0.0, 20 * DAY_S, modes=frozenset({"approve"}), outcomes={OutcomeKind.DONE: 30}
)


def test_nothing_is_earned_by_nothing() -> None:
    score = _score(Evidence("limit"), None, Thresholds())
    assert (score.stage, score.next, score.earned) == (Stage.NONE, Stage.SHADOW, False)
    assert "shadow is not earned" in score.sentence


def test_shadow_earns_recommend_by_days_and_decisions() -> None:
    known = Evidence(
        "migrate", 12, 0.0, 4 * DAY_S, 12, 0.0, 4 * DAY_S, frozenset({"automatic"}), True
    )
    score = _score(known, None, Thresholds())
    assert (score.stage, score.next, score.earned) == (Stage.SHADOW, Stage.RECOMMEND, True)
    assert score.sentence == "recommend is earned; a policy has to say so."
    short = _score(dataclasses.replace(known, shadow_last_s=DAY_S), None, Thresholds())
    assert short.sentence == "recommend is not earned: days in shadow: 1 (3 wanted)."


def test_recommend_earns_approve() -> None:
    known = Evidence("migrate", 20, 0.0, 7 * DAY_S, modes=frozenset({"recommend", "automatic"}))
    score = _score(known, None, Thresholds())
    assert (score.stage, score.next, score.earned) == (Stage.RECOMMEND, Stage.APPROVE, True)
    assert not _score(dataclasses.replace(known, decisions=19), None, Thresholds()).earned


def test_approve_earns_automatic_by_what_came() -> None:
    score = _score(APPROVED, GOOD, Thresholds())
    assert (score.next, score.earned) == (Stage.AUTOMATIC, True)


@pytest.mark.parametrize(
    ("outcomes", "changed", "why"),
    [
        ({OutcomeKind.DONE: 19}, {}, "steps done: 19 (20 wanted)"),
        ({OutcomeKind.DONE: 30, OutcomeKind.FAILED: 2}, {}, "steps failed: 6.2 % (5 % allowed)"),
        ({OutcomeKind.DONE: 30, OutcomeKind.REFUSED: 2}, {}, "steps failed: 6.2 %"),
        ({OutcomeKind.DONE: 30, OutcomeKind.UNKNOWN: 1}, {}, "steps of unknown end: 1 (0 allowed)"),
        ({OutcomeKind.DONE: 30}, {"judged": 9}, "forecasts judged after an hour: 9 (10 wanted)"),
        (
            {OutcomeKind.DONE: 30},
            {"load_within_pct": 79.0},
            "within 10 points: 79 % (80 %",
        ),
        (
            {OutcomeKind.DONE: 30},
            {"load_within_pct": math.nan},
            "within 10 points: not known (80 %",
        ),
        (
            {OutcomeKind.DONE: 30},
            {"not_worse_pct": 94.0},
            "not squeezed more: 94 % (95 %",
        ),
    ],
)
def test_each_proof_is_needed(
    outcomes: dict[OutcomeKind, int], changed: dict[str, Any], why: str
) -> None:
    known = dataclasses.replace(APPROVED, outcomes=outcomes)
    score = _score(known, dataclasses.replace(GOOD, **changed), Thresholds())
    assert not score.earned and why in score.sentence
    mode = frozenset({"automatic"})
    score = _score(dataclasses.replace(known, modes=mode), GOOD, Thresholds())
    assert score.next is Stage.AUTOMATIC


def test_what_is_automatic_can_lose_it() -> None:
    mode = frozenset({"automatic"})
    still = _score(dataclasses.replace(APPROVED, modes=mode), GOOD, Thresholds())
    assert still.sentence == "Earned."
    bad = dataclasses.replace(GOOD, load_within_pct=10.0)
    lost = _score(dataclasses.replace(APPROVED, modes=mode), bad, Thresholds())
    assert lost.sentence.startswith(
        "Automatic without having earned it: host loads within 10 points: 10 %"
    )


def test_the_journal_tells_the_stage(tmp_path: Path) -> None:
    plant = hot_plant()

    def stage_of(kind: str) -> tuple[Stage, int, int]:
        with road(tmp_path, plant) as way:
            scores = scorecard(way.journal, ["migrate", "limit"], plant.clock.now_s())
        score = next(score for score in scores if score.kind == kind)
        return score.stage, score.decisions, score.done

    assert stage_of("migrate") == (Stage.NONE, 0, 0)
    with road(tmp_path, plant, shadow=True) as way:
        dark = len(one_cycle(way, 1).plan.steps)
    assert stage_of("migrate") == (Stage.SHADOW, dark, 0)
    with road(tmp_path, plant, policies(automatic("recommend"))) as way:
        one_cycle(way, 1)
    assert stage_of("migrate") == (Stage.RECOMMEND, 2 * dark, 0)
    with road(tmp_path, plant) as way:
        done = one_cycle(way, 1).done
    assert stage_of("migrate") == (Stage.AUTOMATIC, 3 * dark, done)
    assert stage_of("limit") == (Stage.NONE, 0, 0)


def test_thresholds_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "trust.json"
    path.write_text(json.dumps({"approve_done": 100, "band_points": 5}))
    asked = read_thresholds(path)
    assert (asked.approve_done, asked.band_points, asked.judged) == (100, 5, 10)
    assert not _score(APPROVED, GOOD, asked).earned


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "is no JSON object"),
        ('{"aprove_done": 1}', "names aprove_done, which is no threshold"),
        ('{"approve_done": "many"}', "approve_done is no number"),
        ('{"approve_done": -1}', "approve_done is no number"),
        ('{"approve_done": true}', "approve_done is no number"),
    ],
)
def test_thresholds_that_are_none(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "trust.json"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        read_thresholds(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_thresholds(tmp_path / "nowhere.json")
