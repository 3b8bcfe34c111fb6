"""For those who are short of memory: since when, and what would cure it at which price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vsphere_market.control.decide import Frame
from vsphere_market.control.since import Since, squeezed_since
from vsphere_market.journal import Journal
from vsphere_market.market import VmDiagnosis
from vsphere_market.market.cures import Cure, cures_of
from vsphere_market.market.eligibility import Eligibility

#: A list goes back a day; ``explain`` goes back as far as anything is known.
_LOOKS = 288


@dataclass(frozen=True, slots=True)
class Remedy:
    """For one VM that is short of memory.

    Attributes:
        since: how long it has lasted; None when no earlier look showed it.
        cheapest: the cheapest cure that is worth it, else what people can do; None for none.
    """

    since: Since | None
    cheapest: Cure | None


def remedies(
    framed: Frame, squeezed: Sequence[VmDiagnosis], journal: Journal | None = None
) -> Mapping[str, Remedy]:
    """Managed object id -> remedy of each of these VMs.

    Raises:
        StorageError, BusyError, JournalError: the journal cannot be read.
    """
    if not squeezed:
        return {}
    ledger = framed.question.ledger()
    eligibility = Eligibility(ledger, framed.question.cooling)
    since = squeezed_since(journal, framed.snapshot, squeezed, _LOOKS)
    found = {}
    for item in squeezed:
        cures = [one for one in cures_of(ledger, eligibility, item) if one.refused is None]
        found[item.vm.moid] = Remedy(since.get(item.vm.moid), cures[0] if cures else None)
    return found
