"""A question about a part of an estate: the market sees all of it, but acts on the part alone."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from vsphere_market.control.decide import Frame, decide
from vsphere_market.errors import UsageError
from vsphere_market.estate import Snapshot
from vsphere_market.market import Plan
from vsphere_market.policy import Mode
from vsphere_market.units import BoolArray


@dataclass(frozen=True, slots=True)
class Scope:
    """A part of an estate, by managed object ids; empty is all of it.

    Attributes:
        vms: these VMs.
        hosts: VMs on these hosts.
        clusters: VMs in these clusters.
    """

    vms: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """It is the whole estate."""
        return not (self.vms or self.hosts or self.clusters)


def inside(snapshot: Snapshot, scope: Scope) -> BoolArray:
    """(V,) the VMs within a scope.

    Raises:
        UsageError: it names something that is not there.
    """
    if scope.whole:
        return np.ones(len(snapshot.vms), dtype=np.bool_)
    mask = np.zeros(len(snapshot.vms), dtype=np.bool_)
    for moid in scope.vms:
        mask[_row(snapshot.vms.row(moid), moid, "VM")] = True
    for moid in scope.hosts:
        mask |= snapshot.vms.host == _row(snapshot.hosts.row(moid), moid, "host")
    for moid in scope.clusters:
        mask |= snapshot.vms.cluster == _row(snapshot.clusters.row(moid), moid, "cluster")
    return mask


def decide_within(framed: Frame, scope: Scope) -> Plan:
    """Let the market trade, but only on VMs within a scope; its certificate is for that.

    Others keep their place in every price and every bound, as if policy turned every action off
    for them. Refusals about them are left out.

    Raises:
        UsageError: the scope names something that is not there.
    """
    if scope.whole:
        return decide(framed)
    mask = inside(framed.snapshot, scope)
    modes = {
        kind: np.where(mask, mode, np.int8(Mode.OFF))
        for kind, mode in framed.rulebook.modes.items()
    }
    rulebook = dataclasses.replace(framed.rulebook, modes=modes)
    question = dataclasses.replace(framed.question, rulebook=rulebook)
    plan = decide(dataclasses.replace(framed, question=question))
    moids = {framed.snapshot.vms.moid[row] for row in np.flatnonzero(mask)}
    # What is said of a cluster is about those of its VMs that may be moved: of the scope.
    moids |= set(framed.snapshot.clusters.moid)
    kept = tuple(item for item in plan.refusals if item.subject.moid in moids)
    return dataclasses.replace(plan, refusals=kept)


def _row(row: int, moid: str, what: str) -> int:
    if row < 0:
        raise UsageError(f"is no {what} here", where=moid, cure="look it up again: it may be gone")
    return row
