"""Placement documents as rows of a rule table, one per cluster that has VMs of the rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from vsphere_market.estate import KEEP_APART, KEEP_TOGETHER, RUN_ON, RuleTable, Snapshot
from vsphere_market.policy.documents import AT_MOST, LICENCE_GROUP, MERGE_CLUSTERS, Document
from vsphere_market.policy.problems import counted, error, listed, quote, warning
from vsphere_market.policy.rulebook import CrowdRule, MergedClusters
from vsphere_market.port import Finding
from vsphere_market.units import BoolArray


@dataclass(frozen=True, slots=True)
class _Row:
    moid: str
    name: str
    cluster: int
    kind: str
    mandatory: bool
    vms: tuple[int, ...]
    hosts: tuple[int, ...]


class PlacementRules:
    """Collects the rules of placement documents.

    VMs of a rule never change their cluster, so it is split: each cluster has its own row, with its
    own VMs and hosts. VMs on a standalone host cannot be placed at all and are left out; so are
    templates.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.sources: list[str] = []
        self._snapshot = snapshot
        self._rows: list[_Row] = []
        self.crowds: list[CrowdRule] = []
        self.merged: list[MergedClusters] = []

    def add(self, document: Document, vms: BoolArray, hosts: BoolArray | None) -> list[Finding]:
        """Take a placement document with the VMs and hosts that it selects."""
        rule = document.rule
        assert rule is not None
        snapshot = self._snapshot
        placeable = vms & ~snapshot.vms.template & (snapshot.vms.cluster >= 0)
        findings: list[Finding] = []
        if rule.kind == MERGE_CLUSTERS:
            return self._merge(document, placeable)
        for cluster in np.unique(snapshot.vms.cluster[placeable]).tolist():
            members = np.flatnonzero(placeable & (snapshot.vms.cluster == cluster))
            in_cluster = snapshot.hosts.cluster == cluster
            chosen = np.flatnonzero(in_cluster & hosts) if hosts is not None else ()
            self._crowd(document, cluster, members.tolist())
            if rule.kind == AT_MOST or (rule.kind == LICENCE_GROUP and hosts is None):
                continue
            among = rule.kind in (KEEP_TOGETHER, KEEP_APART)
            if among and len(members) < 2:
                continue  # a single VM is neither together nor apart
            kind = RUN_ON if rule.kind == LICENCE_GROUP else rule.kind
            if not among and len(chosen) == 0:
                if kind == RUN_ON:
                    findings.append(_nowhere(document, snapshot, cluster, len(members)))
                continue
            self._rows.append(
                _Row(
                    moid=f"policy/{document.name}/{snapshot.clusters.moid[cluster]}",
                    name=document.name,
                    cluster=cluster,
                    kind=kind,
                    mandatory=rule.must,
                    vms=tuple(members.tolist()),
                    hosts=tuple(int(row) for row in chosen),
                )
            )
            self.sources.append(f"{document.name}#/spec/rule")
        findings.extend(_left_out(document, snapshot, vms))
        return findings

    def _crowd(self, document: Document, cluster: int, members: list[int]) -> None:
        rule = document.rule
        assert rule is not None
        if rule.per_host is None and rule.max_hosts is None:
            return
        self.crowds.append(
            CrowdRule(
                moid=f"policy/{document.name}/{self._snapshot.clusters.moid[cluster]}",
                name=document.name,
                cluster=cluster,
                mandatory=rule.must,
                vms=tuple(members),
                per_host=float("inf") if rule.per_host is None else float(rule.per_host),
                hosts_used=float("inf") if rule.max_hosts is None else float(rule.max_hosts),
            )
        )

    def _merge(self, document: Document, placeable: BoolArray) -> list[Finding]:
        rows = np.unique(self._snapshot.vms.cluster[placeable]).tolist()
        self.merged.append(MergedClusters(document.name, tuple(rows)))
        if len(rows) > 1:
            return []
        names = listed([quote(self._snapshot.clusters.name[row]) for row in rows]) or "no cluster"
        return [
            warning(
                "nothing-to-merge",
                document.place("/selector"),
                f"the document selects VMs of {names} only, so there is nothing to merge",
                "select VMs of two clusters at least",
            )
        ]

    def table(self) -> RuleTable:
        """All rules so far."""
        rows = self._rows
        return RuleTable(
            moid=tuple(row.moid for row in rows),
            name=tuple(row.name for row in rows),
            cluster=np.array([row.cluster for row in rows], dtype=np.int64),
            kind=tuple(row.kind for row in rows),
            mandatory=np.array([row.mandatory for row in rows], dtype=np.bool_),
            enabled=np.ones(len(rows), dtype=np.bool_),
            vms=tuple(row.vms for row in rows),
            hosts=tuple(row.hosts for row in rows),
        )


def _nowhere(document: Document, snapshot: Snapshot, cluster: int, vms: int) -> Finding:
    rule = document.rule
    assert rule is not None
    say = error if rule.must else warning
    return say(
        "contradiction" if rule.must else "no-host",
        document.place("/spec/hosts"),
        f"{counted(vms, 'VM')} of cluster {snapshot.clusters.name[cluster]} should run on these "
        "hosts, and none of them is in that cluster",
        "add hosts of that cluster, or select the VMs of one cluster only",
    )


def _left_out(document: Document, snapshot: Snapshot, vms: BoolArray) -> Iterator[Finding]:
    alone = int((vms & ~snapshot.vms.template & (snapshot.vms.cluster < 0)).sum())
    if alone:
        yield warning(
            "not-placeable",
            document.place("/selector"),
            f"{counted(alone, 'selected VM')} on hosts outside any cluster cannot be placed, "
            "so the rule leaves them out",
        )
