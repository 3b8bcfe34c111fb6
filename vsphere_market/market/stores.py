"""Datastores sell space, and swap files take it: size less reservation, for as long as a VM runs.

A VM that grows by hot-add, or whose reservation falls, has its swap file grow with it. Where no
datastore of the VM has that much free, vSphere refuses; the market does not ask.
"""

from __future__ import annotations

import numpy as np

from vsphere_market.market.ledger import Ledger, Terms


def lacks_swap_room(ledger: Ledger, vm: int, after: Terms) -> bool:
    """Whether the VM's swap file would have to grow on ``after`` and no datastore lets it.

    Which of a VM's datastores holds the file is not told, so the roomiest counts; where none tells
    what it has free, nothing is ruled out.
    """
    stores = ledger.snapshot.datastores
    own = list(ledger.snapshot.vms.datastores[vm])
    grows = _file(after, vm) - _file(ledger.terms, vm)
    if grows <= 0 or not own:
        return False
    free = stores.free_mib[own]
    return bool(np.isfinite(free).all() and grows > free.max())


def _file(terms: Terms, vm: int) -> float:
    return float(max(terms.size[vm] - min(terms.reservation[vm], terms.size[vm]), 0.0))
