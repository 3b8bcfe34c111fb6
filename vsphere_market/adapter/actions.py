"""Actions over the wire: how the world stands to them, what speaks against them, sending them.

Before anything is sent, the one VM is read afresh: the present value is compared with what the
action expects, our own checks are made (a simulator makes none, and a vCenter's answer is often
poorer), and the configuration's version goes along, so that a change by somebody else between the
reading and the sending makes vCenter refuse.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from vsphere_market.adapter import soap
from vsphere_market.adapter.bulk import BulkReader, Facts
from vsphere_market.adapter.places import limit_mib
from vsphere_market.adapter.session import Session
from vsphere_market.adapter.soap import vim
from vsphere_market.adapter.vms import CAP_KEY, CAP_PATH, cap_mib
from vsphere_market.errors import ActionError, FinalFault, StaleFault
from vsphere_market.estate import CONNECTED, POWERED_ON
from vsphere_market.port import Action, ActionKind, Migrate, SetMemory, Standing, TaskHandle
from vsphere_market.units import gib_text

log = logging.getLogger(__name__)

_ALLOCATION = "config.memoryAllocation"
_VM_PATHS = (
    "runtime.host",
    "runtime.powerState",
    "runtime.connectionState",
    "runtime.faultToleranceState",
    "config.changeVersion",
    "config.hardware.memoryMB",
    _ALLOCATION,
    "config.memoryReservationLockedToMax",
    "config.memoryHotAddEnabled",
    "config.hotPlugMemoryLimit",
    "config.hotPlugMemoryIncrementSize",
    CAP_PATH,
)
_HOST_PATHS = (
    "parent",
    "runtime.connectionState",
    "runtime.powerState",
    "runtime.inMaintenanceMode",
)
#: vSphere takes memory sizes in multiples of this.
_SIZE_STEP_MIB = 4


@dataclass(frozen=True, slots=True)
class Subject:
    """What an action is about, as it is now.

    Attributes:
        vm: facts of the VM; None when it is gone.
        cap: balloon cap in MiB; NaN for none.
        hosts: facts of the hosts that the action names, by id.
    """

    vm: Facts | None
    cap: float = float("nan")
    hosts: dict[str, Facts] = field(default_factory=dict)

    def value(self, setting: ActionKind) -> int | None:
        """The present value of a memory setting in an action's terms."""
        assert self.vm is not None
        allocation = self.vm.get(_ALLOCATION)
        match setting:
            case ActionKind.LIMIT:
                limit = limit_mib(getattr(allocation, "limit", None))
                return None if limit == float("inf") else int(limit)
            case ActionKind.RESERVATION:
                return int(getattr(allocation, "reservation", None) or 0)
            case ActionKind.HOT_ADD:
                return int(self.vm.get("config.hardware.memoryMB", 0))
            case ActionKind.BALLOON_CAP:
                return None if math.isnan(self.cap) else int(self.cap)
            case ActionKind.MIGRATE:
                raise ValueError("a place is no memory setting")


def read_subject(reader: BulkReader, action: Action) -> Subject:
    """Read the VM of an action, and the hosts that it names, afresh."""
    found = reader.objects("VirtualMachine", [action.subject.moid], _VM_PATHS)
    if not found:
        return Subject(None)
    vm = found[0]
    option = vm.get(CAP_PATH)
    if CAP_PATH in vm.refused:
        whole = reader.objects("VirtualMachine", [vm.moid], ["config.extraConfig"])
        options = [item for one in whole for item in one.get("config.extraConfig", ())]
        option = next((item for item in options if item.key == CAP_KEY), None)
    hosts: dict[str, Facts] = {}
    if isinstance(action, Migrate):
        named = [action.source.moid, action.target.moid]
        hosts = {one.moid: one for one in reader.objects("HostSystem", named, _HOST_PATHS)}
    return Subject(vm, cap_mib(option), hosts)


def standing(reader: BulkReader, action: Action) -> Standing:
    """See ``VCenterPort.standing``."""
    return standing_of(read_subject(reader, action), action)


def standing_of(subject: Subject, action: Action) -> Standing:
    """Compare what an action changes with what was read."""
    if subject.vm is None:
        return Standing.OTHER
    now: str | int | None
    before: str | int | None
    after: str | int | None
    if isinstance(action, Migrate):
        now = subject.vm.get("runtime.host")
        before, after = action.source.moid, action.target.moid
    else:
        now = subject.value(action.setting)
        before, after = action.from_mib, action.to_mib
    if now == after:
        return Standing.AFTER
    return Standing.BEFORE if now == before else Standing.OTHER


def objections(subject: Subject, action: Action) -> list[ActionError]:
    """What speaks against an action, by our own rules. The first one is what ``submit`` raises."""
    name = action.subject.name
    if subject.vm is None:
        return [StaleFault("it is gone from vCenter", fault="ManagedObjectNotFound", where=name)]
    if isinstance(action, Migrate):
        return _against_migrate(subject.vm, subject.hosts, action)
    now = subject.value(action.setting)
    found: list[ActionError] = []
    if now != action.from_mib:
        found.append(
            StaleFault(
                f"its {_WORDS[action.setting]} is {_amount(now)} by now, not "
                f"{_amount(action.from_mib)}",
                fault="ConcurrentAccess",
                where=name,
            )
        )
    found += _against_setting(subject, action)
    return found


def submit(
    session: Session, reader: BulkReader, action: Action, now_s: Callable[[], float]
) -> TaskHandle:
    """See ``VCenterPort.submit``."""
    subject = read_subject(reader, action)
    for objection in objections(subject, action):
        raise objection
    vm = soap.reference(vim.VirtualMachine, action.subject.moid, session.stub)
    submitted_at_s = now_s()
    if isinstance(action, Migrate):
        target = soap.reference(vim.HostSystem, action.target.moid, session.stub)
        spec = relocate_spec(target)
        task = session.change(
            lambda _: vm.RelocateVM_Task(spec, vim.VirtualMachine.MovePriority.defaultPriority),
            action.subject.name,
        )
    else:
        config = config_spec(subject, action)
        task = session.change(lambda _: vm.ReconfigVM_Task(config), action.subject.name)
    handle = TaskHandle(soap.moid(task), action, submitted_at_s)
    log.info("%s of %s is %s", action.kind, action.subject.name, handle.task)
    return handle


def relocate_spec(target: Any) -> Any:
    """Another host, and nothing else: pool and datastores stay as they are."""
    return vim.vm.RelocateSpec(host=target)


def config_spec(subject: Subject, action: SetMemory) -> Any:
    """The change of one setting, bound to the version of the configuration that was read."""
    assert subject.vm is not None
    spec = vim.vm.ConfigSpec(changeVersion=subject.vm.get("config.changeVersion"))
    match action.setting:
        case ActionKind.HOT_ADD:
            spec.memoryMB = action.to_mib
        case ActionKind.BALLOON_CAP:
            # An empty value removes the option.
            value = "" if action.to_mib is None else str(action.to_mib)
            spec.extraConfig = [vim.option.OptionValue(key=CAP_KEY, value=value)]
        case ActionKind.LIMIT:
            spec.memoryAllocation = _allocation(subject.vm)
            spec.memoryAllocation.limit = -1 if action.to_mib is None else action.to_mib
        case ActionKind.RESERVATION:
            spec.memoryAllocation = _allocation(subject.vm)
            spec.memoryAllocation.reservation = action.to_mib or 0
        case ActionKind.MIGRATE:
            raise ValueError("a place is no memory setting")
    return spec


def _allocation(vm: Facts) -> Any:
    """All that was read of it, to be sent again: an allocation is replaced as a whole."""
    was = vm.get(_ALLOCATION)
    again = vim.ResourceAllocationInfo(
        reservation=getattr(was, "reservation", None) or 0,
        limit=-1 if (limit := getattr(was, "limit", None)) is None else limit,
        expandableReservation=getattr(was, "expandableReservation", None),
    )
    if shares := getattr(was, "shares", None):
        again.shares = vim.SharesInfo(level=shares.level, shares=shares.shares)
    return again


_WORDS = {
    ActionKind.LIMIT: "memory limit",
    ActionKind.RESERVATION: "memory reservation",
    ActionKind.HOT_ADD: "memory size",
    ActionKind.BALLOON_CAP: "balloon cap",
}


def _amount(mib: int | None) -> str:
    return "not set" if mib is None else gib_text(mib)


def _against_migrate(vm: Facts, hosts: dict[str, Facts], action: Migrate) -> list[ActionError]:
    name = action.subject.name
    found: list[ActionError] = []
    if vm.get("runtime.host") != action.source.moid:
        what = f"it runs on another host than {action.source.name} by now"
        found.append(StaleFault(what, fault="InvalidState", where=name))
    found += _against_state(vm, name)
    target = hosts.get(action.target.moid)
    if target is None:
        what = f"host {action.target.name} is gone from vCenter"
        return [*found, StaleFault(what, fault="ManagedObjectNotFound", where=name)]
    if target.get("runtime.connectionState") != CONNECTED:
        what = f"host {action.target.name} is not connected"
        found.append(StaleFault(what, fault="InvalidHostConnectionState", where=name))
    elif target.get("runtime.powerState", POWERED_ON) != POWERED_ON:
        what = f"host {action.target.name} is not running"
        found.append(StaleFault(what, fault="InvalidHostState", where=name))
    if target.get("runtime.inMaintenanceMode"):
        what = f"host {action.target.name} is in maintenance mode"
        found.append(StaleFault(what, fault="InvalidState", where=name))
    source = hosts.get(action.source.moid)
    if source is not None and source.get("parent") != target.get("parent"):
        what = f"hosts {action.source.name} and {action.target.name} are not of one cluster"
        found.append(FinalFault(what, fault="InvalidArgument", where=name))
    if vm.get("runtime.faultToleranceState", "notConfigured") not in ("notConfigured", "running"):
        what = "its fault tolerance is not in a state that can be moved"
        found.append(StaleFault(what, fault="InvalidState", where=name))
    return found


def _against_state(vm: Facts, name: str) -> list[ActionError]:
    if vm.get("runtime.connectionState") != CONNECTED:
        return [StaleFault("it is not connected", fault="InvalidState", where=name)]
    if vm.get("runtime.powerState") != POWERED_ON:
        return [StaleFault("it is not running", fault="InvalidPowerState", where=name)]
    return []


def _against_setting(subject: Subject, action: SetMemory) -> list[ActionError]:
    """Values that vCenter refuses, or, as simulators do, takes although they make no sense."""
    assert subject.vm is not None
    name, to = action.subject.name, action.to_mib
    size = subject.value(ActionKind.HOT_ADD) or 0
    limit = subject.value(ActionKind.LIMIT)
    reservation = subject.value(ActionKind.RESERVATION) or 0
    found: list[ActionError] = []

    def no(what: str, fault: str = "InvalidArgument", cure: str = "") -> None:
        found.append(FinalFault(what, fault=fault, where=name, cure=cure))

    if to is not None and to < 0:
        no(f"a {_WORDS[action.setting]} cannot be negative")
    match action.setting:
        case ActionKind.LIMIT:
            if to is not None and to < reservation:
                no(f"the limit would be below its reservation of {gib_text(reservation)}")
        case ActionKind.RESERVATION:
            if to is None:
                no("a reservation needs an amount")
                return found
            if subject.vm.get("config.memoryReservationLockedToMax") and to != size:
                no("its reservation is locked to its size", cure="unlock it, or leave it alone")
            if to > size:
                no(f"the reservation would be above its size of {gib_text(size)}")
            if limit is not None and to > limit:
                no(f"the reservation would be above its limit of {gib_text(limit)}")
        case ActionKind.HOT_ADD:
            if to is None:
                no("a size needs an amount")
                return found
            found += _against_state(subject.vm, name)
            found += _against_growth(subject.vm, size, to, name)
        case ActionKind.BALLOON_CAP | ActionKind.MIGRATE:
            pass
    return found


def _against_growth(vm: Facts, size: int, to: int, name: str) -> list[ActionError]:
    """The rules of memory hot-add."""
    fault = "MemoryHotPlugNotSupported"
    if not vm.get("config.memoryHotAddEnabled"):
        what = "memory hot-add is not enabled"
        cure = "switch it off, enable memory hot-add, and switch it on"
        return [FinalFault(what, fault=fault, where=name, cure=cure)]
    found: list[ActionError] = []
    if to <= size:
        what = f"it has {gib_text(size)} already, and memory cannot be taken from a running VM"
        found.append(FinalFault(what, fault=fault, where=name))
    highest = vm.get("config.hotPlugMemoryLimit", 0)
    if highest and to > highest:
        what = f"it can grow to {gib_text(highest)} while it runs, no further"
        found.append(FinalFault(what, fault="MemorySizeNotSupported", where=name))
    step = vm.get("config.hotPlugMemoryIncrementSize", 0) or _SIZE_STEP_MIB
    if (to - size) % step:
        what = f"it grows in steps of {gib_text(step)}"
        found.append(FinalFault(what, fault="MemorySizeNotSupported", where=name))
    if vm.get("runtime.faultToleranceState", "notConfigured") != "notConfigured":
        what = "memory cannot be added under fault tolerance"
        found.append(FinalFault(what, fault=fault, where=name))
    return found
