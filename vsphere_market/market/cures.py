"""What would cure a VM that is short of memory, each cure priced; the cheapest comes first.

Cures that the market can carry out are its own offers, for the VM itself and for the neighbours
that are behind its shortage, at the prices of now. Where the cure is beyond them (a restart, a pool
that policy keeps from them), it is named with what it would buy, and people have to do it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vsphere_market.market.causes import LEFTOVERS, OVERSOLD, Cause
from vsphere_market.market.diagnosis import VmDiagnosis, host_entity
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.offers import Offer, offer_of
from vsphere_market.market.plan import SENTENCES, Reason
from vsphere_market.market.pools import held_in_pools
from vsphere_market.market.terms import TermsTrader
from vsphere_market.market.trades import Change, Move, What
from vsphere_market.port import ActionKind, Entity
from vsphere_market.units import gib_text

#: So many neighbours are asked what they could do.
_ASKED = 6
#: Kinds of action that take pressure off a host when a neighbour does them.
_RELIEF = (
    ActionKind.MIGRATE,
    ActionKind.BALLOON_CAP,
    ActionKind.RESERVATION,
    ActionKind.RESIZE,
    ActionKind.STOP,
)


@dataclass(frozen=True, slots=True)
class Cure:
    """One way out.

    Attributes:
        subject: the VM (or pool) that something is done to.
        kind: of the action, None when people have to do it.
        words: what is done, as ``grow it to 12 GiB``.
        saving: fall of the potential, points; NaN where nobody prices it.
        disruption: what doing it costs, points; likewise.
        refused: why it is not done, None when it is worth it.
        whole: by itself it ends the shortage; others only help.
    """

    subject: Entity
    kind: ActionKind | None
    words: str
    saving: float
    disruption: float
    refused: Reason | None
    whole: bool

    @property
    def verdict(self) -> str:
        """Whether it is worth it, for people."""
        if self.refused is not None:
            return SENTENCES[self.refused]
        return "Worth it." if self.kind else "For people to do."


def cures_of(ledger: Ledger, eligibility: Eligibility, diagnosis: VmDiagnosis) -> tuple[Cure, ...]:
    """Every cure of a diagnosis: what is worth it and ends the shortage, the cheapest first.

    Args:
        ledger: the market's state; only looked at.
        eligibility: what is possible.
        diagnosis: of that ledger.
    """
    row, cause = diagnosis.row, diagnosis.cause
    offers = [(row, offer_of(ledger, eligibility, row, kind)) for kind in _own(cause)]
    if cause in OVERSOLD:
        for other in _others(ledger, diagnosis):
            offers += [(other, offer_of(ledger, eligibility, other, kind)) for kind in _RELIEF]
    if cause is Cause.POOL_LIMIT:
        return tuple(_of_pool(ledger, eligibility, diagnosis.pool))
    found = [
        _cure(ledger, vm, offer, _ends(ledger, diagnosis, vm, offer))
        for vm, offer in offers
        if offer.trade and np.isfinite(offer.gain)
    ]
    found.sort(key=lambda cure: (cure.refused is not None, not cure.whole, cure.disruption))
    by_hand = _by_hand(ledger, diagnosis)
    if by_hand is None:
        return tuple(found)
    # People and time come first only where the market has nothing that ends it and is worth it.
    worth = [cure for cure in found if cure.refused is None and cure.whole]
    rest = [cure for cure in found if cure not in worth]
    return (*worth, by_hand, *rest)


def _of_pool(ledger: Ledger, eligibility: Eligibility, pool: int) -> list[Cure]:
    """A pool's limit lifted by the market, where policy lets it; raised by people, in any case."""
    pools, terms = ledger.snapshot.pools, TermsTrader(ledger, eligibility)
    subject = Entity(pools.moid[pool], pools.name[pool])
    limit = float(ledger.pools[pool])
    enough = float(held_in_pools(ledger)[pool]) / ledger.settings.balloon_from
    cost = ledger.settings.change_cost
    held = ledger.squeezable(np.arange(len(ledger.host_of)), ledger.terms)
    # Nothing but the pool's own charge depends on its limit.
    now = ledger.charges.of_pool(pool, limit, held)
    left = ledger.charges.of_pool(pool, enough, held)
    offer = terms.pool_offer(pool)
    refused = offer if isinstance(offer, Reason) else None
    if refused is None and now <= cost:
        refused = Reason.NOT_WORTH_IT
    words = f"lift the limit of resource pool {subject.name}"
    kind = ActionKind.POOL
    market = Cure(subject, kind, words, now, cost, refused, whole=True)
    words = f"raise the limit of resource pool {subject.name} to {gib_text(enough)}"
    hand = Cure(subject, None, words, now - left, cost, None, whole=True)
    return [market, hand] if refused is None else [hand, market]


def _own(cause: Cause) -> tuple[ActionKind, ...]:
    """Kinds that may cure the VM by something done to itself."""
    match cause:
        case Cause.LIMIT:
            return (ActionKind.LIMIT,)
        case Cause.GUEST_FULL:
            return (ActionKind.HOT_ADD, ActionKind.RESIZE)
        case cause if cause in OVERSOLD:
            return (ActionKind.MIGRATE, ActionKind.RESERVATION)
        case _:
            return ()


def _ends(ledger: Ledger, diagnosis: VmDiagnosis, row: int, offer: Offer) -> bool:
    """Whether an offer ends the shortage by itself."""
    if diagnosis.cause not in OVERSOLD:
        return True
    if offer.kind is not ActionKind.MIGRATE:
        return False
    if row == diagnosis.row:
        return True
    host, footprint = int(ledger.host_of[row]), ledger.supply.goods[1].columns.start
    over = ledger.load[host, footprint] - ledger.supply.usable[host]
    return bool(ledger.taken[row, footprint] >= over)


def _others(ledger: Ledger, diagnosis: VmDiagnosis) -> list[int]:
    """Neighbours that are asked: those behind it, then the largest."""
    host = int(ledger.host_of[diagnosis.row])
    there = np.flatnonzero(ledger.ours & (ledger.host_of == host))
    there = there[np.argsort(-ledger.terms.footprint[there], kind="stable")].tolist()
    order = [*diagnosis.behind, *there]
    return [row for row in dict.fromkeys(order) if row != diagnosis.row][:_ASKED]


def _cure(ledger: Ledger, row: int, offer: Offer, whole: bool) -> Cure:
    vms, trade = ledger.snapshot.vms, offer.trade
    assert trade is not None
    return Cure(
        subject=Entity(vms.moid[row], vms.name[row]),
        kind=offer.kind,
        words=_words(ledger, trade.what),
        saving=trade.saving,
        disruption=trade.disruption,
        refused=offer.refused,
        whole=whole,
    )


def _words(ledger: Ledger, what: What) -> str:
    name = ledger.snapshot.vms.name[what.vm]
    if isinstance(what, Move):
        return f"move {name} to {host_entity(ledger, what.target).name}"
    if not isinstance(what, Change):
        return f"{what.kind.value} {name}"
    match what.kind:
        case ActionKind.LIMIT:
            return f"lift the limit of {name}"
        case ActionKind.HOT_ADD:
            return f"grow {name} to {gib_text(what.after)}"
        case ActionKind.RESIZE:
            size = "larger" if what.after > what.before else "smaller"
            return f"make {name} {size}, {gib_text(what.after)}, by a restart"
        case ActionKind.RESERVATION if what.after < what.before:
            return f"lower the reservation of {name} to {gib_text(what.after)}"
        case ActionKind.RESERVATION:
            return f"reserve {gib_text(what.after)} for {name}"
        case ActionKind.BALLOON_CAP:
            most = "what ESXi allows" if np.isnan(what.after) else gib_text(what.after)
            return f"let the balloon of {name} take up to {most}"
        case _:
            return f"{what.kind.value} of {name}"


def _by_hand(ledger: Ledger, diagnosis: VmDiagnosis) -> Cure | None:
    """What people can do where the market cannot, or need not."""
    vms, row, subject = ledger.snapshot.vms, diagnosis.row, diagnosis.vm
    match diagnosis.cause:
        case Cause.RESERVATION_HOARDING:
            first = diagnosis.behind[0]
            subject = Entity(vms.moid[first], vms.name[first])
            used = gib_text(float(ledger.demand.used[first]))
            words = f"lower the reservation of {subject.name} to the {used} that it uses"
        case Cause.IDLE_NEIGHBOURS:
            first = diagnosis.behind[0]
            subject = Entity(vms.moid[first], vms.name[first])
            words = f"make {subject.name} smaller at its next restart"
        case Cause.GUEST_FULL if not vms.hot_add_enabled[row]:
            words = f"give {subject.name} more memory, and hot-add, at its next restart"
        case cause if cause in LEFTOVERS:
            words = f"leave {subject.name} to time"
        case _:
            return None
    whole = diagnosis.cause not in OVERSOLD
    return Cure(subject, None, words, np.nan, np.nan, None, whole)
