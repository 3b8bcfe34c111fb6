"""The loop: one turn after another, on the beat of the source's own clock."""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from vsphere_market.control.cycle import CycleReport, Road, one_cycle, settle
from vsphere_market.control.ownership import scope_of
from vsphere_market.errors import MarketError, TakenOver
from vsphere_market.estate import Snapshot
from vsphere_market.executor import CancelToken, ExecutionResult, Progress
from vsphere_market.journal import LOOP, Lease, Scope
from vsphere_market.port import Clock

log = logging.getLogger(__name__)

DEFAULT_INTERVAL_S = 300.0
_DAY_S = 86_400.0
#: While waiting for the next turn, a request to stop is heard this often, seconds.
_SLICE_S = 1.0
#: A reading of the estate is as good as a new one for so many seconds.
_FRESH_S = 30.0


class Listener(Protocol):
    """Who is told what the loop does. Its methods must not raise."""

    def settled(self, results: tuple[ExecutionResult, ...]) -> None:
        """What an earlier run had left open has its outcomes now."""

    def turn(self, report: CycleReport) -> None:
        """A turn has ended."""

    def trouble(self, number: int, error: MarketError) -> None:
        """Turn ``number`` could not be done; the next one is tried on the beat."""

    def missed(self, beats: int) -> None:
        """The last turn took so long that this many beats passed without one."""


class Everybody:
    """Listeners as one.

    Args:
        listeners: told in this order.
    """

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = listeners

    def settled(self, results: tuple[ExecutionResult, ...]) -> None:
        """See :class:`Listener`."""
        for one in self._listeners:
            one.settled(results)

    def turn(self, report: CycleReport) -> None:
        """See :class:`Listener`."""
        for one in self._listeners:
            one.turn(report)

    def trouble(self, number: int, error: MarketError) -> None:
        """See :class:`Listener`."""
        for one in self._listeners:
            one.trouble(number, error)

    def missed(self, beats: int) -> None:
        """See :class:`Listener`."""
        for one in self._listeners:
            one.missed(beats)


@dataclass(frozen=True, slots=True)
class Beat:
    """When the loop goes round.

    Attributes:
        cycles: how often in all; None for until stopped.
        interval_s: seconds from the beginning of one turn to the beginning of the next.
    """

    cycles: int | None = None
    interval_s: float = DEFAULT_INTERVAL_S


@dataclass(frozen=True, slots=True)
class LoopEnd:
    """How a loop ended.

    Attributes:
        turns: turns begun.
        failures: turns that could not be done.
        missed: beats without a turn.
        stopped: it was told to stop before it was through.
        error: why the last turn could not be done, None if it could.
    """

    turns: int
    failures: int
    missed: int
    stopped: bool
    error: MarketError | None


def run_loop(
    road: Road,
    beat: Beat,
    listener: Listener,
    *,
    cancel: CancelToken | None = None,
    watch: Callable[[Progress], None] | None = None,
    begun: Callable[[Scope], None] = lambda _scope: None,
) -> LoopEnd:
    """Go round and round.

    An error in the first turn is raised: most likely something is set up wrong. Later ones are
    told to the listener, and the next turn is tried on the beat.

    Args:
        road: what to work with.
        beat: how often.
        listener: told of everything.
        cancel: heard between steps and while waiting.
        watch: told of the steps' progress.
        begun: called when nothing stands in the way of the first turn any more.

    Raises:
        BusyError: somebody else has a loop there, and is named.
        TakenOver: somebody else began one there while this one was not heard of.
        MarketError: the first turn could not be done.
    """
    snapshot = road.port.observe()
    scope = scope_of(snapshot, road.clusters)
    # Who only looks on hinders nobody.
    own = road.journal.own
    lease = None if road.shadow else own(scope, LOOP, who=road.who, what="run")
    with lease or contextlib.nullcontext():
        begun(scope)
        return _Loop(road, beat, listener, cancel, watch, lease).run(snapshot, scope)


class _Loop:
    def __init__(
        self,
        road: Road,
        beat: Beat,
        listener: Listener,
        cancel: CancelToken | None,
        watch: Callable[[Progress], None] | None,
        lease: Lease | None,
    ) -> None:
        self._lease = lease
        self._road, self._beat, self._listener = road, beat, listener
        self._cancel, self._watch = cancel, watch
        self._clock: Clock = road.port.clock
        self._failures = 0
        self._missed = 0

    def run(self, snapshot: Snapshot, scope: Scope) -> LoopEnd:
        """Until the turns are done, or somebody says stop."""
        road, beat = self._road, self._beat
        first_s = self._clock.now_s()
        pruned_s = -math.inf
        due_s, turn, error = first_s, 0, None
        while not self._stop_wanted():
            turn += 1
            self._require_ownership()
            try:
                report = self._turn(turn, scope, snapshot if turn == 1 else None)
                error = None
                if self._clock.now_s() - pruned_s >= _DAY_S:
                    pruned_s = self._clock.now_s()
                    road.journal.prune(pruned_s)
            except MarketError as caught:
                if turn == 1:
                    raise
                self._failures += 1
                error = caught
                log.info("turn %d failed: %s", turn, caught)
                self._listener.trouble(turn, caught)
            else:
                self._listener.turn(report)
            if beat.cycles is not None and turn >= beat.cycles:
                return self._end(turn, False, error)
            due_s = self._next_beat(due_s)
            self._wait_until(due_s)
        return self._end(turn, True, error)

    def _require_ownership(self) -> None:
        """End when another loop has taken over, as it may when this machine stood still.

        Raises:
            TakenOver: it has. Going on would make two loops of one.
        """
        if self._lease is None:
            return
        try:
            self._lease.require()
        except TakenOver:
            raise
        except MarketError as error:
            # The turn needs the journal as well, and tells what is wrong with it.
            log.info("whether this loop is still the owner cannot be asked: %s", error)

    def _turn(self, turn: int, scope: Scope, snapshot: Snapshot | None) -> CycleReport:
        """One turn, alone on the scope. Between turns others may act, such as an ``apply``."""
        road = self._road
        if road.shadow:
            return one_cycle(road, turn, snapshot=snapshot)
        with road.journal.own(
            scope,
            who=road.who,
            what="run",
            wait_s=self._beat.interval_s,
            stop=self._stop_wanted,
        ) as lease:
            results = settle(road, scope, cancel=self._cancel, lease=lease)
            if results:
                self._listener.settled(results)
            # What was read before somebody else had finished, or we had settled, is out of date.
            old = snapshot is None or self._clock.now_s() - snapshot.taken_at_s > _FRESH_S
            return one_cycle(
                road,
                turn,
                snapshot=None if results or old else snapshot,
                cancel=self._cancel,
                watch=self._watch,
                lease=lease,
            )

    def _end(self, turn: int, stopped: bool, error: MarketError | None) -> LoopEnd:
        return LoopEnd(turn, self._failures, self._missed, stopped, error)

    def _next_beat(self, due_s: float) -> float:
        """The next beat that lies ahead; those that passed meanwhile are not made up for."""
        interval_s = self._beat.interval_s
        late_s = self._clock.now_s() - due_s
        missed = max(0, math.ceil(late_s / interval_s) - 1)
        if missed:
            self._missed += missed
            self._listener.missed(missed)
        return due_s + (missed + 1) * interval_s

    def _wait_until(self, due_s: float) -> None:
        while not self._stop_wanted() and (left_s := due_s - self._clock.now_s()) > 0:
            self._clock.sleep(min(left_s, _SLICE_S) if self._cancel is not None else left_s)

    def _stop_wanted(self) -> bool:
        return self._cancel is not None and self._cancel.is_set()
