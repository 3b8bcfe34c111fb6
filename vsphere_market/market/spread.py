"""The cheapest way to spread goods over hosts if every good could be cut and placed by itself.

This relaxation forgets that a VM takes all its goods on one host, and which VM is which among those
that may live on the same hosts. For each column the loads that cost least then have one price on
all hosts that are filled, and a higher one on those whose immovable load alone is dearer already:
water finding its level in vessels that are partly filled. Real placements have many VMs of
different mixes, and come close to it. VMs that may live on different sets of hosts are poured one
set after the other, again and again until levels settle.
"""

from __future__ import annotations

import numpy as np

from vsphere_market.market.goods import Supply
from vsphere_market.units import BoolArray, FloatArray, IndexArray

#: Sweeps over the sets of hosts, and the change of level that ends them.
MAX_SWEEPS = 30
SETTLED = 1e-6
#: More sets than this are not told apart: their VMs are poured over all hosts that any may use.
MAX_SETS = 32


def spread(
    supply: Supply,
    hosts: IndexArray,
    fixed: FloatArray,
    taken: FloatArray,
    allowed: BoolArray,
) -> FloatArray:
    """Loads (hosts, K) that would cost least.

    Every column has one curve in load over capacity on all hosts, so one price is one level.

    Args:
        supply: what hosts sell.
        hosts: rows of hosts.
        fixed: (hosts, K) load that stays where it is.
        taken: (vms, K) what each VM takes.
        allowed: (vms, hosts) where each may live; at least one host each.
    """
    capacity = supply.capacity[hosts]
    sets, which = _sets(allowed)
    mobile = np.zeros((len(sets), taken.shape[1]))
    np.add.at(mobile, which, taken)
    poured = np.zeros((len(sets), *capacity.shape))
    load: FloatArray = fixed.copy()
    for _ in range(MAX_SWEEPS):
        before = load.copy()
        for at, among in enumerate(sets):
            load -= poured[at]
            poured[at] = 0.0
            poured[at][among] = _pour(capacity[among], load[among], mobile[at])
            load += poured[at]
        if len(sets) == 1 or float((np.abs(load - before) / capacity).max()) <= SETTLED:
            break
    return load


def _sets(allowed: BoolArray) -> tuple[BoolArray, IndexArray]:
    """The different sets of hosts (sets, hosts), and which (vms,) is each VM's."""
    if (allowed == allowed[:1]).all():
        return allowed[:1], np.zeros(len(allowed), dtype=np.int64)
    packed = np.packbits(allowed, axis=1)
    _, first, which = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    if len(first) > MAX_SETS:
        together: BoolArray = np.atleast_2d(allowed.any(axis=0))
        return together, np.zeros(len(allowed), dtype=np.int64)
    return allowed[first], which.reshape(-1)


def _pour(capacity: FloatArray, filled: FloatArray, amount: FloatArray) -> FloatArray:
    """Water ``amount`` (K,) in vessels ``capacity`` (n, K) that hold ``filled`` (n, K) already."""
    order = np.argsort(filled / capacity, axis=0)
    held = np.cumsum(np.take_along_axis(filled, order, axis=0), axis=0)
    room = np.cumsum(np.take_along_axis(capacity, order, axis=0), axis=0)
    # Each vessel that is wetted lowers the level, and one that is too high would raise it.
    level = ((amount + held) / room).min(axis=0)
    water: FloatArray = np.maximum(level * capacity - filled, 0.0)
    return water
