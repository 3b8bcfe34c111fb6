"""Licences are keys: what a host's licence does not include cannot be done there."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vsphere_market.estate import Snapshot
from vsphere_market.market.plan import Reason
from vsphere_market.port import ActionKind
from vsphere_market.units import BoolArray

#: Key of a feature in vSphere's licences -> why a host without it is refused.
FEATURES: Mapping[str, Reason] = {
    "vmotion": Reason.NO_VMOTION_LICENCE,
    "svmotion": Reason.NO_STORAGE_LICENCE,
    "hotplug": Reason.NO_HOT_ADD_LICENCE,
}
#: What actions take while a VM runs.
TAKES: Mapping[ActionKind, str] = {
    ActionKind.MIGRATE: "vmotion",
    ActionKind.MIGRATE_STORAGE: "svmotion",
    ActionKind.HOT_ADD: "hotplug",
}


def licensed(snapshot: Snapshot, feature: str) -> BoolArray:
    """(H,) hosts whose licence includes a feature, or that do not tell what theirs includes."""
    hosts = range(len(snapshot.hosts))
    return np.array([host_licensed(snapshot, host, feature) for host in hosts], dtype=np.bool_)


def host_licensed(snapshot: Snapshot, host: int, feature: str) -> bool:
    """The same of one host; of none (-1) nothing is known."""
    keys = snapshot.hosts.licence_features[host] if host >= 0 else ()
    return not keys or feature in keys
