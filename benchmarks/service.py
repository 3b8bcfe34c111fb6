"""How quickly the service answers many readers while a large estate is loaded.

    python benchmarks/service.py [--vms 40000] [--readers 200] [--think-s 1] [--json FILE]

Makes an estate of 25 clusters, serves it with `vsphere-market serve --snapshot` in a process of its
own, TLS and tokens and limits as they are, and lets that many readers, each a keep-alive HTTPS
connection with a token of its own, look at prices and plan pages with a pause between two looks,
as consoles do. Prints one JSON object: percentiles in milliseconds per page, once with the service
at rest, once while it looks at the estate and plans anew. Ends with 1 when a p95 at rest passes
``--limit-ms``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import ssl
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.serving import serving  # noqa: E402
from vsphere_market.estate import SNAPSHOT_FORMAT, snapshot_from_json, write_snapshot  # noqa: E402
from vsphere_market.service.roles import Role  # noqa: E402
from vsphere_market.service.tokens import TokenStore  # noqa: E402

CLUSTERS = 25
VMS_PER_HOST = 40
GIB = 1024
#: One host in so many has sold more than it has.
HOT_EVERY = 8


def estate(vms: int, seed: int = 1) -> dict[str, Any]:
    """Clusters of hosts with 40 VMs each; every eighth host is over-committed."""
    rng = np.random.default_rng(seed)
    count = max(CLUSTERS, vms // VMS_PER_HOST)
    size = rng.choice([4, 8, 16, 32], vms, p=[0.35, 0.4, 0.2, 0.05]) * GIB
    held = (size * rng.uniform(0.5, 0.95, vms)).round()
    active = (held * rng.beta(3.0, 4.0, vms)).round()
    home = np.arange(vms) % count
    memory = np.zeros(count)
    np.add.at(memory, home, held)
    hot = np.arange(count) % HOT_EVERY == 0
    memory = (memory * np.where(hot, 0.92, 1.45)).round()
    balloon = np.where(hot[home], held * 0.08, 0.0).round()
    return {
        "format": SNAPSHOT_FORMAT,
        "taken_at": "2026-11-23T08:00:00Z",
        "source": {"kind": "file", "name": f"benchmark-{vms}"},
        "clusters": [
            {"moid": f"domain-c{at}", "name": f"cluster-{at:02d}", "datacenter": "DC"}
            for at in range(CLUSTERS)
        ],
        "hosts": [
            {
                "moid": f"host-{at}", "name": f"esx-{at:04d}",
                "cluster": f"domain-c{at % CLUSTERS}", "memory_mib": float(memory[at]),
                "vmkernel_mib": 2048, "low_free_threshold_mib": 900, "cpu_mhz": 100_000.0,
                "vmotion_enabled": True, "vmotion_mbps": 10_000,
            }
            for at in range(count)
        ],
        "vms": [
            {
                "moid": f"vm-{at}", "name": f"vm-{at:05d}", "host": f"host-{home[at]}",
                "cluster": f"domain-c{home[at] % CLUSTERS}", "size_mib": float(size[at]),
                "tools_running": True, "granted_mib": float(held[at] - balloon[at]),
                "active_mib": float(active[at]), "overhead_mib": 80,
                "ballooned_mib": float(balloon[at]), "swapped_mib": 0, "compressed_mib": 0,
                "swap_in_kibps": 0, "decompress_kibps": 0, "latency_pct": 0, "samples": 15,
                "cpu_demand_mhz": 600.0,
            }
            for at in range(vms)
        ],
    }  # fmt: skip


@dataclass
class Seen:
    """What readers saw of one page.

    Attributes:
        ms: milliseconds of each answer.
        bytes: of the last answer, as sent.
        bad: answers other than 200.
    """

    ms: list[float] = field(default_factory=list)
    bytes: int = 0
    bad: int = 0


async def read(
    url: str,
    secret: str,
    trust: ssl.SSLContext,
    pages: dict[str, str],
    seen: dict[str, Seen],
    ends_s: float,
    think_s: float,
    dice: random.Random,
) -> None:
    """One reader: look, pause, look at something else."""
    headers = {"authorization": f"Bearer {secret}", "accept-encoding": "gzip"}
    async with httpx.AsyncClient(
        base_url=url, headers=headers, verify=trust, timeout=60.0
    ) as client:
        await asyncio.sleep(dice.uniform(0.0, think_s))
        while time.monotonic() < ends_s:
            name = dice.choice(list(pages))
            began_s = time.perf_counter()
            try:
                async with client.stream("GET", pages[name]) as answer:
                    raw = [part async for part in answer.aiter_raw()]
                good = answer.status_code == 200
            except httpx.HTTPError:
                raw, good = [], False
            taken_ms = 1000.0 * (time.perf_counter() - began_s)
            seen[name].ms.append(taken_ms)
            seen[name].bytes = sum(map(len, raw))
            seen[name].bad += not good
            await asyncio.sleep(dice.uniform(0.5, 1.5) * think_s)


async def crowd(
    url: str, secrets: Sequence[str], trust: ssl.SSLContext, pages: dict[str, str],
    seconds: float, think_s: float,
) -> dict[str, Seen]:  # fmt: skip
    """All readers for a while."""
    seen = {name: Seen() for name in pages}
    ends_s = time.monotonic() + seconds
    await asyncio.gather(
        *(
            read(url, secret, trust, pages, seen, ends_s, think_s, random.Random(at))
            for at, secret in enumerate(secrets)
        )
    )
    return seen


def told(seen: dict[str, Seen], seconds: float) -> dict[str, Any]:
    """Percentiles per page, and over all."""

    def of(item: Seen) -> dict[str, Any]:
        ms = np.array(item.ms or [float("nan")])
        p50, p95, p99 = np.percentile(ms, [50, 95, 99])
        return {
            "requests": len(item.ms),
            "bad": item.bad,
            "bytes": item.bytes,
            "p50_ms": round(float(p50), 1),
            "p95_ms": round(float(p95), 1),
            "p99_ms": round(float(p99), 1),
            "max_ms": round(float(ms.max()), 1),
        }

    every = Seen([ms for item in seen.values() for ms in item.ms], 0, 0)
    every.bad = sum(item.bad for item in seen.values())
    result = {"all": of(every), **{name: of(item) for name, item in seen.items()}}
    result["all"]["requests_per_s"] = round(len(every.ms) / seconds, 1)
    del result["all"]["bytes"]
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--vms", type=int, default=40_000)
    parser.add_argument("--readers", type=int, default=200)
    parser.add_argument("--think-s", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--limit-ms", type=float, default=250.0)
    parser.add_argument("--ready-s", type=float, default=1800.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="vsphere-market-bench-") as name:
        result = _measure(Path(name), options)
    print(json.dumps(result, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0 if result["at_rest"]["all"]["p95_ms"] <= options.limit_ms else 1


def _measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    path = folder / "estate.json.gz"
    write_snapshot(path, snapshot_from_json(estate(options.vms), where="benchmark"))
    store = TokenStore(folder / "tokens.json")
    secrets = [store.create(f"reader {at}", Role.VIEWER)[1] for at in range(options.readers)]
    began_s = time.monotonic()
    with serving(folder, "--snapshot", path, patience_s=options.ready_s) as service:
        first_s = time.monotonic() - began_s
        trust = ssl.create_default_context(cafile=str(service.certificate))
        here = service.ask("/v1/estate")
        plan = f"/v1/plans/{here['plan']}"
        pages = {
            "prices": "/v1/prices",
            "prices of a cluster": "/v1/prices?cluster=domain-c3",
            "plan": plan,
            "steps": f"{plan}/steps?limit=100",
            "steps, in full": f"{plan}/steps?limit=50&full=true",
            "refusals": f"{plan}/refusals?limit=100",
            "VMs, most squeezed": "/v1/vms?sort=-taken_mib&limit=100",
        }

        def run() -> dict[str, Any]:
            work = crowd(service.url, secrets, trust, pages, options.seconds, options.think_s)
            return told(asyncio.run(work), options.seconds)

        rest = run()
        service.ask("/v1/snapshots", {})
        busy = run()
        over = service.ask("/v1/jobs")["items"][0]["state"]
        return {
            "vms": here["vms"],
            "hosts": here["hosts"],
            "readers": options.readers,
            "think_s": options.think_s,
            "plan_steps": here["plan_steps"],
            "first_turn_s": round(first_s, 1),
            "memory_mib": round(psutil.Process(service.process.pid).memory_info().rss / 2**20),
            "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
            "load_average": round(os.getloadavg()[0], 1),
            "at_rest": rest,
            "while_a_turn_runs": {"turn_was_over_at_the_end": over == "done", **busy},
        }


if __name__ == "__main__":
    sys.exit(main())
