"""Which of the market's moves were needed, as is known afterwards.

    python -m benchmarks.hindsight [NAME …] [--seeds N] [--more PCT]

The market runs once and its orders are kept. Then the same estate, with the same demand and noise,
is given the same orders at the same times but for some, and what can be left out while pain stays
within a hundredth (``--more``) of what it was is left out for good: first the latest moves, many at
a time, halved where that hurts. What remains was needed; that no smaller choice of these moves
would do is not said, nor that other moves would not do better.

Nobody knows that beforehand: a move that proved needless may have been right when it was made. But
it says how much of what is copied is caution, and what could be had at most by less of it.

Prints JSON: per row the medians over the seeds of ``pain`` in VM-hours, ``moves`` and ``moved_gib``
of the market, the same with ``needed`` moves only, and those of the ``best_rival`` from
``docs/results.json``.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.closed_loop import ROWS, comparison
from vsphere_market.estate import Snapshot
from vsphere_market.market.budgets import PastMove
from vsphere_market.proving.backtest import spread
from vsphere_market.proving.controller import PERIOD_S, Circumstances, Controller, Order, Watcher
from vsphere_market.proving.jobs import estate_of
from vsphere_market.proving.roster import make, parse
from vsphere_market.proving.trial import MIGRATE_ONLY, Setup, run

#: Rows of which the market's moves are a first plan and a few more: where thousands of trials
#: would be needed, or where pain jumps with whatever is changed, hindsight says little. Any other
#: row that can be cured may be named.
LOOKED_AT = ("skewed", "two-tier", "heterogeneous", "n-plus-1", "affinity-laden")
RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results.json"


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order and when it was given. ``after``: places, in the whole script, of what it needs."""

    at_s: float
    order: Order
    after: tuple[int, ...]


class Recorder:
    """Decides as another does, and keeps what that one ordered."""

    def __init__(self, controller: Controller) -> None:
        self.period_s = controller.period_s
        self.script: list[Ordered] = []
        self._controller = controller

    def watch(self, snapshot: Snapshot, now_s: float) -> None:
        """Let the other look."""
        if isinstance(self._controller, Watcher):
            self._controller.watch(snapshot, now_s)

    def decide(
        self, snapshot: Snapshot, now_s: float, moves: Sequence[PastMove]
    ) -> Sequence[Order]:
        """What the other says."""
        orders = self._controller.decide(snapshot, now_s, moves)
        first = len(self.script)
        self.script += [
            Ordered(now_s, order, tuple(first + need for need in order.after)) for order in orders
        ]
        return orders


class Player:
    """Gives the orders of a script at their times, but for those at ``left_out``."""

    period_s = PERIOD_S

    def __init__(self, script: Sequence[Ordered], left_out: frozenset[int]) -> None:
        self._due = [(at, one) for at, one in enumerate(script) if at not in left_out]

    def decide(
        self, snapshot: Snapshot, now_s: float, moves: Sequence[PastMove]
    ) -> Sequence[Order]:
        """What is due by now."""
        del snapshot, moves
        due = [(at, one) for at, one in self._due if one.at_s <= now_s]
        self._due = self._due[len(due) :]
        place = {at: n for n, (at, _) in enumerate(due)}
        return [
            Order(one.order.action, tuple(place[need] for need in one.after if need in place))
            for _, one in due
        ]


def needless(
    setup: Setup, script: Sequence[Ordered], most_pain: float, places: Sequence[int]
) -> frozenset[int]:
    """Places of orders that may all be left out with no more than ``most_pain`` VM-hours of pain.

    Args:
        setup: the trial.
        script: what was ordered in it.
        most_pain: VM-hours.
        places: those that are to be looked at.
    """
    found: frozenset[int] = frozenset()
    spans = [tuple(places)] if places else []
    while spans:
        span = spans.pop()
        tried = found | set(span)
        if run(setup, Player(script, tried)).measures["pain"] <= most_pain:
            found = tried
        elif len(span) > 1:
            # The later half is looked at first.
            spans += [span[: len(span) // 2], span[len(span) // 2 :]]
    return found


def looked_at(setup: Setup, more: float) -> dict[str, dict[str, float]]:
    """One trial, and the same with needed moves only; ``more``: share of pain allowed for that."""
    recorder = Recorder(make(setup.controller, Circumstances(setup.kinds, setup.policies)))
    market = run(setup, recorder).measures
    script = recorder.script
    out = needless(setup, script, (1.0 + more) * market["pain"], range(len(script)))
    needed = run(setup, Player(script, out)).measures
    keys = ("pain", "moves", "moved_gib")
    return {
        "market": {key: market[key] for key in keys},
        "needed": {key: needed[key] for key in keys},
    }


def best_rivals(results: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Row -> medians of the rival that is best there by placement alone, as the results have it."""
    best = {row["estate"]: row["best_rival"] for row in results["summary"]["migrate"]["rows"]}
    return {
        row["estate"]: _medians(
            trial for trial in row["trials"] if trial["controller"] == best[row["estate"]]
        )
        for row in results["rows"]
        if row["actions"] == "migrate" and row["estate"] in best
    }


def measure(
    rivals: dict[str, dict[str, float]], names: Sequence[str], seeds: int, more: float
) -> dict[str, dict[str, Any]]:
    """Row -> what :func:`looked_at` finds, medians over the seeds, and the best rival's.

    Args:
        rivals: :func:`best_rivals`.
        names: rows of the standard table.
        seeds: how many.
        more: share of pain allowed.
    """
    estates: list[str] = []
    setups: list[Setup] = []
    for row in ROWS:
        if row.estate not in names:
            continue
        what = comparison(row, "migrate", seeds, row.hours)
        spec = estate_of(what.estate, what.traces)[0]
        for seed in what.seeds:
            estates.append(row.estate)
            setups.append(
                Setup(
                    spec, parse("market"), seed, what.hours, MIGRATE_ONLY, watched_h=what.watched_h
                )
            )
    results = dict(spread(looked_at, {at: (setup, more) for at, setup in enumerate(setups)}))
    found: dict[str, dict[str, Any]] = {}
    for estate in dict.fromkeys(estates):
        trials = [results[at] for at, name in enumerate(estates) if name == estate]
        found[estate] = {
            kind: _medians(trial[kind] for trial in trials) for kind in ("market", "needed")
        }
        found[estate]["best_rival"] = rivals[estate]
    return found


def _medians(trials: Iterable[dict[str, Any]]) -> dict[str, float]:
    trials = list(trials)
    return {
        key: round(statistics.median(trial[key] for trial in trials), 3)
        for key in ("pain", "moves", "moved_gib")
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    rivals = best_rivals(json.loads(RESULTS.read_text(encoding="utf-8")))
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(rivals))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--more", type=float, default=1.0, metavar="PCT", help="pain allowed")
    arguments = parser.parse_args(argv)
    names = arguments.names or LOOKED_AT
    for name in names:
        if name not in rivals:
            parser.error(f"{name} is no row that can be cured; these are: {', '.join(rivals)}")
    print(json.dumps(measure(rivals, names, arguments.seeds, arguments.more / 100.0), indent=1))


if __name__ == "__main__":
    main()
