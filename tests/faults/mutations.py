"""Programs that are broken on purpose: the campaign must find each of them out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.faults.troubles import Event, Scenario, Strike
from vsphere_market.adapter import PyVmomiVCenter, actions
from vsphere_market.errors import OutcomeUnknown
from vsphere_market.executor import transitions
from vsphere_market.executor.driver import Driver
from vsphere_market.executor.run import Doubt
from vsphere_market.journal import writing
from vsphere_market.port import Cause, OutcomeKind


def _none() -> None:
    """The program as it is."""


def _resubmits() -> None:
    """Sends again when an answer was lost, instead of looking for the task."""
    real = PyVmomiVCenter.submit

    def submit(self: PyVmomiVCenter, action: Any) -> Any:
        try:
            return real(self, action)
        except OutcomeUnknown:
            # It does not look at the VM again either.
            vars(actions)["objections"] = lambda *_: []
            return real(self, action)

    PyVmomiVCenter.submit = submit  # type: ignore[method-assign]


def _drops_intents() -> None:
    """Sends before it has written down that it will."""
    writing.JournalRecorder.intent = lambda *_: None  # type: ignore[method-assign]


def _forgets_tasks() -> None:
    """Does not believe in tasks that it did not get the answer of: calls them never arrived."""

    def search(machine: Any, run: Any) -> None:
        machine.end(run, OutcomeKind.FAILED, Cause.FAULT, "the request was lost")

    transitions.search = search


def _believes_faults() -> None:
    """Takes a task that ended with a fault for one that did nothing."""
    real = transitions._settled

    def settled(machine: Any, run: Any, standing: Any) -> None:
        if run.doubt is Doubt.TASK_FAILED:
            machine.end(run, OutcomeKind.FAILED, Cause.FAULT, "its task failed")
        else:
            real(machine, run, standing)

    transitions._settled = settled


def _deaf() -> None:
    """Goes on submitting when told to stop."""
    Driver._hear = lambda *_: None  # type: ignore[method-assign]


MUTATIONS: Mapping[str, Callable[[], None]] = {
    "": _none,
    "resubmits": _resubmits,
    "drops-intents": _drops_intents,
    "forgets-tasks": _forgets_tasks,
    "believes-faults": _believes_faults,
    "deaf": _deaf,
}

_MOVE, _CHANGE = "RelocateVM_Task", "ReconfigVM_Task"
_LOST = tuple(
    Scenario((case,), strikes=(Strike(0, "drop_after", method=method),))
    for case, method in (("migrate", _MOVE), ("limit", _CHANGE))
)
#: Runs in which each of them does wrong, and the program as it is does not.
TELLING: Mapping[str, tuple[Scenario, ...]] = {
    "resubmits": _LOST,
    "drops-intents": (
        Scenario(("migrate",), events=(Event(0, "die-after", method=_MOVE),)),
        Scenario(("limit",), events=(Event(0, "die-after", method=_CHANGE),)),
    ),
    "forgets-tasks": _LOST,
    "believes-faults": (
        Scenario(("migrate",), strikes=(Strike(0, "task_after", "Timedout", method=_MOVE),)),
        Scenario(("hot-add",), strikes=(Strike(0, "task_after", "NotSupported", method=_CHANGE),)),
    ),
    "deaf": (
        Scenario(
            ("migrate", "limit", "reservation", "hot-add", "balloon-cap"),
            events=(Event(0, "stop", method=_MOVE),),
        ),
    ),
}
