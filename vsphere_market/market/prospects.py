"""What two hosts may gain when some of their VMs change sides, looking closely at hardly anything.

A host's cost is convex in its load, so it is never below a parabola that touches it at the present
load, and that bends no more than the cost does wherever the load can come to. Two hosts that hand
each other VMs gain at most what the two parabolas say; and because the loads of VMs add up, that is
a number for each VM and one for each two of them: all 2^n sets of n VMs come from one product of
matrices, however many columns goods have. What cannot gain by this measure, or not as much as what
has been found, need not be looked at closer, and that is nearly everything: the search stays exact
and takes little.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from vsphere_market.market.asking import Asking, Mark
from vsphere_market.market.curves import PlateauCurve
from vsphere_market.market.eligibility import SLACK_MIB
from vsphere_market.market.few import best_of_two
from vsphere_market.market.goods import Supply
from vsphere_market.units import FloatArray, IndexArray

#: Sums of so many points may be wrong by this share of the hosts' cost.
ROUNDING = 1e-9
#: More than any points: what is forbidden gains as much less.
DEAREST = 1e300
#: A parabola spans at least this share of a host's capacity, below which rounding would bend it.
LEAST_SPAN = 1e-3
#: So many choices are multiplied out at a time.
AT_ONCE = 4
#: So many sets are looked at closely at first; each time that is not enough, four times as many.
FIRST_LOOK = 8


class Prospects:
    """What choices of VMs may gain on two hosts. A set of a choice is those that change sides.

    Bit i of its number says whether VM i of the choice does; set 0 leaves everything as it is.

    Args:
        asking: the present state.
        start: where VMs were at first.
        choices: positions of a few VMs each, all of them on ``slots`` now and under no rule.
        slots: two hosts.

    Attributes:
        gain: (choices, 2^n) points that each set gains at most, less what its moves pay; whether
            there is room is not looked at. n is the size of the largest choice.
        slack: points that count as nothing when gains are compared.
        promising: which choices may gain.
    """

    def __init__(
        self, asking: Asking, start: Mark, choices: Sequence[IndexArray], slots: IndexArray
    ) -> None:
        self._asking, self._start, self._choices, self._slots = asking, start, choices, slots
        ledger, hosts = asking.ledger, asking.hosts[slots]
        many = max(len(choice) for choice in choices)
        rows = np.zeros((len(choices), many), dtype=np.int64)
        there = np.zeros(rows.shape, dtype=np.bool_)
        for at, choice in enumerate(choices):
            rows[at, : len(choice)], there[at, : len(choice)] = choice, True
        home = asking.home[rows]
        self._first = home == slots[0]
        other = np.where(self._first, slots[1], slots[0])
        # What the first host is rid of when a VM changes sides.
        sign = np.where(self._first, 1.0, -1.0)[:, :, None] * there[:, :, None]
        self._rid = rid = ledger.taken[asking.vms[rows]] * sign
        self._freed = ledger.needs[asking.vms[rows]] * sign
        down, up = np.maximum(rid, 0.0).sum(axis=1), np.maximum(-rid, 0.0).sum(axis=1)
        self._load = load = ledger.load[hosts]
        price = ledger.supply.price(load, hosts)
        stiff = _stiffness(ledger.supply, load, hosts, price, np.stack([down, up], axis=1))
        back = start.home[rows] == other
        self._pay = np.where(back, 0.0, start.pay[other, rows])
        self._pay -= np.where(start.home[rows] == home, 0.0, start.pay[home, rows])
        mutual = (rid * stiff.sum(axis=1)[:, None, :]) @ rid.transpose(0, 2, 1)
        alone = rid @ (price[0] - price[1]) - self._pay
        alone -= 0.5 * np.diagonal(mutual, axis1=1, axis2=2)
        alone[~(there & (asking.static[other, rows] | back))] = -DEAREST
        one, two = np.triu_indices(many, 1)
        self._members, both = _sets(many)
        each = np.concatenate([alone, -mutual[:, one, two]], axis=1)
        # A few at a time: larger products are not worth the threads that BLAS wakes for them.
        parts = [each[begin : begin + AT_ONCE] @ both for begin in range(0, len(each), AT_ONCE)]
        self.gain: FloatArray = np.concatenate(parts)
        self._cost = float(asking.book.cost(np.maximum(load, 0.0), slots).sum())
        self.slack = ROUNDING * self._cost
        self.promising: list[int] = np.flatnonzero(
            self.gain[:, 1:].max(axis=1) > -self.slack
        ).tolist()

    def best_homes(self, at: int) -> IndexArray:
        """Slots (n,) at which the VMs of choice ``at`` live best: as ``few.best_homes`` says."""
        gain, slack = self.gain[at], self.slack
        sets = np.flatnonzero(gain > -slack)
        sets = sets[np.argsort(-gain[sets], kind="stable")]
        truly = np.full(len(sets), -np.inf)
        best, seen, more = 0.0, 0, FIRST_LOOK
        # None of the others gains more than the first of them may.
        while seen < len(sets) and gain[sets[seen]] >= best - slack:
            part = slice(seen, seen + more)
            truly[part] = self._gains(at, sets[part])
            best = max(best, float(truly[part].max()))
            seen, more = seen + more, 4 * more
        near = sets[truly >= best - slack]
        rows, first = self._choices[at], self._first[at, : len(self._choices[at])]
        if len(near) > 1:
            # Too near to each other for this: summed as in the search that looks at all.
            stay = int((1 << np.flatnonzero(first)).sum())
            firsts = np.sort(stay ^ near)
            return best_of_two(self._asking, self._start, rows, self._slots, firsts)
        change = self._members[near[0], : len(rows)] > 0.0
        homes: IndexArray = np.where(first ^ change, self._slots[0], self._slots[1])
        return homes

    def _gains(self, at: int, sets: IndexArray) -> FloatArray:
        """Points (m,) that sets of choice ``at`` gain; -inf where there is no room."""
        asking, slots, first = self._asking, self._slots, self._first[at]
        ledger, hosts = asking.ledger, asking.hosts[slots]
        members = self._members[sets]
        rid, freed = members @ self._rid[at], members @ self._freed[at]
        load = np.concatenate([self._load[0] - rid, self._load[1] + rid])
        cost = asking.book.cost(np.maximum(load, 0.0), np.repeat(slots, len(sets)))
        gain = self._cost - cost[: len(sets)] - cost[len(sets) :] - members @ self._pay[at]
        spare = ledger.ceiling[hosts] + SLACK_MIB - ledger.occupied[hosts]
        # A host that is over-full already may keep what it has.
        fits = (-freed <= spare[0]).all(axis=1) | (members @ ~first == 0.0)
        fits &= (freed <= spare[1]).all(axis=1) | (members @ first == 0.0)
        points: FloatArray = np.where(fits, gain, -np.inf)
        return points


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
        cols = good.columns
        # What is free now is free below, too: most hosts ask nothing for what is surcharged.
        if isinstance(good.curve, PlateauCurve) or not price[:, cols].any():
            continue
        capacity = supply.capacity[hosts, cols]
        here, worth = load[:, cols], capacity * good.weight
        span = np.maximum(most[:, :, cols], LEAST_SPAN * capacity)
        fall = worth * good.curve.integral(here / capacity)
        fall = fall - worth * good.curve.integral((here - span) / capacity)
        stiff[:, :, cols] = 2.0 * np.maximum(price[:, cols] * span - fall, 0.0) / span**2
    return stiff


@lru_cache(maxsize=16)
def _sets(count: int) -> tuple[FloatArray, FloatArray]:
    """All sets of n VMs: (2^n, n) which VMs are in them, and (n + n (n - 1) / 2, 2^n) which two."""
    members = ((np.arange(1 << count) >> np.arange(count)[:, None]) & 1).astype(np.float64)
    both = [members[one] * members[two] for one, two in itertools.combinations(range(count), 2)]
    return np.ascontiguousarray(members.T), np.stack([*members, *both])
