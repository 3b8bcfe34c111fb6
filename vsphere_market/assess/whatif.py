"""What-ifs on the market's ledger: the largest host of a cluster fails, or VMs are added.

VMs go where the market would put them: to the host that quotes least among those that have room,
else to the one that quotes least at all, as HA does when nothing is reserved.
"""

from __future__ import annotations

import numpy as np

from vsphere_market.assess.model import Growth, HostLoss
from vsphere_market.assess.scene import Scene, loads
from vsphere_market.market.goods import Space
from vsphere_market.market.ledger import Ledger
from vsphere_market.units import FloatArray, IndexArray

#: VMs that are added in thought.
ADDED = 20
#: Adding stops here when a cluster is very empty.
_MOST = 10_000


def lose_largest(scene: Scene, cluster: int) -> HostLoss | None:
    """Let the largest open host of a cluster fail; None when it has fewer than two."""
    ledger = scene.before
    hosts = _open_hosts(ledger, cluster)
    if len(hosts) < 2:
        return None
    lost = int(hosts[np.argmax(ledger.supply.usable[hosts])])
    left = hosts[hosts != lost]
    load, reserved = ledger.load.copy(), ledger.occupied[:, Space.ADMITTED].copy()
    usable, physical = ledger.supply.usable, ledger.supply.space[:, Space.ADMITTED]
    vms = np.flatnonzero(ledger.host_of == lost)
    # HA starts the largest reservations first while there is room for them.
    held = {int(vm): float(ledger.needs[vm, Space.ADMITTED]) for vm in vms}
    stranded = 0
    for vm in sorted(held, key=lambda vm: (-held[vm], vm)):
        backed = reserved[left] + held[vm] <= physical[left]
        if not backed.any():
            stranded += 1
            continue
        target = _cheapest(ledger, load, left[backed], ledger.taken[vm])
        load[target] += ledger.taken[vm]
        reserved[target] += held[vm]
    _, footprint_at, pinned_at = (good.columns.start for good in ledger.supply.goods[:3])
    over = np.maximum(load[left, footprint_at] - usable[left], 0.0)
    swap = np.maximum(load[left, pinned_at] - usable[left], 0.0)
    total = load[left, footprint_at].sum()
    return HostLoss(
        cluster=cluster,
        host=lost,
        vms=len(vms),
        stranded=stranded,
        short_hosts=int((over > 0).sum()),
        balloon_mib=float((over - np.minimum(swap, over)).sum()),
        swap_mib=float(swap.sum()),
        spare_mib=float(usable[left].sum() - total),
        price=_highest_price(ledger, ledger.load, hosts),
        price_after=_highest_price(ledger, load, left),
    )


def add_usual(scene: Scene, cluster: int, count: int = ADDED) -> Growth | None:
    """Add VMs of a cluster's median size; None when no VM of ours runs there."""
    ledger = scene.before
    hosts = _open_hosts(ledger, cluster)
    on = ledger.host_of >= 0
    home = np.where(on, ledger.host_of, 0)
    mine = np.flatnonzero(scene.ours & on & (ledger.snapshot.hosts.cluster[home] == cluster))
    if not len(hosts) or not len(mine):
        return None
    sizes = ledger.terms.size[mine]
    size = float(np.median(sizes))
    # What a VM of that size takes of each good, as the cluster's VMs do for each MiB of size.
    taken: FloatArray = np.median(ledger.taken[mine] / np.maximum(sizes, 1.0)[:, None], axis=0)
    taken = taken * size
    _, footprint_at, _ = (good.columns.start for good in ledger.supply.goods[:3])
    load = ledger.load.copy()
    before = np.maximum(load[hosts, footprint_at] - ledger.supply.usable[hosts], 0.0).sum()
    fit, price_after, balloon = _MOST, 0.0, 0.0
    for nth in range(count):
        target = _cheapest(ledger, load, hosts, taken)
        load[target] += taken
        if fit == _MOST and load[target, footprint_at] > ledger.supply.usable[target]:
            fit = nth
    after = np.maximum(load[hosts, footprint_at] - ledger.supply.usable[hosts], 0.0).sum()
    balloon = float(after - before)
    price_after = _highest_price(ledger, load, hosts)
    return Growth(
        cluster=cluster,
        size_mib=size,
        footprint_mib=float(taken[footprint_at]),
        asked=count,
        fit=min(fit, count),
        most=_how_many(ledger, hosts, float(taken[footprint_at])),
        balloon_mib=max(balloon, 0.0),
        price=_highest_price(ledger, ledger.load, hosts),
        price_after=price_after,
    )


def _how_many(ledger: Ledger, hosts: IndexArray, footprint: float) -> int:
    """How many such VMs the cluster would hold without ballooning when its largest host fails."""
    usable = ledger.supply.usable[hosts]
    spare = usable.sum() - usable.max() - loads(ledger)[1][hosts].sum()
    return int(np.clip(spare // max(footprint, 1.0), 0, _MOST)) if len(hosts) > 1 else 0


def _open_hosts(ledger: Ledger, cluster: int) -> IndexArray:
    mine = (ledger.snapshot.hosts.cluster == cluster) & ledger.supply.fit
    return np.flatnonzero(mine)


def _cheapest(ledger: Ledger, load: FloatArray, hosts: IndexArray, taken: FloatArray) -> int:
    """The host that quotes least for what a VM takes."""
    here = load[hosts]
    rise = ledger.supply.cost(here + taken, hosts) - ledger.supply.cost(here, hosts)
    return int(hosts[np.argmin(rise)])


def _highest_price(ledger: Ledger, load: FloatArray, hosts: IndexArray) -> float:
    price = ledger.supply.price(load[hosts], hosts)
    return float(price[:, ledger.supply.memory].sum(axis=1).max())
