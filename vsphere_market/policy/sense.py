"""What no schema can say about a single document, found without an estate."""

from __future__ import annotations

from collections.abc import Iterator

from vsphere_market.estate import NOT_ON, RUN_ON
from vsphere_market.policy.documents import (
    AT_MOST,
    LICENCE_GROUP,
    RULE_KINDS,
    UNBOUNDED,
    Document,
)
from vsphere_market.policy.problems import did_you_mean, error, quote
from vsphere_market.policy.schedule import MINUTES_PER_DAY, known_zones
from vsphere_market.policy.schema import Kind
from vsphere_market.policy.selectors import AllOf, AnyOf, Not, Selector, SizeRange
from vsphere_market.port import Finding
from vsphere_market.units import gib_text

#: vSphere's own grain of VM memory sizes.
SIZE_GRAIN_MIB = 4

_SIZES = frozenset({"min_size_mib", "max_size_mib", "step_mib"})


def document_findings(document: Document) -> Iterator[Finding]:
    """Everything that is wrong with a document by itself."""
    yield from _size_findings(document)
    yield from _crossed(document, "balloon_cap_min", "balloon_cap_max", "maxCapPct")
    yield from _crossed(document, "usage_low", "usage_high", "utilisationPct/max")
    yield from _timing_findings(document)
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
    pointers = {item.pointer for item in document.settings}
    if {"/spec/neverShrink", "/spec/direction"} <= pointers:
        yield error(
            "contradiction",
            document.place("/spec/direction"),
            "stands beside neverShrink, and both say whether the VM may shrink",
            'keep one of them; neverShrink is the same as direction "up"',
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


def _crossed(document: Document, low: str, high: str, high_key: str) -> Iterator[Finding]:
    """A least above its most, shares of the size both."""
    said = {item.attribute: item for item in document.settings}
    if low in said and high in said and said[low].value > said[high].value:
        yield error(
            "contradiction",
            document.place(said[low].pointer),
            f"is above {high_key} ({said[low].value:.4g} and {said[high].value:.4g} of the size)",
            "swap them, or leave one out",
        )


def _timing_findings(document: Document) -> Iterator[Finding]:
    timing = document.timing
    if document.kind is Kind.AUTOMATION:
        if document.outside_said and (timing is None or timing.windows is None):
            cure = "add a schedule, or leave outside out"
            yield error(
                "missing", document.place("/spec/outside"), "there is no schedule beside it", cure
            )
        if timing and timing.windows is not None and not document.modes:
            yield error(
                "missing",
                document.place("/spec/schedule"),
                "says when, and the document says nothing that would hold then",
                "give mode or modes; persistCycles and cooldownMinutes hold at all times",
            )
    if document.kind is Kind.POWER and not document.power:
        cure = "give stop, start, or both"
        yield error("missing", document.place("/spec"), "neither allows nor forbids anything", cure)
    if timing is None:
        return
    if timing.zone not in known_zones():
        yield error(
            "unknown-time-zone",
            document.place("/spec/timeZone"),
            f"there is no time zone {quote(timing.zone)}",
            did_you_mean(timing.zone, known_zones()) or "write one such as Europe/Berlin or UTC",
        )
    for at, window in enumerate(timing.windows or ()):
        if window.start_min == window.end_min or window.start_min >= MINUTES_PER_DAY:
            yield error(
                "contradiction",
                document.place(f"/spec/schedule/{at}"),
                "this window never opens",
                "for a whole day write from 00:00 to 24:00",
            )
    for at, freeze in enumerate(timing.freezes):
        if freeze.start >= freeze.end:
            place = document.place(f"/spec/freezes/{at}")
            yield error("contradiction", place, "it ends before it begins", "swap from and to")


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
    has_hosts = rule.hosts is not None
    if rule.kind in (RUN_ON, NOT_ON) and not has_hosts:
        yield error(
            "missing",
            document.place("/spec"),
            '"hosts" is missing',
            "run-on and not-on need to know which hosts",
        )
    if has_hosts and rule.kind not in (RUN_ON, NOT_ON, LICENCE_GROUP):
        yield error(
            "contradiction",
            document.place("/spec/hosts"),
            f"a rule {_TITLES[rule.kind]} is not about certain hosts",
            "leave hosts out, or add a second document with run-on",
        )
    if rule.kind == AT_MOST and rule.per_host is None:
        cure = "say how many of the VMs one host may have"
        yield error("missing", document.place("/spec"), '"perHost" is missing', cure)
    if rule.kind == LICENCE_GROUP and not has_hosts and rule.max_hosts is None:
        cure = "name the licensed hosts, or say how many with maxHosts"
        yield error("missing", document.place("/spec"), '"hosts" is missing', cure)
    if rule.kind == LICENCE_GROUP and rule.mandatory is False:
        yield error(
            "contradiction",
            document.place("/spec/mandatory"),
            "a licence is not kept a little",
            "leave mandatory out, or use run-on for a preference",
        )
    for key, value, kind in (
        ("perHost", rule.per_host, AT_MOST),
        ("maxHosts", rule.max_hosts, LICENCE_GROUP),
    ):
        if value is not None and rule.kind != kind:
            what = f"belongs to a rule {kind}, this one is {_TITLES[rule.kind]}"
            place = document.place(f"/spec/{key}")
            yield error("contradiction", place, what, f"leave {key} out, or make it a {kind}")


_TITLES = {kind: title for title, kind in RULE_KINDS.items()}
