"""Figures to Operations and from it, against a double that is strict about the published API."""

from __future__ import annotations

import dataclasses
import hashlib
import ssl
from collections.abc import Iterator

import numpy as np
import pytest

from tests.operations import Double, serving
from tests.plants import plant, vm
from tests.tls_server import CERTIFICATES
from vsphere_market.control.decide import decide, frame, view
from vsphere_market.errors import MarketError, NotPermittedError, UnreachableError, UsageError
from vsphere_market.estate import Snapshot
from vsphere_market.integrations.operations import (
    Figures,
    Operations,
    OperationsGuests,
    figures_of,
    login_from,
    push,
)
from vsphere_market.integrations.operations.client import BATCH, PAGE
from vsphere_market.policy import NO_POLICIES

VCENTER = "11111111-2222-3333-4444-555555555555"


def _pin(name: str) -> str:
    pem = (CERTIFICATES / f"{name}.pem").read_text()
    begin = pem.index("-----BEGIN CERTIFICATE-----")
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem[begin:].strip())).hexdigest()


@pytest.fixture
def double() -> Iterator[Double]:
    resources = {
        "VirtualMachine": {f"vm-{n}": f"id-vm-{n}" for n in range(1, 5)},
        "HostSystem": {"host-1": "id-host-1", "host-2": "id-host-2"},
        "ClusterComputeResource": {"domain-c1": "id-cluster"},
    }
    with serving(Double(resources, vcenter=VCENTER), "self-signed") as running:
        yield running


def _operations(double: Double, **environ: str) -> Operations:
    settings = {
        "OPERATIONS_URL": f"127.0.0.1:{double.port}",
        "OPERATIONS_USERNAME": "admin",
        "OPERATIONS_PASSWORD": "secret",
        "OPERATIONS_PIN": _pin("self-signed"),
        **environ,
    }
    return Operations(login_from("", environ=settings, keyring=lambda *_: None))


def _decided() -> tuple[Snapshot, Figures]:
    # One host has sold more than it has; the other is empty.
    estate = plant([vm(f"web-{n}", 40, 0.6) | {"host": "esx-1"} for n in range(3)])
    estate.step_to(estate.clock.now_s() + 900)
    snapshot = estate.observe()
    framed = frame(snapshot, NO_POLICIES, now_s=snapshot.taken_at_s)
    return snapshot, figures_of(framed, view(framed), decide(framed))


def test_every_object_gets_its_figures(double: Double) -> None:
    snapshot, figures = _decided()
    for kind, moids in (
        ("VirtualMachine", snapshot.vms.moid),
        ("HostSystem", snapshot.hosts.moid),
        ("ClusterComputeResource", snapshot.clusters.moid),
    ):
        double.resources[kind] = {moid: f"id-{moid}" for moid in moids}
    result = push(_operations(double), figures, VCENTER)
    assert not double.refused
    assert (result.objects, result.unknown) == (len(figures), 0)
    assert len(double.stored) == 3 + 2 + 1
    hosts = [double.stored[f"id-{moid}"] for moid in snapshot.hosts.moid]
    prices = [host["vSphere Market|price"] for host in hosts]
    assert max(prices) > 10 * min(prices)
    dear = hosts[int(np.argmax(prices))]
    assert dear["vSphere Market|sold_pct"] > 100
    texts = [
        double.stored[f"id-{moid}"]["vSphere Market|recommendation"] for moid in snapshot.vms.moid
    ]
    assert any(text.startswith("move web-") for text in texts)
    assert "none" in texts
    cluster = double.stored[f"id-{snapshot.clusters.moid[0]}"]
    assert cluster["vSphere Market|price"] == max(prices)
    assert 0 <= cluster["vSphere Market|gap_pct"] <= 100


def test_objects_of_another_vcenter_are_left_alone(double: Double) -> None:
    _, figures = _decided()
    result = push(_operations(double), figures, "another-uuid")
    assert (result.objects, result.unknown) == (0, len(figures))
    assert not double.stored


def test_resources_come_in_pages_and_statistics_in_batches(double: Double) -> None:
    many = {f"vm-{n}": f"id-{n}" for n in range(PAGE + 7)}
    double.resources = {"VirtualMachine": many}
    operations = _operations(double)
    assert operations.resources("VirtualMachine", VCENTER) == many
    double.requests = 0
    operations.add_statistics(
        [
            {"id": i, "stat-contents": [{"statKey": "k", "timestamps": [10**12], "data": [1.0]}]}
            for i in many.values()
        ]
    )
    assert double.requests == -(-len(many) // BATCH)
    assert len(double.stored) == len(many)
    assert not double.refused


def test_older_releases_understand_another_word_before_the_token(double: Double) -> None:
    double.scheme = "vRealizeOpsToken"
    operations = _operations(double)
    assert operations.resources("HostSystem") == {"host-1": "id-host-1", "host-2": "id-host-2"}
    logins = len(double.logins)
    operations.resources("HostSystem")
    assert len(double.logins) == logins, "it remembers which word is understood"


def test_a_token_that_has_run_out_is_renewed(double: Double) -> None:
    operations = _operations(double)
    operations.resources("HostSystem")
    double.tokens_left = 0
    assert operations.resources("HostSystem")


def test_guests_tell_what_they_need(double: Double) -> None:
    snapshot, _ = _decided()
    known = snapshot.vms.moid[0]
    double.resources["VirtualMachine"] = {moid: f"id-{moid}" for moid in snapshot.vms.moid[:2]}
    double.guests = {
        f"id-{known}": {"guest|mem.needed_latest": 2048.0, "guest|page.inRate_latest": 12.0}
    }
    found = OperationsGuests(_operations(double)).guests(_of_vcenter(snapshot))
    assert found.needed_mib[0] == 2.0
    assert np.isnan(found.page_in_kibps).all(), "file reads are no sign of want"
    asked = OperationsGuests(_operations(double), page_in_key="guest|page.inRate_latest")
    assert asked.guests(_of_vcenter(snapshot)).page_in_kibps[0] == 12.0
    assert np.isnan(found.needed_mib[1:]).all()
    assert found.known == 1


def _of_vcenter(snapshot: Snapshot) -> Snapshot:
    source = dataclasses.replace(snapshot.source, instance_uuid=VCENTER)
    return dataclasses.replace(snapshot, source=source)


def test_a_directory_is_named_at_login(double: Double) -> None:
    _operations(double, OPERATIONS_AUTH_SOURCE="corp").resources("HostSystem")
    assert double.logins[0] == {"username": "admin", "password": "secret", "authSource": "corp"}


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"OPERATIONS_PASSWORD": "wrong"}, NotPermittedError, "refuses the login of admin"),
        ({"OPERATIONS_PASSWORD": ""}, NotPermittedError, "no password was found for admin"),
        ({"OPERATIONS_USERNAME": ""}, UsageError, "no user was named"),
        ({"OPERATIONS_URL": ""}, UsageError, "no Operations was named"),
        ({"OPERATIONS_PIN": "0" * 64}, MarketError, "another certificate than the pinned one"),
        ({"OPERATIONS_PIN": ""}, UnreachableError, "cannot be reached"),
    ],
)
def test_what_is_wrong_is_said_without_the_password(
    double: Double, change: dict[str, str], error: type[MarketError], words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        _operations(double, **change).resources("HostSystem")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("status", [403, 404, 500, 503])
def test_refusals_and_failures_are_one_sentence(double: Double, status: int) -> None:
    operations = _operations(double)
    double.broken = status
    expected = NotPermittedError if status == 403 else UnreachableError
    with pytest.raises(expected, match="GET /resources"):
        operations.resources("HostSystem")
