"""Staged trust: how far each kind of action has come, and whether the next stage is earned.

Shadow, recommend, approve, automatic: each stage gives evidence for the next. Nothing here changes
a mode: that is written into a policy, by a person.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from vsphere_market.control.calibration import Calibration, calibrate
from vsphere_market.errors import InputError
from vsphere_market.journal import Evidence, Journal
from vsphere_market.port import OutcomeKind

_DAY_S = 86_400.0
_HOUR_S = 3600.0


class Stage(IntEnum):
    """How far a kind of action may go by itself."""

    NONE = 0
    SHADOW = 1
    RECOMMEND = 2
    APPROVE = 3
    AUTOMATIC = 4

    @property
    def word(self) -> str:
        """As it is written."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What a stage has to show before the next one is earned.

    Attributes:
        days: nothing older counts, days.
        shadow_days: days between the first and the last shadow cycle.
        shadow_decisions: decisions of the kind, in shadow.
        recommend_days: days between the first and the last decision of the kind.
        recommend_decisions: decisions of the kind.
        approve_done: steps that people applied, and that succeeded.
        failed_most_pct: share of tried steps that failed or were refused.
        unknown_most: steps whose end is not known.
        judged: forecasts that can be judged after an hour.
        load_within_pct: share of these within the band.
        band_points: the band, points of percent of a host's load.
        not_worse_pct: share of VMs that are not squeezed more an hour later.
    """

    days: float = 90.0
    shadow_days: float = 3.0
    shadow_decisions: int = 10
    recommend_days: float = 7.0
    recommend_decisions: int = 20
    approve_done: int = 20
    failed_most_pct: float = 5.0
    unknown_most: int = 0
    judged: int = 10
    load_within_pct: float = 80.0
    band_points: float = 10.0
    not_worse_pct: float = 95.0


def read_thresholds(path: Path) -> Thresholds:
    """Thresholds from a JSON file that names those that differ from the usual ones.

    Raises:
        InputError: it cannot be read, names something else, or holds no positive numbers.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise InputError(f"cannot be read ({exc.strerror})", where=str(path)) from None
    except ValueError as exc:
        raise InputError(f"is not JSON ({exc})", where=str(path)) from None
    known = {field.name for field in dataclasses.fields(Thresholds)}
    if not isinstance(document, dict):
        raise InputError("is no JSON object", where=str(path), cure='write {"approve_done": 50}')
    for name, value in document.items():
        if name not in known:
            raise InputError(
                f"names {name}, which is no threshold",
                where=str(path),
                cure=f"there are {', '.join(sorted(known))}",
            )
        if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
            raise InputError(f"{name} is no number", where=str(path), cure="write one from 0 up")
    return Thresholds(**document)


@dataclass(frozen=True, slots=True)
class Proof:
    """One thing that the next stage asks for.

    Attributes:
        what: in words.
        have: what there is; NaN when there is nothing to judge.
        want: what it has to be.
        most: ``want`` is the most that is allowed, not the least.
    """

    what: str
    have: float
    want: float
    most: bool = False

    @property
    def given(self) -> bool:
        """It is as it has to be. What cannot be judged is not given."""
        return self.have <= self.want if self.most else self.have >= self.want


@dataclass(frozen=True, slots=True)
class Score:
    """One kind of action.

    Attributes:
        kind: kind of action.
        stage: how far policy let it go at last.
        decisions: how often it was decided.
        done: steps that were done.
        failed: steps that failed or were refused.
        unknown: steps whose end is not known.
        calibration: forecasts an hour later; None when no step was done.
        next: the next stage; the same as ``stage`` at the last.
        proofs: what the next stage asks for.
    """

    kind: str
    stage: Stage
    decisions: int
    done: int
    failed: int
    unknown: int
    calibration: Calibration | None
    next: Stage
    proofs: tuple[Proof, ...]

    @property
    def seen(self) -> bool:
        """There is anything to tell."""
        return self.stage is not Stage.NONE or bool(self.done or self.failed or self.unknown)

    @property
    def earned(self) -> bool:
        """The next stage is earned, or at the last one: it is still."""
        return bool(self.proofs) and all(proof.given for proof in self.proofs)

    @property
    def sentence(self) -> str:
        """The verdict for people."""
        lacking = [proof.what for proof in self.proofs if not proof.given]
        if self.stage is Stage.AUTOMATIC:
            if self.earned:
                return "Earned."
            return f"Automatic without having earned it: {'; '.join(lacking)}."
        if self.earned:
            return f"{self.next.word} is earned; a policy has to say so."
        return f"{self.next.word} is not earned: {'; '.join(lacking)}."


def scorecard(
    journal: Journal,
    kinds: Sequence[str],
    now_s: float,
    asked: Thresholds | None = None,
    estate: str = "",
) -> tuple[Score, ...]:
    """What the journal says of each kind of action. Only reads.

    Args:
        journal: the evidence.
        kinds: the kinds to judge.
        now_s: Unix time.
        asked: thresholds; None for the usual ones.
        estate: only of this vCenter; "" for all.
    """
    asked = asked or Thresholds()
    since_s = now_s - asked.days * _DAY_S
    known = journal.evidence(since_s, estate)
    judged = {
        one.kind: one
        for one in calibrate(journal.aftermaths(since_s, estate), asked.band_points)
        if one.horizon_s == _HOUR_S
    }
    return tuple(
        _score(known.get(kind, Evidence(kind)), judged.get(kind), asked)
        for kind in (*kinds, *sorted(set(known) - set(kinds)))
    )


def _score(known: Evidence, calibration: Calibration | None, asked: Thresholds) -> Score:
    stage = _stage(known)
    ended = known.outcomes or {}
    done = ended.get(OutcomeKind.DONE, 0)
    failed = ended.get(OutcomeKind.FAILED, 0) + ended.get(OutcomeKind.REFUSED, 0)
    unknown = ended.get(OutcomeKind.UNKNOWN, 0)
    following = Stage(min(stage + 1, Stage.AUTOMATIC))
    proofs = _proofs(following, known, (done, failed, unknown), calibration, asked)
    return Score(
        known.kind, stage, known.decisions, done, failed, unknown, calibration, following, proofs
    )


def _stage(known: Evidence) -> Stage:
    """How far the newest plan let it go: the most cautious of its steps counts."""
    if not known.modes:
        return Stage.NONE
    if known.in_shadow:
        return Stage.SHADOW
    names = {stage.word: stage for stage in Stage}
    return min(names.get(mode, Stage.NONE) for mode in known.modes)


def _proofs(
    following: Stage,
    known: Evidence,
    outcomes: tuple[int, int, int],
    calibration: Calibration | None,
    asked: Thresholds,
) -> tuple[Proof, ...]:
    done, failed, unknown = outcomes
    if following is Stage.SHADOW:
        return (_at_least("decisions of a loop", known.decisions, 1),)
    if following is Stage.RECOMMEND:
        days = (known.shadow_last_s - known.shadow_first_s) / _DAY_S
        return (
            _at_least("days in shadow", days, asked.shadow_days),
            _at_least("decisions in shadow", known.shadow_decisions, asked.shadow_decisions),
        )
    if following is Stage.APPROVE:
        days = (known.last_s - known.first_s) / _DAY_S
        return (
            _at_least("days of decisions", days, asked.recommend_days),
            _at_least("decisions", known.decisions, asked.recommend_decisions),
        )
    judged = calibration.judged if calibration else 0
    within = calibration.load_within_pct if calibration else math.nan
    not_worse = calibration.not_worse_pct if calibration else math.nan
    failures = 100.0 * failed / (done + failed) if done + failed else math.nan
    return (
        _at_least("steps done", done, asked.approve_done),
        _at_most("steps failed", failures, asked.failed_most_pct, "%"),
        _at_most("steps of unknown end", unknown, asked.unknown_most),
        _at_least("forecasts judged after an hour", judged, asked.judged),
        _at_least(
            f"host loads within {asked.band_points:g} points", within, asked.load_within_pct, "%"
        ),
        _at_least("VMs not squeezed more", not_worse, asked.not_worse_pct, "%"),
    )


def _at_least(what: str, have: float, want: float, unit: str = "") -> Proof:
    text = f"{what}: {_number(have, unit)} ({_number(want, unit)} wanted)"
    return Proof(text, have, want)


def _at_most(what: str, have: float, want: float, unit: str = "") -> Proof:
    text = f"{what}: {_number(have, unit)} ({_number(want, unit)} allowed)"
    return Proof(text, have, want, most=True)


def _number(value: float, unit: str) -> str:
    if math.isnan(value):
        return "not known"
    return f"{value:.1f}".removesuffix(".0") + (f" {unit}" if unit else "")


def thresholds_json(asked: Thresholds) -> dict[str, Any]:
    """Thresholds as :func:`read_thresholds` reads them."""
    return dataclasses.asdict(asked)
