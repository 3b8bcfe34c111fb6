"""Tells systemd how we are, by its datagram socket; says nothing where there is none.

The protocol is a line per fact on an ``AF_UNIX`` datagram socket (sd_notify(3)); a library for it
would be longer than this. The watchdog is fed by whoever works, not by a thread of its own: a loop
that hangs is to be noticed.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Mapping


class SystemdNotifier:
    """Speaks to the service manager.

    Args:
        environ: has ``NOTIFY_SOCKET`` and ``WATCHDOG_USEC`` under systemd.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # "@" stands for the zero byte of an abstract address.
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._fed_s = 0.0
        self._every_s = 0.0
        meant = environ.get("WATCHDOG_PID", "")
        if not meant or meant == str(os.getpid()):
            with contextlib.suppress(ValueError):
                # Half of the time that it may take, as systemd recommends.
                self._every_s = int(environ.get("WATCHDOG_USEC", "0")) / 2e6

    def ready(self, status: str) -> None:
        """The first turn can begin."""
        self._say(f"READY=1\nSTATUS={_line(status)}")

    def status(self, status: str) -> None:
        """What ``systemctl status`` shows."""
        self._say(f"STATUS={_line(status)}")

    def stopping(self) -> None:
        """The end has begun."""
        self._say("STOPPING=1\nSTATUS=waiting for what is under way")

    def feed(self) -> None:
        """We are alive; may be called as often as one likes."""
        now_s = time.monotonic()
        if self._every_s and now_s - self._fed_s >= min(self._every_s, 10.0):
            self._fed_s = now_s
            self._say("WATCHDOG=1")

    def _say(self, text: str) -> None:
        if not self._address or not hasattr(socket, "AF_UNIX"):
            return
        # The service manager's troubles are not ours.
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to,
        ):
            to.connect(self._address)
            to.send(text.encode())


def _line(text: str) -> str:
    return text.replace("\n", " ")
