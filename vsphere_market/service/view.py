"""The latest turn as all readers see it: one frozen view, shared, with its answers on a shelf."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from vsphere_market.control.cycle import CycleReport, Squeeze
from vsphere_market.control.decide import Frame
from vsphere_market.estate import Snapshot
from vsphere_market.market import Cause, HostView, MarketView, Plan, VmDiagnosis
from vsphere_market.market.applications import groups
from vsphere_market.market.bills import Bills, bills_of
from vsphere_market.market.ledger import Ledger
from vsphere_market.service.ready import Shelf
from vsphere_market.service.words import Document
from vsphere_market.units import FloatArray, IndexArray


@dataclass(frozen=True, eq=False)
class View:
    """What one turn saw and decided. Nothing in it changes but what is remembered of answers.

    Attributes:
        number: of the turn, from 1.
        boot: identifies this run of the service; numbers of turns begin anew with it.
        frame: what the decision stands on.
        market: prices and pressure.
        squeeze: how much the estate is squeezed.
        plan: the decision.
        plan_number: its number in the journal.
        made_s: how long the turn took, seconds.
        shelf: answers that are ready.
        kept: documents that answers are made of.
    """

    number: int
    boot: str
    frame: Frame
    market: MarketView
    squeeze: Squeeze
    plan: Plan
    plan_number: int
    made_s: float
    shelf: Shelf = field(default_factory=Shelf)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _metrics: list[bytes] = field(default_factory=list)
    kept: dict[str, Document] = field(default_factory=dict)

    @property
    def snapshot(self) -> Snapshot:
        """The estate."""
        return self.frame.snapshot

    @cached_property
    def ledger(self) -> Ledger:
        """The market's books as the estate stands; only to be read."""
        return self.frame.question.ledger()

    @cached_property
    def bills(self) -> Bills:
        """What each VM pays."""
        return bills_of(self.ledger)

    @cached_property
    def application_of(self) -> Mapping[int, str]:
        """Row of a VM -> the application that it is in; those in none are not there."""
        return {row: name for (_, name), rows in groups(self.snapshot).items() for row in rows}

    @cached_property
    def host_views(self) -> Mapping[str, HostView]:
        """By managed object id."""
        return {item.host.moid: item for item in self.market.hosts}

    @cached_property
    def diagnoses(self) -> Mapping[int, VmDiagnosis]:
        """Squeezed VMs by their row."""
        return {item.row: item for item in self.market.squeezed}

    @cached_property
    def causes(self) -> Mapping[str, Counter[Cause]]:
        """Managed object id of a host -> why its VMs are short of memory."""
        found: dict[str, Counter[Cause]] = {}
        for item in self.market.squeezed:
            found.setdefault(item.host.moid, Counter())[item.cause] += 1
        return found

    @cached_property
    def steps_of(self) -> Mapping[str, tuple[str, ...]]:
        """Managed object id -> ids of the plan's steps about it."""
        found: dict[str, list[str]] = {}
        for step in self.plan.steps:
            found.setdefault(step.action.subject.moid, []).append(step.id)
        return {moid: tuple(ids) for moid, ids in found.items()}

    @cached_property
    def moid_rank(self) -> IndexArray:
        """(V,) the place of each VM in the order of managed object ids: settles ties."""
        moids = self.snapshot.vms.moid
        rank = np.empty(len(moids), dtype=np.int64)
        rank[sorted(range(len(moids)), key=moids.__getitem__)] = np.arange(len(moids))
        return rank

    @cached_property
    def price_of_vm(self) -> FloatArray:
        """(V,) what a MiB costs where the VM is; NaN where it is nowhere."""
        prices = np.full(len(self.snapshot.hosts) + 1, np.nan)
        for row, moid in enumerate(self.snapshot.hosts.moid):
            prices[row] = self.host_views[moid].price
        found: FloatArray = prices[self.snapshot.vms.host]
        return found

    def metrics(self, make: Callable[[], bytes]) -> bytes:
        """The turn's metrics, made when first asked for."""
        if not self._metrics:
            self._metrics.append(make())
        return self._metrics[0]

    def locked(self) -> threading.Lock:
        """Held while something is computed from the ledger that is not safe for two at once."""
        return self._lock


def view_of_report(report: CycleReport, number: int, boot: str, made_s: float) -> View:
    """The view of a turn."""
    return View(
        number=number,
        boot=boot,
        frame=report.frame,
        market=report.view,
        squeeze=report.squeeze,
        plan=report.plan,
        plan_number=report.plan_number,
        made_s=made_s,
    )
