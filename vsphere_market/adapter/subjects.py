"""What actions are about, read afresh, and how it stands to them.

A subject is read by the few properties that its kind of action needs: the one VM, host, pool or
cluster, and the objects that the action names besides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, assert_never

from vsphere_market.adapter import soap
from vsphere_market.adapter.bulk import BulkReader, Facts
from vsphere_market.adapter.places import limit_mib
from vsphere_market.adapter.vms import CAP_KEY, CAP_PATH, cap_mib
from vsphere_market.estate import POWERED_ON
from vsphere_market.port import (
    Action,
    ActionKind,
    ApplyRecommendation,
    EnableHotAdd,
    Entity,
    MemorySetting,
    Migrate,
    MigrateStorage,
    PoolSetting,
    ProvisionHost,
    Rest,
    SetMemory,
    SetPool,
    SetShares,
    Standing,
    Start,
    Stop,
    SuspendHost,
    VmAction,
    moves_of,
)

ALLOCATION = "config.memoryAllocation"
POOL_ALLOCATION = "config.memoryAllocation"
POOL_VERSION = "config.changeVersion"
STANDBY = "standBy"
POWERED_OFF = "poweredOff"
VM_PATHS = (
    "runtime.host",
    "resourcePool",
    "runtime.powerState",
    "runtime.connectionState",
    "runtime.faultToleranceState",
    "config.changeVersion",
    "config.template",
    "config.hardware.memoryMB",
    ALLOCATION,
    "config.memoryReservationLockedToMax",
    "config.memoryHotAddEnabled",
    "config.hotPlugMemoryLimit",
    "config.hotPlugMemoryIncrementSize",
    "config.files.vmPathName",
    "datastore",
    "guest.toolsRunningStatus",
    CAP_PATH,
)
HOST_PATHS = (
    "parent",
    "datastore",
    "runtime.connectionState",
    "runtime.powerState",
    "runtime.inMaintenanceMode",
    "runtime.standbyMode",
    "capability.standbySupported",
)
_DEVICES = "config.hardware.device"
_DATASTORE_PATHS = ("name", "summary.accessible", "summary.maintenanceMode", "summary.freeSpace")
_POOL_PATHS = (POOL_ALLOCATION, "config.cpuAllocation", POOL_VERSION, "owner", "parent")
_CLUSTER_PATHS = ("recommendation", "configurationEx.drsConfig.enabled")


@dataclass(frozen=True, slots=True)
class Subject:
    """What an action is about, as it is now.

    Attributes:
        itself: facts of the subject; None when it is gone.
        cap: a VM's balloon cap in MiB; NaN for none.
        hosts: facts of the hosts that the action names, by id.
        datastores: facts of the datastores that the action names, by id.
        pools: facts of the resource pools that the action names, by id.
        vms: facts of VMs: those that a recommendation moves, or that run on a host, by id.
        disks: of a VM with files on several datastores, where each disk is, by its key; None
            where that was not asked, or cannot be read.
    """

    itself: Facts | None
    cap: float = float("nan")
    hosts: dict[str, Facts] = field(default_factory=dict)
    datastores: dict[str, Facts] = field(default_factory=dict)
    pools: dict[str, Facts] = field(default_factory=dict)
    vms: dict[str, Facts] = field(default_factory=dict)
    disks: dict[int, str] | None = None

    @property
    def facts(self) -> Facts:
        """The subject's facts, for those who know that it is there."""
        assert self.itself is not None
        return self.itself

    def value(self, setting: MemorySetting) -> int | None:
        """The present value of a VM's memory setting in an action's terms."""
        allocation = self.facts.get(ALLOCATION)
        match setting:
            case ActionKind.LIMIT:
                limit = limit_mib(getattr(allocation, "limit", None))
                return None if limit == float("inf") else int(limit)
            case ActionKind.RESERVATION:
                return int(getattr(allocation, "reservation", None) or 0)
            case ActionKind.HOT_ADD | ActionKind.RESIZE:
                return int(self.facts.get("config.hardware.memoryMB", 0))
            case ActionKind.BALLOON_CAP:
                return None if math.isnan(self.cap) else int(self.cap)
            case _:
                assert_never(setting)

    @property
    def shares(self) -> int:
        """A VM's or a pool's memory shares."""
        return int(getattr(getattr(self.facts.get(ALLOCATION), "shares", None), "shares", 0) or 0)

    def pool_value(self, setting: PoolSetting) -> int | None:
        """The present value of a pool's setting in an action's terms."""
        allocation = self.facts.get(POOL_ALLOCATION)
        match setting:
            case PoolSetting.RESERVATION:
                return int(getattr(allocation, "reservation", None) or 0)
            case PoolSetting.LIMIT:
                limit = limit_mib(getattr(allocation, "limit", None))
                return None if limit == float("inf") else int(limit)
            case PoolSetting.SHARES:
                return self.shares
            case _:
                assert_never(setting)

    @property
    def rest(self) -> Rest | None:
        """How a host rests; None when it works."""
        if self.facts.get("runtime.powerState") == STANDBY:
            return Rest.STANDBY
        return Rest.MAINTENANCE if self.facts.get("runtime.inMaintenanceMode") else None

    def recommendation(self, key: str) -> Any:
        """A cluster's recommendation of that key, or None."""
        for one in self.facts.get("recommendation", ()):
            if str(one.key) == key:
                return one
        return None

    def files_on(self, action: MigrateStorage) -> str:
        """Id of the datastore, of those that an action names, that holds a VM's files, or ""."""
        on = set(self.facts.get("datastore", ()))
        ends = action.source.moid, action.target.moid
        here = [end for end in ends if end in on]
        if len(here) == 2:
            home = str(self.facts.get("config.files.vmPathName", ""))
            return next(
                (end for end in ends if home.startswith(f"[{self._datastore_name(end)}]")), ""
            )
        return here[0] if here else ""

    def _datastore_name(self, moid: str) -> str:
        found = self.datastores.get(moid)
        return "" if found is None else str(found.get("name", ""))


def read_subject(reader: BulkReader, action: Action) -> Subject:
    """Read the subject of an action, and the objects that it names, afresh."""
    match action:
        case SetPool():
            found = reader.objects("ResourcePool", [action.pool.moid], _POOL_PATHS)
            return Subject(found[0] if found else None)
        case SuspendHost() | ProvisionHost():
            return _read_host(reader, action.host)
        case ApplyRecommendation():
            found = reader.objects("ClusterComputeResource", [action.cluster.moid], _CLUSTER_PATHS)
            ids = [move.vm.moid for move in action.moves]
            vms = reader.objects("VirtualMachine", ids, ["runtime.host"]) if ids else []
            return Subject(found[0] if found else None, vms={one.moid: one for one in vms})
        case _:
            return _read_vm(reader, action)


def _read_host(reader: BulkReader, host: Entity) -> Subject:
    found = reader.objects("HostSystem", [host.moid], (*HOST_PATHS, "vm"))
    if not found:
        return Subject(None)
    # A host lists VMs that have left it on some versions; where a VM runs, it knows itself.
    ids = list(found[0].get("vm", ()))
    paths = ["name", "runtime.host", "runtime.powerState"]
    vms = reader.objects("VirtualMachine", ids, paths) if ids else []
    running = {
        one.moid: one
        for one in vms
        if one.get("runtime.host") == host.moid and one.get("runtime.powerState") == POWERED_ON
    }
    return Subject(found[0], vms=running)


def _read_vm(reader: BulkReader, action: VmAction) -> Subject:
    found = reader.objects("VirtualMachine", [action.vm.moid], VM_PATHS)
    if not found:
        return Subject(None)
    vm = found[0]
    option = vm.get(CAP_PATH)
    if CAP_PATH in vm.refused:
        whole = reader.objects("VirtualMachine", [vm.moid], ["config.extraConfig"])
        options = [item for one in whole for item in one.get("config.extraConfig", ())]
        option = next((item for item in options if item.key == CAP_KEY), None)
    named: list[str] = []
    datastores: list[str] = []
    pools: list[str] = []
    match action:
        case Migrate():
            named = [action.source.moid, action.target.moid]
            pools = [pool.moid for pool in action.pools or ()]
        case Start():
            named = [action.host.moid if action.host else str(vm.get("runtime.host", ""))]
        case MigrateStorage():
            named = [str(vm.get("runtime.host", ""))]
            datastores = [action.source.moid, action.target.moid]
        case SetMemory() | SetShares() | EnableHotAdd() | Stop():
            pass
        case _:
            assert_never(action)
    named = [moid for moid in named if moid]
    apart = isinstance(action, MigrateStorage) and len(vm.get("datastore", ())) > 1
    return Subject(
        vm,
        cap_mib(option),
        disks=_disks(reader, vm.moid) if apart else None,
        hosts=_by_id(reader, "HostSystem", named, HOST_PATHS),
        datastores=_by_id(reader, "Datastore", datastores, _DATASTORE_PATHS),
        pools=_by_id(reader, "ResourcePool", pools, ("owner", "parent")),
    )


def _disks(reader: BulkReader, vm: str) -> dict[int, str] | None:
    """Datastores of a VM's disks by the disks' keys; None where its devices cannot be read."""
    for one in reader.objects("VirtualMachine", [vm], [_DEVICES]):
        if _DEVICES not in one.refused:
            backings = (
                (int(device.key), getattr(getattr(device, "backing", None), "datastore", None))
                for device in one.get(_DEVICES, ())
                if hasattr(device, "capacityInKB")
            )
            return {key: soap.moid(store) for key, store in backings if store is not None}
    return None


def _by_id(
    reader: BulkReader, kind: str, moids: list[str], paths: tuple[str, ...]
) -> dict[str, Facts]:
    if not moids:
        return {}
    return {one.moid: one for one in reader.objects(kind, moids, paths)}


def subject_type(action: Action) -> str:
    """The managed type of what an action is about."""
    match action:
        case SetPool():
            return "ResourcePool"
        case SuspendHost() | ProvisionHost():
            return "HostSystem"
        case ApplyRecommendation():
            return "ClusterComputeResource"
        case _:
            return "VirtualMachine"


def standing(reader: BulkReader, action: Action) -> Standing:
    """See ``VCenterPort.standing``."""
    return standing_of(read_subject(reader, action), action)


def standing_of(subject: Subject, action: Action) -> Standing:
    """Compare what an action changes with what was read."""
    if subject.itself is None:
        return Standing.OTHER
    if isinstance(action, ApplyRecommendation):
        return _of_recommendation(subject, action)
    now, before, after = _compared(subject, action)
    if now == after:
        return Standing.AFTER
    return Standing.BEFORE if now == before else Standing.OTHER


def _of_recommendation(subject: Subject, action: ApplyRecommendation) -> Standing:
    moves = moves_of(action)
    places = [str(subject.vms[m.vm.moid].get("runtime.host")) if m.vm.moid in subject.vms else ""
              for m in moves]  # fmt: skip
    if moves and all(place == move.target.moid for place, move in zip(places, moves, strict=True)):
        return Standing.AFTER
    standing_there = subject.recommendation(action.key) is not None
    started = all(
        place in (move.source.moid, move.target.moid)
        for place, move in zip(places, moves, strict=True)
    )
    return Standing.BEFORE if standing_there and started else Standing.OTHER


def _compared(
    subject: Subject, action: VmAction | SetPool | SuspendHost | ProvisionHost
) -> tuple[object, object, object]:
    """What an action changes: as it is, as it is expected, and as it is to be."""
    facts = subject.facts
    match action:
        case Migrate():
            return facts.get("runtime.host"), action.source.moid, action.target.moid
        case SetMemory():
            return subject.value(action.setting), action.from_mib, action.to_mib
        case SetShares():
            return subject.shares, action.from_shares, action.to_shares
        case EnableHotAdd():
            return bool(facts.get("config.memoryHotAddEnabled")), False, True
        case MigrateStorage():
            return subject.files_on(action), action.source.moid, action.target.moid
        case Stop():
            return facts.get("runtime.powerState"), POWERED_ON, POWERED_OFF
        case Start():
            return facts.get("runtime.powerState"), POWERED_OFF, POWERED_ON
        case SetPool():
            return subject.pool_value(action.setting), action.before, action.after
        case SuspendHost():
            return subject.rest, None, action.rest
        case ProvisionHost():
            return subject.rest, action.rest, None
        case _:
            assert_never(action)
