"""How long policies take: 10,000 VMs and 200 documents of every kind, loaded, compiled, obeyed.

    python benchmarks/policy.py [--vms N] [--documents N] [--rounds N] [--json FILE]

Prints a table, and writes the figures as JSON. Seconds are the processor's, of which one core is
used, so that what else the machine does is not counted. Compiling includes indexing the estate's
names, evaluating all selectors, merging, and looking for contradictions. What policies add to the
market's time is measured with as many documents that bind nothing (rules and budgets too wide to
matter): the plan is the same with and without them, and the difference is what minding them costs.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vsphere_market.demand import estimate_demand
from vsphere_market.estate import Snapshot, snapshot_from_json
from vsphere_market.market import MarketSettings, Plan, Question, make_plan
from vsphere_market.policy import (
    PolicySet,
    Rulebook,
    compile_rulebook,
    default_rulebook,
    explain_vm,
    load_policies,
    parse_policies,
)

Documents = list[dict[str, Any]]

ROLES = ("web", "db", "app", "dev", "test", "vdi", "mail", "cache")
TIERS = ("gold", "silver", "bronze")
HOSTS_PER_CLUSTER = 20
VMS_PER_HOST = 20


def estate(vms: int) -> Snapshot:
    """An estate of that many VMs in clusters of 20 hosts, with tags, attributes and folders."""
    rng = np.random.default_rng(1)
    hosts = max(1, vms // VMS_PER_HOST)
    clusters = max(1, hosts // HOSTS_PER_CLUSTER)
    roles, tiers = rng.integers(0, len(ROLES), vms), rng.integers(0, len(TIERS), vms)
    sizes = 2 ** rng.integers(10, 16, vms)
    rows = []
    for at in range(vms):
        host, role, tier = at % hosts, ROLES[roles[at]], TIERS[tiers[at]]
        rows.append(
            {
                "moid": f"vm-{at}",
                "name": f"{role}-{tier[0]}-{at:05d}",
                "host": f"host-{host}",
                "cluster": f"domain-c{host % clusters}",
                "pool": f"resgroup-{host % clusters}",
                "folder": f"/DC/vm/{role}/{tier}",
                "size_mib": int(sizes[at]),
                **counters(rng, float(sizes[at])),
                "guest_os": "windows2022srv_64Guest" if at % 3 else "rhel9_64Guest",
                "tags": [f"tier:{tier}", f"role:{role}"],
                "custom_attributes": [f"owner=team-{at % 40}"],
            }
        )
    names = [{"moid": f"domain-c{at}", "name": f"cluster-{at:03d}"} for at in range(clusters)]
    return snapshot_from_json(
        {
            "format": "vsphere-market/snapshot/1",
            "taken_at": "2026-11-23T08:00:00Z",
            "source": {"kind": "file", "name": "benchmark"},
            "clusters": names,
            "hosts": [
                {
                    "moid": f"host-{at}",
                    "name": f"esx-{at:04d}",
                    "cluster": f"domain-c{at % clusters}",
                    "memory_mib": 256 << 10,
                    "vmkernel_mib": 4096,
                    "low_free_threshold_mib": 4096,
                    "vmotion_enabled": True,
                    "vmotion_mbps": 25_000,
                }
                for at in range(hosts)
            ],
            "pools": [{"moid": f"resgroup-{at}", "name": "Resources"} for at in range(clusters)],
            "vms": rows,
        },
        where="benchmark",
    )


def counters(rng: np.random.Generator, size_mib: float) -> dict[str, float | bool]:
    """What a running VM of that size shows: mostly granted, a third of it in use."""
    active = float(size_mib * rng.uniform(0.1, 0.6))
    return {
        "granted_mib": size_mib * 0.85,
        "active_mib": active,
        "active_peak_mib": active * 1.1,
        "overhead_mib": 64.0,
        "ballooned_mib": 0.0,
        "swapped_mib": 0.0,
        "compressed_mib": 0.0,
        "swap_in_kibps": 0.0,
        "latency_pct": 0.0,
        "tools_running": True,
        "samples": 15.0,
    }


def wide(number: int) -> Documents:
    """Documents of every kind that the market minds, and that bind nothing."""
    specs: Sequence[tuple[str, dict[str, Any]]] = (
        ("tier", {"priority": 1}),
        ("automation", {"mode": "approve", "schedule": [{"from": "00:00", "to": "24:00"}]}),
        ("sizing", {"maxGiB": 16384}),
        ("ballooning", {"maxCapPct": 65}),
        ("disruption-budget", {"per": "cluster", "maxMigrations": 100_000, "windowMinutes": 60}),
        ("disruption-budget", {"per": "host", "maxMigrations": 100_000, "windowMinutes": 60}),
        ("placement", {"rule": "at-most", "perHost": 10_000}),
        ("power", {"stop": False}),
        ("capacity", {"maxOvercommitPct": 10_000}),
    )
    made = []
    for at in range(number):
        kind, spec = specs[at % len(specs)]
        where: dict[str, Any] = (
            {"cluster": "cluster-0*"} if kind == "capacity" else {"name": f"{ROLES[at % 8]}-*"}
        )
        if kind == "placement":
            where = {"name": f"{ROLES[at % 8]}-?-*{at % 10}{at % 7}"}
        document: dict[str, Any] = {
            "kind": kind,
            "name": f"{kind} {at}",
            "selector": where,
            "spec": spec,
        }
        if kind in {"tier", "automation", "sizing", "ballooning", "capacity"}:
            document["precedence"] = at
        made.append({"apiVersion": "vsphere-market/v1", **document})
    return made


def market(snapshot: Snapshot, rulebook: Rulebook) -> Plan:
    """A whole plan."""
    nobody = np.zeros(len(snapshot.vms), dtype=np.bool_)
    demand = estimate_demand(snapshot)
    return make_plan(Question(snapshot, demand, rulebook, MarketSettings(), nobody), now_s=0.0)


def selector(at: int) -> dict[str, Any]:
    """One of a dozen forms, from plain prefixes to patterns that need a regular expression."""
    role, tier = ROLES[at % len(ROLES)], TIERS[at % len(TIERS)]
    forms: Sequence[dict[str, Any]] = (
        {"name": f"{role}-*"},
        {"name": [f"{role}-{tier[0]}-{n:05d}" for n in range(at, at + 50)]},
        {"name": f"*-{at % 10}{at % 7}"},
        {"name": f"{role[0]}*-?-*{at % 10}*"},
        {"tag": f"tier:{tier}"},
        {"tag": [f"role:{role}", f"tier:{tier[:2]}*"], "not": {"name": f"*{at % 100:02d}"}},
        {"folder": f"/DC/vm/{role}"},
        {"cluster": f"cluster-0{at % 3}*"},
        {"attribute": f"owner=team-{at % 40}"},
        {"guestOs": "windows*", "sizeGiB": {"min": 4}},
        {
            "any": [
                {"host": f"esx-00{at % 10}*"},
                {"all": [{"tag": "role:db"}, {"power": "poweredOn"}]},
            ]
        },
        {"not": {"any": [{"folder": "/DC/vm/test"}, {"name": "[a-m]*"}]}},
    )
    return forms[at % len(forms)]


def documents(number: int) -> Documents:
    """Valid documents of every kind that do not contradict each other."""
    specs: Sequence[tuple[str, dict[str, Any]]] = (
        ("tier", {"priority": 2, "guaranteePct": 5, "moveSensitivity": 1.5}),
        (
            "automation",
            {"mode": "approve", "modes": {"migrate": "automatic"}, "cooldownMinutes": 30},
        ),
        ("sizing", {"minGiB": 1, "maxGiB": 512, "stepGiB": 1}),
        ("ballooning", {"minCapPct": 0, "maxCapPct": 50}),
        ("disruption-budget", {"per": "cluster", "maxMigrations": 8, "windowMinutes": 60}),
        ("observe-only", {}),
        ("exclusion", {}),
        ("placement", {"rule": "not-on", "hosts": {"host": "esx-0001"}}),
        ("capacity", {"reservePct": 5}),
    )
    made = []
    for at in range(number):
        kind, spec = specs[at % len(specs)]
        document: dict[str, Any] = {
            "apiVersion": "vsphere-market/v1",
            "kind": kind,
            "name": f"{kind} {at}",
            "selector": {"cluster": "cluster-0*"} if kind == "capacity" else selector(at // 2),
            "spec": spec,
        }
        if kind in {"tier", "automation", "sizing", "ballooning", "capacity"}:
            document["precedence"] = at
        made.append(document)
    return made


def measured(what: Callable[[], Any], rounds: int) -> tuple[float, Any]:
    """Best of several rounds, seconds of processor time, and the last result."""
    best, result = float("inf"), None
    for _ in range(rounds):
        begin = time.process_time()
        result = what()
        best = min(best, time.process_time() - begin)
    return best, result


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--vms", type=int, default=10_000)
    parser.add_argument("--documents", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--market-rounds", type=int, default=12)
    parser.add_argument("--json", type=Path, default=Path("build/benchmarks/policy.json"))
    options = parser.parse_args()
    snapshot = estate(options.vms)
    with tempfile.TemporaryDirectory() as folder:
        for at, document in enumerate(documents(options.documents)):
            path = Path(folder) / f"{at:04d}.json"
            path.write_text(json.dumps(document), encoding="utf-8")
        load_s, loaded = measured(lambda: load_policies([Path(folder)]), options.rounds)
    assert isinstance(loaded, PolicySet)
    compile_s, compiled = measured(lambda: compile_rulebook(loaded, snapshot), options.rounds)
    explain_s, _ = measured(
        lambda: explain_vm(compiled.rulebook, snapshot, 0, loaded), options.rounds
    )
    neutral = parse_policies(wide(options.documents), "benchmark")
    plain, without = [], default_rulebook(snapshot)
    minded: list[float] = []
    compiles, book = measured(lambda: compile_rulebook(neutral, snapshot).rulebook, options.rounds)
    for _ in range(options.market_rounds):
        # By turns, so that what else the machine does is shared.
        plain.append(measured(lambda: market(snapshot, without), 1)[0])
        minded.append(measured(lambda: market(snapshot, book), 1)[0])
    steps = len(market(snapshot, book).steps)
    # Of neighbours in time: what slows the machine for a while slows both.
    added = statistics.median(one - other for one, other in zip(minded, plain, strict=True))
    figures = {
        "vms": options.vms,
        "documents": options.documents,
        "load_s": round(load_s, 4),
        "compile_s": round(compile_s, 4),
        "explain_vm_s": round(explain_s, 5),
        "market_s": round(statistics.median(plain), 3),
        "market_steps": steps,
        "neutral_compile_s": round(compiles, 4),
        "added_s": round(added, 3),
        "added_pct": round(100 * added / statistics.median(plain), 1),
        "warnings": len(compiled.findings),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "machine": platform.machine(),
    }
    for name, value in figures.items():
        print(f"{name:14} {value}")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(f"written to {options.json}", file=sys.stderr)


if __name__ == "__main__":
    main()
