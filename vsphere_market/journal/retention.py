"""How long things are kept. What is small or audited stays long, what is large goes soon."""

from __future__ import annotations

from dataclasses import dataclass

from vsphere_market.journal import audit
from vsphere_market.journal.database import Database, Value

_DAY_S = 86400.0
_HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Retention:
    """Ages in seconds at which rows are removed.

    Attributes:
        every_vm_sample_s: VM samples older than this are thinned to one per hour.
        vm_samples_s: no VM sample is older.
        host_samples_s: no sample of a host or cluster is older, nor a cycle without a plan.
        plans_s: no plan is older, nor its decisions, refusals and executions.
        audit_s: no audit row is older.
    """

    every_vm_sample_s: float = 2 * _DAY_S
    vm_samples_s: float = 35 * _DAY_S
    host_samples_s: float = 90 * _DAY_S
    plans_s: float = 400 * _DAY_S
    audit_s: float = 400 * _DAY_S


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows were removed."""

    vm_samples: int
    cycles: int
    plans: int
    executions: int
    audit_rows: int


def prune(db: Database, now_s: float, keep: Retention) -> Pruned:
    """Remove what is older than ``keep`` says, seen from ``now_s``. Open executions stay."""
    with db.transaction():
        vm_samples = _count(db, "vm_samples")
        db.run("DELETE FROM vm_samples WHERE at_s < ?", (now_s - keep.vm_samples_s,))
        _thin_out(db, now_s - keep.every_vm_sample_s)
        executions, plans, cycles = (_count(db, name) for name in ("executions", "plans", "cycles"))
        oldest_s = now_s - keep.plans_s
        # ON DELETE CASCADE takes steps, decisions, refusals and samples along.
        db.run(
            "DELETE FROM executions WHERE ended_s < ? AND NOT EXISTS (SELECT 1 FROM steps WHERE "
            "steps.execution_id = executions.id AND steps.state <> 'ended')",
            (oldest_s,),
        )
        db.run(
            "DELETE FROM plans WHERE created_s < ? AND NOT EXISTS (SELECT 1 FROM executions "
            "WHERE executions.plan_id = plans.id)",
            (oldest_s,),
        )
        db.run(
            "DELETE FROM cycles WHERE started_s < ? AND NOT EXISTS (SELECT 1 FROM plans "
            "WHERE plans.cycle_id = cycles.id)",
            (now_s - keep.host_samples_s,),
        )
        for table in ("host_samples", "cluster_samples"):
            db.run(
                f"DELETE FROM {table} WHERE at_s < ?",  # noqa: S608 - constants
                (now_s - keep.host_samples_s,),
            )
        return Pruned(
            vm_samples=vm_samples - _count(db, "vm_samples"),
            cycles=cycles - _count(db, "cycles"),
            plans=plans - _count(db, "plans"),
            executions=executions - _count(db, "executions"),
            audit_rows=audit.forget(db, now_s - keep.audit_s),
        )


def _thin_out(db: Database, before_s: float) -> None:
    """Leave the first sample of each hour, of each vCenter and each loop that watches it."""
    rows = db.rows(
        "SELECT v.cycle_id, v.at_s, c.estate, c.scope FROM vm_samples v "
        "JOIN cycles c ON c.id = v.cycle_id WHERE v.at_s < ? ORDER BY v.cycle_id",
        (before_s,),
    )
    kept: set[tuple[object, ...]] = set()
    surplus: list[tuple[Value]] = []
    for cycle, at_s, estate, scope in rows:
        assert isinstance(at_s, float)
        hour = (estate, scope, at_s // _HOUR_S)
        if hour in kept:
            surplus.append((cycle,))
        kept.add(hour)
    if surplus:
        db.run_many("DELETE FROM vm_samples WHERE cycle_id = ?", surplus)


def _count(db: Database, table: str) -> int:
    ((count,),) = db.rows(f"SELECT count(*) FROM {table}")  # noqa: S608 - constants
    assert isinstance(count, int)
    return count
