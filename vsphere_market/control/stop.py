"""The stop switch: a file, or a flag in the journal, heard before each step.

While it is pulled the loop goes on looking, deciding and writing down, and carries nothing out. The
third switch, a tag or custom attribute in vCenter, stops single VMs and clusters and is a law of
``policy.law``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from vsphere_market.errors import MarketError, TryLaterError
from vsphere_market.journal import Halt, Journal, default_path

#: What names another file.
VARIABLE = "VSPHERE_MARKET_STOP_FILE"
#: The journal's flag is looked up this often at most, seconds.
_LOOK_S = 1.0


def stop_file(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The file whose presence means stop; None for a user who has no place of his own for it."""
    named = environ.get(VARIABLE, "")
    if named:
        return Path(named)
    usual = default_path().with_name("stop")
    try:
        usual.stat()
    except FileNotFoundError:
        return usual
    except OSError:
        # A service's user may have no home. Somebody who names a file means it; nobody named this.
        return None
    return usual


class StopSwitch:
    """Looks at the file and at the journal's flag.

    Args:
        journal: has the flag.
        file: the file; None for none.
    """

    def __init__(self, journal: Journal, file: Path | None = None) -> None:
        self._journal = journal
        self._file = file
        self._looked_s = -_LOOK_S
        self._halt: Halt | None = None

    def state(self) -> Halt | None:
        """Who pulled it, or None. What cannot be read counts as pulled; never raises."""
        halt = self._in_file()
        if halt is not None:
            return halt
        now_s = time.monotonic()
        if now_s - self._looked_s >= _LOOK_S:
            self._halt = self._in_journal()
            self._looked_s = now_s
        return self._halt

    def require_released(self) -> None:
        """Raise when it is pulled.

        Raises:
            TryLaterError: with who pulled it.
        """
        halt = self.state()
        if halt is None:
            return
        cure = (
            "`vsphere-market resume` lets things go on"
            if halt.where == "journal"
            else "remove the file to let things go on"
        )
        raise TryLaterError(halt.sentence, where=halt.where, cure=cure)

    def _in_file(self) -> Halt | None:
        if self._file is None:
            return None
        try:
            found = self._file.stat()
        except FileNotFoundError:
            return None
        except OSError as exc:
            return Halt("", 0.0, f"the stop file cannot be looked at: {exc.strerror}", "file")
        try:
            reason = self._file.read_text(encoding="utf-8", errors="replace")[:200].strip()
        except OSError:
            reason = ""
        return Halt("", found.st_mtime, reason or "the stop file is there", str(self._file))

    def _in_journal(self) -> Halt | None:
        try:
            return self._journal.stopped()
        except MarketError as error:
            return Halt("", 0.0, f"the journal cannot be asked: {error.what}")


class Hearing(Protocol):
    """Something that may ask us to stop; an ``executor.CancelToken`` is one."""

    def is_set(self) -> bool:
        """True from the moment on at which we are to stop."""


class Either:
    """Told to stop by a signal or caller, or by the switch.

    Args:
        asked: the signal or caller; None for none.
        switch: the switch; None for none.
    """

    def __init__(self, asked: Hearing | None, switch: StopSwitch | None) -> None:
        self._asked = asked
        self._switch = switch

    def is_set(self) -> bool:
        """See ``executor.CancelToken``."""
        if self._asked is not None and self._asked.is_set():
            return True
        return self._switch is not None and self._switch.state() is not None
