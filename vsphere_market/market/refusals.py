"""What a person might have expected of a plan, and why it is not in it."""

from __future__ import annotations

import numpy as np

from vsphere_market.market.broken import broken_rules
from vsphere_market.market.causes import OVERSOLD, Cause
from vsphere_market.market.denied import denied
from vsphere_market.market.diagnosis import VmDiagnosis, diagnose, host_entity
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.engine import Answer, Question
from vsphere_market.market.goods import Space
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.plan import SENTENCES, Reason, Refusal
from vsphere_market.market.quotes import quotes_for
from vsphere_market.market.reserves import unreserved
from vsphere_market.market.rulekinds import Crowd, HostRule
from vsphere_market.market.sizing import TAKES_A_RESTART
from vsphere_market.market.terms import TermsTrader
from vsphere_market.market.trades import Change
from vsphere_market.port import ActionKind, Entity
from vsphere_market.units import FloatArray, gib_text

#: The action that cures each cause.
CURES: dict[Cause, ActionKind] = {
    Cause.LIMIT: ActionKind.LIMIT,
    Cause.GUEST_FULL: ActionKind.HOT_ADD,
    **dict.fromkeys(sorted(OVERSOLD), ActionKind.MIGRATE),
}

#: Another host's quote from this share of the own host's on is as dear.
AS_DEAR = 0.8


def refusals(question: Question, answer: Answer) -> tuple[Refusal, ...]:
    """Refusals after an answer: VMs left squeezed, promises not kept, VMs nobody can judge."""
    after = answer.ledger
    eligibility = Eligibility(after, question.cooling)
    terms = TermsTrader(after, eligibility)
    touched = {(trade.what.vm, trade.what.kind) for trade in answer.trades}
    price = after.host_price()
    found: list[Refusal] = []
    for diagnosis in diagnose(question.ledger()):
        cure = CURES.get(diagnosis.cause)
        if cure is None or (diagnosis.row, cure) in touched:
            continue
        if cure is ActionKind.HOT_ADD:
            if (diagnosis.row, ActionKind.RESIZE) in touched:
                continue
            cure = _way_to_grow(after, terms, diagnosis.row)
        if diagnosis.cause in OVERSOLD:
            found += _left_on_hot_host(after, eligibility, diagnosis, price)
        else:
            found.append(_not_changed(after, terms, diagnosis, cure))
    found += _promises(after, terms, touched)
    found += broken_rules(after, eligibility)
    found += _held_balloons(after, terms)
    found += _unknown(after)
    found += denied(after, eligibility)
    found += _content(answer)
    return tuple(dict.fromkeys(one for one in found if one.reason is not Reason.NOT_DUE))


def _way_to_grow(ledger: Ledger, terms: TermsTrader, row: int) -> ActionKind:
    """By a restart, where policy allows that and hot-add is what stands in the way."""
    restart = ledger.rulebook.reboot_allowed[row]
    hot = terms.offer(row, ActionKind.HOT_ADD)
    return ActionKind.RESIZE if restart and hot in TAKES_A_RESTART else ActionKind.HOT_ADD


def _left_on_hot_host(
    ledger: Ledger, eligibility: Eligibility, diagnosis: VmDiagnosis, price: FloatArray
) -> list[Refusal]:
    """A squeezed VM that stays: no refusal when others moved away and made room."""
    row = diagnosis.row
    host = int(ledger.host_of[row])
    footprint = ledger.supply.goods[1].columns.start
    over = ledger.load[host, footprint] - ledger.supply.usable[host]
    if over <= 0:
        return []
    reason = eligibility.why_not_trade(row, ActionKind.MIGRATE)
    name = host_entity(ledger, host).name
    tail = f" {name} stays {gib_text(over)} short."
    if reason is not None:
        return [Refusal(diagnosis.vm, reason, SENTENCES[reason] + tail)]
    quotes = quotes_for(ledger, eligibility, row, price)
    free = [quote for quote in quotes[1:] if quote.refused is None]
    if not free:
        barred = {quote.refused for quote in quotes[1:] if quote.refused is not None}
        spent = Reason.BUDGET_SPENT in barred
        other = Reason.BUDGET_SPENT if spent else Reason.NO_CURE
        reason = barred.pop() if len(barred) == 1 else other
        if reason is Reason.BREAKS_RULE:
            tail = f"{_keys(ledger, row)}{tail}"
        return [Refusal(diagnosis.vm, reason, SENTENCES[reason] + tail)]
    best = free[0]
    if best.quote >= AS_DEAR * quotes[0].quote:
        return [Refusal(diagnosis.vm, Reason.NO_CURE, SENTENCES[Reason.NO_CURE] + tail)]
    why = "saves less than the move would disturb"
    lower = 1.0 - best.quote / quotes[0].quote
    if lower < ledger.discount:
        why = f"is lower by {lower:.1%}, and has to be by {ledger.discount:.1%}"
    sentence = (
        f"The best quote, {best.quote:,.0f} points on {best.host.name} against "
        f"{quotes[0].quote:,.0f} on {name}, {why}.{tail}"
    )
    return [Refusal(diagnosis.vm, Reason.NOT_WORTH_IT, sentence)]


def _keys(ledger: Ledger, vm: int) -> str:
    """The mandatory rules that tie a VM to hosts, licence groups among them, by their names."""
    rules: list[HostRule | Crowd] = [*ledger.rules.hosts, *ledger.rules.crowds]
    names = [rule.name for rule in rules if rule.mandatory and vm in rule.vms]
    return f" It is held by {' and '.join(dict.fromkeys(names))}." if names else ""


def _not_changed(
    ledger: Ledger, terms: TermsTrader, diagnosis: VmDiagnosis, kind: ActionKind
) -> Refusal:
    offer = terms.offer(diagnosis.row, kind)
    if isinstance(offer, Reason):
        return Refusal(diagnosis.vm, offer, SENTENCES[offer])
    tail = _nor_elsewhere(ledger, terms, offer)
    reason = terms.why_no_room(offer)
    if reason is not None:
        return Refusal(diagnosis.vm, reason, SENTENCES[reason] + tail)
    trade = terms.worth(offer)
    words = "lifting its limit" if kind is ActionKind.LIMIT else "growing it"
    name = host_entity(ledger, int(ledger.host_of[diagnosis.row])).name
    sentence = (
        f"At today's price on {name}, {words} would save {trade.saving:,.0f} points and cost "
        f"{trade.disruption:,.0f}.{tail}"
    )
    return Refusal(diagnosis.vm, Reason.NOT_WORTH_IT, sentence)


def _nor_elsewhere(ledger: Ledger, terms: TermsTrader, change: Change) -> str:
    """Why a VM that cannot grow here does not move and grow, for people; "" for other changes."""
    if change.kind is not ActionKind.HOT_ADD:
        return ""
    found = terms.why_not_elsewhere(change)
    if found is None:
        return " No other host could have it."
    host, reason = found
    name = host_entity(ledger, host).name
    return (
        f" Nor does it move to {name}, which would ask least, and grow there: {SENTENCES[reason]}"
    )


def _promises(
    ledger: Ledger, terms: TermsTrader, touched: set[tuple[int, ActionKind]]
) -> list[Refusal]:
    rows = np.flatnonzero(ledger.ours & (ledger.rulebook.guarantee > 0))
    due = ledger.guaranteed(rows)
    band = 1.0 - ledger.settings.guarantee_band
    found = []
    for row, amount in zip(rows, due, strict=True):
        if ledger.terms.reservation[row] >= band * amount:
            continue
        if (int(row), ActionKind.RESERVATION) in touched:
            continue
        offer = terms.offer(int(row), ActionKind.RESERVATION)
        reason = offer if isinstance(offer, Reason) else terms.why_no_room(offer)
        reason = reason or Reason.NOT_WORTH_IT
        found.append(
            Refusal(
                _entity(ledger, int(row)),
                reason,
                f"{SENTENCES[reason]} Its guarantee of {gib_text(amount)} stays unbacked."
                + _nor_lent(ledger, terms, offer),
            )
        )
    return found


def _nor_lent(ledger: Ledger, terms: TermsTrader, offer: Change | Reason) -> str:
    """Why its pool is not given more to reserve, for people; "" where that is not what it lacks."""
    found = None if isinstance(offer, Reason) else terms.why_no_lending(offer)
    if found is None or isinstance(offer, Reason):
        return ""
    above, reason = found
    pools, pool = ledger.snapshot.pools, int(ledger.snapshot.vms.pool[offer.vm])
    if reason is Reason.NO_RESERVATION_ROOM:
        left = gib_text(float(unreserved(ledger)[above]))
        return (
            f" Its resource pool {pools.name[pool]} has too little left to reserve, and "
            f"{pools.name[above]} above it only {left}."
        )
    return (
        f" Resource pool {pools.name[pool]} is not given more to reserve, which "
        f"{pools.name[above]} has: {SENTENCES[reason]}"
    )


def _held_balloons(ledger: Ledger, terms: TermsTrader) -> list[Refusal]:
    """Idle memory on a host that swaps, behind a balloon cap that policy holds low."""
    pinned = ledger.supply.space[:, Space.PINNED] < ledger.occupied[:, Space.PINNED]
    home = np.where(ledger.host_of >= 0, ledger.host_of, 0)
    if not len(pinned):
        return []
    rows = np.flatnonzero(ledger.ours & pinned[home] & ~np.isnan(ledger.terms.cap))
    reason = Reason.POLICY_CAP
    return [
        Refusal(_entity(ledger, int(row)), reason, SENTENCES[reason])
        for row in rows
        if terms.offer(int(row), ActionKind.BALLOON_CAP) is reason
    ]


def _unknown(ledger: Ledger) -> list[Refusal]:
    """Running VMs of ours that gave no counters."""
    vms = ledger.snapshot.vms
    owned = np.array([bool(owner) for owner in vms.managed_by], dtype=np.bool_)
    rows = ledger.demand.running & ~ledger.demand.known & ~vms.template & ~owned
    reason = Reason.NO_COUNTERS
    return [
        Refusal(_entity(ledger, int(row)), reason, SENTENCES[reason])
        for row in np.flatnonzero(rows)
    ]


def _content(answer: Answer) -> list[Refusal]:
    """Clusters of an empty plan whose VMs would cost less elsewhere, and do not mind."""
    ledger, reason = answer.ledger, Reason.CONTENT
    hosts, clusters = ledger.snapshot.hosts, ledger.snapshot.clusters
    found = []
    for place in answer.places:
        if place.asked is None:
            continue
        rows = place.vms[place.asked.too_content()]
        if not len(rows):
            continue
        if len(rows) == 1:
            why = SENTENCES[reason]
            name = ledger.snapshot.vms.name[rows[0]]
            sentence = f"{name} would cost less elsewhere, but is content. {why}"
        else:
            sentence = (
                f"{len(rows)} of its VMs would cost less elsewhere, but are content. Living where "
                "they are costs no more a MiB than a host at four fifths of its load asks: what "
                "they would save elsewhere nobody would notice, their copying somebody would."
            )
        # Clusters that policy has merged are one market.
        its = np.unique(hosts.cluster[place.hosts]).tolist()
        name = " and ".join(clusters.name[row] for row in its)
        found.append(Refusal(Entity(clusters.moid[its[0]], name), reason, sentence))
    return found


def _entity(ledger: Ledger, row: int) -> Entity:
    vms = ledger.snapshot.vms
    return Entity(vms.moid[row], vms.name[row])
