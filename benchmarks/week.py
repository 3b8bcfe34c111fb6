"""What a week to remember makes of planning: the same clusters, with it and without.

    python -m benchmarks.week [--runs N] [-o FILE]

With a week of demand each VM has memory at 73 dates (``demand.history``), without it one, so that
a host's cost has 148 columns instead of four. For each cluster, with moves at their shipped
price and with moves free:

* ``first``: the market trading to its end, and ``again``: the same on the estate as the first plan
  leaves it, nobody cooling down: that is what most cycles of a loop are. ``seconds`` are wall
  clock, the best of several runs, and so are ``cpu_seconds``;
* ``ratio``: with a week by without, of ``cpu_seconds``.

Every VM swings about what it uses by up to half of that, and those that are on the same quarter of
the hosts peak at the same time, so that there is something to gain by mixing them; estates are
those of ``benchmarks.estates``.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.estates import estate
from benchmarks.placement import FREE
from benchmarks.telling import tell
from vsphere_market.demand import DemandHistory, estimate_demand, identities
from vsphere_market.estate import Snapshot
from vsphere_market.market import MarketSettings, Question, clear
from vsphere_market.market.engine import Answer
from vsphere_market.policy import default_rulebook

SIZES = ((8, 160), (48, 800))
SEED = 1
HOURS = 168


def a_week(snapshot: Snapshot, seed: int) -> DemandHistory:
    """What was seen of an estate hour by hour up to when the snapshot was taken."""
    rng = np.random.default_rng([seed, len(snapshot.vms)])
    now = estimate_demand(snapshot).working_set
    quarter = 4 * snapshot.vms.host // len(snapshot.hosts)
    peak = 6.0 * quarter + rng.normal(0.0, 1.0, len(now))
    swing = rng.uniform(0.0, 1.0, len(now))
    history = DemandHistory()
    for back in range(HOURS - 1, -1, -1):
        at_s = snapshot.taken_at_s - 3600.0 * back
        hour = at_s / 3600.0 % 24.0
        daily = swing * (1.0 + np.cos(2.0 * np.pi * (hour - peak) / 24.0)) / 2.0
        noise = rng.normal(1.0, 0.05, len(now))
        history.update(at_s, identities(snapshot.vms), now * (1.0 - swing / 2.0 + daily) * noise)
    return history


def question(snapshot: Snapshot, history: DemandHistory | None, market: MarketSettings) -> Question:
    """The question to the market."""
    return Question(
        snapshot,
        estimate_demand(snapshot, history),
        default_rulebook(snapshot),
        market,
        np.zeros(len(snapshot.vms), dtype=np.bool_),
    )


def after(asked: Question, answer: Answer) -> Question:
    """The same estate with its VMs where an answer leaves them, all else as it was."""
    vms = dataclasses.replace(asked.snapshot.vms, host=answer.ledger.host_of.copy())
    return dataclasses.replace(asked, snapshot=dataclasses.replace(asked.snapshot, vms=vms))


def timed(asked: Question, runs: int) -> tuple[dict[str, float], Answer]:
    """Trading to the end, best of several runs, and the answer."""
    answer = clear(asked)
    seconds, cpu_seconds = [], []
    for _ in range(runs):
        wall, cpu = time.perf_counter(), time.process_time()
        clear(asked)
        seconds.append(time.perf_counter() - wall)
        cpu_seconds.append(time.process_time() - cpu)
    return {
        "trades": len(answer.trades),
        "seconds": min(seconds),
        "cpu_seconds": min(cpu_seconds),
    }, answer


def measure(hosts: int, vms: int, market: MarketSettings, runs: int) -> dict[str, Any]:
    """One cluster, with and without a week."""
    snapshot = estate(hosts, vms, SEED)
    row: dict[str, Any] = {"hosts": hosts, "vms": vms, "moves_free": market is FREE}
    for name, history in (("present_only", None), ("week", a_week(snapshot, SEED))):
        asked = question(snapshot, history, market)
        first, answer = timed(asked, runs)
        again, _ = timed(after(asked, answer), runs)
        row[name] = {
            "dates": asked.demand.curve.shape[1],
            "columns": answer.ledger.load.shape[1],
            "first": first,
            "again": again,
        }
    row["ratio"] = {
        when: row["week"][when]["cpu_seconds"] / row["present_only"][when]["cpu_seconds"]
        for when in ("first", "again")
    }
    return row


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=3, help="of which the best counts")
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args(arguments)
    rows = [
        measure(hosts, vms, market, options.runs)
        for hosts, vms in SIZES
        for market in (MarketSettings(), FREE)
    ]
    print(tell("week", {"clusters": rows}, options.output))
    return 0


if __name__ == "__main__":
    sys.exit(main())
