"""Trading places: every VM asks every host of its cluster for a quote, and the best trade is done.

A quote is the rise of the potential when the VM lives there, so the saving of a move, what leaving
frees less what arriving costs, is the fall of the potential exactly. A trade must save more than
its disruption; the potential falls by more than a positive amount each time, and there are finitely
many placements: trading ends.

Quotes are kept as a matrix, VMs × hosts of one cluster; a trade changes two hosts, so two columns.
"""

from __future__ import annotations

import numpy as np

from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.trades import Move, Trade
from vsphere_market.units import BoolArray, FloatArray, IndexArray


class Marketplace:
    """Quotes of one cluster.

    Args:
        ledger: the market's state; trades are done on it.
        eligibility: what is possible.
        vms: rows of the VMs that may move, all in this cluster.
        hosts: rows of the cluster's hosts, fit or not.
    """

    def __init__(
        self, ledger: Ledger, eligibility: Eligibility, vms: IndexArray, hosts: IndexArray
    ) -> None:
        self.ledger = ledger
        self.eligibility = eligibility
        self.vms = vms
        self.hosts = hosts
        self._slot = {int(host): at for at, host in enumerate(hosts)}
        self._row = {int(vm): at for at, vm in enumerate(vms)}
        self._static: BoolArray = np.array(
            [eligibility.sees(int(vm))[hosts] for vm in vms], dtype=np.bool_
        ).reshape(len(vms), len(hosts))
        self._ruled = sorted(ledger.rules.ruled & self._row.keys())
        self._disruption: FloatArray = np.zeros((len(vms), len(hosts)))
        self._enter: FloatArray = np.zeros((len(vms), len(hosts)))
        self._leave: FloatArray = np.zeros(len(vms))
        self._rule_cost: FloatArray = np.zeros((len(vms), len(hosts)))
        self._rule_ok: BoolArray = np.ones((len(vms), len(hosts)), dtype=np.bool_)
        self._room: BoolArray = np.ones((len(vms), len(hosts)), dtype=np.bool_)
        self.refresh()

    def refresh(self) -> None:
        """Ask for all quotes afresh, after settings of any VM have changed."""
        for at in range(len(self.hosts)):
            self._ask(at)
        for vm in self._ruled:
            self._ask_rules(vm)

    def savings(self) -> FloatArray:
        """(vms, hosts) fall of the potential by each move; 0 for staying."""
        home = self._home()
        rows = np.arange(len(self.vms))
        saving: FloatArray = self._leave[:, None] - self._enter
        saving += self._rule_cost[rows, home][:, None] - self._rule_cost
        saving[rows, home] = 0.0
        return saving

    def possible(self) -> BoolArray:
        """(vms, hosts) where each VM may ever live: what it sees, and where it is."""
        possible = self._static.copy()
        possible[np.arange(len(self.vms)), self._home()] = True
        return possible

    def trade(self, least: float, limit: int | None = None) -> list[Trade]:
        """Do the best trade again and again until none is worth it.

        Args:
            least: savings must exceed disruption by this many points.
            limit: stop after so many trades; None for when none is left.
        """
        done: list[Trade] = []
        if not len(self.vms) or len(self.hosts) < 2:
            return done
        while limit is None or len(done) < limit:
            saving = self.savings()
            hurdle = self._hurdle()
            gain = saving - hurdle - least
            allowed = self._static & self._room & self._rule_ok
            if self.ledger.budgets.tight:
                allowed &= self.ledger.budgets.mask(self.vms, self.hosts)
            allowed[np.arange(len(self.vms)), self._home()] = False
            gain[~allowed] = -np.inf
            # Most saving for what it disturbs, not most saving: on the proving ground that copies
            # up to two fifths less for less pain, since busy VMs with little to copy go first.
            merit = np.where(gain > 0.0, gain / np.maximum(self._disruption, 1.0), gain)
            best = int(np.argmax(merit))
            row, slot = divmod(best, len(self.hosts))
            if gain[row, slot] <= 0.0:
                break
            vm, target = int(self.vms[row]), int(self.hosts[slot])
            source = int(self.ledger.host_of[vm])
            done.append(
                Trade(
                    Move(vm, source, target),
                    float(saving[row, slot]),
                    float(self._disruption[row, slot]),
                    float(hurdle[row, slot]),
                )
            )
            self.ledger.move(vm, target)
            self._ask(self._slot[source])
            self._ask(slot)
            for kin in self.ledger.rules.kin(vm) | {vm}:
                if kin in self._row:
                    self._ask_rules(kin)
        return done

    def _hurdle(self) -> FloatArray:
        """What a saving must exceed: disruption, or the discount on the present quote."""
        here = self._leave + self._rule_cost[np.arange(len(self.vms)), self._home()]
        band = self.ledger.settings.discount * np.maximum(here, 0.0)
        hurdle: FloatArray = np.maximum(self._disruption, band[:, None])
        return hurdle

    def _home(self) -> IndexArray:
        lookup = np.full(len(self.ledger.snapshot.hosts) + 1, -1, dtype=np.int64)
        lookup[self.hosts] = np.arange(len(self.hosts))
        home: IndexArray = lookup[self.ledger.host_of[self.vms]]
        return home

    def _ask(self, slot: int) -> None:
        """Renew the quotes of one host, and the room it has."""
        ledger, host = self.ledger, int(self.hosts[slot])
        supply = ledger.supply
        load, taken = ledger.load[host], ledger.taken[self.vms]
        now = supply.cost(load, host)
        self._enter[:, slot] = supply.cost(load[None, :] + taken, host) - now
        here = ledger.host_of[self.vms] == host
        if here.any():
            left = np.maximum(load[None, :] - taken[here], 0.0)
            self._leave[here] = now - supply.cost(left, host)
        self._disruption[:, slot] = disruption(ledger, self.vms, np.array([host]))[:, 0]
        self._room[:, slot] = self.eligibility.roomy(self.vms, np.array([host]))[:, 0]

    def _ask_rules(self, vm: int) -> None:
        row, host = self._row[vm], int(self.ledger.host_of[vm])
        self._rule_cost[row] = self.ledger.rules.costs(vm, host)[self.hosts]
        self._rule_ok[row] = self.ledger.rules.allowed(vm, host)[self.hosts]


def disruption(ledger: Ledger, vms: IndexArray, hosts: IndexArray) -> FloatArray:
    """Points (vms, hosts) of moving each VM to each host: MiB to copy, over the slower end's speed.

    What is copied is memory that is really there: footprint less what has been taken away. What
    of it finds nothing free on the target is dearer: others there have to give it up at once.
    Priority and sensitivity multiply it all, so that who matters more is moved later.
    """
    settings = ledger.settings
    speed = ledger.snapshot.hosts.vmotion_mbps
    speed = np.where(np.isnan(speed) | (speed <= 0), settings.move_speed_mbps, speed)
    slower = np.minimum(speed[ledger.host_of[vms]][:, None], speed[hosts][None, :])
    present = ledger.present[vms][:, None]
    free = np.maximum(ledger.supply.usable[hosts] - ledger.filled[hosts], 0.0)
    landing = np.maximum(present - free[None, :], 0.0)
    copying = settings.move_cost * present * (settings.move_speed_mbps / slower)
    weight = ledger.rulebook.priority[vms] * ledger.rulebook.move_sensitivity[vms]
    points: FloatArray = weight[:, None] * (
        copying + settings.landing_cost * landing + settings.move_fixed
    )
    return points


def marketplaces(ledger: Ledger, eligibility: Eligibility) -> list[Marketplace]:
    """One marketplace per cluster that has something to trade; VMs never leave their cluster."""
    able = eligibility.movers()
    hosts = ledger.snapshot.hosts
    home = np.where(ledger.host_of >= 0, ledger.host_of, 0)
    places = []
    for cluster in range(len(ledger.snapshot.clusters)):
        rows = np.flatnonzero(hosts.cluster == cluster)
        if len(rows) < 2:
            continue
        vms = np.flatnonzero(able & (hosts.cluster[home] == cluster))
        if len(vms):
            places.append(Marketplace(ledger, eligibility, vms, rows))
    return places
