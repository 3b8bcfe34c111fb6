"""An ESXi memory scheduler and a simulated vCenter, behind the same port as the real one.

Takes workload traces and an estate, gives counters as hosts would. It judges the market, so it
is written from the literature, knows nothing of prices, and is never tuned to flatter them.
``docs/design/plant.md`` tells every law, its source and what is left out.
"""

from pathlib import Path

from vsphere_market.plant.estate_file import estate_from_json, read_estate
from vsphere_market.plant.recorder import Pressure, Truth
from vsphere_market.plant.spec import ESTATE_FORMAT, EstateSpec
from vsphere_market.plant.vcenter import PlantClock, PlantVCenter
from vsphere_market.plant.world import World

#: The estate that ``vsphere-market demo`` runs on.
DEMO_ESTATE = Path(__file__).parent / "estates" / "demo.json"

__all__ = [
    "DEMO_ESTATE",
    "ESTATE_FORMAT",
    "EstateSpec",
    "PlantClock",
    "PlantVCenter",
    "Pressure",
    "Truth",
    "World",
    "estate_from_json",
    "read_estate",
]
