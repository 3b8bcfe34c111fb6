"""The report's fixed words: what levels, strains and bases are called, and how each is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from vsphere_market.assess import Basis, Level, Strain

#: Strain -> word and a mark that says the same without colour.
STRAINS: dict[Strain, tuple[str, str]] = {
    Strain.SWAPS: ("swaps", "✖"),
    Strain.SHORT: ("short", "▲"),
    Strain.TIGHT: ("tight", "◐"),
    Strain.CALM: ("calm", "●"),
    Strain.CLOSED: ("closed", "–"),
}
STRAIN_MEANINGS: dict[Strain, str] = {
    Strain.SWAPS: "what no balloon can free is more than there is",
    Strain.SHORT: "sold more than it has, so it balloons",
    Strain.TIGHT: "above 90 % sold",
    Strain.CALM: "room to spare",
    Strain.CLOSED: "takes no VMs",
}
LEVELS: dict[Level, tuple[str, str]] = {
    Level.HURTS: (
        "What hurts now",
        "Memory is being taken from VMs, or their guests have none left.",
    ),
    Level.RISK: (
        "What may hurt next",
        "Nothing is lost today; a failure, a restart or a little growth would change that.",
    ),
    Level.ROOM: (
        "What could be freed",
        "Memory that is bound without being used.",
    ),
}
BASES: dict[Basis, tuple[str, str]] = {
    Basis.SETTING: ("certain", "read from settings"),
    Basis.COUNTER: ("likely", "from counters of one instant; watch it for longer"),
    Basis.MODEL: ("computed", "the market's model of hosts, on counters of one instant"),
}
KINDS = {
    "migrate": "move",
    "limit": "limit",
    "hot-add": "grow",
    "resize": "resize",
    "enable-hot-add": "hot-add",
    "reservation": "reserve",
    "shares": "shares",
    "balloon-cap": "balloon cap",
    "migrate-storage": "move files",
    "stop": "stop",
    "start": "start",
    "pool-allocation": "pool",
    "suspend-host": "rest",
    "provision-host": "wake",
}


def moment(seconds: float) -> str:
    """Unix time for people, in UTC."""
    if not seconds > 0:
        return "at an unknown time"
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%d %B %Y, %H:%M UTC").lstrip("0")


def short_names(names: Sequence[str]) -> tuple[str, ...]:
    """Host names without their domain, where all are in one and stay different."""
    heads = [name.partition(".")[0] for name in names]
    domains = {name.partition(".")[2] for name in names}
    alone = len(domains) == 1 and "" not in domains and len(set(heads)) == len(names)
    # An address is no name in a domain.
    return tuple(heads) if alone and not heads[0].isdigit() else tuple(names)
