"""Where VMs go that have to go somewhere: restarted by HA, evacuated, or new.

To the host that quotes least among those with room for all they need; where none has, to the one
that quotes least among those that can back their reservation, as HA and a power-on do: what is
missing is then ballooned or swapped. Where no host can back it, nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vsphere_market.market.eligibility import SLACK_MIB
from vsphere_market.market.goods import Space
from vsphere_market.market.ledger import Ledger
from vsphere_market.units import BoolArray, FloatArray, IndexArray


@dataclass(slots=True, eq=False)
class Settlement:
    """Loads and room of all hosts while VMs settle; a copy, the ledger stays as it is.

    Attributes:
        ledger: prices and amounts.
        load: (H, K).
        occupied: (H, 3).
    """

    ledger: Ledger
    load: FloatArray
    occupied: FloatArray

    @classmethod
    def of(cls, ledger: Ledger) -> Settlement:
        """What a ledger's hosts carry now."""
        return cls(ledger, ledger.load.copy(), ledger.occupied.copy())

    def quotes(self, taken: FloatArray, hosts: IndexArray) -> FloatArray:
        """Points (n,) that each of ``hosts`` (n,) asks for amounts (K,)."""
        supply, load = self.ledger.supply, self.load[hosts]
        return supply.cost(load + taken, hosts) - supply.cost(load, hosts)

    def fits(self, needs: FloatArray, hosts: IndexArray) -> BoolArray:
        """(n, 3) which kinds of room each of ``hosts`` has for ``needs`` (3,)."""
        spare = self.ledger.supply.space[hosts] - self.occupied[hosts] + SLACK_MIB
        fits: BoolArray = needs <= spare
        return fits

    def home(self, vm: int, able: BoolArray) -> int:
        """The host for a VM among those that are ``able`` (H,); -1 for none."""
        hosts = np.flatnonzero(able)
        fits = self.fits(self.ledger.needs[vm], hosts)
        for good in (fits.all(axis=1), fits[:, Space.ADMITTED]):
            if good.any():
                choice = hosts[good]
                quotes = self.quotes(self.ledger.taken[vm], choice)
                return int(choice[np.argmin(quotes)])
        return -1

    def put(self, vm: int, host: int, sign: float = 1.0) -> None:
        """Add a VM to a host, or with ``sign`` -1 take it away."""
        self.load[host] += sign * self.ledger.taken[vm]
        self.occupied[host] += sign * self.ledger.needs[vm]

    def settle(self, vms: IndexArray, able: BoolArray) -> IndexArray:
        """Hosts (n,) of VMs that may go where ``able`` (n, H) says, in that order; -1 for none."""
        homes = np.full(len(vms), -1, dtype=np.int64)
        for at, vm in enumerate(vms.tolist()):
            homes[at] = self.home(vm, able[at])
            if homes[at] >= 0:
                self.put(vm, int(homes[at]))
        return homes


def restart_order(ledger: Ledger, vms: IndexArray) -> IndexArray:
    """VMs as HA starts them: those that policy values most, then the largest needs, first."""
    reserved = ledger.needs[vms, Space.ADMITTED]
    size = ledger.terms.size[vms]
    order: IndexArray = vms[np.lexsort((vms, -size, -reserved, -ledger.rulebook.priority[vms]))]
    return order


def reachable(ledger: Ledger, vms: IndexArray) -> BoolArray:
    """(n, H) hosts of their cluster that take VMs and see what each of these needs.

    A host that lists no network (or no datastore) at all has not told, and is not ruled out.
    """
    table, hosts = ledger.snapshot.vms, ledger.snapshot.hosts
    of_host = hosts.cluster[np.maximum(table.host[vms], 0)] if len(hosts) else table.cluster[vms]
    cluster = np.where(table.host[vms] >= 0, of_host, table.cluster[vms]).tolist()
    able = np.zeros((len(vms), len(hosts)), dtype=np.bool_)
    known: dict[tuple[int, frozenset[str], frozenset[int]], list[int]] = {}
    for at, vm in enumerate(vms.tolist()):
        if cluster[at] < 0:
            continue
        nets, stores = frozenset(table.networks[vm]), frozenset(table.datastores[vm])
        key = (cluster[at], nets, stores)
        if key not in known:
            known[key] = [
                host
                for host in np.flatnonzero(hosts.cluster == cluster[at]).tolist()
                if (not hosts.networks[host] or nets.issubset(hosts.networks[host]))
                and (not hosts.datastores[host] or stores.issubset(hosts.datastores[host]))
            ]
        able[at, known[key]] = True
    allowed: BoolArray = able & ledger.supply.fit
    return allowed
