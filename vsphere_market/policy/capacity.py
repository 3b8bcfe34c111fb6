"""What hosts hold back: reserves in percent or in hosts that may fail, and hosts left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vsphere_market.estate import Snapshot
from vsphere_market.policy.documents import Document
from vsphere_market.policy.merge import FlagMerge, NumberMerge, Statements
from vsphere_market.policy.problems import counted, error, quote, warning
from vsphere_market.port import Finding
from vsphere_market.units import BoolArray, FloatArray, IndexArray


@dataclass(frozen=True, slots=True, eq=False)
class Capacity:
    """Effective capacity settings per host, with their sources and what is wrong with them."""

    excluded: BoolArray
    reserve: FloatArray
    overcommit: FloatArray
    failover: FloatArray
    may_suspend: BoolArray
    may_provision: BoolArray
    sources: Mapping[str, tuple[str, ...]]
    findings: tuple[Finding, ...]


def merge_capacity(
    documents: Sequence[tuple[Document, BoolArray]], snapshot: Snapshot, statements: Statements
) -> Capacity:
    """Merge capacity documents, given in rising order of precedence with their hosts."""
    hosts = snapshot.hosts
    excluded = FlagMerge(statements, len(hosts))
    for document, mask in documents:
        if document.hold_back and document.hold_back.exclude:
            excluded.say(document, "/spec/exclude", np.flatnonzero(mask))
    reserve = NumberMerge(statements, np.zeros(len(hosts)))
    failures = NumberMerge(statements, np.zeros(len(hosts)))
    findings: list[Finding] = []
    for document, mask in documents:
        held = document.hold_back
        assert held is not None
        if held.reserve is not None:
            reserve.say(document, "/spec/reservePct", np.flatnonzero(mask), held.reserve)
            failures.say(document, "/spec/reservePct", np.flatnonzero(mask), 0.0)
        if held.failover_hosts is not None:
            # A host that is left out holds nothing that could fail over, and takes nothing.
            rows = np.flatnonzero(mask & ~excluded.value & (hosts.cluster >= 0))
            findings.extend(_failover_findings(document, rows, mask, snapshot))
            share = _failover_share(rows, held.failover_hosts, snapshot)
            reserve.say(document, "/spec/failoverHosts", rows, share)
            failures.say(document, "/spec/failoverHosts", rows, float(held.failover_hosts))
    others = {
        "utilisation": NumberMerge(statements, np.ones(len(hosts))),
        "host_overcommit": NumberMerge(statements, np.full(len(hosts), np.inf)),
        "host_may_suspend": NumberMerge(statements, np.zeros(len(hosts))),
        "host_may_provision": NumberMerge(statements, np.zeros(len(hosts))),
    }
    for document, mask in documents:
        assert document.hold_back is not None
        for said in document.hold_back.numbers:
            others[said.attribute].say(document, said.pointer, np.flatnonzero(mask), said.value)
    for merge in (reserve, *others.values()):
        findings.extend(merge.ties("host", hosts.name))
    used = others.pop("utilisation")
    # A cap on use holds back the rest; the stricter of it and the reserve decides.
    capped = 1.0 - used.value > reserve.value
    held_back = np.where(capped, 1.0 - used.value, reserve.value)
    sources = {}
    if reserve.decided or used.decided:
        sources["host_reserve"] = statements.texts(np.where(capped, used.source, reserve.source))
    if excluded.decided:
        sources["host_excluded"] = statements.texts(excluded.source)
    for name, merge in others.items():
        if merge.decided:
            sources[name] = statements.texts(merge.source)
    capacity = Capacity(
        excluded=excluded.value,
        reserve=held_back,
        overcommit=others["host_overcommit"].value,
        failover=failures.value,
        may_suspend=others["host_may_suspend"].value > 0,
        may_provision=others["host_may_provision"].value > 0,
        sources=sources,
        findings=tuple(findings),
    )
    for array in (capacity.excluded, capacity.reserve, capacity.overcommit, capacity.failover):
        array.setflags(write=False)
    for flag in (capacity.may_suspend, capacity.may_provision):
        flag.setflags(write=False)
    return capacity


def _failover_share(rows: IndexArray, failures: int, snapshot: Snapshot) -> FloatArray:
    """For each row the part that each host of its cluster holds back.

    When the ``failures`` largest of a cluster's hosts fail, what ran on them must fit into what
    the others held back: share = memory of the largest / memory of all.
    """
    share = np.zeros(len(rows))
    clusters = snapshot.hosts.cluster[rows]
    for cluster in np.unique(clusters).tolist():
        members = clusters == cluster
        memory = np.sort(snapshot.hosts.memory_mib[rows[members]])[::-1]
        total = float(memory.sum())
        share[members] = float(memory[:failures].sum()) / total if total > 0 else 0.0
    return share


def _failover_findings(
    document: Document, rows: IndexArray, mask: BoolArray, snapshot: Snapshot
) -> list[Finding]:
    held = document.hold_back
    assert held is not None
    assert held.failover_hosts is not None
    where = document.place("/spec/failoverHosts")
    findings = []
    clusters = snapshot.hosts.cluster[rows]
    for cluster in np.unique(clusters).tolist():
        number = int((clusters == cluster).sum())
        if held.failover_hosts >= number:
            findings.append(
                error(
                    "contradiction",
                    where,
                    f"{held.failover_hosts} of {counted(number, 'host')} in cluster "
                    f"{quote(snapshot.clusters.name[cluster])} may fail, which leaves no host "
                    "to run anything",
                    "lower failoverHosts, or select other hosts",
                )
            )
    alone = int((mask & (snapshot.hosts.cluster < 0)).sum())
    if alone:
        findings.append(
            warning(
                "no-failover",
                where,
                f"{counted(alone, 'selected host')} in no cluster cannot fail over, "
                "so nothing is held back there",
            )
        )
    return findings
