"""From counters to demand: footprint, working set, idle memory and their history."""

from vsphere_market.demand.estimate import (
    DemandSettings,
    estimate_demand,
    identities,
    typical_overhead,
)
from vsphere_market.demand.guests import GuestFigures, GuestSource, with_guests
from vsphere_market.demand.history import DemandHistory
from vsphere_market.demand.model import Demand
from vsphere_market.demand.sizes import SizeHistory
from vsphere_market.demand.sizes_file import pack_sizes, unpack_sizes
from vsphere_market.demand.sizing import ORIGINS, Origin, SizeSettings, Sizing

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
    "estimate_demand",
    "identities",
    "pack_sizes",
    "typical_overhead",
    "unpack_sizes",
    "with_guests",
]
