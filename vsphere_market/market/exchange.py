"""Looking ahead: where VMs had better end up, found by exchanges, which no single move finds.

When no VM wants to move any more, two of different size on two hosts may still gain by changing
places. Such an exchange is no trade: half of it would raise the potential. But *on the way* from a
placement that does trade, moves can be chosen so that they end where exchanges would lead. So
this search works on a copy, and hands back homes; ``placement`` goes there by trades that each pay
for themselves, as far as such trades lead.

All exchanges are judged at once to second order: with A(v, b) the exact cost of moving v to b, and
h the slope of prices, exchanging v on a with w on b costs about

    A(v, b) + A(w, a) − Σ_k (h_ak + h_bk) t_vk t_wk,

which is one matrix product. The best partner of each VM is then judged exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vsphere_market.market.book import QuoteBook
from vsphere_market.units import BoolArray, FloatArray, IndexArray

#: Rounds of exchanges; each does as many as touch different hosts.
MAX_ROUNDS = 40
#: A round that gains less than this share of the cost is the last.
LEAST_ROUND = 5e-5
#: VMs judged at a time against all others: bounds the memory needed.
BLOCK = 256


@dataclass(slots=True, eq=False)
class Standing:
    """A copy of one cluster's state to try things on; hosts by slot, VMs by position.

    Attributes:
        book: quotes.
        load: (hosts, K) loads.
        occupied: (hosts, 3) room that is taken.
        space: (hosts, 3) room that there is.
        home: (vms,) slot of each VM.
        taken: (vms, K) what each VM takes.
        needs: (vms, 3) room that each VM needs.
        allowed: (hosts, vms) where each VM may live.
        pay: (hosts, vms) disruption of ending there, 0 where the VM was at first.
        slope: (hosts, K) rise of the price of each column per MiB or MHz.
    """

    book: QuoteBook
    load: FloatArray
    occupied: FloatArray
    space: FloatArray
    home: IndexArray
    taken: FloatArray
    needs: FloatArray
    allowed: BoolArray
    pay: FloatArray
    slope: FloatArray

    def put(self, vm: int, slot: int) -> None:
        """Move a VM."""
        here = int(self.home[vm])
        self.load[here] -= self.taken[vm]
        self.load[slot] += self.taken[vm]
        self.occupied[here] -= self.needs[vm]
        self.occupied[slot] += self.needs[vm]
        self.home[vm] = slot


def better_homes(standing: Standing, enough: float) -> IndexArray:
    """Homes (vms,) after moves and exchanges; stops when the cost has come below ``enough``.

    Changes ``standing``.
    """
    hosts, vms = standing.allowed.shape
    every, slots = np.arange(vms), np.arange(hosts)
    book = standing.book
    enter = book.enter(standing.load, slots)
    for _ in range(MAX_ROUNDS):
        cost = book.cost(standing.load, slots)
        if cost.sum() <= enough:
            break
        home = standing.home
        leave = book.leave(standing.load[home], home, every)
        # What each VM's move to each host would cost, (hosts, vms); forbidden ones are dear.
        move = enter - leave + standing.pay - standing.pay[home, every]
        move[~standing.allowed] = np.inf
        move[home, every] = 0.0
        partner, gain = _partners(standing, move)
        roomy = _roomy(standing)
        alone = np.where(roomy, -move, -np.inf)
        target = np.argmax(alone, axis=0)
        single = alone[target, every]
        changed = _carry_out(standing, np.maximum(single, gain), single >= gain, target, partner)
        if not changed:
            break
        won = float(cost.sum() - book.cost(standing.load, slots).sum())
        touched = np.array(sorted(changed))
        enter[touched] = book.enter(standing.load[touched], touched)
        if won < LEAST_ROUND * float(cost.sum()):
            break
    return standing.home


def best_exchange(standing: Standing, willing: BoolArray) -> tuple[int, int] | None:
    """The two VMs of which to change places gains most; None where no exchange gains.

    Args:
        standing: the present state; it stays.
        willing: (vms,) VMs that may be exchanged.
    """
    every, slots = np.arange(len(standing.home)), np.arange(len(standing.load))
    home = standing.home
    enter = standing.book.enter(standing.load, slots)
    leave = standing.book.leave(standing.load[home], home, every)
    move = enter - leave + standing.pay - standing.pay[home, every]
    move[~standing.allowed] = np.inf
    move[home, every] = 0.0
    move[:, ~willing] = np.inf
    partner, gain = _partners(standing, move)
    gain[~(willing & willing[partner])] = -np.inf
    best = int(np.argmax(gain)) if len(gain) else -1
    return (best, int(partner[best])) if best >= 0 and gain[best] > 0.0 else None


def _partners(standing: Standing, move: FloatArray) -> tuple[IndexArray, FloatArray]:
    """For each VM the partner to exchange with, and the exact gain; -inf where there is none."""
    home, taken = standing.home, standing.taken
    vms = len(home)
    # Where no price rises, as of surcharges on most hosts, VMs are not in each other's way.
    rising = standing.slope.any(axis=0)
    amounts = taken[:, rising]
    stiff = standing.slope[:, rising][home] * amounts
    left, right = np.hstack([stiff, amounts]), np.hstack([amounts, stiff]).T
    by_vm = np.ascontiguousarray(move.T)
    partner = np.zeros(vms, dtype=np.int64)
    for start in range(0, vms, BLOCK):
        block = slice(start, start + BLOCK)
        rough = np.take(by_vm[block], home, axis=1)
        rough += move[home[block]]
        rough -= left[block] @ right
        rough[home[block, None] == home] = np.inf
        partner[block] = np.argmin(rough, axis=1)
    here, there = home, home[partner]
    more = taken[partner] - taken
    book = standing.book
    at = np.concatenate([here, there])
    change = np.concatenate([more, -more])
    before = book.cost(standing.load, np.arange(len(standing.load)))[at]
    after = book.cost(np.maximum(standing.load[at] + change, 0.0), at)
    rise = (after - before).reshape(2, vms).sum(axis=0)
    every = np.arange(vms)
    pay = standing.pay
    rise += pay[there, every] - pay[here, every] + pay[here, partner] - pay[there, partner]
    needs = standing.needs[partner] - standing.needs
    spare = standing.space - standing.occupied
    good = ((needs <= spare[here]) | (needs <= 0)).all(axis=1)
    good &= ((-needs <= spare[there]) | (needs >= 0)).all(axis=1)
    good &= standing.allowed[there, every] & standing.allowed[here, partner] & (here != there)
    return partner, np.where(good, -rise, -np.inf)


def _roomy(standing: Standing) -> BoolArray:
    spare = standing.space - standing.occupied
    fits: BoolArray = standing.needs[None, :, 0] <= spare[:, None, 0]
    for kind in range(1, spare.shape[1]):
        fits &= standing.needs[None, :, kind] <= spare[:, None, kind]
    return fits


def _carry_out(
    standing: Standing, gain: FloatArray, alone: BoolArray, target: IndexArray, partner: IndexArray
) -> set[int]:
    """Do the best moves and exchanges that touch different hosts; which hosts changed."""
    changed: set[int] = set()
    floor = 1e-9 * max(float(np.abs(gain[np.isfinite(gain)]).max(initial=0.0)), 1e-6)
    for vm in np.argsort(-gain, kind="stable").tolist():
        if not gain[vm] > floor:
            break
        here = int(standing.home[vm])
        other = int(partner[vm])
        there = int(target[vm]) if alone[vm] else int(standing.home[other])
        if here in changed or there in changed:
            continue
        standing.put(vm, there)
        if not alone[vm]:
            standing.put(other, here)
        changed |= {here, there}
    return changed
