"""Actions and standings in words, as people read them in outcomes and errors."""

from __future__ import annotations

from typing import assert_never

from vsphere_market.port import (
    Action,
    ActionKind,
    ApplyRecommendation,
    EnableHotAdd,
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
from vsphere_market.units import gib_text

#: What a setting is called in a sentence, and what its absence means.
_SETTINGS: dict[MemorySetting, tuple[str, str]] = {
    ActionKind.LIMIT: ("memory limit", "unlimited"),
    ActionKind.RESERVATION: ("memory reservation", "none"),
    ActionKind.HOT_ADD: ("memory size", "unknown"),
    ActionKind.RESIZE: ("memory size", "unknown"),
    ActionKind.BALLOON_CAP: ("balloon cap", "the host's default"),
}


def setting_name(kind: MemorySetting) -> str:
    """What the setting that ``kind`` changes is called, e.g. ``memory limit``."""
    return _SETTINGS[kind][0]


def setting_text(kind: MemorySetting, mib: float | None) -> str:
    """A value of a setting in words; None is its absence."""
    return _SETTINGS[kind][1] if mib is None else gib_text(mib)


def describe(action: Action) -> str:
    """The action as the infinitive of a sentence, e.g. ``move web-1 from esx-1 to esx-2``."""
    name = action.subject.name
    match action:
        case Migrate():
            return f"move {name} from {action.source.name} to {action.target.name}"
        case MigrateStorage():
            ends = f"from datastore {action.source.name} to {action.target.name}"
            return f"move {name}'s files {ends}"
        case SetMemory():
            old = setting_text(action.setting, action.from_mib)
            new = setting_text(action.setting, action.to_mib)
            return f"change {name}'s {setting_name(action.setting)} from {old} to {new}"
        case SetShares():
            shares = f"from {action.from_shares} to {action.to_shares}"
            return f"change {name}'s memory shares {shares}"
        case EnableHotAdd():
            return f"enable memory hot-add of {name}"
        case Stop():
            return f"power {name} off" if action.hard else f"shut {name} down"
        case Start():
            return f"start {name}" + (f" on {action.host.name}" if action.host else "")
        case SetPool():
            old, new = (pool_text(action.setting, value) for value in (action.before, action.after))
            return f"change pool {name}'s memory {action.setting} from {old} to {new}"
        case SuspendHost():
            return f"put host {name} into {rest_text(action.rest)}"
        case ProvisionHost():
            return f"bring host {name} back from {rest_text(action.rest)}"
        case ApplyRecommendation():
            moves = "; ".join(describe(move) for move in action.moves)
            return f"let DRS apply its recommendation {action.key} in {name} ({moves})"
        case _:
            assert_never(action)


def pool_text(setting: PoolSetting, value: int | None) -> str:
    """A value of a pool's setting in words."""
    if value is None:
        return "unlimited"
    return str(value) if setting is PoolSetting.SHARES else gib_text(value)


def rest_text(rest: Rest) -> str:
    """A host's way of resting in words."""
    return "standby" if rest is Rest.STANDBY else "maintenance mode"
