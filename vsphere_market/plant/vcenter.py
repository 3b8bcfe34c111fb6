"""A vCenter over the plant: the same port as the real one, on the plant's own clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vsphere_market.errors import (
    ActionError,
    EstateError,
    OutcomeUnknown,
    StaleFault,
    TransientFault,
)
from vsphere_market.estate import CONNECTED, Snapshot
from vsphere_market.plant import laws, view
from vsphere_market.plant.admission import Admission
from vsphere_market.plant.carrying import carry_out, duration_s
from vsphere_market.plant.estate_file import read_estate
from vsphere_market.plant.recorder import Pressure, Truth
from vsphere_market.plant.spec import EstateSpec
from vsphere_market.plant.vmotion import Migration, Phase
from vsphere_market.plant.world import World
from vsphere_market.port import (
    Action,
    Finding,
    Migrate,
    Severity,
    Standing,
    TaskHandle,
    TaskState,
    TaskStatus,
)


class PlantClock:
    """The plant's time: sleeping moves the simulation on, as fast as it can be computed."""

    __slots__ = ("_now_s", "_vcenter")

    def __init__(self, vcenter: PlantVCenter, now_s: float) -> None:
        self._vcenter = vcenter
        self._now_s = now_s

    def now_s(self) -> float:
        """Unix time in the simulation, seconds."""
        return self._now_s

    def sleep(self, seconds: float) -> None:
        """Let that much simulated time pass. What is short of a whole step is kept for later."""
        self._now_s += max(seconds, 0.0)
        self._vcenter.catch_up(self._now_s)


@dataclass(slots=True, eq=False)
class _Task:
    """A request and what became of it."""

    handle: TaskHandle
    due_s: float
    migration: Migration | None = None
    state: TaskState = TaskState.RUNNING
    error: ActionError | None = None
    sent_before: float = 0.0


class PlantVCenter:
    """A simulated vCenter. Implements ``port.VCenterPort``.

    ``observe`` shows what a vCenter would show; ``truth``, ``world`` and ``pressure`` are for
    judges and demonstrations.

    Args:
        spec: the estate.
        rng: takes the place of the generator that the estate's seed makes.
    """

    def __init__(self, spec: EstateSpec, rng: np.random.Generator | None = None) -> None:
        self.world = World(spec, rng)
        self._admission = Admission(self.world)
        self._clock = PlantClock(self, self.world.now_s)
        self._tasks: dict[str, _Task] = {}
        self._open: list[_Task] = []

    @classmethod
    def from_file(cls, path: Path, seed: int | None = None) -> PlantVCenter:
        """Load an estate file and let its warm-up pass.

        Raises:
            EstateError: when the file is not an estate.
        """
        rng = None if seed is None else np.random.default_rng(seed)
        return cls(read_estate(path), rng)

    # ---------------------------------------------------------------- time and truth

    @property
    def clock(self) -> PlantClock:
        """The plant's own clock."""
        return self._clock

    @property
    def truth(self) -> Truth:
        """What really happened since the warm-up."""
        return self.world.truth

    def pressure(self) -> Pressure:
        """How much the estate suffers, over the last five minutes."""
        return self.world.pressure()

    def step_to(self, now_s: float) -> None:
        """Move simulation and clock on to that Unix time; never back."""
        self._clock.sleep(now_s - self._clock.now_s())

    def catch_up(self, now_s: float) -> None:
        """Do all whole steps and all requests due until then. The clock calls this."""
        while self.world.now_s + laws.STEP_S <= now_s:
            self._finish_due(self.world.now_s + laws.STEP_S)
            self.world.step()
            self._follow_migrations()
        self._finish_due(now_s)

    # ---------------------------------------------------------------- the port: reading

    def observe(self) -> Snapshot:
        """The estate as vCenter shows it now."""
        return view.snapshot(self.world, self._admission, self._clock.now_s())

    def standing(self, action: Action) -> Standing:
        """Compare what the action changes with the world."""
        return self._admission.standing(action)

    def precheck(self, action: Action) -> Sequence[Finding]:
        """Why vCenter would refuse the action now, and what it would warn of."""
        findings = []
        try:
            self._admission.check(action)
            self._one_at_a_time(action)
        except ActionError as fault:
            findings.append(
                Finding(fault.fault, Severity.ERROR, action.subject.name, fault.what, fault.cure)
            )
        else:
            if isinstance(action, Migrate):
                row = self._admission.vm(action)
                target = self._admission.host(action.vm, action.target)
                findings += [
                    Finding(
                        "rule", Severity.WARNING, action.subject.name,
                        f"breaks the rule {rule}, which is a wish", "choose another host",
                    )
                    for rule, _ in self._admission.broken_rules(row, target)
                ]  # fmt: skip
        return findings

    def checkup(self) -> Sequence[Finding]:
        """What would keep the market from working on this estate."""
        inventory = self.world.inventory
        findings = [Finding("plant", Severity.OK, self.world.spec.name, "The plant is running.")]
        for host, connection in zip(inventory.hosts, inventory.connection, strict=True):
            if connection != CONNECTED:
                findings.append(
                    Finding(
                        "host-connection", Severity.WARNING, host.name,
                        f"The host is {connection}.", "connect it",
                    )
                )  # fmt: skip
            elif host.link_mbps <= 0:
                findings.append(
                    Finding(
                        "vmotion-network", Severity.WARNING, host.name,
                        "The host has no vMotion network, so no VM can leave it or come to it.",
                        "enable vMotion on a VMkernel adapter",
                    )
                )  # fmt: skip
        closed = sum(
            not enabled
            for vm, enabled in zip(inventory.vms, inventory.settings.hot_add, strict=True)
            if not vm.template
        )
        if closed:
            findings.append(
                Finding(
                    "hot-add-coverage", Severity.INFO, "",
                    f"{closed} of {len(inventory.vms)} VMs cannot grow while they run.",
                    "enable memory hot-add at their next power-off",
                )
            )  # fmt: skip
        return findings

    # ---------------------------------------------------------------- the port: acting

    def submit(self, action: Action) -> TaskHandle:
        """Take a request on.

        Raises:
            ActionError: when vCenter would refuse it.
        """
        self._one_at_a_time(action)
        self._admission.check(action)
        now_s = self._clock.now_s()
        handle = TaskHandle(f"task-{len(self._tasks) + 1}", action, now_s)
        task = _Task(handle, now_s + duration_s(action))
        if isinstance(action, Migrate):
            target = self._admission.host(action.vm, action.target)
            task.migration = self.world.migrations.begin(self._admission.vm(action), target)
            task.state = TaskState.QUEUED
        self._tasks[handle.task] = task
        self._open.append(task)
        return handle

    def poll(self, tasks: Sequence[TaskHandle]) -> Sequence[TaskStatus]:
        """Where tasks stand, in order.

        Raises:
            OutcomeUnknown: for a task that this vCenter never gave out.
        """
        found = []
        for handle in tasks:
            task = self._tasks.get(handle.task)
            if task is None:
                raise OutcomeUnknown(
                    f"there is no task {handle.task}", fault="ManagedObjectNotFound",
                    where=handle.action.subject.name, cure="read the estate again",
                )  # fmt: skip
            progress = 100.0 if task.state is TaskState.SUCCESS else 0.0
            if task.migration is not None:
                progress = task.migration.progress_pct
            found.append(TaskStatus(task.state, progress, task.error))
        return found

    def find_task(self, action: Action, since_s: float) -> TaskHandle | None:
        """The newest task of that action submitted at or after ``since_s``."""
        for task in reversed(self._tasks.values()):
            if task.handle.action == action and task.handle.submitted_at_s >= since_s:
                return task.handle
        return None

    def cancel(self, task: TaskHandle) -> None:
        """Stop a migration that is not over; other tasks are over too soon to be stopped."""
        found = self._tasks.get(task.task)
        if found is None or found.migration is None or found not in self._open:
            return
        self.world.migrations.cancel(found.migration)
        self.world.truth.moved_mib += found.migration.sent
        found.state = TaskState.CANCELLED
        self._open.remove(found)

    # ---------------------------------------------------------------- the administrator

    def set_maintenance(self, host: str, on: bool) -> None:
        """Put a host, by name or moid, into maintenance mode or out of it; its VMs stay."""
        self.world.inventory.maintenance[self._host(host)] = on

    def set_connection(self, host: str, state: str) -> None:
        """Let vCenter lose a host, by name or moid, or find it again: ``connected`` or not."""
        self.world.inventory.connection[self._host(host)] = state

    def _host(self, host: str) -> int:
        inventory = self.world.inventory
        row = inventory.host_by_moid.get(host, inventory.host_rows.get(host))
        if row is None:
            raise EstateError(f"{host} is no host of this estate", where=self.world.spec.name)
        return row

    def close(self) -> None:
        """Nothing to let go of."""

    # ---------------------------------------------------------------- inside

    def _one_at_a_time(self, action: Action) -> None:
        subject = action.subject.moid
        if any(task.handle.action.subject.moid == subject for task in self._open):
            raise TransientFault(
                "another task on it is under way", fault="TaskInProgress", where=action.subject.name
            )

    def _finish_due(self, now_s: float) -> None:
        for task in list(self._open):
            if task.migration is None and task.due_s <= now_s:
                self._finish(task)

    def _finish(self, task: _Task) -> None:
        """Carry out a reconfiguration, if it is still allowed."""
        action = task.handle.action
        self._open.remove(task)
        try:
            self._admission.check(action)
        except ActionError as fault:
            task.state, task.error = TaskState.ERROR, fault
            return
        task.state = TaskState.SUCCESS
        carry_out(self.world, self._admission, action)

    def _follow_migrations(self) -> None:
        """Let tasks follow their migrations."""
        for task in list(self._open):
            job = task.migration
            if job is None:
                continue
            match job.phase:
                case Phase.RUNNING:
                    task.state = TaskState.RUNNING
                case Phase.DONE:
                    task.state = TaskState.SUCCESS
                    self._open.remove(task)
                    self._change_pool(task.handle.action)
                case Phase.FAILED:
                    task.state = TaskState.ERROR
                    task.error = StaleFault(
                        "the migration ended because no page got across: the target host has no "
                        "memory left, or the VM was powered off",
                        fault="InsufficientHostMemoryCapacityFault",
                        where=task.handle.action.subject.name, cure="read the estate again",
                    )  # fmt: skip
                    self._open.remove(task)
                case Phase.QUEUED | Phase.CANCELLED:
                    pass

    def _change_pool(self, action: Action) -> None:
        """A VM that went to another cluster is in a pool there."""
        if isinstance(action, Migrate) and action.pools is not None:
            row, joined = self._admission.vm(action), self._admission.powers.pool(action.pools[1])
            self.world.change_pool(row, joined)
