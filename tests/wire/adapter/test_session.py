"""Logging in, staying in, and saying clearly why not."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from tests.tls_server import CERTIFICATES
from tests.vcsim import Simulator, StockVcsim
from tests.wire.adapter.small import connect, document
from tests.wire.conftest import StartSimulator
from vsphere_market.adapter import (
    Credentials,
    PyVmomiVCenter,
    Secret,
    Target,
    Timeouts,
    TlsMode,
    soap,
)
from vsphere_market.adapter.session import Session, SessionDead
from vsphere_market.errors import (
    CertificateError,
    ExitCode,
    NotPermittedError,
    UnreachableError,
)

SHORT = Timeouts(probe_s=2, request_s=1)


@pytest.fixture
def simulator(start_simulator: StartSimulator) -> Simulator:
    return start_simulator(document())


def test_a_wrong_password(simulator: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with (
        connect(simulator, password="hunter2") as vcenter,
        pytest.raises(NotPermittedError, match="or the password is wrong") as caught,
    ):
        vcenter.observe()
    assert caught.value.exit_code is ExitCode.NOT_PERMITTED
    assert simulator.username in str(caught.value)
    assert "hunter2" not in str(caught.value) + caplog.text + repr(vcenter)


def test_an_unknown_user(simulator: Simulator) -> None:
    with connect(simulator, user="nobody") as vcenter, pytest.raises(NotPermittedError):
        vcenter.observe()


def test_no_password_is_logged_at_any_level(
    simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with connect(simulator) as vcenter:
        vcenter.observe()
    assert "logged in" in caplog.text
    assert simulator.password not in caplog.text


def test_quiet_unless_asked(simulator: Simulator, capfd: pytest.CaptureFixture[str]) -> None:
    with connect(simulator) as vcenter:
        vcenter.observe()
    out, err = capfd.readouterr()
    assert out == err == ""


@pytest.mark.parametrize("where", ["observe", "standing", "checkup"])
def test_a_dead_session_is_renewed_once(simulator: Simulator, where: str) -> None:
    from tests.contract.port_contract import cast_from
    from vsphere_market.port import ActionKind, Standing

    with connect(simulator) as vcenter:
        action = cast_from(vcenter.observe()).action(ActionKind.LIMIT)
        assert simulator.kill_sessions() == 1
        simulator.clear_calls()
        if where == "observe":
            assert len(vcenter.observe().vms) == 8
        elif where == "checkup":
            assert vcenter.checkup()
        else:
            assert vcenter.standing(action) is Standing.BEFORE
    assert len(simulator.calls("Login")) == 1


def test_a_session_that_dies_between_two_pages(simulator: Simulator) -> None:
    with connect(simulator, page_size=2) as vcenter:
        vcenter.observe()
        # The third page of the next walk finds no session any more.
        simulator.add_fault(
            method="ContinueRetrievePropertiesEx", fault="NotAuthenticated", skip=2, count=1
        )
        simulator.clear_calls()
        assert len(vcenter.observe().vms) == 8
    assert len(simulator.calls("Login")) == 1
    # The walk began anew with a view of its own.
    assert len(simulator.calls("CreateContainerView")) == 2


@pytest.mark.parametrize(
    "symptom", [soap.NotAuthenticated(), soap.ManagedObjectNotFound(), SessionDead()]
)
def test_every_symptom_of_a_dead_session(simulator: Simulator, symptom: Exception) -> None:
    target = Target(simulator.host, simulator.port, simulator.username, TlsMode.INSECURE)
    session = Session(target, Credentials(target.user, Secret(simulator.password)))
    asked: list[str] = []

    def ask(content: Any) -> str:
        asked.append(session.key)
        if len(asked) == 1:
            simulator.kill_sessions()
            raise symptom
        return str(content.sessionManager.currentSession.key)

    assert session.read(ask) == session.key == asked[1] != asked[0]
    assert session.logins == 2
    session.close()


def test_sessions_that_die_again_and_again(simulator: Simulator) -> None:
    with connect(simulator) as vcenter:
        vcenter.observe()
        simulator.add_fault(method="CreateContainerView", fault="NotAuthenticated")
        with pytest.raises(NotPermittedError, match="again and again"):
            vcenter.observe()
    assert len(simulator.calls("Login")) == 2


def test_a_true_fault_of_a_living_session_is_not_taken_for_a_dead_one(
    simulator: Simulator,
) -> None:
    from vsphere_market.errors import FinalFault

    with connect(simulator) as vcenter:
        vcenter.observe()
        simulator.clear_calls()
        simulator.add_fault(method="QueryPerf", fault="InvalidArgument", message="no such thing")
        with pytest.raises(FinalFault, match="no such thing"):
            vcenter.observe()
    assert simulator.calls("Login") == ()


@pytest.mark.parametrize("method", ["CurrentTime", "RetrievePropertiesEx", "QueryPerf"])
def test_a_lost_connection_while_reading_is_made_again(simulator: Simulator, method: str) -> None:
    with connect(simulator) as vcenter:
        vcenter.observe()
        rule = simulator.add_fault(where="drop_after", method=method, count=1)
        assert len(vcenter.observe().vms) == 8
        assert next(r for r in simulator.faults() if r.id == rule.id).struck == 1


def test_a_vcenter_that_goes_away(simulator: Simulator) -> None:
    with connect(simulator) as vcenter:
        vcenter.observe()
        simulator.down()
        with pytest.raises(UnreachableError) as caught:
            vcenter.observe()
        assert caught.value.exit_code is ExitCode.UNREACHABLE
        simulator.up()
        assert len(vcenter.observe().vms) == 8


def test_a_vcenter_whose_services_are_down(simulator: Simulator) -> None:
    with connect(simulator) as vcenter:
        vcenter.observe()
        simulator.down("503")
        with pytest.raises(UnreachableError):
            vcenter.observe()
    with connect(simulator) as vcenter, pytest.raises(UnreachableError, match="HTTP 503"):
        vcenter.observe()


def test_an_answer_that_does_not_come(simulator: Simulator) -> None:
    with connect(simulator, timeouts=SHORT) as vcenter:
        vcenter.observe()
        simulator.add_fault(where="hang_after", method="QueryPerf")
        with pytest.raises(UnreachableError, match="does not answer in time"):
            vcenter.observe()
        simulator.clear_faults()


def test_logging_out(simulator: Simulator) -> None:
    vcenter = connect(simulator)
    vcenter.observe()
    vcenter.close()
    vcenter.close()
    assert len(simulator.calls("Logout")) == 1
    with pytest.raises(UnreachableError, match="closed"):
        vcenter.observe()


def test_closing_when_vcenter_is_gone(simulator: Simulator) -> None:
    vcenter = connect(simulator)
    vcenter.observe()
    simulator.down()
    vcenter.close()
    simulator.up()


# ---------------------------------------------------------------- trust


def test_the_pinned_certificate(simulator: Simulator) -> None:
    with connect(simulator, tls=TlsMode.PIN, pin=simulator.certificate_sha256) as vcenter:
        assert len(vcenter.observe().vms) == 8


def test_nothing_is_said_to_a_stranger(simulator: Simulator) -> None:
    for tls in (TlsMode.SYSTEM, TlsMode.PIN):
        with (
            connect(simulator, tls=tls, pin="0" * 64) as vcenter,
            pytest.raises(CertificateError),
        ):
            vcenter.observe()
    assert simulator.calls() == ()


def test_an_own_authoritys_file(simulator: Simulator, tmp_path: Path) -> None:
    file = tmp_path / "authority.pem"
    file.write_text(simulator.certificate_pem, encoding="ascii")
    target = Target(simulator.host, simulator.port, simulator.username, TlsMode.CA_FILE, (file,))
    credentials = Credentials(simulator.username, Secret(simulator.password))
    with PyVmomiVCenter(target, credentials) as vcenter:
        assert len(vcenter.observe().vms) == 8


def test_another_server_in_its_place_is_not_spoken_to(start_simulator: StartSimulator) -> None:
    def files(certificate: str) -> tuple[Path, Path]:
        return (CERTIFICATES / f"{certificate}.pem",) * 2

    first = Simulator.start(document(), certificate=files("self-signed"))
    with connect(first, tls=TlsMode.PIN, pin=first.certificate_sha256) as vcenter:
        vcenter.observe()
        first.stop()
        second = start_simulator(
            document(), certificate=files("another"), listen=f"127.0.0.1:{first.port}"
        )
        with pytest.raises(CertificateError) as caught:
            vcenter.observe()
        assert "signed by nobody" in str(caught.value)
        assert second.calls() == ()


def test_plain_http_to_a_simulator_on_this_machine(start_simulator: StartSimulator) -> None:
    simulator = start_simulator(document(), tls=False)
    target = Target(
        simulator.host,
        simulator.port,
        simulator.username,
        TlsMode.INSECURE,
        plain_http=True,
    )
    with PyVmomiVCenter(
        target, Credentials(simulator.username, Secret(simulator.password))
    ) as vcenter:
        assert len(vcenter.observe().vms) == 8


def test_stock_vcsim_with_another_password() -> None:
    with StockVcsim.start(password="other") as stock:
        with connect(stock, password="pass") as vcenter, pytest.raises(NotPermittedError):
            vcenter.observe()
        with connect(stock) as vcenter:
            assert len(vcenter.observe().vms) == 4


def test_an_old_stock_vcsim_speaks_an_old_api() -> None:
    with StockVcsim.start("-api-version", "6.5") as stock, connect(stock) as vcenter:
        assert len(vcenter.observe().vms) == 4
        findings = {finding.code: finding for finding in vcenter.checkup()}
    assert "older than this program is tried with" in findings["version"].what
