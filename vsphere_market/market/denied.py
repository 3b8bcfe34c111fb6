"""What policies would let the market do, or a squeeze makes one expect, and why it is not done.

Sizes that take a restart, shares, balloons under which guests page, pools, files, power, and hosts
that could rest or be woken. One refusal for each that is due or asked for, none for the rest.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vsphere_market.market import sizing
from vsphere_market.market.diagnosis import host_entity
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.plan import SENTENCES, Reason, Refusal
from vsphere_market.market.shifts import ShiftTrader
from vsphere_market.market.switchboard import Switchboard, lacking_mib
from vsphere_market.market.terms import TermsTrader
from vsphere_market.market.trades import Power, StorageMove
from vsphere_market.port import ActionKind, Entity
from vsphere_market.units import gib_text

#: At this load a host's price is the comfort price, 25 points a MiB.
COMFORT_LOAD = 0.8
#: A datastore that takes longer is slow by any measure, ms: from here on administrators are told by
#: Storage DRS's default.
SLOW_MS = 15.0


def denied(ledger: Ledger, eligibility: Eligibility) -> list[Refusal]:
    """Refusals after all trades; the ledger stays as it is."""
    return [
        *_sizes(ledger, eligibility),
        *_settings(ledger, eligibility),
        *_pools(ledger, eligibility),
        *_files(ledger, eligibility),
        *_power(ledger, eligibility),
        *_hosts(ledger, eligibility),
        *_purchases(ledger),
    ]


def _sizes(ledger: Ledger, eligibility: Eligibility) -> Iterator[Refusal]:
    """Oversized VMs that may be restarted, or whose host lacks what they hold idle."""
    terms = TermsTrader(ledger, eligibility)
    footprint = ledger.supply.goods[1].columns.start
    lacking = ledger.load[:, footprint] > ledger.supply.usable
    home = np.where(ledger.host_of >= 0, ledger.host_of, 0)
    rows = ledger.ours & ledger.on & sizing.candidates_to_shrink(ledger)
    if len(lacking):
        demand = ledger.demand.sizing
        proven = demand.confidence >= ledger.settings.shrink_confidence
        proven &= demand.floor() < sizing.low_until(ledger) * ledger.terms.size
        rows &= ledger.rulebook.reboot_allowed | (lacking[home] & proven)
    for vm in np.flatnonzero(rows).tolist():
        yield from _change(ledger, terms, vm, ActionKind.RESIZE, "making it smaller")


def _settings(ledger: Ledger, eligibility: Eligibility) -> Iterator[Refusal]:
    """Shares that contradict priorities, and balloons under which guests page."""
    terms = TermsTrader(ledger, eligibility)
    for vm in np.flatnonzero(ledger.charges.due_rate > 0).tolist():
        yield from _change(ledger, terms, vm, ActionKind.SHARES, "more shares")
    for vm in np.flatnonzero(ledger.charges.paging).tolist():
        yield from _change(ledger, terms, vm, ActionKind.BALLOON_CAP, "a smaller balloon")


def _change(
    ledger: Ledger, terms: TermsTrader, vm: int, kind: ActionKind, words: str
) -> Iterator[Refusal]:
    offer = terms.offer(vm, kind)
    if isinstance(offer, Reason):
        if offer is not Reason.NOT_DUE:
            yield Refusal(_vm(ledger, vm), offer, SENTENCES[offer])
        return
    reason = terms.why_no_room(offer)
    if reason is not None:
        yield Refusal(_vm(ledger, vm), reason, SENTENCES[reason])
        return
    trade = terms.worth(offer)
    yield Refusal(
        _vm(ledger, vm),
        Reason.NOT_WORTH_IT,
        f"At today's prices {words} would save {trade.saving:,.0f} points and cost "
        f"{trade.disruption:,.0f}.",
    )


def _pools(ledger: Ledger, eligibility: Eligibility) -> Iterator[Refusal]:
    """Pools that their limit squeezes."""
    terms, pools = TermsTrader(ledger, eligibility), ledger.snapshot.pools
    every = np.arange(len(ledger.host_of))
    held = ledger.squeezable(every, ledger.terms)
    for pool in ledger.charges.below:
        cost = ledger.charges.of_pool(pool, float(ledger.pools[pool]), held)
        if cost <= 0.0:
            continue
        offer = terms.pool_offer(pool)
        reason = offer if isinstance(offer, Reason) else Reason.NOT_WORTH_IT
        yield Refusal(
            Entity(pools.moid[pool], pools.name[pool]),
            reason,
            f"Its limit of {gib_text(ledger.pools[pool])} squeezes its VMs, and stays. "
            f"{SENTENCES[reason]}",
        )


def _files(ledger: Ledger, eligibility: Eligibility) -> Iterator[Refusal]:
    """VMs that wait for a datastore: others are faster, or it is slow by any measure."""
    shifts = ShiftTrader(ledger, eligibility)
    board = ledger.charges.stores
    latency = board.latency(board.load(ledger.store))
    waiting = board.relief(ledger.store) > ledger.settings.move_fixed
    waiting |= board.swap_mibps > 0
    apart = [row for row, where in enumerate(ledger.snapshot.vms.datastores) if len(where) > 1]
    waiting[[row for row in apart if shifts.apart_unknown(row)]] = True
    waiting &= ledger.ours & (ledger.store >= 0) & ledger.on
    for vm in np.flatnonzero(waiting).tolist():
        home = latency[ledger.store[vm]]
        if not (latency < home).any() and home < SLOW_MS:
            continue
        offer = shifts.store_offer(vm)
        if offer is not Reason.NOT_DUE:
            yield _shift(ledger, shifts, vm, offer)


def _power(ledger: Ledger, eligibility: Eligibility) -> Iterator[Refusal]:
    """VMs that policy lets be stopped, or wants on."""
    shifts = ShiftTrader(ledger, eligibility)
    for vm in np.flatnonzero(ledger.rulebook.may_stop & ledger.ours & ledger.on).tolist():
        yield _shift(ledger, shifts, vm, shifts.stop_offer(vm))
    for vm in np.flatnonzero(ledger.wanted_on & ~ledger.on).tolist():
        yield _shift(ledger, shifts, vm, shifts.start_offer(vm))


def _shift(
    ledger: Ledger, shifts: ShiftTrader, vm: int, offer: Power | StorageMove | Reason
) -> Refusal:
    if isinstance(offer, Reason):
        return Refusal(_vm(ledger, vm), offer, SENTENCES[offer])
    trade = shifts.worth(offer)
    words = {
        ActionKind.STOP: "stopping it",
        ActionKind.START: "starting it",
        ActionKind.MIGRATE_STORAGE: "moving its files",
    }[offer.kind]
    return Refusal(
        _vm(ledger, vm),
        Reason.NOT_WORTH_IT,
        f"At today's prices {words} would save {trade.saving:,.0f} points and cost "
        f"{trade.disruption:,.0f}.",
    )


def _hosts(ledger: Ledger, eligibility: Eligibility) -> Iterator[Refusal]:
    """Hosts that may rest and do not, and hosts that rest while others are full."""
    board, rulebook = Switchboard(ledger, eligibility), ledger.rulebook
    for host in np.flatnonzero(rulebook.host_may_suspend & ledger.awake).tolist():
        before = ledger.mark()
        done, reason = board.rest_one(host)
        if done:
            ledger.back(before)
            reason = Reason.NOT_WORTH_IT
        elif reason is Reason.NOT_WORTH_IT and board.stuck(host):
            reason = Reason.NOT_EMPTIED
        yield Refusal(host_entity(ledger, host), reason, f"It stays awake. {SENTENCES[reason]}")
    for host in np.flatnonzero(~ledger.awake).tolist():
        if not rulebook.host_may_provision[host] and not _lacks(ledger, host):
            continue
        before = ledger.mark()
        done, reason = board.wake_one(host)
        if done:
            ledger.back(before)
            reason = Reason.NOT_WORTH_IT
        yield Refusal(host_entity(ledger, host), reason, f"It goes on resting. {SENTENCES[reason]}")


def _lacks(ledger: Ledger, host: int) -> bool:
    return lacking_mib(ledger, int(ledger.market[host]), COMFORT_LOAD) > 0


def _purchases(ledger: Ledger) -> Iterator[Refusal]:
    """Clusters that stay full although nothing is left to wake: how much memory they lack."""
    clusters = ledger.snapshot.clusters
    asleep = ledger.rulebook.host_may_provision & ~ledger.awake
    for market in np.unique(ledger.market[ledger.market >= 0]).tolist():
        lacking = lacking_mib(ledger, market, COMFORT_LOAD)
        if lacking <= 0 or (asleep & (ledger.market == market)).any():
            continue
        yield Refusal(
            Entity(clusters.moid[market], clusters.name[market]),
            Reason.BUY_MEMORY,
            f"{SENTENCES[Reason.BUY_MEMORY]} {gib_text(lacking)} more would bring the price of a "
            "MiB down to 25.",
        )


def _vm(ledger: Ledger, vm: int) -> Entity:
    vms = ledger.snapshot.vms
    return Entity(vms.moid[vm], vms.name[vm])
