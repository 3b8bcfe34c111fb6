"""From counters to demand: footprint, working set, idle memory and their history."""

from vsphere_market.demand.estimate import (
    DemandSettings,
    estimate_demand,
    held_back,
    typical_overhead,
)
from vsphere_market.demand.guests import GuestFigures, GuestSource, with_guests
from vsphere_market.demand.history import DemandHistory, identities
from vsphere_market.demand.model import Demand
from vsphere_market.demand.sizes import SizeHistory
from vsphere_market.demand.sizes_file import pack_sizes, unpack_sizes
from vsphere_market.demand.sizing import ORIGINS, Origin, SizeSettings, Sizing
from vsphere_market.demand.storage import (
    Usual,
    new_storage_history,
    remember_storage,
    usual_storage,
)

__all__ = [
    "ORIGINS",
    "Demand",
    "DemandHistory",
    "DemandSettings",
    "GuestFigures",
    "GuestSource",
    "Origin",
    "SizeHistory",
    "SizeSettings",
    "Sizing",
    "Usual",
    "estimate_demand",
    "held_back",
    "identities",
    "new_storage_history",
    "pack_sizes",
    "remember_storage",
    "typical_overhead",
    "unpack_sizes",
    "usual_storage",
    "with_guests",
]
