"""Orchestrator's workflows from the export, run against a live service over TLS."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.cli import vm
from tests.orchestrator import Orchestrator, WorkflowFailed
from tests.serving import Serving, serving


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("service"), "--plant", "demo") as served:
        yield served


@pytest.fixture(scope="module")
def orchestrator(
    service: Serving, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Orchestrator]]:
    """Make an Orchestrator with a role, or with other words for its connection."""
    tree = tmp_path_factory.mktemp("vro") / "export"
    assert vm("vro", "export", "-o", tree).code == 0
    made: list[Orchestrator] = []

    def make(role: str = "operator", **connection: str) -> Orchestrator:
        whole = {
            "serviceUrl": service.url,
            "token": service.token_of(role),
            "fingerprint": service.fingerprint,
        }
        made.append(Orchestrator(tree, whole | connection))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_person_refuses_a_plan_then_has_one_carried_out(
    orchestrator: Callable[..., Orchestrator],
) -> None:
    shown: list[str] = []

    def person(agreed: bool) -> Callable[[dict[str, Any]], dict[str, Any]]:
        def answer(form: dict[str, Any]) -> dict[str, Any]:
            shown.append(form["planText"])
            return {"agreed": agreed}

        return answer

    started_with = {"scope": "", "note": "from a test"}
    refused = orchestrator().run("Plan, approve and apply", started_with, person(False))
    assert refused.outputs["summary"] == "Not approved."
    assert refused.outputs["succeeded"] is False
    assert "Carry it out" not in refused.visited
    run = orchestrator().run("Plan, approve and apply", started_with, person(True))
    assert run.outputs["planId"] != refused.outputs["planId"]
    assert run.outputs["succeeded"] is True, run.outputs
    assert all("s1  " in text for text in shown)
    assert run.outputs["summary"].count(": done.") > 5
    assert run.waits, "it waited with a timer"
    assert run.visited.count("Wait") == len(run.waits)


def test_an_alert_plans_for_its_vm_and_does_nothing(
    orchestrator: Callable[..., Orchestrator], service: Serving
) -> None:
    moid = _moid(service, "report-01")
    run = orchestrator("approver").run(
        "Plan for a VM on an alert", {"vm": {"id": moid}, "vrops_alert_id": "a-1"}
    )
    plan = _get(service, f"/v1/plans/{run.outputs['planId']}")
    assert plan["scope"]["vms"] == [moid]
    assert plan["note"] == "Operations alert a-1"
    assert plan["executions"] == []
    assert run.outputs["summary"]


def test_a_vm_is_explained(orchestrator: Callable[..., Orchestrator], service: Serving) -> None:
    moid = _moid(service, "report-01")
    run = orchestrator("viewer").run("Explain a VM", {"vm": {"id": moid}})
    document = json.loads(run.outputs["explanation"])
    assert document["subject"]["name"] == "report-01"
    assert run.outputs["headline"] == document["headline"]


@pytest.mark.parametrize(
    ("role", "connection", "words"),
    [
        ("viewer", {}, "approver"),
        ("operator", {"token": "vsm_nothing_at-all"}, "token"),
        ("operator", {"token": ""}, "token is missing"),
        ("operator", {"fingerprint": "00" * 32}, "another certificate"),
        ("operator", {"fingerprint": ""}, "is not trusted"),
        ("operator", {"fingerprint": "abc"}, "64 hexadecimal digits"),
        ("operator", {"serviceUrl": "http://127.0.0.1:1"}, "must be like https://"),
        ("operator", {"serviceUrl": "https://127.0.0.1:1"}, "cannot be reached"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    orchestrator: Callable[..., Orchestrator], role: str, connection: dict[str, str], words: str
) -> None:
    with pytest.raises(WorkflowFailed) as caught:
        orchestrator(role, **connection).run("Plan, approve and apply", {"scope": "", "note": ""})
    said = str(caught.value)
    assert words in said
    assert said.startswith("MarketError: ")
    assert "vsm_" not in said
    assert len(said.splitlines()) == 1


def _get(service: Serving, path: str) -> Any:
    token = {"Authorization": f"Bearer {service.token_of('viewer')}"}
    # The certificate is the service's own, and the address is loopback.
    answer = httpx.get(service.url + path, headers=token, verify=False, timeout=30)  # noqa: S501
    assert answer.is_success, answer.text
    return answer.json()


def _moid(service: Serving, name: str) -> str:
    vms = _get(service, "/v1/vms?limit=1000")["items"]
    (moid,) = [one["moid"] for one in vms if one["name"] == name]
    return str(moid)
