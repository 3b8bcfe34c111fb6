"""Turns of the market in the background: look, decide, write down, and show the result to all."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from vsphere_market.control.cycle import CycleReport, Road, one_cycle, settle
from vsphere_market.control.ownership import scope_of
from vsphere_market.errors import MarketError
from vsphere_market.executor import Progress
from vsphere_market.journal import LOOP, Lease
from vsphere_market.service.problems import unexpected

log = logging.getLogger(__name__)

_DAY_S = 86_400.0
#: A turn on a large estate takes minutes; whoever stops the service does not wait that long for one
#: that changes nothing.
_PATIENCE_S = 5.0


class Turner:
    """A thread that goes round on the beat, and at once when somebody asks.

    Args:
        road: what to work with.
        interval_s: from one turn to the next, by the source's clock.
        hands: let automatic steps be carried out, when nobody else acts.
        acting: held while anything is carried out.
        stopped: whether the stop switch is pulled.
        done: told the report of each turn, and how long it took.
        failed: told why a turn could not be done.
        watch: told of the steps' progress.
    """

    def __init__(
        self,
        road: Road,
        interval_s: float,
        *,
        hands: bool,
        acting: threading.Lock,
        stopped: Callable[[], bool],
        done: Callable[[CycleReport, float], None],
        failed: Callable[[MarketError], None],
        watch: Callable[[Progress], None] | None = None,
    ) -> None:
        self._road = road
        self._interval_s = interval_s
        self._hands = hands
        self._acting = acting
        self._stopped = stopped
        self._done = done
        self._failed = failed
        self._watch = watch
        self._number = 0
        self._pruned_s: float | None = None
        self._over = threading.Event()
        self._state = threading.Condition()
        self._asked = 0
        self._answered = 0
        self._error: MarketError | None = None
        self._lease: Lease | None = None
        self._thread = threading.Thread(target=self._run, name="turns", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End after the turn that goes on; one that only looks is not waited for long."""
        self._over.set()
        with self._state:
            self._state.notify_all()
        if self._thread.is_alive():
            self._thread.join(None if self._hands else _PATIENCE_S)
        if self._lease is not None:
            self._lease.release()

    def nudge(self) -> int:
        """Ask for a turn soon; gives what to wait for."""
        with self._state:
            self._asked += 1
            self._state.notify_all()
            return self._asked

    def wait(self, asked: int) -> None:
        """Wait until a turn was done that began after it was asked for.

        Raises:
            MarketError: the turn could not be done.
        """
        with self._state:
            while self._answered < asked and not self._over.is_set():
                self._state.wait(0.5)
            error = self._error
        if error is not None:
            raise error

    # ------------------------------------------------------------ its thread

    def _run(self) -> None:
        while not self._over.is_set():
            with self._state:
                asked = self._asked
            error = self._turn()
            with self._state:
                self._answered, self._error = asked, error
                self._state.notify_all()
            self._rest()

    def _rest(self) -> None:
        """Until the next beat, or until somebody asks."""
        clock = self._road.port.clock
        due_s = clock.now_s() + self._interval_s
        while not self._over.is_set() and clock.now_s() < due_s:
            with self._state:
                if self._asked > self._answered:
                    return
                self._state.wait(0.2)

    def _turn(self) -> MarketError | None:
        begun_s = time.monotonic()
        self._number += 1
        try:
            report = self._with_hands() if self._hands else self._shadow()
            self._prune()
        except MarketError as error:
            if self._over.is_set():
                return None
            log.warning("turn %d failed: %s", self._number, error)
            self._failed(error)
            return error
        except Exception as caught:
            if self._over.is_set():
                # The journal was closed under a turn that nobody waits for any more.
                return None
            log.exception("turn %d failed", self._number)
            problem = unexpected(caught)
            self._failed(problem)
            return problem
        if not self._over.is_set():
            self._done(report, time.monotonic() - begun_s)
        return None

    def _shadow(self) -> CycleReport:
        return one_cycle(replace(self._road, shadow=True), self._number, kind="serve")

    def _with_hands(self) -> CycleReport:
        """A turn that acts, unless somebody else does or the switch is pulled."""
        if self._stopped() or not self._acting.acquire(blocking=False):
            return self._shadow()
        try:
            journal, who = self._road.journal, self._road.who
            scope = scope_of(self._road.port.observe(), self._road.clusters)
            if self._lease is not None and self._lease.lost:
                # Another loop began while we were not heard of; if it is still there, it is named.
                self._lease.release()
                self._lease = None
            if self._lease is None:
                self._lease = journal.own(scope, LOOP, who=who, what="serve --loop")
            with journal.own(scope, who=who, what="serve --loop") as lease:
                settle(self._road, scope, cancel=self._over, lease=lease)
                return one_cycle(
                    self._road,
                    self._number,
                    kind="run",
                    cancel=_Either(self),
                    watch=self._watch,
                    lease=lease,
                )
        finally:
            self._acting.release()

    def wanted_still(self) -> bool:
        """Nobody has said stop."""
        return not self._over.is_set() and not self._stopped()

    def _prune(self) -> None:
        now_s = self._road.port.clock.now_s()
        if self._pruned_s is None or now_s - self._pruned_s >= _DAY_S:
            self._pruned_s = now_s
            self._road.journal.prune(now_s)


class _Either:
    """Told to stop: the service ends, or the switch was pulled."""

    def __init__(self, turner: Turner) -> None:
        self._turner = turner

    def is_set(self) -> bool:
        """See ``executor.CancelToken``."""
        return not self._turner.wanted_still()
