"""What a placement leaves that is there from the first instant, without one byte copied.

The same estate once more with nobody in charge, its VMs being where a controller had brought them
at the end of its trial. Nobody's moves are that quick, so where this leaves more than half of the
best rival's pain, nobody can halve it by placement: it is in the memory that was swapped out before
anybody could act and has to be fetched back, and in how much is wanted altogether. It is no strict
bound, for another placement may be better than that controller's last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vsphere_market.plant import PlantVCenter
from vsphere_market.proving.backtest import spread
from vsphere_market.proving.compare import Comparison
from vsphere_market.proving.jobs import estate_of
from vsphere_market.proving.shift import shifted
from vsphere_market.proving.trial import watched


def beamed(what: Comparison, trial: Mapping[str, Any]) -> float:
    """VM-hours of pain when a trial's last placement is there from the beginning.

    Args:
        what: the comparison that the trial is of; without policies, so that all VMs weigh the same.
        trial: a result with its deeds.
    """
    seed = int(trial["seed"])
    spec = shifted(estate_of(what.estate, what.traces)[0], seed)
    plant = PlantVCenter(spec, np.random.default_rng(seed))
    watched(plant, None, 3600.0 * what.watched_h)
    world = plant.world
    vms = {vm.name: row for row, vm in enumerate(world.inventory.vms)}
    hosts = {host.name: row for row, host in enumerate(world.inventory.hosts)}
    for deed in sorted(trial["deeds"], key=lambda deed: float(deed["ended_s"])):
        if deed["kind"] == "migrate" and "why" not in deed:
            world.fleet.host[vms[deed["vm"]]] = hosts[deed["to"]]
    world.reconfigured()
    plant.clock.sleep(3600.0 * what.hours)
    return float(plant.truth.stall_s.sum()) / 3600.0


def all_beamed(
    wanted: Sequence[tuple[Comparison, Mapping[str, Any]]], workers: int | None = None
) -> list[float]:
    """:func:`beamed` of many trials, each with its comparison, in processes."""
    found = dict(spread(beamed, dict(enumerate(wanted)), workers))
    return [found[at] for at in range(len(wanted))]
