"""A file as a port: it can be looked at as often as one likes, and acted on never."""

from __future__ import annotations

from collections.abc import Sequence

from vsphere_market.control.sources import OpenSource
from vsphere_market.errors import FinalFault
from vsphere_market.estate import Snapshot
from vsphere_market.port import Action, Clock, Finding, Standing, TaskHandle, TaskStatus


class FilePort:
    """See the module. Everything that would act raises ``UsageError`` or ``FinalFault``."""

    def __init__(self, source: OpenSource) -> None:
        self._source = source

    @property
    def clock(self) -> Clock:
        """The time of the file."""
        return self._source.clock

    def observe(self) -> Snapshot:
        """The estate in the file."""
        return self._source.observe()

    def checkup(self) -> Sequence[Finding]:
        """See ``OpenSource.checkup``."""
        return self._source.checkup()

    def standing(self, action: Action) -> Standing:
        """Unknown."""
        raise self._refused(action)

    def precheck(self, action: Action) -> Sequence[Finding]:
        """Unknown."""
        raise self._refused(action)

    def submit(self, action: Action) -> TaskHandle:
        """Never."""
        raise self._refused(action)

    def poll(self, tasks: Sequence[TaskHandle]) -> Sequence[TaskStatus]:
        """There are no tasks."""
        return [status for task in tasks for status in self._none(task)]

    def find_task(self, action: Action, since_s: float) -> TaskHandle | None:
        """There are no tasks."""
        del action, since_s
        return None

    def cancel(self, task: TaskHandle) -> None:
        """There are no tasks."""

    def close(self) -> None:
        """Nothing to let go of."""

    def _none(self, task: TaskHandle) -> Sequence[TaskStatus]:
        raise self._refused(task.action)

    def _refused(self, action: Action) -> FinalFault:
        del action
        return FinalFault(
            f"{self._source.label} is a file, which cannot be acted on",
            cure="serve a vCenter or a plant instead",
        )
