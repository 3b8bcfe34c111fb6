"""What a migration disturbs, in points."""

from __future__ import annotations

import numpy as np

from vsphere_market.market.goods import Space
from vsphere_market.market.ledger import Ledger
from vsphere_market.units import FloatArray, IndexArray


def disruption(ledger: Ledger, vms: IndexArray, hosts: IndexArray) -> FloatArray:
    """Points (vms, hosts) of moving each VM to each host, as hosts are filled now."""
    source, target = ledger.host_of[vms][:, None], hosts[None, :]
    pinned = ledger.occupied[target, Space.PINNED]
    return move_price(ledger, vms[:, None], source, target, ledger.filled[target], pinned)


def move_price(
    ledger: Ledger,
    vms: IndexArray,
    source: IndexArray,
    target: IndexArray,
    filled: FloatArray,
    pinned: FloatArray,
) -> FloatArray:
    """Points of moving VMs from hosts to hosts: MiB to copy, over the slower end's speed.

    What is copied is memory that is really there: footprint less what has been taken away. What
    of it finds nothing free on the target is dearer: others there have to give it up at once. ESXi
    then takes pages without choosing, so that it hurts as much as the target's memory is worked
    with: nothing where balloons find enough that is idle, all of it where everything is pinned.
    Priority and sensitivity multiply it all, so that who matters more is moved later.

    Args:
        ledger: the market's state.
        vms: rows of VMs; all arguments are of shapes that broadcast.
        source: rows of the hosts that they are on.
        target: rows of the hosts that they go to.
        filled: MiB that are really there on each target.
        pinned: MiB on each target that no balloon can free.
    """
    settings = ledger.settings
    speed = ledger.snapshot.hosts.vmotion_mbps
    speed = np.where(np.isnan(speed) | (speed <= 0), settings.move_speed_mbps, speed)
    slower = np.minimum(speed[source], speed[target])
    present = ledger.present[vms]
    free = np.maximum(ledger.supply.usable[target] - filled, 0.0)
    landing = np.maximum(present - free, 0.0)
    worked = (pinned + ledger.needs[vms, Space.PINNED]) / ledger.supply.usable[target]
    idle = settings.landing_from
    landing = landing * np.clip((worked - idle) / (1.0 - idle), 0.0, 1.0)
    copying = settings.move_cost * present * (settings.move_speed_mbps / slower)
    weight = ledger.rulebook.priority[vms] * ledger.rulebook.move_sensitivity[vms]
    points: FloatArray = weight * (copying + settings.landing_cost * landing + settings.move_fixed)
    return points
