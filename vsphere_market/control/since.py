"""Since when: how long VMs have been short of memory, from the samples that the journal keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vsphere_market.estate import Snapshot
from vsphere_market.journal import Filter, Journal, VmSample, estate_key
from vsphere_market.market import Cause, VmDiagnosis
from vsphere_market.market.diagnosis import NOTICEABLE_SHARE
from vsphere_market.units import BoolArray, FloatArray

#: So many looks are gone back at most: two days of five minutes, and a month of hours.
_MOST_CYCLES = 1300
#: A guest counts as full from this share of its size on, in samples that keep working sets.
_FULL_SHARE = 0.88


@dataclass(frozen=True, slots=True)
class Since:
    """How long a shortage has lasted without a calm look between.

    Attributes:
        at_s: Unix time of the oldest look that showed it.
        looks: so many looks in a row showed it.
        at_least: nothing older is known, so it may have begun earlier.
    """

    at_s: float
    looks: int
    at_least: bool


def squeezed_since(
    journal: Journal | None,
    snapshot: Snapshot,
    squeezed: Sequence[VmDiagnosis],
    most: int = _MOST_CYCLES,
) -> Mapping[str, Since]:
    """Managed object id -> since when, for those VMs that earlier looks knew.

    Args:
        journal: where looks are kept; None for nowhere.
        snapshot: the present look.
        squeezed: who is short of memory in it.
        most: so many looks are gone back at most.

    Raises:
        StorageError, BusyError, JournalError: the journal cannot be read.
    """
    if journal is None or not squeezed:
        return {}
    open_ = {item.vm.moid: item.cause for item in squeezed}
    found: dict[str, Since] = {}
    wanted = Filter(estate=estate_key(snapshot.source), limit=most)
    for cycle in journal.cycles(wanted):
        if not open_:
            break
        if cycle.started_s > snapshot.taken_at_s:
            continue
        sample = journal.vm_sample(cycle.id)
        if sample is None:
            continue
        places = {moid: at for at, moid in enumerate(sample.moids)}
        taken, full = _taken(sample), _full(sample)
        for moid, cause in list(open_.items()):
            at = places.get(moid)
            if at is None:
                # It did not exist, or was not seen: nothing older is asked.
                del open_[moid]
            elif (full if cause is Cause.GUEST_FULL else taken)[at]:
                looks = found[moid].looks + 1 if moid in found else 1
                found[moid] = Since(cycle.started_s, looks, at_least=True)
            else:
                if moid in found:
                    before = found[moid]
                    found[moid] = Since(before.at_s, before.looks, at_least=False)
                del open_[moid]
    return found


def _taken(sample: VmSample) -> BoolArray:
    """(V,) memory was taken from the VM, or came back."""
    size = _column(sample, "size_mib")
    taken = sum(
        np.nan_to_num(_column(sample, name))
        for name in ("ballooned_mib", "swapped_mib", "compressed_mib")
    )
    rates = sum(
        np.nan_to_num(_column(sample, name))
        for name in ("swap_in_kibps", "decompress_kibps", "latency_pct")
    )
    short: BoolArray = (taken > NOTICEABLE_SHARE * size) | (np.asarray(rates) > 0)
    return short


def _full(sample: VmSample) -> BoolArray:
    """(V,) its guest used nearly all that it has."""
    active = np.fmax(_column(sample, "active_mib"), _column(sample, "active_peak_mib"))
    used = np.fmax(active, _column(sample, "working_set_mib"))
    full: BoolArray = used >= _FULL_SHARE * _column(sample, "size_mib")
    return full


def _column(sample: VmSample, name: str) -> FloatArray:
    """A column of the sample, NaN where it was not kept."""
    column = sample.columns.get(name)
    return np.full(len(sample.moids), np.nan) if column is None else column
