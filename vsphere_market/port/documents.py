"""Actions as JSON: the one form that plan files and the journal share.

``{"kind": …, "subject": {"moid": …, "name": …}, "from": …, "to": …}`` and, for some kinds, more.
Amounts are whole MiB; null is "no limit" of a limit and "the host's default" of a balloon cap.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, assert_never

from vsphere_market.port.actions import (
    Action,
    ActionKind,
    ApplyRecommendation,
    EnableHotAdd,
    Entity,
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
    memory_setting,
)

#: vSphere's words for the power states that stop and start lead between.
ON, OFF = "poweredOn", "poweredOff"
#: Of a host that works.
IN_SERVICE = "in-service"


def entity_to_json(entity: Entity) -> dict[str, str]:
    """A managed object."""
    return {"moid": entity.moid, "name": entity.name}


def entity_from_json(value: Mapping[str, Any]) -> Entity:
    """The managed object that :func:`entity_to_json` wrote."""
    return Entity(value["moid"], value["name"])


def change_to_json(action: Action) -> dict[str, Any]:
    """What an action changes: ``from``, ``to``, and what else its kind needs."""
    match action:
        case Migrate() if action.pools is not None:
            return {**_ends(action.source, action.target), "pools": _ends(*action.pools)}
        case Migrate() | MigrateStorage():
            return _ends(action.source, action.target)
        case SetMemory():
            return {"from": action.from_mib, "to": action.to_mib}
        case SetShares():
            return {"from": action.from_shares, "to": action.to_shares}
        case EnableHotAdd():
            return {"from": False, "to": True}
        case Stop():
            return {"from": ON, "to": OFF, "hard": action.hard}
        case Start():
            where = {} if action.host is None else {"host": entity_to_json(action.host)}
            return {"from": OFF, "to": ON, **where}
        case SetPool():
            return {"setting": action.setting.value, "from": action.before, "to": action.after}
        case SuspendHost():
            return {"from": IN_SERVICE, "to": action.rest.value}
        case ProvisionHost():
            return {"from": action.rest.value, "to": IN_SERVICE}
        case ApplyRecommendation():
            moves = [
                {"subject": entity_to_json(move.vm), **change_to_json(move)}
                for move in action.moves
            ]
            return {"key": action.key, "moves": moves}
        case _:
            assert_never(action)


def action_to_json(action: Action) -> dict[str, Any]:
    """The whole action."""
    return {
        "kind": action.kind.value,
        "subject": entity_to_json(action.subject),
        **change_to_json(action),
    }


def action_from_json(value: Mapping[str, Any]) -> Action:
    """The action of a document that has the shape of :func:`action_to_json`'s.

    Raises:
        KeyError, ValueError: it has not.
    """
    kind, subject = ActionKind(value["kind"]), entity_from_json(value["subject"])
    match kind:
        case ActionKind.MIGRATE:
            return _move(value)
        case ActionKind.MIGRATE_STORAGE:
            return MigrateStorage(
                subject, entity_from_json(value["from"]), entity_from_json(value["to"])
            )
        case ActionKind.SHARES:
            return SetShares(subject, int(value["from"]), int(value["to"]))
        case ActionKind.ENABLE_HOT_ADD:
            return EnableHotAdd(subject)
        case ActionKind.STOP:
            return Stop(subject, hard=bool(value["hard"]))
        case ActionKind.START:
            host = value.get("host")
            return Start(subject, None if host is None else entity_from_json(host))
        case ActionKind.POOL:
            setting = PoolSetting(value["setting"])
            return SetPool(subject, setting, _amount(value["from"]), _amount(value["to"]))
        case ActionKind.SUSPEND_HOST:
            return SuspendHost(subject, Rest(value["to"]))
        case ActionKind.PROVISION_HOST:
            return ProvisionHost(subject, Rest(value["from"]))
        case ActionKind.DRS:
            moves = tuple(_move(move) for move in value["moves"])
            return ApplyRecommendation(subject, value["key"], moves)
        case (
            ActionKind.LIMIT
            | ActionKind.RESERVATION
            | ActionKind.HOT_ADD
            | ActionKind.RESIZE
            | ActionKind.BALLOON_CAP
        ):
            setting_ = memory_setting(kind)
            return SetMemory(subject, setting_, _amount(value["from"]), _amount(value["to"]))
        case _:
            assert_never(kind)


def _ends(before: Entity, after: Entity) -> dict[str, Any]:
    return {"from": entity_to_json(before), "to": entity_to_json(after)}


def _move(value: Mapping[str, Any]) -> Migrate:
    pools = value.get("pools")
    return Migrate(
        entity_from_json(value["subject"]),
        entity_from_json(value["from"]),
        entity_from_json(value["to"]),
        None if pools is None else (entity_from_json(pools["from"]), entity_from_json(pools["to"])),
    )


def _amount(value: float | None) -> int | None:
    return None if value is None else int(value)
