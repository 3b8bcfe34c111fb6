"""The standard table: controllers side by side on all standard estates, as ``docs/results.md``.

    python -m benchmarks.closed_loop [--quick] [--estates NAME,…] [--seeds N] [--no-tune]
                                     [--actions migrate,all] [--keep DIR] [--to DIR] [--jobs N]

Each trial's result is kept in the folder ``--keep``; what is there is not run again, so that it may
be broken off at any time. A change of the code that decides a trial makes it run again. The page
``results.md`` and the same numbers as ``results.json`` go to ``--to``, which is ``docs`` but for
``--quick`` (two estates, two seeds, a few hours), whose figures are for trying the benchmark.

Rivals are tuned on each estate first, on other seeds and over fewer hours; the settings that won,
and how many were tried, are in the table.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import vsphere_market
from benchmarks.closed_page import Row, page, summary
from vsphere_market.proving.compare import Comparison, run_all, tune
from vsphere_market.proving.jobs import Job
from vsphere_market.proving.roster import Named, parse_all
from vsphere_market.proving.tuning import Tried

ROOT = Path(__file__).resolve().parents[1]
#: Rows of the table: estate, hours, what it tests, and what that means here.
ROWS = (
    Row("balanced", 24, "quiet", "nothing hurts"),
    Row("skewed", 12, "curable", "two hosts hold too much"),
    Row("two-tier", 12, "curable", "gold and silver VMs, half the hosts too full"),
    Row("heterogeneous", 12, "curable", "hosts of three sizes, the small ones too full"),
    Row("n-plus-1", 12, "curable", "one host's worth of memory is spare"),
    Row("overcommitted-1.2", 48, "curable", "days and nights apart, peaks fit once they are mixed"),
    Row("overcommitted-1.6", 24, "curable", "the same, tighter"),
    Row("hosted", 48, "curable", "recorded VMs whose bursts meet on some hosts"),
    Row("traces", 24, "grace", "guests too small for what they do"),
    Row("overcommitted-2.0", 12, "grace", "more is wanted than there is"),
)
CONTROLLERS = {
    "migrate": "none,threshold,drs,drs7,hbal,oracle,market",
    "all": "none,rightsizing,oracle,market",
}
#: Hours of a try of a setting, at most.
TUNING_HOURS = 6.0
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
        jobs: processes.
        hours: longest row; None for as the rows say.
    """

    rows: tuple[Row, ...]
    seeds: int
    actions: tuple[str, ...]
    tuned: bool
    keep: Path
    jobs: int | None
    hours: float | None = None


def comparison(row: Row, actions: str, seeds: int, hours: float) -> Comparison:
    """One row as a comparison."""
    return Comparison(
        estate=ROOT / "mocks" / "estates" / f"{row.estate}.json",
        controllers=parse_all(CONTROLLERS[actions]),
        seeds=tuple(range(1, seeds + 1)),
        hours=hours,
        actions=actions,
    )


def measure(plan: Plan) -> list[dict[str, Any]]:
    """Run everything; one entry per row and kind of actions, with its trials and its tuning."""
    entries = []
    for actions in plan.actions:
        for row in plan.rows:
            hours = row.hours if plan.hours is None else min(row.hours, plan.hours)
            what = comparison(row, actions, plan.seeds, hours)
            tried: dict[Named, list[Tried]] = {}
            if plan.tuned:
                tried = tune(
                    what,
                    hours=min(hours, TUNING_HOURS),
                    folder=plan.keep,
                    workers=plan.jobs,
                    watch=_tell,
                )
            results = run_all(what, tried, folder=plan.keep, workers=plan.jobs, watch=_tell)
            entries.append(
                {
                    "estate": row.estate,
                    "kind": row.kind,
                    "about": row.about,
                    "hours": hours,
                    "actions": actions,
                    "trials": [_lean(result) for result in results],
                    "tuning": [
                        {"controller": item.controller.label, "pain": item.pain,
                         "moved_gib": item.moved_gib}
                        for items in tried.values()
                        for item in items
                    ],
                }
            )  # fmt: skip
    return entries


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
        jobs=arguments.jobs or None,
        hours=3.0 if arguments.quick else None,
    )


def parser() -> argparse.ArgumentParser:
    """The command line."""
    found = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = found.add_argument
    add("--quick", action="store_true", help="two estates, two seeds, three hours")
    add("--estates", default="", help="names of rows, with commas between")
    add("--seeds", type=int, default=0, help="how many; 5, quick 2")
    add("--no-tune", action="store_true", help="rivals with their defaults")
    add("--actions", default="migrate,all", help="migrate, all, or both")
    add("--keep", type=Path, default=ROOT / "build" / "closed_loop", help="folder of trials")
    add("--to", type=Path, help="folder of results.md and results.json")
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
    (folder / "results.md").write_text(page(found), encoding="utf-8")
    print(json.dumps(found["summary"], indent=1))


if __name__ == "__main__":
    main()
