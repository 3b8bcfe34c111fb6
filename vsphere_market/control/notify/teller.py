"""Listens to the loop, and makes events of what it hears."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vsphere_market.control.cycle import CycleReport
from vsphere_market.control.notify.events import Event, EventKind
from vsphere_market.control.notify.outbox import Outbox
from vsphere_market.errors import MarketError
from vsphere_market.executor import ExecutionResult
from vsphere_market.executor.words import describe
from vsphere_market.port import Clock, Outcome

#: Details of a notice, lines at most.
_LINES = 10


class NotifyingListener:
    """A ``control.loop.Listener`` that tells an outbox.

    Args:
        outbox: where events go.
        source: name of the vCenter.
        clock: the source's.
    """

    def __init__(self, outbox: Outbox, source: str, clock: Clock) -> None:
        self._outbox, self._source, self._clock = outbox, source, clock
        self._halted = ""
        self._recommended: frozenset[str] = frozenset()

    def started(self, about: str) -> None:
        """The loop begins."""
        self._tell(EventKind.STARTED, f"The loop on {self._source} has begun{about}.")

    def ended(self, why: str) -> None:
        """The loop has ended."""
        self._tell(EventKind.ENDED, f"The loop on {self._source} has ended: {why}.")

    def settled(self, results: tuple[ExecutionResult, ...]) -> None:
        """What an earlier run had left open has its outcomes now."""
        outcomes = [outcome for result in results for outcome in result.outcomes]
        title = f"{_count(len(outcomes))} of an earlier run settled on {self._source}"
        self._tell(EventKind.SETTLED, title, outcomes)

    def turn(self, report: CycleReport) -> None:
        """A turn has ended."""
        self._stop(report)
        if report.result is not None:
            chosen = [one for one in report.result.outcomes if one.step in report.chosen]
            good = [one for one in chosen if one.kind.good]
            bad = [one for one in chosen if not one.kind.good]
            if good:
                self._tell(EventKind.DONE, f"{_count(len(good))} done on {self._source}", good)
            if bad:
                title = f"{_count(len(bad))} not done on {self._source}"
                self._tell(EventKind.FAILED, title, bad)
        wanted = frozenset(describe(step.action) for step in report.recommended)
        if wanted and wanted != self._recommended:
            title = f"{_count(len(wanted))} recommended on {self._source}"
            self._outbox.tell(
                Event(
                    EventKind.RECOMMENDED, self._clock.now_s(), self._source, title, _some(wanted)
                )
            )
        self._recommended = wanted

    def trouble(self, number: int, error: MarketError) -> None:
        """A turn could not be done."""
        self._tell(EventKind.TROUBLE, f"Turn {number} on {self._source} could not be done: {error}")

    def missed(self, beats: int) -> None:
        """Turns were left out."""
        self._tell(
            EventKind.TROUBLE,
            f"{beats} turn{'s' if beats != 1 else ''} on {self._source} left out: the last one "
            "took too long",
        )

    def _stop(self, report: CycleReport) -> None:
        said = report.halt.sentence if report.halt else ""
        if said == self._halted:
            return
        title = f"{self._source}: {said or 'things go on; nobody says stop any more'}"
        self._tell(EventKind.STOP, title)
        self._halted = said

    def _tell(self, kind: EventKind, title: str, outcomes: Sequence[Outcome] = ()) -> None:
        lines = [f"{one.kind.value}: {one.sentence}" for one in outcomes]
        data = {"outcomes": [_outcome(one) for one in outcomes]} if outcomes else {}
        self._outbox.tell(Event(kind, self._clock.now_s(), self._source, title, _some(lines), data))


def _outcome(one: Outcome) -> dict[str, Any]:
    return {
        "step": one.step,
        "kind": one.action.kind.value,
        "action": describe(one.action),
        "outcome": one.kind.value,
        "cause": one.cause.value,
        "sentence": one.sentence,
    }


def _some(lines: Sequence[str] | frozenset[str]) -> tuple[str, ...]:
    ordered = sorted(lines) if isinstance(lines, frozenset) else list(lines)
    more = len(ordered) - _LINES
    return (*ordered[:_LINES], *((f"… and {more} more",) if more > 0 else ()))


def _count(number: int) -> str:
    return f"{number} step" if number == 1 else f"{number} steps"
