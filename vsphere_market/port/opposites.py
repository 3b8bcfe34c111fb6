"""What takes an action back: its compensation, checked like any action before it is done.

The opposite expects what the action has left. If somebody has changed it since, the opposite is
stale, and refused: nobody's later decision is undone.
"""

from __future__ import annotations

from typing import assert_never

from vsphere_market.port.actions import (
    Action,
    ActionKind,
    ApplyRecommendation,
    EnableHotAdd,
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


def opposites(action: Action) -> tuple[Action, ...]:
    """The actions that together take one back, in their order; () when nothing does.

    Why nothing does, says :func:`why_none`.
    """
    match action:
        case Migrate():
            return (action.back,)
        case SetMemory():
            if action.setting is ActionKind.HOT_ADD:
                return ()
            return (SetMemory(action.vm, action.setting, action.to_mib, action.from_mib),)
        case SetShares():
            return (SetShares(action.vm, action.to_shares, action.from_shares),)
        case EnableHotAdd():
            return ()
        case MigrateStorage():
            return (MigrateStorage(action.vm, action.target, action.source),)
        case Stop():
            return (Start(action.vm),)
        case Start():
            return (Stop(action.vm),)
        case SetPool():
            return (SetPool(action.pool, action.setting, action.after, action.before),)
        case SuspendHost():
            return (ProvisionHost(action.host, action.rest),)
        case ProvisionHost():
            return (SuspendHost(action.host, action.rest),)
        case ApplyRecommendation():
            return tuple(move.back for move in reversed(action.moves))
        case _:
            assert_never(action)


def why_none(kind: ActionKind) -> str:
    """Why actions of a kind have no opposite, as a clause; "" for kinds that have one."""
    match kind:
        case ActionKind.HOT_ADD:
            return "memory cannot be taken from a running VM; a resize does it, with a restart"
        case ActionKind.ENABLE_HOT_ADD:
            return "it changes nothing until somebody adds memory, and takes a power-off to disable"
        case _:
            return ""
