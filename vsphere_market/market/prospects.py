"""What two hosts may gain at most when some of their VMs change sides, told without trying.

A host's cost is convex in its load, so it is never below a parabola that touches it at the present
load, and that bends no more than the cost does wherever the load can come to. Two hosts that hand
each other VMs gain at most what the two parabolas say; and because the loads of VMs add up, that is
a number for each VM and one for each two of them: all 2^n sets of n VMs come from one product of
matrices, however many columns goods have. What cannot gain by this measure need not be looked at
closer, and that is nearly everything, so that the search stays exact and takes little.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from vsphere_market.market.asking import Asking, Mark
from vsphere_market.market.curves import PlateauCurve
from vsphere_market.market.goods import Supply
from vsphere_market.units import FloatArray, IndexArray

#: Gains that bounds and costs may be wrong by, rounding being what it is: a share of the cost.
ROUNDING = 1e-9
#: More than any points: what is forbidden gains as much less.
DEAREST = 1e300
#: A parabola spans at least this share of a host's capacity, below which rounding would bend it.
LEAST_SPAN = 1e-3


def prospects(
    asking: Asking, start: Mark, choices: Sequence[IndexArray], slots: IndexArray
) -> FloatArray:
    """Points (choices, 2^n) that each set of VMs gains at most, all of it changing sides.

    What moves pay is taken off as in ``few.best_homes``; whether there is room is not looked at.
    Bit i of a set's number says whether VM i of the choice changes sides; set 0 gains nothing.

    Args:
        asking: the present state.
        start: where VMs were at first.
        choices: positions of at most n VMs each, all of them on ``slots`` now.
        slots: two hosts.
    """
    ledger, hosts = asking.ledger, asking.hosts[slots]
    many = max(len(choice) for choice in choices)
    rows = np.zeros((len(choices), many), dtype=np.int64)
    there = np.zeros(rows.shape, dtype=np.bool_)
    for at, choice in enumerate(choices):
        rows[at, : len(choice)], there[at, : len(choice)] = choice, True
    home = asking.home[rows]
    first = home == slots[0]
    other = np.where(first, slots[1], slots[0])
    # What the first host is rid of when a VM changes sides.
    rid = ledger.taken[asking.vms[rows]] * np.where(first, 1.0, -1.0)[:, :, None]
    rid[~there] = 0.0
    most = np.stack([np.maximum(rid, 0.0).sum(axis=1), np.maximum(-rid, 0.0).sum(axis=1)], axis=1)
    load = ledger.load[hosts]
    price = ledger.supply.price(load, hosts)
    stiff = _stiffness(ledger.supply, load, hosts, price, most).sum(axis=1)
    back = start.home[rows] == other
    pay = np.where(back, 0.0, start.pay[other, rows])
    pay -= np.where(start.home[rows] == home, 0.0, start.pay[home, rows])
    mutual = (rid * stiff[:, None, :]) @ rid.transpose(0, 2, 1)
    alone = rid @ (price[0] - price[1]) - pay - 0.5 * np.diagonal(mutual, axis1=1, axis2=2)
    alone[~(there & (asking.static[other, rows] | back))] = -DEAREST
    one, two = np.triu_indices(many, 1)
    gain: FloatArray = np.concatenate([alone, -mutual[:, one, two]], axis=1) @ _sets(many)
    return gain


def slack(asking: Asking, slots: IndexArray) -> float:
    """Points that count as nothing when what ``slots`` may gain is compared."""
    hosts = asking.hosts[slots]
    return ROUNDING * float(asking.ledger.supply.cost(asking.ledger.load[hosts], hosts).sum())


def _stiffness(
    supply: Supply, load: FloatArray, hosts: IndexArray, price: FloatArray, most: FloatArray
) -> FloatArray:
    """(n, hosts, K) how much costs bend at least, from ``most`` below the present load upwards.

    Prices of delays and hinges rise ever faster, so a parabola through the lowest load that can be
    bends less than the cost does anywhere above. A price with a plateau may not bend at all.

    Args:
        supply: what hosts sell.
        load: (hosts, K).
        hosts: their rows.
        price: (hosts, K) prices at ``load``.
        most: (n, hosts, K) by how much the load may fall.
    """
    stiff = np.zeros_like(most)
    for good in supply.goods:
        if isinstance(good.curve, PlateauCurve):
            continue
        cols = good.columns
        capacity = supply.capacity[hosts, cols]
        here, worth = load[:, cols], capacity * good.weight
        span = np.maximum(most[:, :, cols], LEAST_SPAN * capacity)
        fall = worth * good.curve.integral(here / capacity)
        fall = fall - worth * good.curve.integral((here - span) / capacity)
        stiff[:, :, cols] = 2.0 * np.maximum(price[:, cols] * span - fall, 0.0) / span**2
    return stiff


@lru_cache(maxsize=16)
def _sets(count: int) -> FloatArray:
    """(n + n (n - 1) / 2, 2^n) which VMs, and which two of them, are in each set of n VMs."""
    members = ((np.arange(1 << count) >> np.arange(count)[:, None]) & 1).astype(np.float64)
    both = [members[one] * members[two] for one, two in itertools.combinations(range(count), 2)]
    return np.stack([*members, *both])
