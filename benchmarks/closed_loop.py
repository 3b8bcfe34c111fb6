"""The standard table: controllers side by side on all standard estates, as ``docs/results.md``.

    python -m benchmarks.closed_loop [--quick] [--finished] [--estates NAME,…] [--seeds N]
                                     [--hours H] [--no-tune] [--actions migrate,all]
                                     [--keep DIR] [--to DIR] [--jobs N] [--reuse FILE]

Each trial's result is kept in the folder ``--keep``; what is there is not run again, so that it may
be broken off at any time. A change of the code that decides a trial makes it run again. The page
``results.md`` and the same numbers as ``results.json`` go to ``--to``, which is ``docs`` but for
``--quick`` (two estates, two seeds, a few hours), whose figures are for trying the benchmark. With
``--finished`` nothing is run, and the page shows the rows that are finished.

What rivals do does not depend on the market. ``--reuse docs/results.json`` takes their trials and
their tuning from there where estate, hours and seeds are the same, so that only ours are run; the
page says of which commit they are.

Rivals are tuned on each estate first, on other seeds and over fewer hours; the settings that won,
and all that were tried, are in the table's JSON. What sort a row is of (nothing hurts, it can be
cured, nothing cures it) is not written here: it follows from what doing nothing, the oracle and the
rivals leave.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import vsphere_market
from benchmarks.beamed import all_beamed
from benchmarks.closed_page import Row, kind_of, page, summary
from vsphere_market.proving.backtest import Missing
from vsphere_market.proving.compare import Comparison, run_many, tune_many
from vsphere_market.proving.jobs import Job
from vsphere_market.proving.roster import Named, parse_all
from vsphere_market.proving.tuning import Tried

ROOT = Path(__file__).resolve().parents[1]
#: Rows of the table: estate, hours, and what is wrong with it.
ROWS = (
    Row("balanced", 24, "every host has room"),
    Row("skewed", 12, "two hosts hold too much"),
    Row("two-tier", 12, "gold and silver VMs, half the hosts too full"),
    Row("heterogeneous", 12, "hosts of three sizes, the small ones too full"),
    Row("n-plus-1", 12, "one host's worth of memory is spare"),
    Row("affinity-laden", 12, "rules bind most VMs, two hosts are hot"),
    Row("databases", 12, "large VMs that fit only if they are packed well"),
    Row("databases-full", 12, "the same, with next to nothing to spare"),
    Row("desktops", 72, "each kind of VM on hosts of its own, and each has its hour", 54),
    Row("batch-windows", 72, "all VMs of a host do their batch work at once", 54),
    Row("stacks", 72, "applications placed whole, all of one busy at once", 54),
    Row("shifts", 72, "OLTP, batch and loads take turns, on hosts of three sizes", 54),
    Row("overcommitted-1.2", 72, "days and nights apart, peaks fit once they are mixed"),
    Row("overcommitted-1.6", 12, "the same, tighter"),
    Row("hosted", 24, "recorded VMs whose bursts meet on some hosts"),
    Row("traces", 12, "guests too small for what they do"),
    Row("overcommitted-2.0", 12, "more is wanted than there is"),
)
CONTROLLERS = {
    "migrate": "none,threshold,drs,drs7,hbal,oracle,market",
    "all": "none,rightsizing,oracle,market",
}
OURS = "market"
#: With all kinds of action, where they can make a difference.
ALL_ACTIONS = (
    "balanced",
    "skewed",
    "desktops",
    "shifts",
    "overcommitted-1.2",
    "hosted",
    "traces",
    "overcommitted-2.0",
)
#: Hours of a try of a setting: of rows of up to a day, and the share of longer ones.
TUNING_HOURS, TUNING_SHARE = 6.0, 1.0 / 3.0
#: What is below this line of the page was written by hand, and stays.
BY_HAND = "<!-- What follows is not written by benchmarks/closed_loop. -->"
QUICK = ("skewed", "hosted")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run.

    Attributes:
        rows: of the table.
        seeds: how many.
        actions: ``migrate``, ``all``, or both.
        tuned: rivals are tuned first.
        keep: folder of results.
        jobs: processes; 0 to run nothing.
        hours: longest row; None for as the rows say.
        reuse: an earlier document, whose rivals need not be run again.
    """

    rows: tuple[Row, ...]
    seeds: int
    actions: tuple[str, ...]
    tuned: bool
    keep: Path
    jobs: int | None
    hours: float | None = None
    reuse: dict[str, Any] | None = None

    def wanted(self) -> list[tuple[Row, Comparison]]:
        """All comparisons, in the order in which they are run."""
        return [
            (row, comparison(row, actions, self.seeds, min(row.hours, self.hours or row.hours)))
            for actions in self.actions
            for row in self.rows
            if actions == "migrate" or row.estate in ALL_ACTIONS
        ]


def comparison(row: Row, actions: str, seeds: int, hours: float) -> Comparison:
    """One row as a comparison."""
    return Comparison(
        estate=ROOT / "mocks" / "estates" / f"{row.estate}.json",
        controllers=parse_all(CONTROLLERS[actions]),
        seeds=tuple(range(1, seeds + 1)),
        hours=hours,
        actions=actions,
        watched_h=row.watched,
    )


def measure(plan: Plan) -> list[dict[str, Any]]:
    """Run everything; one entry per row and kind of actions, with its trials and its tuning."""
    before = [earlier(plan.reuse, what) for _, what in plan.wanted()]
    found = [
        (row, what if old is None else replace(what, controllers=parse_all(OURS)))
        for (row, what), old in zip(plan.wanted(), before, strict=True)
    ]
    if plan.jobs != 0:
        run = list(zip(found, before, _run(plan, [what for _, what in found]), strict=True))
    else:
        run = []
        for (row, what), old in zip(found, before, strict=True):
            try:
                run.append(((row, what), old, _run(plan, [what])[0]))
            except Missing as missing:
                print(f"{row.estate}, {what.actions}: {missing}", file=sys.stderr)
    placed = [
        (what, trial)
        for (_, what), _, (_, results) in run
        for trial in results
        if what.actions == "migrate" and trial["controller"] == OURS
    ]
    left = iter(all_beamed(placed, plan.jobs or None))
    entries = []
    for (row, what), old, (tried, results) in run:
        item = entry(row, what, tried, results)
        if what.actions == "migrate":
            # What ours leaves where its last placement is there at once.
            item["beamed"] = [round(next(left), 4) for _ in what.seeds]
        entries.append(joined(item, old))
    return with_placers(entries)


def earlier(document: dict[str, Any] | None, what: Comparison) -> dict[str, Any] | None:
    """The entry of an earlier document for the same estate, hours, seeds and actions."""
    for item in (document or {}).get("rows", ()):
        if (
            item.get("estate_sha256") == _sha256(what.estate)
            and (item["hours"], item["actions"]) == (what.hours, what.actions)
            and item.get("watched_hours", 0.0) == what.watched_h
            and {trial["seed"] for trial in item["trials"]} == set(what.seeds)
        ):
            commit = item.get("rivals_of", document["machine"]["commit"] if document else "")
            found: dict[str, Any] = item | {"rivals_of": commit}
            return found
    return None


def joined(item: dict[str, Any], old: dict[str, Any] | None) -> dict[str, Any]:
    """A new entry of ours with the rivals of an earlier one, if there is one."""
    if old is None:
        return item
    rivals = [trial for trial in old["trials"] if trial["controller"] != OURS]
    trials = [*rivals, *item["trials"]]
    return item | {
        "kind": kind_of(trials),
        "trials": trials,
        "tuning": old["tuning"],
        "rivals_of": old["rivals_of"],
    }


def with_placers(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rivals that only place compete with all kinds of action as well.

    They would do there what they do when they may only migrate, so those trials stand for it.
    """
    placed = {e["estate"]: e for e in entries if e["actions"] == "migrate"}
    found = []
    for item in entries:
        here = {trial["controller"] for trial in item["trials"]}
        rivals = [
            trial
            for trial in placed.get(item["estate"], item)["trials"]
            if trial["controller"] not in here
        ]
        # The market stays the last.
        ours = [trial for trial in item["trials"] if trial["controller"] == OURS]
        others = [trial for trial in item["trials"] if trial["controller"] != OURS]
        trials = [*others, *rivals, *ours]
        found.append(item | {"trials": trials, "kind": kind_of(trials)})
    return found


def _run(
    plan: Plan, whats: Sequence[Comparison]
) -> list[tuple[dict[Named, list[Tried]], list[dict[str, Any]]]]:
    """Settings that were tried, and trials, of each comparison."""
    keep, jobs = plan.keep, plan.jobs
    tried: list[dict[Named, list[Tried]]] = [{} for _ in whats]
    if plan.tuned:
        short = [
            (
                what,
                min(what.hours, TUNING_HOURS) if what.hours <= 24 else TUNING_SHARE * what.hours,
            )
            for what in whats
        ]
        tried = tune_many(short, folder=keep, workers=jobs, watch=_tell)
    pairs = list(zip(whats, tried, strict=True))
    results = run_many(pairs, folder=keep, workers=jobs, watch=_tell)
    return list(zip(tried, results, strict=True))


def entry(
    row: Row,
    what: Comparison,
    tried: dict[Named, list[Tried]],
    results: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """One row of the table, of one kind of actions."""
    trials = [_lean(result) for result in results]
    return {
        "estate": row.estate,
        "estate_sha256": _sha256(what.estate),
        "kind": kind_of(trials) if len(what.controllers) > 1 else "",
        "about": row.about,
        "hours": what.hours,
        "watched_hours": what.watched_h,
        "actions": what.actions,
        "trials": trials,
        "tuning": [
            {"controller": item.controller.label, "pain": item.pain,
             "moved_gib": item.moved_gib, "seeds": item.seeds}
            for items in tried.values()
            for item in items
        ],
    }  # fmt: skip


def document(plan: Plan, entries: Sequence[dict[str, Any]], command: str) -> dict[str, Any]:
    """The results as JSON."""
    return {
        "format": "vsphere-market/closed-loop/1",
        "command": command,
        "machine": machine(),
        "seeds": plan.seeds,
        "summary": {
            actions: summary([item for item in entries if item["actions"] == actions])
            for actions in plan.actions
        },
        "rows": list(entries),
    }


def machine() -> dict[str, str]:
    """Where and with what it ran."""
    git = shutil.which("git") or "git"
    found = subprocess.run(
        [git, "-C", str(ROOT), "rev-parse", "--short", "HEAD"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return {
        "processor": _processor(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "vsphere_market": vsphere_market.__version__,
        "commit": found.stdout.strip() or "unknown",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{len(names)} x {names[0]}" if names else platform.machine()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _lean(result: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in result.items() if key not in ("series", "deeds")}


def _tell(over: int, total: int, job: Job) -> None:
    print(f"{over}/{total} {job.estate.stem} {job.controller.label}", file=sys.stderr, flush=True)


def planned(arguments: argparse.Namespace) -> Plan:
    """What the arguments ask for."""
    names = tuple(name for name in arguments.estates.split(",") if name)
    if not names and arguments.quick:
        names = QUICK
    unknown = set(names) - {row.estate for row in ROWS}
    if unknown:
        raise SystemExit(
            f"--estates: no row has the estate {', '.join(sorted(unknown))}; there are "
            + ", ".join(row.estate for row in ROWS)
        )
    return Plan(
        rows=tuple(row for row in ROWS if not names or row.estate in names),
        seeds=arguments.seeds or (2 if arguments.quick else 5),
        actions=tuple(arguments.actions.split(",")),
        tuned=not (arguments.no_tune or arguments.quick),
        keep=arguments.keep,
        jobs=0 if arguments.finished else arguments.jobs or None,
        hours=arguments.hours or (3.0 if arguments.quick else None),
        reuse=json.loads(arguments.reuse.read_text(encoding="utf-8")) if arguments.reuse else None,
    )


def parser() -> argparse.ArgumentParser:
    """The command line."""
    found = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = found.add_argument
    add("--quick", action="store_true", help="two estates, two seeds, three hours")
    add("--finished", action="store_true", help="run nothing; write the rows that are finished")
    add("--hours", type=float, default=0.0, help="simulate at most so many of each row")
    add("--estates", default="", help="names of rows, with commas between")
    add("--seeds", type=int, default=0, help="how many; 5, quick 2")
    add("--no-tune", action="store_true", help="rivals with their defaults")
    add("--actions", default="migrate,all", help="migrate, all, or both")
    add("--keep", type=Path, default=ROOT / "build" / "closed_loop", help="folder of trials")
    add("--to", type=Path, help="folder of results.md and results.json")
    add("--reuse", type=Path, help="an earlier results.json, whose rivals are not run again")
    add("--jobs", type=int, default=0, help="processes; 0 for one per core")
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Run, and write the page."""
    arguments = parser().parse_args(argv)
    plan = planned(arguments)
    given = list(sys.argv[1:] if argv is None else argv)
    command = " ".join(["python -m benchmarks.closed_loop", *given])
    found = document(plan, measure(plan), command)
    folder = arguments.to or (plan.keep if arguments.quick else ROOT / "docs")
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found, indent=1)
    (folder / "results.json").write_text(text + "\n", encoding="utf-8")
    target = folder / "results.md"
    before = target.read_text(encoding="utf-8") if target.is_file() else ""
    _, mark, kept = before.partition(BY_HAND)
    target.write_text(page(found) + (f"\n{mark}{kept}" if mark else ""), encoding="utf-8")
    print(json.dumps(found["summary"], indent=1))


if __name__ == "__main__":
    main()
