"""VMs stopped and started where a policy names them, and files that leave slow or full datastores.

A VM is stopped where what it frees, at today's prices, is worth more than its own restart; what its
guest lacks is no reason to stop it, so that its pain goes on counting. One that policy lets start,
and not stop, at this hour is wanted: its absence is charged, and it starts on the host that asks
least, if that is less than the charge.
"""

from __future__ import annotations

import numpy as np

from vsphere_market.market.acts import carry_out, power_worth, restart_cost
from vsphere_market.market.eligibility import ROOM_REASONS, Eligibility
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.plan import Reason
from vsphere_market.market.reserves import spare_for_reservations
from vsphere_market.market.settle import Settlement, reachable, restart_order
from vsphere_market.market.trades import Power, StorageMove, Trade
from vsphere_market.policy import Mode
from vsphere_market.port import ActionKind
from vsphere_market.units import BoolArray

#: A datastore is left this share of its capacity free by what moves there.
KEPT_FREE = 0.1


class ShiftTrader:
    """Finds and does these trades on a ledger."""

    def __init__(self, ledger: Ledger, eligibility: Eligibility) -> None:
        self.ledger = ledger
        self.eligibility = eligibility
        self._wide: dict[int, BoolArray] = {}

    # -- power -------------------------------------------------------------------------------

    def stop(self) -> list[Trade]:
        """Stop VMs, the least valued first."""
        ledger = self.ledger
        rows = np.flatnonzero(ledger.rulebook.may_stop & ledger.ours & ledger.on)
        order = rows[np.argsort(ledger.rulebook.priority[rows], kind="stable")]
        return self._done([self.stop_offer(vm) for vm in order.tolist()])

    def start(self) -> list[Trade]:
        """Start VMs, the most valued first."""
        ledger = self.ledger
        rows = np.flatnonzero(ledger.wanted_on & ~ledger.on)
        done: list[Trade] = []
        for vm in restart_order(ledger, rows).tolist():
            done += self._done([self.start_offer(vm)])
        return done

    def stop_offer(self, vm: int) -> Power | Reason:
        """Stopping a VM, or why it cannot be stopped."""
        ledger = self.ledger
        reason = self.eligibility.why_not_trade(vm, ActionKind.STOP)
        if reason is not None:
            return reason
        if not ledger.rulebook.may_stop[vm]:
            return Reason.NO_STOP
        if not ledger.snapshot.vms.tools_running[vm]:
            return Reason.NO_SHUTDOWN
        return Power(vm, int(ledger.host_of[vm]), -1)

    def start_offer(self, vm: int) -> Power | Reason:
        """Starting a VM on the host that asks least, or why it cannot be started."""
        ledger = self.ledger
        if not ledger.wanted_on[vm] or ledger.on[vm]:
            return Reason.NOT_DUE
        if ledger.rulebook.modes[ActionKind.START][vm] == Mode.OFF:
            return Reason.MODE_OFF
        row = np.array([vm])
        hosts = np.flatnonzero(reachable(ledger, row)[0])
        if not len(hosts):
            return Reason.HOST_UNFIT
        # It takes nothing yet: what it will is asked on a copy on which it runs.
        before = ledger.mark()
        ledger.power(vm, int(hosts[0]))
        needs, taken = ledger.needs[vm].copy(), ledger.taken[vm].copy()
        ledger.back(before)
        settlement = Settlement.of(ledger)
        fits = settlement.fits(needs, hosts)
        cluster = int(ledger.snapshot.hosts.cluster[hosts[0]])
        if spare_for_reservations(ledger, cluster) < needs[1]:
            fits[:, 1] = False
        good = fits.all(axis=1)
        if not good.any():
            return ROOM_REASONS[int(np.argmin(fits.any(axis=0)))]
        lawful = good & np.array([self._lawful(vm, int(host)) for host in hosts], dtype=np.bool_)
        if not lawful.any():
            return Reason.BREAKS_RULE
        choice = hosts[lawful]
        return Power(vm, -1, int(choice[np.argmin(settlement.quotes(taken, choice))]))

    def _lawful(self, vm: int, host: int) -> bool:
        """No rule is broken more with the VM running there."""
        ledger = self.ledger
        was = ledger.breaches(), ledger.rules.potential(ledger.host_of)
        ledger.rules.move(vm, -1, host)
        placed = ledger.host_of.copy()
        placed[vm] = host
        now = ledger.rules.breaches(placed), ledger.rules.potential(placed)
        ledger.rules.move(vm, host, -1)
        return now[0] <= was[0] and now[1] <= was[1]

    # -- files -------------------------------------------------------------------------------

    def store(self) -> list[Trade]:
        """Move files from datastores on which requests, or what is swapped, wait too long."""
        ledger = self.ledger
        relief = ledger.charges.stores.relief(ledger.store)
        asked = np.flatnonzero((relief > ledger.settings.move_fixed) & ledger.ours & ledger.on)
        rows = [vm for vm in asked.tolist() if relief[vm] > self._copying(vm)]
        done: list[Trade] = []
        for vm in sorted(rows, key=lambda row: (self._copying(row) - relief[row], row)):
            done += self._done([self.store_offer(vm)])
        return done

    def store_offer(self, vm: int) -> StorageMove | Reason:
        """The datastore that is best for a VM that waits for its own, or why there is none."""
        ledger, board = self.ledger, self.ledger.charges.stores
        stores, home = ledger.snapshot.datastores, int(self.ledger.store[vm])
        reason = self.eligibility.why_not_trade(vm, ActionKind.MIGRATE_STORAGE)
        if reason is not None:
            return reason
        if home < 0 or np.isnan(board.latency_ms[home]):
            return Reason.NOT_DUE
        if self.apart_unknown(vm):
            return Reason.FILES_APART
        if board.asks[vm] <= 0:
            return Reason.NOT_DUE
        if home != board.home[vm]:
            return Reason.SETTLING
        if self.eligibility.pinned[vm]:
            return Reason.PINNED_VM
        if home in ledger.resting_stores:
            return Reason.STORE_SETTLING
        latency = board.latency(board.load(ledger.store))
        faster = stores.accessible & (latency < latency[home]) & self._seen_as_widely(home)
        faster[list(ledger.resting_stores)] = False
        if not faster.any():
            return Reason.NO_FASTER_STORE
        # Where some of its files are already, nobody could tell later which came and which were.
        faster[list(ledger.snapshot.vms.datastores[vm])] = False
        if not faster.any():
            return Reason.FILES_THERE
        points = board.cost_of_homes(ledger.store, vm)
        better = faster & (points < points[home])
        if not better.any():
            return Reason.STORE_BUSY
        asked = self._asked(vm)
        arrived = np.flatnonzero((ledger.store != board.home) & ledger.on)
        free = np.nan_to_num(stores.free_mib)
        for other in arrived.tolist():
            free[ledger.store[other]] -= self._asked(other)
        roomy = better & (free - asked >= KEPT_FREE * np.nan_to_num(stores.capacity_mib))
        if not roomy.any():
            return Reason.NO_SWAP_SPACE
        return StorageMove(vm, home, int(np.argmin(np.where(roomy, points, np.inf))))

    def _copying(self, vm: int) -> float:
        """Points that moving a VM's files costs."""
        settings = self.ledger.settings
        return settings.storage_cost * self._asked(vm) + settings.move_fixed

    def _asked(self, vm: int) -> float:
        """Room that what a VM has in its home datastore asks for, its swap file included, MiB."""
        vms, terms = self.ledger.snapshot.vms, self.ledger.terms
        size = float(terms.size[vm])
        held = float(vms.storage_mib[vm] if self._alone(vm) else vms.home_storage_mib[vm])
        swap = 0.0 if vms.swap_with_host[vm] else max(size - float(terms.reservation[vm]), 0.0)
        return swap + (held if np.isfinite(held) else UNKNOWN_DISKS * size)

    def _alone(self, vm: int) -> bool:
        """All files of a VM are in one place."""
        return len(self.ledger.snapshot.vms.datastores[vm]) <= 1

    def apart_unknown(self, vm: int) -> bool:
        """A VM asks of files on several datastores, and how much is on which is not told."""
        vms = self.ledger.snapshot.vms
        if self._alone(vm):
            return False
        asks = bool(vms.iops[vm] > 0 or vms.io_kibps[vm] > 0)
        told = np.isfinite(vms.home_iops[vm]) or np.isfinite(vms.home_io_kibps[vm])
        swaps = self.ledger.charges.stores.swap_mibps[vm] > 0
        return bool((asks and not told) or ((asks or swaps) and np.isnan(vms.home_storage_mib[vm])))

    def _seen_as_widely(self, home: int) -> BoolArray:
        """(D,) datastores that every host sees which sees ``home``: no host is lost by going."""
        if home in self._wide:
            return self._wide[home]
        hosts = self.ledger.snapshot.hosts
        wide = np.ones(len(self.ledger.snapshot.datastores), dtype=np.bool_)
        for seen in hosts.datastores:
            if home in seen:
                here = np.zeros(len(wide), dtype=np.bool_)
                here[list(seen)] = True
                wide &= here
        wide[home] = False
        self._wide[home] = wide
        return wide

    # -- inside ------------------------------------------------------------------------------

    def cost(self, what: Power | StorageMove) -> float:
        """Points that doing it costs."""
        if isinstance(what, StorageMove):
            return self._copying(what.vm)
        change = self.ledger.settings.change_cost
        return restart_cost(self.ledger, what.vm) if what.target < 0 else change

    def worth(self, what: Power | StorageMove) -> Trade:
        """What it would save and cost now, without doing it."""
        ledger, cost = self.ledger, self.cost(what)
        if isinstance(what, Power):
            return power_worth(ledger, what, cost)
        # Nothing else depends on where files are.
        points = ledger.charges.stores.cost_of_homes(ledger.store, what.vm)
        return Trade(what, float(points[what.source] - points[what.target]), cost, cost)

    def _done(self, offers: list[Power | Reason] | list[StorageMove | Reason]) -> list[Trade]:
        done = []
        for what in offers:
            if isinstance(what, Reason):
                continue
            trade = self.worth(what)
            if trade.worth_it:
                carry_out(self.ledger, what)
                done.append(trade)
        return done


#: Disks of a VM whose storage is not known are taken for so many times its memory.
UNKNOWN_DISKS = 4.0
