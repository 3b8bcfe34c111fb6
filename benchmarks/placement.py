"""How near to the best placement, how fast, and against hbal: same machine, same run, same goods.

    python -m benchmarks.placement [--quick] [--format table|json] [--seeds N] [-o FILE]

For each instance (``benchmarks.estates``; small ones are solved exactly by HiGHS):

* ``gap_pct``: what the certificate leaves open with moves free, share of the potential;
* ``exact_gap_pct``: how far above the true optimum the plan ends (small instances only);
* ``seconds``: trading to the end and the certificate, wall clock, best of several runs; building
  the question is not counted for us, and reading the text file (a few ms) is for hbal;
* ``hbal_*``: hbal with its own defaults, its memory being our memory good and its CPU our CPU good
  (``benchmarks.rival`` says how exactly). Both also as CPU seconds, which other load on the machine
  does not change. ``runs`` holds the other ways to run it: memory being our footprint good, and
  going on to its own end (``-g 0``);
* ``curve`` and ``hbal_curve``: the potential after k moves. Ours is the end of the plan that the
  market makes when it may make so many moves (``market.limited``), hbal's its own first k;
* ``moves_to_hbal_potential``: with how many of ours it is as low as where hbal ended;
* ``least_moves_to_hbal_potential``: with how many at least anybody's would be: a proof
  (``benchmarks.fewest``), which may stop short of the truth when its time is up.

Moves free means ``FREE``: nothing that a move costs, no dead band, nobody content. ``further_*`` is
the same with exchanges looked for until a tenth of a percent (``FURTHER``), which takes longer.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import rival
from benchmarks.estates import SOLD, estate
from benchmarks.exact import optimum
from benchmarks.fewest import least_moves
from benchmarks.telling import tell
from vsphere_market.demand import estimate_demand
from vsphere_market.market import MarketSettings, Question, clear
from vsphere_market.market.certificate import lower_bound
from vsphere_market.market.eligibility import Eligibility
from vsphere_market.market.engine import Answer
from vsphere_market.market.ledger import Ledger
from vsphere_market.market.placement import Marketplace, marketplaces
from vsphere_market.policy import default_rulebook

FREE = dataclasses.replace(
    MarketSettings(),
    move_cost=0,
    move_fixed=0,
    landing_cost=0,
    discount=0,
    discount_now=0,
    comfort_price=0,
    comfort_now=0,
    minimum_saving=0,
)
FURTHER = dataclasses.replace(FREE, look_ahead=0.001)
SMALL = ((3, 8), (3, 9), (4, 9), (4, 10))
LARGE = ((16, 300), (48, 800), (96, 1500))
#: hbal is told to stop here on the largest instance, where a move takes it half a minute.
MOST_HBAL_MOVES = {(96, 1500): 20}
RUNS = 5
#: Seconds for each proof that nobody needs fewer moves.
PROOF_S = 120.0


@dataclass(frozen=True, slots=True)
class Instance:
    """One estate to place."""

    hosts: int
    vms: int
    seed: int

    def question(self) -> Question:
        """The question to the market, moves free."""
        snapshot = estate(self.hosts, self.vms, self.seed, SOLD if self.hosts >= 16 else 0.6)
        return Question(
            snapshot,
            estimate_demand(snapshot),
            default_rulebook(snapshot),
            FREE,
            np.zeros(self.vms, dtype=np.bool_),
        )


def place_of(question: Question, ledger: Ledger) -> list[Marketplace]:
    """The one cluster as a marketplace."""
    return marketplaces(ledger, Eligibility(ledger, question.cooling))


def solve(question: Question) -> tuple[Answer, float]:
    """The market's answer and its certified bound: what is timed."""
    answer = clear(question)
    return answer, lower_bound(answer.ledger, place_of(question, answer.ledger))


def gap_pct(answer: Answer, bound: float) -> float:
    """What the certificate leaves open, share of the potential."""
    return 100.0 * max(answer.after - bound, 0.0) / answer.after


def ours(instance: Instance, runs: int) -> dict[str, Any]:
    """Our plan, its certificate and its curve."""
    question = instance.question()
    answer, bound = solve(question)
    seconds, cpu_seconds = [], []
    for _ in range(runs):
        wall, cpu = time.perf_counter(), time.process_time()
        solve(question)
        seconds.append(time.perf_counter() - wall)
        cpu_seconds.append(time.process_time() - cpu)
    start = time.perf_counter()
    further, further_bound = solve(dataclasses.replace(question, settings=FURTHER))
    further_seconds = time.perf_counter() - start
    ledger = question.ledger()
    (place,) = place_of(question, ledger)
    plans = place.few(0.0, instance.vms)
    return {
        "hosts": instance.hosts,
        "vms": instance.vms,
        "seed": instance.seed,
        "potential_before": answer.before,
        "potential_after": answer.after,
        "lower_bound": bound,
        "gap_pct": gap_pct(answer, bound),
        "exact_gap_pct": None,
        "moves": len(answer.trades),
        "seconds": min(seconds),
        "cpu_seconds": min(cpu_seconds),
        "further_gap_pct": gap_pct(further, further_bound),
        "further_moves": len(further.trades),
        "further_seconds": further_seconds,
        "curve": [answer.before - sum(trade.saving for trade in trades) for trades in ([], *plans)],
    }


def with_exact(instance: Instance, row: dict[str, Any]) -> dict[str, Any]:
    """Add the true optimum."""
    question = instance.question()
    ledger = question.ledger()
    (place,) = place_of(question, ledger)
    best = optimum(ledger, place)
    gap = 100.0 * (row["potential_after"] - best) / best
    return row | {"optimum": best, "exact_gap_pct": gap}


def with_hbal(instance: Instance, row: dict[str, Any], *, thorough: bool) -> dict[str, Any]:
    """Add what hbal does with the same instance."""
    question = instance.question()
    most = MOST_HBAL_MOVES.get((instance.hosts, instance.vms))
    ways = [("memory", False)]
    if thorough and most is None:
        ways += [("footprint", False), ("memory", True)]
    runs = [rival.run(question.ledger(), good, to_the_end=end, most=most) for good, end in ways]
    (place,) = place_of(question, ledger := question.ledger())
    least = [least_moves(ledger, place, run.curve[-1], PROOF_S) for run in runs]
    first, curve = runs[0], row["curve"]
    return row | {
        "hbal_seconds": first.seconds,
        "hbal_cpu_seconds": first.cpu_seconds,
        "hbal_potential": first.curve[-1],
        "hbal_moves": len(first.curve) - 1,
        "hbal_capped": first.capped,
        "moves_to_hbal_potential": reached(curve, first.curve[-1]),
        "least_moves_to_hbal_potential": least[0],
        "never_above_hbal": never_above(curve, first.curve),
        "speedup": first.seconds / row["seconds"],
        "cpu_speedup": first.cpu_seconds / row["cpu_seconds"],
        "hbal_curve": list(first.curve),
        "runs": [
            {
                "memory": run.memory,
                "to_the_end": run.to_the_end,
                "seconds": run.seconds,
                "cpu_seconds": run.cpu_seconds,
                "moves": len(run.curve) - 1,
                "potential": run.curve[-1],
                "moves_to_its_potential": reached(curve, run.curve[-1]),
                "least_moves_to_its_potential": needed,
                "never_above": never_above(curve, run.curve),
            }
            for run, needed in zip(runs, least, strict=True)
        ],
    }


def reached(curve: Sequence[float], potential: float) -> int | None:
    """After how many moves a curve is as low as a potential; None if never."""
    return next((moves for moves, value in enumerate(curve) if value <= potential), None)


def never_above(curve: Sequence[float], other: Sequence[float]) -> bool:
    """At every number of moves of the other curve this one is as low; it stays where it ends."""
    long = max(len(curve), len(other))
    mine, its = (
        np.array([*values, *[values[-1]] * (long - len(values))]) for values in (curve, other)
    )
    return bool((mine <= its * (1 + 1e-9)).all())


def measure(*, quick: bool, seeds: int) -> list[dict[str, Any]]:
    """All rows; progress goes to stderr."""
    rows = []
    for hosts, vms in SMALL:
        for seed in range(1, seeds + 1):
            instance = Instance(hosts, vms, seed)
            rows.append(with_exact(instance, ours(instance, 1)))
            _say(rows[-1])
    for hosts, vms in LARGE[:1] if quick else LARGE:
        for seed in range(1, seeds + 1 if (hosts, vms) == LARGE[0] else 2):
            instance = Instance(hosts, vms, seed)
            rows.append(with_hbal(instance, ours(instance, RUNS), thorough=not quick))
            _say(rows[-1])
    return rows


COLUMNS = (
    ("hosts", "{:d}"),
    ("vms", "{:d}"),
    ("seed", "{:d}"),
    ("gap_pct", "{:.3f}"),
    ("exact_gap_pct", "{:.3f}"),
    ("moves", "{:d}"),
    ("seconds", "{:.4f}"),
    ("hbal_seconds", "{:.2f}"),
    ("speedup", "{:.0f}"),
    ("cpu_speedup", "{:.0f}"),
    ("potential_after", "{:.4g}"),
    ("hbal_potential", "{:.4g}"),
    ("hbal_moves", "{:d}"),
    ("moves_to_hbal_potential", "{:d}"),
    ("least_moves_to_hbal_potential", "{:d}"),
    ("never_above_hbal", "{}"),
    ("further_gap_pct", "{:.3f}"),
    ("further_seconds", "{:.2f}"),
)


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows for people."""
    lines = [[name for name, _ in COLUMNS]]
    for row in rows:
        values = ((row.get(name), form) for name, form in COLUMNS)
        lines.append(["–" if value is None else form.format(value) for value, form in values])
    widths = [max(len(line[at]) for line in lines) for at in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )


def _say(row: dict[str, Any]) -> None:
    print(table([row]).splitlines()[1], file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small ones and 16 hosts only")
    parser.add_argument("--format", choices=("table", "json"), default="table")
    parser.add_argument("--seeds", type=int, default=3, help="instances of each small size")
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args(arguments)
    rows = measure(quick=options.quick, seeds=options.seeds)
    text = tell("placement", {"instances": rows}, options.output)
    print(text if options.format == "json" else table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
