"""Which scenarios a campaign of a given seed has, run by run.

Half of the runs walk through the matrix: every fault of the table at every call of every kind of
action. The others kill the program at calls and at statements of its journal, take vCenter or the
disk away, jump the clock, meddle, stop, and mix all of that. A run is found again from seed and
number alone.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.faults.troubles import Event, Scenario, Strike, Trace, Write
from tests.faults.world import ALL, actions

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

    def _strikes(self, case: str) -> list[Strike]:
        strikes = []
        for number, method in enumerate(self.traces[case].calls):
            strikes += [_told(number, "call", fault) for fault in FAULTS]
            strikes += [Strike(number, where) for where in WIRE]
            if method in _CHANGES:
                for where in ("task", "task_after"):
                    strikes += [_told(number, where, fault) for fault in FAULTS]
                strikes.append(Strike(number, "task_hang"))
        return strikes


def _told(number: int, where: str, fault: str, method: str = "") -> Strike:
    return Strike(number, where, fault, method=method, message=_MESSAGES.get(fault, ""))


def _patience(strikes: Sequence[Strike]) -> float:
    hangs = any(strike.where.startswith("hang") for strike in strikes)
    return _IMPATIENT_S if hangs else 30.0


class Campaign:
    """The scenarios of a seed.

    Args:
        known: what fault-free runs have shown.
        seed: of everything.
    """

    def __init__(self, known: Known, seed: int) -> None:
        self._known, self._seed = known, seed
        self.matrix = known.matrix()
        self._order = list(range(len(self.matrix)))
        random.Random(f"{seed}/matrix").shuffle(self._order)

    def scenario(self, number: int) -> Scenario:
        """Run ``number``, from 0."""
        rng = random.Random(f"{self._seed}/{number}")
        turn, kind = divmod(number, len(_KINDS))
        if _KINDS[kind] is None:
            place = turn * _KINDS.count(None) + _KINDS[:kind].count(None)
            cell = self.matrix[self._order[place % len(self._order)]]
            made = cell
        else:
            made = _KINDS[kind](rng, self._known)  # type: ignore[misc]
        return _seeded(made, rng.randrange(1 << 30))

    def cells_within(self, runs: int) -> int:
        """How many cells of the matrix the first ``runs`` runs visit."""
        turns, rest = divmod(runs, len(_KINDS))
        visited = turns * _KINDS.count(None) + _KINDS[:rest].count(None)
        return min(visited, len(self.matrix))


def _seeded(scenario: Scenario, seed: int) -> Scenario:
    return dataclasses.replace(scenario, seed=seed)


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
    if not cases:
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


#: One round of runs; None is the next cell of the matrix.
_KINDS = (
    None,
    _kill_at_statement,
    None,
    _vcenter,
    None,
    _kill_at_call,
    None,
    _mixed,
    None,
    _disk,
    None,
    _person,
    None,
    _mixed,
    None,
    _kill_at_statement,
)
