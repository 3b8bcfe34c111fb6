"""What can go wrong in a run of the campaign, as plain values that print and read back."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault rule of the simulator, at one call of the first life or at several.

    Attributes:
        call: number of the call, from 0; later calls of ``method`` alone if that is given.
        where: a place of ``mocks/README.md``.
        fault: vSphere's name of the fault, for the places that tell one.
        count: how many calls in a row.
        method: only calls of this method are counted.
        message: goes with the fault.
    """

    call: int
    where: str
    fault: str = ""
    count: int = 1
    method: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens just before a call of the program.

    Attributes:
        call: number of the call, from 0.
        what: ``down-drop``, ``down-503``, ``down-gone``, ``restart``, ``kill-sessions``,
            ``clock``, ``meddle``, ``stop``, ``die`` or ``die-after``.
        amount: simulated seconds of the outage or the jump; number of the case meddled with.
        method: only calls of this method are counted.
    """

    call: int
    what: str
    amount: float = 0.0
    method: str = ""


@dataclass(frozen=True, slots=True)
class Write:
    """Something that happens just before a statement of the journal.

    Attributes:
        statement: its number, from 0; for ``full`` how many pages the file may still grow by.
        what: ``die``, ``full``, ``io-error`` or ``locked``.
        count: how many statements it lasts; 0 for the rest of the life.
    """

    statement: int
    what: Literal["die", "full", "io-error", "locked"]
    count: int = 0


@dataclass(frozen=True, slots=True)
class Scenario:
    """One run.

    Attributes:
        cases: names of the plan's actions; empty for a run of the loop.
        strikes, events, writes: what goes wrong in the first life.
        second: what goes wrong with the journal in the second life, the recovery.
        relocate_s, reconfigure_s: how long tasks run, simulated seconds.
        shutdown_s: how long guests take to shut down, simulated seconds.
        request_s: the client's patience, real seconds.
        seed: of the program's jitter.
    """

    cases: tuple[str, ...]
    strikes: tuple[Strike, ...] = ()
    events: tuple[Event, ...] = ()
    writes: tuple[Write, ...] = ()
    second: tuple[Write, ...] = ()
    relocate_s: float = 6.0
    reconfigure_s: float = 2.0
    shutdown_s: float = 0.0
    request_s: float = 30.0
    seed: int = 0

    def text(self) -> str:
        """In one line, without what is as ever."""
        parts = [f"cases={','.join(self.cases) or 'loop'}"]
        for name in ("strikes", "events", "writes", "second"):
            parts += [_short(one) for one in getattr(self, name)]
        if self.relocate_s > 100 or self.reconfigure_s > 100:
            parts.append(f"tasks={self.relocate_s:g}/{self.reconfigure_s:g}s")
        if self.shutdown_s:
            parts.append(f"shutdown={self.shutdown_s:g}s")
        return " ".join(parts)

    @property
    def meddled(self) -> bool:
        """Somebody else changes a VM in it."""
        return any(event.what == "meddle" for event in self.events)


def _short(one: Any) -> str:
    values = [str(value) for value in asdict(one).values() if value not in ("", 0, 1)]
    return f"{type(one).__name__.lower()}({','.join(values)})"


@dataclass(slots=True)
class Trace:
    """What a life of the program counted, for planning the next scenarios.

    Attributes:
        calls: methods called, in order.
        statements: statements of the journal.
        writes: numbers of those that write, begin or commit, and of those that follow a commit.
    """

    calls: list[str] = field(default_factory=list)
    statements: int = 0
    writes: tuple[int, ...] = ()
