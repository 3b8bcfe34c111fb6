"""How fast the plant steps: four estates, by wall clock and processor time, with a profile.

    python benchmarks/plant.py                 one simulated day of each, five times
    python benchmarks/plant.py --days 30       the whole month of the first
    python benchmarks/plant.py --json out.json the figures as JSON beside

The third is the first with twice the memory; the fourth is small and hot, and tells what a step
costs that hardly has VMs.

The aims: 1,250 VMs through 30 days (172,800 steps) in under 60 s on one core, which is 347 µs a
step; 96 hosts and 1,500 VMs through a day (5,760 steps) in under 3 s, which is 521 µs a step.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import platform
import pstats
import statistics
import time
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from vsphere_market.plant import EstateSpec, World, estate_from_json, read_estate
from vsphere_market.plant.laws import STEP_S

ROOT = Path(__file__).resolve().parents[1]
DAY_STEPS = round(86400 / STEP_S)


def month_estate(name: str = "month", memory_gib: int = 256) -> EstateSpec:
    """1,250 VMs on 80 hosts: recorded and daily demand, sixteen hosts of them over-committed."""
    noise = {"kind": "noise", "sigma": 0.05}
    wave = {"kind": "diurnal", "amplitude": 0.25}
    document = {
        "format": "vsphere-market/estate/1",
        "name": name,
        "workloads": {
            "hosted": {"cache": 0.3, "drift_pct_per_h": 2,
                       "shapes": [{"kind": "trace", "scale": 2}]},
            "wave": {"working_set": 0.3, "footprint": 0.9, "cache": 0.3, "drift_pct_per_h": 2,
                     "shapes": [wave, noise]},
        },
        "clusters": [{
            "name": "main",
            "hosts": [{"name": "esx-{nn}", "count": 80, "memory_gib": memory_gib}],
            "vms": [
                {"name": "hosted-{nnn}", "count": 750, "memory_gib": 16, "workload": "hosted"},
                {"name": "wave-{nnn}", "count": 330, "memory_gib": 16, "workload": "wave"},
                {"name": "crowd-{nnn}", "count": 170, "memory_gib": 24, "workload": "wave",
                 "host": ["esx-0?", "esx-1[0-6]"]},
            ],
        }],
    }  # fmt: skip
    return estate_from_json(document, where="month")


def measure(spec: EstateSpec, days: float, rounds: int) -> dict[str, Any]:
    """Step an estate; each round is a stretch of ``days`` in the life of one world."""
    world = World(spec)
    steps = round(days * DAY_STEPS)
    wall, cpu = [], []
    for _ in range(rounds):
        began, began_cpu = time.perf_counter(), time.process_time()
        for _ in range(steps):
            world.step()
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - began_cpu)
    return {
        "estate": spec.name,
        "vms": len(world.fleet),
        "hosts": len(world.hosts),
        "simulated_days": days,
        "rounds": rounds,
        "wall_s": [round(value, 3) for value in wall],
        "wall_s_median": round(statistics.median(wall), 3),
        "wall_s_best": round(min(wall), 3),
        "cpu_s_median": round(statistics.median(cpu), 3),
        "cpu_s_best": round(min(cpu), 3),
        "us_per_step_median": round(1e6 * statistics.median(wall) / steps, 1),
        "us_per_step_best": round(1e6 * min(wall) / steps, 1),
        "cpu_us_per_step_best": round(1e6 * min(cpu) / steps, 1),
        "host_states": dict(Counter(int(state) for state in world.hosts.worst)),
        "stalled_vms": world.pressure().stalled_vms,
    }


def profile(spec: EstateSpec, steps: int = 400) -> str:
    """Where the processor's time of a step goes."""
    world = World(spec)
    profiler = cProfile.Profile(time.process_time)
    profiler.enable()
    for _ in range(steps):
        world.step()
    profiler.disable()
    out = StringIO()
    pstats.Stats(profiler, stream=out).strip_dirs().sort_stats("tottime").print_stats(14)
    return "\n".join(line for line in out.getvalue().splitlines()[3:] if line.strip())


def main() -> None:
    """Measure, print, and write JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=float, default=1.0, help="simulated days a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    parser.add_argument("--json", type=Path, help="write the figures there")
    arguments = parser.parse_args()
    month = month_estate()
    large, small = (
        read_estate(ROOT / "mocks" / "estates" / f"{name}.json")
        for name in ("large", "two-hot-hosts")
    )
    results = [measure(month, arguments.days, arguments.rounds if arguments.days <= 1 else 1)]
    quiet = month_estate("quiet month", 512)
    results.extend(measure(spec, 1.0, arguments.rounds) for spec in (large, quiet, small))
    for result in results:
        print(
            f"{result['estate']}: {result['vms']} VMs on {result['hosts']} hosts, "
            f"{result['simulated_days']:g} days in {result['wall_s_median']} s "
            f"(best {result['wall_s_best']} s, processor {result['cpu_s_median']} s); "
            f"{result['us_per_step_median']} µs a step, best {result['us_per_step_best']} µs "
            f"(processor {result['cpu_us_per_step_best']} µs)"
        )
    wall_s, cpu_s = (
        results[0][rate] * 30 * DAY_STEPS / 1e6
        for rate in ("us_per_step_best", "cpu_us_per_step_best")
    )
    print(
        f"1,250 VMs x 30 days at the best rate: {wall_s:.0f} s, "
        f"{cpu_s:.0f} s of the processor (aim: under 60)"
    )
    print(
        f"96 hosts x 1 day at best: {results[1]['wall_s_best']} s, "
        f"{results[1]['cpu_s_best']} s of the processor (aim: under 3)"
    )
    if arguments.profile:
        print(profile(month))
    if arguments.json:
        document = {
            "machine": {
                "processor": platform.processor() or platform.machine(),
                "python": platform.python_version(),
                "numpy": np.__version__,
            },
            "results": results,
        }
        arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
