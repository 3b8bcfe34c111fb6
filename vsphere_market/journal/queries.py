"""Questions to the journal. Newest first, unless said otherwise."""

# ruff: noqa: S608 - statements are put together from constants; what a user gave is a parameter.

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vsphere_market.journal.codec import action_from_json, number
from vsphere_market.journal.database import Database, Row, Value
from vsphere_market.journal.lease import Scope
from vsphere_market.journal.records import (
    AuditRecord,
    CycleRecord,
    DecisionRecord,
    ExecutionRecord,
    HostSample,
    Moves,
    PlanRecord,
    RefusalRecord,
    StepRecord,
)
from vsphere_market.journal.writing import ENDED
from vsphere_market.port import ActionKind, Cause, OutcomeKind, Unsettled


@dataclass(frozen=True, slots=True)
class Filter:
    """What to leave out. Everything unset lets everything through.

    Attributes:
        vm: name or managed object id of a VM.
        host: name of a host that a migration left or entered.
        kind: kind of action.
        outcomes: only steps that ended in one of these ways.
        since_s: nothing before that Unix time.
        until_s: nothing at or after it.
        plan: only of this plan.
        execution: only of this execution.
        estate: only of this vCenter, by identity (``codec.estate_key``).
        source: only of this vCenter, by name.
        limit: at most so many.
    """

    vm: str = ""
    host: str = ""
    kind: ActionKind | None = None
    outcomes: tuple[OutcomeKind, ...] = ()
    since_s: float | None = None
    until_s: float | None = None
    plan: int | None = None
    execution: int | None = None
    estate: str = ""
    source: str = ""
    limit: int = 1000


def cycles(db: Database, wanted: Filter) -> tuple[CycleRecord, ...]:
    """Cycles, by ``since_s``, ``until_s``, ``estate`` and ``limit``."""
    where = _Where().times("started_s", wanted).equal("estate", wanted.estate)
    where.equal("source", wanted.source)
    rows = db.rows(
        "SELECT id, estate, kind, source, started_s, ended_s, status, sentence, vms, hosts, scope, "
        f"ballooned_mib, swapped_mib, swap_in_kibps, swap_out_kibps FROM cycles {where.sql} "
        "ORDER BY started_s DESC, id DESC LIMIT ?",
        (*where.values, wanted.limit),
    )
    return tuple(CycleRecord(*row[:11], *map(number, row[11:])) for row in _any(rows))


def plans(db: Database, wanted: Filter) -> tuple[PlanRecord, ...]:
    """Plans, by ``since_s``, ``until_s``, ``estate``, ``plan`` and ``limit``."""
    where = _Where().times("created_s", wanted).equal("estate", wanted.estate)
    where.equal("id", wanted.plan).equal("source", wanted.source)
    rows = db.rows(
        "SELECT id, cycle_id, estate, source, created_s, expires_s, policies, engine, "
        "potential_before, potential_after, lower_bound, steps, refusals "
        f"FROM plans {where.sql} ORDER BY created_s DESC, id DESC LIMIT ?",
        (*where.values, wanted.limit),
    )
    return tuple(PlanRecord(*row) for row in _any(rows))


def decisions(db: Database, wanted: Filter) -> tuple[DecisionRecord, ...]:
    """Steps of plans, by every part of the filter but ``outcomes`` and ``execution``."""
    where = _Where().times("d.created_s", wanted).equal("d.plan_id", wanted.plan)
    where.equal("d.kind", wanted.kind.value if wanted.kind else "")
    where.equal("p.estate", wanted.estate).equal("p.source", wanted.source)
    # A question for each alternative: every one of them has an index in the order of time, so that
    # it ends after ``limit`` rows. "This or that" in one WHERE would sort all that match. They are
    # asked together, in one round trip.
    questions: list[str] = []
    values: list[Value] = []
    for vm in ("d.vm", "d.vm_moid") if wanted.vm else ("",):
        for host in ("d.host_from", "d.host_to") if wanted.host else ("",):
            narrow = where.copy()
            if vm:
                narrow.equal(vm, wanted.vm)
            if host:
                narrow.equal(host, wanted.host)
            questions.append(
                "SELECT * FROM (SELECT d.plan_id, p.source, d.created_s, d.step, d.kind, "
                "d.vm_moid, d.vm, d.host_from, d.host_to, d.from_mib, d.to_mib, d.wave, d.saving, "
                # CROSS: SQLite goes through the decisions in this order, and not through the plans.
                "d.disruption, d.mode, d.reason, d.place FROM decisions d CROSS JOIN plans p "
                f"{narrow.add('p.id = d.plan_id').sql} "
                "ORDER BY d.created_s DESC, d.plan_id DESC, d.place LIMIT ?) "
                f"AS alternative_{len(questions)}"
            )
            values += (*narrow.values, wanted.limit)
    rows = db.rows(" UNION ALL ".join(questions), values)
    found = {(row[0], row[16]): row for row in _any(rows)}
    newest = sorted(found.values(), key=lambda row: (-row[2], -row[0], row[16]))
    return tuple(DecisionRecord(*row[:16]) for row in newest[: wanted.limit])


def refusals(db: Database, wanted: Filter) -> tuple[RefusalRecord, ...]:
    """Refusals, by ``vm`` (any subject), ``since_s``, ``until_s``, ``plan`` and ``limit``."""
    where = _Where().times("r.created_s", wanted).equal("r.plan_id", wanted.plan)
    where.equal("p.estate", wanted.estate).equal("p.source", wanted.source)
    if wanted.vm:
        where.add("(r.subject = ? OR r.subject_moid = ?)", wanted.vm, wanted.vm)
    rows = db.rows(
        "SELECT r.plan_id, p.source, r.created_s, r.subject_moid, r.subject, r.reason, r.sentence "
        f"FROM refusals r JOIN plans p ON p.id = r.plan_id {where.sql} "
        "ORDER BY r.created_s DESC, r.plan_id DESC, r.place LIMIT ?",
        (*where.values, wanted.limit),
    )
    return tuple(RefusalRecord(*row) for row in _any(rows))


def executions(db: Database, wanted: Filter) -> tuple[ExecutionRecord, ...]:
    """Executions, by ``since_s``, ``until_s``, ``plan``, ``execution``, ``estate``, ``limit``."""
    where = _Where().times("started_s", wanted).equal("estate", wanted.estate)
    where.equal("plan_id", wanted.plan).equal("id", wanted.execution)
    where.equal("source", wanted.source)
    rows = db.rows(
        "SELECT id, plan_id, estate, source, who, dry_run, started_s, ended_s, error "
        f"FROM executions {where.sql} ORDER BY started_s DESC, id DESC LIMIT ?",
        (*where.values, wanted.limit),
    )
    return tuple(_execution(row) for row in _any(rows))


def steps(db: Database, wanted: Filter) -> tuple[StepRecord, ...]:
    """Steps of executions with their outcomes, by every part of the filter.

    Times are those of the end; steps that have not ended come first, whatever ``since_s`` says.
    """
    where = _Where().equal("s.execution_id", wanted.execution).equal("e.plan_id", wanted.plan)
    where.equal("e.estate", wanted.estate).equal("e.source", wanted.source)
    where.vm("s", wanted.vm).host("s", wanted.host)
    where.equal("s.kind", wanted.kind.value if wanted.kind else "")
    if wanted.outcomes:
        marks = ", ".join("?" * len(wanted.outcomes))
        where.add(f"s.outcome IN ({marks})", *(kind.value for kind in wanted.outcomes))
    rows: list[Row] = []
    # Two questions instead of one order that no index has.
    if wanted.until_s is None:
        still_open = where.copy().add("s.state <> ?", ENDED)
        rows += _steps(db, still_open, "s.execution_id DESC, s.place", wanted.limit)
    ended = where.times("s.ended_s", wanted).add("s.ended_s IS NOT NULL")
    order = "s.ended_s DESC, s.execution_id DESC, s.place"
    rows += _steps(db, ended, order, wanted.limit - len(rows))
    return tuple(
        StepRecord(
            execution=row[0],
            plan=row[1],
            step=row[2],
            action=action_from_json(row[3]),
            state=row[4],
            attempts=row[5],
            task=row[6],
            outcome=OutcomeKind(row[7]) if row[7] else None,
            cause=Cause(row[8]) if row[8] else None,
            sentence=row[9],
            fault=row[10],
            started_s=row[11],
            ended_s=row[12],
            dry_run=bool(row[13]),
            source=row[14],
            who=row[15],
        )
        for row in _any(rows)
    )


def _steps(db: Database, where: _Where, order: str, limit: int) -> list[Row]:
    return db.rows(
        "SELECT s.execution_id, e.plan_id, s.step, s.action, s.state, s.attempts, s.task, "
        "s.outcome, s.cause, s.sentence, s.fault, s.started_s, s.ended_s, e.dry_run, "
        "e.source, e.who "
        f"FROM steps s JOIN executions e ON e.id = s.execution_id {where.sql} "
        f"ORDER BY {order} LIMIT ?",
        (*where.values, limit),
    )


def audit_rows(db: Database, events: Sequence[str], wanted: Filter) -> tuple[AuditRecord, ...]:
    """Rows of the audit trail by event, ``since_s``, ``until_s`` and ``limit``, newest first.

    Args:
        db: the database.
        events: only these; one that ends in a dot stands for all that begin so; none for all.
        wanted: the filter.
    """
    where = _Where().times("at_s", wanted)
    if events:
        # A dot's successor is a slash, so that a range finds a prefix by the index.
        parts = [
            "(event >= ? AND event < ?)" if one.endswith(".") else "event = ?" for one in events
        ]
        values: list[Value] = []
        for one in events:
            values += [one, f"{one[:-1]}/"] if one.endswith(".") else [one]
        where.add(f"({' OR '.join(parts)})", *values)
    rows = db.rows(
        f"SELECT id, at_s, event, body FROM audit {where.sql} ORDER BY id DESC LIMIT ?",
        (*where.values, wanted.limit),
    )
    return tuple(AuditRecord(*row) for row in _any(rows))


def host_samples(db: Database, wanted: Filter) -> tuple[HostSample, ...]:
    """Samples of hosts, oldest first, by ``host``, ``since_s``, ``until_s`` and ``limit``."""
    where = _Where().times("at_s", wanted)
    if wanted.host:
        where.add("(host = ? OR host_moid = ?)", wanted.host, wanted.host)
    rows = db.rows(
        "SELECT cycle_id, at_s, host_moid, host, cluster, price, load, memory_mib, consumed_mib, "
        "ballooned_mib, swapped_mib, compressed_mib, swap_in_kibps, swap_out_kibps, latency_pct, "
        f"memory_state FROM host_samples {where.sql} ORDER BY at_s DESC, host LIMIT ?",
        (*where.values, wanted.limit),
    )
    samples = [HostSample(*row[:5], *map(number, row[5:])) for row in _any(rows)]
    return tuple(sorted(samples, key=lambda sample: (sample.at_s, sample.host)))


def last_moves(db: Database, estate: str, since_s: float) -> Mapping[str, Moves]:
    """Managed object id -> the VM's migrations that ended at or after ``since_s``.

    Moves whose outcome is unknown count too: they may have happened.
    """
    rows = db.rows(
        "SELECT s.vm_moid, max(s.ended_s), count(*) FROM steps s "
        "JOIN executions e ON e.id = s.execution_id "
        "WHERE s.kind = ? AND s.outcome IN (?, ?) AND s.ended_s >= ? "
        "AND e.estate = ? AND e.dry_run = 0 GROUP BY s.vm_moid",
        (
            ActionKind.MIGRATE.value,
            OutcomeKind.DONE.value,
            OutcomeKind.UNKNOWN.value,
            since_s,
            estate,
        ),
    )
    return {str(moid): Moves(last_s, count) for moid, last_s, count in _any(rows)}


#: Outcomes of a start after which the VM is still off.
_NOT_STARTED = (
    OutcomeKind.FAILED.value,
    OutcomeKind.REFUSED.value,
    OutcomeKind.CANCELLED.value,
)


def unsettled(db: Database, scope: Scope) -> tuple[Unsettled, ...]:
    """Steps without an outcome, or with an unknown one, in the order of their executions.

    So are starts that failed although they are owed: the VM is off because of us.

    None of a dry run's, and only those within ``scope``: what is open elsewhere may be under way
    in another program.
    """
    rows: list[Row] = []
    # Three questions, because each has an index of its own.
    for condition, value in (
        ("s.state <> ?", ENDED),
        ("s.outcome = ?", OutcomeKind.UNKNOWN.value),
        *((f"s.kind = '{ActionKind.START.value}' AND s.outcome = ?", bad) for bad in _NOT_STARTED),
    ):
        rows += db.rows(
            "SELECT s.execution_id, s.place, s.step, s.action, s.attempts, s.intent_s, s.task, "
            "s.submitted_s, s.state, s.outcome, "
            # A start is owed once a stop of its VM was sent, however that ended.
            "s.kind = ? AND EXISTS (SELECT 1 FROM steps t WHERE t.execution_id = s.execution_id "
            "AND t.vm_moid = s.vm_moid AND t.kind = ? AND t.place < s.place AND t.state = ? "
            "AND t.attempts > 0), s.cluster, "
            # Who could start it has found it off.
            "s.kind = ? AND EXISTS (SELECT 1 FROM steps t WHERE t.execution_id = s.execution_id "
            "AND t.vm_moid = s.vm_moid AND t.kind = ? AND t.place > s.place AND t.outcome = ? "
            "AND t.attempts > 0) "
            "FROM steps s JOIN executions e ON e.id = s.execution_id "
            f"WHERE {condition} AND e.estate = ? AND e.dry_run = 0",
            (
                *(ActionKind.START.value, ActionKind.STOP.value, ENDED),
                *(ActionKind.STOP.value, ActionKind.START.value, OutcomeKind.DONE.value),
                *(value, scope.estate),
            ),
        )
    # An unknown step that is being looked at again has both.
    found = {row[:2]: row for row in _any(rows)}
    return tuple(_unsettled(row) for _, row in sorted(found.items()) if _is_open(row, scope))


def _is_open(row: Sequence[Any], scope: Scope) -> bool:
    """A start that failed is open only if a stop of ours is why the VM is off."""
    failed = row[9] in _NOT_STARTED
    return scope.holds(row[11]) and (bool(row[10]) or not failed)


def _unsettled(row: Sequence[Any]) -> Unsettled:
    # The task of a start that failed has ended: there is nothing to wait for, only to start.
    failed = row[8] == ENDED and row[9] in _NOT_STARTED
    return Unsettled(
        execution=str(row[0]),
        step=row[2],
        action=action_from_json(row[3]),
        attempts=row[4],
        intent_s=None if failed else row[5],
        task="" if failed else row[6],
        submitted_s=None if failed else row[7],
        owed=bool(row[10]),
        was_unknown=row[8] == ENDED,
        restarted=bool(row[12]),
    )


def _execution(row: Sequence[Any]) -> ExecutionRecord:
    number_, plan, estate, source, who, dry_run, *rest = row
    return ExecutionRecord(number_, plan, estate, source, who, bool(dry_run), *rest)


def _any(rows: Sequence[Row]) -> Sequence[tuple[Any, ...]]:
    """The columns' types are the schema's promise, which mypy cannot see."""
    return rows


class _Where:
    """Builds a WHERE clause out of what a filter has set. Column names are constants of ours."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self.values: list[Value] = []

    @property
    def sql(self) -> str:
        return f"WHERE {' AND '.join(self._parts)}" if self._parts else ""

    def copy(self) -> _Where:
        twin = _Where()
        twin._parts, twin.values = list(self._parts), list(self.values)
        return twin

    def add(self, condition: str, *values: Value) -> _Where:
        self._parts.append(condition)
        self.values += values
        return self

    def equal(self, column: str, value: str | int | None) -> _Where:
        return self if value in ("", None) else self.add(f"{column} = ?", value)

    def times(self, column: str, wanted: Filter) -> _Where:
        if wanted.since_s is not None:
            self.add(f"{column} >= ?", wanted.since_s)
        if wanted.until_s is not None:
            self.add(f"{column} < ?", wanted.until_s)
        return self

    def vm(self, table: str, vm: str) -> _Where:
        if not vm:
            return self
        return self.add(f"({table}.vm = ? OR {table}.vm_moid = ?)", vm, vm)

    def host(self, table: str, host: str) -> _Where:
        if not host:
            return self
        return self.add(f"({table}.host_from = ? OR {table}.host_to = ?)", host, host)
