"""The journal: one object to write to and to ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from vsphere_market.estate import Snapshot
from vsphere_market.journal import (
    audit,
    blobs,
    evidence,
    forecasts,
    queries,
    retention,
    sampling,
    switch,
    unpacking,
)
from vsphere_market.journal.codec import VmSample
from vsphere_market.journal.database import Database, SqliteDatabase
from vsphere_market.journal.evidence import Evidence
from vsphere_market.journal.forecasts import Aftermath, Forecast, Sight
from vsphere_market.journal.lease import ACT, LEASE_S, Holder, Lease, Scope, acquire, holders
from vsphere_market.journal.place import Place, PostgresPlace
from vsphere_market.journal.queries import Filter
from vsphere_market.journal.records import (
    AuditRecord,
    Blob,
    CycleRecord,
    DecisionRecord,
    ExecutionRecord,
    HostSample,
    Moves,
    PlanRecord,
    RefusalRecord,
    StepRecord,
)
from vsphere_market.journal.retention import Retention
from vsphere_market.journal.schema import migrate, require_known
from vsphere_market.journal.switch import Halt
from vsphere_market.journal.writing import JournalRecorder
from vsphere_market.market.plan import Plan
from vsphere_market.port import Unsettled
from vsphere_market.units import FloatArray

_ALL = Filter()


def open_journal(place: Place, *, read_only: bool = False) -> Journal:
    """Open the journal at ``place``, making it when it is missing.

    Args:
        place: the file or database.
        read_only: for questions only; the journal must exist.

    Raises:
        JournalError: it is none, is damaged, belongs to a newer version, or the place is not
            usable.
        BusyError: another program keeps it locked.
        UnreachableError, NotPermittedError: the database's server does not let us in.
    """
    database: Database
    if isinstance(place, PostgresPlace):
        from vsphere_market.journal.postgres import PostgresDatabase

        database = PostgresDatabase(place, read_only=read_only)
    else:
        database = SqliteDatabase(place, read_only=read_only)
    try:
        if read_only:
            require_known(database, read_only=True)
        else:
            migrate(database)
    except BaseException:
        database.close()
        raise
    return Journal(database, place)


def journal_exists(place: Place) -> bool:
    """There is a journal at ``place``, or at least something that has to be looked at.

    Raises:
        UnreachableError, NotPermittedError: the database's server does not let us in.
    """
    if not isinstance(place, PostgresPlace):
        return place.exists()
    from vsphere_market.journal.postgres import PostgresDatabase

    database = PostgresDatabase(place)
    try:
        return database.version() > 0
    finally:
        database.close()


@dataclass(frozen=True, slots=True)
class Journal:
    """Keeps every sample, decision, refusal and outcome. Close it, or use it in a ``with``.

    Every method may raise ``BusyError`` (another writer does not finish) or ``StorageError``
    (disk full or broken); what a method that raised was to write is then not written at all.

    Attributes:
        database: where it is kept.
        place: the file or database.
    """

    database: Database
    place: Place

    def own(
        self,
        scope: Scope,
        role: str = ACT,
        *,
        who: str = "",
        what: str = "",
        wait_s: float = 0.0,
        lease_s: float = LEASE_S,
        stop: Callable[[], bool] = lambda: False,
        waiting: Callable[[Holder], None] = lambda _holder: None,
    ) -> Lease:
        """Become the one that may submit. See :func:`lease.acquire`.

        Raises:
            BusyError: somebody else is, and is named.
        """
        return acquire(
            self.database,
            scope,
            role,
            who=who,
            what=what,
            wait_s=wait_s,
            lease_s=lease_s,
            stop=stop,
            waiting=waiting,
        )

    def holders(self, estate: str = "") -> tuple[Holder, ...]:
        """See :func:`lease.holders`."""
        return holders(self.database, estate)

    def close(self) -> None:
        """Let go. May be called twice."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # ------------------------------------------------------------ writing

    def begin_cycle(
        self, snapshot: Snapshot, *, kind: str, engine: str, started_s: float, scope: str = ""
    ) -> int:
        """A cycle begins; returns its number.

        Args:
            snapshot: what it saw.
            kind: ``run``, ``apply``, ``plan`` ….
            engine: version of this package.
            started_s: Unix time.
            scope: the clusters it is about (``Scope.text``), "" for all.
        """
        return sampling.begin_cycle(
            self.database, snapshot, kind=kind, engine=engine, started_s=started_s, scope=scope
        )

    def end_cycle(self, cycle: int, *, ended_s: float, status: str, sentence: str) -> None:
        """A cycle has ended: ``status`` for machines, ``sentence`` for people."""
        sampling.end_cycle(self.database, cycle, ended_s=ended_s, status=status, sentence=sentence)

    def write_samples(
        self,
        cycle: int,
        snapshot: Snapshot,
        *,
        prices: Mapping[str, float] | None = None,
        loads: Mapping[str, float] | None = None,
        vm_columns: Mapping[str, FloatArray] | None = None,
    ) -> None:
        """Keep a snapshot: one row per host and cluster, one compressed blob for all VMs.

        Args:
            cycle: the cycle's number.
            snapshot: what was seen.
            prices: host moid -> marginal price of its memory.
            loads: host moid -> memory load over usable capacity, 1 is full.
            vm_columns: further columns, one entry per VM, e.g. ``working_set_mib``.
        """
        sampling.write_samples(
            self.database,
            cycle,
            snapshot,
            prices=prices or {},
            loads=loads or {},
            vm_columns=vm_columns or {},
        )

    def write_plan(self, plan: Plan, document: str, *, cycle: int | None = None) -> int:
        """Keep a plan; returns its number. ``document`` is its JSON as a plan file holds it."""
        return sampling.write_plan(self.database, plan, document, cycle=cycle)

    def approve(
        self,
        plan: int,
        *,
        who: str,
        steps: Sequence[str],
        at_s: float,
        origin: Mapping[str, str] | None = None,
    ) -> None:
        """Write down who approved which steps of a plan, and from where.

        Args:
            plan: its number here.
            who: a person, or whoever runs the loop whose policies approve by themselves.
            steps: ids of the steps.
            at_s: Unix time.
            origin: from where, e.g. ``via``, ``host``, ``client``.
        """
        body = {"plan": plan, "who": who, "steps": list(steps), "from": dict(origin or {})}
        with self.database.transaction():
            audit.append(self.database, at_s, "approval", body)

    def note(self, event: str, body: Mapping[str, Any], *, at_s: float) -> None:
        """Write something that somebody did into the audit trail."""
        with self.database.transaction():
            audit.append(self.database, at_s, event, body)

    def recorder(
        self,
        *,
        estate: str,
        plan: int | None = None,
        who: str = "",
        source: str = "",
        lease: Lease | None = None,
        clusters: Mapping[str, str] | None = None,
    ) -> JournalRecorder:
        """What the executor writes to.

        Args:
            estate: identity of the vCenter (``estate_key(snapshot.source)``).
            plan: the plan's number here.
            who: on whose behalf.
            source: the vCenter's name.
            lease: what was got by :meth:`own`; nothing is written any more once it is lost.
            clusters: managed object id of a subject -> that of its cluster.
        """
        return JournalRecorder(
            self.database,
            estate=estate,
            plan=plan,
            who=who,
            source=source,
            lease=lease,
            clusters=clusters,
        )

    def put_blob(self, name: str, data: bytes, *, version: int, at_s: float) -> None:
        """Keep something under a name, in place of what was there."""
        blobs.put(self.database, name, data, version=version, at_s=at_s)

    def drop_blob(self, name: str) -> None:
        """Keep it no longer."""
        blobs.drop(self.database, name)

    def put_parts(self, name: str, parts: Mapping[int, bytes], **more: Any) -> None:
        """Keep parts under a name, all or none of them. See :func:`blobs.put_parts`."""
        blobs.put_parts(self.database, name, parts, **more)

    def stop(self, halt: Halt, origin: Mapping[str, str] | None = None) -> None:
        """Pull the stop switch. See :func:`switch.stop`."""
        switch.stop(self.database, halt, origin or {})

    def resume(self, who: str, at_s: float, origin: Mapping[str, str] | None = None) -> Halt | None:
        """Release the stop switch. See :func:`switch.resume`."""
        return switch.resume(self.database, who, at_s, origin or {})

    def stopped(self) -> Halt | None:
        """Who pulled the stop switch, or None."""
        return switch.stopped(self.database)

    def write_forecasts(self, forecasts_: Sequence[Forecast]) -> None:
        """Keep what was expected of steps that were done. See :func:`forecasts.write`."""
        forecasts.write(self.database, forecasts_)

    def write_sights(self, seen: Sequence[tuple[Aftermath, Sight]]) -> None:
        """Keep what came of them. See :func:`forecasts.look`."""
        forecasts.look(self.database, seen)

    def close_finished(self, at_s: float, estate: str = "") -> int:
        """End executions whose steps all have outcomes, but whose end was never written.

        Args:
            at_s: Unix time at the source.
            estate: only those of this vCenter, since time elsewhere is another; "" for all.

        Returns:
            How many there were.
        """
        sql = (
            "FROM executions WHERE ended_s IS NULL AND (estate = ? OR ? = '') "
            "AND NOT EXISTS (SELECT 1 FROM steps "
            "WHERE steps.execution_id = executions.id AND steps.state <> 'ended')"
        )
        with self.database.transaction():
            rows = self.database.rows(f"SELECT id {sql}", (estate, estate))
            for (number,) in rows:
                recorder = JournalRecorder(self.database, estate="", plan=None, who="")
                recorder.end(str(number), at_s, "the program ended before it could say so")
        return len(rows)

    def prune(self, now_s: float, retention_: Retention | None = None) -> retention.Pruned:
        """Remove what is older than it is kept."""
        return retention.prune(self.database, now_s, retention_ or Retention())

    # ------------------------------------------------------------ questions

    def cycles(self, wanted: Filter = _ALL) -> tuple[CycleRecord, ...]:
        """See :func:`queries.cycles`."""
        return queries.cycles(self.database, wanted)

    def plans(self, wanted: Filter = _ALL) -> tuple[PlanRecord, ...]:
        """See :func:`queries.plans`."""
        return queries.plans(self.database, wanted)

    def decisions(self, wanted: Filter = _ALL) -> tuple[DecisionRecord, ...]:
        """See :func:`queries.decisions`."""
        return queries.decisions(self.database, wanted)

    def refusals(self, wanted: Filter = _ALL) -> tuple[RefusalRecord, ...]:
        """See :func:`queries.refusals`."""
        return queries.refusals(self.database, wanted)

    def executions(self, wanted: Filter = _ALL) -> tuple[ExecutionRecord, ...]:
        """See :func:`queries.executions`."""
        return queries.executions(self.database, wanted)

    def steps(self, wanted: Filter = _ALL) -> tuple[StepRecord, ...]:
        """See :func:`queries.steps`."""
        return queries.steps(self.database, wanted)

    def host_samples(self, wanted: Filter = _ALL) -> tuple[HostSample, ...]:
        """See :func:`queries.host_samples`."""
        return queries.host_samples(self.database, wanted)

    def due_aftermaths(self, estate: str, now_s: float) -> tuple[Aftermath, ...]:
        """See :func:`forecasts.due`."""
        return forecasts.due(self.database, estate, now_s)

    def aftermaths(
        self, since_s: float, estate: str = "", limit: int = -1
    ) -> tuple[Aftermath, ...]:
        """See :func:`forecasts.since`."""
        return forecasts.since(self.database, since_s, estate, limit)

    def other_steps(self, forecast: Forecast, until_s: float) -> int:
        """See :func:`forecasts.others`."""
        return forecasts.others(self.database, forecast, until_s)

    def evidence(self, since_s: float, estate: str = "") -> Mapping[str, Evidence]:
        """See :func:`evidence.gather`."""
        return evidence.gather(self.database, since_s, estate)

    def last_moves(self, estate: str, since_s: float) -> Mapping[str, Moves]:
        """See :func:`queries.last_moves`."""
        return queries.last_moves(self.database, estate, since_s)

    def unsettled(self, scope: Scope | str) -> tuple[Unsettled, ...]:
        """See :func:`queries.unsettled`. Ask only while holding :meth:`own`.

        Args:
            scope: what we may act on, or the identity of a vCenter for all of it.
        """
        whole = scope if isinstance(scope, Scope) else Scope(scope)
        return queries.unsettled(self.database, whole)

    def plan_document(self, plan: int) -> str | None:
        """The JSON of a plan, or None when it is not there (any more)."""
        return unpacking.plan_document(self.database, plan)

    def vm_sample(self, cycle: int) -> VmSample | None:
        """The VMs of a cycle, or None when they are not there (any more)."""
        return unpacking.vm_sample(self.database, cycle)

    def vm_history(
        self, vm: str, column: str, *, since_s: float, limit: int = 1000, estate: str = ""
    ) -> tuple[tuple[float, float], ...]:
        """See :func:`unpacking.vm_history`."""
        return unpacking.vm_history(
            self.database, vm, column, since_s=since_s, limit=limit, estate=estate
        )

    def get_blob(self, name: str) -> Blob | None:
        """What was put there last, or None."""
        return blobs.get(self.database, name)

    def get_parts(self, name: str, until: int | None = None) -> dict[int, Blob]:
        """The parts under a name. See :func:`blobs.get_parts`."""
        return blobs.get_parts(self.database, name, until)

    def audit_newest(
        self, *, events: Sequence[str] = (), wanted: Filter = _ALL
    ) -> tuple[AuditRecord, ...]:
        """Rows of the audit trail, newest first. See :func:`queries.audit_rows`."""
        return queries.audit_rows(self.database, events, wanted)

    def audit_trail(self, *, after: int = 0, limit: int = 1000) -> tuple[AuditRecord, ...]:
        """Rows of the audit trail after row ``after``, oldest first."""
        rows = self.database.rows(
            "SELECT id, at_s, event, body FROM audit WHERE id > ? ORDER BY id LIMIT ?",
            (after, limit),
        )
        return tuple(
            AuditRecord(int(number or 0), float(at_s or 0.0), str(event), str(body))
            for number, at_s, event, body in rows
        )

    def verify(self, kept: tuple[int, str] | None = None) -> audit.Verdict:
        """Check the seals; ``kept`` is the number and seal of a row, noted elsewhere."""
        return audit.verify(self.database, kept)
