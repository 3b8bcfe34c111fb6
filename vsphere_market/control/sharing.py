"""One source for several threads, and a plant whose time goes on by itself.

A service looks at an estate and acts on it at the same time. ``SharedPort`` lets one request
through at a time. A plant moves only when somebody sleeps by its clock; ``Pace`` moves it by ours,
some times faster, so that those who look on see it live.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from vsphere_market.estate import Snapshot
from vsphere_market.port import (
    Action,
    Clock,
    Finding,
    Standing,
    TaskHandle,
    TaskStatus,
    VCenterPort,
)

#: How often a plant is moved on, seconds of ours.
_TICK_S = 0.1
#: After a pause of the whole machine a plant is not hurried through more than this at once.
_LONGEST_TICK_S = 2.0


class SharedPort:
    """A port that several threads may use: one request at a time.

    Args:
        port: the real one.
        lock: held during each request.
        clock: what to wait by, in place of the port's own; None for that.
    """

    def __init__(
        self, port: VCenterPort, lock: AbstractContextManager[object], clock: Clock | None = None
    ) -> None:
        self._port = port
        self._lock = lock
        self._clock = clock or port.clock

    @property
    def clock(self) -> Clock:
        """What to wait by; sleeping holds nobody up."""
        return self._clock

    def observe(self) -> Snapshot:
        """See ``VCenterPort``."""
        with self._lock:
            return self._port.observe()

    def checkup(self) -> Sequence[Finding]:
        """See ``VCenterPort``."""
        with self._lock:
            return self._port.checkup()

    def standing(self, action: Action) -> Standing:
        """See ``VCenterPort``."""
        with self._lock:
            return self._port.standing(action)

    def precheck(self, action: Action) -> Sequence[Finding]:
        """See ``VCenterPort``."""
        with self._lock:
            return self._port.precheck(action)

    def submit(self, action: Action) -> TaskHandle:
        """See ``VCenterPort``."""
        with self._lock:
            return self._port.submit(action)

    def poll(self, tasks: Sequence[TaskHandle]) -> Sequence[TaskStatus]:
        """See ``VCenterPort``."""
        with self._lock:
            return self._port.poll(tasks)

    def find_task(self, action: Action, since_s: float) -> TaskHandle | None:
        """See ``VCenterPort``."""
        with self._lock:
            return self._port.find_task(action, since_s)

    def cancel(self, task: TaskHandle) -> None:
        """See ``VCenterPort``."""
        with self._lock:
            self._port.cancel(task)

    def close(self) -> None:
        """Nothing: the source is closed by whoever opened it."""


class Pace:
    """Moves a plant on by our time, as long as the ``with`` lasts. It is a clock as well.

    Args:
        clock: the plant's own; sleeping by it moves the simulation.
        lock: held while the plant moves.
        speed: seconds of the plant for one of ours.
    """

    def __init__(self, clock: Clock, lock: AbstractContextManager[object], speed: float) -> None:
        assert speed > 0
        self._clock = clock
        self._lock = lock
        self._speed = speed
        self._moved = threading.Condition()
        self._over = False
        self._thread = threading.Thread(target=self._run, name="plant", daemon=True)

    def now_s(self) -> float:
        """The plant's Unix time."""
        return self._clock.now_s()

    def sleep(self, seconds: float) -> None:
        """Wait until the plant's time has gone on by so much; at once when nobody moves it."""
        due_s = self.now_s() + seconds
        with self._moved:
            while not self._over and self.now_s() < due_s:
                self._moved.wait(_TICK_S)

    def _run(self) -> None:
        before_s = time.monotonic()
        while not self._over:
            time.sleep(_TICK_S)
            now_s = time.monotonic()
            passed_s = min(now_s - before_s, _LONGEST_TICK_S)
            before_s = now_s
            with self._lock:
                self._clock.sleep(passed_s * self._speed)
            with self._moved:
                self._moved.notify_all()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over = True
        self._thread.join()
