"""Every error that this package raises on purpose.

    MarketError                     one sentence: what, where, cure; carries the exit code
    ├── InputError            64    a file, an option or a document is wrong: nothing was tried
    │   ├── UsageError              options that do not go together
    │   ├── SnapshotError           a snapshot file that cannot be read as one
    │   ├── EstateError             an estate file (plant, simulator) that cannot be read as one
    │   ├── PolicyError             a policy document that is not valid, or contradicts another
    │   ├── PlanError               a plan file that cannot be read as one
    │   └── JournalError            a journal that is none, or that cannot be opened there
    ├── UnreachableError      69    the vCenter, or the way to it, is not usable
    │   └── CertificateError        it answers, but cannot be trusted
    ├── TryLaterError         75    right in itself, wrong now
    │   ├── StaleError              the estate moved on, or the plan expired
    │   └── BusyError               someone else holds the lock
    │       └── TakenOver           we held it, and somebody has taken over
    ├── NotPermittedError     77    wrong password, or a privilege is missing
    ├── StorageError           1    the journal cannot be written any more: disk full or broken
    └── ActionError            1    a step failed; which fault class decides what happens next
        ├── TransientFault          try the same again after a pause
        ├── StaleFault              read again, plan again
        ├── FinalFault              this action cannot be done on this object
        └── OutcomeUnknown          sent, and never heard of again: find the task, never resend

``InputError`` and its children mean "your file is wrong"; the others mean "running it failed".
Session loss is no error of this tree: the adapter logs in again by itself, once.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Process exit codes, as documented for the command line (sysexits where one fits)."""

    OK = 0
    FAILED = 1
    CHANGES_DUE = 2
    USAGE = 64
    UNREACHABLE = 69
    TRY_LATER = 75
    NOT_PERMITTED = 77


class MarketError(Exception):
    """Base of all errors raised on purpose; ``str()`` is the whole sentence a user is shown.

    Args:
        what: what is wrong, without a full stop at its end.
        where: the file with its JSON pointer, the object's name, or the option. May be empty.
        cure: what to do about it. May be empty.
    """

    exit_code: ExitCode = ExitCode.FAILED

    def __init__(self, what: str, *, where: str = "", cure: str = "") -> None:
        self.what = what
        self.where = where
        self.cure = cure
        super().__init__(self.sentence())

    def sentence(self) -> str:
        """The message in one line: ``where: what. cure``."""
        head = f"{self.where}: {self.what}" if self.where else self.what
        head = head if head.endswith((".", "?", "!")) else head + "."
        if not self.cure:
            return head
        cure = self.cure[0].upper() + self.cure[1:]
        return f"{head} {cure if cure.endswith(('.', '?', '!')) else cure + '.'}"


class InputError(MarketError):
    """A file, an option or a document is wrong. Raised before anything is tried."""

    exit_code = ExitCode.USAGE


class UsageError(InputError):
    """Options that are missing or do not go together. Raised by ``cli`` and ``control``."""


class SnapshotError(InputError):
    """A snapshot that cannot be read, or breaks its own rules. Raised by ``estate``."""


class EstateError(InputError):
    """An estate file that cannot be read, or breaks its own rules. Raised by ``estate``."""


class PolicyError(InputError):
    """A policy document that is invalid or contradicts another. Raised by ``policy``."""


class PlanError(InputError):
    """A plan file that cannot be read. Raised by ``market.planfile``."""


class JournalError(InputError):
    """A journal that is none, is damaged, or cannot be opened there. Raised by ``journal``."""


class UnreachableError(MarketError):
    """The vCenter cannot be reached, or does not answer like one. Raised by ``adapter``."""

    exit_code = ExitCode.UNREACHABLE


class CertificateError(UnreachableError):
    """The server's certificate is not trusted. Raised by ``adapter`` before logging in."""


class TryLaterError(MarketError):
    """Right in itself, but not now: wait, or make a new plan."""

    exit_code = ExitCode.TRY_LATER


class StaleError(TryLaterError):
    """The plan expired, or the estate moved under it. Raised by ``executor`` and ``control``."""


class BusyError(TryLaterError):
    """Another run owns the estate or the journal. Raised by ``control`` and ``journal``."""


class TakenOver(BusyError):
    """This program was not heard of in time; another acts in its place. Raised by ``journal``."""


class NotPermittedError(MarketError):
    """Login refused, or a privilege is missing. Raised by ``adapter`` and ``executor``."""

    exit_code = ExitCode.NOT_PERMITTED


class StorageError(MarketError):
    """The journal cannot be written any more. Raised by ``journal`` in the middle of work."""


class ActionError(MarketError):
    """An action failed. Raised by implementations of the vCenter port.

    Args:
        what: the fault in words.
        fault: vSphere's own name of the fault, e.g. ``InsufficientMemoryResourcesFault``.
        where: the object's name.
        cure: what to do about it.
    """

    def __init__(self, what: str, *, fault: str = "", where: str = "", cure: str = "") -> None:
        self.fault = fault
        super().__init__(what, where=where, cure=cure)


class TransientFault(ActionError):
    """The same request may succeed after a pause (``TaskInProgress``, ``Timedout``, …)."""


class StaleFault(ActionError):
    """The object is not in the state the action assumed: read again and plan again."""


class FinalFault(ActionError):
    """This action cannot be done on this object; trying again is useless."""


class OutcomeUnknown(ActionError):
    """The connection was lost after the request left: look for the task, never send again."""
