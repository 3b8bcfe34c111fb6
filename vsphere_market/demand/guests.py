"""What guests say of themselves, where somebody asks them: needed memory and paging.

vCenter cannot see inside a guest. Aria Operations can (by VMware Tools), an agent in the guest can,
and an exporter's file can; each is a :class:`GuestSource`. Its figures become columns of the
snapshot beside the source's name, so that every decision can say what it stands on.
"""

from __future__ import annotations

import dataclasses
from typing import Protocol

import numpy as np

from vsphere_market.estate import Snapshot
from vsphere_market.units import FloatArray


class GuestFigures(Protocol):
    """Figures of the guests of a snapshot, by its rows; NaN where nothing is known.

    Attributes:
        needed_mib: (V,) what the guest needs to run well, its cache included, MiB.
        page_in_kibps: (V,) what it pages in, KiB/s.
        source: where they are from, for people.
    """

    @property
    def needed_mib(self) -> FloatArray:
        """(V,) MiB."""

    @property
    def page_in_kibps(self) -> FloatArray:
        """(V,) KiB/s."""

    @property
    def source(self) -> str:
        """A few words."""


class GuestSource(Protocol):
    """Something that knows guests from the inside."""

    def guests(self, snapshot: Snapshot) -> GuestFigures:
        """The figures of the guests of a snapshot.

        Raises:
            MarketError: it cannot be asked.
        """


def with_guests(snapshot: Snapshot, figures: GuestFigures) -> Snapshot:
    """The snapshot with what guests say; figures that it has already stay where they are."""
    vms = snapshot.vms
    needed = np.where(np.isnan(vms.guest_needed_mib), figures.needed_mib, vms.guest_needed_mib)
    paged = np.where(np.isnan(vms.guest_swap_kibps), figures.page_in_kibps, vms.guest_swap_kibps)
    told = ~np.isnan(figures.needed_mib) | ~np.isnan(figures.page_in_kibps)
    # Who says nothing that is not known already is not named beside who said it.
    news = (np.isnan(vms.guest_needed_mib) & ~np.isnan(figures.needed_mib)) | (
        np.isnan(vms.guest_swap_kibps) & ~np.isnan(figures.page_in_kibps)
    )
    source = [
        (f"{own}, {figures.source}" if own else figures.source)
        if is_told and (is_new or not own)
        else own
        for own, is_told, is_new in zip(vms.guest_source, told.tolist(), news.tolist(), strict=True)
    ]
    more = vms.replace(guest_needed_mib=needed, guest_swap_kibps=paged, guest_source=source)
    return dataclasses.replace(snapshot, vms=more)
