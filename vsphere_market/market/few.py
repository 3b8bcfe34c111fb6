"""A few VMs on a few hosts: where they live best, exactly.

The potential of a host depends on the set of VMs on it, so the best placement is a partition of the
VMs into one set per host, each with its exact cost, dearer prices for what must be copied included.
With n VMs there are 2^n sets for a host, and the best partition over one host more follows from the
best over the hosts before it: 3^n additions. That is quick up to a dozen VMs, whatever the curves.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from vsphere_market.market.asking import Asking, Mark
from vsphere_market.market.eligibility import SLACK_MIB
from vsphere_market.units import BoolArray, FloatArray, IndexArray

#: So many VMs at once: sets double with each of them.
MOST_VMS = 10


def best_homes(asking: Asking, start: Mark, rows: IndexArray, slots: IndexArray) -> IndexArray:
    """Slots (n,) at which VMs ``rows`` live best on hosts ``slots``, all others staying.

    Rules are not looked at: VMs that have any must not be among ``rows``. What ends elsewhere than
    in ``start`` pays for the move from there. Room is kept at the end, not on the way.

    Args:
        asking: the present state.
        start: where VMs were at first.
        rows: positions of at most :data:`MOST_VMS` VMs, all of them on ``slots`` now.
        slots: at least two hosts.
    """
    costs = np.stack([_costs(asking, start, rows, int(slot)) for slot in slots])
    everyone = costs.shape[1] - 1
    if len(slots) == 2:
        first = int(np.argmin(costs[0] + costs[1][::-1]))
        chosen = [first, everyone ^ first]
    else:
        chosen = _partition(costs)
    homes = asking.home[rows].copy()
    for slot, members in zip(slots.tolist(), chosen, strict=True):
        homes[(members >> np.arange(len(rows))) & 1 > 0] = slot
    return homes


def best_of_two(
    asking: Asking, start: Mark, rows: IndexArray, slots: IndexArray, firsts: IndexArray
) -> IndexArray:
    """The same as :func:`best_homes` on two hosts, if the best is one of some sets of the VMs.

    Args:
        asking: the present state.
        start: where VMs were at first.
        rows: positions of the VMs.
        slots: two hosts.
        firsts: (m,) numbers of the sets that may be on the first of them, in ascending order.
    """
    everyone = (1 << len(rows)) - 1
    cost = _costs(asking, start, rows, int(slots[0]), firsts)
    cost += _costs(asking, start, rows, int(slots[1]), everyone ^ firsts)
    first: BoolArray = (firsts[np.argmin(cost)] >> np.arange(len(rows))) & 1 > 0
    homes: IndexArray = np.where(first, slots[0], slots[1])
    return homes


def _costs(
    asking: Asking, start: Mark, rows: IndexArray, slot: int, sets: IndexArray | None = None
) -> FloatArray:
    """Points (m,) of a host with each of some sets of the VMs; +inf where a set cannot be there.

    Args:
        asking: the present state.
        start: where VMs were at first.
        rows: positions of the VMs.
        slot: the host.
        sets: (m,) their numbers; None for all 2^n.
    """
    ledger, host = asking.ledger, int(asking.hosts[slot])
    vms = asking.vms[rows]
    here = asking.home[rows] == slot
    taken, needs = ledger.taken[vms], ledger.needs[vms]
    fixed = np.maximum(ledger.load[host] - taken[here].sum(axis=0), 0.0)
    at_home = start.home[rows] == slot
    pay = np.where(at_home, 0.0, start.pay[slot, rows])
    cost = ledger.supply.cost(_sums(fixed, taken, sets), host)
    cost += _sums(np.zeros(1), pay[:, None], sets)[:, 0]
    room = _sums(ledger.occupied[host] - needs[here].sum(axis=0), needs, sets)
    numbers = np.arange(len(cost)) if sets is None else sets
    fits = (room <= ledger.ceiling[host] + SLACK_MIB).all(axis=1)
    # A host that is over-full already may keep what it has.
    fits |= numbers & _number(~here) == 0
    fits &= numbers & _number(~(asking.static[slot, rows] | here | at_home)) == 0
    points: FloatArray = np.where(fits, cost, np.inf)
    return points


def _sums(fixed: FloatArray, taken: FloatArray, sets: IndexArray | None) -> FloatArray:
    """(m, K) what sets of n VMs take (n, K), all 2^n or some, on top of what is fixed (K,)."""
    if sets is not None:
        sums = np.repeat(fixed[None, :], len(sets), axis=0)
        for at, amount in enumerate(taken):
            # In the order in which all of them would be summed: equal to the last digit.
            sums[(sets >> at) & 1 > 0] += amount
        return sums
    sums = np.empty((1 << len(taken), taken.shape[1]))
    sums[0] = fixed
    for at, amount in enumerate(taken):
        half = 1 << at
        np.add(sums[:half], amount, out=sums[half : 2 * half])
    return sums


def _number(members: BoolArray) -> int:
    """The number of a set: bit i says whether VM i is in it."""
    return int((1 << np.flatnonzero(members)).sum())


def _partition(costs: FloatArray) -> list[int]:
    """Which set each host gets, (hosts, 2^n) costs given; sets are numbered by their bits."""
    whole, part, begins = _splits(costs.shape[1].bit_length() - 1)
    best = [costs[0]]
    for cost in costs[1:]:
        best.append(np.minimum.reduceat(cost[part] + best[-1][whole ^ part], begins))
    left = costs.shape[1] - 1
    chosen = []
    for at in range(len(costs) - 1, 0, -1):
        mine = slice(begins[left], begins[left + 1] if left + 1 < len(begins) else None)
        parts = part[mine]
        taken = int(parts[np.argmin(costs[at][parts] + best[at - 1][left ^ parts])])
        chosen.append(taken)
        left ^= taken
    return [left, *reversed(chosen)]


@lru_cache(maxsize=4)
def _splits(count: int) -> tuple[IndexArray, IndexArray, IndexArray]:
    """All pairs (3^n,) of a set and a part of it, by set, and where each set's pairs begin."""
    digits = (np.arange(3**count)[:, None] // 3 ** np.arange(count)) % 3
    bits = 1 << np.arange(count)
    whole, part = (digits > 0) @ bits, (digits == 2) @ bits
    order = np.argsort(whole, kind="stable")
    whole, part = whole[order], part[order]
    begins = np.searchsorted(whole, np.arange(1 << count))
    return whole, part, begins
