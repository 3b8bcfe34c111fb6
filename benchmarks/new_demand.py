"""After a change of demand: how soon the pain is over, and whether it is quiet then.

    python -m benchmarks.new_demand [--seeds N] [--minutes M …] [--controller C] [-o FILE]

The estate ``mocks/estates/new-demand.json``: two hours pass in which nothing hurts, then all VMs of
two hosts work with nearly four times as much memory, for good. The market looks every five minutes,
and nobody has watched before. How much of the change the first cycle after it sees is chance, so it
comes ``--minutes`` after a cycle (0.3, 2.4 and 4.2): the first sees nearly all, half or hardly any.

Per kinds of action that are allowed, minutes and seed, against the same seed with nothing done:
``cycles`` after the change until no span of five minutes has more than 5 % of the pain of doing
nothing any more (1: it is over before the second cycle); ``pain`` and ``pain_of_nothing`` in
VM-hours; actions ``first``, within the first three cycles, and ``later``, each with the hours since
the first cycle that saw something.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.telling import tell
from vsphere_market.plant import EstateSpec
from vsphere_market.plant.spec import VmSpec
from vsphere_market.plant.workload import Shape
from vsphere_market.port import ActionKind
from vsphere_market.proving.backtest import spread
from vsphere_market.proving.controller import PERIOD_S
from vsphere_market.proving.jobs import estate_of
from vsphere_market.proving.roster import parse
from vsphere_market.proving.trial import ALL_KINDS, MIGRATE_ONLY, Setup, run

ESTATE = Path(__file__).resolve().parents[1] / "mocks" / "estates" / "new-demand.json"
KINDS = {"migrate": MIGRATE_ONLY, "all": ALL_KINDS}
#: Pain is over where no more than this share of that of doing nothing is left.
OVER = 0.05
#: Within so many cycles.
CYCLES = 3


def changing(spec: EstateSpec, minutes: float) -> EstateSpec:
    """The estate with its change so many minutes after a cycle."""

    def later(shape: Shape) -> Shape:
        hours = math.floor(shape.numbers.get("after_hours", 0.0)) + minutes / 60.0
        numbers = {**shape.numbers, "after_hours": hours}
        return replace(shape, numbers=numbers) if shape.kind == "step" else shape

    def other(vm: VmSpec) -> VmSpec:
        shapes = tuple(later(shape) for shape in vm.workload.shapes)
        return replace(vm, workload=replace(vm.workload, shapes=shapes))

    return replace(
        spec,
        clusters=tuple(
            replace(cluster, vms=tuple(other(vm) for vm in cluster.vms))
            for cluster in spec.clusters
        ),
    )


def change_h(spec: EstateSpec) -> float:
    """Hours from the start of a trial to when demand changes."""
    (after,) = {
        shape.numbers["after_hours"]
        for cluster in spec.clusters
        for vm in cluster.vms
        for shape in vm.workload.shapes
        if shape.kind == "step"
    }
    return after - spec.warm_up_s / 3600.0


def measure(
    spec: EstateSpec, kinds: frozenset[ActionKind], seed: int, hours: float, who: str = "market"
) -> dict[str, Any]:
    """One seed, with a controller (as ``backtest`` names them) and with nothing done."""
    nothing = run(Setup(spec, parse("none"), seed, hours, kinds))
    market = run(Setup(spec, parse(who), seed, hours, kinds))
    period_h, at = PERIOD_S / 3600.0, change_h(spec)
    # The cycle that is the first to see something of the change.
    first = at - at % period_h + period_h
    spans = zip(market.series["hour"], market.series["pain"], nothing.series["pain"], strict=True)
    hurt = max((end for end, ours, none in spans if ours > OVER * none), default=first)
    began_s = spec.start_s + spec.warm_up_s
    done = sorted(
        ((deed.submitted_s - began_s) / 3600.0 - first, deed.order.action.kind.value)
        for deed in market.deeds
    )
    return {
        "seed": seed,
        "cycles": max(0, round((hurt - first) / period_h)),
        "pain": market.measures["pain"],
        "pain_of_nothing": nothing.measures["pain"],
        "first": sum(hour < CYCLES * period_h for hour, _ in done),
        "later": [[round(hour, 2), kind] for hour, kind in done if hour >= CYCLES * period_h],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--hours", type=float, default=12.0)
    parser.add_argument("--minutes", type=float, nargs="+", default=[0.3, 2.4, 4.2])
    parser.add_argument("--controller", default="market", help="such as market:comfort_now=25")
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args(arguments)
    spec = estate_of(ESTATE, None)[0]
    asked = [
        (name, minutes, (changing(spec, minutes), kinds, seed, options.hours, options.controller))
        for name, kinds in KINDS.items()
        for minutes in options.minutes
        for seed in range(1, options.seeds + 1)
    ]
    found = dict(spread(measure, {at: call for at, (_, _, call) in enumerate(asked)}))
    trials = [
        {"kinds": name, "minutes": minutes, **found[at]}
        for at, (name, minutes, _) in enumerate(asked)
    ]
    print(tell("new_demand", {"hours": options.hours, "trials": trials}, options.output))
    return 0


if __name__ == "__main__":
    sys.exit(main())
