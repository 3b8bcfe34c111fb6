"""Who may come in and what they may do: logins, sessions, privileges, certificates."""

from __future__ import annotations

import hashlib
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.vcsim import Simulator
from tests.vcsim_estates import GIB, ROOT_POOL, estate
from tests.vcsim_soap import Soap, allocation, options, trust, vim


@pytest.fixture
def simulator(start_simulator: Any) -> Simulator:
    started: Simulator = start_simulator(estate())
    return started


def test_a_wrong_password_is_refused(simulator: Simulator) -> None:
    for user, password in ((simulator.username, "wrong"), ("nobody", simulator.password)):
        with pytest.raises(vim.fault.InvalidLogin):
            Soap(simulator, user, password)
    assert [c.fault for c in simulator.calls("Login")] == ["InvalidLogin"] * 2
    assert [c.user for c in simulator.calls("Login")] == [simulator.username, "nobody"]


def test_no_password_is_kept(simulator: Simulator) -> None:
    with Soap(simulator):
        assert simulator.password not in repr(simulator.calls())


def test_a_killed_session_is_dead_for_every_call(simulator: Simulator) -> None:
    soap = Soap(simulator)
    view = soap.content.viewManager.CreateContainerView(soap.content.rootFolder, [], True)
    assert simulator.kill_sessions() == 1
    with pytest.raises(vim.fault.NotAuthenticated):
        soap.si.CurrentTime()
    with pytest.raises(vim.fault.NotAuthenticated):
        soap.read([view], ["view"])
    with pytest.raises(vim.fault.NotAuthenticated):
        soap.read([soap.vm("vm-101")], ["name"])
    soap.stub.DropConnections()
    with Soap(simulator) as again:
        assert again.read([again.vm("vm-101")], ["name"])


def test_sessions_of_one_user_are_killed(simulator: Simulator) -> None:
    simulator.add_user("other", "pw", ["System.View"])
    with Soap(simulator) as soap:
        other = Soap(simulator, "other", "pw")
        assert simulator.kill_sessions("other") == 1
        with pytest.raises(vim.fault.NotAuthenticated):
            other.si.CurrentTime()
        other.stub.DropConnections()
        assert soap.si.CurrentTime()


READ = ["System.Anonymous", "System.View", "System.Read"]


@pytest.mark.parametrize(
    ("missing", "on", "spec"),
    [
        ("VirtualMachine.Config.Memory", "vm-101", {"memoryMB": 9 * GIB}),
        (
            "VirtualMachine.Config.Resource",
            "vm-101",
            {"memoryAllocation": allocation(limit=9 * GIB)},
        ),
        (
            "VirtualMachine.Config.AdvancedConfig",
            "vm-101",
            {"extraConfig": options({"sched.mem.maxmemctl": "1"})},
        ),
    ],
)
def test_privileges_of_a_reconfiguration(
    simulator: Simulator, missing: str, on: str, spec: dict[str, Any]
) -> None:
    simulator.add_user("ro", "pw", READ)
    simulator.add_user("rw", "pw", [*READ, missing])
    with Soap(simulator, "ro", "pw") as soap:
        assert soap.vm("vm-101").name == "name of vm-101"
        with pytest.raises(vim.fault.NoPermission) as caught:
            soap.start_reconfigure("vm-101", **spec)
        assert (caught.value.object._moId, caught.value.privilegeId) == (on, missing)
    with Soap(simulator, "rw", "pw") as soap:
        assert soap.reconfigure("vm-101", **spec).ok
    assert simulator.state().tasks == ()


def test_privileges_of_a_move(simulator: Simulator) -> None:
    needed = ["Resource.ColdMigrate", "Resource.HotMigrate", "Resource.AssignVMToPool"]
    for missing in needed:
        simulator.add_user("some", "pw", [*READ, *(p for p in needed if p != missing)])
        with Soap(simulator, "some", "pw") as soap:
            with pytest.raises(vim.fault.NoPermission) as caught:
                soap.start_relocate("vm-101", "host-12", pool=soap.pool(ROOT_POOL))
            assert caught.value.privilegeId == missing
            where = ROOT_POOL if missing == "Resource.AssignVMToPool" else "vm-101"
            assert caught.value.object._moId == where
    simulator.add_user("all", "pw", [*READ, *needed])
    with Soap(simulator, "all", "pw") as soap:
        assert soap.relocate("vm-101", "host-12", pool=soap.pool(ROOT_POOL)).ok


def test_other_privileges_on_single_objects(simulator: Simulator) -> None:
    memory = "VirtualMachine.Config.Memory"
    simulator.add_user("some", "pw", [*READ, memory], objects={"vm-102": READ})
    with Soap(simulator, "some", "pw") as soap:
        assert soap.reconfigure("vm-101", memoryMB=9 * GIB).ok
        with pytest.raises(vim.fault.NoPermission):
            soap.start_reconfigure("vm-102", memoryMB=9 * GIB)


def test_vcenter_tells_what_a_user_may_do(simulator: Simulator) -> None:
    memory, power = "VirtualMachine.Config.Memory", "VirtualMachine.Interact.PowerOff"
    simulator.add_user("some", "pw", [*READ, memory])
    with Soap(simulator, "some", "pw") as soap:
        manager = soap.content.authorizationManager
        key = soap.content.sessionManager.currentSession.key
        [answer] = manager.HasPrivilegeOnEntities([soap.vm("vm-101")], key, [memory, power])
        assert [(p.privId, p.isGranted) for p in answer.privAvailability] == [
            (memory, True),
            (power, False),
        ]
        [held] = manager.FetchUserPrivilegeOnEntities([soap.vm("vm-101")], "some")
        assert memory in held.privileges
        assert power not in held.privileges


def test_a_user_who_may_only_read_changes_nothing(simulator: Simulator) -> None:
    simulator.add_user("ro", "pw", READ)
    with Soap(simulator, "ro", "pw") as soap:
        vm, host, pool = soap.vm("vm-101"), soap.host("host-11"), soap.pool(ROOT_POOL)
        for attempt in (
            vm.PowerOffVM_Task,
            vm.ShutdownGuest,
            vm.Destroy_Task,
            lambda: vm.CreateSnapshot_Task("s", None, False, False),
            lambda: vm.MigrateVM_Task(None, soap.host("host-12"), "defaultPriority"),
            lambda: host.EnterMaintenanceMode_Task(0),
            host.DisconnectHost_Task,
            lambda: pool.UpdateConfig("new", None),
        ):
            with pytest.raises(vim.fault.NoPermission):
                attempt()
        assert soap.check_relocate("vm-101", "host-12").error == []


def test_the_certificate_is_the_one_that_is_announced(
    simulator: Simulator, start_simulator: Any, tmp_path: Path
) -> None:
    der = ssl.PEM_cert_to_DER_cert(simulator.certificate_pem)
    assert hashlib.sha256(der).hexdigest() == simulator.certificate_sha256
    other = start_simulator(estate())
    assert other.certificate_sha256 != simulator.certificate_sha256
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(other, trust(simulator))
    assert _handshake(simulator, trust(simulator)) == der


def test_a_given_certificate_and_plain_http(start_simulator: Any) -> None:
    pem = Path(__file__).resolve().parents[2] / "data" / "tls" / "self-signed.pem"
    given = start_simulator(estate(), certificate=(pem, pem))
    context = ssl.create_default_context(cafile=pem)
    assert hashlib.sha256(_handshake(given, context)).hexdigest() == given.certificate_sha256
    plain = start_simulator(estate(), tls=False)
    assert (plain.url[:7], plain.certificate_pem) == ("http://", "")


def _handshake(simulator: Simulator, context: ssl.SSLContext) -> bytes:
    with (
        socket.create_connection((simulator.host, simulator.port), timeout=5) as raw,
        context.wrap_socket(raw, server_hostname=simulator.host) as secure,
    ):
        der = secure.getpeercert(binary_form=True)
        assert der is not None
        return der
