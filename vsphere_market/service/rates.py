"""Token buckets: how often somebody may ask."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

#: Buckets that are remembered; the one unused longest is forgotten, which can only fill it.
_MOST = 10_000


class Rates:
    """One bucket per key: so many a second over time, and a burst at once.

    Args:
        per_s: how fast buckets fill.
        burst: how much they hold.
        now_s: a clock that only goes forward.
    """

    def __init__(
        self, per_s: float, burst: float, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_s = per_s
        self._burst = max(burst, 1.0)
        self._now_s = now_s
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> float:
        """Take one; gives 0 when it was there, else the seconds until it would be."""
        now_s = self._now_s()
        with self._lock:
            left = self._filled(key, now_s)
            short = 1.0 - left
            self._keep(key, left if short > 0 else left - 1.0, now_s)
        return short / self._per_s if short > 0 else 0.0

    def wait_s(self, key: str) -> float:
        """Seconds until one is there, without taking it."""
        with self._lock:
            return max(0.0, 1.0 - self._filled(key, self._now_s())) / self._per_s

    def _filled(self, key: str, now_s: float) -> float:
        left, at_s = self._left.get(key, (self._burst, now_s))
        return min(self._burst, left + (now_s - at_s) * self._per_s)

    def _keep(self, key: str, left: float, now_s: float) -> None:
        self._left[key] = (left, now_s)
        self._left.move_to_end(key)
        if len(self._left) > _MOST:
            self._left.popitem(last=False)
