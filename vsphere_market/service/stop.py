"""The stop switch: while it is pulled, nothing is carried out, whoever approved it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from vsphere_market.control.stop import StopSwitch as Heard
from vsphere_market.journal import Halt, Journal
from vsphere_market.service.words import Document, moment

_ORIGIN = {"via": "api"}


class StopSwitch(Protocol):
    """A switch that everybody who acts looks at."""

    def state(self) -> Halt | None:
        """Who pulled it, or None."""

    def pull(self, who: str, reason: str) -> None:
        """Stop everything."""

    def release(self, who: str) -> None:
        """Let things go on."""


class JournalSwitch:
    """The journal's own switch, which loops and the command line hear as well.

    Args:
        journal: where it is kept; it holds over restarts.
        now_s: the source's time.
        heard: what else says stop, such as a file; None for nothing.
    """

    def __init__(
        self, journal: Journal, now_s: Callable[[], float], heard: Heard | None = None
    ) -> None:
        self._journal = journal
        self._now_s = now_s
        self._heard = heard

    def state(self) -> Halt | None:
        """See :class:`StopSwitch`."""
        return self._journal.stopped() or (self._heard.state() if self._heard else None)

    def pull(self, who: str, reason: str) -> None:
        """See :class:`StopSwitch`."""
        self._journal.stop(Halt(who, self._now_s(), reason), _ORIGIN)

    def release(self, who: str) -> None:
        """See :class:`StopSwitch`."""
        self._journal.resume(who, self._now_s(), _ORIGIN)


def stop_document(stopped: Halt | None) -> Document:
    """The switch as a document."""
    return {
        "stopped": stopped is not None,
        "who": stopped.who if stopped else None,
        "at": moment(stopped.at_s) if stopped else None,
        "reason": stopped.reason if stopped else None,
    }
