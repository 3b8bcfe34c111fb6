"""The journal's tables, as migrations: each brings a database from one version to the next.

A migration that was released is never changed; what is to be different comes in a new one.
``{id}``, ``{real}``, ``{integer}`` and ``{blob}`` are types by the dialect's names. Times are Unix
time in seconds, amounts MiB, as everywhere. ``estate`` is the identity of the vCenter a row is
about (``records.estate_key``), so that one journal may serve several.
"""

from __future__ import annotations

from vsphere_market.errors import JournalError
from vsphere_market.journal.database import Database

_FIRST = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);

CREATE TABLE cycles (
  id {id}, estate TEXT NOT NULL, kind TEXT NOT NULL, source TEXT NOT NULL, engine TEXT NOT NULL,
  started_s {real} NOT NULL, ended_s {real}, status TEXT NOT NULL, sentence TEXT NOT NULL,
  vms {integer} NOT NULL, hosts {integer} NOT NULL, ballooned_mib {real}, swapped_mib {real},
  swap_in_kibps {real}, swap_out_kibps {real}
);
CREATE INDEX cycles_by_time ON cycles (started_s);

CREATE TABLE host_samples (
  cycle_id {integer} NOT NULL REFERENCES cycles (id) ON DELETE CASCADE, at_s {real} NOT NULL,
  host_moid TEXT NOT NULL, host TEXT NOT NULL, cluster TEXT NOT NULL, price {real}, load {real},
  memory_mib {real}, consumed_mib {real}, ballooned_mib {real}, swapped_mib {real},
  compressed_mib {real}, swap_in_kibps {real}, swap_out_kibps {real}, latency_pct {real},
  memory_state {real}, PRIMARY KEY (cycle_id, host_moid)
);
CREATE INDEX host_samples_by_host ON host_samples (host_moid, at_s);

CREATE TABLE cluster_samples (
  cycle_id {integer} NOT NULL REFERENCES cycles (id) ON DELETE CASCADE, at_s {real} NOT NULL,
  cluster_moid TEXT NOT NULL, cluster TEXT NOT NULL, hosts {integer} NOT NULL,
  price_low {real}, price_high {real}, memory_mib {real}, consumed_mib {real},
  ballooned_mib {real}, swapped_mib {real}, swap_in_kibps {real}, swap_out_kibps {real},
  PRIMARY KEY (cycle_id, cluster_moid)
);
CREATE INDEX cluster_samples_by_cluster ON cluster_samples (cluster_moid, at_s);

CREATE TABLE vm_samples (
  cycle_id {integer} PRIMARY KEY REFERENCES cycles (id) ON DELETE CASCADE, at_s {real} NOT NULL,
  vms {integer} NOT NULL, columns {blob} NOT NULL
);
CREATE INDEX vm_samples_by_time ON vm_samples (at_s);

CREATE TABLE plans (
  id {id}, cycle_id {integer} REFERENCES cycles (id) ON DELETE SET NULL, estate TEXT NOT NULL,
  source TEXT NOT NULL, created_s {real} NOT NULL, expires_s {real} NOT NULL,
  policies TEXT NOT NULL, engine TEXT NOT NULL, potential_before {real} NOT NULL,
  potential_after {real} NOT NULL, lower_bound {real} NOT NULL, steps {integer} NOT NULL,
  refusals {integer} NOT NULL, document {blob}
);
CREATE INDEX plans_by_time ON plans (created_s);

CREATE TABLE decisions (
  plan_id {integer} NOT NULL REFERENCES plans (id) ON DELETE CASCADE, place {integer} NOT NULL,
  created_s {real} NOT NULL, step TEXT NOT NULL, kind TEXT NOT NULL, vm_moid TEXT NOT NULL,
  vm TEXT NOT NULL, host_from TEXT NOT NULL, host_to TEXT NOT NULL, from_mib {integer},
  to_mib {integer}, wave {integer} NOT NULL, saving {real} NOT NULL, disruption {real} NOT NULL,
  mode TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (plan_id, place)
);
CREATE INDEX decisions_by_vm ON decisions (vm, created_s);
CREATE INDEX decisions_by_moid ON decisions (vm_moid, created_s);
CREATE INDEX decisions_by_source ON decisions (host_from, created_s);
CREATE INDEX decisions_by_target ON decisions (host_to, created_s);
CREATE INDEX decisions_by_time ON decisions (created_s);
CREATE INDEX decisions_by_kind ON decisions (kind, created_s);

CREATE TABLE refusals (
  plan_id {integer} NOT NULL REFERENCES plans (id) ON DELETE CASCADE, place {integer} NOT NULL,
  created_s {real} NOT NULL, subject_moid TEXT NOT NULL, subject TEXT NOT NULL,
  reason TEXT NOT NULL, sentence TEXT NOT NULL, PRIMARY KEY (plan_id, place)
);
CREATE INDEX refusals_by_subject ON refusals (subject, created_s);
CREATE INDEX refusals_by_time ON refusals (created_s);

CREATE TABLE executions (
  id {id}, plan_id {integer} REFERENCES plans (id) ON DELETE SET NULL, estate TEXT NOT NULL,
  who TEXT NOT NULL, dry_run {integer} NOT NULL, started_s {real} NOT NULL, ended_s {real},
  error TEXT NOT NULL
);
CREATE INDEX executions_by_time ON executions (started_s);
CREATE INDEX executions_by_plan ON executions (plan_id);

CREATE TABLE steps (
  execution_id {integer} NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
  place {integer} NOT NULL, step TEXT NOT NULL, kind TEXT NOT NULL, vm_moid TEXT NOT NULL,
  vm TEXT NOT NULL, host_from TEXT NOT NULL, host_to TEXT NOT NULL, action TEXT NOT NULL,
  state TEXT NOT NULL, attempts {integer} NOT NULL, intent_s {real}, task TEXT NOT NULL,
  submitted_s {real}, outcome TEXT NOT NULL, cause TEXT NOT NULL, sentence TEXT NOT NULL,
  fault TEXT NOT NULL, started_s {real}, ended_s {real}, PRIMARY KEY (execution_id, step)
);
CREATE INDEX steps_open ON steps (execution_id) WHERE state <> 'ended';
CREATE INDEX steps_by_vm ON steps (vm, ended_s);
CREATE INDEX steps_by_moid ON steps (vm_moid, ended_s);
CREATE INDEX steps_by_source ON steps (host_from, ended_s);
CREATE INDEX steps_by_target ON steps (host_to, ended_s);
CREATE INDEX steps_by_time ON steps (ended_s);
CREATE INDEX steps_by_outcome ON steps (outcome, ended_s);

CREATE TABLE audit (
  id {id}, at_s {real} NOT NULL, event TEXT NOT NULL, body TEXT NOT NULL, chain TEXT NOT NULL
);
CREATE INDEX audit_by_time ON audit (at_s);

CREATE TABLE blobs (
  name TEXT PRIMARY KEY, version {integer} NOT NULL, at_s {real} NOT NULL, data {blob} NOT NULL
);
"""

#: Who may act on what, which vCenter an action was on, and what came of it.
_SECOND = """
CREATE TABLE leases (
  estate TEXT NOT NULL, role TEXT NOT NULL, cluster TEXT NOT NULL, cluster_name TEXT NOT NULL,
  token {integer} NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, host TEXT NOT NULL,
  pid {integer} NOT NULL, since_s {real} NOT NULL, expires_s {real} NOT NULL,
  PRIMARY KEY (estate, role, cluster)
);

ALTER TABLE cycles ADD COLUMN scope TEXT NOT NULL DEFAULT '';

ALTER TABLE executions ADD COLUMN source TEXT NOT NULL DEFAULT '';
UPDATE executions SET source = COALESCE(
  (SELECT source FROM plans WHERE plans.id = executions.plan_id), '');

ALTER TABLE steps ADD COLUMN cluster TEXT NOT NULL DEFAULT '';

CREATE TABLE forecasts (
  execution_id {integer} NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
  step TEXT NOT NULL, estate TEXT NOT NULL, kind TEXT NOT NULL, subject_moid TEXT NOT NULL,
  subject TEXT NOT NULL, done_s {real} NOT NULL, saving {real} NOT NULL,
  vm_squeezed_mib {real}, vm_waiting_pct {real}, host_moid TEXT NOT NULL, host TEXT NOT NULL,
  host_load_before {real}, host_load {real}, potential_before {real}, potential {real},
  PRIMARY KEY (execution_id, step)
);
CREATE INDEX forecasts_by_time ON forecasts (done_s);

CREATE TABLE aftermaths (
  execution_id {integer} NOT NULL, step TEXT NOT NULL, horizon_s {real} NOT NULL,
  due_s {real} NOT NULL, at_s {real}, vm_squeezed_mib {real}, vm_waiting_pct {real},
  host_load {real}, potential {real}, others {integer},
  PRIMARY KEY (execution_id, step, horizon_s),
  FOREIGN KEY (execution_id, step) REFERENCES forecasts (execution_id, step) ON DELETE CASCADE
);
CREATE INDEX aftermaths_due ON aftermaths (due_s) WHERE at_s IS NULL;

CREATE INDEX audit_by_event ON audit (event, id);
INSERT INTO meta (key, value)
  SELECT 'audit-end', id || ' ' || chain FROM audit ORDER BY id DESC LIMIT 1;
"""

#: What is kept in parts, so that only those that have changed are written again.
_THIRD = """
CREATE TABLE parts (
  name TEXT NOT NULL, part {integer} NOT NULL, version {integer} NOT NULL, at_s {real} NOT NULL,
  data {blob} NOT NULL, PRIMARY KEY (name, part)
);
"""

MIGRATIONS: tuple[str, ...] = (_FIRST, _SECOND, _THIRD)
#: The version that this program writes.
VERSION = len(MIGRATIONS)


def migrate(database: Database) -> None:
    """Bring a database to :data:`VERSION`, all or nothing.

    Raises:
        JournalError: it was written by a newer program.
    """
    if database.version() == VERSION:
        return
    with database.transaction():
        # Read again under the lock: another start may have been faster.
        version = database.version()
        require_known(database)
        for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
            for statement in script.format(**database.types).split(";\n"):
                if statement.strip():
                    database.run(statement)
            database.set_version(number)


def require_known(database: Database, *, read_only: bool = False) -> None:
    """Refuse a journal of a newer program, or for reading only an older one as well.

    Raises:
        JournalError: with the cure.
    """
    version = database.version()
    if version > VERSION:
        raise JournalError(
            f"the journal was written by a newer version (format {version}, known: {VERSION})",
            where=database.where,
            cure="upgrade vsphere-market, or name another with --journal",
        )
    if read_only and version < VERSION:
        raise JournalError(
            f"the journal has an old format ({version}, expected {VERSION})",
            where=database.where,
            cure="any `apply` or `run` brings it up to date",
        )
