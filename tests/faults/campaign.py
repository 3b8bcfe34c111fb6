"""The campaign of faults: many seeded runs of the program against a vCenter that goes wrong.

    make faults RUNS=2000 SEED=1
    make faults SEED=1 ONLY=417      # one run again, with its story
    make faults-coverage             # what 2,000 runs of seed 1 visit, by kind of action

Each run has a simulator of its own, a journal of its own, and lives of the program that end as the
scenario has it; then vCenter is well again, the program is started once more, and the journal is
judged. The last line counts what is wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.judge import Verdict, judge
from tests.faults.life import at_risk, live, live_here, warm_up
from tests.faults.mutations import TELLING
from tests.faults.planning import Campaign, Known
from tests.faults.troubles import Scenario, Trace
from tests.faults.world import ALL, actions, document, recommend, squeezed
from tests.vcsim import Simulator
from vsphere_market.errors import MarketError
from vsphere_market.journal import Filter, open_journal
from vsphere_market.port import OutcomeKind

#: A file system in memory where there is one: the journal waits for the disk at every write.
MEMORY = next((str(p) for p in [Path("/dev/shm")] if p.is_dir()), None)  # noqa: S108
#: Lives that scenarios may spoil, and calm ones after them.
SPOILED, CALM = 2, 2
#: No life takes as long as this, real seconds, not even on a machine with other work: it hangs.
PATIENCE_S = 600.0
USUAL = Scenario(())
#: vCenter ends what is still open in this many simulated seconds; twice that is longer than
#: `Deadlines.lost_s`.
LONG_S = 4 * 3600.0
#: What vCenter says of tasks that it lost sight of when it was restarted.
SIGHT_LOST = frozenset({"SystemError"})


@dataclass(slots=True)
class Ran:
    """What came of one run.

    Attributes:
        number: of the run.
        scenario: what it was, in one line.
        verdict: what is wrong.
        lives: how each life ended.
        seconds: how long it took.
    """

    number: int
    scenario: str
    verdict: Verdict
    lives: list[str] = field(default_factory=list)
    seconds: float = 0.0


def run(scenario: Scenario, folder: Path, mutation: str = "", number: int = 0) -> Ran:
    """Run one scenario in ``folder`` and judge it."""
    began = time.monotonic()
    ran = Ran(number, scenario.text(), Verdict())
    with simulator_of(scenario.cases) as simulator:
        _tempo(simulator, scenario)
        before = simulator.state()
        for strike in scenario.strikes:
            simulator.add_fault(
                where=strike.where,  # type: ignore[arg-type]
                fault=strike.fault,
                method=strike.method,
                message=strike.message,
                skip=strike.call,
                count=strike.count,
                delay_s=0.02 if strike.where.startswith("delay") else 0.0,
            )
        stopped = None
        for life in range(SPOILED + CALM):
            report = start_life(simulator, scenario, folder, life, mutation)
            ran.lives.append(f"{report['end']} {report['detail']}".strip())
            if report["end"] in ("crash", "hangs"):
                ran.verdict.violations.append(f"life {life} {ran.lives[-1]}")
            if life == 0 and report.get("stopped_at") is not None:
                calls = simulator.calls()
                stopped = report["stopped_at"], calls[-1].seq if calls else 0
            # vCenter is well again, as fast as ever, and ends what it was at.
            simulator.up()
            simulator.clear_faults()
            _tempo(simulator, USUAL)
            simulator.advance(30.0 if life == 0 else LONG_S)
            if report["end"] != "killed" and _enough(scenario, folder, life):
                break
        found = judge(scenario, simulator, before, folder, stopped)
        found.violations[:0] = ran.verdict.violations
        ran.verdict = found
    ran.seconds = time.monotonic() - began
    return ran


def _enough(scenario: Scenario, folder: Path, life: int) -> bool:
    """Whether one more start of the program could not show anything new."""
    if life == 0 and scenario.seed % 4 == 0:
        # Of the runs that end well at once, some are started again all the same.
        return False
    if life == 1 and scenario.second:
        return False
    if life > 1:
        return not lost_sight(folder)
    return settled(scenario, folder)


def lost_sight(folder: Path) -> bool:
    """Whether a step waits for the time after which no host can be at work on it any more.

    After a restart vCenter calls open tasks failed, whatever their hosts do: it cannot tell, and a
    program that is started again sooner than `Deadlines.lost_s` must not guess.
    """
    with open_journal(folder / "journal.db", read_only=True) as journal:
        steps = journal.steps(Filter(limit=10_000))
    return any(one.outcome is OutcomeKind.UNKNOWN and one.fault in SIGHT_LOST for one in steps)


def settled(scenario: Scenario, folder: Path) -> bool:
    """Whether one more life would find nothing to settle and nothing to do."""
    try:
        with open_journal(folder / "journal.db", read_only=True) as journal:
            steps = journal.steps(Filter(limit=10_000))
    except MarketError:
        # It was not even begun.
        return False
    if not steps:
        return False
    last = {}
    for one in sorted(steps, key=lambda one: one.execution):
        last[one.step] = one.outcome
    open_ = any(one.outcome in (None, OutcomeKind.UNKNOWN) for one in steps)
    done = all(outcome is not None and outcome.good for outcome in last.values())
    return not open_ and (done or not scenario.cases)


def _tempo(simulator: Simulator, scenario: Scenario) -> None:
    simulator.task_seconds(
        relocate=scenario.relocate_s,
        reconfigure=scenario.reconfigure_s,
        shutdown=scenario.shutdown_s,
    )


def simulator_of(cases: Sequence[str]) -> Simulator:
    """A simulator for these cases, or for the loop, whose clock stands still unless it is moved."""
    simulator = Simulator.start(
        document(cases) if cases else squeezed(),
        tls=False,
        hold_samples=True,
        few_counters=True,
        time="estate",
        rate=0.0,
    )
    recommend(simulator, cases)
    return simulator


def start_life(
    simulator: Simulator, scenario: Scenario, folder: Path, life: int, mutation: str = ""
) -> dict[str, Any]:
    """Let the program live once, at risk in a process of its own; what it reports when it ends."""
    if not mutation and not at_risk(scenario, life):
        return live_here(simulator, scenario, folder, life, PATIENCE_S)
    gc.freeze()
    child = os.fork()
    if child == 0:
        live(simulator, scenario, folder, life, mutation)
    status = _wait(child)
    path = folder / f"life-{life}.json"
    if status is None:
        return {"end": "hangs", "detail": _last_words(folder, life)}
    if path.exists():
        report: dict[str, Any] = json.loads(path.read_text())
        return report
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return {"end": "killed", "detail": ""}
    return {"end": "crash", "detail": _last_words(folder, life)}


def _wait(child: int) -> int | None:
    """The child's status, or None when it had to be killed for taking too long."""
    ends = time.monotonic() + PATIENCE_S
    pause = 0.001
    while time.monotonic() < ends:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status
        time.sleep(pause)
        pause = min(pause * 1.3, 0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _last_words(folder: Path, life: int) -> str:
    log = folder / f"life-{life}.log"
    return log.read_text(errors="replace")[-2000:] if log.exists() else ""


def explore() -> Known:
    """Run every case without faults, and count."""
    warm: tuple[tuple[str, ...], ...] = (ALL, ())
    for cases in warm:
        with folder_of_run() as folder, simulator_of(cases) as one:
            warm_up(one, Scenario(cases), folder)
    traces = {}
    for name, cases in [
        *((case, (case,)) for case in sorted(actions())),
        ("all", ALL),
        ("loop", ()),
    ]:
        scenario = Scenario(cases)
        with folder_of_run() as folder, simulator_of(cases) as one:
            _tempo(one, scenario)
            report = start_life(one, scenario, folder, 0)
        if report["end"] != "done":
            raise SystemExit(f"{name} goes wrong without any fault: {report}")
        traces[name] = Trace(report["calls"], report["statements"], tuple(report["writes"]))
    return Known(traces)


@contextlib.contextmanager
def folder_of_run() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="vsphere-market-faults-", dir=MEMORY) as name:
        yield Path(name)


@dataclass(frozen=True, slots=True)
class Told:
    """A campaign of given scenarios."""

    matrix: tuple[Scenario, ...]

    def scenario(self, number: int) -> Scenario:
        """Run ``number``, from 0."""
        return self.matrix[number]

    def coverage(self, numbers: Sequence[int]) -> None:
        """They are not of the lists."""


_campaign: Campaign | Told | None = None
_mutation = ""


def _one(number: int) -> Ran:
    assert _campaign is not None
    with folder_of_run() as folder:
        try:
            return run(_campaign.scenario(number), folder, _mutation, number)
        except Exception as error:
            verdict = Verdict(violations=[f"the run itself failed: {error!r}"])
            return Ran(number, _campaign.scenario(number).text(), verdict)


def run_all(
    campaign: Campaign | Told, numbers: range, workers: int, mutation: str = ""
) -> Iterator[Ran]:
    """Run these scenarios, as they end."""
    global _campaign, _mutation
    _campaign, _mutation = campaign, mutation
    if workers == 1:
        yield from map(_one, numbers)
        return
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        yield from pool.imap_unordered(_one, numbers)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.campaign", description=__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0, help="number of the first run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--only", type=int, default=None, help="this run alone, with its story")
    parser.add_argument("--mutation", default="", help="a program that is broken on purpose")
    parser.add_argument("--telling", default="", help="the runs that tell of it, or all")
    parser.add_argument("--coverage", action="store_true", help="what the runs visit; runs none")
    chosen = parser.parse_args()
    # A simulator lives for a second or two: it need not clear up. Runs are what goes in parallel.
    os.environ |= {"GOGC": "off", "GOMAXPROCS": "1"}
    campaign: Campaign | Told
    if chosen.telling:
        named = TELLING if chosen.telling == "all" else (chosen.telling,)
        campaign = Told(tuple(one for name in named for one in TELLING[name]))
        chosen.first, chosen.runs = 0, len(campaign.matrix)
    else:
        campaign = Campaign(explore(), chosen.seed)
        if chosen.coverage:
            return _coverage(campaign, range(chosen.first, chosen.first + chosen.runs))
    if chosen.only is not None:
        return story(campaign, chosen.only, chosen.mutation)
    began = time.monotonic()
    totals = {"lost": 0, "repeated": 0, "unknown": 0, "violations": 0}
    bad = 0
    numbers = range(chosen.first, chosen.first + chosen.runs)
    for done, ran in enumerate(run_all(campaign, numbers, chosen.workers, chosen.mutation), 1):
        if done % 250 == 0:
            print(f"{done} of {chosen.runs} runs", file=sys.stderr)
        for name in totals:
            totals[name] += len(getattr(ran.verdict, name))
        if not ran.verdict.clean:
            bad += 1
            print(f"run {ran.number}: {ran.scenario}")
            for line in ran.verdict.lines():
                print(f"  {line}")
            print(f"  again: make faults SEED={chosen.seed} ONLY={ran.number}")
            sys.stdout.flush()
    took = time.monotonic() - began
    used = [resource.getrusage(who) for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)]
    each = sum(one.ru_utime + one.ru_stime for one in used) / chosen.runs
    print(
        f"seed {chosen.seed}, {took:.0f} s, {chosen.runs / took:.1f} runs/s, {each:.2f} s of "
        "processor time a run"
    )
    if covered := campaign.coverage(numbers):
        print(covered.text())
    said = ", ".join(f"{count} {name}" for name, count in totals.items())
    print(f"{chosen.runs} runs: {said}")
    return 1 if bad else 0


def _coverage(campaign: Campaign, numbers: range) -> int:
    """A table of what these runs visit, without running them."""
    covered = campaign.coverage(numbers)
    print("| kind of action | cells visited | cells |\n|---|---|---|")
    for case, (seen, of) in covered.by_case.items():
        print(f"| {case} | {seen} | {of} |")
    print(covered.text())
    return 0


def story(campaign: Campaign | Told, number: int, mutation: str) -> int:
    """One run, told at length."""
    scenario = campaign.scenario(number)
    print(scenario)
    with folder_of_run() as folder:
        ran = run(scenario, folder, mutation, number)
        for life, ending in enumerate(ran.lives):
            print(f"life {life}: {ending}")
        with open_journal(folder / "journal.db") as journal:
            for row in journal.audit_trail(limit=10_000):
                print(f"  {row.at_s:.1f} {row.event} {row.body[:300]}")
            for step in reversed(journal.steps(Filter(limit=1000))):
                print(f"  {step.execution}.{step.step} {step.outcome}: {step.sentence}")
    for line in ran.verdict.lines() or ["nothing is wrong"]:
        print(line)
    return 0 if ran.verdict.clean else 1


if __name__ == "__main__":
    raise SystemExit(main())
