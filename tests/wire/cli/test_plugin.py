"""The plugin's entry in a vCenter: written once, renewed, looked at, refused, taken out."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli import reaching, vm
from tests.roads import hot_plant
from tests.tls_server import CERTIFICATES, https_server
from tests.vcsim import Simulator, StockVcsim
from vsphere_market.adapter import credentials_for, target_from
from vsphere_market.adapter.extension import ExtensionEntry, find_extension, register_extension
from vsphere_market.adapter.session import Session
from vsphere_market.control.plugins import KEY, PRIVILEGES, TASKS
from vsphere_market.errors import ExitCode

pytestmark = pytest.mark.wire

SERVED = "signed"


def fingerprint(name: str = SERVED) -> str:
    text = (CERTIFICATES / f"{name}.pem").read_text("ascii")
    start = text.index(ssl.PEM_HEADER)
    der = ssl.PEM_cert_to_DER_cert(text[start : text.index(ssl.PEM_FOOTER) + len(ssl.PEM_FOOTER)])
    return hashlib.sha256(der).hexdigest()


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    """Something that shows the service's certificate."""
    with https_server(SERVED, status=200) as port:
        yield f"https://127.0.0.1:{port}"


@pytest.fixture(params=["mock", "stock"])
def env(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A vCenter of version 8.0.2, ours and VMware's own simulator."""
    if request.param == "stock":
        with StockVcsim.start("-api-version", "8.0.2.0") as stock:
            yield reaching(stock, tmp_path)
    else:
        with Simulator.start(hot_plant().observe()) as simulator:
            yield reaching(simulator, tmp_path)


def register(url: str, env: dict[str, str], *more: str) -> tuple[str, dict[str, object]]:
    ended = vm(
        *("plugin", "register", url, "--fingerprint", fingerprint(), "--format", "json"),
        *more,
        env=env,
    )
    assert ended.code == 0, ended.err
    return ended.json["done"], ended.json["extension"]


def test_it_is_registered_once_renewed_and_taken_out(service: str, env: dict[str, str]) -> None:
    assert vm("plugin", "status", env=env).code == ExitCode.FAILED
    done, entry = register(service, env)
    assert done == "registered"
    assert entry["key"] == KEY
    assert entry["url"] == f"{service}/plugin.json"
    assert register(service, env)[0] == "unchanged"
    assert register(service, env, "--plugin-version", "9.8.7")[0] == "updated"
    looked = vm("plugin", "status", "--format", "json", env=env)
    assert looked.code == 0, looked.out
    found = looked.json["extension"]
    assert found["version"] == "9.8.7"
    assert found["tasks"] == TASKS
    assert found["privileges"] == [item.id for item in PRIVILEGES]
    removed = vm("plugin", "unregister", "--format", "json", env=env)
    assert removed.json["done"] == "removed"
    again = vm("plugin", "unregister", "--format", "json", env=env)
    assert (again.code, again.json["done"]) == (0, "absent")


def test_a_dry_run_writes_nothing(service: str, env: dict[str, str]) -> None:
    assert register(service, env, "--dry-run")[0] == "registered"
    assert vm("plugin", "status", env=env).code == ExitCode.FAILED
    register(service, env)
    assert register(service, env, "--what-if", "--plugin-version", "2.0")[0] == "updated"
    told = vm("plugin", "unregister", "--dry-run", env=env)
    assert "would be removed" in told.out
    assert vm("plugin", "status", env=env).code == 0


def test_the_certificate_goes_along_where_the_version_takes_it(
    service: str, tmp_path: Path
) -> None:
    """From 8.0.2 on; to an older one the thumbprint alone is told."""
    with StockVcsim.start("-api-version", "8.0.2.0") as newer:
        assert register(service, reaching(newer, tmp_path))[1]["with_certificate"] is True
    with StockVcsim.start("-api-version", "7.0.3.0") as older:
        env = reaching(older, tmp_path)
        assert register(service, env)[1]["with_certificate"] is False
        assert register(service, env)[0] == "unchanged"


# ---------------------------------------------------------------- on one simulator


@pytest.fixture(scope="module")
def hot() -> Iterator[Simulator]:
    with Simulator.start(hot_plant().observe()) as simulator:
        yield simulator


@pytest.fixture
def mock(hot: Simulator, tmp_path: Path) -> Iterator[dict[str, str]]:
    env = reaching(hot, tmp_path)
    yield env
    hot.reset()
    vm("plugin", "unregister", env=env)


def test_another_certificate_is_refused(service: str, mock: dict[str, str]) -> None:
    wrong = vm("plugin", "register", service, "--fingerprint", "ab" * 32, env=mock)
    wrong.failed_with(ExitCode.UNREACHABLE, "another certificate", "AB:AB:AB")
    other = vm(
        "plugin", "register", service, "--certificate", CERTIFICATES / "another.pem", env=mock
    )
    other.failed_with(ExitCode.UNREACHABLE, "another certificate")
    none = vm("plugin", "register", service, env=mock)
    none.failed_with(ExitCode.UNREACHABLE, "none was named", "--fingerprint")
    assert vm("plugin", "status", env=mock).code == ExitCode.FAILED


def test_the_certificates_file_does_as_well(service: str, mock: dict[str, str]) -> None:
    file = CERTIFICATES / f"{SERVED}.pem"
    assert vm("plugin", "register", service, "--certificate", file, env=mock).code == 0
    assert vm("plugin", "status", env=mock).code == 0


def test_a_certificate_that_changed_since_is_noticed(mock: dict[str, str]) -> None:
    with https_server(SERVED, status=200) as port:
        url = f"https://127.0.0.1:{port}"
        register(url, mock)
    gone = vm("plugin", "status", env=mock)
    assert gone.code == ExitCode.FAILED
    assert "nothing listens" in gone.out
    with https_server("another", status=200, port=port):
        changed = vm("plugin", "status", "--format", "json", env=mock)
    assert changed.code == ExitCode.FAILED
    (finding,) = [item for item in changed.json["findings"] if item["severity"] == "error"]
    assert finding["code"] == "plugin-certificate"
    assert "--fingerprint" in finding["cure"]


def test_somebody_elses_extension_is_left_alone(mock: dict[str, str]) -> None:
    theirs = ExtensionEntry(
        "com.example.backup", "1.0", "Backup", "", "Example", "https://x/plugin.json", "AA"
    )
    target = target_from(environ=mock)
    session = Session(target, credentials_for(target, environ=mock))
    register_extension(session, theirs)
    vm("plugin", "unregister", "--key", theirs.key, env=mock).failed_with(
        ExitCode.USAGE, theirs.key, "is Backup, not this plugin"
    )
    assert find_extension(session, theirs.key) is not None
    session.close()


def test_without_the_privilege_it_says_so(
    service: str, hot: Simulator, mock: dict[str, str]
) -> None:
    hot.add_user("reader", "r3ader", ("System.Anonymous", "System.Read", "System.View"))
    reader = {**mock, "GOVC_USERNAME": "reader", "GOVC_PASSWORD": "r3ader"}
    vm("plugin", "register", service, "--fingerprint", fingerprint(), env=reader).failed_with(
        ExitCode.NOT_PERMITTED, "Extension.Register"
    )


@pytest.mark.parametrize(
    ("more", "word"),
    [
        (["http://market.example.com"], "no address for a plugin"),
        (["https://u:p@market.example.com"], "no address for a plugin"),
        (["https://127.0.0.1:1", "--fingerprint", "12"], "nothing listens"),
    ],
)
def test_what_cannot_be_registered(mock: dict[str, str], more: list[str], word: str) -> None:
    ended = vm("plugin", "register", *more, env=mock)
    assert ended.code in (ExitCode.USAGE, ExitCode.UNREACHABLE)
    assert word in ended.err


def test_wrong_details_are_refused_before_vcenter_is_asked(
    service: str, mock: dict[str, str]
) -> None:
    known = ("--fingerprint", fingerprint())
    for more, word in (
        (("--fingerprint", "12:34"), "no SHA-256 fingerprint"),
        ((*known, "--key", "a,b"), "no key for an extension"),
        ((*known, "--plugin-version", "one"), "no version of a plugin"),
    ):
        vm("plugin", "register", service, *more, env=mock).failed_with(ExitCode.USAGE, word)


def test_a_plant_has_no_plugins(service: str) -> None:
    vm("plugin", "status", "--plant", "demo").failed_with(ExitCode.USAGE, "in a vCenter")
