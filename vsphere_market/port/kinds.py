"""What each kind of action is: one table, of which documents and doctors read.

Sources of privileges and pre-checks: the vSphere Web Services API reference, "Required Privileges"
of each method. ``docs/safety.md`` is held to this table by a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from vsphere_market.port.actions import ActionKind
from vsphere_market.port.opposites import why_none


class Subject(StrEnum):
    """Managed types that actions are about, by their names on the wire."""

    VM = "VirtualMachine"
    HOST = "HostSystem"
    POOL = "ResourcePool"
    CLUSTER = "ClusterComputeResource"


class PreCheck(StrEnum):
    """Who of vCenter is asked beforehand, after our own objections."""

    RELOCATE = "CheckRelocate_Task, else CheckMigrate_Task"
    CONFIG = "CheckVmConfig_Task"
    POWER_ON = "CheckPowerOn_Task"
    #: vCenter has no check for it: our own objections are all.
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Declaration:
    """One kind of action.

    Attributes:
        subject: what it is about.
        request: what is sent.
        privileges: needed on the subject.
        elsewhere: managed type -> privileges needed on another object, if it names one.
        preconditions: what has to hold, and is objected to if it does not.
        precheck: whom of vCenter we ask.
        transient: faults, beside those that any call may have, after which it is tried again.
        stale: faults that say that the world is not as it was.
        final: faults that say that it cannot be done to this object.
        verification: what is read back.
        compensation: what takes it back, or ``none, because …``.
        disruption: what those who use the VM notice.
    """

    subject: Subject
    request: str
    privileges: tuple[str, ...]
    preconditions: str
    precheck: PreCheck
    verification: str
    disruption: str
    compensation: str
    transient: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    final: tuple[str, ...] = ()
    elsewhere: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def _none(kind: ActionKind) -> str:
    return f"none, because {why_none(kind)}"


_SETTING_STALE: Final = ("ConcurrentAccess", "InsufficientMemoryResourcesFault")
_SETTING_FINAL: Final = ("InvalidArgument",)
_RELOCATION: Final = ("MigrationNotReady", "HostNotConnected", "HostCommunication")

KINDS: Mapping[ActionKind, Declaration] = MappingProxyType(
    {
        ActionKind.MIGRATE: Declaration(
            subject=Subject.VM,
            request="RelocateVM_Task with the host, and into another cluster with its root pool",
            privileges=("Resource.HotMigrate", "Resource.ColdMigrate"),
            elsewhere=MappingProxyType({"ResourcePool": ("Resource.AssignVMToPool",)}),
            preconditions="it runs on the source; the target is of the same cluster, or the pool "
            "is the target's, connected, awake, not in maintenance mode",
            precheck=PreCheck.RELOCATE,
            transient=_RELOCATION,
            stale=("InvalidState", "InvalidHostState", "InsufficientHostMemoryCapacityFault"),
            final=(
                "VMotionNotConfigured",
                "DisallowedMigrationDeviceAttached",
                "VmHostAffinityRuleViolation",
            ),
            verification="its host",
            compensation="the move back",
            disruption="up to a second of standstill, and slower memory while it is copied",
        ),
        ActionKind.LIMIT: Declaration(
            subject=Subject.VM,
            request="ReconfigVM_Task with the whole memory allocation",
            privileges=("VirtualMachine.Config.Resource",),
            preconditions="the limit is as expected; the new one is not below the reservation",
            precheck=PreCheck.CONFIG,
            stale=_SETTING_STALE,
            final=_SETTING_FINAL,
            verification="its limit",
            compensation="the old limit",
            disruption="none when it is raised",
        ),
        ActionKind.RESERVATION: Declaration(
            subject=Subject.VM,
            request="ReconfigVM_Task with the whole memory allocation",
            privileges=("VirtualMachine.Config.Resource",),
            preconditions="the reservation is as expected, not locked to the size; the new one is "
            "not above size or limit",
            precheck=PreCheck.CONFIG,
            stale=_SETTING_STALE,
            final=_SETTING_FINAL,
            verification="its reservation",
            compensation="the old reservation",
            disruption="none",
        ),
        ActionKind.SHARES: Declaration(
            subject=Subject.VM,
            request="ReconfigVM_Task with the whole memory allocation",
            privileges=("VirtualMachine.Config.Resource",),
            preconditions="the shares are as expected; the new number is 1 or more",
            precheck=PreCheck.CONFIG,
            stale=_SETTING_STALE,
            final=_SETTING_FINAL,
            verification="its shares",
            compensation="the old number of shares, at the level custom",
            disruption="none while memory is free",
        ),
        ActionKind.HOT_ADD: Declaration(
            subject=Subject.VM,
            request="ReconfigVM_Task with memoryMB",
            privileges=("VirtualMachine.Config.Memory",),
            preconditions="it runs with hot-add enabled, without fault tolerance; the size keeps "
            "its ceiling and increment",
            precheck=PreCheck.CONFIG,
            stale=_SETTING_STALE,
            final=("MemoryHotPlugNotSupported", "MemorySizeNotSupported"),
            verification="its size",
            compensation=_none(ActionKind.HOT_ADD),
            disruption="none; the guest brings the memory online",
        ),
        ActionKind.RESIZE: Declaration(
            subject=Subject.VM,
            request="ReconfigVM_Task with memoryMB",
            privileges=("VirtualMachine.Config.Memory",),
            preconditions="it is powered off; the size is a multiple of 4 MiB, not below the "
            "reservation",
            precheck=PreCheck.CONFIG,
            stale=("ConcurrentAccess", "InvalidPowerState"),
            final=("MemorySizeNotSupported", "InvalidArgument"),
            verification="its size",
            compensation="the old size, while it is powered off",
            disruption="the restart around it",
        ),
        ActionKind.ENABLE_HOT_ADD: Declaration(
            subject=Subject.VM,
            request="ReconfigVM_Task with memoryHotAddEnabled",
            privileges=("VirtualMachine.Config.Memory",),
            preconditions="it is powered off, without fault tolerance",
            precheck=PreCheck.CONFIG,
            stale=("ConcurrentAccess", "InvalidPowerState"),
            final=("MemoryHotPlugNotSupported",),
            verification="its switch",
            compensation=_none(ActionKind.ENABLE_HOT_ADD),
            disruption="the restart around it",
        ),
        ActionKind.BALLOON_CAP: Declaration(
            subject=Subject.VM,
            request="ReconfigVM_Task with sched.mem.maxmemctl",
            privileges=("VirtualMachine.Config.AdvancedConfig",),
            preconditions="the cap is as expected",
            precheck=PreCheck.CONFIG,
            stale=("ConcurrentAccess",),
            final=_SETTING_FINAL,
            verification="the option",
            compensation="the old cap, or none",
            disruption="the guest may be asked for more of its idle memory",
        ),
        ActionKind.MIGRATE_STORAGE: Declaration(
            subject=Subject.VM,
            request="RelocateVM_Task with the datastore alone",
            privileges=("Resource.HotMigrate", "Resource.ColdMigrate"),
            elsewhere=MappingProxyType({"Datastore": ("Datastore.AllocateSpace",)}),
            preconditions="its files are on the source; its host sees the target, which is "
            "accessible and not in maintenance mode",
            precheck=PreCheck.RELOCATE,
            transient=_RELOCATION,
            stale=("InvalidState", "InvalidDatastoreState"),
            final=("CannotAccessVmComponent",),
            verification="the datastore of its files",
            compensation="the move back",
            disruption="slower disks while they are copied",
        ),
        ActionKind.STOP: Declaration(
            subject=Subject.VM,
            request="ShutdownGuest, or PowerOffVM_Task if it is hard",
            privileges=("VirtualMachine.Interact.PowerOff",),
            preconditions="it runs; VMware Tools run, unless it is hard",
            precheck=PreCheck.NONE,
            stale=("InvalidPowerState",),
            final=("ToolsUnavailable",),
            verification="its power state",
            compensation="a start",
            disruption="the service is gone until it is started",
        ),
        ActionKind.START: Declaration(
            subject=Subject.VM,
            request="PowerOnVM_Task",
            privileges=("VirtualMachine.Interact.PowerOn",),
            preconditions="it is powered off; the host, if one is named, takes VMs",
            precheck=PreCheck.POWER_ON,
            stale=("InvalidPowerState", "InsufficientMemoryResourcesFault", "InvalidHostState"),
            final=("VmHostAffinityRuleViolation",),
            verification="its power state",
            compensation="a stop",
            disruption="none",
        ),
        ActionKind.POOL: Declaration(
            subject=Subject.POOL,
            request="UpdateConfig with both allocations",
            privileges=("Resource.EditPool",),
            preconditions="the setting is as expected; it is not the root pool; limit and "
            "reservation fit each other",
            precheck=PreCheck.NONE,
            stale=_SETTING_STALE,
            final=("InvalidArgument", "NotSupported"),
            verification="the setting",
            compensation="the old value",
            disruption="memory is divided anew among the pool's VMs and its neighbours",
        ),
        ActionKind.SUSPEND_HOST: Declaration(
            subject=Subject.HOST,
            request="PowerDownHostToStandBy_Task, or EnterMaintenanceMode_Task",
            privileges=("Host.Config.Maintenance",),
            preconditions="it is connected, awake, and no VM runs on it; it can be woken",
            precheck=PreCheck.NONE,
            transient=("Timedout",),
            stale=("InvalidState", "InsufficientFailoverResourcesFault"),
            final=("NotSupported",),
            verification="its power state or maintenance mode",
            compensation="bringing it back",
            disruption="none for VMs, which have left; less room for failures",
        ),
        ActionKind.PROVISION_HOST: Declaration(
            subject=Subject.HOST,
            request="PowerUpHostFromStandBy_Task, or ExitMaintenanceMode_Task",
            privileges=("Host.Config.Maintenance",),
            preconditions="it rests in the way that it is to be brought back from",
            precheck=PreCheck.NONE,
            transient=("Timedout",),
            stale=("InvalidState",),
            final=("NotSupported",),
            verification="its power state or maintenance mode",
            compensation="letting it rest again, once it is empty",
            disruption="none",
        ),
        ActionKind.DRS: Declaration(
            subject=Subject.CLUSTER,
            request="ApplyRecommendation by key",
            privileges=("Resource.ApplyRecommendation",),
            preconditions="DRS still recommends it, and means the moves that the plan shows",
            precheck=PreCheck.NONE,
            stale=("InvalidState",),
            final=("InvalidArgument",),
            verification="the hosts of all its VMs",
            compensation="the moves back, one by one; DRS may recommend them again",
            disruption="as migrate, for each of its moves",
        ),
    }
)
