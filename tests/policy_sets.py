"""Random valid policy documents of every kind, in no harmony with each other."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.policies import document
from vsphere_market.port import ActionKind

#: Everything by itself, what is grave named as it has to be.
UNLEASHED: dict[str, Any] = {
    "mode": "automatic",
    "modes": {kind.value: "automatic" for kind in ActionKind},
}
NIGHT = {"days": ["sun", "mon"], "from": "22:00", "to": "09:30"}

vm_selectors = st.one_of(
    st.sampled_from(["vm-*", "vm-0", "vm-[0-4]", "*1*", "none"]).map(lambda name: {"name": name}),
    st.sampled_from(["domain-c0", "*"]).map(lambda name: {"cluster": name}),
    st.just({"sizeGiB": {"min": 8}}),
    st.just({"power": "poweredOn", "not": {"guestOs": "windows*"}}),
)
host_selectors = st.sampled_from(
    [{"host": "host-*"}, {"host": ["host-0", "host-1"]}, {"cluster": "domain-c1"}]
)
specs = st.one_of(
    st.tuples(
        st.just("tier"),
        st.fixed_dictionaries(
            {"priority": st.sampled_from([0.25, 1, 4])},
            optional={"guaranteePct": st.sampled_from([0, 50, 100])},
        ),
    ),
    st.tuples(st.just("tier"), st.just({"utilisationPct": {"min": 20, "max": 80}})),
    st.tuples(
        st.just("automation"),
        st.sampled_from(
            [
                {"mode": "automatic"},
                UNLEASHED,
                {"modes": {"start": "approve", "suspend-host": "automatic"}},
                {"mode": "off"},
                {"mode": "automatic", "schedule": [NIGHT], "timeZone": "Europe/Berlin"},
                {"freezes": [{"from": "2026-11-01", "to": "2026-12-01"}]},
                {"persistCycles": 3},
            ]
        ),
    ),
    st.tuples(
        st.just("sizing"),
        st.sampled_from(
            [
                {"minGiB": 2},
                {"maxGiB": 8},
                {"stepGiB": 2},
                {"direction": "down"},
                {"direction": "up", "targetPct": 60},
                {"rebootAllowed": True, "percentile": 90, "windowDays": 7},
            ]
        ),
    ),
    st.tuples(
        st.just("capacity"),
        st.sampled_from(
            [
                {"exclude": True},
                {"reservePct": 20},
                {"failoverHosts": 1},
                {"maxUtilisationPct": 70},
                {"maxOvercommitPct": 100},
                {"suspend": True, "provision": True},
                {"suspend": True},
                {"provision": True},
            ]
        ),
    ),
    st.tuples(st.just("power"), st.sampled_from([{"stop": True, "start": True}, {"stop": False}])),
    st.tuples(st.just("power"), st.just({"stop": True, "schedule": [NIGHT]})),
    st.tuples(
        st.just("placement"),
        st.fixed_dictionaries(
            {
                "rule": st.just("at-most"),
                "perHost": st.integers(1, 4),
                "mandatory": st.booleans(),
            }
        ),
    ),
    st.tuples(
        st.just("placement"),
        st.fixed_dictionaries(
            {"rule": st.just("licence-group"), "maxHosts": st.integers(1, 3)},
            optional={"hosts": host_selectors},
        ),
    ),
    st.tuples(st.just("placement"), st.just({"rule": "merge-clusters"})),
    st.tuples(st.just("observe-only"), st.just({})),
    st.tuples(st.just("exclusion"), st.just({"reason": "because"})),
    st.tuples(
        st.just("placement"),
        st.fixed_dictionaries(
            {
                "rule": st.sampled_from(["keep-together", "keep-apart"]),
                "mandatory": st.booleans(),
            }
        ),
    ),
    st.tuples(
        st.just("placement"),
        st.fixed_dictionaries(
            {
                "rule": st.sampled_from(["run-on", "not-on"]),
                "hosts": host_selectors,
                "mandatory": st.booleans(),
            }
        ),
    ),
    st.tuples(st.just("ballooning"), st.sampled_from([{"minCapPct": 30}, {"maxCapPct": 20}])),
    st.tuples(
        st.just("disruption-budget"),
        st.fixed_dictionaries(
            {
                "per": st.sampled_from(["vm", "host", "cluster", "estate"]),
                "maxMigrations": st.integers(0, 9),
                "windowMinutes": st.just(60),
            }
        ),
    ),
)


@st.composite
def policy_sets(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Valid documents of every kind, in no harmony with each other."""
    documents = []
    for at, (kind, spec) in enumerate(draw(st.lists(specs, max_size=8))):
        whole = document(kind, f"d{at}", spec=spec)
        whole["selector"] = draw(host_selectors if kind == "capacity" else vm_selectors)
        if kind in {"tier", "automation", "sizing", "capacity", "ballooning"}:
            whole["precedence"] = draw(st.sampled_from([at, at, at, 0]))
        documents.append(whole)
    return documents


#: Documents that bind where something is to be traded, about all VMs or most.
binding = st.sampled_from(
    [
        ("placement", {"rule": "at-most", "perHost": 1}),
        ("placement", {"rule": "at-most", "perHost": 2}),
        ("placement", {"rule": "at-most", "perHost": 3, "mandatory": True}),
        ("placement", {"rule": "at-most", "perHost": 4, "mandatory": True}),
        ("placement", {"rule": "licence-group", "maxHosts": 1}),
        ("placement", {"rule": "licence-group", "maxHosts": 2}),
        ("placement", {"rule": "keep-apart"}),
        ("placement", {"rule": "keep-together", "mandatory": True}),
        ("disruption-budget", {"maxMigrations": 1, "windowMinutes": 60}),
        ("disruption-budget", {"per": "host", "maxMigrations": 1, "windowMinutes": 60}),
        ("disruption-budget", {"per": "vm", "maxMigrations": 1, "windowMinutes": 240}),
        ("disruption-budget", {"per": "cluster", "maxMigrations": 2, "windowMinutes": 60}),
        ("capacity", {"maxOvercommitPct": 60}),
        ("capacity", {"maxOvercommitPct": 100}),
        ("capacity", {"maxUtilisationPct": 70}),
        ("sizing", {"maxGiB": 8}),
        ("sizing", {"direction": "down"}),
        ("ballooning", {"maxCapPct": 30}),
        ("tier", {"priority": 4, "guaranteePct": 50, "utilisationPct": {"max": 60}}),
    ]
)


#: Documents that open what nobody may do unasked.
opening = st.sampled_from(
    [
        ("sizing", {"rebootAllowed": True}),
        ("sizing", {"rebootAllowed": True, "percentile": 90, "windowDays": 7, "stepGiB": 2}),
        ("power", {"stop": True}),
        ("power", {"start": True}),
        ("power", {"stop": True, "start": True, "schedule": [NIGHT], "timeZone": "Asia/Tokyo"}),
        ("capacity", {"suspend": True}),
        ("capacity", {"provision": True}),
        ("capacity", {"suspend": True, "provision": True}),
        ("placement", {"rule": "merge-clusters"}),
        ("tier", {"priority": 4, "guaranteePct": 100}),
    ]
)


@st.composite
def opening_sets(draw: st.DrawFn, *, merged: bool = False) -> list[dict[str, Any]]:
    """Documents that let the market do all that it can, in whole or for some."""
    documents = [document("automation", "free", spec=UNLEASHED)]
    if merged:
        merge = {"rule": "merge-clusters"}
        documents.append(document("placement", "one estate", selector={"name": "*"}, spec=merge))
    for at, (kind, spec) in enumerate(draw(st.lists(opening, max_size=5, unique_by=str))):
        whole = document(kind, f"o{at}", spec=spec)
        if kind == "placement":
            whole["selector"] = {"name": "*"}
        elif kind == "power":
            whole["selector"] = {"name": draw(st.sampled_from(["vm-[0-4]", "*1*", "*"]))}
        elif kind != "capacity" and draw(st.booleans()):
            whole["selector"] = {"name": draw(st.sampled_from(["vm-[0-4]", "*1*"]))}
        if kind in ("tier", "sizing", "capacity"):
            whole["precedence"] = 100 + at
        documents.append(whole)
    return documents


@st.composite
def binding_sets(draw: st.DrawFn, *, merged: bool = False) -> list[dict[str, Any]]:
    """A few documents that open or bind, then any others; ``merged`` opens clusters for sure."""
    opened = opening_sets(merged=merged)
    none: st.SearchStrategy[list[dict[str, Any]]] = st.just([])
    documents = list(draw(opened if merged else st.one_of(opened, opened, none)))
    fewest = 0 if documents else 1
    for at, (kind, spec) in enumerate(draw(st.lists(binding, min_size=fewest, max_size=4))):
        whole = document(kind, f"b{at}", spec=spec)
        if kind != "capacity":
            whole["selector"] = draw(st.sampled_from([{"name": "vm-*"}, {"name": "vm-[0-6]"}]))
        if kind in {"tier", "sizing", "capacity", "ballooning"}:
            whole["precedence"] = at
        documents.append(whole)
    others: list[dict[str, Any]] = draw(st.one_of(none, policy_sets()))
    return documents + others
