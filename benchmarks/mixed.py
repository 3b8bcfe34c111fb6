"""What no placement can cure: an estate whose hosts are one host with all that they have.

    python -m benchmarks.mixed [NAME …] [--hours H] [--seeds N]

On such a host every VM has the memory of all: nobody is badly placed, nothing has to be moved, no
rule is in the way. What hurts there hurts because of how much is wanted altogether, or because a
balloon that was right an hour ago is wrong now. Placement can come near that and hardly below it,
so it says how much of the pain of doing nothing (``none``) a controller that only migrates may hope
to cure. It is no strict bound: what ESXi does with one large host's memory is not exactly the sum
of what it does with several.

The hosts' memory, VMkernel's share, cores and swap bandwidth are added up; rules and HA are left
out. Prints JSON: per estate the hours, and the median pain over the seeds of ``none`` and of
``mixed``, in VM-hours.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.closed_loop import ROWS, comparison
from vsphere_market.proving.compare import run_many
from vsphere_market.proving.roster import parse_all

#: What hosts have where an estate file says nothing: VMkernel's 1 GiB and a hundredth, swap, cores.
VMKERNEL_GIB, VMKERNEL_SHARE, SWAP_MIBPS, CORES = 1.0, 0.01, 200.0, 32


def mixed(document: dict[str, Any]) -> dict[str, Any]:
    """The estate file with one host in each cluster."""
    clusters = []
    for cluster in document["clusters"]:
        hosts = [host for host in cluster["hosts"] for _ in range(host.get("count", 1))]
        memory = [host["memory_gib"] for host in hosts]
        kernel = [
            host.get("vmkernel_gib", VMKERNEL_GIB + VMKERNEL_SHARE * host["memory_gib"])
            for host in hosts
        ]
        one = {
            "name": "all",
            "memory_gib": sum(memory),
            "vmkernel_gib": sum(kernel),
            "cores": sum(host.get("cores", CORES) for host in hosts),
            "swap_mibps": sum(host.get("swap_mibps", SWAP_MIBPS) for host in hosts),
        }
        vms = [{**vm, "host": "all"} for vm in cluster["vms"]]
        kept = {key: value for key, value in cluster.items() if key not in ("rules", "ha")}
        clusters.append({**kept, "hosts": [one], "vms": vms})
    return {**document, "clusters": clusters}


def measure(names: Sequence[str], hours: float | None, seeds: int) -> dict[str, dict[str, float]]:
    """Estate -> its hours and what doing nothing leaves, on its hosts and on the one."""
    found = {}
    for row in ROWS:
        if names and row.estate not in names:
            continue
        what = comparison(row, "migrate", seeds, hours or row.hours)
        what = replace(what, controllers=parse_all("none"))
        with tempfile.TemporaryDirectory() as folder:
            one = Path(folder) / what.estate.name
            one.write_text(json.dumps(mixed(json.loads(what.estate.read_text()))), encoding="utf-8")
            pain = [
                statistics.median(result["pain"] for result in results)
                for results in run_many(
                    [(replace(what, estate=path), {}) for path in (what.estate, one)],
                    folder=None,
                    workers=None,
                )
            ]
        found[row.estate] = {
            "hours": what.hours,
            "none": round(pain[0], 3),
            "mixed": round(pain[1], 3),
        }
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="rows of the standard table")
    parser.add_argument("--hours", type=float, default=None, help="instead of each row's own")
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args(argv)
    print(json.dumps(measure(arguments.names, arguments.hours, arguments.seeds), indent=1))


if __name__ == "__main__":
    main()
