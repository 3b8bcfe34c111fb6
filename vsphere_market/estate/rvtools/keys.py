"""Who is who: several vCenters in one file, and the same VM in several sheets.

Managed object ids are unique within a vCenter only, so where a file holds more than one they are
prefixed with the beginning of its UUID. Sheets are joined by the VM's id where all have it, else
by its UUID, else by its name and host.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vsphere_market.estate.rvtools.sheet import Sheet

#: Columns that tell a VM from others, the best first.
_JOINS = (("id",), ("uuid",), ("name", "host"), ("name",))
#: Characters of a vCenter's UUID in front of ids; more where two begin alike.
_PREFIX = 8
VmKey = tuple[str, ...]


class VCenters:
    """The vCenters of a file, and the ids of what they manage."""

    def __init__(self, sheets: Mapping[str, Sheet]) -> None:
        told = {
            name: list(zip(sheet.texts("server_uuid"), sheet.texts("server"), strict=True))
            for name, sheet in sheets.items()
            if name != "vMetaData"
        }
        # A sheet may tell the server alone, and another its UUID too: they are the same vCenter.
        uuids = {server: uuid for rows in told.values() for uuid, server in rows if uuid and server}
        names: dict[str, str] = {}
        self._of: dict[str, list[str]] = {}
        for name, rows in told.items():
            self._of[name] = [uuid or uuids.get(server, server) for uuid, server in rows]
            for one, (_, server) in zip(self._of[name], rows, strict=True):
                if one and not names.get(one):
                    names[one] = server
        if len(names) == 1:  # then it is meant where nothing is told
            (only,) = names
            self._of = {name: [only] * len(rows) for name, rows in told.items()}
        self.names: Mapping[str, str] = names
        self._prefix = _prefixes(list(names))

    def of(self, sheet: str) -> Sequence[str]:
        """The vCenter of each row of a sheet, "" where it is not told."""
        return self._of.get(sheet, ())

    def moid(self, vcenter: str, told: str) -> str:
        """An id that is unique in the file."""
        return self._prefix.get(vcenter, "") + told


def _prefixes(vcenters: Sequence[str]) -> dict[str, str]:
    if len(vcenters) < 2:
        return {}
    for length in range(_PREFIX, max(map(len, vcenters)) + 1):
        short = {vcenter: vcenter[:length] for vcenter in vcenters}
        if len(set(short.values())) == len(vcenters):
            return {vcenter: f"{head}/" for vcenter, head in short.items()}
    return {vcenter: f"{at}/" for at, vcenter in enumerate(vcenters)}


def join_columns(sheets: Sequence[Sheet]) -> tuple[str, ...]:
    """The best columns that all these sheets have to tell VMs apart."""
    for columns in _JOINS:
        if all(sheet.has(*columns) for sheet in sheets):
            return columns
    return ("name",)


def vm_keys(sheet: Sheet, vcenters: VCenters, columns: Sequence[str]) -> list[VmKey]:
    """What each row of a VM sheet is joined by; an empty tuple where the row names no VM."""
    told = [sheet.texts(column) for column in columns]
    keys = zip(vcenters.of(sheet.name), *told, strict=True)
    return [key if any(key[1:]) else () for key in keys]
