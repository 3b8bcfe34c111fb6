"""Which trades are possible at all, apart from price: the reasons why not.

Two forms of one law: :meth:`Eligibility.open_to` for all hosts at once (and what it is made of for
all VMs of a cluster), and :meth:`Eligibility.why_not_move` for one VM and one host in words.
``tests/property`` holds them together.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from vsphere_market.estate import Snapshot
from vsphere_market.market.evc import gives
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.licences import FEATURES, TAKES, licensed
from vsphere_market.market.plan import Reason
from vsphere_market.market.reserves import spare_for_reservations
from vsphere_market.policy import Mode
from vsphere_market.port import ActionKind
from vsphere_market.units import BoolArray, IndexArray

#: Rounding slack of sums of MiB.
SLACK_MIB = 1e-6
#: Why there is no room, in the order of ``goods.Space``.
ROOM_REASONS = (Reason.NO_ROOM, Reason.NO_RESERVATION_ROOM, Reason.ABOVE_OVERCOMMIT)


def root_pool(snapshot: Snapshot, cluster: int) -> int:
    """Row of a cluster's root resource pool; -1 when it was not told."""
    pools = snapshot.pools
    found = np.flatnonzero((pools.cluster == cluster) & (pools.parent < 0))
    return int(found[0]) if len(found) else -1


class Eligibility:
    """Facts about an estate that no trade changes, and the checks that depend on the ledger.

    Args:
        ledger: the market's state.
        cooling: (V,) VMs that were moved too short a while ago.
    """

    def __init__(self, ledger: Ledger, cooling: BoolArray) -> None:
        self.ledger = ledger
        vms = ledger.snapshot.vms
        self.cooling = cooling
        self.pinned: BoolArray = (
            vms.passthrough | vms.fault_tolerance | vms.latency_sensitivity_high
        )
        self._networks = [frozenset(nets) for nets in ledger.snapshot.hosts.networks]
        self._datastores = [frozenset(stores) for stores in ledger.snapshot.hosts.datastores]
        # Hosts that may be reached from another cluster: those whose networks and datastores are
        # told, in merged clusters whose root pool is told and where HA has reserves left.
        merged = ledger.market != ledger.snapshot.hosts.cluster
        merged |= np.isin(ledger.market, ledger.market[merged])
        told = [
            bool(nets and stores)
            for nets, stores in zip(self._networks, self._datastores, strict=True)
        ]
        self._abroad: BoolArray = merged & np.array(told, dtype=np.bool_)
        for cluster in np.unique(ledger.snapshot.hosts.cluster[self._abroad]).tolist():
            rootless = root_pool(ledger.snapshot, cluster) < 0
            if rootless or spare_for_reservations(ledger, cluster) <= 0.0:
                self._abroad &= ledger.snapshot.hosts.cluster != cluster
        #: Hosts on which each kind of action is licensed.
        self.licensed: dict[ActionKind, BoolArray] = {
            kind: licensed(ledger.snapshot, feature) for kind, feature in TAKES.items()
        }
        self._seen: dict[tuple[frozenset[str], frozenset[int], str], BoolArray] = {}

    def why_not_trade(self, vm: int, kind: ActionKind) -> Reason | None:
        """Why no action of that kind is considered for the VM at all, or None."""
        ledger = self.ledger
        vms = ledger.snapshot.vms
        if vms.template[vm] or vms.managed_by[vm] or not ledger.on[vm]:
            return Reason.VM_NOT_MANAGED
        if not ledger.demand.known[vm]:
            return Reason.NO_COUNTERS
        if not ledger.ours[vm] or not ledger.supply.open[ledger.host_of[vm]]:
            return Reason.VM_NOT_MANAGED if not ledger.ours[vm] else Reason.HOST_UNFIT
        if ledger.rulebook.modes[kind][vm] == Mode.OFF:
            return Reason.FAILED_LATELY if vm in ledger.rulebook.failing else Reason.MODE_OFF
        if kind in TAKES and not self.licensed[kind][ledger.host_of[vm]]:
            return FEATURES[TAKES[kind]]
        if kind is ActionKind.HOT_ADD and vm in ledger.settling:
            return Reason.SETTLING
        if kind is ActionKind.MIGRATE:
            if self.pinned[vm]:
                return Reason.PINNED_VM
            if self.cooling[vm]:
                return Reason.COOLING_DOWN
            if not ledger.snapshot.hosts.vmotion_enabled[ledger.host_of[vm]]:
                return Reason.NO_VMOTION
        return None

    def movers(self) -> BoolArray:
        """(V,) VMs for which :meth:`why_not_trade` finds nothing against a migration."""
        ledger = self.ledger
        hosts = ledger.snapshot.hosts
        home = np.where(ledger.host_of >= 0, ledger.host_of, 0)
        able: BoolArray = ledger.ours & ledger.on & ~self.pinned & ~self.cooling
        if len(hosts):
            able = able & ledger.supply.open[home] & hosts.vmotion_enabled[home]
            able = able & self.licensed[ActionKind.MIGRATE][home]
            able = able & (hosts.cluster[home] >= 0)
        willing: BoolArray = able & (ledger.rulebook.modes[ActionKind.MIGRATE] > Mode.OFF)
        return willing

    def sees(self, vm: int) -> BoolArray:
        """(H,) hosts that are fit, have vMotion, see what the VM needs, and were not just left.

        A host that lists no network (or no datastore) at all has not told, and is not ruled out.
        """
        seen: BoolArray = self.seen(np.array([vm]))[0]
        return seen

    def seen(self, vms: IndexArray) -> BoolArray:
        """(n, H) what each of some VMs :meth:`sees`."""
        ledger = self.ledger
        hosts, table = ledger.snapshot.hosts, ledger.snapshot.vms
        if not len(vms):
            return np.zeros((0, len(hosts)), dtype=np.bool_)
        # Most VMs ask for the same, so that few different things are looked up.
        kinds: dict[tuple[tuple[str, ...], tuple[int, ...], str], int] = {}
        which = [
            kinds.setdefault(
                (table.networks[vm], table.datastores[vm], table.evc_mode[vm]), len(kinds)
            )
            for vm in vms.tolist()
        ]
        seen: BoolArray = np.stack([self._giving(*kind) for kind in kinds])[which]
        seen &= ledger.supply.fit
        home = hosts.cluster[None, :] == hosts.cluster[ledger.host_of[vms]][:, None]
        if self._abroad.any():
            free = np.array([not self.tied(vm) for vm in vms.tolist()], dtype=np.bool_)
            home |= free[:, None] & self._abroad[None, :]
        seen &= home
        if ledger.left:
            for at, vm in enumerate(vms.tolist()):
                seen[at, list(ledger.left.get(vm, ()))] = False
        return seen

    def _giving(
        self, networks: Iterable[str], datastores: Iterable[int], evc_mode: str
    ) -> BoolArray:
        """(H,) hosts with vMotion that see some networks and datastores, and give an EVC mode."""
        key = (frozenset(networks), frozenset(datastores), evc_mode)
        known = self._seen.get(key)
        if known is None:
            hosts = self.ledger.snapshot.hosts
            known = np.array(
                [
                    (not nets or key[0] <= nets)
                    and (not stores or key[1] <= stores)
                    and gives(mode, evc_mode)
                    for nets, stores, mode in zip(
                        self._networks, self._datastores, hosts.evc_mode, strict=True
                    )
                ],
                dtype=np.bool_,
            )
            known &= hosts.vmotion_enabled & self.licensed[ActionKind.MIGRATE]
            self._seen[key] = known
        return known

    def at_home(self, vm: int) -> BoolArray:
        """(H,) hosts of its own cluster, and of others where nothing ties the VM to its own."""
        ledger = self.ledger
        hosts = ledger.snapshot.hosts
        cluster = hosts.cluster[ledger.host_of[vm]]
        own: BoolArray = hosts.cluster == cluster
        if not self._abroad.any() or self.tied(vm):
            return own
        return own | self._abroad

    def tied(self, vm: int) -> bool:
        """Rules, a resource pool of its own, or a reservation hold it in its cluster.

        So does a pool that was not told: who moves to another cluster says which pool it leaves.
        """
        ledger = self.ledger
        vms, pools = ledger.snapshot.vms, ledger.snapshot.pools
        pool = int(vms.pool[vm])
        return bool(
            vm in ledger.rules.ruled
            or pool < 0
            or pools.parent[pool] >= 0
            or ledger.terms.reservation[vm] > 0
            or vms.drs_override[vm]
        )

    def roomy(self, vms: IndexArray, hosts: IndexArray) -> BoolArray:
        """(len(vms), len(hosts)) room now, of both kinds; a VM has always room at home."""
        ledger = self.ledger
        spare = ledger.ceiling[hosts] - ledger.occupied[hosts] + SLACK_MIB
        fits = np.all(ledger.needs[vms][:, None, :] <= spare[None, :, :], axis=2)
        roomy: BoolArray = fits | (ledger.host_of[vms][:, None] == hosts[None, :])
        return roomy

    def open_to(self, vm: int) -> IndexArray:
        """Rows of the hosts to which :meth:`why_not_move` finds nothing against moving a VM."""
        ledger, source = self.ledger, int(self.ledger.host_of[vm])
        if self.why_not_trade(vm, ActionKind.MIGRATE) is not None or ledger.market[source] < 0:
            return np.zeros(0, dtype=np.int64)
        rows = np.array([vm])
        good = self.sees(vm) & (ledger.market == ledger.market[source])
        hosts = np.flatnonzero(good & ledger.rules.allowed(vm, source))
        fine = self.roomy(rows, hosts)[0] & ledger.budgets.mask(rows, hosts)[0]
        found: IndexArray = hosts[fine]
        return found

    def why_not_move(self, vm: int, target: int) -> Reason | None:
        """Why the VM may not move to that host now, or None."""
        ledger = self.ledger
        hosts, vms = ledger.snapshot.hosts, ledger.snapshot.vms
        source = int(ledger.host_of[vm])
        reason = self.why_not_trade(vm, ActionKind.MIGRATE)
        if reason is not None:
            return reason
        if not ledger.supply.fit[target]:
            return Reason.HOST_UNFIT
        if ledger.market[target] != ledger.market[source] or ledger.market[source] < 0:
            return Reason.OTHER_CLUSTER
        if not self.at_home(vm)[target]:
            return Reason.TIED_TO_CLUSTER
        if not hosts.vmotion_enabled[target]:
            return Reason.NO_VMOTION
        if not self.licensed[ActionKind.MIGRATE][target]:
            return Reason.NO_VMOTION_LICENCE
        if self._networks[target] and not frozenset(vms.networks[vm]) <= self._networks[target]:
            return Reason.NO_NETWORK
        stores = self._datastores[target]
        if stores and not frozenset(vms.datastores[vm]) <= stores:
            return Reason.NO_DATASTORE
        if not gives(hosts.evc_mode[target], vms.evc_mode[vm]):
            return Reason.NO_EVC
        if target in ledger.left.get(vm, ()):
            return Reason.JUST_LEFT
        if not ledger.rules.allowed(vm, source)[target]:
            return Reason.BREAKS_RULE
        if not ledger.budgets.allows(vm, target):
            return Reason.BUDGET_SPENT
        if target == source:
            return None
        short = ledger.occupied[target] + ledger.needs[vm] > ledger.ceiling[target] + SLACK_MIB
        return ROOM_REASONS[int(np.argmax(short))] if short.any() else None
