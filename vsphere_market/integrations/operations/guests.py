"""What Operations knows of the guests, which vCenter does not tell: needed memory, paging.

VMware Tools send these to the VMX every 20 s; Operations collects and averages them (metric group
*Guest*). Names of keys are those of the VMWARE adapter of Operations 8; others can be named.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vsphere_market.estate import Snapshot
from vsphere_market.integrations.operations.client import Operations
from vsphere_market.units import FloatArray

#: KiB that the guest needs to run without paging.
NEEDED_KEY = "guest|mem.needed_latest"
#: KiB/s paged in. It counts ordinary file reads, too, so that it is evidence and no more.
PAGE_IN_KEY = "guest|page.inRate_latest"
_KIB = 1024.0


@dataclass(frozen=True, slots=True, eq=False)
class GuestFigures:
    """Figures per VM of a snapshot, NaN where Operations has none.

    Attributes:
        needed_mib: (V,) what the guest needs, MiB.
        page_in_kibps: (V,) what it pages in, KiB/s.
        source: where they are from, for explanations.
    """

    needed_mib: FloatArray
    page_in_kibps: FloatArray
    source: str

    @property
    def known(self) -> int:
        """VMs of which anything is known."""
        return int((~np.isnan(self.needed_mib) | ~np.isnan(self.page_in_kibps)).sum())


def guests_of(
    operations: Operations,
    snapshot: Snapshot,
    *,
    needed_key: str = NEEDED_KEY,
    page_in_key: str = PAGE_IN_KEY,
) -> GuestFigures:
    """Ask Operations for the guests of a snapshot.

    Raises:
        UnreachableError, NotPermittedError: as ``Operations`` says.
    """
    known = operations.resources("VirtualMachine", snapshot.source.instance_uuid)
    ids = [known[moid] for moid in snapshot.vms.moid if moid in known]
    latest = operations.latest(ids, [needed_key, page_in_key])
    needed = np.full(len(snapshot.vms), np.nan)
    paged = np.full(len(snapshot.vms), np.nan)
    for row, moid in enumerate(snapshot.vms.moid):
        figures = latest.get(known.get(moid, ""), {})
        needed[row] = figures.get(needed_key, np.nan) / _KIB
        paged[row] = figures.get(page_in_key, np.nan)
    return GuestFigures(needed, paged, "Operations")
