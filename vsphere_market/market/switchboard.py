"""Hosts that are put to rest when they are not needed, and woken when they are.

A host that policy lets rest has a *rent* while it is awake: so many points for each MiB, whoever
uses it. Emptying it raises the potential, for its VMs make others dearer, and costs what must be
copied; resting takes the rent away. All that is one group, and worth it like any other. Waking adds
the rent, and is worth it with the moves that it makes possible. Both cost something, so that what
was done at a demand is not undone at the same.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from vsphere_market.market.acts import carry_out, move_worth, supposed, switch_worth
from vsphere_market.market.disruption import disruption
from vsphere_market.market.eligibility import SLACK_MIB, Eligibility
from vsphere_market.market.goods import Space
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.modes import mode_of
from vsphere_market.market.placement import marketplaces
from vsphere_market.market.plan import Reason
from vsphere_market.market.reserves import spare_for_reservations
from vsphere_market.market.settle import Settlement, restart_order
from vsphere_market.market.trades import Move, Switch, Trade, worth_it
from vsphere_market.policy import Mode
from vsphere_market.units import BoolArray, FloatArray, IndexArray

#: Hosts that stay awake are wanted to come to about this load.
COMFORT_LOAD = 0.5


class Switchboard:
    """Finds and does these groups on a ledger.

    Args:
        ledger: the market's state.
        eligibility: the checks.
        settled: hosts that were put to rest or woken already, and stay as they are.
    """

    def __init__(
        self, ledger: Ledger, eligibility: Eligibility, settled: frozenset[int] = frozenset()
    ) -> None:
        self.ledger = ledger
        self.eligibility = eligibility
        self._free = np.ones(len(ledger.snapshot.hosts), dtype=np.bool_)
        self._free[list(settled)] = False

    def rest(self) -> list[Trade]:
        """Put hosts to rest, the one that holds least first, while any is worth it.

        Each host is asked once: others' rest leaves less room for it, and the round after this one
        asks again.
        """
        ledger = self.ledger
        done: list[Trade] = []
        asks = ledger.rulebook.host_may_suspend & self._free
        while True:
            hosts = np.flatnonzero(asks & ledger.awake & ledger.supply.open)
            if not len(hosts):
                return done
            host = int(hosts[np.argmin(ledger.filled[hosts])])
            asks[host] = False
            done += self.rest_one(host)[0]

    def wake(self) -> list[Trade]:
        """Wake hosts while one is worth it."""
        ledger = self.ledger
        done: list[Trade] = []
        hosts = ledger.snapshot.hosts
        asleep = ledger.rulebook.host_may_provision & ~ledger.awake & self._free
        for host in np.flatnonzero(asleep)[np.argsort(-hosts.memory_mib[asleep])].tolist():
            done += self.wake_one(host)[0]
        return done

    def rest_one(self, host: int) -> tuple[list[Trade], Reason]:
        """Empty a host and let it rest, done if it is worth it; else why not.

        Where it would be worth nothing, whether its VMs could go is not asked (:meth:`stuck`).
        """
        ledger = self.ledger
        switch = Switch(host, on=False)
        if not ledger.rulebook.host_may_suspend[host]:
            return [], Reason.NO_SUSPEND
        if mode_of(ledger, switch) == Mode.OFF:
            return [], Reason.MODE_OFF
        if not ledger.supply.fit[host]:
            return [], Reason.HOST_UNFIT
        # With nothing broken, nothing is mended either.
        if not ledger.breaches() and self._most_saved(host) <= 0.0:
            return [], Reason.NOT_WORTH_IT
        before = ledger.mark()
        done: list[Trade] = []
        vms = restart_order(ledger, np.flatnonzero(ledger.host_of == host))
        staying = self._staying(host)
        for vm in vms.tolist():
            move = self._cheapest(vm, host, staying)
            if move is None:
                ledger.back(before)
                return [], Reason.NOT_EMPTIED
            trade = move_worth(ledger, move)
            done.append(dataclasses.replace(trade, hurdle=trade.disruption))
            carry_out(ledger, move)
        trade = switch_worth(ledger, switch)
        carry_out(ledger, switch)
        done.append(trade)
        reason: Reason | None = None
        if not worth_it(done):
            reason = Reason.NOT_WORTH_IT
        elif not self._still_safe(host, before):
            reason = Reason.SPARE_NEEDED
        if reason is not None:
            ledger.back(before)
            return [], reason
        return self._grouped(done), Reason.NOT_DUE

    def stuck(self, host: int) -> bool:
        """Some VM on a host can go nowhere else now."""
        vms = np.flatnonzero(self.ledger.host_of == host)
        return any((self.eligibility.open_to(vm) == host).all() for vm in vms.tolist())

    def wake_one(self, host: int) -> tuple[list[Trade], Reason]:
        """Wake a host and move VMs there, done if it is worth it; else why not."""
        ledger = self.ledger
        switch = Switch(host, on=True)
        if not ledger.rulebook.host_may_provision[host]:
            return [], Reason.NO_PROVISION
        if mode_of(ledger, switch) == Mode.OFF:
            return [], Reason.MODE_OFF
        if (ledger.host_of == host).any():
            # It tells that it sleeps and that VMs run on it: one of both is out of date.
            return [], Reason.HOST_UNFIT
        before = ledger.mark()
        first = switch_worth(ledger, switch)
        carry_out(ledger, switch)
        if not ledger.supply.fit[host]:
            ledger.back(before)
            return [], Reason.HOST_UNFIT
        done = [first, *self._moves_to(host)]
        if not worth_it(done):
            ledger.back(before)
            return [], Reason.NOT_WORTH_IT
        return self._grouped(done), Reason.NOT_DUE

    # -- inside ------------------------------------------------------------------------------

    def _most_saved(self, host: int) -> float:
        """Points that a host's rest saves at most, beyond what it disturbs: to ask no further.

        No placement costs less than one in which all hosts that stay awake carry alike: costs are
        convex (Jensen). And each of its VMs goes where moving it disturbs least, as hosts are now.
        """
        ledger = self.ledger
        mine = ledger.market == ledger.market[host]
        carrying = ledger.awake | (ledger.load > 0.0).any(axis=1)
        others = np.flatnonzero(mine & carrying & (np.arange(len(mine)) != host))
        if not len(others):
            return np.inf
        start = float(ledger.host_cost().sum())
        with supposed(ledger, Switch(host, on=False)):
            least = ledger.supply.even_cost(ledger.load[mine].sum(axis=0), others)
            least += float(ledger.host_cost()[~mine].sum())
        vms = np.flatnonzero(ledger.host_of == host)
        disturbed = disruption(ledger, vms, others).min(axis=1).sum() if len(vms) else 0.0
        gain = start - least + ledger.charges.rents[host] + ledger.rules.potential(ledger.host_of)
        return float(gain - disturbed) - ledger.settings.switch_cost

    def _moves_to(self, host: int) -> list[Trade]:
        """The moves to a woken host that pay, each VM once; done."""
        ledger = self.ledger
        market = ledger.market[host]
        eligibility = Eligibility(ledger, self.eligibility.cooling)
        moved: list[Trade] = []
        for place in marketplaces(ledger, eligibility):
            if ledger.market[place.hosts[0]] == market:
                moved += place.descend(0.0, len(place.vms))
        seen: set[int] = set()
        for trade in moved:
            if trade.what.vm in seen:
                return self._once_each(moved)
            seen.add(trade.what.vm)
        return moved

    def _once_each(self, moved: list[Trade]) -> list[Trade]:
        """The same up to the first VM that changes its mind; the rest is undone."""
        ledger = self.ledger
        seen: set[int] = set()
        kept: list[Trade] = []
        for trade in moved:
            if trade.what.vm in seen:
                break
            seen.add(trade.what.vm)
            kept.append(trade)
        for trade in reversed(moved[len(kept) :]):
            assert isinstance(trade.what, Move)
            ledger.move(trade.what.vm, trade.what.source)
        ledger.recount()
        return kept

    def _staying(self, host: int) -> BoolArray:
        """(H,) hosts of a market that will hardly be emptied next: the fullest, as far as needed.

        VMs that go to others would soon have to move again.
        """
        ledger = self.ledger
        memory = ledger.supply.goods[0].columns.start
        mine = np.flatnonzero((ledger.market == ledger.market[host]) & ledger.supply.fit)
        # The other way round than hosts are put to rest.
        order = mine[np.argsort(ledger.filled[mine], kind="stable")][::-1]
        enough = float(ledger.load[mine, memory].sum()) / COMFORT_LOAD
        before = np.cumsum(ledger.supply.usable[order]) - ledger.supply.usable[order]
        stays = np.zeros(len(ledger.filled), dtype=np.bool_)
        stays[order[before < enough]] = True
        stays |= ~ledger.rulebook.host_may_suspend
        return stays

    def _cheapest(self, vm: int, host: int, staying: BoolArray) -> Move | None:
        """Where a VM goes from a host that is emptied: moves that are possible, least cost."""
        ledger = self.ledger
        good = self.eligibility.open_to(vm)
        good = good[good != host]
        if not len(good):
            return None
        stay = good[staying[good]]
        choice = stay if len(stay) else good
        load = ledger.load[choice]
        rise = ledger.supply.cost(load + ledger.taken[vm], choice)
        rise -= ledger.supply.cost(load, choice)
        rules = ledger.rules.verdict(vm, host)
        rise += rules.points[choice]
        rise += disruption(ledger, np.array([vm]), choice)[0]
        # What mends most first.
        rise[rules.breaches[choice] > rules.breaches[choice].min()] = np.inf
        return Move(vm, host, int(choice[np.argmin(rise)]))

    def _still_safe(self, host: int, before: Ledger) -> bool:
        """What hosts have left keeps its promises: room, HA's reserve, and the loss of a host."""
        ledger = self.ledger
        hosts, clusters = ledger.snapshot.hosts, ledger.snapshot.clusters
        cluster = int(hosts.cluster[host])
        awake = np.flatnonzero((hosts.cluster == cluster) & ledger.supply.fit)
        if not len(awake):
            return False
        # A larger share is held back of the others now: what was within it has to stay within it.
        over = np.maximum(ledger.occupied - ledger.supply.space, 0.0)
        was = np.maximum(before.occupied - before.supply.space, 0.0)
        if (over > was + SLACK_MIB).any():
            return False
        if cluster < 0 or not clusters.ha_enabled[cluster]:
            return True
        if spare_for_reservations(ledger, cluster) < min(
            0.0, spare_for_reservations(before, cluster)
        ):
            return False
        were = np.flatnonzero((hosts.cluster == cluster) & before.supply.fit)
        return _worst_loss(ledger, awake) <= max(_worst_loss(before, were), SLACK_MIB)

    def _grouped(self, trades: list[Trade]) -> list[Trade]:
        if len(trades) == 1:
            return trades
        group = next(self.ledger.groups)
        return [dataclasses.replace(trade, group=group) for trade in trades]


def _worst_loss(ledger: Ledger, hosts: IndexArray) -> float:
    """MiB that would have to be swapped, or not run at all, when the worst of ``hosts`` fails."""
    worst = 0.0
    home = np.array([ledger.market[host] for host in hosts])
    for at, host in enumerate(hosts.tolist()):
        vms = restart_order(ledger, np.flatnonzero(ledger.host_of == host))
        others = hosts[(home == home[at]) & (hosts != host)]
        settlement = Settlement.of(ledger)
        able = np.zeros(len(ledger.load), dtype=np.bool_)
        able[others] = True
        lost = 0.0
        for vm in vms.tolist():
            target = settlement.home(vm, able)
            if target < 0:
                lost += float(ledger.needs[vm, Space.PINNED])
            else:
                settlement.put(vm, target)
        lost += float(_over(ledger, settlement.occupied)[others].sum())
        lost -= float(_over(ledger, ledger.occupied)[others].sum())
        worst = max(worst, lost)
    return worst


def _over(ledger: Ledger, occupied: FloatArray) -> FloatArray:
    pinned = int(Space.PINNED)
    over: FloatArray = np.maximum(occupied[:, pinned] - ledger.supply.space[:, pinned], 0.0)
    return over


def lacking_mib(ledger: Ledger, market: int, comfort_load: float) -> float:
    """MiB by which the hosts of a market are short of a load at which memory is cheap; 0 for none.

    Only where some host has sold more than it has.
    """
    mine = (ledger.market == market) & ledger.supply.open
    memory, footprint = (good.columns.start for good in ledger.supply.goods[:2])
    usable = ledger.supply.usable
    if not (ledger.load[mine, footprint] > usable[mine]).any():
        return 0.0
    wanted = float(ledger.load[mine, memory].sum()) / comfort_load
    held = float(ledger.load[mine, footprint].sum())
    return max(math.ceil(max(wanted, held) - float(usable[mine].sum())), 0.0)
