"""What several verbs do alike."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, current_thread, main_thread
from types import FrameType
from typing import TYPE_CHECKING

from vsphere_market.cli.render import say, warn

if TYPE_CHECKING:
    from vsphere_market.control.decide import Frame

#: More doubts about policies than this are counted, not shown.
_DOUBTS = 10


def warn_of(framed: Frame) -> None:
    """Say on stderr what is doubtful about the snapshot and the policies."""
    from vsphere_market.policy import finding_text

    for line in framed.snapshot.missing:
        warn(line)
    for finding in framed.findings[:_DOUBTS]:
        warn(finding_text(finding))
    if len(framed.findings) > _DOUBTS:
        warn(f"… and {len(framed.findings) - _DOUBTS} more about policies")
    if not len(framed.snapshot.hosts):
        warn("the inventory is empty: no host is seen with this account's rights")


def who() -> str:
    """On whose behalf we act, for the journal."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, ImportError, OSError):  # no such user, or no user database at all
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"


def origin() -> dict[str, str]:
    """From where we act, for the audit trail: machine, and where its terminal is."""
    import socket

    found = {"via": "cli", "host": socket.gethostname()}
    # "client port server port", set by sshd for each session.
    client = os.environ.get("SSH_CONNECTION", "").split(" ")[0]
    if client:
        found["client"] = client
    behind = os.environ.get("SUDO_USER", "")
    if behind:
        found["sudo"] = behind
    return found


@contextmanager
def stop_on_signals() -> Iterator[Event]:
    """Turn SIGINT and SIGTERM into a request to stop between steps; a second SIGINT stops at once.

    What was submitted by then is in the journal, and the next run settles it.
    """
    asked = Event()

    def hear(number: int, _frame: FrameType | None) -> None:
        if asked.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        asked.set()
        say("stopping: waiting for what is under way (once more to stop at once)")

    if current_thread() is not main_thread():  # only there can signals be heard
        yield asked
        return
    before = {number: signal.signal(number, hear) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
