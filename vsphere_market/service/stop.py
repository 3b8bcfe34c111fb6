"""The stop switch: while it is pulled, nothing is carried out, whoever approved it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from vsphere_market.journal import Journal
from vsphere_market.service.words import Document, moment

_BLOB = "service/stop"
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Stopped:
    """Who pulled it, when (Unix time at the source), and why."""

    who: str
    at_s: float
    reason: str


class StopSwitch(Protocol):
    """A switch that everybody who acts looks at."""

    def state(self) -> Stopped | None:
        """Who pulled it, or None."""

    def pull(self, who: str, reason: str) -> None:
        """Stop everything."""

    def release(self, who: str) -> None:
        """Let things go on."""


class JournalSwitch:
    """A switch in the journal: it holds over restarts.

    Args:
        journal: where it is kept.
        now_s: the source's time.
    """

    def __init__(self, journal: Journal, now_s: Callable[[], float]) -> None:
        self._journal = journal
        self._now_s = now_s

    def state(self) -> Stopped | None:
        """See :class:`StopSwitch`."""
        blob = self._journal.get_blob(_BLOB)
        if blob is None or blob.version != _VERSION or not blob.data:
            return None
        return Stopped(**json.loads(blob.data))

    def pull(self, who: str, reason: str) -> None:
        """See :class:`StopSwitch`."""
        data = json.dumps({"who": who, "at_s": self._now_s(), "reason": reason}).encode()
        self._journal.put_blob(_BLOB, data, version=_VERSION, at_s=self._now_s())

    def release(self, who: str) -> None:
        """See :class:`StopSwitch`."""
        del who
        self._journal.put_blob(_BLOB, b"", version=_VERSION, at_s=self._now_s())


def stop_document(stopped: Stopped | None) -> Document:
    """The switch as a document."""
    return {
        "stopped": stopped is not None,
        "who": stopped.who if stopped else None,
        "at": moment(stopped.at_s) if stopped else None,
        "reason": stopped.reason if stopped else None,
    }
