"""Writes cycles, samples and plans down."""

# ruff: noqa: S608 - statements are put together from constants and question marks.

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

import numpy as np

from vsphere_market.estate import Snapshot
from vsphere_market.journal import audit
from vsphere_market.journal.codec import action_json, estate_key, pack_vms, plan_estate, real
from vsphere_market.journal.database import Database, Value
from vsphere_market.market.plan import Plan
from vsphere_market.port import amounts_of, hosts_named
from vsphere_market.units import FloatArray

#: Status of a cycle that has not ended.
OPEN = "open"


def begin_cycle(
    db: Database, snapshot: Snapshot, *, kind: str, engine: str, started_s: float, scope: str = ""
) -> int:
    """Write a cycle and the sums of what it saw; returns its number."""
    vms = snapshot.vms
    return db.insert(
        "INSERT INTO cycles (estate, kind, source, engine, started_s, status, sentence, vms, hosts,"
        " scope, ballooned_mib, swapped_mib, swap_in_kibps, swap_out_kibps) "
        "VALUES (?, ?, ?, ?, ?, ?, '', ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            estate_key(snapshot.source),
            kind,
            snapshot.source.name,
            engine,
            started_s,
            OPEN,
            len(vms),
            len(snapshot.hosts),
            scope,
            _sum(vms.ballooned_mib),
            _sum(vms.swapped_mib),
            _sum(vms.swap_in_kibps),
            _sum(vms.swap_out_kibps),
        ),
    )


def end_cycle(db: Database, cycle: int, *, ended_s: float, status: str, sentence: str) -> None:
    """Write how a cycle ended."""
    db.run(
        "UPDATE cycles SET ended_s = ?, status = ?, sentence = ? WHERE id = ?",
        (ended_s, status, sentence, cycle),
    )


def write_samples(
    db: Database,
    cycle: int,
    snapshot: Snapshot,
    *,
    prices: Mapping[str, float],
    loads: Mapping[str, float],
    vm_columns: Mapping[str, FloatArray],
) -> None:
    """Write one sample per host and cluster, and one blob with all VMs.

    Args:
        db: the database.
        cycle: the cycle's number.
        snapshot: what was seen.
        prices: host moid -> marginal price of its memory; missing ones are NULL.
        loads: host moid -> memory load over usable capacity; likewise.
        vm_columns: further columns per VM, each with one entry per VM of the snapshot.
    """
    hosts, at_s = snapshot.hosts, snapshot.taken_at_s
    clusters = snapshot.clusters.name
    host_rows: list[Sequence[Value]] = [
        (
            cycle,
            at_s,
            moid,
            hosts.name[row],
            clusters[hosts.cluster[row]] if hosts.cluster[row] >= 0 else "",
            real(prices.get(moid, np.nan)),
            real(loads.get(moid, np.nan)),
            real(hosts.memory_mib[row]),
            real(hosts.consumed_mib[row]),
            real(hosts.ballooned_mib[row]),
            real(hosts.swapped_mib[row]),
            real(hosts.compressed_mib[row]),
            real(hosts.swap_in_kibps[row]),
            real(hosts.swap_out_kibps[row]),
            real(hosts.latency_pct[row]),
            real(hosts.memory_state[row]),
        )
        for row, moid in enumerate(hosts.moid)
    ]
    price = np.array([prices.get(moid, np.nan) for moid in hosts.moid], dtype=np.float64)
    cluster_rows: list[Sequence[Value]] = []
    for row, moid in enumerate(snapshot.clusters.moid):
        inside = hosts.cluster == row
        known = price[inside & ~np.isnan(price)]
        cluster_rows.append(
            (
                cycle,
                at_s,
                moid,
                clusters[row],
                int(inside.sum()),
                float(known.min()) if known.size else None,
                float(known.max()) if known.size else None,
                _sum(hosts.memory_mib[inside]),
                _sum(hosts.consumed_mib[inside]),
                _sum(hosts.ballooned_mib[inside]),
                _sum(hosts.swapped_mib[inside]),
                _sum(hosts.swap_in_kibps[inside]),
                _sum(hosts.swap_out_kibps[inside]),
            )
        )
    with db.transaction():
        db.run_many(f"INSERT INTO host_samples VALUES ({_marks(16)})", host_rows)
        db.run_many(f"INSERT INTO cluster_samples VALUES ({_marks(13)})", cluster_rows)
        db.run(
            "INSERT INTO vm_samples VALUES (?, ?, ?, ?)",
            (cycle, at_s, len(snapshot.vms), pack_vms(snapshot, vm_columns)),
        )


def write_plan(db: Database, plan: Plan, document: str, *, cycle: int | None) -> int:
    """Write a plan with its decisions and refusals; returns its number.

    Args:
        db: the database.
        plan: the plan.
        document: its JSON, as a plan file holds it.
        cycle: the cycle that made it, if any.
    """
    origin, certificate = plan.made_from, plan.certificate
    estate = plan_estate(plan)
    with db.transaction():
        number = db.insert(
            "INSERT INTO plans (cycle_id, estate, source, created_s, expires_s, policies, engine,"
            " potential_before, potential_after, lower_bound, steps, refusals, document) "
            f"VALUES ({_marks(13)}) RETURNING id",
            (
                cycle,
                estate,
                origin.name,
                plan.created_at_s,
                plan.expires_at_s,
                origin.policies,
                origin.engine,
                certificate.potential_before,
                certificate.potential_after,
                certificate.lower_bound,
                len(plan.steps),
                len(plan.refusals),
                zlib.compress(document.encode(), 6),
            ),
        )
        db.run_many(f"INSERT INTO decisions VALUES ({_marks(16)})", _decisions(number, plan))
        db.run_many(
            f"INSERT INTO refusals VALUES ({_marks(7)})",
            [
                (
                    number,
                    place,
                    plan.created_at_s,
                    refusal.subject.moid,
                    refusal.subject.name,
                    refusal.reason.value,
                    refusal.sentence,
                )
                for place, refusal in enumerate(plan.refusals)
            ],
        )
        body = {
            "plan": number,
            "estate": estate,
            "policies": origin.policies,
            "engine": origin.engine,
            "steps": {step.id: action_json(step.action) for step in plan.steps},
        }
        audit.append(db, plan.created_at_s, "plan", body)
    return number


def _decisions(number: int, plan: Plan) -> list[Sequence[Value]]:
    rows: list[Sequence[Value]] = []
    for place, step in enumerate(plan.steps):
        action = step.action
        source, target = hosts_named(action)
        old, new = amounts_of(action)
        rows.append(
            (
                number,
                place,
                plan.created_at_s,
                step.id,
                action.kind.value,
                action.subject.moid,
                action.subject.name,
                source.name if source else "",
                target.name if target else "",
                old,
                new,
                step.wave,
                step.saving,
                step.disruption,
                step.mode.name.lower(),
                step.reason,
            )
        )
    return rows


def _sum(column: FloatArray) -> float | None:
    """The sum of what is known; NULL when nothing is."""
    return None if np.isnan(column).all() else float(np.nansum(column))


def _marks(count: int) -> str:
    return ", ".join("?" * count)
