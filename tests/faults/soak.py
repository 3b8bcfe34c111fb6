"""A day of the loop in one process, while things go wrong at random: does anything leak?

    make soak                     # 24 simulated hours at one turn a minute; prints JSON
    make soak CYCLES=90 SEED=3

The loop works over SOAP on a simulator whose clock it moves by sleeping. Between turns people move
and squeeze VMs, so that there is always something to do; sessions end, vCenter goes away for half a
minute or is restarted, calls fail, connections are cut, tasks end in faults. The estate stays the
same size, so memory, file handles and the journal's growth have to stay the same, too.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.campaign import folder_of_run, simulator_of
from tests.faults.judge import Verdict, judge_settled
from tests.faults.life import SimulatedClock, port_of
from tests.faults.world import POLICIES
from tests.vcsim import Simulator
from vsphere_market.control.cycle import CycleReport, Road, settle
from vsphere_market.control.loop import Beat, run_loop
from vsphere_market.errors import MarketError
from vsphere_market.executor import ExecutionResult
from vsphere_market.journal import Scope, estate_key, open_journal
from vsphere_market.policy import parse_policies

INTERVAL_S = 60.0
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(slots=True)
class Reading:
    """What the process holds after a turn."""

    turn: int
    memory_mib: float
    handles: int
    journal_kib: float


@dataclass(slots=True)
class Soaked:
    """What came of it; all amounts are those of the whole day unless they say otherwise.

    Attributes:
        cycles: beats that were due.
        turns, failed, left_out: turns begun; those that could not be done; beats that passed
            while a turn took longer than the interval.
        unaccounted: beats that are none of these.
        steps_done: steps carried out.
        troubles: how often each trouble was made.
        memory_growth_mib: from a quarter of the day to its end.
        handles_growth: likewise.
        journal_kib_per_turn: of the first and of the second half.
        wrong: what the judge says of journal and vCenter in the end.
    """

    cycles: int
    seed: int
    turns: int = 0
    failed: int = 0
    left_out: int = 0
    unaccounted: int = 0
    steps_done: int = 0
    troubles: dict[str, int] = field(default_factory=dict)
    memory_mib: float = 0.0
    memory_growth_mib: float = 0.0
    handles: int = 0
    handles_growth: int = 0
    journal_kib_per_turn: tuple[float, float] = (0.0, 0.0)
    wrong: list[str] = field(default_factory=list)
    real_s: float = 0.0


class _Day:
    """Listens to the loop, takes readings and makes trouble between turns."""

    def __init__(self, simulator: Simulator, clock: SimulatedClock, path: Path, seed: int) -> None:
        self._simulator, self._clock, self._path = simulator, clock, path
        self._rng = random.Random(seed)
        self._up_again_s: float | None = None
        clock.slept = self._slept
        self.readings: list[Reading] = []
        self.soaked = Soaked(0, seed)

    def settled(self, results: tuple[ExecutionResult, ...]) -> None:
        pass

    def turn(self, report: CycleReport) -> None:
        self.soaked.steps_done += report.done
        self._after(report.number)

    def trouble(self, number: int, error: MarketError) -> None:
        self._after(number)

    def missed(self, beats: int) -> None:
        pass

    def _slept(self, now_s: float) -> None:
        if self._up_again_s is not None and now_s >= self._up_again_s:
            self._up_again_s = None
            self._simulator.up()

    def _after(self, turn: int) -> None:
        if turn % 10 == 0:
            self.readings.append(self._read(turn))
        self._simulator.clear_calls()
        rng, simulator = self._rng, self._simulator
        for what, chance in (
            ("move", 0.30),
            ("squeeze", 0.15),
            ("sessions", 0.03),
            ("away", 0.02),
            ("restart", 0.01),
        ):
            if rng.random() >= chance:
                continue
            self.soaked.troubles[what] = self.soaked.troubles.get(what, 0) + 1
            match what:
                case "move":
                    vm = rng.choice(("vm-16", "vm-17", "vm-18"))
                    simulator.set_vm(vm, host="host-1")
                case "squeeze":
                    simulator.set_vm("vm-2", limit_mib=2048)
                case "sessions":
                    simulator.kill_sessions()
                case "away":
                    simulator.down(rng.choice(("drop", "503", "gone")))
                    self._up_again_s = self._clock.now_s() + 90.0
                case "restart":
                    simulator.restart()

    def _read(self, turn: int) -> Reading:
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        size = sum(one.stat().st_size for one in self._path.parent.glob(self._path.name + "*"))
        handles = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count is all that is wanted
        return Reading(turn, pages * _PAGE / 1048576, handles, size / 1024)


def soak(cycles: int, seed: int) -> Soaked:
    """Live through ``cycles`` minutes of the loop."""
    began = time.monotonic()
    with folder_of_run() as folder, simulator_of(()) as simulator:
        simulator.task_seconds(relocate=6.0, reconfigure=2.0)
        _rules(simulator, seed)
        clock = SimulatedClock(simulator)
        path = folder / "journal.db"
        with port_of(simulator, clock) as port, open_journal(path) as journal:
            rng = random.Random(seed)
            policies = parse_policies(POLICIES, "soak")
            road = Road(port, journal, policies, who="soak", rng=rng)
            day = _Day(simulator, clock, path, seed)
            end = run_loop(road, Beat(cycles, INTERVAL_S), day)
            simulator.clear_faults()
            simulator.up()
            simulator.advance(7 * 3600.0)
            settle(road, Scope(estate_key(port.observe().source)))
            verdict: Verdict = judge_settled(simulator, journal)
        found = day.soaked
        found.cycles, found.turns, found.failed = cycles, end.turns, end.failures
        found.left_out = end.missed
        # The last beat of all is a turn; those left out are beats, too.
        found.unaccounted = cycles - end.turns
        found.wrong = verdict.lines()
    _sum_up(found, day.readings)
    found.real_s = round(time.monotonic() - began, 1)
    return found


def _sum_up(found: Soaked, readings: list[Reading]) -> None:
    quarter, half, last = readings[len(readings) // 4], readings[len(readings) // 2], readings[-1]
    first = readings[0]
    found.memory_mib = round(last.memory_mib, 1)
    found.memory_growth_mib = round(last.memory_mib - quarter.memory_mib, 2)
    found.handles, found.handles_growth = last.handles, last.handles - quarter.handles
    found.journal_kib_per_turn = (
        round((half.journal_kib - first.journal_kib) / max(1, half.turn - first.turn), 2),
        round((last.journal_kib - half.journal_kib) / max(1, last.turn - half.turn), 2),
    )


def _rules(simulator: Simulator, seed: int) -> None:
    """Calls and tasks that go wrong now and then, for the whole day."""
    simulator.seed(seed)
    for where, fault, chance in (
        ("drop_before", "", 0.002),
        ("drop_after", "", 0.002),
        ("http", "", 0.002),
        ("call", "TaskInProgress", 0.002),
        ("call", "NotAuthenticated", 0.002),
        ("call", "InvalidState", 0.001),
    ):
        simulator.add_fault(where=where, fault=fault, probability=chance)  # type: ignore[arg-type]
    for method in ("RelocateVM_Task", "ReconfigVM_Task"):
        simulator.add_fault(where="task", fault="MigrationNotReady", method=method, probability=0.1)
        simulator.add_fault(
            where="task_after", fault="NotSupported", method=method, probability=0.1
        )


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=1440)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    found = soak(chosen.cycles, chosen.seed)
    document: dict[str, Any] = asdict(found)
    print(json.dumps(document, indent=1))
    return 1 if found.wrong or found.unaccounted else 0


if __name__ == "__main__":
    raise SystemExit(main())
