"""Showing what we do to those who see vCenter alone: a task per plan, an event per step."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from vsphere_market.port.actions import Entity


class Showing(Protocol):
    """Writes into vCenter's lists of tasks and events. Changes nothing else.

    All methods raise ``UnreachableError``, ``NotPermittedError`` or ``ActionError`` when it cannot
    be done; whoever shows goes on without.
    """

    def begin_task(self, who: str, cluster: str) -> str:
        """Show a task "carry out a plan"; returns its id.

        Args:
            who: on whose behalf.
            cluster: managed object id of the cluster that it is about; "" for several or none.
        """

    def progress(self, task: str, progress_pct: float) -> None:
        """Show how far the task is."""

    def end_task(self, task: str, *, good: bool, text: str) -> None:
        """Show how the task ended."""

    def event(self, subject: Entity, text: str) -> None:
        """Show an event on an object."""


@runtime_checkable
class Shows(Protocol):
    """A source that has such lists. Not every one has."""

    @property
    def showing(self) -> Showing:
        """What writes into them."""
