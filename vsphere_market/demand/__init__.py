"""From counters to demand: footprint, working set, idle memory and their history."""

from vsphere_market.demand.estimate import (
    DemandSettings,
    estimate_demand,
    identities,
    typical_overhead,
)
from vsphere_market.demand.history import DemandHistory
from vsphere_market.demand.model import Demand

__all__ = [
    "Demand",
    "DemandHistory",
    "DemandSettings",
    "estimate_demand",
    "identities",
    "typical_overhead",
]
