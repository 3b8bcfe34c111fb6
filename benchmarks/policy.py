"""How long policies take: 10,000 VMs and 200 documents of every kind, loaded and compiled.

    python benchmarks/policy.py [--vms N] [--documents N] [--rounds N] [--json FILE]

Prints a table, and writes the figures as JSON. Compiling includes indexing the estate's names,
evaluating all selectors, merging, and looking for contradictions.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vsphere_market.estate import Snapshot, snapshot_from_json
from vsphere_market.policy import PolicySet, compile_rulebook, explain_vm, load_policies

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
                "size_mib": int(2 ** rng.integers(10, 16)),
                "active_mib": 512,
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
                    "memory_mib": 1 << 20,
                }
                for at in range(hosts)
            ],
            "pools": [{"moid": f"resgroup-{at}", "name": "Resources"} for at in range(clusters)],
            "vms": rows,
        },
        where="benchmark",
    )


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
    """Best of several rounds, seconds, and the last result."""
    best, result = float("inf"), None
    for _ in range(rounds):
        begin = time.perf_counter()
        result = what()
        best = min(best, time.perf_counter() - begin)
    return best, result


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--vms", type=int, default=10_000)
    parser.add_argument("--documents", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
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
    figures = {
        "vms": options.vms,
        "documents": options.documents,
        "load_s": round(load_s, 4),
        "compile_s": round(compile_s, 4),
        "explain_vm_s": round(explain_s, 5),
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
