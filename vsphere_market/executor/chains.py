"""What steps of a plan expect of the values that they change, each after those before it.

The steps that change one value of one subject are a chain. The world may be at any link of it: what
lies before was carried out already, by us. Anywhere else, somebody has changed it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from vsphere_market.estate import POWERED_ON, Snapshot
from vsphere_market.executor.words import pool_text, rest_text, setting_name, setting_text
from vsphere_market.market.plan import Step
from vsphere_market.port import (
    Action,
    ActionKind,
    ApplyRecommendation,
    EnableHotAdd,
    Entity,
    MemorySetting,
    Migrate,
    MigrateStorage,
    PoolSetting,
    ProvisionHost,
    Rest,
    SetMemory,
    SetPool,
    SetShares,
    Start,
    Stop,
    SuspendHost,
)

_OFF = "poweredOff"
_STANDBY = "standBy"


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference between what a step expects and what is there.

    Attributes:
        step: the step's id.
        sentence: the difference, without a full stop.
    """

    step: str
    sentence: str


class Scene:
    """What the steps of a plan do to each other's conditions.

    Attributes:
        snapshot: the estate.
        powers: VM -> power states in which the plan may find it.
        waking: hosts that the plan brings back.
        leaving: host -> VMs that the plan moves away from there, or stops.
    """

    def __init__(self, steps: Sequence[Step], snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.powers: dict[str, set[str]] = defaultdict(set)
        self.waking: set[str] = set()
        self.leaving: dict[str, set[str]] = defaultdict(set)
        for step in steps:
            self._take(step.action)

    def _take(self, action: Action) -> None:
        match action:
            case Migrate():
                self.powers[action.vm.moid].add(POWERED_ON)
                self.leaving[action.source.moid].add(action.vm.moid)
            case Stop():
                self.powers[action.vm.moid] |= {POWERED_ON, _OFF}
                vms = self.snapshot.vms
                row = vms.row(action.vm.moid)
                if row >= 0 and (host := int(vms.host[row])) >= 0:
                    self.leaving[self.snapshot.hosts.moid[host]].add(action.vm.moid)
            case Start() | MigrateStorage():
                self.powers[action.vm.moid] |= {POWERED_ON, _OFF}
            case SetMemory():
                off = action.setting is ActionKind.RESIZE
                self.powers[action.vm.moid].add(_OFF if off else POWERED_ON)
            case EnableHotAdd():
                self.powers[action.vm.moid].add(_OFF)
            case SetShares():
                self.powers[action.vm.moid].add(POWERED_ON)
            case ProvisionHost():
                self.waking.add(action.host.moid)
            case SetPool() | SuspendHost() | ApplyRecommendation():
                pass
            case _:
                assert_never(action)


@dataclass(frozen=True, slots=True)
class _Link:
    """One step's part in a chain.

    Attributes:
        step: its id.
        subject: managed object id.
        what: which value.
        now: the values that it has now: one, or for files perhaps several datastores.
        before, after: what the step expects and leaves.
        sentence: what to say if the world is elsewhere.
    """

    step: str
    subject: str
    what: str
    now: frozenset[object]
    before: object
    after: object
    sentence: str


def moved_on(steps: Sequence[Step], snapshot: Snapshot, skip: set[str]) -> list[Drift]:
    """Values that are neither what a step expects nor what a step of the plan would leave.

    Args:
        steps: in the plan's order.
        snapshot: the estate.
        skip: ids of steps whose subject is not even there.
    """
    chains: dict[tuple[str, str], list[_Link]] = defaultdict(list)
    for step in steps:
        if step.id not in skip:
            for link in _links(step, snapshot):
                chains[link.subject, link.what].append(link)
    found = []
    for chain in chains.values():
        first = chain[0]
        known = {first.before} | {link.after for link in chain}
        if not first.now & known:
            found.append(Drift(first.step, first.sentence))
    return found


def _links(step: Step, snapshot: Snapshot) -> list[_Link]:
    action = step.action
    if isinstance(action, ApplyRecommendation):
        return [_place(step.id, move, snapshot) for move in action.moves]
    if isinstance(action, Migrate) and action.pools is not None:
        return [_place(step.id, action, snapshot), _pool(step.id, action, action.pools, snapshot)]
    return [_link(step.id, action, snapshot)]


def _link(step: str, action: Action, snapshot: Snapshot) -> _Link:
    subject, vms = action.subject, snapshot.vms
    name, row = subject.name, vms.row(subject.moid)

    def link(what: str, now: object, before: object, after: object, sentence: str) -> _Link:
        return _Link(step, subject.moid, what, frozenset({now}), before, after, sentence)

    match action:
        case Migrate():
            return _place(step, action, snapshot)
        case SetMemory():
            mib, what = _setting(action.setting, snapshot, row), setting_name(action.setting)
            told, wanted = (setting_text(action.setting, one) for one in (mib, action.from_mib))
            sentence = f"{name}'s {what} is {told}, expected {wanted}"
            return link(what, mib, action.from_mib, action.to_mib, sentence)
        case SetShares():
            shares = float(vms.shares[row])
            sentence = f"{name}'s shares are {shares:.0f}, expected {action.from_shares}"
            return link("shares", shares, action.from_shares, action.to_shares, sentence)
        case EnableHotAdd():
            return link("hot-add", bool(vms.hot_add_enabled[row]), False, True, "")
        case MigrateStorage():
            return _files(step, action, snapshot, row)
        case Stop():
            sentence = f"{name} is {words_of(vms.power[row])}"
            return link("power", vms.power[row], POWERED_ON, _OFF, sentence)
        case Start():
            sentence = f"{name} is {words_of(vms.power[row])}"
            return link("power", vms.power[row], _OFF, POWERED_ON, sentence)
        case SetPool():
            now = _pool_setting(action.setting, snapshot, snapshot.pools.row(subject.moid))
            told, wanted = (pool_text(action.setting, one) for one in (now, action.before))
            sentence = f"pool {name}'s memory {action.setting} is {told}, expected {wanted}"
            return link(action.setting.value, now, action.before, action.after, sentence)
        case SuspendHost():
            rest, sentence = _rest(snapshot, action.host.moid, name)
            return link("rest", rest, None, action.rest, sentence)
        case ProvisionHost():
            rest, sentence = _rest(snapshot, action.host.moid, name)
            return link("rest", rest, action.rest, None, sentence)
        case ApplyRecommendation():
            raise AssertionError("a recommendation is taken apart into its moves")
        case _:
            assert_never(action)


def _place(step: str, move: Migrate, snapshot: Snapshot) -> _Link:
    hosts, vms = snapshot.hosts, snapshot.vms
    row = vms.row(move.vm.moid)
    host = int(vms.host[row]) if row >= 0 else -1
    here, name = (hosts.moid[host], hosts.name[host]) if host >= 0 else ("", "no host")
    sentence = f"{move.vm.name} is on {name}, expected on {move.source.name}"
    ends = move.source.moid, move.target.moid
    return _Link(step, move.vm.moid, "place", frozenset({here}), *ends, sentence)


def _pool(step: str, move: Migrate, pools: tuple[Entity, Entity], snapshot: Snapshot) -> _Link:
    row = snapshot.vms.row(move.vm.moid)
    pool = int(snapshot.vms.pool[row]) if row >= 0 else -1
    table = snapshot.pools
    here = table.moid[pool] if pool >= 0 else ""
    place = f"resource pool {table.name[pool]}" if pool >= 0 else "no resource pool"
    left, joined = pools
    sentence = f"{move.vm.name} is in {place}, expected in {left.name}"
    return _Link(step, move.vm.moid, "pool", frozenset({here}), left.moid, joined.moid, sentence)


def _files(step: str, action: MigrateStorage, snapshot: Snapshot, row: int) -> _Link:
    datastores = snapshot.datastores
    rows = [int(one) for one in snapshot.vms.datastores[row]]
    now = frozenset(datastores.moid[one] for one in rows)
    names = ", ".join(datastores.name[one] for one in rows) or "no datastore"
    sentence = f"{action.vm.name}'s files are on {names}, expected on {action.source.name}"
    ends = action.source.moid, action.target.moid
    return _Link(step, action.vm.moid, "files", frozenset(now), *ends, sentence)


def _setting(setting: MemorySetting, snapshot: Snapshot, row: int) -> int | None:
    """The present value in the action's own terms, MiB."""
    vms = snapshot.vms
    column = {
        ActionKind.LIMIT: vms.limit_mib,
        ActionKind.RESERVATION: vms.reservation_mib,
        ActionKind.HOT_ADD: vms.size_mib,
        ActionKind.RESIZE: vms.size_mib,
        ActionKind.BALLOON_CAP: vms.balloon_cap_mib,
    }[setting]
    return _whole(float(column[row]))


def _pool_setting(setting: PoolSetting, snapshot: Snapshot, row: int) -> int | None:
    pools = snapshot.pools
    column = {
        PoolSetting.RESERVATION: pools.reservation_mib,
        PoolSetting.LIMIT: pools.limit_mib,
        PoolSetting.SHARES: pools.shares,
    }[setting]
    return _whole(float(column[row]))


def _whole(value: float) -> int | None:
    """None for what an action has None for: no limit, or the host's default."""
    return round(value) if math.isfinite(value) else None


def _rest(snapshot: Snapshot, host: str, name: str) -> tuple[Rest | None, str]:
    """How a host rests, and a sentence that says so."""
    hosts, row = snapshot.hosts, snapshot.hosts.row(host)
    rest = Rest.MAINTENANCE if hosts.in_maintenance[row] else None
    rest = Rest.STANDBY if hosts.power[row] == _STANDBY else rest
    told = "in service" if rest is None else f"in {rest_text(rest)}"
    return rest, f"host {name} is {told}"


def words_of(state: str) -> str:
    """vSphere's camel case as words: ``poweredOff`` -> ``powered off``."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in state)
