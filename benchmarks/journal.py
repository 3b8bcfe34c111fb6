"""What the journal costs: its share of a cycle, answers from a million decisions, growth per day.

    python benchmarks/journal.py                 # SQLite
    python benchmarks/journal.py --postgresql    # and a PostgreSQL server that it starts itself

The share is taken on the packaged demo and on an estate of 1,500 VMs, with every step automatic:
the time spent in the journal's methods, waiting for the disk included, and in packing and unpacking
what is remembered of demand, over the time of the cycle. A week of demand is there beforehand.
Both run on the plant, where nothing has to be read over a network and tasks take no time of ours.
So there are two shares: of the computing alone, and of a cycle that takes as long as its tasks take
by the plant's clock, which is what a vCenter would show. Answers are timed on a journal of a
million decisions, ten thousand plans of a hundred steps for a thousand VMs.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import platform
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import vsphere_market.control.memory as control_memory
from vsphere_market.control.cycle import Road, one_cycle
from vsphere_market.control.memory import Memory, keep_history
from vsphere_market.control.sources import SHIPPED
from vsphere_market.demand import identities
from vsphere_market.demand.history import HOUR_S, HOURS
from vsphere_market.journal import Filter, Journal, JournalRecorder, Place, open_journal
from vsphere_market.journal.database import Database
from vsphere_market.plant import PlantVCenter
from vsphere_market.policy import parse_policies
from vsphere_market.port import ActionKind

ROOT = Path(__file__).resolve().parent.parent
ESTATES = {"demo": SHIPPED / "demo.json", "large": ROOT / "mocks" / "estates" / "large.json"}
DAY_S = 86_400.0
#: Unix time at which the million begins.
BEGIN_S = 1_750_000_000.0
PLANS, STEPS, VMS, HOSTS = 10_000, 100, 1_000, 64


class Watch:
    """Adds up the time spent in a class's public methods, the outermost call only."""

    def __init__(self) -> None:
        self.spent_s = 0.0
        self.calls = 0
        self._depth = threading.local()

    def over(self, kind: type) -> None:
        """Time every public method of a class."""
        for name, method in list(vars(kind).items()):
            if callable(method) and not name.startswith("_") and name not in ("own", "close"):
                setattr(kind, name, self._timed(method))

    def over_functions(self, module: ModuleType, *names: str) -> None:
        """Time functions that a module calls."""
        for name in names:
            setattr(module, name, self._timed(getattr(module, name)))

    def _timed(self, method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def timed(*arguments: Any, **named: Any) -> Any:
            if getattr(self._depth, "in_it", False):
                return method(*arguments, **named)
            self._depth.in_it = True
            begun = time.perf_counter()
            try:
                return method(*arguments, **named)
            finally:
                self.spent_s += time.perf_counter() - begun
                self.calls += 1
                self._depth.in_it = False

        return timed


def automatic() -> Any:
    """Policies that let everything go ahead, as the heaviest writer."""
    document = {
        "apiVersion": "vsphere-market/v1",
        "kind": "automation",
        "name": "all",
        "spec": {"mode": "automatic"},
    }
    return parse_policies([document], "benchmark")


def share(name: str, place: Place, cycles: int, watch: Watch) -> dict[str, Any]:
    """The journal's share of some cycles of an estate, and its growth."""
    plant = PlantVCenter.from_file(ESTATES[name])
    totals, tasks, parts, steps, vms = [], [], [], [], 0
    with open_journal(place) as journal:
        remember_a_week(plant, journal)
        road = Road(plant, journal, automatic(), who="benchmark")
        before = size_bytes(journal)
        for number in range(cycles):
            now_s = plant.clock.now_s()
            spent, begun = watch.spent_s, time.perf_counter()
            report = one_cycle(road, number + 1)
            totals.append(time.perf_counter() - begun)
            tasks.append(plant.clock.now_s() - now_s)
            parts.append(watch.spent_s - spent)
            steps.append(report.done)
            vms = len(report.frame.snapshot.vms)
            plant.step_to(max(plant.clock.now_s(), now_s + 300.0))
        grown = (size_bytes(journal) - before) / cycles
    return {
        "vms": vms,
        "cycles": cycles,
        "steps_done": sum(steps),
        "computing_s": round(statistics.fmean(totals), 4),
        "tasks_s": round(statistics.fmean(tasks), 1),
        "journal_s": round(statistics.fmean(parts), 4),
        "journal_longest_s": round(max(parts), 4),
        "share_of_computing_pct": round(100 * sum(parts) / sum(totals), 2),
        "share_of_cycle_pct": round(100 * sum(parts) / (sum(totals) + sum(tasks)), 3),
        "share_of_a_minute_pct": round(100 * statistics.fmean(parts) / 60.0, 3),
        "bytes_per_cycle": round(grown),
        "bytes_per_vm_and_cycle": round(grown / vms, 1),
        "mib_per_day": round(grown * DAY_S / 300.0 / 2**20, 1),
    }


def remember_a_week(plant: PlantVCenter, journal: Journal) -> None:
    """Write down the hours of a week before now, as the loop would have."""
    snapshot = plant.observe()
    memory, rng = Memory(), np.random.default_rng(1)
    ids = identities(snapshot.vms)
    base = np.nan_to_num(snapshot.vms.active_mib, nan=1024.0) * 1.2
    for back in range(HOURS, 0, -1):
        seen = base * rng.uniform(0.7, 1.3, len(ids))
        memory.history.update(snapshot.taken_at_s - back * HOUR_S, ids, seen)
        memory.sizes.observe(snapshot.taken_at_s - back * HOUR_S, ids, seen)
    keep_history(journal, snapshot, memory)


def size_bytes(journal: Journal) -> int:
    """What the journal takes on the disk."""
    if isinstance(journal.place, Path):
        journal.database.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        return journal.place.stat().st_size
    ((size,),) = journal.database.rows(
        "SELECT CAST(sum(pg_total_relation_size(c.oid)) AS BIGINT) FROM pg_class c "
        "WHERE c.relnamespace = to_regnamespace(current_schema()) AND c.relkind = 'r'"
    )
    return int(size or 0)


def fill(db: Database) -> None:
    """A million decisions."""
    with db.transaction():
        for first in range(0, PLANS, 500):
            numbers = range(first, first + 500)
            db.run_many(
                "INSERT INTO cycles (id, estate, kind, source, engine, started_s, status, "
                "sentence, vms, hosts) VALUES (?, ?, 'run', ?, '1', ?, 'done', '', 1000, 64)",
                [
                    (one + 1, f"uuid-{one % 2}", f"vc-{one % 2}", BEGIN_S + 300.0 * one)
                    for one in numbers
                ],
            )
            db.run_many(
                "INSERT INTO plans (id, cycle_id, estate, source, created_s, expires_s, policies, "
                "engine, potential_before, potential_after, lower_bound, steps, refusals) "
                "VALUES (?, ?, ?, ?, ?, ?, '', '1', 2.0, 1.0, 1.0, ?, 0)",
                [
                    (
                        one + 1,
                        one + 1,
                        f"uuid-{one % 2}",
                        f"vc-{one % 2}",
                        BEGIN_S + 300.0 * one,
                        BEGIN_S + 300.0 * one + 1800.0,
                        STEPS,
                    )
                    for one in numbers
                ],
            )
            marks = ", ".join("?" * 16)
            db.run_many(
                f"INSERT INTO decisions VALUES ({marks})",  # noqa: S608 - question marks
                [decision(one, step) for one in numbers for step in range(STEPS)],
            )
    db.run("ANALYZE")


def decision(plan: int, step: int) -> tuple[Any, ...]:
    """One of them."""
    vm = (plan * 37 + step * 11) % VMS
    moves = step % 4
    return (
        plan + 1,
        step,
        BEGIN_S + 300.0 * plan,
        f"s{step + 1}",
        "migrate" if moves else "limit",
        f"vm-{vm}",
        f"web-{vm:04d}",
        f"esx-{vm % HOSTS}" if moves else "",
        f"esx-{(vm + step) % HOSTS}" if moves else "",
        None if moves else 4096,
        None,
        step // 8,
        1000.0 + step,
        10.0,
        "approve",
        "The host has sold more than it has: a MiB costs 3114 there and 1.7 elsewhere.",
    )


QUESTIONS: dict[str, Filter] = {
    "newest_50": Filter(limit=50),
    "of_a_vm": Filter(vm="web-0007", limit=50),
    "of_a_vm_by_id": Filter(vm="vm-7", limit=50),
    "of_a_host": Filter(host="esx-3", limit=50),
    "of_a_kind": Filter(kind=ActionKind.LIMIT, limit=50),
    "of_a_day": Filter(since_s=BEGIN_S + 10 * DAY_S, until_s=BEGIN_S + 11 * DAY_S, limit=50),
    "of_a_plan": Filter(plan=5000, limit=500),
    "of_a_vcenter": Filter(estate="uuid-1", limit=50),
    "of_a_vm_on_a_host_since": Filter(
        vm="web-0007", host="esx-7", since_s=BEGIN_S + 5 * DAY_S, limit=50
    ),
    "of_nobody": Filter(vm="nobody", limit=50),
}


def answers(place: Place, rounds: int) -> dict[str, Any]:
    """How long each question takes, milliseconds, the slowest of some rounds."""
    with open_journal(place) as journal:
        begun = time.perf_counter()
        fill(journal.database)
        filled_s = time.perf_counter() - begun
        size = size_bytes(journal)
    found: dict[str, float] = {}
    rows: dict[str, int] = {}
    with open_journal(place, read_only=True) as journal:
        for name, wanted in QUESTIONS.items():
            times = []
            for _ in range(rounds):
                begun = time.perf_counter()
                rows[name] = len(journal.decisions(wanted))
                times.append(time.perf_counter() - begun)
            found[name] = round(1000 * max(times), 2)
        begun = time.perf_counter()
        journal.evidence(0.0)
        scorecard_ms = round(1000 * (time.perf_counter() - begun), 1)
    return {
        "decisions": PLANS * STEPS,
        "slowest_ms": max(found.values()),
        "ms": found,
        "rows": rows,
        "scorecard_ms": scorecard_ms,
        "size_mib": round(size / 2**20, 1),
        "fill_s": round(filled_s, 1),
    }


@contextlib.contextmanager
def places(postgresql: bool) -> Iterator[dict[str, Callable[[str], Place]]]:
    """Name of a database -> how to get an empty place in it."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        found: dict[str, Callable[[str], Place]] = {"sqlite": lambda name: folder / f"{name}.db"}
        if postgresql:
            from tests.postgres import SETTINGS, running_server

            # As a team would run it: what was committed is on the disk.
            safe = {**SETTINGS, "fsync": "on", "full_page_writes": "on", "autovacuum": "on"}
            server = stack.enter_context(running_server(safe))
            found["postgresql"] = lambda _name: server.place()
        yield found


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cycles", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--estate", action="append", choices=sorted(ESTATES))
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--json", type=Path, default=Path("build/benchmarks/journal.json"))
    options = parser.parse_args()
    watch = Watch()
    watch.over(Journal)
    watch.over(JournalRecorder)
    watch.over_functions(
        control_memory, "is_latest", "recalled_history", "recalled_sizes", "write_histories"
    )
    figures: dict[str, Any] = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
    }
    with places(options.postgresql) as found:
        for name, place in found.items():
            figures[name] = {
                "answers": answers(place("million"), options.rounds),
                **{
                    estate: share(estate, place(estate), options.cycles, watch)
                    for estate in options.estate or ESTATES
                },
            }
            print(json.dumps({name: figures[name]}, indent=1), flush=True)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(f"written to {options.json}", file=sys.stderr)


if __name__ == "__main__":
    main()
