"""Sizes that nobody regrets, over half a year of many guests, and what remembering them costs.

    python -m benchmarks.sizes [--quick] [--format json]

Guests live on the plant's workloads. Every day each is proposed a size that leaves the floor of
``demand.sizing`` at three quarters of it, as the market does, and for comparison one that leaves
the 90th percentile of its usual demand there (Kubernetes' choice); a size is regretted when the
guest is full again within a week (it wants 88 % of it).

Prints one JSON object: regrets as shares of proposals by life, how often the floor would shrink a
guest by a quarter, seconds for a look at all guests, bytes per guest in the journal.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from vsphere_market.demand import SizeHistory, pack_sizes
from vsphere_market.market import MarketSettings
from vsphere_market.plant.shapes import Shape, Sum, grouped
from vsphere_market.units import FloatArray

HOUR_S, DAY_H, WEEK_H = 3600.0, 24, 168
SIZE_MIB = 16_384.0
#: A Tuesday, so that neither week nor month begins with it.
START_S = datetime(2026, 8, 18, tzinfo=UTC).timestamp()
#: Half of the confidence that history can give: what is asked before anything is shrunk.
SURE = 0.5
#: Share of a size that what is needed is to take, and from which on a guest is full.
TARGET, FULL = MarketSettings().guest_target, MarketSettings().guest_full
_DEFAULTS: Mapping[str, Mapping[str, float]] = {
    "diurnal": {"peak_hour": 14.0},
    "month-end": {"days": 3.0},
    "leak": {"restart_days": 30.0},
    "noise": {"minutes": 30.0},
}


def _shape(kind: str, **numbers: float) -> Shape:
    return Shape(kind, {**_DEFAULTS.get(kind, {}), **numbers})


#: Name -> base of the working set and the shapes on top, shares of the size.
LIVES: Mapping[str, tuple[float, list[Shape]]] = {
    "steady": (0.3, [_shape("noise", sigma=0.05)]),
    "office": (0.1, [_shape("diurnal", amplitude=0.2), _shape("weekly", amplitude=0.1)]),
    "weekend": (0.7, [_shape("weekly", amplitude=-0.55), _shape("noise", sigma=0.03)]),
    "month-end": (0.2, [_shape("month-end", amplitude=0.6, days=1.0), _shape("noise", sigma=0.03)]),
    "leak": (0.15, [_shape("leak", per_day=0.02, restart_days=90.0)]),
}


def lived(days: int, copies: int = 1, seed: int = 11) -> tuple[tuple[str, ...], FloatArray]:
    """Names of the guests' lives (V,), and the largest want of each hour (V, hours), MiB."""
    names = tuple(name for name in LIVES for _ in range(copies))
    groups = grouped([LIVES[name][1] for name in names], START_S, np.random.default_rng(seed))
    base = np.array([LIVES[name][0] for name in names])
    count = len(names)
    hours = np.empty((count, days * DAY_H))
    for hour in range(hours.shape[1]):
        peak = np.zeros(count)
        for minute in (0, 30):
            total = Sum(
                working=base.copy(),
                leaked=np.zeros(count),
                footprint=np.ones(count),
                noise=np.ones(count),
                on=np.ones(count, dtype=np.bool_),
            )
            for group in groups:
                group.add(START_S + hour * HOUR_S + 60.0 * minute, total)
            # What leaks is not touched, but it is held, and a guest wants it all the same.
            peak = np.maximum(peak, total.working * total.noise + total.leaked)
        hours[:, hour] = peak * SIZE_MIB
    return names, hours


def proposals(names: tuple[str, ...], hours: FloatArray) -> dict[str, dict[str, list[bool]]]:
    """By proposer and life: whether each proposal was regretted within a week.

    ``shrinks`` tells for each proposal of the floor whether it would free a quarter of the size.
    """
    ids = [f"{name}-{at}" for at, name in enumerate(names)]
    history = SizeHistory()
    told: dict[str, dict[str, list[bool]]] = {}

    def note(who: str, name: str, value: bool) -> None:
        told.setdefault(who, {}).setdefault(name, []).append(value)

    for hour in range(hours.shape[1] - WEEK_H):
        now = hours[:, hour]
        history.observe(START_S + hour * HOUR_S, ids, now)
        if hour % DAY_H != DAY_H - 1:
            continue
        sizing = history.sizing(ids, now)
        sure = sizing.confidence >= SURE
        if not sure.any():
            continue
        ahead = hours[:, hour : hour + WEEK_H].max(axis=1)
        floor, usual = sizing.floor(), sizing.percentile(90.0)
        for at in np.flatnonzero(sure).tolist():
            note("floor", names[at], bool(ahead[at] > FULL * floor[at] / TARGET))
            note("90th percentile", names[at], bool(ahead[at] > FULL * usual[at] / TARGET))
            note("shrinks", names[at], bool(floor[at] / TARGET < 0.75 * SIZE_MIB))
    return told


def measured(vms: int) -> dict[str, float]:
    """What a look at many guests costs, and what they take in the journal."""
    rng = np.random.default_rng(3)
    ids = [f"5029a8c7-0000-4000-8000-{at:012x}" for at in range(vms)]
    level = rng.uniform(500, 64_000, vms)
    history = SizeHistory()
    spent = []
    for hour in range(72):
        want = level * np.exp(rng.normal(0.0, 0.2, vms))
        began = time.perf_counter()
        history.observe(START_S + hour * HOUR_S, ids, want)
        spent.append(time.perf_counter() - began)
    began = time.perf_counter()
    history.sizing(ids, level).floor()
    asked = time.perf_counter() - began
    began = time.perf_counter()
    data = pack_sizes(history)
    return {
        "vms": vms,
        "observe_seconds": round(float(np.median(spent)), 4),
        "floor_seconds": round(asked, 4),
        "pack_seconds": round(time.perf_counter() - began, 4),
        "bytes_per_vm": round(len(data) / vms, 1),
    }


def main(arguments: list[str] | None = None) -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="eleven weeks, one guest a life")
    parser.add_argument("--format", choices=("json",), default="json")
    said = parser.parse_args(arguments)
    names, hours = lived(77 if said.quick else 182, 1 if said.quick else 8)
    told = proposals(names, hours)
    found: dict[str, Any] = {
        who: {name: round(float(np.mean(values)), 4) for name, values in by_life.items()}
        for who, by_life in told.items()
    }
    found["proposals"] = {name: len(values) for name, values in told["floor"].items()}
    found["memory"] = measured(1000 if said.quick else 10_000)
    print(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
