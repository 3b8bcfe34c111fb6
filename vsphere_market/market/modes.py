"""How far policy lets a trade go by itself, also where its subject is a host or a pool."""

from __future__ import annotations

from vsphere_market.market.ledger import Ledger
from vsphere_market.market.trades import PoolChange, Switch, What
from vsphere_market.policy import Mode
from vsphere_market.policy.subjects import mode_of as mode_of_action
from vsphere_market.port import Entity, PoolSetting, ProvisionHost, SetPool, SuspendHost


def mode_of(ledger: Ledger, what: What) -> Mode:
    """The mode of a trade: of its VM, or for a host or pool as ``policy.subjects`` says."""
    snapshot = ledger.snapshot
    match what:
        case PoolChange():
            pool = Entity(snapshot.pools.moid[what.pool], snapshot.pools.name[what.pool])
            action = SetPool(pool, PoolSetting(what.setting), None, None)
            return mode_of_action(action, ledger.rulebook, snapshot)
        case Switch():
            host = Entity(snapshot.hosts.moid[what.host], snapshot.hosts.name[what.host])
            switch = ProvisionHost(host) if what.on else SuspendHost(host)
            return mode_of_action(switch, ledger.rulebook, snapshot)
        case _:
            return Mode(int(ledger.rulebook.modes[what.kind][what.vm]))
