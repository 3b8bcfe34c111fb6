"""Names and places: rows by managed object id, folder paths, datacenters; and values of columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from vsphere_market.adapter.bulk import Facts
from vsphere_market.units import UNLIMITED

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Rows:
    """Managed object id -> row, for each table; and the datastores' names by row."""

    vms: Mapping[str, int]
    hosts: Mapping[str, int]
    clusters: Mapping[str, int]
    pools: Mapping[str, int]
    datastores: Mapping[str, int]
    store_names: Sequence[str] = ()


class Tree:
    """Where things are in the inventory.

    Args:
        folders: folders; the root folder is not among them, since a walk starts below it.
        datacenters: datacenters.
    """

    def __init__(self, folders: Iterable[Facts], datacenters: Iterable[Facts]) -> None:
        centers = list(datacenters)
        self._centers = {one.moid for one in centers}
        self._nodes = {one.moid: one for one in (*folders, *centers)}
        self._paths: dict[str, str] = {}

    def path(self, moid: str) -> str:
        """``/DC/vm/prod`` for a folder or datacenter; "" for the root and whatever is unseen.

        Names stay escaped in a path, so that a slash in a name does not look like a step.
        """
        if moid not in self._paths:
            node = self._nodes.get(moid)
            # Set first, so that a loop in torn data ends.
            self._paths[moid] = ""
            if node is not None:
                self._paths[moid] = f"{self.path(node.get('parent', ''))}/{node.get('name', moid)}"
        return self._paths[moid]

    def datacenter(self, moid: str) -> str:
        """The name of the datacenter above a folder; "" if there is none or it is unseen."""
        seen: set[str] = set()
        while moid in self._nodes and moid not in seen:
            if moid in self._centers:
                return shown(self._nodes[moid].get("name", moid))
            seen.add(moid)
            moid = self._nodes[moid].get("parent", "")
        return ""


def shown(name: str) -> str:
    """A name as people typed it: vCenter stores ``%``, ``/`` and backslash as %25, %2f and %5c."""
    return unquote(name) if "%" in name else name


def names_of(facts: Sequence[Facts]) -> list[str]:
    """Display names; the id where vCenter gives no name."""
    return [shown(one.get("name", one.moid)) for one in facts]


def column(facts: Sequence[Facts], path: str, default: Any = NAN) -> list[Any]:
    """One property of every object, ``default`` where it was not given."""
    return [one.get(path, default) for one in facts]


def flags(facts: Sequence[Facts], path: str) -> list[bool]:
    """One yes-or-no property of every object; not given is no."""
    return [bool(one.get(path)) for one in facts]


def known(facts: Sequence[Facts], path: str, choices: Sequence[str]) -> list[str]:
    """One enumeration of every object; what is not among ``choices`` becomes the first of them."""
    return [value if (value := one.get(path)) in choices else choices[0] for one in facts]


def scaled(facts: Sequence[Facts], path: str, divisor: int) -> list[float]:
    """One amount of every object in a larger unit, rounded down; not given is NaN."""
    return [float(one.get(path, NAN) // divisor) for one in facts]


def row_refs(facts: Sequence[Facts], path: str, rows: Mapping[str, int]) -> list[list[int]]:
    """One list of references of every object as rows, without those that have none."""
    return [[rows[moid] for moid in one.get(path, ()) if moid in rows] for one in facts]


def limit_mib(limit: int | None) -> float:
    """vSphere's -1, or nothing at all, is "no limit"."""
    return UNLIMITED if limit is None or limit < 0 else float(limit)


def positive(amount: float | None) -> float:
    """An amount that vSphere writes as 0 or leaves out when there is none."""
    return float(amount) if amount is not None and amount > 0 else NAN
