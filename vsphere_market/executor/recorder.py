"""Who writes down what happens. The executor defines the words; the journal implements them.

The order is the promise: the intent before a request leaves, the task as soon as its id is known,
the outcome last. Whatever moment the program dies at, the last thing written says what to look for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from vsphere_market.port import Action, Outcome, TaskHandle


class Recorder(Protocol):
    """Write-ahead record of an execution.

    A method that returns has made its record durable. One that raises ``MarketError`` has not, and
    the executor submits nothing further.
    """

    def begin(self, steps: Sequence[tuple[str, Action]], at_s: float, *, dry_run: bool) -> str:
        """An execution of ``steps`` begins; returns the id that the other methods are given."""

    def intent(self, execution: str, step: str, attempt: int, at_s: float) -> None:
        """The step is about to be submitted, for the ``attempt``-th time."""

    def accepted(self, execution: str, step: str, task: TaskHandle) -> None:
        """The other side has taken the request on, or its task was found."""

    def setback(self, execution: str, step: str, at_s: float, sentence: str) -> None:
        """A submission was not accepted, or not answered."""

    def outcome(self, execution: str, outcome: Outcome) -> None:
        """The step has ended."""

    def end(self, execution: str, at_s: float, error: str) -> None:
        """The execution has ended; ``error`` is the sentence of what ended it early, or ""."""


@dataclass(slots=True)
class MemoryRecorder:
    """A recorder that keeps everything in a list and nothing on disk: for demos and dry runs.

    Attributes:
        lines: ``(what, execution, details)`` in the order of writing.
    """

    lines: list[tuple[str, str, object]] = field(default_factory=list)
    executions: int = 0

    def begin(self, steps: Sequence[tuple[str, Action]], at_s: float, *, dry_run: bool) -> str:
        """See :class:`Recorder`."""
        self.executions += 1
        execution = str(self.executions)
        self.lines.append(("begin", execution, (tuple(steps), at_s, dry_run)))
        return execution

    def intent(self, execution: str, step: str, attempt: int, at_s: float) -> None:
        """See :class:`Recorder`."""
        self.lines.append(("intent", execution, (step, attempt, at_s)))

    def accepted(self, execution: str, step: str, task: TaskHandle) -> None:
        """See :class:`Recorder`."""
        self.lines.append(("accepted", execution, (step, task)))

    def setback(self, execution: str, step: str, at_s: float, sentence: str) -> None:
        """See :class:`Recorder`."""
        self.lines.append(("setback", execution, (step, at_s, sentence)))

    def outcome(self, execution: str, outcome: Outcome) -> None:
        """See :class:`Recorder`."""
        self.lines.append(("outcome", execution, outcome))

    def end(self, execution: str, at_s: float, error: str) -> None:
        """See :class:`Recorder`."""
        self.lines.append(("end", execution, (at_s, error)))
