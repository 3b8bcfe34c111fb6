"""The quote table of one VM: what living on each host of its cluster would cost the market."""

from __future__ import annotations

import numpy as np

from vsphere_market.market.diagnosis import host_entity
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.plan import Quote
from vsphere_market.units import FloatArray


def quotes_for(
    ledger: Ledger, eligibility: Eligibility, vm: int, price: FloatArray | None = None
) -> tuple[Quote, ...]:
    """Quotes of all hosts of the VM's cluster: its own host first, then the cheapest first.

    The quote of its own host is what the potential would fall by if it left.

    Args:
        ledger: the market's state.
        eligibility: what is possible.
        vm: row of the VM.
        price: ``ledger.host_price()``, where the caller has it already.
    """
    home = int(ledger.host_of[vm])
    if home < 0:
        return ()
    market = ledger.market[home]
    hosts = np.flatnonzero(ledger.market == market) if market >= 0 else np.array([home])
    taken = ledger.taken[vm]
    rules = ledger.rules.costs(vm, home)
    price = ledger.host_price() if price is None else price
    loads = ledger.load[hosts].copy()
    at_home = hosts == home
    loads[at_home] = np.maximum(loads[at_home] - taken, 0.0)
    rise = ledger.supply.cost(loads + taken, hosts) - ledger.supply.cost(loads, hosts)
    quotes = [
        Quote(
            host=host_entity(ledger, int(host)),
            price=float(price[host]),
            quote=float(rise[at] + rules[host]),
            refused=None if host == home else eligibility.why_not_move(vm, int(host)),
        )
        for at, host in enumerate(hosts)
    ]
    own = [quote for quote, here in zip(quotes, at_home, strict=True) if here]
    others = [quote for quote, here in zip(quotes, at_home, strict=True) if not here]
    others.sort(key=lambda quote: (quote.refused is not None, quote.quote, quote.host.name))
    return tuple(own + others)
