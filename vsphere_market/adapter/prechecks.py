"""Asking beforehand: our own objections, then vCenter's checkers, and no change to anything.

Whoever refuses in ``precheck`` refuses in ``submit`` too: both start from the same objections, and
the rest is vCenter's word both times.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, assert_never

from vsphere_market.adapter import soap
from vsphere_market.adapter.actions import config_spec, pool_joined, relocate_spec
from vsphere_market.adapter.bulk import BulkReader
from vsphere_market.adapter.faults import error_from, row_of
from vsphere_market.adapter.objections import objections
from vsphere_market.adapter.privileges import missing_for
from vsphere_market.adapter.session import Session
from vsphere_market.adapter.soap import vim
from vsphere_market.adapter.subjects import Subject, read_subject
from vsphere_market.errors import ActionError, MarketError, NotPermittedError
from vsphere_market.port import (
    Action,
    ApplyRecommendation,
    EnableHotAdd,
    Finding,
    Migrate,
    MigrateStorage,
    ProvisionHost,
    SetMemory,
    SetPool,
    SetShares,
    Severity,
    Start,
    Stop,
    SuspendHost,
)

log = logging.getLogger(__name__)

_POLL_S = 0.1
_POLL_SLOWEST_S = 1.0


def precheck(
    session: Session, reader: BulkReader, action: Action, patience_s: float
) -> list[Finding]:
    """See ``VCenterPort.precheck``.

    Args:
        session: the login.
        reader: for the fresh read.
        action: what would be done.
        patience_s: how long vCenter may take.
    """
    subject = read_subject(reader, action)
    own = objections(subject, action)
    if own:
        # vCenter's checkers presume objects and states that are as the action expects.
        return [_finding(error, error.fault, Severity.ERROR, action) for error in own]
    if refused := missing_for(session, action):
        return refused
    for way in _ways(session, subject, action):
        results = _check(session, reader, way, action, patience_s)
        if results is not None:
            return _findings(results, action)
    return [
        Finding(
            "no-server-check",
            Severity.INFO,
            action.subject.name,
            "this vCenter cannot check it beforehand, so only our own checks were made",
        )
    ]


def _ways(session: Session, subject: Subject, action: Action) -> list[Callable[[Any], Any]]:
    """Calls that make vCenter check an action, the best first; [] where it has none such."""
    vm = soap.reference(vim.VirtualMachine, action.subject.moid, session.stub)
    match action:
        case Migrate():
            host = soap.reference(vim.HostSystem, action.target.moid, session.stub)
            return [
                lambda content: content.vmProvisioningChecker.CheckRelocate_Task(
                    vm, relocate_spec(session, subject, action), None
                ),
                lambda content: content.vmProvisioningChecker.CheckMigrate_Task(
                    vm, host, pool_joined(session, action), None, None
                ),
            ]
        case MigrateStorage():
            return [
                lambda content: content.vmProvisioningChecker.CheckRelocate_Task(
                    vm, relocate_spec(session, subject, action), None
                )
            ]
        case SetMemory() | SetShares() | EnableHotAdd():
            spec = config_spec(subject, action)
            # The checker takes a configuration to be, in which a version has no place.
            spec.changeVersion = None
            return [
                lambda content: content.vmCompatibilityChecker.CheckVmConfig_Task(
                    spec, vm, None, None, None
                )
            ]
        case Start():
            at = action.host and soap.reference(vim.HostSystem, action.host.moid, session.stub)
            return [
                lambda content: content.vmCompatibilityChecker.CheckPowerOn_Task(vm, at, None, None)
            ]
        case Stop() | SetPool() | SuspendHost() | ProvisionHost() | ApplyRecommendation():
            return []
        case _:
            assert_never(action)


def _check(
    session: Session,
    reader: BulkReader,
    way: Callable[[Any], Any],
    action: Action,
    patience_s: float,
) -> list[Any] | None:
    """Start one of vCenter's checks and wait for it; None when this vCenter has none such."""
    try:
        task = session.read(way, action.subject.name)
    except ActionError as exc:
        if exc.fault in ("MethodNotFound", "NotImplemented", "NotSupported"):
            log.debug("no such check here: %s", exc.fault)
            return None
        raise
    except NotPermittedError as exc:
        # Whoever may do a thing may not always check it.
        log.info("the check is not permitted: %s", exc)
        return None
    except AttributeError:
        # The server has no checker at all.
        return None
    ends = time.monotonic() + patience_s
    pause = _POLL_S
    while time.monotonic() < ends:
        found = reader.objects(
            "Task", [soap.moid(task)], ("info.state", "info.error", "info.result")
        )
        state = found[0].get("info.state", "") if found else "gone"
        if state == "success":
            return list(found[0].get("info.result", ()))
        if state == "error":
            # A failing check is a finding like any other.
            return [vim.vm.check.Result(error=[found[0].get("info.error")])]
        if state == "gone":
            break
        time.sleep(pause)
        pause = min(pause * 1.5, _POLL_SLOWEST_S)
    log.info("the check of %s is not done in time", action.subject.name)
    return None


def _findings(results: list[Any], action: Action) -> list[Finding]:
    found = []
    for result in results:
        for severity, faults in (
            (Severity.ERROR, result.error),
            (Severity.WARNING, result.warning),
        ):
            for fault in faults or ():
                if fault is not None:
                    name, _ = row_of(fault)
                    found.append(
                        _finding(error_from(fault, action.subject.name), name, severity, action)
                    )
    return found


def _finding(error: MarketError, code: str, severity: Severity, action: Action) -> Finding:
    return Finding(code, severity, action.subject.name, error.what, error.cure)
