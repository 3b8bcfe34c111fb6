"""A small vCenter in memory, honest about its state, that fails when it is told to.

It refuses what a vCenter refuses (stale expectations, a VM that is busy), runs tasks in the time
of its own clock, and keeps the truth about what happened to it in :attr:`FakeVCenter.truth`, which
tests compare with what the executor and the journal say.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeVar

from vsphere_market.errors import (
    FinalFault,
    MarketError,
    NotPermittedError,
    OutcomeUnknown,
    StaleFault,
    TransientFault,
    UnreachableError,
)
from vsphere_market.estate import CONNECTED, POWERED_ON, Snapshot, Source
from vsphere_market.estate.columns import Kind, Table
from vsphere_market.estate.tables import (
    ClusterTable,
    DatastoreTable,
    HostTable,
    PoolTable,
    RuleTable,
    VmTable,
)
from vsphere_market.market.plan import Certificate, Origin, Plan, Step
from vsphere_market.policy import Mode
from vsphere_market.port import (
    Action,
    ActionKind,
    EnableHotAdd,
    Entity,
    Finding,
    MemorySetting,
    Migrate,
    SetMemory,
    SetShares,
    Severity,
    Standing,
    Start,
    Stop,
    TaskHandle,
    TaskState,
    TaskStatus,
    memory_setting,
)

T = TypeVar("T", bound=Table)

OFF = "poweredOff"
START_S = 1_800_000_000.0
UUID = "11111111-2222-3333-4444-555555555555"

_SETTINGS: Mapping[MemorySetting, str] = {
    ActionKind.LIMIT: "limit_mib",
    ActionKind.RESERVATION: "reservation_mib",
    ActionKind.HOT_ADD: "size_mib",
    ActionKind.RESIZE: "size_mib",
    ActionKind.BALLOON_CAP: "balloon_cap_mib",
}


def table(cls: type[T], rows: Sequence[Mapping[str, object]]) -> T:
    """A table out of rows, absent values being what the columns say."""

    def absent(name: str) -> object:
        column = cls.columns()[name]
        empty: dict[Kind, object] = {
            Kind.TEXT: column.choices[0] if column.choices else "",
            Kind.NUMBER: column.default,
            Kind.FLAG: False,
            Kind.REF: -1,
        }
        return empty.get(column.kind, ())

    columns = {name: [row.get(name, absent(name)) for row in rows] for name in cls.columns()}
    return cls(**columns)


@dataclass
class Vm:
    """A VM of the fake; amounts in MiB, None is "no limit" or "the host's default"."""

    moid: str
    host: str
    size_mib: int | None = 8192
    reservation_mib: int | None = 0
    limit_mib: int | None = None
    balloon_cap_mib: int | None = None
    shares: int = 40960
    power: str = POWERED_ON
    hot_add: bool = True


@dataclass
class Host:
    """A host of the fake; all of them are in one cluster."""

    moid: str
    memory_mib: int = 262144
    connection: str = CONNECTED
    in_maintenance: bool = False
    in_quarantine: bool = False
    vsan: str = ""
    vmotion: bool = True


class FakeClock:
    """Simulated time: sleeping is how it passes."""

    def __init__(self) -> None:
        self.at_s = START_S
        self.slept_s: list[float] = []
        #: Called after each sleep, so that tests can change the world meanwhile.
        self.then: Callable[[], None] = lambda: None

    def now_s(self) -> float:
        return self.at_s

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0, "time does not run backwards"
        self.slept_s.append(seconds)
        self.at_s += seconds
        self.then()


class OnSubmit(Enum):
    """What happens to a submission."""

    TAKEN = "taken"
    TRANSIENT = "refused: busy"
    STALE = "refused: stale"
    FINAL = "refused: final"
    FORBIDDEN = "refused: privilege"
    LOST_BEFORE = "connection lost before it arrived"
    LOST_AFTER = "taken, and the answer lost"
    LOST_LATE = "answer lost, and taken some seconds later"
    UNREACHABLE = "connection refused"


class OnTask(Enum):
    """How a task ends."""

    WELL = "success"
    TRANSIENT = "error: transient"
    STALE = "error: stale"
    FINAL = "error: final"
    TIMED_OUT = "error: timed out, and it was not done"
    LATE_TRUTH = "error: timed out, but it was done all the same"
    ORPHANED = "error: vCenter restarted, and the hosts finish it some time later"
    LIES = "success, but nothing was done"
    HANGS = "never, unless cancelled"
    STUCK = "never, not even when cancelled"
    GUEST = "success at its time, whoever cancels it meanwhile"
    CANCELLED = "somebody cancels it"
    FORGOTTEN = "done, but the task is not known any more"
    FORGOTTEN_UNDONE = "not done, and the task is not known any more"


@dataclass
class Fate:
    """What will become of one submission."""

    submit: OnSubmit = OnSubmit.TAKEN
    task: OnTask = OnTask.WELL
    takes_s: float = 5.0


@dataclass
class Task:
    """A task of the fake."""

    id: str
    action: Action
    fate: Fate
    began_s: float
    ended_s: float | None = None
    state: TaskState = TaskState.RUNNING
    error: MarketError | None = None
    forgotten: bool = False


@dataclass(frozen=True)
class Truth:
    """Something that really happened at the fake."""

    at_s: float
    what: str  # "taken", "done"
    task: str
    action: Action


@dataclass
class FakeVCenter:
    """Implements ``VCenterPort`` on a dictionary of VMs.

    Attributes:
        vms: by managed object id.
        hosts: likewise.
        fates: moid of a VM -> what becomes of its next submissions, in order; then all is well.
        broken: name of a method -> errors to raise at its next calls, in order.
        findings: moid of a VM -> what a pre-check says.
        truth: what really happened.
        calls: names of the methods called, in order.
        sent: actions that were submitted, in order.
        most: largest number of units held at once, by what holds them.
    """

    vms: dict[str, Vm]
    hosts: dict[str, Host]
    fates: dict[str, list[Fate]] = field(default_factory=dict)
    broken: dict[str, list[MarketError]] = field(default_factory=dict)
    findings: dict[str, list[Finding]] = field(default_factory=dict)
    truth: list[Truth] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    sent: list[Action] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    most: dict[str, int] = field(default_factory=dict)
    clock: FakeClock = field(default_factory=FakeClock)
    uuid: str = UUID
    _late: list[tuple[float, Action, Fate]] = field(default_factory=list)

    # ------------------------------------------------------------ the port

    def observe(self) -> Snapshot:
        self._call("observe")
        hosts = list(self.hosts)
        return Snapshot(
            taken_at_s=self.clock.now_s(),
            source=Source("vcenter", "vc.test", self.uuid, "8.0.3"),
            clusters=table(ClusterTable, [{"moid": "domain-c1", "name": "cluster-1"}]),
            hosts=table(HostTable, [self._host_row(host) for host in self.hosts.values()]),
            pools=table(PoolTable, []),
            datastores=table(DatastoreTable, []),
            vms=table(VmTable, [self._vm_row(vm, hosts) for vm in self.vms.values()]),
            rules=table(RuleTable, []),
        )

    def checkup(self) -> Sequence[Finding]:
        self._call("checkup")
        return []

    def standing(self, action: Action) -> Standing:
        self._call("standing")
        return self._standing(action)

    def precheck(self, action: Action) -> Sequence[Finding]:
        self._call("precheck")
        return self.findings.get(action.subject.moid, [])

    def submit(self, action: Action) -> TaskHandle:
        self._call("submit")
        self.sent.append(action)
        queue = self.fates.get(action.subject.moid)
        fate = queue.pop(0) if queue else Fate()
        name = action.subject.name
        match fate.submit:
            case OnSubmit.TRANSIENT:
                raise TransientFault("it is busy", fault="TaskInProgress", where=name)
            case OnSubmit.STALE:
                raise StaleFault("it has changed", fault="ConcurrentAccess", where=name)
            case OnSubmit.FINAL:
                raise FinalFault("it cannot be done", fault="NotSupported", where=name)
            case OnSubmit.FORBIDDEN:
                raise NotPermittedError("Resource.HotMigrate is missing", where=name)
            case OnSubmit.UNREACHABLE:
                raise UnreachableError("connection refused", where="vc.test")
            case OnSubmit.LOST_BEFORE:
                raise OutcomeUnknown("connection reset", where=name)
            case OnSubmit.LOST_LATE:
                self._late.append((self.clock.now_s() + 4.0, action, fate))
                raise OutcomeUnknown("connection reset", where=name)
            case OnSubmit.LOST_AFTER:
                self._take(action, fate)
                raise OutcomeUnknown("connection reset", where=name)
            case OnSubmit.TAKEN:
                task = self._take(action, fate)
                return TaskHandle(task.id, action, task.began_s)

    def poll(self, tasks: Sequence[TaskHandle]) -> Sequence[TaskStatus]:
        self._call("poll")
        return [self._status(handle) for handle in tasks]

    def find_task(self, action: Action, since_s: float) -> TaskHandle | None:
        self._call("find_task")
        for task in reversed(self.tasks):
            if task.action == action and task.began_s >= since_s and not task.forgotten:
                return TaskHandle(task.id, action, task.began_s)
        return None

    def cancel(self, task: TaskHandle) -> None:
        self._call("cancel")
        found = next(item for item in self.tasks if item.id == task.task)
        deaf = found.fate.task in (OnTask.STUCK, OnTask.GUEST)
        if found.state is TaskState.RUNNING and not deaf:
            self._end(found, TaskState.CANCELLED)

    def close(self) -> None:
        self.calls.append("close")

    # ------------------------------------------------------------ the inside

    def _call(self, name: str) -> None:
        self.advance()
        self.calls.append(name)
        errors = self.broken.get(name)
        if errors:
            raise errors.pop(0)

    def advance(self) -> None:
        """Let everything happen that is due by now."""
        now_s = self.clock.now_s()
        arrived = [late for late in self._late if late[0] <= now_s]
        self._late = [late for late in self._late if late[0] > now_s]
        for at_s, action, fate in arrived:
            try:
                self._take(action, fate, at_s)
            except MarketError:
                # Nobody hears of it: its connection is gone.
                continue
        for task in self.tasks:
            takes_s = task.fate.takes_s
            if task.fate.task is OnTask.ORPHANED:
                # Hosts do not work on a vMotion for ever: it ends before its deadline.
                takes_s = min(takes_s, 90.0)
            if task.state is TaskState.RUNNING and now_s >= task.began_s + takes_s:
                self._finish(task)

    def _take(self, action: Action, fate: Fate, at_s: float | None = None) -> Task:
        vm = self.vms.get(action.subject.moid)
        if vm is None:
            raise FinalFault("it is gone", fault="ManagedObjectNotFound", where=action.subject.name)
        if any(
            task.state is TaskState.RUNNING and task.action.subject.moid == vm.moid
            for task in self.tasks
        ):
            raise TransientFault("it is busy", fault="TaskInProgress", where=action.subject.name)
        if self._standing(action) is not Standing.BEFORE or not _power_fits(action, vm):
            raise StaleFault(
                "it is not as expected", fault="InvalidState", where=action.subject.name
            )
        began_s = self.clock.now_s() if at_s is None else at_s
        task = Task(f"task-{len(self.tasks) + 1}", action, fate, began_s)
        self.tasks.append(task)
        self.truth.append(Truth(began_s, "taken", task.id, action))
        self._measure()
        return task

    def _finish(self, task: Task) -> None:
        fault = {
            OnTask.TRANSIENT: TransientFault("a host is not ready", fault="MigrationNotReady"),
            OnTask.TIMED_OUT: TransientFault("it timed out", fault="Timedout"),
            OnTask.LATE_TRUTH: TransientFault("it timed out", fault="Timedout"),
            OnTask.STALE: StaleFault("no room any more", fault="InsufficientResourcesFault"),
            OnTask.FINAL: FinalFault("a rule forbids it", fault="RuleViolation"),
        }.get(task.fate.task)
        does_it = task.fate.task in (
            OnTask.WELL,
            OnTask.LATE_TRUTH,
            OnTask.ORPHANED,
            OnTask.FORGOTTEN,
            OnTask.GUEST,
        )
        if task.fate.task in (OnTask.HANGS, OnTask.STUCK):
            return
        if does_it:
            self._do(task)
        if task.fate.task is OnTask.CANCELLED:
            self._end(task, TaskState.CANCELLED)
        elif fault is not None:
            task.error = fault
            self._end(task, TaskState.ERROR)
        else:
            task.forgotten = task.fate.task in (OnTask.FORGOTTEN, OnTask.FORGOTTEN_UNDONE)
            self._end(task, TaskState.SUCCESS)

    def _do(self, task: Task) -> None:
        action, vm = task.action, self.vms[task.action.subject.moid]
        where, _, after = _changed(action)
        setattr(vm, where, after)
        self.truth.append(Truth(self.clock.now_s(), "done", task.id, action))

    def _end(self, task: Task, state: TaskState) -> None:
        task.state, task.ended_s = state, self.clock.now_s()

    def _status(self, handle: TaskHandle) -> TaskStatus:
        task = next(item for item in self.tasks if item.id == handle.task)
        if task.forgotten:
            error = OutcomeUnknown("the task is gone", fault="ManagedObjectNotFound")
            return TaskStatus(TaskState.ERROR, 0.0, error)
        if task.fate.task is OnTask.ORPHANED and self.clock.now_s() >= task.began_s + 1.0:
            orphaned = FinalFault("an internal error", fault="SystemError")
            return TaskStatus(TaskState.ERROR, 0.0, orphaned)
        if task.state is TaskState.RUNNING:
            done = (self.clock.now_s() - task.began_s) / max(task.fate.takes_s, 0.001)
            return TaskStatus(TaskState.RUNNING, min(99.0, 100.0 * done))
        assert task.error is None or isinstance(
            task.error, TransientFault | StaleFault | FinalFault
        )
        return TaskStatus(task.state, 100.0, task.error)

    def _standing(self, action: Action) -> Standing:
        vm = self.vms.get(action.subject.moid)
        if vm is None:
            return Standing.OTHER
        where, before, after = _changed(action)
        return _compare(getattr(vm, where), before, after)

    def _measure(self) -> None:
        """Note how much is going on at once."""
        held: dict[str, int] = {}
        for task in self.tasks:
            if task.state is not TaskState.RUNNING:
                continue
            keys = [f"vm:{task.action.subject.moid}"]
            if isinstance(task.action, Migrate):
                keys += ["migrations"]
                keys += [f"host:{end.moid}" for end in (task.action.source, task.action.target)]
            elif isinstance(task.action, Stop | Start):
                keys += ["power"]
            else:
                keys += ["reconfigurations"]
            for key in keys:
                held[key] = held.get(key, 0) + 1
        for key, units in held.items():
            self.most[key] = max(self.most.get(key, 0), units)

    def _host_row(self, host: Host) -> dict[str, object]:
        return {
            "moid": host.moid,
            "name": name_of(host.moid),
            "cluster": 0,
            "connection": host.connection,
            "power": POWERED_ON,
            "in_maintenance": host.in_maintenance,
            "in_quarantine": host.in_quarantine,
            "vsan": host.vsan,
            "vmotion_enabled": host.vmotion,
            "vmotion_mbps": 10000.0,
            "memory_mib": host.memory_mib,
            "ballooned_mib": 0.0,
        }

    def _vm_row(self, vm: Vm, hosts: list[str]) -> dict[str, object]:
        return {
            "moid": vm.moid,
            "name": name_of(vm.moid),
            "host": hosts.index(vm.host) if vm.host in hosts else -1,
            "cluster": 0,
            "power": vm.power,
            "connection": CONNECTED,
            "size_mib": vm.size_mib,
            "reservation_mib": vm.reservation_mib or 0,
            "shares": float(vm.shares),
            "limit_mib": math.inf if vm.limit_mib is None else vm.limit_mib,
            "balloon_cap_mib": math.nan if vm.balloon_cap_mib is None else vm.balloon_cap_mib,
            "hot_add_enabled": vm.hot_add,
            "hot_add_limit_mib": 131072.0,
            "ballooned_mib": 128.0,
            "swapped_mib": 0.0,
        }


def _changed(action: Action) -> tuple[str, object, object]:
    """What of a VM an action changes: the attribute, its value before and after."""
    match action:
        case Migrate():
            return "host", action.source.moid, action.target.moid
        case SetMemory():
            return _SETTINGS[action.setting], action.from_mib, action.to_mib
        case SetShares():
            return "shares", action.from_shares, action.to_shares
        case EnableHotAdd():
            return "hot_add", False, True
        case Stop():
            return "power", POWERED_ON, OFF
        case Start():
            return "power", OFF, POWERED_ON
        case _:
            raise AssertionError(f"the fake does not do {action.kind}")


def _power_fits(action: Action, vm: Vm) -> bool:
    """What a vCenter would refuse in the VM's power state."""
    off = isinstance(action, EnableHotAdd) or action.kind is ActionKind.RESIZE
    on = isinstance(action, Migrate) or action.kind is ActionKind.HOT_ADD
    return not (off and vm.power != OFF) and not (on and vm.power != POWERED_ON)


def _compare(now: object, before: object, after: object) -> Standing:
    if now == after:
        return Standing.AFTER
    return Standing.BEFORE if now == before else Standing.OTHER


# ---------------------------------------------------------------- builders


def name_of(moid: str) -> str:
    """The name that goes with a managed object id: ``vm-1`` is ``web-1``, ``host-1`` ``esx-1``."""
    return moid.replace("vm-", "web-").replace("host-", "esx-")


def entity(moid: str) -> Entity:
    return Entity(moid, name_of(moid))


def vcenter(hosts: int = 3, vms: int = 4) -> FakeVCenter:
    """A fake with ``vms`` VMs, ``vm-1`` …, spread over ``hosts`` hosts, ``host-1`` …, in turn."""
    names = [f"host-{at + 1}" for at in range(hosts)]
    return FakeVCenter(
        vms={f"vm-{at + 1}": Vm(f"vm-{at + 1}", names[at % hosts]) for at in range(vms)},
        hosts={name: Host(name) for name in names},
    )


def move(vm: str, source: str, target: str) -> Migrate:
    return Migrate(entity(vm), entity(source), entity(target))


def stop(vm: str, *, hard: bool = False) -> Stop:
    return Stop(entity(vm), hard)


def start(vm: str) -> Start:
    return Start(entity(vm))


def change(vm: str, setting: ActionKind, old: int | None, new: int | None) -> SetMemory:
    return SetMemory(entity(vm), memory_setting(setting), old, new)


def step(number: int, action: Action, *, wave: int = 1, after: Sequence[str] = ()) -> Step:
    return Step(
        id=f"s{number}",
        action=action,
        wave=wave,
        depends_on=tuple(after),
        saving=2.0,
        disruption=1.0,
        mode=Mode.APPROVE,
        reason="It is cheaper there.",
    )


def plan(*steps: Step, uuid: str = UUID, lasts_s: float = 900.0) -> Plan:
    return Plan(
        created_at_s=START_S,
        expires_at_s=START_S + lasts_s,
        made_from=Origin("vcenter", "vc.test", uuid, START_S, "digest", "1.0"),
        certificate=Certificate(10.0, 8.0, 7.5),
        steps=steps,
        refusals=(),
    )


def simple_plan(*actions: Action) -> Plan:
    """A plan with one wave and no dependencies."""
    return plan(*(step(at + 1, action) for at, action in enumerate(actions)))


def error_finding(what: str) -> Finding:
    return Finding("no-room", Severity.ERROR, "web-1", what)


def with_wave(one: Step, wave: int) -> Step:
    return dataclasses.replace(one, wave=wave)
