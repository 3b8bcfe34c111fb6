"""What people can be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from vsphere_market.estate import time_text


class EventKind(StrEnum):
    """Kinds of event; a channel names those that it wants."""

    #: The loop has begun, or has ended.
    STARTED = "started"
    ENDED = "ended"
    #: Steps were done.
    DONE = "done"
    #: Steps failed, were refused, or have an unknown end.
    FAILED = "failed"
    #: Steps wait for somebody's yes; told when they change.
    RECOMMENDED = "recommended"
    #: A turn could not be done, or turns were left out.
    TROUBLE = "trouble"
    #: The stop switch was pulled or released.
    STOP = "stop"
    #: What an earlier run had left open was settled.
    SETTLED = "settled"


#: What a channel is told when it does not say.
USUAL = frozenset(EventKind) - {EventKind.RECOMMENDED, EventKind.DONE}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Attributes:
        kind: what kind of thing.
        at_s: Unix time at the source.
        source: name of the vCenter.
        title: one line.
        lines: details, one line each.
        data: the same for machines, JSON values.
    """

    kind: EventKind
    at_s: float
    source: str
    title: str
    lines: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notice:
    """What a channel sends.

    Attributes:
        event: what happened.
        left_out: events that its rate limit has swallowed since the last notice.
    """

    event: Event
    left_out: int = 0

    @property
    def text(self) -> str:
        """The whole of it for people."""
        tail = (f"({self.left_out} more were left out by the rate limit)",) if self.left_out else ()
        return "\n".join((self.event.title, *self.event.lines, *tail))

    def document(self) -> dict[str, Any]:
        """The whole of it for machines."""
        return {
            "format": "vsphere-market/notice/1",
            "event": self.event.kind.value,
            "at": time_text(self.event.at_s),
            "source": self.event.source,
            "title": self.event.title,
            "lines": list(self.event.lines),
            "left_out": self.left_out,
            "data": dict(self.event.data),
        }
