"""A plan's steps as jobs: what each needs to hold while it runs, and how long it may take."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from vsphere_market.errors import PlanError
from vsphere_market.estate import Snapshot
from vsphere_market.executor.settings import Limits, Settings
from vsphere_market.market.plan import Plan, Step
from vsphere_market.port import Action, Migrate, SetMemory


@dataclass(frozen=True, slots=True)
class Job:
    """One step, boiled down to what the state machine needs.

    Attributes:
        step: the step's id.
        action: what is to be done.
        wave: no job starts before all jobs of lower waves have ended.
        after: ids of the steps that must have succeeded before.
        claims: what it holds one unit of while it runs, e.g. ``host:host-12``; how many units
            there are is said by :class:`Capacity`.
        hosts: managed object ids of the hosts that take part, for the host breaker.
        deadline_s: how long an accepted task may take, seconds.
        chosen: False for a step that the caller left out.
    """

    step: str
    action: Action
    wave: int
    after: tuple[str, ...]
    claims: tuple[str, ...]
    hosts: tuple[str, ...]
    deadline_s: float
    chosen: bool = True

    @property
    def subject(self) -> str:
        """Managed object id of what the action changes."""
        return self.action.subject.moid


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many units of a claim there are, by the part of its name before the colon."""

    units: Mapping[str, int]

    @classmethod
    def of(cls, limits: Limits) -> Capacity:
        """The units that ``limits`` allow."""
        units = {
            # No option: vCenter locks a VM's configuration while it is moved.
            "vm": 1,
            "host": limits.migrations_per_host,
            "migrations": limits.migrations,
            "reconfigurations": limits.reconfigurations,
        }
        if limits.migrations_per_cluster is not None:
            units["cluster"] = limits.migrations_per_cluster
        return cls(units)

    def allows(self, claims: Sequence[str], held: Mapping[str, int]) -> bool:
        """True when one more unit of each of ``claims`` is free."""
        return all(
            held.get(claim, 0) < self.units.get(claim.partition(":")[0], 1 << 30)
            for claim in claims
        )


def jobs_of(
    plan: Plan, snapshot: Snapshot, settings: Settings, chosen: Collection[str] | None = None
) -> tuple[Job, ...]:
    """The jobs of a plan, in its order.

    Args:
        plan: the plan.
        snapshot: the estate as it is now; sizes and network speeds give the deadlines.
        settings: gives deadlines.
        chosen: ids of the steps to carry out; None for all of them.

    Raises:
        PlanError: when ids are there twice or missing, or the order cannot be kept.
    """
    _check_order(plan.steps, chosen)
    return tuple(_job(step, snapshot, settings, chosen) for step in plan.steps)


def job_of_action(step: str, action: Action, snapshot: Snapshot, settings: Settings) -> Job:
    """A job of its own for one action, as recovery needs it."""
    migrate = isinstance(action, Migrate)
    return Job(
        step=step,
        action=action,
        wave=0,
        after=(),
        claims=_claims(action, snapshot),
        hosts=(action.source.moid, action.target.moid) if isinstance(action, Migrate) else (),
        deadline_s=_migrate_deadline_s(action, snapshot, settings)
        if migrate
        else settings.deadlines.reconfigure_s,
    )


def _job(step: Step, snapshot: Snapshot, settings: Settings, chosen: Collection[str] | None) -> Job:
    lone = job_of_action(step.id, step.action, snapshot, settings)
    return Job(
        step=step.id,
        action=step.action,
        wave=step.wave,
        after=step.depends_on,
        claims=lone.claims,
        hosts=lone.hosts,
        deadline_s=lone.deadline_s,
        chosen=chosen is None or step.id in chosen,
    )


def _claims(action: Action, snapshot: Snapshot) -> tuple[str, ...]:
    if isinstance(action, SetMemory):
        return (f"vm:{action.subject.moid}", "reconfigurations")
    claims = [
        f"vm:{action.subject.moid}",
        "migrations",
        f"host:{action.source.moid}",
        f"host:{action.target.moid}",
    ]
    row = snapshot.hosts.row(action.target.moid)
    if row >= 0 and (cluster := int(snapshot.hosts.cluster[row])) >= 0:
        claims.append(f"cluster:{snapshot.clusters.moid[cluster]}")
    return tuple(claims)


def _migrate_deadline_s(action: Action, snapshot: Snapshot, settings: Settings) -> float:
    assert isinstance(action, Migrate)
    row = snapshot.vms.row(action.subject.moid)
    size_mib = float(snapshot.vms.size_mib[row]) if row >= 0 else math.nan
    speeds = [
        float(snapshot.hosts.vmotion_mbps[at])
        for host in (action.source, action.target)
        if (at := snapshot.hosts.row(host.moid)) >= 0
    ]
    known = [speed for speed in speeds if speed > 0]
    # The wire is shared with the other migrations that the limits allow on the same host.
    speed = min(known) / settings.limits.migrations_per_host if known else math.nan
    return settings.deadlines.migrate_s(size_mib, speed)


def _check_order(steps: Sequence[Step], chosen: Collection[str] | None) -> None:
    """Refuse a plan whose order cannot be kept: the machine would wait for ever."""
    waves: dict[str, int] = {}
    places: dict[str, int] = {}
    for place, step in enumerate(steps):
        if step.id in waves:
            raise PlanError(f"step {step.id} is there twice", cure="make a new plan")
        waves[step.id], places[step.id] = step.wave, place
    for step in steps:
        for needed in step.depends_on:
            if needed not in waves:
                raise PlanError(
                    f"step {step.id} depends on {needed}, which is not in the plan",
                    cure="make a new plan",
                )
            if waves[needed] > step.wave or places[needed] >= places[step.id]:
                raise PlanError(
                    f"step {step.id} depends on {needed}, which comes later",
                    cure="make a new plan",
                )
    unknown = set(chosen or ()) - waves.keys()
    if unknown:
        raise PlanError(f"there is no step {min(unknown)} in the plan", cure="see `plan`'s list")
