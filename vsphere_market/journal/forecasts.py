"""What was forecast of a step, and what came: written small, one row a step and one per horizon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vsphere_market.journal.codec import number, real
from vsphere_market.journal.database import Database

#: After so long a step is looked at again, seconds: 5 minutes, an hour, a day.
HORIZONS_S = (300.0, 3600.0, 86_400.0)


@dataclass(frozen=True, slots=True)
class Forecast:
    """One step that was done, with what the market expected of it.

    Attributes:
        execution: number of the execution.
        step: id within the plan.
        estate: identity of the vCenter.
        kind: kind of action.
        subject_moid: what it was about.
        subject: its name.
        done_s: Unix time of its end.
        saving: fall of the potential that the step alone was to bring.
        vm_squeezed_mib: ballooned, swapped and compressed before, MiB; NaN when not known.
        vm_waiting_pct: time that it waited for memory before, %.
        host_moid: the host that it was to live on, "" for none.
        host: its name.
        host_load_before: memory load over usable capacity before, 1 is full.
        host_load: the same as the plan expected it; NaN when it counted on steps not done.
        potential_before: the market's cost before.
        potential: the same as the plan expected it; NaN likewise.
    """

    execution: int
    step: str
    estate: str
    kind: str
    subject_moid: str
    subject: str
    done_s: float
    saving: float
    vm_squeezed_mib: float
    vm_waiting_pct: float
    host_moid: str
    host: str
    host_load_before: float
    host_load: float
    potential_before: float
    potential: float


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen some time after a step. NaN when not known, or nobody looked in time.

    Attributes:
        at_s: Unix time; of writing, when nobody looked in time.
        vm_squeezed_mib: as in the forecast.
        vm_waiting_pct: likewise.
        host_load: likewise.
        potential: likewise.
        others: steps done since on the same VM or host; None when nobody looked in time.
    """

    at_s: float
    vm_squeezed_mib: float = float("nan")
    vm_waiting_pct: float = float("nan")
    host_load: float = float("nan")
    potential: float = float("nan")
    others: int | None = None


@dataclass(frozen=True, slots=True)
class Aftermath:
    """A forecast, and what was seen after ``horizon_s``; None while that is still to come."""

    forecast: Forecast
    horizon_s: float
    due_s: float
    seen: Sight | None


_FORECAST = (
    "execution_id, step, estate, kind, subject_moid, subject, done_s, saving, vm_squeezed_mib, "
    "vm_waiting_pct, host_moid, host, host_load_before, host_load, potential_before, potential"
)


def write(db: Database, forecasts: Sequence[Forecast]) -> None:
    """Keep forecasts, and when to look at what came of them. Writing one twice changes nothing."""
    with db.transaction():
        marks = ", ".join("?" * 16)
        db.run_many(
            f"INSERT INTO forecasts ({_FORECAST}) VALUES ({marks}) "  # noqa: S608 - constants
            "ON CONFLICT (execution_id, step) DO NOTHING",
            [
                (
                    one.execution,
                    one.step,
                    one.estate,
                    one.kind,
                    one.subject_moid,
                    one.subject,
                    one.done_s,
                    one.saving,
                    real(one.vm_squeezed_mib),
                    real(one.vm_waiting_pct),
                    one.host_moid,
                    one.host,
                    real(one.host_load_before),
                    real(one.host_load),
                    real(one.potential_before),
                    real(one.potential),
                )
                for one in forecasts
            ],
        )
        db.run_many(
            "INSERT INTO aftermaths (execution_id, step, horizon_s, due_s) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (execution_id, step, horizon_s) DO NOTHING",
            [
                (one.execution, one.step, horizon_s, one.done_s + horizon_s)
                for one in forecasts
                for horizon_s in HORIZONS_S
            ],
        )


def due(db: Database, estate: str, now_s: float) -> tuple[Aftermath, ...]:
    """What is to be looked at now, the oldest first."""
    return _read(
        db, "f.estate = ? AND a.at_s IS NULL AND a.due_s <= ? ORDER BY a.due_s", (estate, now_s)
    )


def since(db: Database, since_s: float, estate: str = "", limit: int = -1) -> tuple[Aftermath, ...]:
    """Steps done since a time with what came of them, the newest first."""
    order = "ORDER BY f.done_s DESC, f.execution_id DESC, f.step, a.horizon_s"
    found = _read(
        db, f"f.done_s >= ? AND (f.estate = ? OR ? = '') {order}", (since_s, estate, estate)
    )
    return found if limit < 0 else found[:limit]


def others(db: Database, forecast: Forecast, until_s: float) -> int:
    """Steps of other plans that were done since a step, on the same VM, or to or from its host."""
    ((count,),) = db.rows(
        "SELECT count(*) FROM steps s JOIN executions e ON e.id = s.execution_id "
        "WHERE e.estate = ? AND e.dry_run = 0 AND s.execution_id <> ? AND s.outcome = 'done' "
        "AND s.ended_s > ? AND s.ended_s <= ? "
        "AND (s.vm_moid = ? OR (? <> '' AND (s.host_from = ? OR s.host_to = ?)))",
        (
            forecast.estate,
            forecast.execution,
            forecast.done_s,
            until_s,
            forecast.subject_moid,
            forecast.host,
            forecast.host,
            forecast.host,
        ),
    )
    assert isinstance(count, int)
    return count


def look(db: Database, seen: Sequence[tuple[Aftermath, Sight]]) -> None:
    """Write down what came of steps. What was written before stays."""
    if not seen:
        return
    with db.transaction():
        db.run_many(
            "UPDATE aftermaths SET at_s = ?, vm_squeezed_mib = ?, vm_waiting_pct = ?, "
            "host_load = ?, potential = ?, others = ? "
            "WHERE execution_id = ? AND step = ? AND horizon_s = ? AND at_s IS NULL",
            [
                (
                    sight.at_s,
                    real(sight.vm_squeezed_mib),
                    real(sight.vm_waiting_pct),
                    real(sight.host_load),
                    real(sight.potential),
                    sight.others,
                    what.forecast.execution,
                    what.forecast.step,
                    what.horizon_s,
                )
                for what, sight in seen
            ],
        )


def _read(db: Database, where: str, values: Sequence[Any]) -> tuple[Aftermath, ...]:
    columns = ", ".join(f"f.{name.strip()}" for name in _FORECAST.split(","))
    rows: Sequence[Sequence[Any]] = db.rows(
        f"SELECT {columns}, a.horizon_s, a.due_s, a.at_s, a.vm_squeezed_mib, "  # noqa: S608
        "a.vm_waiting_pct, a.host_load, a.potential, a.others FROM forecasts f "
        "JOIN aftermaths a ON a.execution_id = f.execution_id AND a.step = f.step "
        f"WHERE {where}",
        values,
    )
    return tuple(_aftermath(row) for row in rows)


def _aftermath(row: Sequence[Any]) -> Aftermath:
    told: list[Any] = [*row[:8], number(row[8]), number(row[9]), *row[10:12]]
    told += [number(one) for one in row[12:16]]
    horizon_s, due_s, at_s, squeezed, waiting, load, potential, others_ = row[16:]
    seen = None
    if at_s is not None:
        figures = number(squeezed), number(waiting), number(load), number(potential)
        seen = Sight(at_s, *figures, others_)
    return Aftermath(Forecast(*told), horizon_s, due_s, seen)
