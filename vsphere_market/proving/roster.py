"""All controllers by name, their parameters, and how users write them: ``drs:level=4:moves=10``."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from vsphere_market.demand import DemandSettings
from vsphere_market.demand.history import HOURS
from vsphere_market.errors import UsageError
from vsphere_market.market import MarketSettings
from vsphere_market.proving.controller import Circumstances, Controller, Parameters
from vsphere_market.proving.rivals.drs import Drs
from vsphere_market.proving.rivals.drs7 import Drs7
from vsphere_market.proving.rivals.hbal import Hbal
from vsphere_market.proving.rivals.none import Nothing
from vsphere_market.proving.rivals.oracle import Oracle
from vsphere_market.proving.rivals.ours import Market
from vsphere_market.proving.rivals.rightsizing import Rightsizing
from vsphere_market.proving.rivals.threshold import Threshold


@dataclass(frozen=True, slots=True)
class Entry:
    """A controller that can be named.

    Attributes:
        make: makes one for a trial.
        about: what it is, in a line.
        parameters: names it takes, with their defaults; a tuple lists the words that it takes,
            the default first.
    """

    make: Callable[[Circumstances, Parameters], Controller]
    about: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Named:
    """A controller as a user wrote it.

    Attributes:
        name: its name in the roster.
        parameters: what was given, in order of names.
    """

    name: str
    parameters: tuple[tuple[str, float | str], ...] = ()

    @property
    def label(self) -> str:
        """As it is written: name, and parameters behind colons."""
        given = (f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
                 for name, value in self.parameters)  # fmt: skip
        return ":".join((self.name, *given))


def _plain(kind: Callable[..., Controller], about: str) -> Entry:
    """An entry for a class that takes its parameters and nothing else."""
    return Entry(lambda _, given: kind(**given), about, _defaults(kind))


def _told(kind: Callable[..., Controller], about: str) -> Entry:
    """An entry for a class that is told the circumstances before its parameters."""
    defaults = {name: value for name, value in _defaults(kind).items() if name != "circumstances"}
    return Entry(lambda told, given: kind(told, **given), about, defaults)


def _defaults(kind: Callable[..., Controller]) -> dict[str, Any]:
    choices = getattr(kind, "WORDS", {})
    return {
        name: choices.get(name, item.default)
        for name, item in inspect.signature(kind).parameters.items()
    }


def _fields(*kinds: Any) -> dict[str, Any]:
    return {field.name: field.default for kind in kinds for field in dataclasses.fields(kind)}


ROSTER: Mapping[str, Entry] = {
    "none": _plain(Nothing, "ESXi by itself"),
    "threshold": _plain(Threshold, "spreading until host usage is even, the ProxLB way"),
    "drs": _plain(Drs, "DRS up to vSphere 6.7"),
    "drs7": _plain(Drs7, "VM scores, as DRS since vSphere 7"),
    "hbal": _plain(Hbal, "the balancer of Ganeti"),
    "rightsizing": _plain(Rightsizing, "sizes by a percentile of the past, no moves"),
    "oracle": _told(Oracle, "sees the next hour; a yardstick"),
    "market": Entry(
        Market, "this project", _fields(MarketSettings, DemandSettings) | {"hours": HOURS}
    ),
}


def parse(text: str) -> Named:
    """Read ``name`` or ``name:parameter=value:…``.

    Raises:
        UsageError: there is no such controller or parameter.
    """
    name, *rest = text.strip().split(":")
    entry = ROSTER.get(name)
    if entry is None:
        raise UsageError(
            f"there is no controller {name!r}", where="--controllers", cure=_near(name, ROSTER)
        )
    given: dict[str, float | str] = {}
    for part in rest:
        key, _, value = part.partition("=")
        if key not in entry.parameters:
            raise UsageError(
                f"{name} has no parameter {key!r}", where="--controllers",
                cure=_near(key, entry.parameters),
            )  # fmt: skip
        known = entry.parameters[key]
        if isinstance(known, tuple):
            if value not in known:
                raise UsageError(
                    f"{name}'s {key} is {value!r}", where="--controllers",
                    cure=f"it may be {', '.join(known)}",
                )  # fmt: skip
            given[key] = value
            continue
        try:
            given[key] = float(value)
        except ValueError:
            raise UsageError(
                f"{name}'s {key} is {value!r}, which is no number", where="--controllers",
                cure=f"write {name}:{key}={known:g}",
            ) from None  # fmt: skip
    return Named(name, tuple(sorted(given.items())))


def parse_all(text: str) -> tuple[Named, ...]:
    """Read a list of controllers with commas between.

    Raises:
        UsageError: the list is empty, names one twice, or one that is not there.
    """
    found = tuple(parse(part) for part in text.split(",") if part.strip())
    if not found:
        raise UsageError(
            "no controller is named", where="--controllers",
            cure=f"name some of {', '.join(ROSTER)}, with commas between",
        )  # fmt: skip
    twice = {named.label for named in found if found.count(named) > 1}
    if twice:
        raise UsageError(
            f"{', '.join(sorted(twice))} is named more than once", where="--controllers",
            cure="name each once",
        )  # fmt: skip
    return found


def make(named: Named, circumstances: Circumstances) -> Controller:
    """Make a controller for one trial."""
    return ROSTER[named.name].make(circumstances, dict(named.parameters))


def _near(word: str, known: Mapping[str, Any]) -> str:
    close = get_close_matches(word, known, 1)
    return f"did you mean {close[0]}?" if close else f"there are {', '.join(known) or 'none'}"
