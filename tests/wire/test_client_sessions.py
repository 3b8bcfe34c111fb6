"""Callers from inside the vSphere Client: their session is cloned by a real ticket over SOAP.

The clone-ticket endpoint is the vSphere Client's own, which no simulator has: a stub of it hands
out tickets that the simulator's session manager made for the session that it is asked about.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.service_http import listening
from tests.vcsim import Simulator
from tests.wire.adapter.small import TIMEOUTS, document
from tests.wire.conftest import StartSimulator
from vsphere_market.adapter import Credentials, Secret, Target, TlsMode
from vsphere_market.adapter.cloning import SessionCloner
from vsphere_market.adapter.session import Session
from vsphere_market.control.plugins import PRIVILEGES as REGISTERED
from vsphere_market.errors import ActionError, UnreachableError
from vsphere_market.service.roles import Role
from vsphere_market.service.vcenter import ASKED, ClientSessions, role_of

READ = ("System.Anonymous", "System.View", "System.Read")
ACT = (*READ, "Resource.HotMigrate", "VirtualMachine.Config.Resource")
DECIDE = (*READ, "VsphereMarket.Approve")


def target_of(simulator: Simulator) -> Target:
    return Target(host=simulator.host, port=simulator.port, tls=TlsMode.INSECURE)


@dataclass
class Client:
    """The vSphere Client's part: sessions of users, and tickets for them."""

    simulator: Simulator
    url: str = ""
    sessions: dict[str, Session] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200

    def log_in(self, token: str, user: str, privileges: tuple[str, ...]) -> None:
        self.simulator.add_user(user, "secret", privileges)
        self.sessions[token] = Session(
            target_of(self.simulator), Credentials(user, Secret("secret")), TIMEOUTS
        )

    def ticket(self, token: str) -> str | None:
        session = self.sessions.get(token)
        if session is None:
            return None
        return str(session.read(lambda content: content.sessionManager.AcquireCloneTicket()))


@pytest.fixture
def client(start_simulator: StartSimulator) -> Iterator[Client]:
    found = Client(start_simulator(document()))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            token = self.headers["vmware-api-session-id"]
            found.asked.append({"path": self.path, "token": token, **body})
            ticket = found.ticket(token)
            status = found.status if ticket else 401
            text = json.dumps({"session_clone_ticket": ticket}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_port}"
    yield found
    for session in found.sessions.values():
        session.close()
    server.shutdown()
    server.server_close()
    thread.join(5)


def cloner(client: Client) -> SessionCloner:
    return SessionCloner(target_of(client.simulator), TIMEOUTS, tickets=client.url)


def test_vcenter_says_who_has_the_session(client: Client) -> None:
    client.log_in("token-of-anna", "anna@vsphere.local", ACT)
    found = cloner(client).user_of("token-of-anna", ASKED)
    assert found is not None and found.name == "anna@vsphere.local"
    assert found.privileges == {
        "System.Read",
        "Resource.HotMigrate",
        "VirtualMachine.Config.Resource",
    }
    asked = client.asked[0]
    assert asked["path"] == "/api/ui/vcenter/session/clone-ticket"
    assert asked["vc_guid"], "the identity is vCenter's own, not the request's"


def test_the_cloned_session_is_ended_again(client: Client) -> None:
    client.log_in("token", "anna@vsphere.local", READ)
    cloner(client).user_of("token", ASKED)
    methods = [call.method for call in client.simulator.calls()]
    assert methods.count("CloneSession") == methods.count("Logout") == 1


def test_a_session_that_vcenter_does_not_know(client: Client) -> None:
    assert cloner(client).user_of("made-up", ASKED) is None
    assert cloner(client).user_of("", ASKED) is None
    assert cloner(client).user_of("x\r\ny: z", ASKED) is None
    assert cloner(client).user_of("x" * 10_000, ASKED) is None


def test_a_ticket_is_good_once(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.log_in("token", "anna@vsphere.local", READ)
    used = client.ticket("token")
    monkeypatch.setattr(client, "ticket", lambda _token: used)
    assert cloner(client).user_of("token", ASKED) is not None
    assert cloner(client).user_of("token", ASKED) is None


def test_a_privilege_that_vcenter_does_not_know_costs_no_other(client: Client) -> None:
    """The whole question is refused, then the one about the first privilege."""
    client.log_in("token", "anna@vsphere.local", ACT)
    client.simulator.add_fault(method="HasPrivilegeOnEntities", fault="InvalidArgument", count=2)
    found = cloner(client).user_of("token", ("Made.Up", *ASKED))
    assert found is not None
    assert found.privileges == {
        "System.Read",
        "Resource.HotMigrate",
        "VirtualMachine.Config.Resource",
    }
    client.simulator.add_fault(method="HasPrivilegeOnEntities", fault="NotSupported", count=1)
    with pytest.raises(ActionError):
        cloner(client).user_of("token", ASKED)


def test_a_client_without_the_endpoint_or_without_its_wits(client: Client) -> None:
    client.log_in("token", "anna@vsphere.local", READ)
    client.status = 404
    assert cloner(client).user_of("token", ASKED) is None
    client.status = 500
    with pytest.raises(UnreachableError, match="gives no clone ticket"):
        cloner(client).user_of("token", ASKED)


def test_privileges_make_roles_over_the_whole_road(client: Client, tmp_path: Path) -> None:
    """From the header of a request to a role, with a real server in between."""
    client.log_in("viewer", "vera@vsphere.local", READ)
    client.log_in("approver", "ada@vsphere.local", DECIDE)
    client.log_in("operator", "otto@vsphere.local", ACT)
    sessions = ClientSessions(cloner(client))
    with listening(tmp_path, vcenter=sessions) as found, found.client(None) as http:
        roles = {"viewer": Role.VIEWER, "approver": Role.APPROVER, "operator": Role.OPERATOR}
        for token, role in roles.items():
            given = {"vmware-api-session-id": token}
            answer = http.get("/v1/session", headers=given).json()
            assert (answer["role"], answer["way"]) == (role.word, "vcenter")
            assert http.get("/v1/session", headers=given).status_code == 200
        assert len(client.asked) == 3, "what vCenter said is remembered"
        refused = http.post("/v1/stop", json={}, headers={"vmware-api-session-id": "viewer"})
        assert refused.status_code == 403
        decides = {"vmware-api-session-id": "approver"}
        assert http.post("/v1/stop", json={"reason": "x"}, headers=decides).status_code == 200
        assert http.delete("/v1/stop", headers=decides).status_code == 403
        answer = http.get("/v1/session", headers={"vmware-api-session-id": "made-up"})
        assert answer.status_code == 401, answer.text
        client.simulator.down("drop")
        answer = http.get("/v1/session", headers={"vmware-api-session-id": "operator"})
        assert answer.status_code == 200, "what is known holds while vCenter is away"


@pytest.mark.parametrize(
    ("privileges", "role"),
    [
        ((), None),
        (("Resource.HotMigrate",), None),
        (("System.Read",), Role.VIEWER),
        (("System.Read", "Resource.HotMigrate"), Role.VIEWER),
        (("VsphereMarket.Approve",), None),
        (("System.Read", "VsphereMarket.Approve"), Role.APPROVER),
        (("System.Read", "VsphereMarket.Approve", "Resource.HotMigrate"), Role.APPROVER),
        (ACT, Role.OPERATOR),
        ((*ACT, "VsphereMarket.Approve"), Role.OPERATOR),
        ((*ACT, "Authorization.ModifyPermissions"), Role.ADMIN),
        (ASKED, Role.ADMIN),
    ],
)
def test_what_a_user_may_in_vcenter_makes_the_role(
    privileges: tuple[str, ...], role: Role | None
) -> None:
    assert role_of(frozenset(privileges)) is role


def test_the_approvers_privilege_is_the_one_that_the_plugin_registers() -> None:
    assert {item.id for item in REGISTERED} == set(ASKED) - {
        "System.Read",
        "Resource.HotMigrate",
        "VirtualMachine.Config.Resource",
        "Authorization.ModifyPermissions",
    }
