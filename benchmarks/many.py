"""A plan for an estate of many clusters: does it take as long a VM as a plan for one?

    python -m benchmarks.many [--clusters N] [--week] [--allow sizes|stops|rests …] [-o FILE]

Clusters of 31 hosts and 500 VMs as ``benchmarks.estates`` makes them, 80 of them in one snapshot
file, which is read, planned for and the plan written, as the command ``plan`` does. ``--week``
gives every VM a week of hours to remember; ``--allow`` lets policies allow more than moves: VMs,
which touch a third of what they did, to be restarted for a size that two months say they need;
every fifth VM to be stopped; hosts, which have twice the memory, to rest. For one cluster and for
all: the seconds of each stage (wall clock), the most memory that the process had held by then, and
steps. ``per_vm`` is what a VM costs among all, over what it costs in one cluster, stage by stage:
1 where work grows as the estate does.
"""

from __future__ import annotations

import argparse
import dataclasses
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.estates import estate
from benchmarks.telling import tell
from benchmarks.week import a_week
from vsphere_market.demand import SizeHistory, estimate_demand, identities
from vsphere_market.estate import Snapshot, read_snapshot, snapshot_from_json, snapshot_to_json
from vsphere_market.estate.files import write_json
from vsphere_market.market import MarketSettings, Question, make_plan
from vsphere_market.market.planfile import write_plan
from vsphere_market.policy import Mode, Rulebook, default_rulebook

HOSTS, VMS = 31, 500


def clusters(count: int) -> Snapshot:
    """So many clusters, each of its own seed, in one estate."""
    whole: dict[str, Any] = {}
    for at in range(count):
        one = snapshot_to_json(estate(HOSTS, VMS, at))
        for kind in ("clusters", "hosts", "vms"):
            for row in one[kind]:
                row["name"] = f"c{at:02d}-{row['name']}"
                row |= {
                    key: f"{row[key]}-{at}" for key in ("moid", "host", "cluster") if row.get(key)
                }
        if whole:
            for kind in ("clusters", "hosts", "vms"):
                whole[kind] += one[kind]
        else:
            whole = dict(one)
    return snapshot_from_json(whole, where="benchmark")


def two_months(snapshot: Snapshot) -> SizeHistory:
    """Of VMs that always wanted about what they want now."""
    wanted, ids = estimate_demand(snapshot).wanted, identities(snapshot.vms)
    history = SizeHistory()
    for hour in range(60 * 24, -1, -1):
        swing = 1.0 + 0.1 * np.sin(hour / 3.8)
        history.observe(snapshot.taken_at_s - 3600.0 * hour, ids, wanted * swing)
    return history


def allowed(snapshot: Snapshot, allow: Sequence[str]) -> Rulebook:
    """What policies would allow."""
    rulebook = default_rulebook(snapshot, Mode.APPROVE)
    vms, hosts = len(snapshot.vms), len(snapshot.hosts)
    return dataclasses.replace(
        rulebook,
        reboot_allowed=np.full(vms, "sizes" in allow),
        may_stop=(np.arange(vms) % 5 == 0) & ("stops" in allow),
        host_may_suspend=np.full(hosts, "rests" in allow),
        host_may_provision=np.full(hosts, "rests" in allow),
    )


def measure(count: int, week: bool, allow: Sequence[str], folder: Path) -> dict[str, Any]:
    """The stages of a plan for ``count`` clusters."""
    file = folder / f"{count}.json"
    made = clusters(count)
    if "sizes" in allow:
        vms = dataclasses.replace(made.vms, active_mib=0.3 * made.vms.active_mib)
        made = dataclasses.replace(made, vms=vms)
    if "rests" in allow:
        hosts = dataclasses.replace(made.hosts, memory_mib=2.0 * made.hosts.memory_mib)
        made = dataclasses.replace(made, hosts=hosts)
    write_json(file, snapshot_to_json(made))
    history = a_week(made, 1) if week else None
    sizes = two_months(made) if "sizes" in allow else None
    seconds: dict[str, float] = {}
    began = time.perf_counter()

    def done(stage: str) -> None:
        nonlocal began
        now = time.perf_counter()
        seconds[stage], began = now - began, now

    snapshot = read_snapshot(file)
    done("read")
    demand = estimate_demand(snapshot, history, sizes=sizes)
    done("estimate")
    cooling = np.zeros(len(snapshot.vms), dtype=np.bool_)
    rulebook = allowed(snapshot, allow)
    plan = make_plan(
        Question(snapshot, demand, rulebook, MarketSettings(), cooling), snapshot.taken_at_s
    )
    done("plan")
    write_plan(folder / f"{count}.plan.json", plan)
    done("write")
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    return {
        "clusters": count,
        "hosts": len(snapshot.hosts),
        "vms": len(snapshot.vms),
        "steps": dict(Counter(str(step.action.kind) for step in plan.steps)),
        "seconds": seconds,
        "most_memory_mib": most,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clusters", type=int, default=80)
    parser.add_argument("--week", action="store_true", help="every VM has a week to remember")
    parser.add_argument("--allow", nargs="*", default=[], choices=("sizes", "stops", "rests"))
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        # The first of all is slower: it finds nothing in any cache.
        measure(1, options.week, options.allow, Path(folder))
        one, all_ = (
            measure(n, options.week, options.allow, Path(folder)) for n in (1, options.clusters)
        )
    per_vm = {
        stage: all_["seconds"][stage] / (options.clusters * one["seconds"][stage])
        for stage in one["seconds"]
    }
    print(tell("many", {"one": one, "all": all_, "per_vm": per_vm}, options.output))
    return 0


if __name__ == "__main__":
    sys.exit(main())
