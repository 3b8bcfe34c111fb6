"""How far policy lets a trade go by itself, also where its subject is no VM.

Automation is said of VMs. What concerns a pool is as free as the most cautious of the VMs that run
in it; what concerns a host, as the most cautious of those that run on it, and for an empty one as
those of its cluster that are in the market's hands at all.
"""

from __future__ import annotations

import numpy as np

from vsphere_market.market.ledger import Ledger
from vsphere_market.market.trades import PoolChange, Switch, What
from vsphere_market.policy import Mode
from vsphere_market.port import ActionKind
from vsphere_market.units import BoolArray


def mode_of(ledger: Ledger, what: What) -> Mode:
    """The mode of a trade. The ledger's snapshot counts, not what was traded since."""
    vms, hosts = ledger.snapshot.vms, ledger.snapshot.hosts
    match what:
        case PoolChange():
            rows = ledger.charges.below.get(what.pool)
            if rows is None:
                rows = np.flatnonzero((vms.pool == what.pool) & ledger.demand.running)
            inside = np.zeros(len(vms), dtype=np.bool_)
            inside[rows] = True
            return _least(ledger, inside, what.kind)
        case Switch():
            here = (vms.host == what.host) & ledger.demand.running
            if here.any():
                return _least(ledger, here, what.kind)
            home = np.where(vms.host >= 0, vms.host, 0)
            near = ledger.demand.running & (hosts.cluster[home] == hosts.cluster[what.host])
            near &= ledger.rulebook.modes[what.kind] > Mode.OFF
            return _least(ledger, near, what.kind)
        case _:
            return Mode(int(ledger.rulebook.modes[what.kind][what.vm]))


def _least(ledger: Ledger, rows: BoolArray, kind: ActionKind) -> Mode:
    modes = ledger.rulebook.modes[kind][rows]
    return Mode(int(modes.min())) if len(modes) else Mode.OFF
