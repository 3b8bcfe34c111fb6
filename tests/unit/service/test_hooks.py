"""Alerts: understood in both forms, told twice, cancelled, and about what is not there."""

from __future__ import annotations

from typing import Any

import pytest

from tests.service_app import Served, finished
from vsphere_market.service.alerts import Alert, Status, alert_of
from vsphere_market.service.roles import Role

HERE = "/v1/webhooks/operations"

LEGACY = {
    "startDate": 1_774_000_000_000,
    "updateDate": 1_774_000_000_000,
    "cancelDate": 0,
    "criticality": "ALERT_CRITICALITY_LEVEL_CRITICAL",
    "alertId": "a-1",
    "alertName": "Virtual machine has memory contention caused by ballooning",
    "status": "ACTIVE",
    "type": "ALERT_TYPE_VIRTUALIZATION_PROBLEM",
    "subType": "ALERT_SUBTYPE_PERFORMANCE_PROBLEM",
    "resourceId": "0f8e3e9e-0000-0000-0000-000000000000",
    "resourceName": "hot-01",
    "resourceKind": "VirtualMachine",
    "adapterKind": "VMWARE",
    "Health": 3,
    "Risk": 1,
    "Efficiency": 1,
    "info": "",
}
TEMPLATE = {
    "alert_id": "t-1",
    "status": "NEW",
    "resource_name": "hot-01",
    "resource_kind": "VirtualMachine",
    "definition": "memory contention",
    "criticality": "CRITICAL",
    "cancel_time": "$CANCEL_TIME",
}


def test_both_forms_are_understood() -> None:
    assert alert_of(LEGACY) == Alert(
        "a-1", Status.ACTIVE, "hot-01", "VirtualMachine",
        "Virtual machine has memory contention caused by ballooning",
        "ALERT_CRITICALITY_LEVEL_CRITICAL",
    )  # fmt: skip
    assert alert_of(TEMPLATE) == Alert(
        "t-1", Status.ACTIVE, "hot-01", "VirtualMachine", "memory contention", "CRITICAL"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"cancelDate": 1_774_000_000_000},
        {"cancelDate": "1774000000000"},
        {"status": "CANCELED"},
        {"status": "Cancelled"},
        {"status": "Inactive"},
    ],
)
def test_an_alert_that_has_ended(change: dict[str, Any]) -> None:
    found = alert_of({**LEGACY, **change})
    assert found is not None and found.status is Status.CANCELLED


@pytest.mark.parametrize(
    "body", [None, [], "x", {}, {"alertId": "a"}, {**LEGACY, "resourceName": ""}]
)
def test_what_is_no_alert(body: Any) -> None:
    assert alert_of(body) is None


def test_an_alert_on_a_vm_starts_a_plan_for_its_host_alone(own: Served) -> None:
    client = own.client(Role.APPROVER)
    answer = client.post(HERE, json=LEGACY)
    assert answer.status_code == 201
    found = answer.json()
    host = client.get("/v1/vms", params={"search": "hot-01"}).json()["items"][0]["host"]
    assert found["result"] == "planning" and found["scope"]["hosts"] == [host]
    job = finished(client, f"/v1/jobs/{found['job']}")
    plan = client.get(job["location"]).json()
    assert plan["origin"] == "alert" and "a-1" in plan["note"] and plan["approved"] == 0
    steps = client.get(f"/v1/plans/{plan['id']}/steps").json()["items"]
    there = {item["moid"] for item in client.get("/v1/vms", params={"host": host}).json()["items"]}
    assert steps and {item["subject"]["moid"] for item in steps} <= there
    assert client.get("/v1/executions").json()["items"] == []

    again = client.put(f"{HERE}/a-1", json={**LEGACY, "updateDate": 1_774_000_060_000})
    assert again.status_code == 202
    assert again.json()["result"] == "known" and again.json()["plan"] == plan["id"]
    other = client.post(HERE, json={**LEGACY, "alertId": "a-2", "resourceName": "hot-02"}).json()
    assert other["result"] == "known" and other["job"] == found["job"]

    first = client.put(HERE, json={**LEGACY, "cancelDate": 1}).json()
    assert first["result"] == "cancelled" and "still needs" in first["why"]
    last = client.put(HERE, json={**LEGACY, "alertId": "a-2", "cancelDate": 1}).json()
    assert last["why"] == "its plan was taken back"
    assert client.get(f"/v1/plans/{plan['id']}").json()["skipped"] == plan["steps"]


def test_a_plan_that_somebody_approved_is_not_taken_back(own: Served) -> None:
    client = own.client(Role.APPROVER)
    found = client.post(HERE, json=TEMPLATE).json()
    job = finished(client, f"/v1/jobs/{found['job']}")
    client.post(f"{job['location']}/steps/s1/approve")
    told = client.put(HERE, json={**TEMPLATE, "status": "CANCELLED"}).json()
    assert "somebody approved" in told["why"]
    assert client.get(job["location"]).json()["skipped"] == 0


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"resource_name": "nobody"}, "there is no VirtualMachine called nobody here"),
        ({"resource_kind": "Datastore"}, "alerts on Datastore are not for a memory market"),
        ({"resource_kind": "HostSystem"}, "there is no HostSystem called hot-01 here"),
    ],
)
def test_what_cannot_be_helped_starts_nothing(
    own: Served, change: dict[str, str], why: str
) -> None:
    client = own.client(Role.APPROVER)
    found = client.post(HERE, json={**TEMPLATE, **change}).json()
    assert (found["result"], found["why"], found["job"]) == ("ignored", why, None)
    assert client.get("/v1/jobs").json()["items"] == []
