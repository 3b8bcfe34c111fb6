"""The quote table of one VM: what living on each host of its cluster would cost the market."""

from __future__ import annotations

import numpy as np

from vsphere_market.market.diagnosis import host_entity
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.plan import Quote
from vsphere_market.units import FloatArray


def price_at(ledger: Ledger, host: int) -> float:
    """Points for one more MiB of working set on a host."""
    return float(ledger.host_price(np.array([host]))[0])


def quotes_for(
    ledger: Ledger,
    eligibility: Eligibility,
    vm: int,
    price: FloatArray | None = None,
    most: int | None = None,
) -> tuple[Quote, ...]:
    """Quotes of the hosts of the VM's cluster: its own first, then the cheapest that would take it.

    Those that would not come last. The quote of its own host is what the potential would fall by
    if it left.

    Args:
        ledger: the market's state.
        eligibility: what is possible.
        vm: row of the VM.
        price: ``ledger.host_price()``, where the caller has it already.
        most: no more than so many, which is quicker.
    """
    home = int(ledger.host_of[vm])
    if home < 0:
        return ()
    market = ledger.market[home]
    hosts = np.flatnonzero(ledger.market == market) if market >= 0 else np.array([home])
    taken = ledger.taken[vm]
    rules = ledger.rules.costs(vm, home)
    asked = ledger.host_price(hosts) if price is None else price[hosts]
    loads = ledger.load[hosts].copy()
    at_home = hosts == home
    loads[at_home] = np.maximum(loads[at_home] - taken, 0.0)
    rise = ledger.supply.cost(loads + taken, hosts) - ledger.supply.cost(loads, hosts)
    quote: list[float] = (rise + rules[hosts]).tolist()
    name = ledger.snapshot.hosts.name
    order = sorted(range(len(hosts)), key=lambda at: (not at_home[at], quote[at], name[hosts[at]]))
    own: list[Quote] = []
    takers: list[Quote] = []
    others: list[Quote] = []
    for at in order:
        host = int(hosts[at])
        refused = None if host == home else eligibility.why_not_move(vm, host)
        found = Quote(host_entity(ledger, host), float(asked[at]), quote[at], refused)
        (own if host == home else takers if refused is None else others).append(found)
        if most is not None and len(own) + len(takers) >= most:
            break
    return (*own, *takers, *others)[:most]
