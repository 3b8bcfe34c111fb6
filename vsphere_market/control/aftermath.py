"""Forecast against what came: what a turn of the loop keeps of its steps, and looks at later."""

from __future__ import annotations

import math
from collections.abc import Mapping

from vsphere_market.estate import Snapshot
from vsphere_market.executor import ExecutionResult
from vsphere_market.journal import Aftermath, Forecast, Journal, Sight, estate_key
from vsphere_market.market import MarketView, Plan, Step
from vsphere_market.port import Migrate, OutcomeKind, hosts_named

#: A look that comes later than this after its time, seconds, is none …
_LATE_S = 600.0
#: … or later than this share of its horizon.
_LATE_SHARE = 0.25


def keep_forecasts(
    journal: Journal, snapshot: Snapshot, plan: Plan, result: ExecutionResult
) -> None:
    """Keep what the plan expected of the steps that were done.

    Args:
        journal: where.
        snapshot: the estate before them.
        plan: the plan.
        result: what came of its steps at once.

    Raises:
        StorageError, BusyError: it cannot be written.
    """
    if result.dry_run:
        return
    ended = {
        outcome.step: outcome.ended_s
        for outcome in result.outcomes
        if outcome.kind is OutcomeKind.DONE
    }
    if not ended:
        return
    touched = _hosts_of(plan, snapshot)
    # What the plan expects of a host holds only if all of its steps there were done.
    broken = {host for step in plan.steps if step.id not in ended for host in touched[step.id]}
    whole = len(ended) == len(plan.steps)
    outlooks = {outlook.host.moid: outlook for outlook in plan.hosts}
    vms, proof = snapshot.vms, plan.certificate
    kept = []
    for step in plan.steps:
        if step.id not in ended:
            continue
        subject = step.action.subject
        row = vms.row(subject.moid)
        home = touched[step.id][-1] if touched[step.id] else ""
        outlook = outlooks.get(home)
        kept.append(
            Forecast(
                execution=int(result.execution),
                step=step.id,
                estate=estate_key(snapshot.source),
                kind=step.action.kind.value,
                subject_moid=subject.moid,
                subject=subject.name,
                done_s=ended[step.id],
                saving=step.saving,
                vm_squeezed_mib=squeezed_mib(snapshot, row),
                vm_waiting_pct=float(vms.latency_pct[row]) if row >= 0 else math.nan,
                host_moid=home,
                host=outlook.host.name if outlook else "",
                host_load_before=outlook.load_before if outlook else math.nan,
                host_load=outlook.load_after if outlook and home not in broken else math.nan,
                potential_before=proof.potential_before,
                potential=proof.potential_after if whole else math.nan,
            )
        )
    journal.write_forecasts(kept)


def look_back(journal: Journal, snapshot: Snapshot, view: MarketView, now_s: float) -> int:
    """Look at what came of earlier steps whose time has come.

    Args:
        journal: knows which, and is written to.
        snapshot: the estate now, or the part of it that we look after.
        view: the market now.
        now_s: Unix time at the source.

    Returns:
        How many were looked at.

    Raises:
        StorageError, BusyError: the journal cannot be read or written.
    """
    loads = {host.host.moid: host.load for host in view.hosts}
    seen: list[tuple[Aftermath, Sight]] = []
    for what in journal.due_aftermaths(estate_key(snapshot.source), now_s):
        forecast = what.forecast
        late_s = max(_LATE_S, _LATE_SHARE * what.horizon_s)
        if now_s - what.due_s > late_s:
            seen.append((what, Sight(now_s)))
            continue
        row = snapshot.vms.row(forecast.subject_moid)
        if row < 0 and forecast.host_moid not in loads:
            continue  # in a cluster that another loop looks after
        seen.append(
            (
                what,
                Sight(
                    at_s=now_s,
                    vm_squeezed_mib=squeezed_mib(snapshot, row),
                    vm_waiting_pct=float(snapshot.vms.latency_pct[row]) if row >= 0 else math.nan,
                    host_load=loads.get(forecast.host_moid, math.nan),
                    potential=view.potential,
                    others=journal.other_steps(forecast, now_s),
                ),
            )
        )
    journal.write_sights(seen)
    return len(seen)


def squeezed_mib(snapshot: Snapshot, row: int) -> float:
    """What a VM was deprived of: ballooned, swapped and compressed, MiB; NaN when not told."""
    if row < 0:
        return math.nan
    vms = snapshot.vms
    parts = [
        float(column[row]) for column in (vms.ballooned_mib, vms.swapped_mib, vms.compressed_mib)
    ]
    told = [part for part in parts if not math.isnan(part)]
    return sum(told) if told else math.nan


def _hosts_of(plan: Plan, snapshot: Snapshot) -> Mapping[str, tuple[str, ...]]:
    """Step -> ids of the hosts that it touches, the one that its subject then lives on last."""
    homes: dict[str, str] = {}
    touched: dict[str, tuple[str, ...]] = {}
    for step in plan.steps:
        touched[step.id] = _touched(step, homes, snapshot)
    return touched


def _touched(step: Step, homes: dict[str, str], snapshot: Snapshot) -> tuple[str, ...]:
    action = step.action
    named = tuple(host.moid for host in hosts_named(action) if host is not None)
    subject = action.subject.moid
    if isinstance(action, Migrate):
        homes[subject] = action.target.moid
    if named:
        return named
    if subject in homes:
        return (homes[subject],)
    if snapshot.hosts.row(subject) >= 0:
        return (subject,)
    row = snapshot.vms.row(subject)
    host = int(snapshot.vms.host[row]) if row >= 0 else -1
    return (snapshot.hosts.moid[host],) if host >= 0 else ()
