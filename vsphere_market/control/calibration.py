"""How good the market's forecasts were: bias, spread and share within a band, by kind of action."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vsphere_market.journal import Aftermath

#: A forecast of a host's load is good if it is off by no more than this, in points of percent.
BAND_POINTS = 10.0
#: A VM is squeezed more than before if it was deprived of so much more, MiB.
_MORE_MIB = 64.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """Forecasts of one kind of action against what came after one span of time.

    Forecasts are judged only where no other plan of ours changed the same VM or host meanwhile.
    Errors are "came less forecast". NaN where there is nothing to judge.

    Attributes:
        kind: kind of action.
        horizon_s: so long after the step.
        steps: steps that were done.
        seen: of these, looked at in time.
        missed: of these, not looked at in time, since no loop ran.
        pending: of these, still to be looked at.
        undisturbed: of those looked at, without other steps on the VM or host.
        judged: of those undisturbed, with a forecast of the host's load that held for the plan.
        load_bias_points: mean error of the host's load, points of percent.
        load_spread_points: standard deviation of that error.
        load_within_pct: share of errors within :data:`BAND_POINTS`.
        relieved_pct: share of the VMs that were squeezed before and are squeezed less now.
        not_worse_pct: share of all VMs that are not squeezed more than before.
        potential_within_pct: share of plans' potentials that came within a tenth of the forecast
            fall.
    """

    kind: str
    horizon_s: float
    steps: int
    seen: int
    missed: int
    pending: int
    undisturbed: int
    judged: int
    load_bias_points: float
    load_spread_points: float
    load_within_pct: float
    relieved_pct: float
    not_worse_pct: float
    potential_within_pct: float


def calibrate(
    past: Sequence[Aftermath], band_points: float = BAND_POINTS
) -> tuple[Calibration, ...]:
    """Judge forecasts, by kind and horizon.

    Args:
        past: steps with what came of them.
        band_points: how far off a forecast of a host's load may be, points of percent.
    """
    groups: dict[tuple[str, float], list[Aftermath]] = {}
    for one in past:
        groups.setdefault((one.forecast.kind, one.horizon_s), []).append(one)
    return tuple(
        _calibration(kind, horizon_s, groups[kind, horizon_s], band_points)
        for kind, horizon_s in sorted(groups)
    )


def _calibration(
    kind: str, horizon_s: float, past: Sequence[Aftermath], band_points: float
) -> Calibration:
    seen = [(one, one.seen) for one in past if one.seen is not None and one.seen.others is not None]
    calm = [(one, sight) for one, sight in seen if sight.others == 0]
    errors = [
        100.0 * (sight.host_load - one.forecast.host_load)
        for one, sight in calm
        if not math.isnan(sight.host_load - one.forecast.host_load)
    ]
    squeezes = [
        (one.forecast.vm_squeezed_mib, sight.vm_squeezed_mib)
        for one, sight in calm
        if not math.isnan(one.forecast.vm_squeezed_mib - sight.vm_squeezed_mib)
    ]
    before = [(was, now) for was, now in squeezes if was > 0]
    potentials = [
        abs(sight.potential - one.forecast.potential)
        <= 0.1 * abs(one.forecast.potential_before - one.forecast.potential)
        for one, sight in calm
        if not math.isnan(sight.potential - one.forecast.potential)
    ]
    return Calibration(
        kind=kind,
        horizon_s=horizon_s,
        steps=len(past),
        seen=len(seen),
        missed=sum(1 for one in past if one.seen is not None and one.seen.others is None),
        pending=sum(1 for one in past if one.seen is None),
        undisturbed=len(calm),
        judged=len(errors),
        load_bias_points=statistics.fmean(errors) if errors else math.nan,
        load_spread_points=statistics.pstdev(errors) if errors else math.nan,
        load_within_pct=_share(abs(error) <= band_points for error in errors),
        relieved_pct=_share(now < was for was, now in before),
        not_worse_pct=_share(now <= was + _MORE_MIB for was, now in squeezes),
        potential_within_pct=_share(potentials),
    )


def _share(verdicts: Iterable[bool]) -> float:
    """Share of True, in percent; NaN of nothing."""
    told = list(verdicts)
    return 100.0 * sum(told) / len(told) if told else math.nan
