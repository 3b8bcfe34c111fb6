"""Which scenarios a campaign of a given seed has, run by run.

Most runs walk through three lists: every fault of the table at every call of every kind of action,
`kill -9` at every write of the journal, and `kill -9` before and after every call. Each seed begins
where the one before it ends after 2,000 runs, so that seeds 1, 2, 3 … together visit all of it.
The other runs take vCenter or the disk away, jump the clock, meddle, stop, and mix all of that. A
run is found again from seed and number alone.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tests.faults.troubles import Event, Scenario, Strike, Trace, Write
from tests.faults.world import ALL, actions, meddlable

#: The table of faults, as far as a vCenter can answer a call, or end a task, with them.
FAULTS = (
    # the same request may succeed after a pause
    "TaskInProgress",
    "ResourceInUse",
    "Timedout",
    "HostCommunication",
    "HostNotConnected",
    "HostNotReachable",
    "MigrationNotReady",
    "RequestCanceled",
    "QuestionPending",
    "GenericVmConfigFault",
    "SystemError",
    # read again, plan again
    "ConcurrentAccess",
    "InvalidPowerState",
    "InvalidState",
    "InvalidHostState",
    "InsufficientMemoryResourcesFault",
    "InsufficientHostMemoryCapacityFault",
    "InsufficientFailoverResourcesFault",
    "NoCompatibleHost",
    "VMotionLinkDown",
    "InvalidDatastore",
    "InvalidDatastoreState",
    "HostPowerOpFailed",
    "ToolsUnavailable",
    # log in again
    "NotAuthenticated",
    # final for the action
    "MemoryHotPlugNotSupported",
    "MemorySizeNotSupported",
    "VmHostAffinityRuleViolation",
    "RuleViolation",
    "AffinityConfigured",
    "DisallowedMigrationDeviceAttached",
    "VMotionNotConfigured",
    "MigrationFault",
    "NoDiskSpace",
    "InsufficientStorageSpace",
    "VmConfigFault",
    "InvalidArgument",
    "NotSupported",
    # for somebody with rights
    "NoPermission",
    "RestrictedVersion",
    "NotEnoughLicenses",
    "RestrictedByAdministrator",
    # gone
    "ManagedObjectNotFound",
)
#: Two faults whose text tells that it was vMotion's trouble.
_MESSAGES = {
    "GenericVmConfigFault": "The migration exceeded the maximum switchover time of 100 second(s).",
    "SystemError": "vMotion migration failed: the ESX hosts failed to connect over the network.",
}
#: Where the wire itself fails; the last three need real seconds.
WIRE = ("drop_before", "drop_after", "http", "hang_before", "hang_after", "delay_after")
_CHANGES = (
    "RelocateVM_Task",
    "ReconfigVM_Task",
    "PowerOnVM_Task",
    "EnterMaintenanceMode_Task",
    "ExitMaintenanceMode_Task",
)
#: Calls that begin tasks, whether they name them or not.
_TASKED = (*_CHANGES, "ApplyRecommendation")
#: The client's patience where calls hang, real seconds.
_IMPATIENT_S = 0.5


@dataclass(frozen=True, slots=True)
class Known:
    """What fault-free runs have shown.

    Attributes:
        traces: name of a case, or ``all`` or ``loop`` -> what its life counts.
    """

    traces: Mapping[str, Trace]

    def matrix(self) -> list[Scenario]:
        """Every fault at every call, and in the task, of every kind of action."""
        return [
            Scenario((case,), strikes=(strike,), request_s=_patience((strike,)))
            for case in sorted(actions())
            for strike in self._strikes(case)
        ]

    def kills_at_writes(self) -> list[Scenario]:
        """`kill -9` just before every write of the journal, and just after every commit."""
        return [
            Scenario(_cases(name), writes=(Write(at, "die"),))
            for name, trace in sorted(self.traces.items())
            for at in trace.writes
        ]

    def kills_at_calls(self) -> list[Scenario]:
        """`kill -9` before and after every call."""
        return [
            Scenario(_cases(name), events=(Event(at, what),))
            for name, trace in sorted(self.traces.items())
            for at in range(len(trace.calls))
            for what in ("die", "die-after")
        ]

    def _strikes(self, case: str) -> list[Strike]:
        strikes = []
        for number, method in enumerate(self.traces[case].calls):
            strikes += [_told(number, "call", fault) for fault in FAULTS]
            strikes += [Strike(number, where) for where in WIRE]
            if method in _TASKED:
                for where in ("task", "task_after"):
                    strikes += [_told(number, where, fault) for fault in FAULTS]
                strikes.append(Strike(number, "task_hang"))
        return strikes


def _told(number: int, where: str, fault: str, method: str = "") -> Strike:
    return Strike(number, where, fault, method=method, message=_MESSAGES.get(fault, ""))


def _patience(strikes: Sequence[Strike]) -> float:
    hangs = any(strike.where.startswith("hang") for strike in strikes)
    return _IMPATIENT_S if hangs else 30.0


#: Names of the lists that are walked through.
Walked = Literal["cells", "writes", "calls"]
#: A seed's share of each list is what so many runs visit.
RUNS_OF_A_SEED = 2000


@dataclass(frozen=True, slots=True)
class Coverage:
    """What some runs visit.

    Attributes:
        seen, of: how many entries of a list are visited, and how many there are.
        seeds: so many seeds at 2,000 runs visit all of them.
        by_case: name of a case -> cells visited and all, of the matrix alone.
    """

    seen: Mapping[Walked, int]
    of: Mapping[Walked, int]
    seeds: int
    by_case: Mapping[str, tuple[int, int]]

    def text(self) -> str:
        """In one line."""
        seen, of = self.seen, self.of
        return (
            f"visited {seen['cells']} of {of['cells']} cells (fault x call x kind of action), "
            f"kill -9 at {seen['writes']} of {of['writes']} writes and at {seen['calls']} of "
            f"{of['calls']} calls; seeds 1 to {self.seeds} visit all"
        )


class Campaign:
    """The scenarios of a seed.

    Args:
        known: what fault-free runs have shown.
        seed: of everything.
    """

    def __init__(self, known: Known, seed: int) -> None:
        self._known, self._seed = known, seed
        self.lists: Mapping[Walked, Sequence[Scenario]] = {
            "cells": known.matrix(),
            "writes": known.kills_at_writes(),
            "calls": known.kills_at_calls(),
        }
        self._order: dict[Walked, list[int]] = {}
        for name, entries in self.lists.items():
            self._order[name] = list(range(len(entries)))
            # The same at every seed: what one has seen, the next need not.
            random.Random(name).shuffle(self._order[name])

    def scenario(self, number: int) -> Scenario:
        """Run ``number``, from 0."""
        rng = random.Random(f"{self._seed}/{number}")
        kind = _KINDS[number % len(_KINDS)]
        if not isinstance(kind, str):
            made = kind(rng, self._known)
        else:
            made = self.lists[kind][self._entry(kind, number)]
        if kind == "writes" and rng.random() < 0.4:
            # The recovery dies as well.
            made = dataclasses.replace(made, second=(Write(rng.randrange(60), "die"),))
        if not isinstance(kind, str) and made.cases and rng.random() < 0.3:
            made = dataclasses.replace(made, shutdown_s=rng.choice((3.0, 40.0, 2000.0)))
        return dataclasses.replace(made, seed=rng.randrange(1 << 30))

    def _entry(self, kind: Walked, number: int) -> int:
        """Which entry of a list run ``number`` is."""
        turn, place = divmod(number, len(_KINDS))
        share = RUNS_OF_A_SEED // len(_KINDS) * _KINDS.count(kind)
        place = turn * _KINDS.count(kind) + _KINDS[:place].count(kind)
        order = self._order[kind]
        return order[((self._seed - 1) * share + place) % len(order)]

    def coverage(self, numbers: Sequence[int]) -> Coverage:
        """What runs of these numbers visit."""
        found: dict[Walked, set[int]] = {name: set() for name in self.lists}
        for number in numbers:
            kind = _KINDS[number % len(_KINDS)]
            if isinstance(kind, str):
                found[kind].add(self._entry(kind, number))
        cells = self.lists["cells"]
        by_case = {
            case: (
                sum(cells[at].cases == (case,) for at in found["cells"]),
                sum(one.cases == (case,) for one in cells),
            )
            for case in sorted(actions())
        }
        turns = RUNS_OF_A_SEED // len(_KINDS)
        seeds = (-(-len(self.lists[name]) // (turns * _KINDS.count(name))) for name in self.lists)
        return Coverage(
            seen={name: len(entries) for name, entries in found.items()},
            of={name: len(entries) for name, entries in self.lists.items()},
            seeds=max(seeds),
            by_case=by_case,
        )


def _cases(name: str) -> tuple[str, ...]:
    """The cases that a trace's name stands for."""
    return {"all": ALL, "loop": ()}.get(name, (name,))


# ---------------------------------------------------------------- kinds of scenarios


def _any_case(rng: random.Random) -> tuple[str, tuple[str, ...]]:
    """A trace's name and the cases that go with it."""
    match rng.randrange(4):
        case 0:
            return "all", ALL
        case 1:
            return "loop", ()
        case _:
            case = rng.choice(sorted(actions()))
            return case, (case,)


def _kill_at_statement(rng: random.Random, known: Known) -> Scenario:
    name, cases = _any_case(rng)
    first = rng.randrange(known.traces[name].statements)
    second: tuple[Write, ...] = ()
    if rng.random() < 0.4:
        # The recovery dies as well.
        second = (Write(rng.randrange(60), "die"),)
    return Scenario(cases, writes=(Write(first, "die"),), second=second)


def _kill_at_call(rng: random.Random, known: Known) -> Scenario:
    name, cases = _any_case(rng)
    calls = known.traces[name].calls
    submits = [at for at, method in enumerate(calls) if method in _CHANGES]
    at = rng.choice(submits) if submits and rng.random() < 0.5 else rng.randrange(len(calls))
    return Scenario(cases, events=(Event(at, rng.choice(("die", "die-after"))),))


def _vcenter(rng: random.Random, known: Known) -> Scenario:
    """Outages, restarts, dead sessions, jumps of the clock, slow tasks."""
    name, cases = _any_case(rng)
    calls = len(known.traces[name].calls)
    made = []
    for _ in range(rng.choice((1, 1, 2, 3))):
        what = rng.choice(
            ("down-drop", "down-503", "down-gone", "restart", "restart", "kill-sessions", "clock")
        )
        amount = rng.choice((5.0, 60.0, 400.0, 1500.0))
        if what == "clock":
            amount = rng.choice((-7200.0, -90.0, 45.0, 3600.0))
        made.append(Event(rng.randrange(calls), what, amount))
    slow = rng.choice((1.0, 1.0, 30.0, 400.0))
    return Scenario(cases, events=tuple(made), relocate_s=6.0 * slow, reconfigure_s=2.0 * slow)


def _disk(rng: random.Random, known: Known) -> Scenario:
    name, cases = _any_case(rng)
    at = rng.randrange(known.traces[name].statements)
    match rng.randrange(3):
        case 0:
            writes = (Write(rng.choice((0, 0, 1, 2, 4, 8)), "full"),)
        case 1:
            writes = (Write(at, "io-error", rng.choice((0, 0, 5, 30))),)
        case _:
            writes = (Write(at, "locked", rng.choice((0, 1, 4, 12))),)
    return Scenario(cases, writes=writes)


def _person(rng: random.Random, known: Known) -> Scenario:
    """Somebody stops the program, or changes a VM under it."""
    name, cases = _any_case(rng)
    at = rng.randrange(len(known.traces[name].calls))
    if rng.random() < 0.6:
        return Scenario(cases, events=(Event(at, "stop"),), relocate_s=rng.choice((6.0, 200.0)))
    if not meddlable(cases):
        name, cases = "all", ALL
        at = rng.randrange(len(known.traces[name].calls))
    return Scenario(cases, events=(Event(at, "meddle", float(rng.randrange(60))),))


def _mixed(rng: random.Random, known: Known) -> Scenario:
    """Several troubles at once."""
    name, cases = _any_case(rng)
    trace = known.traces[name]
    strikes = tuple(
        _told(rng.randrange(len(trace.calls)), "call", rng.choice(FAULTS))
        if rng.random() < 0.5
        else Strike(
            rng.randrange(len(trace.calls)),
            rng.choice(("drop_before", "drop_after", "http", "task_hang")),
            count=rng.choice((1, 1, 2, 6)),
        )
        for _ in range(rng.choice((1, 2, 3)))
    )
    strikes += tuple(
        _told(rng.randrange(2), rng.choice(("task", "task_after")), rng.choice(FAULTS), method)
        for method in _CHANGES
        if rng.random() < 0.3
    )
    other = rng.choice((_kill_at_statement, _kill_at_call, _vcenter, _disk))(rng, known)
    return Scenario(
        cases,
        strikes=strikes,
        events=other.events,
        writes=other.writes,
        second=other.second,
        relocate_s=other.relocate_s,
        reconfigure_s=other.reconfigure_s,
    )


#: One round of runs: the next entry of a list, or something made up.
_KINDS: tuple[Walked | Callable[[random.Random, Known], Scenario], ...] = (
    "cells",
    "writes",
    "cells",
    _vcenter,
    "cells",
    "calls",
    "cells",
    _mixed,
    "cells",
    _disk,
    "writes",
    _person,
    "cells",
    _mixed,
    "cells",
    "writes",
)
