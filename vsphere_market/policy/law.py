"""What vSphere says already, and policies cannot overrule; and what it did not tell.

The stance beside DRS: where DRS itself moves VMs, the loop does not. Two that move the same VMs by
different scales undo each other's work, so migrations there are at most approved by a person. A VM
whose override takes it out of DRS's hands (``manual`` or ``partiallyAutomated``) is ours again; one
whose override is ``disabled`` was nailed down by somebody, and its migrations are only shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from vsphere_market.estate import TAGS_UNREAD, Snapshot
from vsphere_market.estate.marks import says_stop
from vsphere_market.policy.documents import PolicySet
from vsphere_market.policy.problems import error
from vsphere_market.policy.rulebook import Mode, ModeArray
from vsphere_market.policy.selectors import Field, matches
from vsphere_market.port import ActionKind, Finding
from vsphere_market.units import BoolArray

#: At this migration threshold (of the API, where 5 is least) DRS only keeps rules.
QUIET_RATE = 5.0

DRS_MOVES = "vSphere#/drs"
DRS_OVERRIDE = "vSphere#/drs-override"
VSAN = "vSphere#/vsan"
STOPPED = "vSphere#/stop"
#: For explanations.
LAWS = {
    DRS_MOVES: "DRS is fully automated here and would undo moves; `doctor` tells how to live "
    "together",
    STOPPED: "somebody stopped it in vCenter, by a tag or custom attribute of it or its cluster",
    DRS_OVERRIDE: "its DRS override is disabled, so somebody wants it to stay",
    VSAN: "it runs vSAN, so others' data would go to sleep with it",
}


def stopped(snapshot: Snapshot) -> BoolArray:
    """(V,) VMs that somebody stopped in vCenter, themselves or by their cluster."""
    vms, by_cluster = snapshot.vms, stopped_clusters(snapshot)
    own = [
        says_stop(tags, attributes)
        for tags, attributes in zip(vms.tags, vms.custom_attributes, strict=True)
    ]
    # Row -1, no cluster, finds the entry appended last.
    inherited: BoolArray = np.append(by_cluster, False)[vms.cluster]
    return inherited | np.array(own, dtype=np.bool_)


def stopped_clusters(snapshot: Snapshot) -> BoolArray:
    """(C,) clusters that somebody stopped in vCenter."""
    table = snapshot.clusters
    said = [
        says_stop(tags, attributes)
        for tags, attributes in zip(table.tags, table.custom_attributes, strict=True)
    ]
    return np.array(said, dtype=np.bool_)


def under_stop(
    modes: ModeArray, sources: Sequence[str], halted: BoolArray
) -> tuple[ModeArray, Sequence[str]]:
    """Modes with nothing left to do for the VMs that somebody stopped, with their sources."""
    rows = np.flatnonzero(halted & (modes > Mode.OFF))
    if not len(rows):
        return modes, sources
    modes[rows] = Mode.OFF
    texts = list(sources) or [""] * len(modes)
    for row in rows.tolist():
        texts[row] = STOPPED
    return modes, texts


def moved_by_drs(snapshot: Snapshot) -> BoolArray:
    """(V,) VMs that DRS moves by itself."""
    clusters, vms = snapshot.clusters, snapshot.vms
    full = np.array([text == "fullyAutomated" for text in clusters.drs_behavior], dtype=np.bool_)
    full &= clusters.drs_enabled & ~(clusters.drs_vmotion_rate >= QUIET_RATE)
    on = clusters.drs_enabled & ~(clusters.drs_vmotion_rate >= QUIET_RATE)
    # Row -1, no cluster, finds the entry appended last.
    inherited = np.append(full, False)[vms.cluster]
    active = np.append(on, False)[vms.cluster]
    said = np.array(vms.drs_override, dtype=np.str_)
    moved: BoolArray = np.where(said == "", inherited, active & (said == "fullyAutomated"))
    return moved


def under_drs(
    kind: ActionKind, modes: ModeArray, sources: Sequence[str], snapshot: Snapshot
) -> tuple[ModeArray, Sequence[str]]:
    """Modes as far as DRS leaves room for them, with their sources ("" or none for defaults)."""
    if kind is not ActionKind.MIGRATE or not len(modes):
        return modes, sources
    nailed = np.array([text == "disabled" for text in snapshot.vms.drs_override], dtype=np.bool_)
    # Overrides stay in the configuration when DRS is turned off, and mean nothing then.
    nailed &= np.append(snapshot.clusters.drs_enabled, False)[snapshot.vms.cluster]
    bounds: tuple[tuple[BoolArray, Mode, str], ...] = (
        (moved_by_drs(snapshot), Mode.APPROVE, DRS_MOVES),
        (nailed, Mode.RECOMMEND, DRS_OVERRIDE),
    )
    texts = list(sources) or [""] * len(modes)
    changed = False
    for mask, most, source in bounds:
        rows = np.flatnonzero(mask & (modes > most))
        modes[rows] = most
        for row in rows.tolist():
            texts[row] = source
        changed |= bool(len(rows))
    return modes, texts if changed else sources


def under_vsan(
    may_suspend: BoolArray, sources: Sequence[str], snapshot: Snapshot
) -> tuple[BoolArray, tuple[str, ...]]:
    """Which hosts may be emptied and put into standby, with sources.

    None that runs vSAN, and none in a cluster that somebody stopped.
    """
    runs = np.array([bool(part) for part in snapshot.hosts.vsan], dtype=np.bool_)
    halted = np.append(stopped_clusters(snapshot), False)[snapshot.hosts.cluster]
    texts = list(sources) or [""] * len(may_suspend)
    for mask, source in ((runs, VSAN), (halted, STOPPED)):
        for row in np.flatnonzero(may_suspend & mask).tolist():
            texts[row] = source
    return may_suspend & ~runs & ~halted, tuple(texts)


def untold_findings(policies: PolicySet, snapshot: Snapshot) -> Iterator[Finding]:
    """Documents that ask for tags where tags could not be read.

    Taken as "no VM has a tag", an exclusion by tag would silently be none.
    """
    if not any(line.startswith(TAGS_UNREAD) for line in snapshot.missing):
        return
    for document in policies.documents:
        asked = next((m for m in matches(document.selector) if m.field is Field.TAG), None)
        if asked is not None:
            yield error(
                "tags-unread",
                document.place(asked.where),
                "asks for tags, and the tags of this vCenter could not be read",
                "see what `doctor` says of tags, or select by name, folder or attribute",
            )
