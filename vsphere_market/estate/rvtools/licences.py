"""Licences of hosts: vHost says which each has, vLicense what each includes.

A licence rules something out, so it is believed only where it is understood: the features of every
licence that a host names are listed, and at least one of each list is a feature that is known here,
by its key or its English name. Otherwise, and in evaluation, nothing is ruled out. Serial numbers
are secrets and go into no snapshot.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vsphere_market.estate.rvtools.keys import VCenters
from vsphere_market.estate.rvtools.sheet import Sheet

#: vSphere's keys of features -> the names that it shows for them, "" where it has had several.
FEATURES: Mapping[str, tuple[str, ...]] = {
    "vmotion": ("vsphere vmotion", "vmotion"),
    "svmotion": ("vsphere storage vmotion", "storage vmotion"),
    "xswitchvmotion": ("x-switch vmotion", "cross switch vmotion"),
    "hotplug": ("hot-pluggable virtual hw", "hot-pluggable virtual hardware"),
    "vsmp": ("unlimited virtual smp", "virtual smp"),
    "h264remote": ("h.264 for remote console connections",),
    "esxhost": ("vcenter agent for vmware host",),
    "vimapi": ("vsphere api",),
    "vstorage": ("storage apis",),
    "das": ("vsphere ha", "vmware ha"),
    "drs": ("vsphere drs", "vmware drs"),
    "dvs": ("vsphere distributed switch",),
    "ft": ("vsphere ft", "fault tolerance"),
    "replication": ("vsphere replication",),
    "hostprofile": ("vsphere host profiles", "host profiles"),
    "vvolumes": ("virtual volumes",),
    "mpio": ("mpio / third-party multi-pathing",),
    "vaai": ("vsphere storage apis for array integration",),
    "spbm": ("storage-policy based management",),
    "sriov": ("sr-iov",),
}
_KEY_OF = {name: key for key, names in FEATURES.items() for name in (key, *names)}
_SERIAL = re.compile(r"\b[0-9A-Z]{5}(?:-[0-9A-Z*]{5}){4}\b", re.IGNORECASE)
_EVALUATION = re.compile(r"\beval", re.IGNORECASE)
#: What separates features, and licences, in one cell.
_BETWEEN = re.compile(r"[,;\n]")


@dataclass(slots=True)
class Licences:
    """What vLicense says.

    Attributes:
        features: (vCenter, licence's name or serial number) -> keys; None where the list is not
            understood. Folded.
        names: (vCenter, serial number) -> name.
    """

    features: dict[tuple[str, str], frozenset[str] | None] = field(default_factory=dict)
    names: dict[tuple[str, str], str] = field(default_factory=dict)

    def of_host(self, vcenter: str, assigned: str) -> tuple[str, tuple[str, ...]]:
        """Name of a host's licence, and the keys of what it includes; () where that is not told.

        Args:
            vcenter: of the host.
            assigned: the cell of vHost: names or serial numbers of one licence or several.
        """
        whole = _folded(assigned)
        if not whole:
            return "", ()
        # A name may have commas in it, so it is tried as it stands first.
        asked = [assigned] if (vcenter, whole) in self.features else _BETWEEN.split(assigned)
        asked = [one.strip() for one in asked if one.strip()]
        name = ", ".join(filter(None, (self._name(vcenter, one) for one in asked)))
        told = [self._told(vcenter, one) for one in asked]
        if any(_EVALUATION.search(one) for one in asked):
            return name, ()
        keys: set[str] = set()
        for one in told:
            if one is None:
                return name, ()
            keys |= one
        return name, tuple(sorted(keys))

    def _told(self, vcenter: str, asked: str) -> frozenset[str] | None:
        serial = _SERIAL.search(asked)
        bare = _folded(_SERIAL.sub("", asked).strip(" ()[]-:"))
        for key in (serial[0] if serial else "", asked, bare):
            found = self.features.get((vcenter, _folded(key)))
            if key and found is not None:
                return found
        return None

    def _name(self, vcenter: str, asked: str) -> str:
        serial = _SERIAL.search(asked)
        if serial and (name := self.names.get((vcenter, _folded(serial[0])))):
            return name
        return _SERIAL.sub("", asked).strip(" ()[]-:")


def licences_of(sheets: Mapping[str, Sheet], vcenters: VCenters) -> Licences:
    """Read vLicense; nothing where it is not there."""
    found = Licences()
    sheet = sheets.get("vLicense")
    if sheet is None:
        return found
    told = zip(
        vcenters.of("vLicense"),
        sheet.texts("name"),
        sheet.texts("key"),
        sheet.texts("features"),
        strict=True,
    )
    for vcenter, name, serial, text in told:
        keys = _understood(_BETWEEN.split(text))
        for called in filter(None, (name, serial)):
            place = vcenter, _folded(called)
            before = found.features.get(place, frozenset())
            # Two of one name: what either has may be what the host has.
            found.features[place] = None if before is None or keys is None else before | keys
        if name and serial:
            found.names[vcenter, _folded(serial)] = name
    return found


def _understood(told: Sequence[str]) -> frozenset[str] | None:
    """Keys of listed features, those that are not known here as they stand; None if none is."""
    keys = set()
    known = False
    for one in told:
        folded = _folded(one)
        # ``vsmp:0``, ``vSphere FT (up to 4 virtual CPUs)``: numbers and remarks tell no feature.
        bare = re.sub(r"\s*\(.*?\)|:.*", "", folded).strip()
        if not bare:
            continue
        key = _KEY_OF.get(bare)
        known |= key is not None
        keys.add(key or bare)
    return frozenset(keys) if known else None


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
