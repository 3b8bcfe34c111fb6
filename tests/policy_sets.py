"""Random valid policy documents of every kind, in no harmony with each other."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.policies import document

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


@st.composite
def binding_sets(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A few documents that bind, then any others."""
    documents = []
    for at, (kind, spec) in enumerate(draw(st.lists(binding, min_size=1, max_size=4))):
        whole = document(kind, f"b{at}", spec=spec)
        if kind != "capacity":
            whole["selector"] = draw(st.sampled_from([{"name": "vm-*"}, {"name": "vm-[0-6]"}]))
        if kind in {"tier", "sizing", "capacity", "ballooning"}:
            whole["precedence"] = at
        documents.append(whole)
    return documents + draw(policy_sets())
