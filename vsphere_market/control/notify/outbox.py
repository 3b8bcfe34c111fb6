"""Sends notices from a thread of its own: whoever has news drops it and goes on."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from vsphere_market.control.notify.channels import Channel, Failed
from vsphere_market.control.notify.events import Event, Notice

log = logging.getLogger(__name__)

#: More events than this are not kept waiting; the oldest are dropped, and counted.
WAITING_MOST = 200
#: Pauses before a notice is tried again, seconds.
PAUSES_S = (1.0, 5.0, 30.0)
_HOUR_S = 3600.0


class Outbox:
    """Delivers events to channels. Never raises, and never makes anybody wait.

    Each channel has a thread: one that does not answer holds up no other.

    Args:
        channels: where to.
        pauses_s: before a notice is tried again.
        now_s: time for the rate limit.
    """

    def __init__(
        self,
        channels: Sequence[Channel],
        *,
        pauses_s: Sequence[float] = PAUSES_S,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lines = [_Line(channel, pauses_s, now_s) for channel in channels]

    def tell(self, event: Event) -> None:
        """Have an event sent to those that want its kind."""
        for line in self._lines:
            line.drop(event)

    def close(self, wait_s: float = 10.0) -> None:
        """Send what is waiting, but no longer than this, and end."""
        until_s = time.monotonic() + wait_s
        for line in self._lines:
            line.end()
        for line in self._lines:
            line.join(max(0.0, until_s - time.monotonic()))


class _Line:
    """One channel with its queue, its rate limit and its thread."""

    def __init__(
        self, channel: Channel, pauses_s: Sequence[float], now_s: Callable[[], float]
    ) -> None:
        self._channel = channel
        self._limits = channel.limits
        self._pauses_s = pauses_s
        self._now_s = now_s
        self._waiting: queue.Queue[Event | None] = queue.Queue(WAITING_MOST)
        self._sent: deque[float] = deque()
        self._left_out = 0
        self._counting = threading.Lock()
        self._ending = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"notify-{self._limits.name}", daemon=True
        )
        self._thread.start()

    def drop(self, event: Event) -> None:
        if event.kind not in self._limits.events or self._ending.is_set():
            return
        while True:
            try:
                self._waiting.put_nowait(event)
            except queue.Full:
                try:
                    self._waiting.get_nowait()
                    self._count(1)
                except queue.Empty:
                    continue
            else:
                return

    def end(self) -> None:
        self._ending.set()
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            log.debug("%s: what waits is not sent any more", self._limits.name)

    def join(self, wait_s: float) -> None:
        self._thread.join(wait_s)

    def _run(self) -> None:
        while True:
            event = self._waiting.get()
            if event is None:
                return
            if not self._may_send():
                self._count(1)
                continue
            notice = Notice(event, self._left_out)
            if self._send(notice):
                self._count(-notice.left_out)

    def _count(self, more: int) -> None:
        # The loop's thread counts as well as ours.
        with self._counting:
            self._left_out += more

    def _may_send(self) -> bool:
        now_s = self._now_s()
        while self._sent and now_s - self._sent[0] >= _HOUR_S:
            self._sent.popleft()
        if len(self._sent) >= self._limits.per_hour:
            return False
        self._sent.append(now_s)
        return True

    def _send(self, notice: Notice) -> bool:
        for pause_s in (*self._pauses_s, None):
            try:
                self._channel.send(notice)
            except Failed as error:
                log.warning("notice to %s was not sent: %s", self._limits.name, error)
                if not error.again or pause_s is None or self._ending.wait(pause_s):
                    return False
            except Exception:
                # A notice must never be the end of the loop, whatever is wrong with it.
                log.exception("notice to %s was not sent", self._limits.name)
                return False
            else:
                return True
        return False
