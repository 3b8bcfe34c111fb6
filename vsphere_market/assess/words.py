"""How findings say numbers."""

from __future__ import annotations

from vsphere_market.units import gib_text


def counted(number: int, thing: str, several: str = "") -> str:
    """``1 VM``, ``2,031 VMs``."""
    return f"{number:,} {thing if number == 1 else several or thing + 's'}"


def verb(number: int, one: str, several: str) -> str:
    """The form of a verb that goes with a number."""
    return one if number == 1 else several


def amount(mib: float) -> str:
    """An amount of memory for a sentence, never longer than it helps: ``1.4 TiB``."""
    if mib == 0:
        return "0"
    if abs(mib) >= 1024 * 1024:
        return f"{mib / 1024 / 1024:.1f} TiB"
    if abs(mib) >= 100 * 1024:
        return f"{mib / 1024:.0f} GiB"
    return gib_text(mib)


def per_cent(share: float) -> str:
    """A share: ``7 %``."""
    return f"{100 * share:.0f} %"


def listing(names: list[str], most: int = 3) -> str:
    """The first names of a list, and how many more there are."""
    if len(names) <= most:
        return " and ".join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else ""
    return f"{', '.join(names[:most])} and {len(names) - most:,} more"


def points(value: float) -> str:
    """Points of the potential, with as many digits as mean something."""
    for size, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if abs(value) >= size:
            return f"{value / size:,.1f} {word}"
    return f"{value:,.0f}"
