"""What a move must save to be made: more than it disturbs, and more than noise.

Counters are noisy: a host must be cheaper by a share of what staying costs, too, and by more of it
while little is remembered (``Ledger.discount``).

A VM is *content* where its leaving would free no more a MiB than a comfortable host asks
(``Ledger.comfort``, higher while little is remembered), nothing is surcharged, as ballooning and
swapping are, and it breaks no rule: however empty another host is, nobody would notice what it
saves there, and the copying would be noticed. A content VM goes nowhere for its own sake. It still
moves where another's trade or a host that is to be emptied wants it.
"""

from __future__ import annotations

import numpy as np

from vsphere_market.market.curves import DelayCurve
from vsphere_market.market.ledger import Ledger
from vsphere_market.units import BoolArray, FloatArray, IndexArray


def hurdle(ledger: Ledger, here: FloatArray, pay: FloatArray) -> FloatArray:
    """Points that moves must save, of any shape; both arguments broadcast.

    Args:
        ledger: for its discount.
        here: what staying costs.
        pay: what moving disturbs.
    """
    points: FloatArray = np.maximum(pay, ledger.discount * np.maximum(here, 0.0))
    return points


def pressed(ledger: Ledger, load: FloatArray, hosts: IndexArray) -> BoolArray:
    """(n,) hosts ``hosts`` that ask a surcharge for some good at loads (n, K)."""
    supply = ledger.supply
    found: BoolArray = np.zeros(len(hosts), dtype=np.bool_)
    for good in supply.goods:
        if not isinstance(good.curve, DelayCurve):
            most = good.curve.start * supply.capacity[hosts, good.columns]
            found |= (load[:, good.columns] > most).any(axis=1)
    return found


def comfort_points(ledger: Ledger, vms: IndexArray) -> FloatArray:
    """(n,) points that leaving frees at most, of VMs ``vms`` where they are content."""
    memory = ledger.supply.goods[0]
    amounts: FloatArray = ledger.taken[vms][:, memory.columns] @ memory.weight
    return ledger.comfort * amounts


def content(
    leaving: FloatArray, comfort: FloatArray, hot: BoolArray, rule_points: FloatArray | float = 0.0
) -> BoolArray:
    """(n,) VMs that look for nothing else.

    Args:
        leaving: points that each VM's leaving frees on its host.
        comfort: :func:`comfort_points`.
        hot: whether its host is :func:`pressed`.
        rule_points: of soft rules that it breaks where it is.
    """
    found: BoolArray = (leaving <= comfort) & ~hot & (np.asarray(rule_points) <= 0.0)
    return found
