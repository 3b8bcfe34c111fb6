"""Effective settings in the words and units of documents, for tests of policies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vsphere_market.policy.documents import HOST_SETTINGS, SETTINGS
from vsphere_market.policy.rulebook import Mode, Rulebook
from vsphere_market.port import ActionKind

_PER_CENT = 0.01


@dataclass(frozen=True, slots=True)
class Effective:
    """One setting as it holds.

    Attributes:
        value: a number in the unit of its key, true or false, or a mode; None where no document
            and no default gives one.
        source: ``document#/pointer``, "" for the default.
    """

    value: float | bool | str | None
    source: str

    @property
    def document(self) -> str:
        """The document that decided it, "" for none."""
        return self.source.partition("#")[0]


_VM: Mapping[str, tuple[str, float]] = {
    **{key: place for keys in SETTINGS.values() for key, place in keys.items()},
    "utilisationPct.min": ("usage_low", _PER_CENT),
    "utilisationPct.max": ("usage_high", _PER_CENT),
    "neverGrow": ("never_grow", 1.0),
    # Not as in documents: stop and start alone are kinds of action, with their modes.
    "mayStop": ("may_stop", 1.0),
    "mayStart": ("may_start", 1.0),
}
_HOST: Mapping[str, tuple[str, float]] = {
    "reservePct": ("host_reserve", _PER_CENT),
    "exclude": ("host_excluded", 1.0),
    **{key: place for key, place in HOST_SETTINGS.items() if place[0] != "utilisation"},
}
#: What can be asked of a VM: settings of documents, and kinds of action for their modes.
VM_KEYS: tuple[str, ...] = (*_VM, *(kind.value for kind in ActionKind))
#: What can be asked of a host.
HOST_KEYS: tuple[str, ...] = tuple(_HOST)


def vm_setting(rulebook: Rulebook, row: int, key: str) -> Effective:
    """A setting of a VM; ``key`` is one of :data:`VM_KEYS`."""
    if key in _VM:
        return _setting(rulebook, row, *_VM[key])
    kind = ActionKind(key)
    sources = rulebook.sources.get(f"modes.{kind}")
    mode = Mode(int(rulebook.modes[kind][row])).name.lower()
    return Effective(mode, sources[row] if sources else "")


def host_setting(rulebook: Rulebook, row: int, key: str) -> Effective:
    """A setting of a host; ``key`` is one of :data:`HOST_KEYS`."""
    return _setting(rulebook, row, *_HOST[key])


def _setting(rulebook: Rulebook, row: int, attribute: str, factor: float) -> Effective:
    column: Any = getattr(rulebook, attribute)
    sources = rulebook.sources.get(attribute)
    source = sources[row] if sources else ""
    if column.dtype == np.bool_:
        return Effective(bool(column[row]), source)
    value = float(column[row]) / factor
    return Effective(value if math.isfinite(value) else None, source)
