"""What Operations knows of the guests, which vCenter does not tell: the memory that they need.

VMware Tools send it to the VMX every 20 s; Operations collects and averages it (metric group
*Guest*). Names of keys are those of the VMWARE adapter of Operations 8; others can be named.

Its *Page In Rate* is not asked for unless it is named: it counts ordinary file reads, too, which
say nothing of want.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vsphere_market.estate import Snapshot
from vsphere_market.integrations.operations.client import Operations
from vsphere_market.units import FloatArray

#: KiB that the guest needs to run without paging.
NEEDED_KEY = "guest|mem.needed_latest"
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


class OperationsGuests:
    """Guests' figures from Operations; a ``demand.GuestSource``.

    Args:
        operations: whom to ask.
        needed_key: statistic of the memory that a guest needs, KiB.
        page_in_key: statistic of what it pages in from its swap, KiB/s; "" for none.
    """

    def __init__(
        self, operations: Operations, *, needed_key: str = NEEDED_KEY, page_in_key: str = ""
    ) -> None:
        self._operations = operations
        self._needed, self._paged = needed_key, page_in_key

    def guests(self, snapshot: Snapshot) -> GuestFigures:
        """Ask for the guests of a snapshot.

        Raises:
            UnreachableError, NotPermittedError: as ``Operations`` says.
        """
        known = self._operations.resources("VirtualMachine", snapshot.source.instance_uuid)
        ids = [known[moid] for moid in snapshot.vms.moid if moid in known]
        keys = [key for key in (self._needed, self._paged) if key]
        latest = self._operations.latest(ids, keys)
        needed = np.full(len(snapshot.vms), np.nan)
        paged = np.full(len(snapshot.vms), np.nan)
        for row, moid in enumerate(snapshot.vms.moid):
            figures = latest.get(known.get(moid, ""), {})
            needed[row] = figures.get(self._needed, np.nan) / _KIB
            paged[row] = figures.get(self._paged, np.nan)
        return GuestFigures(needed, paged, "Operations")
