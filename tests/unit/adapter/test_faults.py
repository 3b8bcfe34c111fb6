"""The table of faults, row by row, and the traps around it."""

from __future__ import annotations

from typing import Any

import pytest
from pyVmomi import VmomiSupport, vim

from vsphere_market.adapter.faults import (
    FAULTS,
    action_error_from,
    error_from,
    outcome_unknown,
    row_of,
)
from vsphere_market.errors import (
    ActionError,
    FinalFault,
    MarketError,
    NotPermittedError,
    OutcomeUnknown,
    StaleFault,
    TransientFault,
)


def names(text: str) -> list[str]:
    return text.split()


# Written down apart from the table, from the reference on vCenter's faults.
RETRY = names(
    """
    TaskInProgress ResourceInUse Timedout HostCommunication HostNotConnected HostNotReachable
    MigrationNotReady RequestCanceled QuestionPending NotAuthenticated
    """
)
REREAD = names(
    """
    ConcurrentAccess InvalidPowerState InvalidState InvalidHostState InvalidHostConnectionState
    InsufficientResourcesFault InsufficientMemoryResourcesFault InsufficientHostMemoryCapacityFault
    InsufficientHostCapacityFault InsufficientFailoverResourcesFault NoCompatibleHost
    VMotionLinkDown ManagedObjectNotFound InvalidDatastoreState InvalidDatastore NoDiskSpace
    InsufficientStorageSpace HostPowerOpFailed
    """
)
GIVE_UP = names(
    """
    MemoryHotPlugNotSupported MemorySizeNotSupported MemorySizeNotRecommended
    VmHostAffinityRuleViolation RuleViolation AffinityConfigured DisallowedMigrationDeviceAttached
    DisallowedOperationOnFailoverHost VMotionNotConfigured VMotionNotSupported
    VMotionInterfaceIssue MigrationFault VmConfigFault CannotAccessVmComponent InvalidArgument
    InvalidRequest NotSupported NotEnoughCpus MethodNotFound NotImplemented
    SystemError ToolsUnavailable
    """
)
ASK = names(
    """
    NoPermission MethodDisabled RestrictedVersion NotEnoughLicenses LicenseRestricted
    RestrictedByAdministrator SecurityError
    """
)
EXPECTED: dict[str, type[MarketError]] = {
    **dict.fromkeys(RETRY, TransientFault),
    **dict.fromkeys(REREAD, StaleFault),
    **dict.fromkeys(GIVE_UP, FinalFault),
    **dict.fromkeys(ASK, NotPermittedError),
}


def make(name: str, **fields: Any) -> Any:
    """A fault of that wire name."""
    return VmomiSupport.GetWsdlType("urn:vim25", name)(**fields)  # type: ignore[no-untyped-call]


def test_every_row_is_judged_here_and_every_judgement_has_a_row() -> None:
    assert set(FAULTS) == set(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_row(name: str) -> None:
    error = error_from(make(name), "vm-1")
    assert type(error) is EXPECTED[name]
    assert str(error).startswith("vm-1: ")
    assert len(str(error).split()) > 3
    if isinstance(error, ActionError):
        assert error.fault == name
    if EXPECTED[name] is NotPermittedError:
        # Polling has to say it too, and there only an ActionError fits.
        assert type(action_error_from(make(name), "vm-1")) is FinalFault


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("MigrationFeatureNotSupported", FinalFault),  # a MigrationFault
        ("SuspendedRelocateNotSupported", FinalFault),  # a MigrationFault
        ("DeviceNotSupported", FinalFault),  # a VmConfigFault
        ("InsufficientCpuResourcesFault", StaleFault),  # an InsufficientResourcesFault
        ("HotSnapshotMoveNotSupported", FinalFault),
        ("HostNotReachable", TransientFault),  # a HostCommunication
    ],
)
def test_a_child_is_judged_as_its_nearest_ancestor(name: str, expected: type[MarketError]) -> None:
    assert type(error_from(make(name))) is expected


def test_not_authenticated_is_no_missing_privilege_although_it_is_its_child() -> None:
    fault = make("NotAuthenticated")
    assert isinstance(fault, vim.fault.NoPermission)
    assert type(error_from(fault)) is TransientFault


def test_the_missing_privilege_is_named() -> None:
    error = error_from(make("NoPermission", privilegeId="Resource.HotMigrate"), "web-1")
    assert str(error) == ("web-1: the privilege Resource.HotMigrate is missing. Have it granted.")


@pytest.mark.parametrize(
    "text",
    [
        "The VM failed to resume on the destination during early power on: vMotion failed.",
        "The migration exceeded the maximum switchover time of 100 second(s).",
        "Migration to host <10.0.0.1> failed with error Connection reset by peer",
        "Failed waiting for data. Pre-copy did not converge.",
    ],
)
@pytest.mark.parametrize("name", ["GenericVmConfigFault", "SystemError"])
def test_vmotion_troubles_in_disguise_may_be_tried_again(name: str, text: str) -> None:
    error = error_from(make(name, reason=text, msg=text))
    assert type(error) is TransientFault
    assert "vMotion did not succeed" in str(error)


def test_other_faults_of_configuration_are_final() -> None:
    fault = make("GenericVmConfigFault", reason="msg.cpuid.mwait: bad value")
    assert type(error_from(fault)) is FinalFault


def test_a_fault_that_nobody_knows_is_final_and_shows_its_own_words() -> None:
    error = error_from(make("GuestOperationsUnavailable", msg="VMware Tools is not running.\n"))
    assert type(error) is FinalFault
    assert "VMware Tools is not running." in str(error)
    assert ".." not in str(error)


def test_no_fault_at_all_is_a_final_one() -> None:
    assert type(action_error_from(None, "vm-1")) is FinalFault


def test_memory_figures_come_in_bytes() -> None:
    fault = make("InsufficientMemoryResourcesFault", unreserved=3 << 30, requested=8 << 30)
    assert "(8192 MiB asked for, 3072 MiB unreserved)" in str(error_from(fault))


def test_the_name_is_the_wires() -> None:
    assert row_of(make("ManagedObjectNotFound"))[0] == "ManagedObjectNotFound"
    assert row_of(make("TaskInProgress"))[0] == "TaskInProgress"


def test_a_lost_answer() -> None:
    error = outcome_unknown("vm-1", ConnectionResetError("peer"))
    assert isinstance(error, OutcomeUnknown)
    assert "look for its task" in str(error).lower()
