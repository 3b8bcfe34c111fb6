"""Sending actions over the wire.

Before anything is sent, the subject is read afresh: the present value is compared with what the
action expects, our own checks are made, and the configuration's version goes along where vSphere
takes one, so that a change by somebody else between the reading and the sending makes vCenter
refuse.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, assert_never

from vsphere_market.adapter import soap, watched
from vsphere_market.adapter.bulk import BulkReader, Facts
from vsphere_market.adapter.objections import objections
from vsphere_market.adapter.session import Session
from vsphere_market.adapter.soap import vim
from vsphere_market.adapter.subjects import (
    ALLOCATION,
    POOL_ALLOCATION,
    POOL_VERSION,
    Subject,
    read_subject,
)
from vsphere_market.adapter.vms import CAP_KEY
from vsphere_market.port import (
    Action,
    ActionKind,
    ApplyRecommendation,
    EnableHotAdd,
    Migrate,
    MigrateStorage,
    PoolSetting,
    ProvisionHost,
    Rest,
    SetMemory,
    SetPool,
    SetShares,
    Start,
    Stop,
    SuspendHost,
    TaskHandle,
)

log = logging.getLogger(__name__)

#: How long a host may take into its rest or out of it, seconds, before vCenter itself gives up.
HOST_TIMEOUT_S = 1200


def submit(
    session: Session, reader: BulkReader, action: Action, now_s: Callable[[], float]
) -> TaskHandle:
    """See ``VCenterPort.submit``."""
    subject = read_subject(reader, action)
    for objection in objections(subject, action):
        raise objection
    submitted_at_s = now_s()
    send = request(session, subject, action)
    task = session.change(lambda _: send(), action.subject.name)
    if task is None:
        # This kind has no task: the world itself tells when it is done.
        handle = TaskHandle(watched.name_of(action), action, submitted_at_s)
    else:
        handle = TaskHandle(soap.moid(task), action, submitted_at_s)
    log.info("%s of %s is %s", action.kind, action.subject.name, handle.task)
    return handle


def request(session: Session, subject: Subject, action: Action) -> Callable[[], Any]:
    """The call that carries an action out; it answers with a task, or with nothing."""
    stub = session.stub
    match action:
        case Migrate() | MigrateStorage():
            vm, spec = _vm(session, action.vm.moid), relocate_spec(session, subject, action)
            priority = vim.VirtualMachine.MovePriority.defaultPriority
            return lambda: vm.RelocateVM_Task(spec, priority)
        case SetMemory() | SetShares() | EnableHotAdd():
            vm, config = _vm(session, action.vm.moid), config_spec(subject, action)
            return lambda: vm.ReconfigVM_Task(config)
        case Stop():
            vm = _vm(session, action.vm.moid)
            return lambda: vm.PowerOffVM_Task() if action.hard else vm.ShutdownGuest()
        case Start():
            vm = _vm(session, action.vm.moid)
            at = action.host and soap.reference(vim.HostSystem, action.host.moid, stub)
            return lambda: vm.PowerOnVM_Task(at)
        case SetPool():
            pool = soap.reference(vim.ResourcePool, action.pool.moid, stub)
            memory = pool_spec(subject, action)
            return lambda: pool.UpdateConfig(None, memory)
        case SuspendHost():
            host = soap.reference(vim.HostSystem, action.host.moid, stub)
            if action.rest is Rest.STANDBY:
                return lambda: host.PowerDownHostToStandBy_Task(HOST_TIMEOUT_S, False)
            return lambda: host.EnterMaintenanceMode_Task(HOST_TIMEOUT_S, False, None)
        case ProvisionHost():
            host = soap.reference(vim.HostSystem, action.host.moid, stub)
            if action.rest is Rest.STANDBY:
                return lambda: host.PowerUpHostFromStandBy_Task(HOST_TIMEOUT_S)
            return lambda: host.ExitMaintenanceMode_Task(HOST_TIMEOUT_S)
        case ApplyRecommendation():
            cluster = soap.reference(vim.ClusterComputeResource, action.cluster.moid, stub)
            return lambda: cluster.ApplyRecommendation(action.key)
        case _:
            assert_never(action)


def _vm(session: Session, moid: str) -> Any:
    return soap.reference(vim.VirtualMachine, moid, session.stub)


def relocate_spec(session: Session, subject: Subject, action: Migrate | MigrateStorage) -> Any:
    """Another host, or another datastore for what is on one of them, and nothing else.

    Without a word on disks vSphere would take all of them along: those that are on other datastores
    are told to stay there.

    Into another cluster vSphere asks for a resource pool there beside the host.

    A swap file stays with the VM's other files unless the cluster or host keeps it elsewhere: that
    is their setting, and not touched.
    """
    if isinstance(action, MigrateStorage):
        target = soap.reference(vim.Datastore, action.target.moid, session.stub)
        staying = [
            vim.vm.RelocateSpec.DiskLocator(
                diskId=key, datastore=soap.reference(vim.Datastore, store, session.stub)
            )
            for key, store in (subject.disks or {}).items()
            if store != action.source.moid
        ]
        return vim.vm.RelocateSpec(datastore=target, disk=staying)
    host = soap.reference(vim.HostSystem, action.target.moid, session.stub)
    return vim.vm.RelocateSpec(host=host, pool=pool_joined(session, action))


def pool_joined(session: Session, action: Migrate) -> Any:
    """The resource pool that a migration leads to; None when the VM stays in its own."""
    if action.pools is None:
        return None
    return soap.reference(vim.ResourcePool, action.pools[1].moid, session.stub)


def config_spec(subject: Subject, action: SetMemory | SetShares | EnableHotAdd) -> Any:
    """The change of one setting, bound to the version of the configuration that was read."""
    spec = vim.vm.ConfigSpec(changeVersion=subject.facts.get("config.changeVersion"))
    match action:
        case SetMemory():
            _set_memory(spec, subject, action)
        case SetShares():
            spec.memoryAllocation = _allocation(subject.facts, ALLOCATION)
            spec.memoryAllocation.shares = _custom(action.to_shares)
        case EnableHotAdd():
            spec.memoryHotAddEnabled = True
        case _:
            assert_never(action)
    return spec


def _set_memory(spec: Any, subject: Subject, action: SetMemory) -> None:
    match action.setting:
        case ActionKind.HOT_ADD | ActionKind.RESIZE:
            spec.memoryMB = action.to_mib
        case ActionKind.BALLOON_CAP:
            # An empty value removes the option.
            value = "" if action.to_mib is None else str(action.to_mib)
            spec.extraConfig = [vim.option.OptionValue(key=CAP_KEY, value=value)]
        case ActionKind.LIMIT:
            spec.memoryAllocation = _allocation(subject.facts, ALLOCATION)
            spec.memoryAllocation.limit = -1 if action.to_mib is None else action.to_mib
        case ActionKind.RESERVATION:
            spec.memoryAllocation = _allocation(subject.facts, ALLOCATION)
            spec.memoryAllocation.reservation = action.to_mib or 0
        case _:
            assert_never(action.setting)


def pool_spec(subject: Subject, action: SetPool) -> Any:
    """A pool's whole configuration, with the one setting changed.

    ``UpdateConfig`` takes the allocation of memory and of processors together; what was read of
    both is sent again.
    """
    facts = subject.facts
    memory = _allocation(facts, POOL_ALLOCATION)
    match action.setting:
        case PoolSetting.RESERVATION:
            memory.reservation = action.after or 0
        case PoolSetting.LIMIT:
            memory.limit = -1 if action.after is None else action.after
        case PoolSetting.SHARES:
            memory.shares = _custom(action.after or 0)
        case _:
            assert_never(action.setting)
    return vim.ResourceConfigSpec(
        changeVersion=facts.get(POOL_VERSION),
        memoryAllocation=memory,
        cpuAllocation=_allocation(facts, "config.cpuAllocation"),
    )


def _custom(shares: int) -> Any:
    return vim.SharesInfo(level=vim.SharesInfo.Level.custom, shares=shares)


def _allocation(facts: Facts, path: str) -> Any:
    """All that was read of it, to be sent again: an allocation is replaced as a whole."""
    was = facts.get(path)
    again = vim.ResourceAllocationInfo(
        reservation=getattr(was, "reservation", None) or 0,
        limit=-1 if (limit := getattr(was, "limit", None)) is None else limit,
        expandableReservation=getattr(was, "expandableReservation", None),
    )
    if shares := getattr(was, "shares", None):
        again.shares = vim.SharesInfo(level=shares.level, shares=shares.shares)
    return again
