"""``outcomes``: what the market expected of its steps, and what came."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from vsphere_market.cli import words
from vsphere_market.cli.options import (
    JournalPlace,
    format_options,
    journal_options,
    with_options,
)
from vsphere_market.cli.report import Column, Format, Report, Table, plain
from vsphere_market.errors import ExitCode

if TYPE_CHECKING:
    from vsphere_market.control.calibration import Calibration
    from vsphere_market.journal import Aftermath


class Shown(StrEnum):
    """What to show."""

    CALIBRATION = "calibration"
    STEPS = "steps"


@with_options(journal=journal_options, how=format_options)
def outcomes(
    journal: JournalPlace | None,
    how: Format,
    what: Annotated[
        Shown, Argument(help="Sums per kind of action, or every step.")
    ] = Shown.CALIBRATION,
    since: Annotated[
        str, Option(help="Steps not done before: 2h, 30d, or 2026-11-23T08:00.", metavar="TIME")
    ] = "90d",
    on: Annotated[
        str, Option("--on", help="Only on this vCenter, by name.", metavar="VCENTER")
    ] = "",
    band: Annotated[
        float,
        Option(help="A host's load is as forecast if off by no more points.", min=0.1, max=100.0),
    ] = 10.0,
    limit: Annotated[int, Option(help="At most so many steps, the newest.", min=1)] = 50,
) -> int:
    """Show forecasts against what came 5 minutes, an hour and a day after each step.

    The loop looks at what came as time passes. Forecasts are judged only where no other plan of
    ours changed the same VM or host meanwhile.
    """
    import time

    from vsphere_market.cli.render import say, show
    from vsphere_market.control.history import past_outcomes

    since_s = words.instant(since, "--since", time.time())
    judged, past = past_outcomes(since_s, journal, on=on, band_points=band)
    if judged is None:
        say("there is no journal yet: `run`, `apply` or `plan` begin one")
    if what is Shown.STEPS:
        show(steps_report(past, limit), how)
    else:
        show(calibration_report(judged or ()), how)
    return ExitCode.OK


def span(seconds: float) -> str:
    """``5 min``, ``1 h``, ``24 h``."""
    return f"{seconds / 60:.0f} min" if seconds < 3600 else f"{seconds / 3600:.0f} h"


def _points(value: float) -> str:
    return plain(None) if value != value else f"{value:+.1f}"  # noqa: PLR0124 - NaN


def _whole_pct(value: float) -> str:
    return plain(None) if value != value else f"{value:.0f} %"  # noqa: PLR0124 - NaN


_CALIBRATION = (
    Column("kind", "kind"),
    Column("horizon_s", "after", span, right=True),
    Column("steps", "steps", right=True),
    Column("seen", "seen", right=True),
    Column("missed", "missed", right=True, minor=True),
    Column("pending", "to come", right=True, minor=True),
    Column("undisturbed", "undisturbed", right=True, minor=True),
    Column("judged", "judged", right=True),
    Column("load_bias_points", "load bias", _points, right=True),
    Column("load_spread_points", "± spread", _points, right=True, minor=True),
    Column("load_within_pct", "in band", _whole_pct, right=True),
    Column("relieved_pct", "relieved", _whole_pct, right=True),
    Column("not_worse_pct", "not worse", _whole_pct, right=True),
    Column("potential_within_pct", "potential", _whole_pct, right=True, minor=True),
)


def calibration_report(judged: Sequence[Calibration]) -> Report:
    """Sums per kind and horizon."""
    keys = [column.key for column in _CALIBRATION]
    rows = [[getattr(one, key) for key in keys] for one in judged]
    table = Table(
        "Forecasts against what came",
        _CALIBRATION,
        rows,
        empty="No step was done in that time.",
        note="Load: of the host that the VM then lives on, in points of per cent; "
        "relieved: of the VMs squeezed before."
        if rows
        else "",
    )
    return Report([dict(zip(keys, row, strict=True)) for row in rows], [table], table)


_STEPS = (
    Column("done_s", "at", words.moment),
    Column("execution", "execution", right=True, minor=True),
    Column("step", "step"),
    Column("kind", "kind"),
    Column("subject", "subject"),
    Column("host", "host", minor=True),
    Column("horizon_s", "after", span, right=True),
    Column("vm_squeezed_before_mib", "squeezed", words.memory, right=True),
    Column("vm_squeezed_mib", "→ came", words.memory, right=True),
    Column("vm_waiting_before_pct", "waiting", words.percent, right=True, minor=True),
    Column("vm_waiting_pct", "→ came", words.percent, right=True, minor=True),
    Column("host_load_before", "load", words.share, right=True, minor=True),
    Column("host_load_forecast", "forecast", words.share, right=True),
    Column("host_load", "came", words.share, right=True),
    Column("potential_forecast", "potential", words.points, right=True, minor=True),
    Column("potential", "came", words.points, right=True, minor=True),
    Column("others", "others", right=True, minor=True),
    Column("state", "state"),
)


def steps_report(past: Sequence[Aftermath], limit: int) -> Report:
    """Every step that was done, with what came."""
    keys = [column.key for column in _STEPS]
    rows = [_step(one) for one in past[:limit]]
    table = Table(
        "",
        _STEPS,
        rows,
        empty="No step was done in that time.",
        note="There are more; --limit shows them." if len(past) > limit else "",
    )
    return Report([dict(zip(keys, row, strict=True)) for row in rows], [table], table)


def _step(one: Aftermath) -> list[Any]:
    forecast, seen = one.forecast, one.seen
    nan = float("nan")
    state = "to come" if seen is None else "missed" if seen.others is None else "seen"
    return [
        forecast.done_s,
        forecast.execution,
        forecast.step,
        forecast.kind,
        forecast.subject,
        forecast.host,
        one.horizon_s,
        forecast.vm_squeezed_mib,
        seen.vm_squeezed_mib if seen else nan,
        forecast.vm_waiting_pct,
        seen.vm_waiting_pct if seen else nan,
        forecast.host_load_before,
        forecast.host_load,
        seen.host_load if seen else nan,
        forecast.potential,
        seen.potential if seen else nan,
        seen.others if seen else None,
        state,
    ]
