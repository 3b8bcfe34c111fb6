"""A port that asks for real and changes nothing: a dry run takes the same path as an execution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from vsphere_market.estate import Snapshot
from vsphere_market.port import (
    Action,
    ActionKind,
    ApplyRecommendation,
    Clock,
    EnableHotAdd,
    Finding,
    Migrate,
    MigrateStorage,
    ProvisionHost,
    SetMemory,
    SetPool,
    SetShares,
    Standing,
    Start,
    Stop,
    SuspendHost,
    TaskHandle,
    TaskState,
    TaskStatus,
    VCenterPort,
)


class DryRunPort:
    """Passes every question on to ``port``, and keeps every change to itself.

    What was "submitted" is remembered, so that a later step on the same setting finds the value
    that its predecessor would have left.
    """

    def __init__(self, port: VCenterPort) -> None:
        self._port = port
        self._submitted = 0
        #: (VM, what was changed) -> the value it would have now.
        self._values: dict[tuple[str, str], object] = {}

    @property
    def clock(self) -> Clock:
        """The real port's clock."""
        return self._port.clock

    def observe(self) -> Snapshot:
        """The estate as it really is."""
        return self._port.observe()

    def checkup(self) -> Sequence[Finding]:
        """The real port's findings."""
        return self._port.checkup()

    def standing(self, action: Action) -> Standing:
        """How the world would stand to ``action`` had everything so far been carried out."""
        key, before, after = _change(action)
        if key not in self._values:
            return self._port.standing(action)
        value = self._values[key]
        if value == after:
            return Standing.AFTER
        return Standing.BEFORE if value == before else Standing.OTHER

    def precheck(self, action: Action) -> Sequence[Finding]:
        """Asked for real, about the estate as it really is."""
        return self._port.precheck(action)

    def submit(self, action: Action) -> TaskHandle:
        """Send nothing, and remember what it would have changed."""
        key, _, after = _change(action)
        self._values[key] = after
        self._submitted += 1
        return TaskHandle(f"dry-run-{self._submitted}", action, self.clock.now_s())

    def poll(self, tasks: Sequence[TaskHandle]) -> Sequence[TaskStatus]:
        """Everything succeeds at once."""
        return [TaskStatus(TaskState.SUCCESS, 100.0) for _ in tasks]

    def find_task(self, action: Action, since_s: float) -> None:
        """There never is one: nothing was sent."""
        del action, since_s

    def cancel(self, task: TaskHandle) -> None:
        """Nothing runs."""

    def close(self) -> None:
        """The real port belongs to the caller, who closes it."""


def _change(action: Action) -> tuple[tuple[str, str], object, object]:
    """What an action changes, from what, to what."""
    key = (action.subject.moid, action.kind.value)
    match action:
        case Migrate() | MigrateStorage():
            return key, action.source.moid, action.target.moid
        case SetMemory():
            # A VM has one size, however it is changed.
            resized = action.setting in (ActionKind.HOT_ADD, ActionKind.RESIZE)
            key = (action.vm.moid, "size") if resized else key
            return key, action.from_mib, action.to_mib
        case SetShares():
            return key, action.from_shares, action.to_shares
        case EnableHotAdd():
            return key, False, True
        case Stop():
            return (action.vm.moid, "power"), True, False
        case Start():
            return (action.vm.moid, "power"), False, True
        case SetPool():
            return (action.pool.moid, action.setting.value), action.before, action.after
        case SuspendHost():
            return (action.host.moid, "rest"), None, action.rest
        case ProvisionHost():
            return (action.host.moid, "rest"), action.rest, None
        case ApplyRecommendation():
            return (action.cluster.moid, action.key), False, True
        case _:
            assert_never(action)
