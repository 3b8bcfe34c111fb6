"""A plan's steps as jobs: what each needs to hold while it runs, and how long it may take."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from vsphere_market.errors import PlanError
from vsphere_market.estate import POWERED_ON, Snapshot
from vsphere_market.executor.settings import Limits, Settings
from vsphere_market.market.plan import Plan, Step, restores
from vsphere_market.port import (
    Action,
    ActionKind,
    ApplyRecommendation,
    EnableHotAdd,
    Entity,
    Migrate,
    MigrateStorage,
    ProvisionHost,
    SetMemory,
    SetPool,
    SetShares,
    Start,
    Stop,
    SuspendHost,
    moves_of,
)


@dataclass(frozen=True, slots=True)
class Job:
    """One step, boiled down to what the state machine needs.

    Attributes:
        step: the step's id.
        action: what is to be done.
        wave: no job starts before all jobs of lower waves have ended.
        after: ids of the steps that must have succeeded before.
        claims: what it holds one unit of while it runs, e.g. ``host:host-12``; how many units
            there are is said by :class:`Capacity`. A claim may be there several times.
        hosts: managed object ids of the hosts that take part, for the host breaker.
        deadline_s: how long an accepted task may take, seconds.
        chosen: False for a step that the caller left out.
        restores: id of the step that stopped the VM which this one starts, "" for none. Once that
            step was sent, this one is owed: it is done whatever becomes of everything else.
        owed: the same, where that step belongs to an earlier run of the program.
        needless: it stops a running VM, or starts it again, for changes that are made already.
    """

    step: str
    action: Action
    wave: int
    after: tuple[str, ...]
    claims: tuple[str, ...]
    hosts: tuple[str, ...]
    deadline_s: float
    chosen: bool = True
    restores: str = ""
    owed: bool = False
    needless: bool = False

    @property
    def subject(self) -> str:
        """Managed object id of what the action changes."""
        return self.action.subject.moid

    @property
    def obliged(self) -> bool:
        """It is, or may come to be, owed."""
        return self.owed or bool(self.restores)


@dataclass(frozen=True, slots=True)
class Capacity:
    """How many units of a claim there are, by the part of its name before the colon."""

    units: Mapping[str, int]

    @classmethod
    def of(cls, limits: Limits) -> Capacity:
        """The units that ``limits`` allow."""
        units = {
            # No option: vCenter locks what it changes.
            "vm": 1,
            "pool": 1,
            "drs": 1,
            "standby": 1,
            "host": limits.migrations_per_host,
            "datastore": limits.storage_moves_per_datastore,
            "migrations": limits.migrations,
            "storage-moves": limits.storage_moves,
            "reconfigurations": limits.reconfigurations,
            "power": limits.power_operations,
        }
        if limits.migrations_per_cluster is not None:
            units["cluster"] = limits.migrations_per_cluster
        return cls(units)

    def allows(self, claims: Sequence[str], held: Mapping[str, int]) -> bool:
        """True when one more unit of each of ``claims`` is free."""
        return all(
            held.get(claim, 0) + more <= self.units.get(claim.partition(":")[0], 1 << 30)
            for claim, more in Counter(claims).items()
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
    owed = restores(plan.steps)
    taken = _taken(plan.steps, chosen, owed)
    needless = _needless(plan.steps, snapshot, taken, owed)
    return tuple(
        replace(
            job_of_action(step.id, step.action, snapshot, settings),
            wave=step.wave,
            after=step.depends_on,
            chosen=step.id in taken,
            restores=owed.get(step.id, ""),
            needless=step.id in needless,
        )
        for step in plan.steps
    )


def job_of_action(step: str, action: Action, snapshot: Snapshot, settings: Settings) -> Job:
    """A job of its own for one action, as recovery needs it."""
    return Job(
        step=step,
        action=action,
        wave=0,
        after=(),
        claims=_claims(action, snapshot, settings.limits),
        hosts=tuple(
            dict.fromkeys(
                host.moid for move in moves_of(action) for host in (move.source, move.target)
            )
        ),
        deadline_s=_deadline_s(action, snapshot, settings),
    )


def _needless(
    steps: Sequence[Step], snapshot: Snapshot, taken: Collection[str], owed: Mapping[str, str]
) -> set[str]:
    """Stops and starts of VMs that run, and are as the steps between would leave them.

    A plan that is applied again must not stop a VM for nothing.
    """
    found: set[str] = set()
    for start, stop in owed.items():
        between = [
            step
            for step in steps
            if stop in step.depends_on and step.id != start and step.id in taken
        ]
        row = snapshot.vms.row(next(step for step in steps if step.id == stop).action.subject.moid)
        running = row >= 0 and snapshot.vms.power[row] == POWERED_ON
        if running and between and all(_is_so(step.action, snapshot, row) for step in between):
            found |= {stop, start}
    return found


def _is_so(action: Action, snapshot: Snapshot, row: int) -> bool:
    match action:
        case SetMemory(setting=ActionKind.RESIZE):
            return float(snapshot.vms.size_mib[row]) == action.to_mib
        case EnableHotAdd():
            return bool(snapshot.vms.hot_add_enabled[row])
        case _:
            return False


def _taken(
    steps: Sequence[Step], chosen: Collection[str] | None, owed: Mapping[str, str]
) -> set[str]:
    """The steps to carry out. A stop and the start that ends it belong together.

    Who chose the stop gets the start as well; and a VM is not stopped for changes of which none
    was chosen.
    """
    taken = {step.id for step in steps if chosen is None or step.id in chosen}
    for start, stop in owed.items():
        between = {step.id for step in steps if stop in step.depends_on and step.id != start}
        if between and not between & taken:
            taken.discard(stop)
        (taken.add if stop in taken else taken.discard)(start)
    return taken


def _claims(action: Action, snapshot: Snapshot, limits: Limits) -> tuple[str, ...]:
    match action:
        case SetMemory() | SetShares() | EnableHotAdd():
            return (f"vm:{action.vm.moid}", "reconfigurations")
        case Stop() | Start():
            return (f"vm:{action.vm.moid}", "power")
        case SetPool():
            return (f"pool:{action.pool.moid}", "reconfigurations")
        case MigrateStorage():
            ends = (f"datastore:{action.source.moid}", f"datastore:{action.target.moid}")
            return (f"vm:{action.vm.moid}", "storage-moves", *ends)
        case SuspendHost() | ProvisionHost():
            # All of the host's slots: no VM comes or goes meanwhile. And one host of a cluster
            # at a time, so that a mistake takes no more than one from it.
            whole = (f"host:{action.host.moid}",) * limits.migrations_per_host
            return (*_of_cluster("standby", action.host, snapshot), *whole)
        case Migrate():
            return (*_of_move(action), *_of_cluster("cluster", action.target, snapshot))
        case ApplyRecommendation():
            moves = (claim for move in action.moves for claim in _of_move(move))
            # Recommended together, they are begun together: more than the limits if need be.
            return (f"drs:{action.cluster.moid}", *dict.fromkeys(moves))
        case _:
            assert_never(action)


def _of_move(move: Migrate) -> tuple[str, ...]:
    ends = (f"host:{move.source.moid}", f"host:{move.target.moid}")
    return (f"vm:{move.vm.moid}", "migrations", *ends)


def _of_cluster(claim: str, host: Entity, snapshot: Snapshot) -> tuple[str, ...]:
    row = snapshot.hosts.row(host.moid)
    if row < 0 or (cluster := int(snapshot.hosts.cluster[row])) < 0:
        return ()
    return (f"{claim}:{snapshot.clusters.moid[cluster]}",)


def _deadline_s(action: Action, snapshot: Snapshot, settings: Settings) -> float:
    deadlines = settings.deadlines
    match action:
        case Migrate():
            return _migrate_deadline_s(action, snapshot, settings)
        case ApplyRecommendation():
            moves = [_migrate_deadline_s(move, snapshot, settings) for move in action.moves]
            return sum(moves, deadlines.reconfigure_s)
        case SetMemory() | SetShares() | EnableHotAdd() | SetPool():
            return deadlines.reconfigure_s
        case MigrateStorage():
            return deadlines.storage_s
        case Stop() | Start():
            return deadlines.power_s
        case SuspendHost() | ProvisionHost():
            return deadlines.host_power_s
        case _:
            assert_never(action)


def _migrate_deadline_s(action: Migrate, snapshot: Snapshot, settings: Settings) -> float:
    row = snapshot.vms.row(action.vm.moid)
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
