"""Is the plan still about this estate? Asked before the first step, by a fresh reading.

A plan is one bargain: its certificate speaks of all its steps together. If the world has moved
under one of them, the whole is stale and nothing is begun. The one change that is accepted is our
own: steps that were carried out before (a plan applied twice, or continued after a crash).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import assert_never

from vsphere_market.errors import StaleError
from vsphere_market.estate import (
    CONNECTED,
    POWERED_ON,
    VSAN_APART,
    VSAN_WITNESS,
    Snapshot,
    time_text,
)
from vsphere_market.executor.chains import Drift, Scene, moved_on, words_of
from vsphere_market.market.plan import Plan, Step
from vsphere_market.port import (
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
)

_CURE = "make a new plan"
#: So many differences are named in the error; the rest is counted.
_NAMED = 3


def require_fresh(
    plan: Plan, snapshot: Snapshot, now_s: float, chosen: Collection[str] | None = None
) -> None:
    """Refuse a plan that expired, was made for another vCenter, or that the world has left behind.

    Args:
        plan: the plan.
        snapshot: the estate as it is now.
        now_s: Unix time of the port's clock.
        chosen: only these steps are looked at; None for all.

    Raises:
        StaleError: naming the first differences.
    """
    if now_s > plan.expires_at_s:
        raise StaleError(f"the plan expired at {time_text(plan.expires_at_s)}", cure=_CURE)
    require_source(plan, snapshot)
    drifts = drift(plan, snapshot, chosen)
    if not drifts:
        return
    named = "; ".join(f"{found.step}: {found.sentence}" for found in drifts[:_NAMED])
    more = f"; and {len(drifts) - _NAMED} more" if len(drifts) > _NAMED else ""
    raise StaleError(f"the estate has changed since the plan was made ({named}{more})", cure=_CURE)


def require_source(plan: Plan, snapshot: Snapshot) -> None:
    """Refuse to use a plan on another vCenter than it was made from.

    Raises:
        StaleError: when identities differ, or names where an identity is not known.
    """
    origin, source = plan.made_from, snapshot.source
    if origin.instance_uuid and source.instance_uuid:
        same = origin.instance_uuid == source.instance_uuid
    else:
        same = (origin.source, origin.name) == (source.kind, source.name)
    if not same:
        raise StaleError(
            f"the plan was made from {origin.source} {origin.name}, not from "
            f"{source.kind} {source.name}",
            cure="apply it where it was made, or make a new plan here",
        )


def drift(
    plan: Plan, snapshot: Snapshot, chosen: Collection[str] | None = None
) -> tuple[Drift, ...]:
    """Every difference between what the steps expect and ``snapshot``, in the plan's order."""
    steps = [step for step in plan.steps if chosen is None or step.id in chosen]
    scene = Scene(steps, snapshot)
    found = [
        Drift(step.id, sentence)
        for step in steps
        if (sentence := _subject_unfit(step, scene) or _action_unfit(step, scene))
    ]
    found += moved_on(steps, snapshot, {drifted.step for drifted in found})
    order = {step.id: place for place, step in enumerate(steps)}
    return tuple(sorted(found, key=lambda drifted: order[drifted.step]))


def _subject_unfit(step: Step, scene: Scene) -> str:
    """What keeps the subject from being acted on at all."""
    action = step.action
    match action:
        case SetPool():
            gone = scene.snapshot.pools.row(action.pool.moid) < 0
            return f"pool {action.pool.name} is gone" if gone else ""
        case SuspendHost() | ProvisionHost():
            gone = scene.snapshot.hosts.row(action.host.moid) < 0
            return f"host {action.host.name} is gone" if gone else ""
        case ApplyRecommendation():
            gone = scene.snapshot.clusters.row(action.cluster.moid) < 0
            return f"cluster {action.cluster.name} is gone" if gone else ""
        case _:
            return _vm_unfit(action.vm, scene)


def _vm_unfit(vm: Entity, scene: Scene) -> str:
    vms = scene.snapshot.vms
    row = vms.row(vm.moid)
    if row < 0:
        return f"{vm.name} is gone"
    if vms.template[row]:
        return f"{vm.name} is a template now"
    if vms.power[row] not in scene.powers[vm.moid]:
        return f"{vm.name} is {words_of(vms.power[row])}"
    if vms.connection[row] != CONNECTED:
        return f"{vm.name} is {words_of(vms.connection[row])}"
    return ""


def _action_unfit(step: Step, scene: Scene) -> str:
    action, snapshot = step.action, scene.snapshot
    match action:
        case Migrate():
            return (
                _host_unfit(action.target, scene)
                or _host_gone(action.source, snapshot)
                or _clusters_unfit(action, snapshot)
            )
        case SetMemory():
            row = snapshot.vms.row(action.vm.moid)
            return _growth_unfit(action, row, snapshot)
        case Start():
            return "" if action.host is None else _host_unfit(action.host, scene, vmotion=False)
        case MigrateStorage():
            return _datastore_unfit(action.target, snapshot)
        case SuspendHost():
            return _host_busy(action.host, scene)
        case ApplyRecommendation():
            unfit = (_host_unfit(move.target, scene) for move in action.moves)
            return next((sentence for sentence in unfit if sentence), "")
        case SetShares() | EnableHotAdd() | Stop() | SetPool() | ProvisionHost():
            return ""
        case _:
            assert_never(action)


def _growth_unfit(action: SetMemory, row: int, snapshot: Snapshot) -> str:
    if action.setting is not ActionKind.HOT_ADD:
        return ""
    if not snapshot.vms.hot_add_enabled[row]:
        return f"{action.vm.name} has no memory hot-add any more"
    ceiling_mib = float(snapshot.vms.hot_add_limit_mib[row])
    if action.to_mib is not None and action.to_mib > ceiling_mib:  # False for NaN, "not given"
        return f"{action.vm.name} can be hot-added to {ceiling_mib:.0f} MiB only"
    return ""


def _datastore_unfit(datastore: Entity, snapshot: Snapshot) -> str:
    row = snapshot.datastores.row(datastore.moid)
    if row < 0:
        return f"datastore {datastore.name} is gone"
    if not snapshot.datastores.accessible[row]:
        return f"datastore {datastore.name} is not accessible"
    return ""


def _host_busy(host: Entity, scene: Scene) -> str:
    """VMs that run on a host that is to rest, and that no step moves or stops before."""
    snapshot = scene.snapshot
    vms, row = snapshot.vms, snapshot.hosts.row(host.moid)
    staying = [
        vms.name[vm]
        for vm in range(len(vms))
        if int(vms.host[vm]) == row
        and vms.power[vm] == POWERED_ON
        and vms.moid[vm] not in scene.leaving[host.moid]
    ]
    if staying:
        return f"{staying[0]} runs on host {host.name}, and no step takes it away"
    return ""


def _host_gone(host: Entity, snapshot: Snapshot, *, vmotion: bool = True) -> str:
    hosts = snapshot.hosts
    row = hosts.row(host.moid)
    if row < 0:
        return f"host {host.name} is gone"
    if hosts.connection[row] != CONNECTED:
        return f"host {host.name} is {words_of(hosts.connection[row])}"
    if vmotion and not hosts.vmotion_enabled[row]:
        return f"host {host.name} has no vMotion network any more"
    return ""


def _host_unfit(host: Entity, scene: Scene, *, vmotion: bool = True) -> str:
    """What keeps a host from taking a VM; leaving such a host is allowed."""
    snapshot = scene.snapshot
    hosts, row = snapshot.hosts, snapshot.hosts.row(host.moid)
    if row >= 0 and host.moid in scene.waking:
        # An earlier step of the plan brings it back.
        return ""
    gone = _host_gone(host, snapshot, vmotion=vmotion)
    if gone:
        return gone
    if hosts.power[row] != POWERED_ON:
        return f"host {host.name} is {words_of(hosts.power[row])}"
    if hosts.in_maintenance[row]:
        return f"host {host.name} is in maintenance mode"
    if hosts.in_quarantine[row]:
        return f"host {host.name} is in quarantine mode"
    if hosts.failover_host[row]:
        return f"host {host.name} is kept for failover"
    if hosts.vsan[row] == VSAN_WITNESS:
        return f"host {host.name} is a vSAN witness"
    if hosts.vsan[row] == VSAN_APART:
        return f"host {host.name} is seen by no other node of its vSAN cluster"
    return ""


def _clusters_unfit(action: Migrate, snapshot: Snapshot) -> str:
    """A move within a cluster stays within one; a move out of it ends where its pool is."""
    hosts, pools = snapshot.hosts, snapshot.pools
    source, target = hosts.row(action.source.moid), hosts.row(action.target.moid)
    if action.pools is None:
        if hosts.cluster[source] != hosts.cluster[target]:
            return f"{action.source.name} and {action.target.name} are in different clusters now"
        return ""
    for host, row, pool in zip(
        (action.source, action.target), (source, target), action.pools, strict=True
    ):
        place = pools.row(pool.moid)
        if place < 0:
            return f"resource pool {pool.name} is gone"
        if pools.cluster[place] != hosts.cluster[row]:
            return f"resource pool {pool.name} is not of the cluster of {host.name} any more"
    return ""
