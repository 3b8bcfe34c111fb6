"""What happens, as it happens: one numbered stream, kept for a while, for any number of readers.

Events come from worker threads; readers live in the server's event loop. An id is
``<run>-<number>``, so that a reader who comes back after a restart is told that it has missed
something.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

from vsphere_market.service.problems import HttpProblem
from vsphere_market.service.ready import json_bytes
from vsphere_market.service.words import Document

#: Events that are kept for readers who come back.
_KEPT = 2000
#: A reader who is so many events behind is let go; it comes back and is told.
_BEHIND = 500
HEARTBEAT_S = 15.0
#: Browsers wait this long before they come back, milliseconds.
_RETRY_MS = 2000


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it is sent.

    Attributes:
        number: counts up within one run of the service.
        name: what happened.
        text: the whole event in the form of the stream.
    """

    number: int
    name: str
    text: bytes


class _Reader:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.queue: asyncio.Queue[Event | None] = asyncio.Queue(_BEHIND)
        self.lost = False

    def offer(self, event: Event | None) -> None:
        """In the loop's thread."""
        try:
            self.queue.put_nowait(event)
        except asyncio.QueueFull:
            self.lost = True


class EventHub:
    """Where events go and come from.

    Args:
        boot: identifies this run of the service.
        most: readers at once.
    """

    def __init__(self, boot: str, most: int) -> None:
        self._boot = boot
        self._most = most
        self._lock = threading.Lock()
        self._number = 0
        self._kept: deque[Event] = deque(maxlen=_KEPT)
        self._readers: set[_Reader] = set()
        self._over = False

    @property
    def readers(self) -> int:
        """How many read now."""
        return len(self._readers)

    def tell(self, name: str, document: Document) -> None:
        """Something has happened; from any thread."""
        with self._lock:
            self._number += 1
            data = json_bytes(document)
            head = f"id: {self._boot}-{self._number}\nevent: {name}\ndata: ".encode()
            event = Event(self._number, name, head + data + b"\n\n")
            self._kept.append(event)
            readers = list(self._readers)
        for reader in readers:
            # The loop may be gone already when the service ends.
            with contextlib.suppress(RuntimeError):
                reader.loop.call_soon_threadsafe(reader.offer, event)

    def close(self) -> None:
        """Send every reader away; nobody new is let in."""
        with self._lock:
            self._over = True
            readers = list(self._readers)
        for reader in readers:
            with contextlib.suppress(RuntimeError):
                reader.loop.call_soon_threadsafe(reader.offer, None)

    def full(self) -> bool:
        """Nobody more can read now."""
        return len(self._readers) >= self._most

    async def stream(self, last: str) -> AsyncIterator[bytes]:
        """The events after the one with id ``last`` ("" for only those to come), for ever.

        When some in between are not kept any more, or belong to another run, an event ``reset``
        tells the reader to read everything anew. Ends at once where too many read already; ask
        :meth:`full` before.
        """
        reader = _Reader(asyncio.get_running_loop())
        with self._lock:
            if self._over or len(self._readers) >= self._most:
                return
            self._readers.add(reader)
            missed, gap = self._since(last)
            number = self._number
        try:
            yield f"retry: {_RETRY_MS}\n\n".encode()
            if gap:
                yield f"id: {self._boot}-{number}\nevent: reset\ndata: {{}}\n\n".encode()
            for event in missed:
                yield event.text
            while not reader.lost:
                try:
                    found = await asyncio.wait_for(reader.queue.get(), HEARTBEAT_S)
                except TimeoutError:
                    yield b": still here\n\n"
                    continue
                if found is None:
                    return
                yield found.text
        finally:
            with self._lock:
                self._readers.discard(reader)

    def _since(self, last: str) -> tuple[list[Event], bool]:
        """Kept events after that one, and whether others are missing."""
        if not last:
            return [], False
        boot, _, text = last.rpartition("-")
        if boot != self._boot or not text.isdecimal() or int(text) > self._number:
            return [], True
        number = int(text)
        oldest = self._kept[0].number if self._kept else self._number + 1
        if number + 1 < oldest:
            return [], True
        return [event for event in self._kept if event.number > number], False


def too_many() -> HttpProblem:
    """Too many read events."""
    return HttpProblem(
        503,
        "too-many-streams",
        "too many read events already",
        cure="close some consoles, or come back later",
        headers={"Retry-After": "10"},
    )
