"""Settings that cannot all be kept: found and named before anything runs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vsphere_market.estate import POWERED_ON, Snapshot
from vsphere_market.policy.documents import PolicySet
from vsphere_market.policy.problems import counted, error, listed, quote, warning
from vsphere_market.policy.rule_conflicts import rule_findings
from vsphere_market.policy.rulebook import Rulebook
from vsphere_market.port import Finding
from vsphere_market.units import BoolArray, gib_text


def rulebook_findings(
    rulebook: Rulebook, snapshot: Snapshot, policies: PolicySet
) -> Iterator[Finding]:
    """Everything in a rulebook that contradicts itself or the estate."""
    yield from _crossed(rulebook, snapshot, policies, "min_size_mib", "max_size_mib")
    yield from _crossed(rulebook, snapshot, policies, "balloon_cap_min", "balloon_cap_max")
    yield from _crossed(rulebook, snapshot, policies, "usage_low", "usage_high")
    yield from _crossed(rulebook, snapshot, policies, "usage_low", "size_target")
    yield from _crossed(rulebook, snapshot, policies, "size_target", "usage_high")
    yield from _guarantees(rulebook, snapshot, policies)
    yield from rule_findings(rulebook, snapshot, policies)


def place_of(source: str, policies: PolicySet) -> str:
    """File and pointer of a source text ``document#/pointer``; "the default" for "" ."""
    name, _, pointer = source.partition("#")
    document = policies.named(name)
    return document.place(pointer) if document else "the default"


def _crossed(
    rulebook: Rulebook, snapshot: Snapshot, policies: PolicySet, least: str, most: str
) -> Iterator[Finding]:
    """A least above a most, decided by two documents that each look right by themselves."""
    low, high = getattr(rulebook, least), getattr(rulebook, most)
    rows = np.flatnonzero(low > high)
    nothing = ("",) * len(snapshot.vms)
    lows = rulebook.sources.get(least, nothing)
    highs = rulebook.sources.get(most, nothing)
    groups: dict[tuple[str, str], list[int]] = {}
    for row in rows.tolist():
        groups.setdefault((lows[row], highs[row]), []).append(row)
    for (low_source, high_source), members in groups.items():
        first = members[0]
        yield error(
            "contradiction",
            place_of(low_source or high_source, policies),
            f"for {counted(len(members), 'VM')}, {snapshot.vms.name[first]} among them, the least "
            f"({_amount(least, low[first])}) is above the most ({_amount(most, high[first])}) "
            f"that {place_of(high_source if low_source else '', policies)} says",
            "change one of the two, or make their selectors differ",
        )


def _amount(attribute: str, value: float) -> str:
    return gib_text(value) if attribute.endswith("_mib") else f"{100 * value:.4g} % of the size"


def _guarantees(rulebook: Rulebook, snapshot: Snapshot, policies: PolicySet) -> Iterator[Finding]:
    """Guarantees that the hosts cannot back, cluster by cluster.

    The working set is not known here. It is no less than what is active (then the promise is
    broken already) and no more than the size (then it may become so).
    """
    vms, hosts = snapshot.vms, snapshot.hosts
    on = np.array([power == POWERED_ON for power in vms.power], dtype=np.bool_) & ~vms.template
    promised = on & (rulebook.guarantee > 0)
    if not promised.any():
        return
    usable = np.where(rulebook.host_excluded, 0.0, hosts.memory_mib * (1.0 - rulebook.host_reserve))
    sources = rulebook.sources["guarantee"]
    for cluster in np.unique(vms.cluster[promised]).tolist():
        if cluster < 0:
            continue
        members = promised & (vms.cluster == cluster)
        room = float(usable[hosts.cluster == cluster].sum())
        share = rulebook.guarantee[members]
        active = float((share * np.nan_to_num(vms.active_mib[members])).sum())
        size = float((share * vms.size_mib[members]).sum())
        if size <= room:
            continue
        where = _places(members, sources, policies)
        name = quote(snapshot.clusters.name[cluster])
        promise = f"the guarantee of {counted(int(members.sum()), 'VM')} in cluster {name}"
        if active > room:
            yield error(
                "contradiction",
                where,
                f"{promise} asks for {gib_text(active)} now, and its hosts have {gib_text(room)} "
                "for sale",
                "lower guaranteePct, give it to fewer VMs, or hold back less capacity",
            )
        else:
            yield warning(
                "large-guarantee",
                where,
                f"{promise} may grow to {gib_text(size)}, and its hosts have {gib_text(room)} "
                "for sale",
                "it is kept as far as it goes; lower guaranteePct or give it to fewer VMs",
            )


def _places(members: BoolArray, sources: tuple[str, ...], policies: PolicySet) -> str:
    said = sorted({sources[row] for row in np.flatnonzero(members).tolist()})
    return listed([place_of(source, policies) for source in said])
