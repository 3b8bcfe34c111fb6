"""Actions in a few words, for tables, lists and notes; sentences are the executor's."""

from __future__ import annotations

from typing import assert_never

from vsphere_market.port.actions import (
    Action,
    ApplyRecommendation,
    EnableHotAdd,
    Migrate,
    MigrateStorage,
    PoolSetting,
    ProvisionHost,
    SetMemory,
    SetPool,
    SetShares,
    Start,
    Stop,
    SuspendHost,
)
from vsphere_market.units import gib_text

_WHAT = {
    "limit": "limit",
    "reservation": "reservation",
    "hot-add": "size",
    "resize": "size",
    "balloon-cap": "balloon cap",
}
_ABSENT = {
    "limit": "none",
    "balloon-cap": "default",
    "reservation": "none",
    "pool-allocation": "none",
}


def absent_word(kind: str) -> str:
    """What an absent value of a setting means."""
    return _ABSENT.get(kind, "–")


def action_ends(action: Action) -> tuple[str, str]:
    """What an action changes from and to, in words."""
    absent = absent_word(action.kind.value)

    def amounts(before: int | None, after: int | None) -> tuple[str, str]:
        ends = [absent if end is None else gib_text(float(end)) for end in (before, after)]
        return ends[0], ends[1]

    match action:
        case Migrate() | MigrateStorage():
            return action.source.name, action.target.name
        case SetMemory():
            return amounts(action.from_mib, action.to_mib)
        case SetPool():
            if action.setting is PoolSetting.SHARES:
                return str(action.before), str(action.after)
            return amounts(action.before, action.after)
        case SetShares():
            return str(action.from_shares), str(action.to_shares)
        case EnableHotAdd():
            return "disabled", "enabled"
        case Stop():
            return "on", "off"
        case Start():
            return "off", f"on {action.host.name}" if action.host else "on"
        case SuspendHost():
            return "in service", action.rest.value
        case ProvisionHost():
            return action.rest.value, "in service"
        case ApplyRecommendation():
            return "recommended", "applied"
        case _:
            assert_never(action)


def action_text(action: Action) -> str:
    """An action in a few words: ``move web-1: esx-1 → esx-2``."""
    before, after = action_ends(action)
    name = action.subject.name
    match action:
        case Migrate():
            return f"move {name}: {before} → {after}"
        case MigrateStorage():
            return f"move files of {name}: {before} → {after}"
        case SetMemory():
            return f"{_WHAT[action.setting.value]} of {name}: {before} → {after}"
        case SetShares():
            return f"shares of {name}: {before} → {after}"
        case EnableHotAdd():
            return f"hot-add of {name}: {before} → {after}"
        case Stop():
            return f"{'power off' if action.hard else 'shut down'} {name}"
        case Start():
            return f"start {name}" + (f" on {action.host.name}" if action.host else "")
        case SetPool():
            return f"{action.setting.value} of pool {name}: {before} → {after}"
        case SuspendHost() | ProvisionHost():
            return f"host {name}: {before} → {after}"
        case ApplyRecommendation():
            return f"DRS recommendation {action.key} of {name}"
        case _:
            assert_never(action)
