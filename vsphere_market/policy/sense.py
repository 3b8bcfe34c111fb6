"""What no schema can say about a single document, found without an estate."""

from __future__ import annotations

from collections.abc import Iterator

from vsphere_market.estate import NOT_ON, RUN_ON
from vsphere_market.policy.documents import UNBOUNDED, Document
from vsphere_market.policy.problems import error
from vsphere_market.policy.selectors import AllOf, AnyOf, Not, Selector, SizeRange
from vsphere_market.port import Finding
from vsphere_market.units import gib_text

#: vSphere's own grain of VM memory sizes.
SIZE_GRAIN_MIB = 4

_SIZES = frozenset({"min_size_mib", "max_size_mib", "step_mib"})


def document_findings(document: Document) -> Iterator[Finding]:
    """Everything that is wrong with a document by itself."""
    yield from _size_findings(document)
    yield from _balloon_findings(document)
    yield from _selector_findings(document, document.selector)
    if document.rule is not None:
        yield from _rule_findings(document)
    yield from _budget_findings(document)
    held = document.hold_back
    if held and held.reserve is not None and held.failover_hosts is not None:
        yield error(
            "contradiction",
            document.place("/spec/failoverHosts"),
            "stands beside reservePct, and both say how much is held back",
            "keep one of them, or use two documents for different hosts",
        )


def _budget_findings(document: Document) -> Iterator[Finding]:
    budget = document.budget
    if budget and budget.max_migrations == UNBOUNDED and budget.max_share == UNBOUNDED:
        yield error(
            "missing",
            document.place("/spec"),
            "says no bound",
            "give maxMigrations, maxPct, or both",
        )


def _size_findings(document: Document) -> Iterator[Finding]:
    said = {item.attribute: item for item in document.settings}
    for attribute in sorted(_SIZES & said.keys()):
        item = said[attribute]
        if item.value % SIZE_GRAIN_MIB:
            yield error(
                "wrong-grain",
                document.place(item.pointer),
                f"is {item.value:.10g} MiB; vSphere sizes VMs in multiples of {SIZE_GRAIN_MIB} MiB",
                "give GiB that make such a multiple, for example 0.5",
            )
    if "min_size_mib" in said and "max_size_mib" in said:
        least, most = said["min_size_mib"], said["max_size_mib"]
        if least.value > most.value:
            yield error(
                "contradiction",
                document.place(least.pointer),
                f"is above maxGiB ({gib_text(least.value)} and {gib_text(most.value)})",
                "swap them, or leave one out",
            )


def _balloon_findings(document: Document) -> Iterator[Finding]:
    said = {item.attribute: item for item in document.settings}
    if "balloon_cap_min" in said and "balloon_cap_max" in said:
        least, most = said["balloon_cap_min"], said["balloon_cap_max"]
        if least.value > most.value:
            yield error(
                "contradiction",
                document.place(least.pointer),
                f"is above maxCapPct ({least.value:.4g} and {most.value:.4g} of the size)",
                "swap them, or leave one out",
            )


def _selector_findings(document: Document, selector: Selector) -> Iterator[Finding]:
    match selector:
        case SizeRange():
            if selector.min_mib > selector.max_mib:
                least, most = gib_text(selector.min_mib), gib_text(selector.max_mib)
                yield error(
                    "contradiction",
                    document.place(selector.where),
                    f"no size is at least {least} and at most {most}",
                    "swap min and max",
                )
        case AllOf() | AnyOf():
            for part in selector.parts:
                yield from _selector_findings(document, part)
        case Not():
            yield from _selector_findings(document, selector.part)


def _rule_findings(document: Document) -> Iterator[Finding]:
    rule = document.rule
    assert rule is not None
    wants_hosts, has_hosts = rule.kind in (RUN_ON, NOT_ON), rule.hosts is not None
    if wants_hosts and not has_hosts:
        yield error(
            "missing",
            document.place("/spec"),
            '"hosts" is missing',
            "run-on and not-on need to know which hosts",
        )
    if has_hosts and not wants_hosts:
        yield error(
            "contradiction",
            document.place("/spec/hosts"),
            "keep-together and keep-apart are not about certain hosts",
            "leave hosts out, or add a second document with run-on",
        )
