"""Actions and standings in words, as people read them in outcomes and errors."""

from __future__ import annotations

from vsphere_market.port import Action, ActionKind, Migrate
from vsphere_market.units import gib_text

#: What a setting is called in a sentence, and what its absence means.
_SETTINGS: dict[ActionKind, tuple[str, str]] = {
    ActionKind.LIMIT: ("memory limit", "unlimited"),
    ActionKind.RESERVATION: ("memory reservation", "none"),
    ActionKind.HOT_ADD: ("memory size", "unknown"),
    ActionKind.BALLOON_CAP: ("balloon cap", "the host's default"),
}


def setting_name(kind: ActionKind) -> str:
    """What the setting that ``kind`` changes is called, e.g. ``memory limit``."""
    return _SETTINGS[kind][0]


def setting_text(kind: ActionKind, mib: float | None) -> str:
    """A value of a setting in words; None is its absence."""
    return _SETTINGS[kind][1] if mib is None else gib_text(mib)


def describe(action: Action) -> str:
    """The action as the infinitive of a sentence, e.g. ``move web-1 from esx-1 to esx-2``."""
    if isinstance(action, Migrate):
        return f"move {action.subject.name} from {action.source.name} to {action.target.name}"
    old = setting_text(action.setting, action.from_mib)
    new = setting_text(action.setting, action.to_mib)
    return f"change {action.subject.name}'s {setting_name(action.setting)} from {old} to {new}"
