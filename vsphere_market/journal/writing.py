"""Writes executions down, ahead of what happens: implements the executor's ``Recorder``."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence

from vsphere_market.journal import audit
from vsphere_market.journal.codec import action_json
from vsphere_market.journal.database import Database
from vsphere_market.journal.lease import Lease
from vsphere_market.port import Action, Outcome, TaskHandle, hosts_named

#: States of a step. It only ever goes forward, except that a new attempt goes back to INTENT.
PLANNED = "planned"
INTENT = "intent"
ACCEPTED = "accepted"
ENDED = "ended"


class JournalRecorder:
    """Records one plan's executions. Every method is one durable transaction with its audit row.

    Args:
        database: the journal's.
        estate: identity of the vCenter.
        plan: the plan's number in the journal, None if it is not there.
        who: on whose behalf, for the audit.
        source: name of the vCenter.
        lease: what makes us the one that acts; None when nobody else can be there.
        clusters: managed object id of a subject or host -> that of its cluster, so that whoever
            owns the cluster after us can settle what we leave open.
    """

    def __init__(
        self,
        database: Database,
        *,
        estate: str,
        plan: int | None,
        who: str,
        source: str = "",
        lease: Lease | None = None,
        clusters: Mapping[str, str] | None = None,
    ) -> None:
        self._database = database
        self._estate = estate
        self._plan = plan
        self._who = who
        self._source = source
        self._lease = lease
        self._clusters = clusters or {}

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing, and only as long as nobody has taken over.

        Raises:
            TakenOver: somebody has.
        """
        with self._database.transaction():
            if self._lease is not None:
                self._lease.require()
            yield

    def begin(self, steps: Sequence[tuple[str, Action]], at_s: float, *, dry_run: bool) -> str:
        """An execution of ``steps`` begins; returns its number as text."""
        db = self._database
        with self._transaction():
            number = db.insert(
                "INSERT INTO executions (plan_id, estate, source, who, dry_run, started_s, error) "
                "VALUES (?, ?, ?, ?, ?, ?, '') RETURNING id",
                (self._plan, self._estate, self._source, self._who, int(dry_run), at_s),
            )
            db.run_many(
                "INSERT INTO steps (execution_id, place, step, kind, vm_moid, vm, host_from, "
                "host_to, action, state, cluster, attempts, task, outcome, cause, sentence, fault) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, '', '', '', '', '')",
                [
                    (
                        number,
                        place,
                        step,
                        action.kind.value,
                        action.subject.moid,
                        action.subject.name,
                        *(host.name if host else "" for host in hosts_named(action)),
                        action_json(action),
                        PLANNED,
                        self._clusters.get(action.subject.moid, ""),
                    )
                    for place, (step, action) in enumerate(steps)
                ],
            )
            body = {
                "execution": number,
                "plan": self._plan,
                "estate": self._estate,
                "vcenter": self._source,
                "who": self._who,
                "dry_run": dry_run,
                "steps": {step: action_json(action) for step, action in steps},
            }
            audit.append(db, at_s, "begin", body)
        return str(number)

    def intent(self, execution: str, step: str, attempt: int, at_s: float) -> None:
        """The step is about to be submitted."""
        db = self._database
        with self._transaction():
            # The task of an earlier attempt has ended; keeping its id here would make recovery
            # take its end for the end of this one.
            db.run(
                "UPDATE steps SET state = ?, attempts = ?, intent_s = ?, task = '', "
                "submitted_s = NULL, started_s = COALESCE(started_s, ?) "
                "WHERE execution_id = ? AND step = ?",
                (INTENT, attempt, at_s, at_s, int(execution), step),
            )
            body = {"execution": int(execution), "step": step, "attempt": attempt}
            audit.append(db, at_s, "intent", body)

    def accepted(self, execution: str, step: str, task: TaskHandle) -> None:
        """The other side has taken the request on, or its task was found."""
        db = self._database
        with self._transaction():
            db.run(
                "UPDATE steps SET state = ?, task = ?, submitted_s = ? "
                "WHERE execution_id = ? AND step = ?",
                (ACCEPTED, task.task, task.submitted_at_s, int(execution), step),
            )
            body = {"execution": int(execution), "step": step, "task": task.task}
            audit.append(db, task.submitted_at_s, "accepted", body)

    def setback(self, execution: str, step: str, at_s: float, sentence: str) -> None:
        """A submission was not accepted, or not answered. The step's state stays INTENT."""
        body = {"execution": int(execution), "step": step, "sentence": sentence}
        with self._transaction():
            audit.append(self._database, at_s, "setback", body)

    def outcome(self, execution: str, outcome: Outcome) -> None:
        """The step has ended."""
        db = self._database
        with self._transaction():
            db.run(
                "UPDATE steps SET state = ?, outcome = ?, cause = ?, sentence = ?, "
                "fault = ?, attempts = ?, task = ?, started_s = ?, ended_s = ? "
                "WHERE execution_id = ? AND step = ?",
                (
                    ENDED,
                    outcome.kind.value,
                    outcome.cause.value,
                    outcome.sentence,
                    outcome.fault,
                    outcome.attempts,
                    outcome.task,
                    outcome.started_s,
                    outcome.ended_s,
                    int(execution),
                    outcome.step,
                ),
            )
            body = {
                "execution": int(execution),
                "step": outcome.step,
                "outcome": outcome.kind.value,
                "cause": outcome.cause.value,
                "sentence": outcome.sentence,
                "task": outcome.task,
            }
            audit.append(db, outcome.ended_s, "outcome", body)

    def end(self, execution: str, at_s: float, error: str) -> None:
        """The execution has ended."""
        db = self._database
        with self._transaction():
            db.run(
                # An execution whose unknown steps are settled later ended when it did.
                "UPDATE executions SET ended_s = ?, error = ? WHERE id = ? AND ended_s IS NULL",
                (at_s, error, int(execution)),
            )
            audit.append(db, at_s, "end", {"execution": int(execution), "error": error})
