"""Actions over the wire where things go wrong: faults, lost answers, missing rights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.contract.port_contract import SETTINGS, Cast, cast_from, do, errors, refusal, wait
from tests.vcsim import Simulator
from tests.wire.adapter.small import connect, document
from tests.wire.conftest import StartSimulator
from vsphere_market.adapter import PyVmomiVCenter, Timeouts, soap
from vsphere_market.errors import (
    FinalFault,
    MarketError,
    NotPermittedError,
    OutcomeUnknown,
    StaleFault,
    TransientFault,
    UnreachableError,
)
from vsphere_market.port import (
    GRAVE,
    ActionKind,
    ApplyRecommendation,
    Entity,
    Migrate,
    Rest,
    SetMemory,
    Severity,
    Standing,
    Stop,
    SuspendHost,
    TaskState,
)

METHODS = {
    **dict.fromkeys(ActionKind, "ReconfigVM_Task"),
    ActionKind.MIGRATE: "RelocateVM_Task",
    ActionKind.MIGRATE_STORAGE: "RelocateVM_Task",
    ActionKind.STOP: "ShutdownGuest",
    ActionKind.START: "PowerOnVM_Task",
    ActionKind.POOL: "UpdateConfig",
    ActionKind.SUSPEND_HOST: "PowerDownHostToStandBy_Task",
    ActionKind.PROVISION_HOST: "PowerUpHostFromStandBy_Task",
    ActionKind.DRS: "ApplyRecommendation",
}
#: Kinds that need nothing to be done before.
KINDS = [
    ActionKind.MIGRATE,
    *SETTINGS,
    ActionKind.SHARES,
    ActionKind.MIGRATE_STORAGE,
    ActionKind.STOP,
]
READ_ONLY = ["System.Anonymous", "System.View", "System.Read"]
SHORT = Timeouts(probe_s=5, request_s=1)


@pytest.fixture
def simulator(start_simulator: StartSimulator) -> Simulator:
    return start_simulator(document())


@pytest.fixture
def vcenter(simulator: Simulator) -> Iterator[PyVmomiVCenter]:
    with connect(simulator, timeouts=SHORT) as port:
        yield port


@pytest.fixture
def cast(vcenter: PyVmomiVCenter) -> Cast:
    return cast_from(vcenter.observe())


# ---------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ("fault", "detail", "expected"),
    [
        ("TaskInProgress", {"task": {"type": "Task", "value": "task-1"}}, TransientFault),
        ("HostNotConnected", {}, TransientFault),
        ("ConcurrentAccess", {}, StaleFault),
        ("InsufficientMemoryResourcesFault", {"unreserved": 1 << 30}, StaleFault),
        ("VmHostAffinityRuleViolation", {"vmName": "a", "hostName": "b"}, FinalFault),
        ("NotEnoughLicenses", {}, NotPermittedError),
        (
            "NoPermission",
            {
                "object": {"type": "VirtualMachine", "value": "vm-1"},
                "privilegeId": "Resource.HotMigrate",
            },
            NotPermittedError,
        ),
    ],
)
@pytest.mark.parametrize("kind", [ActionKind.MIGRATE, ActionKind.LIMIT])
def test_faults_of_the_call(
    simulator: Simulator,
    vcenter: PyVmomiVCenter,
    cast: Cast,
    kind: ActionKind,
    fault: str,
    detail: dict[str, Any],
    expected: type[MarketError],
) -> None:
    action = cast.action(kind)
    simulator.add_fault(method=METHODS[kind], fault=fault, detail=detail)
    with pytest.raises(expected) as caught:
        vcenter.submit(action)
    assert action.subject.name in str(caught.value)
    # Once: whoever retries knows what that means, and it is not the adapter.
    assert len(simulator.calls(METHODS[kind])) == 1
    assert vcenter.standing(action) is Standing.BEFORE


@pytest.mark.parametrize(
    ("fault", "message", "expected"),
    [
        ("GenericVmConfigFault", "The vMotion failed because of a timeout.", TransientFault),
        ("GenericVmConfigFault", "Bad device.", FinalFault),
        ("InvalidHostState", "", StaleFault),
        ("NoPermission", "", FinalFault),
    ],
)
def test_faults_of_the_task(
    simulator: Simulator,
    vcenter: PyVmomiVCenter,
    cast: Cast,
    fault: str,
    message: str,
    expected: type[MarketError],
) -> None:
    detail = {"reason": message} if fault == "GenericVmConfigFault" else {}
    simulator.add_fault(
        where="task", method="RelocateVM_Task", fault=fault, message=message, detail=detail
    )
    (status,) = wait(vcenter, [vcenter.submit(cast.action(ActionKind.MIGRATE))])
    assert status.state is TaskState.ERROR
    assert type(status.error) is expected
    assert status.error is not None
    assert status.error.fault == fault


def test_a_task_may_fail_although_the_work_is_done(
    simulator: Simulator, vcenter: PyVmomiVCenter, cast: Cast
) -> None:
    action = cast.action(ActionKind.LIMIT)
    simulator.add_fault(where="task_after", method="ReconfigVM_Task", fault="Timedout")
    (status,) = wait(vcenter, [vcenter.submit(action)])
    assert isinstance(status.error, TransientFault)
    assert vcenter.standing(action) is Standing.AFTER


# ---------------------------------------------------------------- lost answers


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("where", ["drop_after", "hang_after"])
def test_an_answer_that_is_lost_after_the_work(
    simulator: Simulator, vcenter: PyVmomiVCenter, cast: Cast, kind: ActionKind, where: Any
) -> None:
    action = cast.action(kind)
    simulator.add_fault(where=where, method=METHODS[kind], count=1)
    since = vcenter.clock.now_s()
    with pytest.raises(OutcomeUnknown) as caught:
        vcenter.submit(action)
    assert action.subject.name in str(caught.value)
    found = vcenter.find_task(action, since)
    assert found is not None
    (status,) = wait(vcenter, [found])
    assert status.state is TaskState.SUCCESS
    assert vcenter.standing(action) is Standing.AFTER
    assert len(simulator.calls(METHODS[kind])) == 1


def test_a_guest_that_was_asked_is_not_asked_again(
    simulator: Simulator, vcenter: PyVmomiVCenter, cast: Cast
) -> None:
    """The answer is lost, and the guest takes its time: only an event shows that it was asked."""
    simulator.task_seconds(shutdown=3.0)
    action = cast.action(ActionKind.STOP)
    simulator.add_fault(where="drop_after", method="ShutdownGuest", count=1)
    since = vcenter.clock.now_s()
    with pytest.raises(OutcomeUnknown):
        vcenter.submit(action)
    assert vcenter.standing(action) is Standing.BEFORE
    found = vcenter.find_task(action, since)
    assert found is not None
    assert vcenter.poll([found])[0].state is TaskState.RUNNING
    vcenter.cancel(found)
    (status,) = wait(vcenter, [found])
    assert status.state is TaskState.SUCCESS


def recommended(simulator: Simulator, cast: Cast) -> ApplyRecommendation:
    key = simulator.recommend(cast.cluster.moid, {cast.grower.moid: cast.target.moid})
    action = cast.action(ActionKind.DRS, key)
    assert isinstance(action, ApplyRecommendation)
    return action


def test_a_recommendation_whose_answer_is_lost_is_found_by_its_migrations(
    simulator: Simulator, vcenter: PyVmomiVCenter, cast: Cast
) -> None:
    simulator.task_seconds(relocate=2.0)
    action = recommended(simulator, cast)
    simulator.add_fault(where="drop_after", method="ApplyRecommendation", count=1)
    since = vcenter.clock.now_s()
    assert vcenter.find_task(action, since) is None
    with pytest.raises(OutcomeUnknown):
        vcenter.submit(action)
    found = vcenter.find_task(action, since)
    assert found is not None
    (status,) = wait(vcenter, [found])
    assert status.state is TaskState.SUCCESS


def test_a_recommendation_whose_migrations_fail_has_failed(
    simulator: Simulator, vcenter: PyVmomiVCenter, cast: Cast
) -> None:
    simulator.task_seconds(relocate=1.0)
    handle = vcenter.submit(recommended(simulator, cast))
    simulator.set_host(cast.target.moid, maintenance=True)
    (status,) = wait(vcenter, [handle])
    assert status.state is TaskState.ERROR
    assert isinstance(status.error, StaleFault)


def test_a_recommendation_that_means_something_else_is_stale(
    simulator: Simulator, vcenter: PyVmomiVCenter, cast: Cast
) -> None:
    action = recommended(simulator, cast)
    other = replace(action, moves=(Migrate(cast.grower, cast.source, cast.spare),))
    with pytest.raises(StaleFault, match="other moves"):
        vcenter.submit(other)
    assert vcenter.standing(action) is Standing.BEFORE


def test_a_host_that_cannot_be_woken_is_not_put_to_sleep(
    simulator: Simulator, vcenter: PyVmomiVCenter, cast: Cast
) -> None:
    for vm in cast.crowd:
        do(vcenter, Stop(vm, hard=True))
    simulator.set_host(cast.spare.moid, standby=False)
    (refused, *_) = errors(vcenter.precheck(SuspendHost(cast.spare)))
    assert "maintenance mode" in refused.cure
    with pytest.raises(FinalFault):
        vcenter.submit(SuspendHost(cast.spare))
    do(vcenter, SuspendHost(cast.spare, Rest.MAINTENANCE))


def test_a_guest_without_tools_is_not_asked(
    simulator: Simulator, vcenter: PyVmomiVCenter, cast: Cast
) -> None:
    simulator.set_vm(cast.grower.moid, tools_running=False)
    (refused, *_) = errors(vcenter.precheck(Stop(cast.grower)))
    assert refused.code == "ToolsUnavailable"
    with pytest.raises(FinalFault):
        vcenter.submit(Stop(cast.grower))
    assert not simulator.calls("ShutdownGuest")
    do(vcenter, Stop(cast.grower, hard=True))


def test_a_storage_move_needs_room_to_be_allocated(
    simulator: Simulator, start_simulator: StartSimulator
) -> None:
    simulator.add_user("mover", "pass", [*READ_ONLY, "Resource.HotMigrate", "Resource.ColdMigrate"])
    with connect(simulator, user="mover", password="pass") as mover:
        cast = cast_from(mover.observe())
        (refused, *_) = errors(mover.precheck(cast.action(ActionKind.MIGRATE_STORAGE)))
        assert refused.code == "NoPermission"
        assert "Datastore.AllocateSpace" in refused.what
        assert not errors(mover.precheck(cast.action(ActionKind.MIGRATE)))


@pytest.mark.parametrize("kind", [ActionKind.MIGRATE, ActionKind.LIMIT])
def test_a_request_that_never_arrived(
    simulator: Simulator, vcenter: PyVmomiVCenter, cast: Cast, kind: ActionKind
) -> None:
    action = cast.action(kind)
    simulator.add_fault(where="drop_before", method=METHODS[kind], count=1)
    since = vcenter.clock.now_s()
    with pytest.raises(OutcomeUnknown):
        vcenter.submit(action)
    assert vcenter.find_task(action, since) is None
    assert vcenter.standing(action) is Standing.BEFORE


def test_a_busy_front_end_leaves_the_outcome_open(
    simulator: Simulator, vcenter: PyVmomiVCenter, cast: Cast
) -> None:
    simulator.add_fault(where="http", status=503, method="ReconfigVM_Task", count=1)
    with pytest.raises(OutcomeUnknown):
        vcenter.submit(cast.action(ActionKind.LIMIT))


def test_a_request_that_could_not_be_sent(
    simulator: Simulator, vcenter: PyVmomiVCenter, cast: Cast
) -> None:
    simulator.down()
    with pytest.raises(UnreachableError):
        vcenter.submit(cast.action(ActionKind.LIMIT))
    simulator.up()
    do(vcenter, cast.action(ActionKind.LIMIT))


def test_a_running_task_is_found_while_it_runs(
    simulator: Simulator, vcenter: PyVmomiVCenter, cast: Cast
) -> None:
    action = cast.action(ActionKind.MIGRATE)
    rule = simulator.add_fault(where="task_hang", method="RelocateVM_Task")
    since = vcenter.clock.now_s()
    handle = vcenter.submit(action)
    found = vcenter.find_task(action, since)
    assert found is not None
    assert found.task == handle.task
    assert not vcenter.poll([found])[0].final
    simulator.remove_fault(rule)
    wait(vcenter, [handle])


def test_somebody_elses_task_is_not_ours(
    simulator: Simulator, vcenter: PyVmomiVCenter, cast: Cast
) -> None:
    simulator.add_user("ann", "pass", ["VirtualMachine.Config.Resource"])
    since = vcenter.clock.now_s()
    action = cast.action(ActionKind.LIMIT)
    with connect(simulator, user="ann", password="pass") as other:
        do(other, action)
        assert other.find_task(action, since) is not None
    assert vcenter.find_task(action, since) is None


def test_a_failed_task_of_ours_is_found(
    simulator: Simulator, vcenter: PyVmomiVCenter, cast: Cast
) -> None:
    action = cast.action(ActionKind.MIGRATE)
    simulator.add_fault(where="task", method="RelocateVM_Task", fault="MigrationFault")
    since = vcenter.clock.now_s()
    handle = vcenter.submit(action)
    wait(vcenter, [handle])
    found = vcenter.find_task(action, since)
    assert found is not None
    assert found.task == handle.task
    assert isinstance(vcenter.poll([found])[0].error, FinalFault)


def test_a_session_that_died_meanwhile(
    simulator: Simulator, vcenter: PyVmomiVCenter, cast: Cast
) -> None:
    simulator.kill_sessions()
    do(vcenter, cast.action(ActionKind.LIMIT))
    # Turned away at the door is the one refusal after which the same is sent again.
    simulator.add_fault(method="ReconfigVM_Task", fault="NotAuthenticated", count=1)
    simulator.clear_calls()
    do(vcenter, cast.action(ActionKind.RESERVATION))
    assert len(simulator.calls("ReconfigVM_Task")) == 2
    assert len(simulator.calls("Login")) == 1


@pytest.mark.parametrize("kind", [ActionKind.LIMIT, ActionKind.SHARES, ActionKind.BALLOON_CAP])
def test_a_change_by_somebody_else_between_our_look_and_our_request(
    simulator: Simulator,
    vcenter: PyVmomiVCenter,
    cast: Cast,
    kind: ActionKind,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of another setting, so that only the configuration's version tells."""
    action = cast.action(kind)
    real = soap.Stub.InvokeMethod

    def late(self: Any, mo: Any, info: Any, args: Any, outerStub: Any = None) -> Any:  # noqa: N803
        if info.wsdlName == "ReconfigVM_Task":
            simulator.set_vm(action.subject.moid, reservation_mib=256)
        return real(self, mo, info, args, outerStub)

    monkeypatch.setattr(soap.Stub, "InvokeMethod", late)
    (status,) = wait(vcenter, [vcenter.submit(action)])
    assert isinstance(status.error, StaleFault)
    assert status.error.fault == "ConcurrentAccess"
    assert vcenter.standing(action) is Standing.BEFORE
    assert simulator.state().vms[action.subject.moid].reservation_mib == 256


# ---------------------------------------------------------------- tasks


def test_cancelling_a_running_task(
    simulator: Simulator, vcenter: PyVmomiVCenter, cast: Cast
) -> None:
    action = cast.action(ActionKind.MIGRATE)
    simulator.add_fault(where="task_hang", method="RelocateVM_Task")
    handle = vcenter.submit(action)
    assert not vcenter.poll([handle])[0].final
    vcenter.cancel(handle)
    (status,) = wait(vcenter, [handle])
    assert status.state is TaskState.CANCELLED
    assert vcenter.standing(action) is Standing.BEFORE


def test_many_tasks_are_one_request(
    simulator: Simulator, vcenter: PyVmomiVCenter, cast: Cast
) -> None:
    simulator.task_seconds(reconfigure=0.3)
    vms = cast.snapshot.vms
    handles = [
        vcenter.submit(
            SetMemory(Entity(vms.moid[row], vms.name[row]), ActionKind.LIMIT, None, 8192)
        )
        for row in range(len(vms))
        if vms.moid[row] in ("vm-1", "vm-2", "vm-4", "vm-6")
    ]
    simulator.clear_calls()
    assert len(vcenter.poll(handles)) == 4
    assert [call.method for call in simulator.calls()] == ["RetrievePropertiesEx"]
    wait(vcenter, handles)


def test_a_task_that_vcenter_has_forgotten(vcenter: PyVmomiVCenter, cast: Cast) -> None:
    import dataclasses

    action = cast.action(ActionKind.LIMIT)
    handle = vcenter.submit(action)
    wait(vcenter, [handle])
    ghost = dataclasses.replace(handle, task="task-9999999")
    lost, kept = vcenter.poll([ghost, handle])
    assert isinstance(lost.error, OutcomeUnknown)
    assert kept.state is TaskState.SUCCESS


# ---------------------------------------------------------------- what is sent


def test_nothing_but_the_host_changes_in_a_migration(
    simulator: Simulator, vcenter: PyVmomiVCenter
) -> None:
    before = simulator.state()
    cast = cast_from(vcenter.observe())
    vm = Entity("vm-3", "vm-3")  # in a pool of its own
    do(vcenter, Migrate(vm, Entity("host-2", "b"), Entity("host-3", "c")))
    after = simulator.state()
    assert cast.snapshot.vms.row("vm-3") >= 0
    assert after.vms["vm-3"].host == "host-3"
    assert after.vms["vm-3"].pool == before.vms["vm-3"].pool == "resgroup-3"
    assert after.vms["vm-3"].datastores == before.vms["vm-3"].datastores


def test_shares_and_the_other_amount_survive_a_change(
    simulator: Simulator, vcenter: PyVmomiVCenter
) -> None:
    vm = Entity("vm-2", "vm-2")
    before = simulator.state().vms["vm-2"]
    do(vcenter, SetMemory(vm, ActionKind.LIMIT, None, 4096))
    after = simulator.state().vms["vm-2"]
    assert (after.limit_mib, after.reservation_mib, after.shares) == (
        4096,
        before.reservation_mib,
        before.shares,
    )


def test_a_change_between_reading_and_sending_is_noticed(
    simulator: Simulator, vcenter: PyVmomiVCenter, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vsphere_market.adapter import actions

    action = cast.action(ActionKind.LIMIT)
    real = actions.config_spec
    with connect(simulator) as somebody_else:

        def meddled(*args: Any) -> Any:
            monkeypatch.undo()
            do(somebody_else, cast.action(ActionKind.RESERVATION))
            return real(*args)

        monkeypatch.setattr(actions, "config_spec", meddled)
        error = refusal(vcenter, action)
    assert isinstance(error, StaleFault)
    assert error.fault == "ConcurrentAccess"
    assert vcenter.standing(action) is Standing.BEFORE


def test_growth_of_a_vm_whose_reservation_is_locked(
    simulator: Simulator, vcenter: PyVmomiVCenter
) -> None:
    vm = Entity("vm-5", "vm-5")
    locked = SetMemory(vm, ActionKind.RESERVATION, 4096, 2048)
    assert "locked to its size" in errors(vcenter.precheck(locked))[0].what
    with pytest.raises(FinalFault, match="locked to its size"):
        vcenter.submit(locked)
    simulator.check_alive()


def test_a_balloon_cap_that_is_taken_away_is_gone(
    simulator: Simulator, vcenter: PyVmomiVCenter
) -> None:
    do(vcenter, SetMemory(Entity("vm-4", "vm-4"), ActionKind.BALLOON_CAP, 512, None))
    assert simulator.state().vms["vm-4"].balloon_cap == ""


# ---------------------------------------------------------------- prechecks


def test_the_servers_word_counts_beforehand(vcenter: PyVmomiVCenter) -> None:
    # A rule keeps vm-4 to the first two hosts: only vCenter's check knows.
    action = Migrate(Entity("vm-4", "vm-4"), Entity("host-2", "b"), Entity("host-3", "c"))
    found = errors(vcenter.precheck(action))
    assert [finding.code for finding in found] == ["VmHostAffinityRuleViolation"]
    error = refusal(vcenter, action)
    assert isinstance(error, FinalFault)
    assert error.fault == "VmHostAffinityRuleViolation"


def test_a_server_without_checks_is_told_of(
    simulator: Simulator, vcenter: PyVmomiVCenter, cast: Cast
) -> None:
    for method in ("CheckRelocate_Task", "CheckMigrate_Task", "CheckVmConfig_Task"):
        simulator.add_fault(method=method, fault="NotSupported")
    for kind in (ActionKind.MIGRATE, ActionKind.LIMIT):
        (finding,) = vcenter.precheck(cast.action(kind))
        assert (finding.code, finding.severity) == ("no-server-check", Severity.INFO)


def test_the_second_check_serves_where_the_first_is_missing(
    simulator: Simulator, vcenter: PyVmomiVCenter, cast: Cast
) -> None:
    simulator.add_fault(method="CheckRelocate_Task", fault="NotSupported")
    assert list(vcenter.precheck(cast.action(ActionKind.MIGRATE))) == []
    assert len(simulator.calls("CheckMigrate_Task")) == 1


def test_a_check_that_is_not_permitted_is_no_refusal(
    simulator: Simulator, vcenter: PyVmomiVCenter, cast: Cast
) -> None:
    simulator.add_fault(
        method="CheckVmConfig_Task",
        fault="NoPermission",
        detail={"object": {"type": "VirtualMachine", "value": "vm-1"}, "privilegeId": "X.Y"},
    )
    (finding,) = vcenter.precheck(cast.action(ActionKind.LIMIT))
    assert (finding.code, finding.severity) == ("no-server-check", Severity.INFO)


def test_a_check_that_fails_is_a_finding(
    simulator: Simulator, vcenter: PyVmomiVCenter, cast: Cast
) -> None:
    simulator.add_fault(where="task", method="CheckRelocate_Task", fault="VMotionNotConfigured")
    found = errors(vcenter.precheck(cast.action(ActionKind.MIGRATE)))
    assert [finding.code for finding in found] == ["VMotionNotConfigured"]
    assert "VMkernel adapter" in found[0].cure


def test_a_missing_privilege_beforehand_and_at_the_deed(
    simulator: Simulator, start_simulator: StartSimulator
) -> None:
    simulator.add_user("reader", "pass", READ_ONLY)
    with connect(simulator, user="reader", password="pass") as reader:
        cast = cast_from(reader.observe())
        findings = {finding.code: finding for finding in reader.checkup()}
        for kind in ActionKind:
            finding = findings[f"privileges-{kind}"]
            # What is grave is not done unless somebody says so, and needs no privilege till then.
            assert finding.severity is (Severity.INFO if kind in GRAVE else Severity.ERROR)
            assert "missing" in finding.what
        for kind in KINDS:
            (refused, *_) = errors(reader.precheck(cast.action(kind)))
            assert refused.code == "NoPermission"
            with pytest.raises(NotPermittedError, match="privilege"):
                reader.submit(cast.action(kind))


def test_a_privilege_that_is_missing_here_and_there(simulator: Simulator) -> None:
    everything = [
        *READ_ONLY,
        "Resource.HotMigrate",
        "Resource.ColdMigrate",
        "VirtualMachine.Config.Resource",
        "VirtualMachine.Config.Memory",
        "VirtualMachine.Config.AdvancedConfig",
    ]
    simulator.add_user(
        "ann",
        "pass",
        everything,
        {"vm-2": [name for name in everything if name != "Resource.HotMigrate"]},
    )
    with connect(simulator, user="ann", password="pass") as vcenter:
        findings = {finding.code: finding for finding in vcenter.checkup()}
    assert findings["privileges-migrate"].severity is Severity.WARNING
    assert "on 1 of 7 VMs, such as vm-2" in findings["privileges-migrate"].what
    assert findings["privileges-limit"].severity is Severity.OK
