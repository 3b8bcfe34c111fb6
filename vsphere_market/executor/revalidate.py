"""Is the plan still about this estate? Asked before the first step, by a fresh reading.

A plan is one bargain: its certificate speaks of all its steps together. If the world has moved
under one of them, the whole is stale and nothing is begun. The one change that is accepted is our
own: steps that were carried out before (a plan applied twice, or continued after a crash).
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from vsphere_market.errors import StaleError
from vsphere_market.estate import (
    CONNECTED,
    POWERED_ON,
    VSAN_APART,
    VSAN_WITNESS,
    Snapshot,
    time_text,
)
from vsphere_market.executor.words import setting_name, setting_text
from vsphere_market.market.plan import Plan, Step
from vsphere_market.port import ActionKind, Entity, Migrate, SetMemory

_CURE = "make a new plan"
#: So many differences are named in the error; the rest is counted.
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference between what a step expects and what is there.

    Attributes:
        step: the step's id.
        sentence: the difference, without a full stop.
    """

    step: str
    sentence: str


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
    found = [
        Drift(step.id, sentence)
        for step in steps
        if (sentence := _vm_unfit(step, snapshot) or _action_unfit(step, snapshot))
    ]
    found += _moved_on(steps, snapshot, {drifted.step for drifted in found})
    order = {step.id: place for place, step in enumerate(steps)}
    return tuple(sorted(found, key=lambda drifted: order[drifted.step]))


def _vm_unfit(step: Step, snapshot: Snapshot) -> str:
    vm, vms = step.action.subject, snapshot.vms
    row = vms.row(vm.moid)
    if row < 0:
        return f"{vm.name} is gone"
    if vms.template[row]:
        return f"{vm.name} is a template now"
    if vms.power[row] != POWERED_ON:
        return f"{vm.name} is {_words(vms.power[row])}"
    if vms.connection[row] != CONNECTED:
        return f"{vm.name} is {_words(vms.connection[row])}"
    return ""


def _action_unfit(step: Step, snapshot: Snapshot) -> str:
    action = step.action
    if isinstance(action, Migrate):
        return (
            _host_unfit(action.target, snapshot)
            or _host_gone(action.source, snapshot)
            or _clusters_differ(action, snapshot)
        )
    row = snapshot.vms.row(action.subject.moid)
    if action.setting is ActionKind.HOT_ADD:
        if not snapshot.vms.hot_add_enabled[row]:
            return f"{action.subject.name} has no memory hot-add any more"
        ceiling_mib = float(snapshot.vms.hot_add_limit_mib[row])
        if action.to_mib is not None and action.to_mib > ceiling_mib:  # False for NaN, "not given"
            return f"{action.subject.name} can be hot-added to {ceiling_mib:.0f} MiB only"
    return ""


def _host_gone(host: Entity, snapshot: Snapshot) -> str:
    hosts = snapshot.hosts
    row = hosts.row(host.moid)
    if row < 0:
        return f"host {host.name} is gone"
    if hosts.connection[row] != CONNECTED:
        return f"host {host.name} is {_words(hosts.connection[row])}"
    if not hosts.vmotion_enabled[row]:
        return f"host {host.name} has no vMotion network any more"
    return ""


def _host_unfit(host: Entity, snapshot: Snapshot) -> str:
    """What keeps a host from taking a VM; leaving such a host is allowed."""
    gone = _host_gone(host, snapshot)
    if gone:
        return gone
    hosts, row = snapshot.hosts, snapshot.hosts.row(host.moid)
    if hosts.power[row] != POWERED_ON:
        return f"host {host.name} is {_words(hosts.power[row])}"
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


def _clusters_differ(action: Migrate, snapshot: Snapshot) -> str:
    hosts = snapshot.hosts
    source, target = hosts.row(action.source.moid), hosts.row(action.target.moid)
    if hosts.cluster[source] != hosts.cluster[target]:
        return f"{action.source.name} and {action.target.name} are in different clusters now"
    return ""


def _moved_on(steps: list[Step], snapshot: Snapshot, skip: set[str]) -> list[Drift]:
    """Values that are neither what a step expects nor what a step of the plan would leave.

    The steps that change one setting of one VM are a chain of values. The world may be at any
    link of it: what lies before was carried out already.
    """
    chains: dict[tuple[str, str], list[Step]] = {}
    for step in steps:
        if step.id not in skip:
            chains.setdefault((step.action.subject.moid, step.action.kind.value), []).append(step)
    found = []
    for chain in chains.values():
        first = chain[0].action
        row = snapshot.vms.row(first.subject.moid)
        if isinstance(first, Migrate):
            host = int(snapshot.vms.host[row])
            here = snapshot.hosts.moid[host] if host >= 0 else ""
            places = {first.source.moid} | {
                step.action.target.moid for step in chain if isinstance(step.action, Migrate)
            }
            if here not in places:
                name = snapshot.hosts.name[host] if host >= 0 else "no host"
                sentence = f"{first.subject.name} is on {name}, expected on {first.source.name}"
                found.append(Drift(chain[0].id, sentence))
        else:
            values = {first.from_mib} | {
                step.action.to_mib for step in chain if isinstance(step.action, SetMemory)
            }
            now = _setting(first, snapshot, row)
            if now not in values:
                sentence = (
                    f"{first.subject.name}'s {setting_name(first.setting)} is "
                    f"{setting_text(first.setting, now)}, expected "
                    f"{setting_text(first.setting, first.from_mib)}"
                )
                found.append(Drift(chain[0].id, sentence))
    return found


def _setting(action: SetMemory, snapshot: Snapshot, row: int) -> int | None:
    """The present value in the action's own terms, MiB."""
    vms = snapshot.vms
    column = {
        ActionKind.LIMIT: vms.limit_mib,
        ActionKind.RESERVATION: vms.reservation_mib,
        ActionKind.HOT_ADD: vms.size_mib,
        ActionKind.BALLOON_CAP: vms.balloon_cap_mib,
    }[action.setting]
    value = float(column[row])
    if math.isfinite(value):
        return round(value)
    # "No limit" and "the host's default" are None in an action.
    return None


def _words(state: str) -> str:
    """vSphere's camel case as words: ``poweredOff`` -> ``powered off``."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in state)
