"""What would have to change for a decision to flip, a no to a yes or the other way, by how little.

Each lever is pulled on the ledger itself, further and further, until the engine's own offer is
accepted, or is not any more; then the least pull is found by halving. Nothing is estimated: at the
figure that is named the decision flips, and just before it does not.
``tests/property/test_flips.py`` holds it to that.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from vsphere_market.market.eligibility import ROOM_REASONS, Eligibility
from vsphere_market.market.engine import Question, move_worth
from vsphere_market.market.offers import Offer, neighbours, offer_of
from vsphere_market.market.plan import Reason
from vsphere_market.market.quotes import price_at
from vsphere_market.market.trades import Move
from vsphere_market.port import ActionKind

#: Pulls are found to this share of themselves, or to a MiB.
_PRECISION = 1e-3
#: Pulls that are tried before the least is looked for: shares of the VM's working set, …
_WANTS = tuple(1.15**step for step in range(1, 16))
#: … and of what a host has for sale.
_LOADS = tuple(2.0**-step for step in range(10, -1, -1))


class Lever(StrEnum):
    """What might change. :data:`LEVER_WORDS` has the words."""

    WORKING_SET = "working-set"
    PRICE = "price"
    DISRUPTION = "disruption"
    LIMIT = "limit"
    ROOM = "room"


LEVER_WORDS: dict[Lever, str] = {
    Lever.WORKING_SET: "working set of the VM",
    Lever.PRICE: "price of memory on its host",
    Lever.DISRUPTION: "what doing it would cost",
    Lever.LIMIT: "memory limit of the VM",
    Lever.ROOM: "room on the cheapest host that has none",
}


@dataclass(frozen=True, slots=True)
class Flip:
    """The smallest change of one lever that makes a refused action worth it, or the other way.

    Attributes:
        kind: of the action.
        lever: what would have to change.
        now: as it is.
        needed: as it would have to be.
        unit: of both: ``MiB``, ``points/MiB`` or ``points``.
        taken: the action is worth it now, and would not be any more.
    """

    kind: ActionKind
    lever: Lever
    now: float
    needed: float
    unit: str
    taken: bool = False

    @property
    def relative(self) -> float:
        """The change as a share of what is now; infinite where that is nothing, or no limit."""
        change = abs(self.needed - self.now)
        return change / abs(self.now) if 0 < abs(self.now) < np.inf else np.inf


def flips(question: Question, row: int, kind: ActionKind) -> tuple[Flip, ...]:
    """What would flip the decision on an action for the VM in that row, the least change first.

    Empty when nothing here would: what policy forbids, no price allows, and what mends a mandatory
    rule is done at any.
    """
    scale = _Scale(question, row, kind)
    offer = scale.offer()
    if int(scale.ledger.host_of[row]) < 0:
        return ()
    found = [
        flip
        for flip in (
            scale.disruption(offer),
            scale.room(offer),
            scale.price(),
            scale.working_set(),
            scale.limit(),
        )
        if flip is not None
    ]
    found = [dataclasses.replace(flip, taken=scale.taken) for flip in found]
    found.sort(key=lambda flip: flip.relative)
    return tuple(found)


class _Scale:
    """A ledger of its own on which levers are pulled and let go."""

    def __init__(self, question: Question, row: int, kind: ActionKind) -> None:
        self.question, self.row, self.kind = question, row, kind
        self.ledger = question.ledger()
        demand = self.ledger.demand
        # Columns of the VM are written to below; the question's own stay as they are.
        self.ledger.demand = dataclasses.replace(
            demand,
            curve=demand.curve.copy(),
            wanted=demand.wanted.copy(),
            lacking=demand.lacking.copy(),
            taken=demand.taken.copy(),
            footprint=demand.footprint.copy(),
        )
        self.eligibility = Eligibility(self.ledger, question.cooling)
        self.home = int(self.ledger.host_of[row])
        #: It is worth it as it is: what is looked for is where it ends to be.
        self.taken = self.accepted()

    def offer(self) -> Offer:
        return offer_of(self.ledger, self.eligibility, self.row, self.kind)

    def accepted(self) -> bool:
        return self.offer().refused is None

    def flipped(self) -> bool:
        return self.accepted() is not self.taken

    # -- levers ------------------------------------------------------------------------------

    def disruption(self, offer: Offer) -> Flip | None:
        """Whether it would be done if doing it cost less, or not if it cost more."""
        trade = offer.trade
        if trade is None or trade.mends or offer.refused not in (None, Reason.NOT_WORTH_IT):
            return None
        if trade.saving <= 0:
            return None
        # A hurdle above the disruption is noise's: a cheaper move would not pass it either. Nor
        # does a VM that is content, however cheap it gets.
        if not self.taken and (trade.hurdle > trade.disruption or trade.content):
            return None
        return Flip(self.kind, Lever.DISRUPTION, trade.disruption, trade.saving, "points")

    def room(self, offer: Offer) -> Flip | None:
        """Whether it would be done if the host that would gain most by it had room."""
        if self.kind is not ActionKind.MIGRATE or self.home < 0 or self.taken:
            return None
        ledger, row = self.ledger, self.row
        if self.eligibility.why_not_trade(row, self.kind) is not None:
            return None
        best: tuple[float, float] | None = None
        for target in neighbours(ledger, row):
            if self.eligibility.why_not_move(row, target) not in ROOM_REASONS:
                continue
            short = ledger.occupied[target] + ledger.needs[row] - ledger.ceiling[target]
            kept = ledger.ceiling[target].copy()
            ledger.ceiling[target] += np.maximum(short, 0.0)
            try:
                if self.eligibility.why_not_move(row, target) is None:
                    trade = move_worth(ledger, Move(row, self.home, target))
                    need = float(np.max(short))
                    if trade.worth_it and (best is None or need < best[0]):
                        best = (need, trade.saving)
            finally:
                ledger.ceiling[target] = kept
        return None if best is None else Flip(self.kind, Lever.ROOM, 0.0, best[0], "MiB")

    def price(self) -> Flip | None:
        """The price on the VM's host at which it would be done, others' demand changing it."""
        ledger, home = self.ledger, self.home
        usable = float(ledger.supply.usable[home])
        memory = [good.columns for good in ledger.supply.goods[:3]]
        kept = ledger.load[home].copy()
        now = price_at(ledger, home)

        def pull(mib: float) -> None:
            ledger.load[home] = kept
            for columns in memory:
                ledger.load[home, columns] += mib
            # Others may leave, the VM itself stays.
            np.maximum(ledger.load[home], ledger.taken[self.row], out=ledger.load[home])

        try:
            loads = [usable * share for share in _LOADS]
            found = self._least(pull, loads, loads, grain=1.0)
            if found is None:
                return None
            pull(found)
            needed = price_at(ledger, home)
        finally:
            ledger.load[home] = kept
        return Flip(self.kind, Lever.PRICE, now, needed, "points/MiB")

    def working_set(self) -> Flip | None:
        """The working set at which it would be done."""
        ledger, row = self.ledger, self.row
        demand, terms = ledger.demand, ledger.terms
        curve, wanted = demand.curve[row].copy(), float(demand.wanted[row])
        footprint, held_now = float(terms.footprint[row]), float(demand.footprint[row])
        size = float(ledger.snapshot.vms.size_mib[row])
        now = float(max(curve[0], wanted))
        if now <= 0:
            return None

        def pull(factor: float) -> None:
            demand.curve[row] = curve * (1.0 + factor)
            demand.wanted[row] = wanted * (1.0 + factor)
            demand.lacking[row] = max(float(demand.wanted[row]) - size, 0.0)
            held = max(footprint, float(demand.curve[row].max()), float(demand.wanted[row]))
            terms.footprint[row] = demand.footprint[row] = min(held, float(terms.size[row]))
            ledger.change(row, terms)

        try:
            up = [factor - 1.0 for factor in _WANTS]
            found = self._least(pull, up, [1.0 - 1.0 / factor for factor in _WANTS])
        finally:
            pull(0.0)
            terms.footprint[row], demand.footprint[row] = footprint, held_now
            ledger.change(row, terms)
        if found is None:
            return None
        return Flip(self.kind, Lever.WORKING_SET, now, now * (1.0 + found), "MiB")

    def limit(self) -> Flip | None:
        """The limit at which it would be done; infinite for "without one"."""
        terms, row = self.ledger.terms, self.row
        now, size = float(terms.limit[row]), float(terms.size[row])
        if size <= 0:
            return None

        def put(limit: float) -> None:
            terms.limit[row] = limit
            self.ledger.change(row, terms)

        try:
            if self.taken:
                # A limit that is lifted would stay if it were higher; other actions do not hang
                # on it alone.
                if self.kind is not ActionKind.LIMIT or now >= size:
                    return None
                raises = [(size - now) * step / 32.0 for step in range(1, 33)]
                found = self._least(lambda more: put(now + more), raises, grain=1.0)
                if found is None:
                    return None
                return Flip(self.kind, Lever.LIMIT, now, now + found, "MiB")
            if now < size:
                put(np.inf)
                return Flip(self.kind, Lever.LIMIT, now, np.inf, "MiB") if self.accepted() else None
            if self.kind is not ActionKind.LIMIT:
                return None
            cuts = [size * step / 32.0 for step in range(1, 32)]
            found = self._least(lambda cut: put(size - cut), cuts, grain=1.0)
        finally:
            put(now)
        if found is None:
            return None
        return Flip(self.kind, Lever.LIMIT, now, size - found, "MiB")

    # -- search ------------------------------------------------------------------------------

    def _least(
        self,
        pull: Callable[[float], None],
        up: Sequence[float],
        down: Sequence[float] = (),
        grain: float = 1e-4,
    ) -> float | None:
        """The least pull that flips it, up or down (negative), to a thousandth or a grain."""
        found = [
            direction * least
            for direction, pulls in ((1.0, up), (-1.0, down))
            if (least := self._first(pull, direction, pulls, grain)) is not None
        ]
        return min(found, key=abs) if found else None

    def _first(
        self,
        pull: Callable[[float], None],
        direction: float,
        pulls: Sequence[float],
        grain: float,
    ) -> float | None:
        before = 0.0
        for amount in pulls:
            pull(direction * amount)
            if self.flipped():
                return self._halved(pull, direction, before, amount, grain)
            before = amount
        return None

    def _halved(
        self,
        pull: Callable[[float], None],
        direction: float,
        low: float,
        high: float,
        grain: float,
    ) -> float:
        """Between a pull that does not flip it and one that does, the least that does."""
        while high - low > max(_PRECISION * high, grain):
            middle = 0.5 * (low + high)
            pull(direction * middle)
            if self.flipped():
                high = middle
            else:
                low = middle
        return high
